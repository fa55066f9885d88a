/* May what is begun once begin now? Everything that an apply, an import or a removal needs, from
 * fresh rows: asked when the command comes, when the job's turn comes, and when it is handed over.
 * And what a plan waits for, asked when its turn comes. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/project_guard.h"
#include "orchestrator/model/steps.h"

/* What the job would do is what its plan's row says, and that row is under the seal. */
static bool is_of_plan(
	const struct facts *facts, const struct run *plan_run, const struct job *plan)
{
	const struct job *job = facts->job;

	return plan->state == JOB_DONE && str_equal(plan->plan_blob, job->plan_blob) &&
	       str_equal(plan->dir, job->dir) && str_equal(plan->workspace, job->workspace) &&
	       str_equal(plan->tool, job->tool) && str_equal(plan->recipe, job->recipe) &&
	       str_equal(plan_run->tree, facts->run->tree);
}

static int read_apply(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err)
{
	const struct job *job = facts->job;
	struct run plan_run;
	struct job plan_job;
	struct policies_state policies;
	struct held held = { 0 };
	bool knows_owners = true;
	int r = store_run_load(engine->store, arena, facts->run->plan_run, &plan_run, err);

	if (r == 0)
		r = store_job_load(engine->store, arena, job->plan_job, &plan_job, err);
	if (r == 0)
		r = held_read(engine, arena, facts->pull->id, &held, err);
	if (r == 0)
		r = gate_read(engine, arena, facts->pull, &plan_run,
			&(struct gate_question){ .plans = &plan_job,
				.plan_count = 1,
				.initiator = facts->run->actor,
				.breaks_glass = !str_empty(facts->run->reason),
				.max_age_ms = FACTS_NOW_MS,
				.is_fresh = &facts->is_fresh },
			gate, err);
	if (r == 0)
		r = policies_read(engine, arena, facts->pull, &plan_run, &plan_job, "",
			&(struct gate_question){
				.max_age_ms = FACTS_NOW_MS, .is_fresh = &knows_owners },
			&policies, err);
	if (r < 0)
		return r;
	facts->is_fresh = facts->is_fresh && knows_owners;
	if (facts->pull->state != PULL_OPEN)
		*ret_why = "the pull request is no longer open";
	else if (!str_equal(facts->pull->head, facts->run->head) ||
		 facts->pull->plan_run.v != plan_run.id.v)
		*ret_why = "a newer push or plan came";
	else if (!is_of_plan(facts, &plan_run, &plan_job))
		*ret_why = "the plan is not the one that was approved";
	else if (plan_job.is_applied && job->attempt == 0)
		*ret_why = "this plan was used before";
	else if (!lock_is_held(&held, job))
		*ret_why = "the lock of the project is gone";
	else if (!policies.verdict.open)
		*ret_why = policies.verdict.missing;
	else if (!gate->open)
		*ret_why = gate->missing;
	else
		facts->is_usable = true;
	return 0;
}

/* Without `approved` among the requirements an import needs no plan's approval, unless an
 * environment or owners guard the project. */
int change_gate(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *plan, const char *actor, bool *ret_fresh,
	struct gate_verdict *ret, struct err *err)
{
	struct pull as_planned = *pull; /* the plan is void, its approvals are not */
	struct project_guard guard;
	struct recipe recipe;
	int r = recipe_read(plan->recipe, arena, &recipe, err);

	*ret = (struct gate_verdict){ .open = true, .missing = "" };
	*ret_fresh = true;
	as_planned.plan_run = plan_run->id;
	if (r == 0)
		r = project_guard_read(plan->guard, arena, &guard, err);
	if (r < 0 || (recipe.import_requires == 0 && str_empty(guard.environment) &&
			     guard.owners.count == 0))
		return r;
	return gate_read(engine, arena, &as_planned, plan_run,
		&(struct gate_question){ .plans = plan,
			.plan_count = 1,
			.initiator = actor,
			.also_requires = recipe.import_requires,
			.max_age_ms = FACTS_NOW_MS,
			.is_fresh = ret_fresh },
		ret, err);
}

static int plan_of_change(struct engine *engine, struct arena *arena, const struct facts *facts,
	struct job *ret, struct err *err)
{
	struct job *plans = NULL;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, facts->run->plan_run, &plans, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (plans[i].op == JOB_PLAN && str_equal(plans[i].dir, facts->job->dir) &&
			str_equal(plans[i].workspace, facts->job->workspace) &&
			str_equal(plans[i].project, facts->job->project)) {
			*ret = plans[i];
			return 0;
		}
	}
	return r < 0 ? r : err_set(err, ERR_MISSING, "the plan of an import is gone");
}

