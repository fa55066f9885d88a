/* Finds the error blocks in a tool's output and makes long output short. */
#include "runners/diagnostic.h"
#include "orchestrator/lib/codec.h"
#include <stdio.h>
#include <string.h>

/* The frame around a diagnostic: "╷", "│", "╵" in UTF-8. */
static const char *const frames[] = { "\xe2\x95\xb7", "\xe2\x94\x82", "\xe2\x95\xb5" };

static const char *skip_frame(const char *line, const char *end, bool *ret_closes)
{
	*ret_closes = false;
	for (size_t i = 0; i < countof(frames); i++) {
		size_t length = strlen(frames[i]);

		if ((size_t)(end - line) < length || memcmp(line, frames[i], length) != 0)
			continue;
		*ret_closes = i != 1;
		line += length;
		return line < end && *line == ' ' ? line + 1 : line;
	}
	return line;
}

static bool begins(const char *line, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - line) >= length && memcmp(line, word, length) == 0;
}

static void append_without(struct strbuf *out, const char *line, const char *end, const char *tree)
{
	size_t length = str_empty(tree) ? 0 : strlen(tree);

	while (line < end) {
		const char *hit = length == 0 ? NULL
					      : memmem(line, (size_t)(end - line), tree, length);

		if (hit == NULL) {
			strbuf_append(out, line, (size_t)(end - line));
			return;
		}
		strbuf_append(out, line, (size_t)(hit - line));
		line = hit + length;
		if (line < end && *line == '/')
			line++;
	}
}

void diagnostic_extract(const char *text, const char *tree, struct strbuf *out)
{
	bool is_inside = false, closes;
	const char *line = text, *next, *end;
	size_t held = 0; /* empty lines that are only written when something follows */

	for (; *line != '\0'; line = next) {
		end = strchrnul(line, '\n');
		next = *end == '\0' ? end : end + 1;
		line = skip_frame(line, end, &closes);
		if (begins(line, end, "Error: ")) {
			if (out->length > 0)
				strbuf_puts(out, "\n");
			is_inside = true;
			held = 0;
		} else if (closes || begins(line, end, "Warning: ")) {
			is_inside = false;
		}
		if (!is_inside || out->length + (size_t)(end - line) > DIAGNOSTIC_MAX)
			continue;
		if (line == end) {
			held++;
			continue;
		}
		for (; held > 0; held--)
			strbuf_putc(out, '\n');
		append_without(out, line, end, tree);
		strbuf_putc(out, '\n');
	}
	while (out->length > 0 && strbuf_text(out)[out->length - 1] == '\n')
		strbuf_truncate(out, out->length - 1);
}

static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 0;

	for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))) != NULL;
		at++)
		lines++;
	return lines;
}

char *diagnostic_middle_cut(const char *text, size_t length, size_t most)
{
	size_t head, tail, note = 64;
	const char *cut;

	if (length <= most)
		return mem_strndup(text, codec_utf8_prefix(text, length));
	if (most <= note)
		return mem_strdup("");
	head = (most - note) * 2 / 3;
	tail = most - note - head;
	cut = memrchr(text, '\n', head);
	head = cut != NULL && (size_t)(cut - text) > head / 2 ? (size_t)(cut - text) + 1
							      : codec_utf8_prefix(text, head);
	cut = memchr(text + length - tail, '\n', tail);
	tail = cut != NULL && (size_t)(text + length - cut) > tail / 2
		       ? (size_t)(text + length - cut) - 1
		       : tail;
	while (tail > 0 && ((unsigned char)text[length - tail] & 0xc0) == 0x80)
		tail--;
	char *out = mem_alloc(most + 1);
	int written = snprintf(out, most + 1, "%.*s... %zu lines left out ...\n", (int)head, text,
		count_lines(text + head, length - head - tail));

	memcpy(out + written, text + length - tail, tail);
	return out;
}
