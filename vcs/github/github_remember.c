/* Answers with an ETag. */
#include "vcs/github/github_remember.h"
#include <string.h>

void github_memory_init(struct github_memory *memory)
{
	*memory = (struct github_memory){ 0 };
	list_init(&memory->entries);
}

static void forget(struct github_memory *memory, struct github_remembered *entry)
{
	list_remove(&entry->in_memory);
	memory->count--;
	memory->bytes -= entry->bytes;
	free(entry->key);
	free(entry->etag);
	free(entry->body);
	free(entry->link);
	free(entry);
}

void github_memory_release(struct github_memory *memory)
{
	list_for_each (item, &memory->entries) {
		forget(memory, container_of(item, struct github_remembered, in_memory));
	}
}

struct github_remembered *github_memory_find(struct github_memory *memory, const char *key)
{
	list_for_each (item, &memory->entries) {
		struct github_remembered *entry = container_of(
			item, struct github_remembered, in_memory);

		if (strcmp(entry->key, key) != 0)
			continue;
		list_remove(item);
		list_append(&memory->entries, item);
		return entry;
	}
	return NULL;
}

void github_memory_put(struct github_memory *memory, const char *key, const char *etag,
	const char *body, const char *link)
{
	struct github_remembered *entry = github_memory_find(memory, key);
	size_t bytes = strlen(key) + strlen(etag) + strlen(body) + strlen(link);

	if (entry != NULL)
		forget(memory, entry);
	if (bytes > GITHUB_REMEMBER_BYTES / 4)
		return;
	while (memory->count >= GITHUB_REMEMBER_ENTRIES ||
		memory->bytes + bytes > GITHUB_REMEMBER_BYTES)
		forget(memory,
			container_of(memory->entries.next, struct github_remembered, in_memory));
	entry = mem_alloc(sizeof(*entry));
	entry->key = mem_strdup(key);
	entry->etag = mem_strdup(etag);
	entry->body = mem_strdup(body);
	entry->link = mem_strdup(link);
	entry->bytes = bytes;
	list_append(&memory->entries, &entry->in_memory);
	memory->count++;
	memory->bytes += bytes;
}
