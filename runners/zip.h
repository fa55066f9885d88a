/* Reads a zip archive that a tool wrote where a pull request could reach it. Owns nothing but its
 * list. Only what Terraform writes is understood: no encryption, no second disk, no name twice; a
 * reader that disagrees with another about one archive is how contents are smuggled. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum { ZIP_ENTRIES_MAX = 20000, ZIP_NAME_MAX = 4096 };
static const size_t zip_entry_bytes_max = 256U << 20;

struct zip_entry {
	const char *name; /* UTF-8 or not; never with a NUL */
	size_t size;
	/* private */
	const uint8_t *data;
	size_t packed;
	uint32_t crc;
	bool is_deflated;
};

struct zip {
	struct zip_entry *entries; /* sorted by name */
	size_t count;
};

/* `bytes` are borrowed for as long as the zip is used. */
_must_check_ int zip_open(
	const uint8_t *bytes, size_t length, struct arena *arena, struct zip *ret, struct err *err);
const struct zip_entry *zip_find(const struct zip *zip, const char *name); /* or NULL */
/* The whole entry, checked by its sum; owned by the caller, with a NUL behind it. */
_must_check_ int zip_read(const struct zip_entry *entry, char **ret, struct err *err);
