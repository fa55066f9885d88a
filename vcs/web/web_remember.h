/* Answers with an ETag, to be asked for again for free. Bounded: the least recently used go. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/list.h"

enum { WEB_REMEMBER_ENTRIES = 512, WEB_REMEMBER_BYTES = 4 << 20 };

struct web_remembered {
	struct list in_memory;
	char *key;
	char *etag;
	char *body;
	char *link; /* the header that names the next page, or "" */
	size_t bytes;
};

struct web_memory {
	struct list entries; /* the most recently used last */
	size_t count, bytes;
};

void web_memory_init(struct web_memory *memory);
void web_memory_release(struct web_memory *memory);
struct web_remembered *web_memory_find(struct web_memory *memory, const char *key);
void web_memory_put(struct web_memory *memory, const char *key, const char *etag, const char *body,
	const char *link);
