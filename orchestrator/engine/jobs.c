/* The jobs of a run, and the locks of their projects. */
#include "orchestrator/engine/private.h"

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

static bool is_either(const char *wanted, const char *value)
{
	return str_empty(wanted) || str_equal(wanted, value);
}

bool job_is_chosen(
	const struct job *job, const char *dir, const char *workspace, const char *project)
{
	return is_either(dir, job->dir) && is_either(workspace, job->workspace) &&
	       is_either(project, job->project);
}

/* ---- locks ---- */

static int wake_blocked(struct engine *engine, struct arena *arena, struct pull_id pull,
	const char *dir, const char *workspace, struct err *err)
{
	struct run *runs = NULL;
	size_t run_count = 0;
	int r = store_run_list_pull(engine->store, arena, pull, true, &runs, &run_count, err);

	for (size_t i = 0; r == 0 && i < run_count; i++) {
		struct job *jobs = NULL;
		size_t count = 0;

		r = store_job_list_states(engine->store, arena, runs[i].id, &jobs, &count, err);
		for (size_t k = 0; r == 0 && k < count; k++) {
			if (jobs[k].state == JOB_BLOCKED && str_equal(jobs[k].dir, dir) &&
				str_equal(jobs[k].workspace, workspace))
				r = job_event(engine, arena, jobs[k].id, jobs[k].attempt,
					EV_LOCK_FREE, NULL, err);
		}
	}
	return r;
}

int locks_release(struct engine *engine, struct pull_id pull, struct repo_id repo, const char *dir,
	const char *workspace, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct pull_id next = { 0 };
	int r = store_lock_release(engine->store, repo, dir, workspace, pull, &next, err);

	return r < 0 || next.v == 0 ? r : wake_blocked(engine, &arena, next, dir, workspace, err);
}

/* One rule for every end: a lock, or a place in a queue, is kept while something needs it. */
static int tidy_one(struct engine *engine, struct pull_id pull, struct repo_id repo,
	const char *dir, const char *workspace, struct err *err)
{
	bool is_needed = true;
	int r = store_lock_is_needed(engine->store, pull, dir, workspace, &is_needed, err);

	return r < 0 || is_needed ? r : locks_release(engine, pull, repo, dir, workspace, err);
}

int locks_tidy(struct engine *engine, struct arena *arena, struct pull_id pull, struct err *err)
{
	struct lock_row *locks = NULL;
	size_t count = 0;
	int r = store_lock_list_pull(engine->store, arena, pull, &locks, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = tidy_one(engine, pull, locks[i].repo, locks[i].dir, locks[i].workspace, err);
	return r;
}

int lock_tidy(struct engine *engine, const struct pull *pull, const char *dir,
	const char *workspace, struct err *err)
{
	return tidy_one(engine, pull->id, pull->repo_id, dir, workspace, err);
}

/* ---- plans ---- */

/* `plan -p X` keeps the plans of the others, when they are of the same tree. */
static int keep_plan(struct engine *engine, struct arena *arena, const struct run *run,
	struct job *job, bool *ret_kept, struct err *err)
{
	struct job *old = NULL;
	struct run before;
	size_t count = 0;
	int r;

	*ret_kept = false;
	if (job_is_chosen(job, run->only_dir, run->only_workspace, run->only_project) ||
		run->plan_run.v == 0)
		return 0;
	r = store_run_load(engine->store, arena, run->plan_run, &before, err);
	if (r < 0 || !str_equal(before.head, run->head) || !str_equal(before.tree, run->tree))
		return r;
	r = store_job_list_run(engine->store, arena, before.id, &old, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (old[i].op != JOB_PLAN || old[i].state != JOB_DONE ||
			!str_equal(old[i].dir, job->dir) ||
			!str_equal(old[i].workspace, job->workspace))
			continue;
		job->state = JOB_DONE;
		job->recipe = old[i].recipe; /* how its plan was made */
		r = store_job_insert(engine->store, job, &job->id, err);
		old[i].id = job->id;
		if (r == 0)
			r = store_job_set_result(engine->store, &old[i], err);
		if (r == 0 && old[i].is_applied)
			r = store_job_set_applied(engine->store, job->id, err);
		*ret_kept = true;
		return r;
	}
	return r;
}

static int make_plan(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct project *project, int position, struct err *err)
{
	struct job job = { .run_id = run->id,
		.pull_id = pull->id,
		.op = JOB_PLAN,
		.project = project->name,
		.dir = project->dir,
		.workspace = str_empty(run->only_workspace) ? project->workspace
							    : run->only_workspace,
		.tool = project->tool,
		.recipe = project->recipe,
		.position = position,
		.plan_blob = "" };
	bool is_kept = false;
	int place = 0;
	int r = keep_plan(engine, arena, run, &job, &is_kept, err);

	if (r < 0 || is_kept ||
		!job_is_chosen(&job, run->only_dir, run->only_workspace, run->only_project))
		return r;
	r = store_lock_take(
		engine->store, pull->repo_id, job.dir, job.workspace, pull->id, &place, err);
	job.state = place == 0 ? JOB_WAITING : JOB_BLOCKED;
	return r < 0 ? r : store_job_insert(engine->store, &job, &job.id, err);
}

int jobs_make_plans(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct planned *planned, struct err *err)
{
	const struct project *projects = planned->selection.projects;
	size_t count = planned->selection.project_count;
	struct run fresh; /* with the tree that git's answer has just brought */
	int r = store_run_load(engine->store, arena, run->id, &fresh, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = make_plan(engine, arena, pull, &fresh, &projects[i], (int)i + 1, err);
	engine->slots_may_be_free = true;
	/* Nothing was chosen by -d, -w, -p, or every plan was kept: the run ends as its jobs say.
	 */
	if (r == 0 && count > 0)
		engine_post_run(engine, run->id, EV_JOB_ENDED);
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
	return r < 0 ? r
		     : store_job_list_run(engine->store, arena, ret->id, ret_jobs, ret_count, err);
}

/* ---- applies ---- */

int jobs_make_applies(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err)
{
	struct job *plans = NULL;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, run->plan_run, &plans, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct job *plan = &plans[i];
		struct job job = { .run_id = run->id,
			.pull_id = pull->id,
			.op = JOB_APPLY,
			.state = JOB_WAITING,
			.project = plan->project,
			.dir = plan->dir,
			.workspace = plan->workspace,
			.tool = plan->tool,
			.recipe = plan->recipe,
			.position = plan->position,
			.plan_blob = plan->plan_blob,
			.plan_job = plan->id };

		if (plan->op != JOB_PLAN || plan->state != JOB_DONE || !plan->has_changes ||
			plan->is_applied ||
			!job_is_chosen(plan, run->only_dir, run->only_workspace, run->only_project))
			continue;
		r = store_job_insert(engine->store, &job, &job.id, err);
	}
	engine->slots_may_be_free = true;
	return r;
}