static int read_change(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err)
{
	struct run plan_run;
	struct job plan;
	struct held held = { 0 };
	int r = store_run_load(engine->store, arena, facts->run->plan_run, &plan_run, err);

	if (r == 0)
		r = held_read(engine, arena, facts->pull->id, &held, err);
	if (r == 0)
		r = plan_of_change(engine, arena, facts, &plan, err);
	if (r == 0)
		r = change_gate(engine, arena, facts->pull, &plan_run, &plan, facts->run->actor,
			&facts->is_fresh, gate, err);
	if (r < 0)
		return r;
	if (facts->pull->state != PULL_OPEN)
		*ret_why = "the pull request is no longer open";
	else if (!str_equal(facts->pull->head, facts->run->head) ||
		 facts->pull->plan_run.v != facts->run->id.v)
		*ret_why = "a newer push or plan came";
	else if (!lock_is_held(&held, facts->job))
		*ret_why = "the lock of the project is gone";
	else if (!gate->open)
		*ret_why = gate->missing;
	else
		facts->is_usable = true;
	return 0;
}

static int read_plan(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err)
{
	int r = gate_read_plan(
		engine, arena, facts->pull, facts->run, facts->job, &facts->is_fresh, gate, err);

	facts->is_usable = r == 0 && gate->open;
	*ret_why = r == 0 ? gate->missing : "";
	return r;
}

/* While a pull request works on a project, what is found there is its own doing. */
static int read_drift(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err)
{
	struct lock_row *locks = NULL;
	size_t count = 0;
	int r = store_lock_list_project(engine->store, arena, facts->pull->repo_id, facts->job->dir,
		facts->job->workspace, &locks, &count, err);

	facts->is_usable = gate->open = r == 0 && count == 0;
	if (r == 0 && count > 0)
		*ret_why = arena_printf(
			arena, "pull request #%lld works on it", (long long)locks[0].pull_number);
	return r;
}

int begin_asks(const struct job *job, struct arena *arena, bool *ret, struct err *err)
{
	struct project_guard guard;
	int r = 0;

	*ret = job_repeat_class(job->op) == REPEAT_NEVER || job->op == JOB_DRIFT;
	if (job->op == JOB_PLAN && !str_empty(job->guard)) {
		r = project_guard_read(job->guard, arena, &guard, err);
		*ret = r == 0 && guard.plan_requires != 0;
	}
	return r;
}

int begin_read(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err)
{
	facts->gate = gate;
	facts->is_fresh = true;
	if (facts->job->op == JOB_DRIFT)
		return read_drift(engine, arena, facts, gate, ret_why, err);
	if (facts->job->op == JOB_PLAN)
		return read_plan(engine, arena, facts, gate, ret_why, err);
	return facts->job->op == JOB_APPLY ? read_apply(engine, arena, facts, gate, ret_why, err)
					   : read_change(engine, arena, facts, gate, ret_why, err);
}

int begin_allowed(struct engine *engine, struct arena *arena, const struct job *job, bool *ret,
	bool *ret_waits, struct err *err)
{
	struct gate_verdict gate = { 0 };
	struct facts facts = { .job = job };
	const char *why = "";
	struct pull pull;
	struct run run;
	int r = store_run_load(engine->store, arena, job->run_id, &run, err);

	if (r == 0)
		r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	facts.run = &run;
	facts.pull = &pull;
	if (r == 0)
		r = begin_read(engine, arena, &facts, &gate, &why, err);
	*ret = r == 0 && facts.is_usable && gate.open;
	*ret_waits = r == 0 && !facts.is_fresh;
	return r;
}

int begin_note(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err)
{
	const struct job *job = facts->job;
	int r = 0;

	if (job->op != JOB_APPLY)
		return engine_audit(engine, arena,
			arena_printf(arena, "%s started", run_kind_name(facts->run->kind)),
			facts->run->actor, facts->pull->id, facts->run->id, err, "%s (%s) %s at %s",
			job->project, job->workspace, facts->run->extra_args, facts->run->head);
	/* a second attempt of an apply that never began uses the same plan */
	if (job->attempt == 0)
		r = store_job_set_applied(engine->store, job->plan_job, err);
	if (r == 0 && job->attempt == 0 && !str_empty(facts->run->reason))
		r = break_glass_note(engine, arena, facts, err);
	return r < 0 ? r : record_apply_started(engine, arena, facts, err);
}
