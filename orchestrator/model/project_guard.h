/* What guards one project's plan and apply, as the base branch and the server said when its plan
 * was made. It stands in the row of the plan's job, so that the gate asks what held for that plan.
 */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/repo_config.h"

struct guard_check {
	const char *name;
	struct people_rule skip_needs; /* count 0: nobody is asked about notes that skip it */
};

struct project_guard {
	const char *environment; /* or "" */
	/* Of rules whose paths the pull request touches `if_paths` is empty; the others keep it,
	 * and do not match. */
	struct approval_rule *rules;
	size_t rule_count;
	struct freeze *freezes;
	size_t freeze_count;
	struct break_glass break_glass;
	struct guard_check *checks; /* that must have looked at the plan */
	size_t check_count;
	struct name_list owners; /* people and @teams, one of whom must have approved */
	unsigned plan_requires, apply_requires; /* enum requirement */
};

/* "" guards nothing more than every project is guarded. */
_must_check_ int project_guard_read(
	const char *text, struct arena *arena, struct project_guard *ret, struct err *err);
const char *project_guard_write(const struct project_guard *guard, struct arena *arena);
