/* The hash that a lock file calls h1: of all files of a package, by name and content. */
#pragma once
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/err.h"

enum { DIRHASH_TEXT = 3 + (SHA256_BYTES + 2) / 3 * 4 + 1 };

struct dirhash_file {
	const char *name; /* relative to the package, with slashes */
	char sha256[SHA256_HEX];
};

/* Of a list, which is sorted here. */
void dirhash_of(struct dirhash_file *files, size_t count, char ret[DIRHASH_TEXT]);
/* Of a folder, whose descriptor stays the caller's. With `seals` each file and folder becomes ours
 * and read-only before it is read. Anything but files and folders is an error. */
_must_check_ int dirhash_read(int dir_fd, bool seals, char ret[DIRHASH_TEXT], struct err *err);
