/* What of a tool's output a person must read. Pure text work; owns nothing. */
#pragma once
#include "orchestrator/lib/strbuf.h"

enum { DIAGNOSTIC_MAX = 6 << 10 };

/* Every "Error: ..." block of `text`, without the frame drawn around it and without `tree` in front
 * of paths; nothing when there is none. */
void diagnostic_extract(const char *text, const char *tree, struct strbuf *out);

/* Text of at most `most` bytes: whole, or its beginning and its end at line boundaries, with
 * "... N lines left out ..." between them. Also not valid UTF-8 is cut off. Owned by the caller. */
char *diagnostic_middle_cut(const char *text, size_t length, size_t most);
