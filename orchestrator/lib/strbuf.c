/* The one growable string of the program. */
#include "orchestrator/lib/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, size_t cap)
{
	*buf = (struct strbuf)STRBUF(cap);
}

void strbuf_release(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf)STRBUF(buf->cap);
}

void strbuf_clear(struct strbuf *buf)
{
	buf->length = 0;
	buf->overflowed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

static void strbuf_reserve(struct strbuf *buf, size_t length)
{
	size_t room = buf->room == 0 ? 64 : buf->room;

	if (length + 1 <= buf->room)
		return;
	while (room < length + 1)
		room *= 2;
	if (room > buf->cap + 1)
		room = buf->cap + 1;
	buf->data = mem_grow(buf->data, room);
	buf->room = room;
}

void strbuf_append(struct strbuf *buf, const char *text, size_t length)
{
	if (buf->overflowed)
		return;
	if (length > buf->cap - buf->length) {
		length = buf->cap - buf->length;
		buf->overflowed = true;
	}
	strbuf_reserve(buf, buf->length + length);
	if (length > 0)
		memcpy(buf->data + buf->length, text, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_append(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_append(buf, &c, 1);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	char small[256];
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(small)) {
		strbuf_append(buf, small, (size_t)length);
	} else if (length >= 0) {
		char *large = mem_grow(NULL, (size_t)length + 1);

		(void)vsnprintf(large, (size_t)length + 1, format, again);
		strbuf_append(buf, large, (size_t)length);
		free(large);
	}
	va_end(again);
}

void strbuf_truncate(struct strbuf *buf, size_t length)
{
	if (length >= buf->length)
		return;
	buf->length = length;
	buf->data[length] = '\0';
}

const char *strbuf_text(const struct strbuf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}

char *strbuf_steal(struct strbuf *buf)
{
	char *text = buf->data == NULL ? mem_strdup("") : buf->data;

	*buf = (struct strbuf)STRBUF(buf->cap);
	return text;
}
