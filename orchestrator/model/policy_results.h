/* What the policy sets said of a plan, in our own small format: part of its summary. A set that
 * could not be asked is no result at all; its job has failed. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

/* Of one set: what is more is counted, and not kept. */
enum { POLICY_SETS_MAX = 50, POLICY_WORDS_MAX = 20, POLICY_WORD_BYTES_MAX = 500 };

struct policy_result {
	const char *name; /* of the set; or "custom": commands of the workflow */
	int passed, failed, warned, excepted;
	const char **failures, **warnings; /* messages, already masked */
	size_t failure_count, warning_count;
};

struct policy_results {
	struct policy_result *list;
	size_t count;
};

_must_check_ int policy_results_read(
	const json_t *json, struct arena *arena, struct policy_results *ret, struct err *err);
json_t *policy_results_write(const struct policy_results *results); /* owned by the caller */
/* The first set with failures, or NULL. */
const struct policy_result *policy_results_against(const struct policy_results *results);
