/* Answers with an ETag. */
#include "vcs/web/web_remember.h"
#include <string.h>

void web_memory_init(struct web_memory *memory)
{
	*memory = (struct web_memory){ 0 };
	list_init(&memory->entries);
}

static void forget(struct web_memory *memory, struct web_remembered *entry)
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

void web_memory_release(struct web_memory *memory)
{
	list_for_each (item, &memory->entries) {
		forget(memory, container_of(item, struct web_remembered, in_memory));
	}
}

struct web_remembered *web_memory_find(struct web_memory *memory, const char *key)
{
	list_for_each (item, &memory->entries) {
		struct web_remembered *entry = container_of(item, struct web_remembered, in_memory);

		if (strcmp(entry->key, key) != 0)
			continue;
		list_remove(item);
		list_append(&memory->entries, item);
		return entry;
	}
	return NULL;
}

void web_memory_put(struct web_memory *memory, const char *key, const char *etag, const char *body,
	const char *link)
{
	struct web_remembered *entry = web_memory_find(memory, key);
	size_t bytes = strlen(key) + strlen(etag) + strlen(body) + strlen(link);

	if (entry != NULL)
		forget(memory, entry);
	if (bytes > WEB_REMEMBER_BYTES / 4)
		return;
	while (memory->count >= WEB_REMEMBER_ENTRIES || memory->bytes + bytes > WEB_REMEMBER_BYTES)
		forget(memory,
			container_of(memory->entries.next, struct web_remembered, in_memory));
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
