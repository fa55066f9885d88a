/* Vectors of owned strings. */
#include "orchestrator/lib/strvec.h"

#include <stdarg.h>
#include <stdio.h>

static void strvec_take(struct strvec *vec, char *text)
{
	if (vec->count >= STRVEC_MAX)
		abort();
	if (vec->count + 2 > vec->room) {
		vec->room = vec->room == 0 ? 16 : vec->room * 2;
		vec->items = mem_grow(vec->items, vec->room * sizeof(*vec->items));
	}
	vec->items[vec->count++] = text;
	vec->items[vec->count] = NULL;
}

void strvec_push(struct strvec *vec, const char *text)
{
	strvec_take(vec, mem_strdup(text));
}

void strvec_pushf(struct strvec *vec, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	strvec_take(vec, text);
}

char *const *strvec_argv(const struct strvec *vec)
{
	static char *const empty[] = { NULL };

	return vec->items == NULL ? empty : vec->items;
}

void strvec_release(struct strvec *vec)
{
	for (size_t i = 0; i < vec->count; i++)
		free(vec->items[i]);
	free(vec->items);
	*vec = (struct strvec){ 0 };
}
