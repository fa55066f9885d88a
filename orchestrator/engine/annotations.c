/* Reads "on FILE line N". */
#include "orchestrator/engine/annotations.h"

#include "orchestrator/lib/codec.h"

#include <string.h>

enum { PATH_BYTES_MAX = 1024, LINE_MAX = 10000000 };

static const char error_mark[] = "Error: ";

static bool path_is_good(const char *path, size_t length)
{
	if (length == 0 || length > PATH_BYTES_MAX || path[0] == '/' ||
		codec_utf8_prefix(path, length) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)path[i] < ' ' || path[i] == 0x7f || path[i] == '\\')
			return false;
	}
	return memmem(path, length, "..", 2) == NULL;
}

/* "  on main.tf line 3, in resource ..." */
static bool read_place(const char *line, size_t length, const char *dir, struct arena *arena,
	struct host_annotation *ret)
{
	static const char on[] = "on ", mark[] = " line ";
	const char *end = line + length, *path, *number;
	int64_t at = 0;

	while (line < end && *line == ' ')
		line++;
	if ((size_t)(end - line) <= strlen(on) || strncmp(line, on, strlen(on)) != 0)
		return false;
	path = line + strlen(on);
	number = memmem(path, (size_t)(end - path), mark, strlen(mark));
	if (number == NULL || !path_is_good(path, (size_t)(number - path)))
		return false;
	for (const char *c = number + strlen(mark); c < end && *c >= '0' && *c <= '9'; c++) {
		at = at * 10 + (*c - '0');
		if (at > LINE_MAX)
			return false;
	}
	if (at == 0)
		return false;
	ret->line = at;
	ret->path = str_empty(dir) || str_equal(dir, ".")
			    ? arena_strndup(arena, path, (size_t)(number - path))
			    : arena_printf(arena, "%s/%.*s", dir, (int)(number - path), path);
	return true;
}

static const char *cut(const char *text, size_t length, size_t most, struct arena *arena)
{
	size_t kept = codec_utf8_prefix(text, length < most ? length : most);

	return kept == 0 ? "(not valid text)" : arena_strndup(arena, text, kept);
}

/* One block: from its "Error: " to the next. */
static void add_block(struct annotations *to, const char *block, size_t length, const char *dir,
	struct arena *arena)
{
	size_t title = strcspn(block, "\n");
	struct host_annotation found = { 0 };

	for (size_t at = 0; at < length && found.path == NULL;) {
		size_t line = strcspn(block + at, "\n");

		line = line < length - at ? line : length - at;
		(void)read_place(block + at, line, dir, arena, &found);
		at += line + 1;
	}
	if (found.path == NULL || to->count == ANNOTATIONS_MAX)
		return;
	found.title = cut(block + strlen(error_mark), title - strlen(error_mark),
		ANNOTATION_TITLE_MAX, arena);
	found.text = cut(block, length, ANNOTATION_TEXT_MAX, arena);
	to->list = arena_push(arena, to->list, to->count, sizeof(*to->list));
	to->list[to->count++] = found;
}

static const char *next_block(const char *text)
{
	while (!str_starts(text, error_mark)) {
		text = strchr(text, '\n');
		if (text == NULL)
			return NULL;
		text++;
	}
	return text;
}

void annotations_add(
	struct annotations *to, const char *failure, const char *dir, struct arena *arena)
{
	const char *block = failure == NULL ? NULL : next_block(failure), *next;

	for (; block != NULL; block = next) {
		next = next_block(block + 1);
		add_block(to, block, next == NULL ? strlen(block) : (size_t)(next - block), dir,
			arena);
	}
}
