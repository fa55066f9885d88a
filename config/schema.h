/* What a table of keys says, for people and for editors. Must not: know any key itself. */
#pragma once
#include "config/decode.h"

#include <jansson.h>

/* Markdown rows: key, type, default, meaning. */
void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out);
/* The keys as one JSON Schema (draft 7) object; owned by the caller. A lenient decoder takes keys
 * without values. */
json_t *config_schema(const struct config_key *keys, bool is_lenient);
/* The same as a whole document, with line end; owned by the caller. */
char *config_schema_text(const struct config_key *keys, bool is_lenient, const char *title);
