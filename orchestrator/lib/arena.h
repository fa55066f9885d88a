/* A region: many small things with one lifetime, freed together. The arena owns all memory it hands
 * out. */
#pragma once
#include "orchestrator/lib/base.h"

struct arena {
	struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t size);	   /* zeroed, aligned for anything */
char *arena_strdup(struct arena *arena, const char *text); /* NULL stays NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
_printf_(2, 3) char *arena_printf(struct arena *arena, const char *format, ...);
/* Room for one more element in a growing array whose count is a power of two or zero when it moves.
 */
void *arena_push(struct arena *arena, void *array, size_t count, size_t element_size);
void arena_release(
	struct arena *arena); /* everything handed out is gone; the arena can be used again */
size_t arena_bytes(const struct arena *arena);
