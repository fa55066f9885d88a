/* What people should know though nothing failed. */
#include "vcs/git/warnings.h"
#include "vcs/git/limits.h"
#include <stdarg.h>
#include <stdio.h>

void warnings_add(struct warnings *warnings, const char *format, ...)
{
	char text[600];
	va_list args;

	if (warnings->count == LIMIT_WARNINGS) {
		warnings->left_out++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warnings->items = arena_push(&warnings->arena, (void *)warnings->items, warnings->count,
		sizeof(warnings->items[0]));
	warnings->items[warnings->count++] = arena_strdup(&warnings->arena, text);
}

json_t *warnings_write(const struct warnings *warnings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < warnings->count; i++)
		json_array_append_new(array, json_string(warnings->items[i]));
	if (warnings->left_out > 0)
		json_array_append_new(array, json_sprintf("and %zu more", warnings->left_out));
	return array;
}

void warnings_release(struct warnings *warnings)
{
	arena_release(&warnings->arena);
}
