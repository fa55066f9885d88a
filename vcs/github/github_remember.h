/* Answers with an ETag, to be asked for again for free. Bounded: the least recently used go. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/list.h"

enum { GITHUB_REMEMBER_ENTRIES = 512, GITHUB_REMEMBER_BYTES = 4 << 20 };

struct github_remembered {
	struct list in_memory;
	char *key;
	char *etag;
	char *body;
	char *link; /* the header that names the next page, or "" */
	size_t bytes;
};

struct github_memory {
	struct list entries; /* the most recently used last */
	size_t count, bytes;
};

void github_memory_init(struct github_memory *memory);
void github_memory_release(struct github_memory *memory);
struct github_remembered *github_memory_find(struct github_memory *memory, const char *key);
void github_memory_put(struct github_memory *memory, const char *key, const char *etag,
	const char *body, const char *link);
