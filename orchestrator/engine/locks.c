/* Which pull request may work on which project.
 *
 * All locks of a plan are taken in one transaction; where another pull request was first there is a
 * place in the queue of that project. So a pull request may hold some locks and wait for others. A
 * circle of such, each waiting for the next, never stays: whoever closes it goes to the end of its
 * queues. What is left is without circles, so somebody can always go on, and nobody who stays in a
 * queue is overtaken.
 *
 * A lock that comes to one who waited stands on a base that has moved meanwhile, most often by what
 * the one before merged: when the last one comes, the whole is planned again. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/project_kind.h"

enum { TOLD_PLACES = 5 }; /* of a long queue, those who learn of each step */

bool lock_is_held(const struct held *held, const struct job *job)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct lock_row *lock = &held->locks[i];

		if (lock->place == 0 && str_equal(lock->dir, job->dir) &&
			str_equal(lock->workspace, job->workspace))
			return true;
	}
	return false;
}

int held_read(struct engine *engine, struct arena *arena, struct pull_id pull, struct held *ret,
	struct err *err)
{
	return store_lock_list_pull(engine->store, arena, pull, &ret->locks, &ret->count, err);
}

static bool is_waiting(const struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		if (held->locks[i].place > 0)
			return true;
	}
	return false;
}

/* ---- given back ---- */

/* Whose place is another now is told so; the pull requests at the end of a long queue are not:
 * their comments would be edited more often than they are read. */
static int say_places(
	struct engine *engine, struct arena *arena, const struct lock_row *left, struct err *err)
{
	struct lock_row *queue = NULL;
	size_t count = 0;
	int r = store_lock_list_project(
		engine->store, arena, left->repo, left->dir, left->workspace, &queue, &count, err);

	for (size_t i = 0; r == 0 && i < count && queue[i].place <= TOLD_PLACES; i++) {
		struct pull pull;
		struct run run;

		if (queue[i].place == 0)
			continue;
		r = store_pull_load(engine->store, arena, queue[i].pull, &pull, err);
		if (r < 0 || pull.plan_run.v == 0)
			continue;
		r = store_run_load(engine->store, arena, pull.plan_run, &run, err);
		if (r == 0)
			r = run_say(engine, &pull, &run, false, err);
	}
	return r;
}

static int release(
	struct engine *engine, struct arena *arena, const struct lock_row *lock, struct err *err)
{
	struct pull_id next = { 0 };
	int r = store_lock_release(
		engine->store, lock->repo, lock->dir, lock->workspace, lock->pull, &next, err);

	if (r == 0 && next.v != 0)
		engine_post(engine, POSTED_LOCK_CAME)->pull = next;
	return r < 0 ? r : say_places(engine, arena, lock, err);
}

/* One rule for every end: a lock, or a place in a queue, is kept while something needs it. */
static int tidy_one(
	struct engine *engine, struct arena *arena, const struct lock_row *lock, struct err *err)
{
	bool is_needed = true;
	int r = store_lock_is_needed(
		engine->store, lock->pull, lock->dir, lock->workspace, &is_needed, err);

	return r < 0 || is_needed ? r : release(engine, arena, lock, err);
}

int locks_tidy(struct engine *engine, struct arena *arena, struct pull_id pull, struct err *err)
{
	struct held held = { 0 };
	int r = held_read(engine, arena, pull, &held, err);

	for (size_t i = 0; r == 0 && i < held.count; i++)
		r = tidy_one(engine, arena, &held.locks[i], err);
	return r;
}

int lock_tidy(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct job *job, struct err *err)
{
	struct lock_row lock = { .repo = pull->repo_id,
		.dir = job->dir,
		.workspace = job->workspace,
		.pull = pull->id };

	return tidy_one(engine, arena, &lock, err);
}

/* ---- taken ---- */

/* To the end of the queue, if the newest plan wants it at all. */
static int give_way(struct engine *engine, struct arena *arena, const struct lock_row *lock,
	const struct selection *selection, struct err *err)
{
	bool is_in_use = false;
	int place = 0;
	int r = store_lock_is_in_use(
		engine->store, lock->pull, lock->dir, lock->workspace, &is_in_use, err);

	if (r < 0 || is_in_use)
		return r;
	r = release(engine, arena, lock, err);
	if (r < 0 || (selection != NULL && !selection_has(selection, lock->dir, lock->workspace)))
		return r;
	return store_lock_take(
		engine->store, lock->repo, lock->dir, lock->workspace, lock->pull, &place, err);
}

int locks_untangle(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct selection *selection, struct err *err)
{
	struct held held = { 0 };
	bool is_circle = false;
	int r = held_read(engine, arena, pull->id, &held, err);

	if (r < 0 || held.count < 2 || !is_waiting(&held))
		return r;
	r = store_lock_in_circle(engine->store, pull->id, &is_circle, err);
	if (r < 0 || !is_circle)
		return r;
	for (size_t i = 0; r == 0 && i < held.count; i++)
		r = give_way(engine, arena, &held.locks[i], selection, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, "locks gave way", "sluice", pull->id,
			       pull->plan_run, err,
			       "%s#%lld and others waited for each other: it is behind them now",
			       pull->repo, (long long)pull->number);
}

int locks_take(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct selection *selection, struct held *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < selection->project_count; i++) {
		const struct project *project = &selection->projects[i];
		int place = 0;

		/* what is built has no state that two could change */
		if (project->held == NULL && !kind_is_built(project->tool))
			r = store_lock_take(engine->store, pull->repo_id, project->dir,
				project->workspace, pull->id, &place, err);
	}
	if (r == 0)
		r = locks_untangle(engine, arena, pull, selection, err);
	return r < 0 ? r : held_read(engine, arena, pull->id, ret, err);
}

/* ---- a lock came ---- */

int locks_came(struct engine *engine, struct arena *arena, struct pull_id id, struct err *err)
{
	struct held held = { 0 };
	bool is_come = false;
	struct pull pull;
	struct run run;
	int r = held_read(engine, arena, id, &held, err);

	for (size_t i = 0; i < held.count; i++)
		is_come = is_come || held.locks[i].is_come;
	if (r < 0 || !is_come)
		return r;
	r = store_pull_load(engine->store, arena, id, &pull, err);
	if (r < 0 || pull.state != PULL_OPEN || pull.plan_run.v == 0)
		return r;
	r = store_run_load(engine->store, arena, pull.plan_run, &run, err);
	if (r < 0 || run.kind != RUN_PLAN || !str_equal(run.head, pull.head))
		return r;
	if (is_waiting(&held)) /* the last one is what it waits for */
		return run_say(engine, &pull, &run, false, err);
	return plan_repeat(engine, arena, &pull, &run, err);
}
