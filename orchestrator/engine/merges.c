/* What is applied by the merge: its gate says when the pull request may be merged, and the status
 * that branches are guarded with follows it, both ways. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/project_kind.h"

static int look_at_policies(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *job, struct merges *ret, struct err *err)
{
	struct policies_state policies;
	int r = policies_read(engine, arena, pull, plan_run, job, "",
		&(struct gate_question){ .max_age_ms = FACTS_SHOWN_MS }, &policies, err);

	if (r == 0 && !policies.verdict.open) {
		ret->is_open = false;
		ret->missing = policies.verdict.missing;
	}
	return r;
}

int merges_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *jobs, size_t count, struct merges *ret,
	struct err *err)
{
	struct job *plans = arena_alloc(arena, (count + 1) * sizeof(*plans));
	struct gate_verdict gate = { 0 };
	int r;

	*ret = (struct merges){ .is_open = true, .missing = "" };
	for (size_t i = 0; i < count; i++)
		if (job_is_merge(&jobs[i]))
			plans[ret->count++] = jobs[i];
	if (ret->count == 0)
		return 0;
	r = gate_read(engine, arena, pull, plan_run,
		&(struct gate_question){ .plans = plans,
			.plan_count = ret->count,
			.initiator = "",
			.max_age_ms = FACTS_SHOWN_MS },
		&gate, err);
	ret->is_open = r == 0 && gate.open;
	ret->missing = gate.missing;
	for (size_t i = 0; r == 0 && ret->is_open && i < ret->count; i++)
		r = look_at_policies(engine, arena, pull, plan_run, &plans[i], ret, err);
	return r;
}

int merges_say(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err)
{
	struct job *jobs = NULL;
	size_t count = 0;
	int r;

	if (run->kind != RUN_PLAN || run->state != RUN_DONE || pull->plan_run.v != run->id.v)
		return 0;
	r = store_job_list_run(engine->store, arena, run->id, &jobs, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (job_is_merge(&jobs[i]))
			return apply_status_put(engine, arena, pull, run, RUN_DONE, err);
	return r;
}
