/* Complaints, and the nearest word. */
#include "config/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void config_complain(struct config_errors *errors, struct yaml_place at, const char *path,
	const char *hint, const char *format, ...)
{
	char text[400];
	va_list args;

	if (++errors->found > CONFIG_ERRORS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	errors->list = arena_push(
		&errors->arena, errors->list, errors->count, sizeof(*errors->list));
	errors->list[errors->count++] = (struct config_error){ .at = at,
		.path = arena_strdup(&errors->arena, path),
		.message = arena_strdup(&errors->arena, text),
		.hint = arena_strdup(&errors->arena, hint) };
}

void config_errors_release(struct config_errors *errors)
{
	arena_release(&errors->arena);
	*errors = (struct config_errors){ 0 };
}

static bool is_before(const struct config_error *a, const struct config_error *b)
{
	return a->at.line != b->at.line ? a->at.line < b->at.line : a->at.column < b->at.column;
}

/* By insertion: the list is short, and what has the same place keeps its order. */
void config_errors_sort(struct config_errors *errors)
{
	for (size_t i = 1; i < errors->count; i++) {
		struct config_error moved = errors->list[i];
		size_t k = i;

		for (; k > 0 && is_before(&moved, &errors->list[k - 1]); k--)
			errors->list[k] = errors->list[k - 1];
		errors->list[k] = moved;
	}
}

void config_errors_text(const struct config_errors *errors, const char *file, struct strbuf *out)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		strbuf_printf(out, "%s%s", i == 0 ? "" : "\n", file);
		if (error->at.line > 0)
			strbuf_printf(out, ":%d:%d", error->at.line, error->at.column);
		strbuf_printf(out, ": %s%s%s%s%s", error->path, error->path[0] == '\0' ? "" : ": ",
			error->message, error->hint[0] == '\0' ? "" : "; ", error->hint);
	}
	if (errors->found > errors->count)
		strbuf_printf(out, "\n%s: and %zu more", file, errors->found - errors->count);
}

/* ---- the nearest word ---- */

size_t config_distance(const char *a, const char *b)
{
	size_t row[40], n = strlen(b);

	if (n >= countof(row) || strlen(a) >= countof(row))
		return 99;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t old = row[k], cost = corner + (a[i - 1] == b[k - 1] ? 0 : 1);

			if (old + 1 < cost)
				cost = old + 1;
			if (row[k - 1] + 1 < cost)
				cost = row[k - 1] + 1;
			row[k] = cost;
			corner = old;
		}
	}
	return row[n];
}

struct config_nearest config_nearest(const char *wanted)
{
	size_t length = strlen(wanted);

	return (struct config_nearest){ .wanted = wanted,
		.distance = length < 6 ? length / 2 + 1 : 4 };
}

void config_nearest_offer(struct config_nearest *nearest, const char *word)
{
	size_t far = config_distance(nearest->wanted, word);

	if (far < nearest->distance) {
		nearest->distance = far;
		nearest->best = word;
	}
}

const char *config_did_you_mean(struct config_errors *errors, const char *word)
{
	return word == NULL ? "" : arena_printf(&errors->arena, "did you mean \"%s\"?", word);
}
