/* The jobs of a run. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/project_kind.h"
#include "orchestrator/model/steps.h"

int jobs_make_prepare(
	struct engine *engine, const struct pull *pull, const struct run *run, struct err *err)
{
	struct job job = { .run_id = run->id,
		.pull_id = pull->id,
		.op = JOB_PREPARE,
		.state = JOB_WAITING,
		.project = "",
		.dir = "",
		.workspace = "",
		.tool = "git",
		.plan_blob = "" };

	engine->slots_may_be_free = true;
	return store_job_insert(engine->store, &job, &job.id, err);
}

int jobs_choose(struct job *jobs, size_t *count, const char *dir, const char *workspace,
	const char *project, struct arena *arena, struct err *err)
{
	const struct name_list any_beginning = { 0 };
	struct chooser chooser;
	size_t kept = 0;
	int r = chooser_make(dir, workspace, project, &any_beginning, arena, &chooser, err);

	for (size_t i = 0; i < *count; i++)
		chooser_see(&chooser, jobs[i].project);
	for (size_t i = 0; r == 0 && i < *count; i++) {
		bool is_chosen = false;

		r = chooser_takes(
			&chooser, jobs[i].dir, jobs[i].workspace, jobs[i].project, &is_chosen, err);
		if (is_chosen)
			jobs[kept++] = jobs[i];
	}
	*count = kept;
	chooser_release(&chooser);
	return r;
}

/* ---- plans ---- */

static bool is_asked(const struct run *run)
{
	return !str_empty(run->only_dir) || !str_empty(run->only_workspace) ||
	       !str_empty(run->only_project);
}

static int keep_plan(struct engine *engine, const struct run *run, const struct job *old,
	int position, struct err *err)
{
	struct job kept = *old;
	int r;

	kept.run_id = run->id;
	kept.position = position;
	kept.attempt = 0;
	r = store_job_insert(engine->store, &kept, &kept.id, err);
	if (r == 0)
		r = store_job_set_result(engine->store, &kept, err);
	return r < 0 || !old->is_applied ? r : store_job_set_applied(engine->store, kept.id, err);
}

/* `plan -p X` keeps the plans of the others, when they are of the same tree and nobody else came
 * between. */
static int keep_plans(struct engine *engine, struct arena *arena, const struct run *run,
	const struct selection *selection, const struct held *held, struct err *err)
{
	int position = (int)selection->project_count;
	struct job *old = NULL;
	struct run before;
	size_t count = 0;
	int r;

	if (!is_asked(run) || run->plan_run.v == 0)
		return 0;
	r = store_run_load(engine->store, arena, run->plan_run, &before, err);
	if (r < 0 || !str_equal(before.head, run->head) || !str_equal(before.tree, run->tree))
		return r;
	r = store_job_list_run(engine->store, arena, before.id, &old, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (old[i].op == JOB_PLAN && old[i].state == JOB_DONE &&
			!selection_has(selection, old[i].dir, old[i].workspace) &&
			(!old[i].has_changes || old[i].is_applied || lock_is_held(held, &old[i]) ||
				kind_is_built(old[i].tool) ||
				lock_mode_of(&old[i], arena) != LOCK_ON_PLAN))
			r = keep_plan(engine, run, &old[i], ++position, err);
	}
	return r;
}

static const char *lines_of(const struct name_list *names, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(1 << 20);

	for (size_t i = 0; i < names->count; i++)
		strbuf_printf(&lines, "%s%s", i == 0 ? "" : "\n", names->list[i]);
	return arena_strdup(arena, strbuf_text(&lines));
}

/*~ 18. A job for each project. It waits where another pull request holds the project's lock. */
static int make_plan(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct planned *planned, size_t index, const struct held *held,
	struct err *err)
{
	const struct project *project = &planned->selection.projects[index];
	bool goes_alone = !planned->config.parallel_plan;
	bool waits;
	bool is_first = project->before_count == 0 && !goes_alone &&
			project->group == planned->selection.projects[0].group;
	struct job job = { .run_id = run->id,
		.pull_id = pull->id,
		.op = JOB_PLAN,
		.project = project->name,
		.dir = project->dir,
		.workspace = project->workspace,
		.tool = project->tool,
		.recipe = project->recipe,
		.guard = project->guard,
		.position = (int)index + 1,
		.order_group = project->group,
		.depends_on = lines_of(&project->waits_for, arena),
		.aborts_with_group = planned->config.abort_on_failure,
		.goes_alone = goes_alone,
		.plan_blob = "" };
	int r;

	if (project->held != NULL) {
		job.state = JOB_SKIPPED;
		r = store_job_insert(engine->store, &job, &job.id, err);
		job.failure = project->held;
		job.output = job.summary = job.log_blob = job.step = "";
		return r < 0 ? r : store_job_set_result(engine->store, &job, err);
	}
	waits = project->config->lock == LOCK_ON_PLAN && !kind_is_built(job.tool) &&
		!lock_is_held(held, &job);
	job.state = waits ? JOB_BLOCKED : is_first ? JOB_WAITING : JOB_HELD;
	return store_job_insert(engine->store, &job, &job.id, err);
}

