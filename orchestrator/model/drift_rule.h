/* How drift is looked for in an environment, as a row keeps it; and what of a look its ignore rules
 * leave. Pure. */
#pragma once
#include "orchestrator/model/drift.h"
#include "orchestrator/model/repo_config.h"

enum { DRIFT_IGNORES_MAX = 200, DRIFT_NAMES_MAX = 400, DRIFT_RULE_MAX = 256 << 10 };

_must_check_ int drift_rule_read(
	const json_t *json, struct arena *arena, struct drift_rule *ret, struct err *err);
json_t *drift_rule_write(const struct drift_rule *rule); /* owned by the caller */

struct drift_key { /* of the server; what it marks says nothing of the values */
	const void *bytes;
	size_t length;
};

struct drift_sieve {
	const struct drift_rule *rule; /* or NULL */
	struct drift_key key;
	const char *today; /* "2026-11-21" */
};

struct drift_hidden {
	int differences, rules, expired; /* expired: rules that would have hidden something */
};

/* What the confined reader found -> what is left of it, each with its fingerprint and without the
 * hashes that it is made of. */
void drift_sieve_items(const struct drift_sieve *sieve, const struct drift_items *found,
	struct arena *arena, struct drift_items *ret, struct drift_hidden *ret_hidden);
/* What such items make of their project; DRIFT_CLEAN where all are informational. */
enum drift_outcome drift_outcome_of(const struct drift_items *items);
