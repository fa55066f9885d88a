/* Secret values, and text without them. The mask owns its values and wipes them. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include <jansson.h>

enum { MASK_VALUES_MAX = 1024, MASK_SHORTEST = 6 };

struct mask {
	char *values[MASK_VALUES_MAX]; /* longest first */
	size_t lengths[MASK_VALUES_MAX];
	size_t count;
	bool begins[256]; /* first bytes of values */
};

/* Shorter than MASK_SHORTEST is not masked: it would mask words. Lines of a value with several
 * lines count as values too. */
void mask_add(struct mask *mask, const char *value);
/* For values that a tool said are secret, which may be ordinary words: a short one is masked only
 * where it stands alone between quotes. */
void mask_add_quoted(struct mask *mask, const char *value);
void mask_release(struct mask *mask);

/* Appends `text` with each value replaced. Without `is_last`, stops where a value could begin that
 * goes on in bytes not yet seen; returns how many bytes were used. */
size_t mask_append(
	const struct mask *mask, const char *text, size_t length, bool is_last, struct strbuf *out);
/* All strings inside; takes the reference and returns a new one. */
json_t *mask_json(const struct mask *mask, json_t *json);
