/* A growing string that must name its maximum. The strbuf owns its bytes; they always end with a
 * NUL.
 *
 * Passing the cap does not abort: the bytes that fit stay, `overflowed` is set and stays set, later
 * appends do nothing. Check once, at the end. */
#pragma once
#include "orchestrator/lib/base.h"

struct strbuf {
	char *data; /* never NULL after the first append; use strbuf_text() */
	size_t length;
	size_t room;
	size_t cap;
	bool overflowed;
};

#define STRBUF(cap_bytes)                                                                          \
	{                                                                                          \
		.cap = (cap_bytes)                                                                 \
	}

void strbuf_init(struct strbuf *buf, size_t cap);
void strbuf_release(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf);
void strbuf_append(struct strbuf *buf, const char *text, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
_printf_(2, 3) void strbuf_printf(struct strbuf *buf, const char *format, ...);
void strbuf_truncate(struct strbuf *buf, size_t length);
const char *strbuf_text(const struct strbuf *buf); /* borrowed; "" when empty */
char *strbuf_steal(struct strbuf *buf); /* owned by the caller; the strbuf is empty after it */

static inline void strbuf_releasep(struct strbuf *buf)
{
	strbuf_release(buf);
}
#define _cleanup_strbuf_ _cleanup_(strbuf_releasep)
