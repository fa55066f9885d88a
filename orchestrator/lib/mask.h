/* Secret values, and text without them. The mask owns its values and wipes them.
 *
 * A value is found as it is, in base64 at each of its three alignments, in hex, percent-encoded and
 * as JSON writes it; also with line ends inside, and across the pieces of a stream. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include <jansson.h>

enum { MASK_VALUES_MAX = 1024, MASK_SHORTEST = 6, MASK_SHORTEST_ENCODED = 8 };

struct mask { /* zeroed is empty */
	struct mask_pattern *patterns;
	size_t count, room;
	uint32_t *heads; /* by the first bytes: number of a pattern, from 1 */
	size_t longest, values;
};

/* Where a stream stands: how much of what comes next belongs to a value that has begun. Zeroed at
 * its start. */
struct mask_flow {
	size_t covered;
};

/* Shorter than MASK_SHORTEST is not masked: it would mask words. Lines of a value with several
 * lines count as values too. */
void mask_add(struct mask *mask, const char *value);
/* For values that a tool said are secret, which may be ordinary words: a short one is masked only
 * where it stands alone between quotes. */
void mask_add_quoted(struct mask *mask, const char *value);
void mask_release(struct mask *mask);

/* Appends `text` with each value replaced; returns how many bytes were used. Without `is_last`,
 * keeps back what could belong to a value that goes on; with it, also the beginning of a value that
 * the end of the text cut short is replaced. *ret_hits, if not NULL, grows by what was replaced. */
size_t mask_append(const struct mask *mask, struct mask_flow *flow, const char *text, size_t length,
	bool is_last, struct strbuf *out, size_t *ret_hits);
/* A whole text; owned by the caller. */
char *mask_text(const struct mask *mask, const char *text, size_t *ret_hits);
/* All strings inside; takes the reference and returns a new one. */
json_t *mask_json(const struct mask *mask, json_t *json);
