/* Memory that ends the process when there is none, and the few string questions everybody asks. */
#include "orchestrator/lib/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *mem_must(void *ptr)
{
	static const char text[] = "sluice: out of memory\n";

	if (ptr != NULL)
		return ptr;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort();
}

void *mem_alloc(size_t size)
{
	return mem_must(calloc(1, size == 0 ? 1 : size));
}

void *mem_grow(void *ptr, size_t size)
{
	return mem_must(realloc(ptr, size == 0 ? 1 : size));
}

char *mem_strdup(const char *text)
{
	return mem_must(strdup(text));
}

char *mem_strndup(const char *text, size_t length)
{
	char *copy;

	length = strnlen(text, length); /* what is longer need not end with a NUL */
	copy = mem_alloc(length + 1);
	memcpy(copy, text, length);
	return copy;
}

char *mem_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	return mem_must(length < 0 ? NULL : text);
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length >= tail && strcmp(text + length - tail, suffix) == 0;
}
