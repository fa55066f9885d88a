/* What a table of keys says, for people and for editors. Must not: know any key itself. */
#pragma once
#include "config/decode.h"

/* Markdown rows: key, type, default, meaning. */
void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out);
/* A JSON Schema (draft 7) with line end; owned by the caller. A lenient decoder takes keys without
 * values. */
char *config_schema_text(const struct config_key *keys, bool is_lenient, const char *title);
