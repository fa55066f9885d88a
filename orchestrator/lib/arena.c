/* Blocks in a chain; the newest is the one being filled. */
#include "orchestrator/lib/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BLOCK = 4000 };

struct arena_block {
	struct arena_block *older;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

static struct arena_block *arena_room(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t wanted = size > ARENA_BLOCK ? size : ARENA_BLOCK;

	if (block != NULL && block->size - block->used >= size)
		return block;
	block = mem_grow(NULL, sizeof(*block) + wanted);
	block->size = wanted;
	block->used = 0;
	block->older = arena->blocks;
	arena->blocks = block;
	return block;
}

static void *arena_take(struct arena *arena, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct arena_block *block;
	void *ptr;

	if (rounded < size)
		abort();
	block = arena_room(arena, rounded);
	ptr = block->bytes + block->used;
	block->used += rounded;
	return ptr;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_take(arena, size), 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_take(arena, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		abort();
	text = arena_alloc(arena, (size_t)length + 1);
	(void)vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

void *arena_push(struct arena *arena, void *array, size_t count, size_t element_size)
{
	bool is_full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8, ... */
	void *grown;

	if (!is_full)
		return array;
	grown = arena_alloc(arena, (count == 0 ? 1 : count * 2) * element_size);
	if (count > 0)
		memcpy(grown, array, count * element_size);
	return grown;
}

void arena_release(struct arena *arena)
{
	for (struct arena_block *block = arena->blocks, *older; block != NULL; block = older) {
		older = block->older;
		free(block);
	}
	arena->blocks = NULL;
}

size_t arena_bytes(const struct arena *arena)
{
	size_t total = 0;

	for (const struct arena_block *block = arena->blocks; block != NULL; block = block->older)
		total += sizeof(*block) + block->size;
	return total;
}
