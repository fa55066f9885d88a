/* Notes beside the code that tell a check to pass over something: "checkov:skip=CKV_AWS_20". Pure.
 */
#pragma once
#include "orchestrator/lib/base.h"

enum { INLINE_SKIPS_MAX = 200, INLINE_SKIP_ID_MAX = 60 };

struct inline_skip {
	int line;
	char id[INLINE_SKIP_ID_MAX + 1]; /* of the rule, or the mark itself where it names none */
};

struct inline_skips {
	struct inline_skip list[INLINE_SKIPS_MAX];
	size_t count;
};

void inline_skips_find(const char *bytes, size_t length, struct inline_skips *ret);
/* Drops those of `now` that `before` has as well, each as often as it has it. */
void inline_skips_drop(struct inline_skips *now, struct inline_skips *before);
