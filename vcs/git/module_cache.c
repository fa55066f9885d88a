/* modules.cache: a header, records in order of their object id, then the texts that they point
 * into. Written whole under another name and renamed; of two writers the last wins, and both are
 * right. */
#include "vcs/git/module_cache.h"
#include "vcs/git/folder.h"
#include "vcs/git/limits.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct module_record {
	uint8_t oid[GIT_OID_RAWSZ];
	uint32_t offset; /* of the text, from the first text */
	uint32_t length;
};

struct module_header {
	char magic[8];
	uint32_t record_count;
	uint32_t text_length;
};

static const char module_magic[8] = "sluicem3";

static const char *old_texts(const struct module_cache *cache)
{
	return cache->old.data + sizeof(struct module_header) +
	       cache->old_count * sizeof(struct module_record);
}

static struct module_record old_record(const struct module_cache *cache, size_t index)
{
	struct module_record record;

	memcpy(&record, cache->old.data + sizeof(struct module_header) + index * sizeof(record),
		sizeof(record));
	return record;
}

static bool old_is_sound(struct module_cache *cache)
{
	struct module_header header;

	if (cache->old.length < sizeof(header))
		return false;
	memcpy(&header, cache->old.data, sizeof(header));
	if (memcmp(header.magic, module_magic, sizeof(module_magic)) != 0 ||
		header.record_count > LIMIT_CACHE_FILES)
		return false;
	if (cache->old.length != sizeof(header) +
					 header.record_count * sizeof(struct module_record) +
					 header.text_length)
		return false;
	cache->old_count = header.record_count;
	for (size_t i = 0; i < cache->old_count; i++) {
		struct module_record record = old_record(cache, i);

		if (record.offset > header.text_length ||
			record.length > header.text_length - record.offset)
			return false;
		if (record.length > 0 &&
			old_texts(cache)[record.offset + record.length - 1] != '\0')
			return false;
	}
	return true;
}

void module_cache_open(struct module_cache *cache, int dir_fd)
{
	_cleanup_fd_ int fd = openat(dir_fd, "modules.cache", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	*cache = (struct module_cache){ .dir_fd = dir_fd };
	strbuf_init(&cache->old, LIMIT_CACHE_BYTES);
	strbuf_init(&cache->fresh_text, LIMIT_CACHE_BYTES);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > LIMIT_CACHE_BYTES)
		return;
	for (;;) {
		char part[65536];
		ssize_t n = read(fd, part, sizeof(part));

		if (n <= 0)
			break;
		strbuf_append(&cache->old, part, (size_t)n);
	}
	if (cache->old.overflowed || !old_is_sound(cache)) {
		cache->old_count = 0;
		strbuf_clear(&cache->old);
	}
}

bool module_cache_get(
	const struct module_cache *cache, const git_oid *oid, const char **ret, size_t *ret_length)
{
	size_t low = 0, high = cache->old_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct module_record record = old_record(cache, middle);
		int order = memcmp(oid->id, record.oid, GIT_OID_RAWSZ);

		if (order == 0) {
			*ret = old_texts(cache) + record.offset;
			*ret_length = record.length;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

void module_cache_put(
	struct module_cache *cache, const git_oid *oid, const char *sources, size_t length)
{
	struct module_record *record;

	if (cache->fresh_count == LIMIT_CACHE_FILES)
		return;
	if (cache->fresh_count == cache->fresh_room) {
		cache->fresh_room = cache->fresh_room == 0 ? 64 : 2 * cache->fresh_room;
		cache->fresh = mem_grow(cache->fresh, cache->fresh_room * sizeof(*record));
	}
	record = &cache->fresh[cache->fresh_count++];
	memcpy(record->oid, oid->id, GIT_OID_RAWSZ);
	record->offset = (uint32_t)cache->fresh_text.length;
	record->length = (uint32_t)length;
	strbuf_append(&cache->fresh_text, sources, length);
}

static int by_oid(const void *a, const void *b)
{
	return memcmp(a, b, GIT_OID_RAWSZ);
}

struct module_writer {
	struct strbuf records, texts;
	uint32_t count;
};

static void record_write(
	struct module_writer *writer, struct module_record record, const char *texts)
{
	const char *text = texts + record.offset;

	record.offset = (uint32_t)writer->texts.length;
	strbuf_append(&writer->records, (const char *)&record, sizeof(record));
	strbuf_append(&writer->texts, text, record.length);
	writer->count++;
}

/* Both lists are in order: one walk over the two. The same file found twice is written once. */
static void records_merge(struct module_cache *cache, struct module_writer *writer)
{
	size_t old = 0, fresh = 0;

	qsort(cache->fresh, cache->fresh_count, sizeof(*cache->fresh), by_oid);
	while (old < cache->old_count || fresh < cache->fresh_count) {
		struct module_record record = { .length = 0 };
		int order = 1;

		if (old < cache->old_count)
			record = old_record(cache, old);
		if (fresh == cache->fresh_count)
			order = -1;
		else if (old < cache->old_count)
			order = by_oid(record.oid, cache->fresh[fresh].oid);
		if (order <= 0) {
			record_write(writer, record, old_texts(cache));
			old++;
			fresh += order == 0;
			continue;
		}
		if (fresh == 0 || by_oid(cache->fresh[fresh - 1].oid, cache->fresh[fresh].oid) != 0)
			record_write(writer, cache->fresh[fresh], strbuf_text(&cache->fresh_text));
		fresh++;
	}
}

static void cache_write(struct module_cache *cache)
{
	struct module_writer writer = { .count = 0 };
	_cleanup_strbuf_ struct strbuf file = STRBUF(LIMIT_CACHE_BYTES);
	struct module_header header;
	struct err ignored;
	int r;

	/* A cache that is full starts again with what is of use now. */
	if (cache->old_count + cache->fresh_count > LIMIT_CACHE_FILES)
		cache->old_count = 0;
	strbuf_init(&writer.records, LIMIT_CACHE_BYTES);
	strbuf_init(&writer.texts, LIMIT_CACHE_BYTES);
	records_merge(cache, &writer);
	memcpy(header.magic, module_magic, sizeof(header.magic));
	header.record_count = writer.count;
	header.text_length = (uint32_t)writer.texts.length;
	strbuf_append(&file, (const char *)&header, sizeof(header));
	strbuf_append(&file, strbuf_text(&writer.records), writer.records.length);
	strbuf_append(&file, strbuf_text(&writer.texts), writer.texts.length);
	if (!file.overflowed && !writer.records.overflowed && !writer.texts.overflowed) {
		r = folder_replace(
			cache->dir_fd, "modules.cache", file.data, file.length, &ignored);
		(void)r;
	}
	strbuf_release(&writer.records);
	strbuf_release(&writer.texts);
}

void module_cache_close(struct module_cache *cache)
{
	if (cache->fresh_count > 0 && !cache->fresh_text.overflowed)
		cache_write(cache);
	free(cache->fresh);
	strbuf_release(&cache->old);
	strbuf_release(&cache->fresh_text);
}
