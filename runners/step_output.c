/* Filters over the output of a command. */
#include "runners/step_output.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/regex.h"

#include <string.h>

static const char redacted[] = "<redacted>";

static int compile(const char *pattern, struct regex **ret, struct err *err)
{
	int r = regex_compile(pattern, strlen(pattern), ret, err);

	return r < 0 ? err_wrap(err, "the filter \"%.80s\"", pattern) : 0;
}

int step_output_check(const struct step *step, struct err *err)
{
	for (size_t i = 0; i < step->filter_count; i++) {
		_cleanup_regex_ struct regex *regex = NULL;
		int r = compile(step->filters[i], &regex, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Patterns are matched over characters; a byte that is none becomes a question mark. */
static char *whole_characters(const char *text, size_t length)
{
	char *copy = mem_strndup(text, length);

	for (size_t at = 0; at < length;) {
		at += codec_utf8_prefix(copy + at, length - at);
		if (at < length)
			copy[at++] = '?';
	}
	return copy;
}

static int replace(const struct regex *regex, const char *text, size_t length, struct strbuf *out,
	struct err *err)
{
	size_t at = 0;

	while (at <= length) {
		size_t from, to;
		bool found;
		int r = regex_find(regex, text, length, at, &found, &from, &to, err);

		if (r < 0)
			return r;
		if (!found)
			break;
		strbuf_append(out, text + at, from - at);
		if (to > from) {
			strbuf_puts(out, redacted);
			at = to;
			continue;
		}
		/* an empty match hides nothing: on by one character */
		at = from;
		if (at == length)
			break;
		do
			strbuf_putc(out, text[at++]);
		while (at < length && ((unsigned char)text[at] & 0xc0) == 0x80);
	}
	if (at < length)
		strbuf_append(out, text + at, length - at);
	return 0;
}

int step_output_redact(const struct step *step, const char *text, size_t length, struct strbuf *out,
	struct err *err)
{
	_cleanup_free_ char *left = whole_characters(text, length);

	for (size_t i = 0; i < step->filter_count; i++) {
		_cleanup_regex_ struct regex *regex = NULL;
		_cleanup_strbuf_ struct strbuf next = STRBUF(out->cap);
		int r = compile(step->filters[i], &regex, err);

		if (r == 0)
			r = replace(regex, left, strlen(left), &next, err);
		if (r == 0 && next.overflowed)
			r = err_set(err, ERR_LIMIT, "there is too much of it");
		if (r < 0)
			return r;
		free(left);
		left = next.length > 0 ? strbuf_steal(&next) : mem_strdup("");
	}
	strbuf_puts(out, left);
	return out->overflowed ? err_set(err, ERR_LIMIT, "there is too much of it") : 0;
}

static bool is_refresh(const char *line, size_t length)
{
	return memmem(line, length, ": Refreshing state...", 21) != NULL ||
	       memmem(line, length, "Refreshing Terraform state in-memory", 36) != NULL;
}

const char *step_output_after_refresh(const char *text)
{
	const char *after = text;

	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		const char *next = line + length + (line[length] == '\n');

		if (is_refresh(line, length))
			after = next;
		line = next;
	}
	return after;
}
