/* One line, one write. */
#include "orchestrator/lib/log.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 32 << 10,
	VALUE_MAX_BYTES = 2000,
	VALUE_ROOM = 8 * VALUE_MAX_BYTES, /* a value with its key, every byte of it escaped */
};

static struct {
	enum log_level least;
	bool text;
} logger = { .least = LOG_INFO };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_open(enum log_level least, bool text)
{
	logger.least = least;
	logger.text = text;
}

static void put_char(struct strbuf *out, unsigned char c, bool quoted)
{
	if (c == '"' || c == '\\') {
		if (quoted)
			strbuf_putc(out, '\\');
		strbuf_putc(out, (char)c);
	} else if (c == '\n' && quoted) {
		strbuf_puts(out, "\\n");
	} else if (c < 0x20 || c == 0x7f) {
		strbuf_printf(out, quoted ? "\\u%04x" : "?", c);
	} else {
		strbuf_putc(out, (char)c);
	}
}

/* Bytes that are not UTF-8 become U+FFFD, so that a line is always valid JSON. */
static void put_text(struct strbuf *out, const char *text, bool quoted)
{
	size_t length = strlen(text), at = 0;

	while (at < length) {
		size_t valid = codec_utf8_prefix(text + at, length - at);

		for (size_t i = 0; i < valid; i++)
			put_char(out, (unsigned char)text[at + i], quoted);
		at += valid;
		if (at < length) {
			strbuf_puts(out, "\xef\xbf\xbd");
			at++;
		}
	}
}

/* Masked before it is cut or escaped: either would hide a secret from the search. */
static void put_masked(struct strbuf *out, const char *text, bool quoted)
{
	_cleanup_free_ char *masked = secrets_hide(text, NULL);
	_cleanup_strbuf_ struct strbuf cut = STRBUF(VALUE_MAX_BYTES);

	strbuf_puts(&cut, masked);
	put_text(out, strbuf_text(&cut), quoted);
}

static void put_value(struct strbuf *out, const struct log_field *field, bool quoted)
{
	const char *text = field->kind == LOG_ERR ? field->err->text : field->text;

	if (field->kind == LOG_INT) {
		strbuf_printf(out, "%lld", (long long)field->number);
		return;
	}
	if (quoted)
		strbuf_putc(out, '"');
	put_masked(out, text == NULL ? "" : text, quoted);
	if (quoted)
		strbuf_putc(out, '"');
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
	_cleanup_strbuf_ struct strbuf line = STRBUF(LINE_MAX_BYTES + VALUE_ROOM);
	struct log_field what = log_str("message", message);
	char time[CLOCK_TEXT_MAX];

	if (level < logger.least)
		return;
	clock_text(clock_wall_ms(&clock_system), time);
	if (logger.text)
		strbuf_printf(&line, "%s %-5s ", time, level_names[level]);
	else
		strbuf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time,
			level_names[level]);
	put_value(&line, &what, !logger.text);
	for (const struct log_field *field = fields; field->kind != LOG_END; field++) {
		size_t whole = line.length;

		strbuf_printf(&line, logger.text ? " %s=" : ",\"%s\":", field->key);
		put_value(&line, field, !logger.text);
		if (line.length <= LINE_MAX_BYTES)
			continue;
		strbuf_truncate(
			&line, whole); /* the line stays readable; what is missing is said */
		strbuf_puts(&line, logger.text ? " cut=true" : ",\"cut\":true");
		break;
	}
	strbuf_puts(&line, logger.text ? "\n" : "}\n");
	(void)!write(STDERR_FILENO, line.data, line.length);
}