int jobs_make_plans(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct planned *planned, struct err *err)
{
	size_t count = planned->selection.project_count;
	struct held held = { 0 };
	struct run fresh; /* with the tree that git's answer has just brought */
	int r = store_run_load(engine->store, arena, run->id, &fresh, err);

	if (r == 0)
		r = locks_take(engine, arena, pull, &planned->selection, &held, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = make_plan(engine, arena, pull, &fresh, planned, i, &held, err);
	if (r == 0 && count > 0) /* some may have ended before they began */
		engine_post_run(engine, run->id, EV_JOB_ENDED);
	if (r == 0)
		r = keep_plans(engine, arena, &fresh, &planned->selection, &held, err);
	engine->slots_may_be_free = true;
	return r;
}

int plan_set_load(struct engine *engine, struct arena *arena, const struct pull *pull,
	struct run *ret, struct job **ret_jobs, size_t *ret_count, struct err *err)
{
	int r;

	if (pull->plan_run.v == 0)
		return err_set(err, ERR_MISSING, "there is no plan");
	r = store_run_load(engine->store, arena, pull->plan_run, ret, err);
	if (r == 0 && (!str_equal(ret->head, pull->head) || ret->state == RUN_SUPERSEDED ||
			      ret->state == RUN_CANCELLED))
		return err_set(err, ERR_MISSING, "the plan is not of the newest head");
	if (r == 0 && ret->kind != RUN_PLAN)
		return err_set(err, ERR_STALE, "the state was changed by hand since");
	return r < 0 ? r
		     : store_job_list_run(engine->store, arena, ret->id, ret_jobs, ret_count, err);
}

/* ---- applies ---- */

static bool is_to_apply(const struct job *plan)
{
	return plan->op == JOB_PLAN && plan->state == JOB_DONE && plan->has_changes &&
	       !plan->is_applied && !kind_is_built(plan->tool);
}

/* What is approved is a change of files that are no more: a plan of those that are says what it
 * would do now. */
static int refuse_moved(struct engine *engine, struct arena *arena, const struct run *run,
	struct job *job, const char *why, struct err *err)
{
	int r;

	job->state = JOB_REFUSED;
	job->failure = arena_printf(arena,
		"The base branch has changed what %s is made of since its plan (%s): plan again.",
		job->project, why);
	job->output = job->summary = job->log_blob = job->step = "";
	r = store_job_insert(engine->store, job, &job->id, err);
	if (r == 0)
		r = store_job_set_result(engine->store, job, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, "apply refused", run->actor, run->pull_id,
			       run->id, err, "%s (%s) at %s: the base branch moved: %s",
			       job->project, job->workspace, run->head, why);
}

static struct job apply_of(
	const struct job *plan, const struct run *run, enum job_state state, struct arena *arena)
{
	struct recipe recipe;
	struct err ignored; /* then the job says so; alone is never wrong */
	bool goes_together = recipe_read(plan->recipe, arena, &recipe, &ignored) == 0 &&
			     recipe.applies_together;

	return (struct job){ .run_id = run->id,
		.pull_id = run->pull_id,
		.op = JOB_APPLY,
		.state = state,
		.project = plan->project,
		.dir = plan->dir,
		.workspace = plan->workspace,
		.tool = plan->tool,
		.recipe = plan->recipe,
		.position = plan->position,
		.order_group = plan->order_group,
		.depends_on = plan->depends_on,
		.aborts_with_group = plan->aborts_with_group,
		.goes_alone = !goes_together,
		.plan_blob = plan->plan_blob,
		.plan_job = plan->id };
}

int jobs_make_applies(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct planned *moves, struct err *err)
{
	struct job *plans = NULL;
	size_t count = 0, chosen = 0, moved = 0;
	bool has_hooks = false;
	int r = store_job_list_run(engine->store, arena, run->plan_run, &plans, &count, err);

	if (r == 0)
		r = jobs_choose(plans, &count, run->only_dir, run->only_workspace,
			run->only_project, arena, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!is_to_apply(&plans[i]))
			continue;
		moved += planned_moved(moves, &plans[i], arena) != NULL;
		plans[chosen++] = plans[i];
	}
	if (r == 0 && chosen > moved)
		r = hooks_add(engine, arena, pull, run, false, &has_hooks, err);
	for (size_t i = 0; r == 0 && i < chosen; i++) {
		const char *why = planned_moved(moves, &plans[i], arena);
		struct job job = apply_of(
			&plans[i], run, chosen == 1 && !has_hooks ? JOB_WAITING : JOB_HELD, arena);

		r = why != NULL ? refuse_moved(engine, arena, run, &job, why, err)
				: store_job_insert(engine->store, &job, &job.id, err);
	}
	engine->slots_may_be_free = true;
	if (r == 0 && (chosen > 1 || moved > 0)) /* those that wait for nobody go on */
		engine_post_run(engine, run->id, EV_JOB_ENDED);
	return r;
}

/* ---- what is changed by hand ---- */

int jobs_make_change(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err)
{
	struct job *plans = NULL;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, run->plan_run, &plans, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct job job = { .run_id = run->id,
			.pull_id = pull->id,
			.op = run->kind == RUN_IMPORT ? JOB_IMPORT : JOB_STATE_RM,
			.state = JOB_WAITING,
			.project = plans[i].project,
			.dir = plans[i].dir,
			.workspace = plans[i].workspace,
			.tool = plans[i].tool,
			.recipe = plans[i].recipe,
			.position = plans[i].position,
			.plan_blob = "" };

		if (plans[i].op != JOB_PLAN || !str_equal(run->only_dir, plans[i].dir) ||
			!str_equal(run->only_workspace, plans[i].workspace) ||
			!str_equal(run->only_project, plans[i].project))
			continue;
		engine->slots_may_be_free = true;
		return store_job_insert(engine->store, &job, &job.id, err);
	}
	return r < 0 ? r
		     : err_set(err, ERR_BUG, "the project of a %s is gone",
			       run_kind_name(run->kind));
}
