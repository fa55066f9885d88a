/* Private to what looks for drift. */
#pragma once
#include "orchestrator/engine/drift_life.h"
#include "orchestrator/engine/private.h"
#include "orchestrator/model/drift_rule.h"

enum { DRIFT_WITHIN_MS = 6 * 3600 * 1000 }; /* then it is given up what nobody got to */

/* drift_outcome.c: what the end of a job says of its project. Pure but for the arena. */
struct drift_slot_facts {
	const struct drift_rule *rule; /* of the project's environment, or NULL */
	struct drift_key key;
	const char *today;
	bool is_partial; /* the time of the slot was over */
};
/* Its outcome, its words and what was found, without any life yet. */
void drift_read_job(const struct job *job, const struct drift_slot_facts *facts,
	struct arena *arena, struct drift_project *ret);
