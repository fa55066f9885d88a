/* The only file that names zlib. */
#include "runners/zip.h"
#include <string.h>
#include <zlib.h>

enum {
	END_SIZE = 22,
	DIRECTORY_SIZE = 46,
	LOCAL_SIZE = 30,
	STORED = 0,
	DEFLATED = 8,
	FLAG_ENCRYPTED = 1 << 0,
	FLAG_LATER = 1 << 3, /* sizes stand behind the data; the directory has them too */
	FLAG_UTF8 = 1 << 11,
};
static const uint32_t end_mark = 0x06054b50, directory_mark = 0x02014b50, local_mark = 0x04034b50;

struct directory {
	const uint8_t *bytes;
	size_t length;	/* of the archive */
	size_t at, end; /* of the directory in it */
	size_t count;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | get16(at + 2) << 16;
}

/* The end record is the last thing in the file: an archive with a comment, or with something behind
 * it, is none of ours. */
static int find_directory(
	const uint8_t *bytes, size_t length, struct directory *ret, struct err *err)
{
	const uint8_t *end = length < END_SIZE ? NULL : bytes + length - END_SIZE;
	size_t size, offset;

	if (end == NULL || get32(end) != end_mark || get16(end + 20) != 0)
		return err_set(err, ERR_SYNTAX, "the plan file does not end like a zip archive");
	size = get32(end + 12);
	offset = get32(end + 16);
	if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != get16(end + 10) ||
		offset > length - END_SIZE || size != length - END_SIZE - offset)
		return err_set(
			err, ERR_SYNTAX, "the plan file's directory is not where it must be");
	if (get16(end + 10) > ZIP_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "the plan file holds more than %d files",
			(int)ZIP_ENTRIES_MAX);
	*ret = (struct directory){ .bytes = bytes,
		.length = length,
		.at = offset,
		.end = offset + size,
		.count = get16(end + 10) };
	return 0;
}

/* Where the data begins says the local record; it must be about the same file. */
static int find_data(const struct directory *directory, const uint8_t *record,
	struct zip_entry *entry, struct err *err)
{
	size_t offset = get32(record + 42), name_length = get16(record + 28), begin;
	const uint8_t *local = directory->bytes + offset;

	if (offset > directory->length - LOCAL_SIZE || get32(local) != local_mark ||
		get16(local + 26) != name_length || get16(local + 8) != get16(record + 10))
		return err_set(err, ERR_SYNTAX, "the plan file contradicts itself about a file");
	begin = offset + LOCAL_SIZE + name_length + get16(local + 28);
	if (begin > directory->length || directory->length - begin < entry->packed ||
		memcmp(local + LOCAL_SIZE, record + DIRECTORY_SIZE, name_length) != 0)
		return err_set(err, ERR_SYNTAX, "the plan file contradicts itself about a file");
	entry->data = directory->bytes + begin;
	return 0;
}

static int read_record(
	struct directory *directory, struct arena *arena, struct zip_entry *ret, struct err *err)
{
	const uint8_t *record = directory->bytes + directory->at;
	size_t left = directory->end - directory->at, name_length, whole;
	uint32_t flags, method;

	if (left < DIRECTORY_SIZE || get32(record) != directory_mark)
		return err_set(err, ERR_SYNTAX, "the plan file's directory is cut off");
	flags = get16(record + 8);
	method = get16(record + 10);
	name_length = get16(record + 28);
	whole = DIRECTORY_SIZE + name_length + get16(record + 30) + get16(record + 32);
	if (left < whole || name_length == 0 || name_length > ZIP_NAME_MAX ||
		memchr(record + DIRECTORY_SIZE, '\0', name_length) != NULL)
		return err_set(err, ERR_SYNTAX, "the plan file's directory is cut off");
	if ((flags & ~(uint32_t)(FLAG_LATER | FLAG_UTF8)) != 0 ||
		(method != STORED && method != DEFLATED))
		return err_set(err, ERR_SYNTAX, "the plan file is packed in a way we do not read");
	*ret = (struct zip_entry){ .name = arena_strndup(arena,
					   (const char *)record + DIRECTORY_SIZE, name_length),
		.size = get32(record + 24),
		.packed = get32(record + 20),
		.crc = get32(record + 16),
		.is_deflated = method == DEFLATED };
	if (ret->size > zip_entry_bytes_max)
		return err_set(err, ERR_LIMIT, "a file in the plan file is larger than %zu MiB",
			zip_entry_bytes_max >> 20);
	if (!ret->is_deflated && ret->size != ret->packed)
		return err_set(err, ERR_SYNTAX, "the plan file contradicts itself about a size");
	directory->at += whole;
	return find_data(directory, record, ret, err);
}

static int compare(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int zip_open(
	const uint8_t *bytes, size_t length, struct arena *arena, struct zip *ret, struct err *err)
{
	struct directory directory = { 0 };
	struct zip zip = { 0 };
	int r = find_directory(bytes, length, &directory, err);

	if (r < 0)
		return r;
	zip.entries = arena_alloc(arena, (directory.count + 1) * sizeof(*zip.entries));
	for (; r == 0 && zip.count < directory.count; zip.count++)
		r = read_record(&directory, arena, &zip.entries[zip.count], err);
	if (r < 0)
		return r;
	if (directory.at != directory.end)
		return err_set(
			err, ERR_SYNTAX, "the plan file's directory is not where it must be");
	qsort(zip.entries, zip.count, sizeof(*zip.entries), compare);
	for (size_t i = 1; i < zip.count; i++) {
		if (compare(&zip.entries[i - 1], &zip.entries[i]) == 0)
			return err_set(err, ERR_SYNTAX, "the plan file holds a name twice");
	}
	*ret = zip;
	return 0;
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
	const struct zip_entry key = { .name = name };

	return zip->count == 0 ? NULL
			       : bsearch(&key, zip->entries, zip->count, sizeof(key), compare);
}

static bool unpack(const struct zip_entry *entry, char *into)
{
	z_stream stream = { .next_in = (Bytef *)entry->data,
		.avail_in = (uInt)entry->packed,
		.next_out = (Bytef *)into,
		.avail_out = (uInt)entry->size };
	char more;
	int r;

	if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
		return false;
	r = inflate(&stream, Z_FINISH);
	if (r == Z_BUF_ERROR && stream.avail_out == 0) { /* is there more than it said? */
		stream.next_out = (Bytef *)&more;
		stream.avail_out = 1;
		r = inflate(&stream, Z_FINISH);
	}
	inflateEnd(&stream);
	return r == Z_STREAM_END && stream.total_out == entry->size && stream.avail_in == 0;
}

int zip_read(const struct zip_entry *entry, char **ret, struct err *err)
{
	_cleanup_free_ char *bytes = mem_alloc(entry->size + 1);
	bool is_good = true;

	if (!entry->is_deflated)
		memcpy(bytes, entry->data, entry->size);
	else
		is_good = unpack(entry, bytes);
	if (!is_good || crc32(0, (const Bytef *)bytes, (uInt)entry->size) != entry->crc)
		return err_set(err, ERR_SYNTAX, "a file in the plan file is damaged");
	*ret = steal_ptr(bytes);
	return 0;
}
