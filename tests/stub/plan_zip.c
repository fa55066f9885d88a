/* A plan file like Terraform's: a zip, here without packing, of the plan and of the configuration
 * that it was made from. */
#include "tests/stub/plan_zip.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { ENTRIES_MAX = 200, TEXT_MAX = 1 << 20 };

struct archive {
	FILE *out;
	struct entry {
		char name[300];
		uint32_t crc, size, offset;
	} entries[ENTRIES_MAX];
	unsigned count;
};

static void put(FILE *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		fputc(i < 4 ? (int)(value >> (8 * i) & 0xff) : 0, out);
}

static uint32_t crc_of(const char *bytes, size_t length)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < length; i++) {
		crc ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

/* What the local record and the directory say alike: version to name length. */
static void put_facts(FILE *out, const struct entry *entry)
{
	put(out, 20, 2);
	put(out, 0, 8);
	put(out, entry->crc, 4);
	put(out, entry->size, 4);
	put(out, entry->size, 4);
	put(out, (uint32_t)strlen(entry->name), 2);
	put(out, 0, 2);
}

static void add(struct archive *archive, const char *name, const char *bytes, size_t length)
{
	struct entry *entry = &archive->entries[archive->count++];

	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->crc = crc_of(bytes, length);
	entry->size = (uint32_t)length;
	entry->offset = (uint32_t)ftell(archive->out);
	put(archive->out, 0x04034b50, 4);
	put_facts(archive->out, entry);
	fputs(name, archive->out);
	fwrite(bytes, 1, length, archive->out);
}

static void add_directory(struct archive *archive)
{
	uint32_t begin = (uint32_t)ftell(archive->out), end;

	for (unsigned i = 0; i < archive->count; i++) {
		put(archive->out, 0x02014b50, 4);
		put(archive->out, 20, 2);
		put_facts(archive->out, &archive->entries[i]);
		put(archive->out, 0, 10);
		put(archive->out, archive->entries[i].offset, 4);
		fputs(archive->entries[i].name, archive->out);
	}
	end = (uint32_t)ftell(archive->out);
	put(archive->out, 0x06054b50, 4);
	put(archive->out, 0, 4);
	put(archive->out, archive->count, 2);
	put(archive->out, archive->count, 2);
	put(archive->out, end - begin, 4);
	put(archive->out, begin, 4);
	put(archive->out, 0, 2);
}

static int is_config(const char *name)
{
	const char *end = strstr(name, ".tf");

	return name[0] != '.' && end != NULL &&
	       (strcmp(end, ".tf") == 0 || strcmp(end, ".tf.json") == 0);
}

static void add_config(struct archive *archive)
{
	static const char modules[] = "[{\"Key\":\"\",\"Dir\":\".\"}]";
	DIR *folder = opendir(".");
	const struct dirent *item;

	while (folder != NULL && (item = readdir(folder)) != NULL &&
		archive->count < ENTRIES_MAX - 1) {
		FILE *in = is_config(item->d_name) ? fopen(item->d_name, "r") : NULL;
		static char text[TEXT_MAX];
		char name[300];

		if (in == NULL)
			continue;
		snprintf(name, sizeof(name), "tfconfig/m-/%s", item->d_name);
		add(archive, name, text, fread(text, 1, TEXT_MAX, in));
		fclose(in);
	}
	if (folder != NULL)
		closedir(folder);
	add(archive, "tfconfig/modules.json", modules, strlen(modules));
}

int plan_zip_write(const char *path, const char *plan)
{
	static struct archive archive;
	bool is_bad;

	archive.out = fopen(path, "w");
	if (archive.out == NULL)
		return -1;
	add(&archive, "tfplan", plan, strlen(plan));
	add_config(&archive);
	add_directory(&archive);
	is_bad = ferror(archive.out) != 0;
	return fclose(archive.out) != 0 || is_bad ? -1 : 0;
}

/* The plan is the first entry: it stands behind the record and the name. */
int plan_zip_read(const char *path, char *plan, size_t size)
{
	FILE *in = fopen(path, "r");
	size_t length;

	if (in == NULL)
		return -1;
	if (fseek(in, 30 + (long)strlen("tfplan"), SEEK_SET) < 0) {
		fclose(in);
		return -1;
	}
	length = fread(plan, 1, size - 1, in);
	fclose(in);
	plan[length] = '\0';
	return 0;
}
