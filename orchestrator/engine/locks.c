/* Which pull request may work on which project.
 *
 * What follows is of projects that belong to a pull request from its plan on. Where the
 * configuration says from its apply on, nobody waits: who applies takes all locks or none. And
 * where it says never, a lock lasts as long as the apply itself, so that in every mode two changes
 * of one project never run at the same time.
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
#include "orchestrator/model/steps.h"

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

/* Plans that ended before it keep no lock any more; 0: none is too old. */
static int64_t oldest_ms(const struct engine *engine)
{
	int64_t lasts_ms = engine->world.settings->lock_expires_ms;

	return lasts_ms == 0 ? 0 : engine_now(engine) - lasts_ms;
}

/* One rule for every end: a lock, or a place in a queue, is kept while something needs it. */
static int tidy_one(
	struct engine *engine, struct arena *arena, const struct lock_row *lock, struct err *err)
{
	bool is_needed = true;
	int r = store_lock_is_needed(engine->store, lock, oldest_ms(engine), &is_needed, err);

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
	return store_lock_take(engine->store, lock->repo, lock->dir, lock->workspace, lock->pull,
		lock->mode, &place, err);
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

/* What an older plan held, when the configuration was another. */
static int leave(struct engine *engine, struct arena *arena, const struct held *held,
	const struct project *project, struct err *err)
{
	bool is_in_use = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < held->count; i++) {
		const struct lock_row *lock = &held->locks[i];

		if (!str_equal(lock->dir, project->dir) ||
			!str_equal(lock->workspace, project->workspace))
			continue;
		r = store_lock_is_in_use(
			engine->store, lock->pull, lock->dir, lock->workspace, &is_in_use, err);
		if (r == 0 && !is_in_use)
			r = release(engine, arena, lock, err);
	}
	return r;
}

int locks_take(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct selection *selection, struct held *ret, struct err *err)
{
	int r = held_read(engine, arena, pull->id, ret, err);

	for (size_t i = 0; r == 0 && i < selection->project_count; i++) {
		const struct project *project = &selection->projects[i];
		int place = 0;

		/* what is built has no state that two could change */
		if (project->config->lock != LOCK_ON_PLAN || kind_is_built(project->tool))
			r = leave(engine, arena, ret, project, err);
		else if (project->held == NULL)
			r = store_lock_take(engine->store, pull->repo_id, project->dir,
				project->workspace, pull->id, LOCK_ON_PLAN, &place, err);
	}
	if (r == 0)
		r = locks_untangle(engine, arena, pull, selection, err);
	return r < 0 ? r : held_read(engine, arena, pull->id, ret, err);
}

enum lock_mode lock_mode_of(const struct job *plan, struct arena *arena)
{
	struct recipe recipe;
	struct err ignored; /* then it is guarded as if nothing was said */

	return recipe_read(plan->recipe, arena, &recipe, &ignored) < 0 ? LOCK_ON_PLAN : recipe.lock;
}

static int holder_of(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct job *plan, int64_t *ret_number, struct err *err)
{
	struct lock_row *queue = NULL;
	size_t count = 0;
	int r = store_lock_list_project(engine->store, arena, pull->repo_id, plan->dir,
		plan->workspace, &queue, &count, err);

	*ret_number = r == 0 && count > 0 && queue[0].pull.v != pull->id.v ? queue[0].pull_number
									   : 0;
	return r;
}

int locks_take_now(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct job *plans, size_t count, const char **ret_why, struct err *err)
{
	int64_t number = 0;
	int r = 0, place = 0;

	*ret_why = NULL;
	for (size_t i = 0; r == 0 && *ret_why == NULL && i < count; i++) {
		r = holder_of(engine, arena, pull, &plans[i], &number, err);
		if (r == 0 && number != 0)
			*ret_why = arena_printf(arena,
				"%s belongs to #%lld, which holds its lock, until that is applied "
				"or given up",
				plans[i].project, (long long)number);
	}
	for (size_t i = 0; r == 0 && *ret_why == NULL && i < count; i++)
		r = store_lock_take(engine->store, pull->repo_id, plans[i].dir, plans[i].workspace,
			pull->id, lock_mode_of(&plans[i], arena), &place, err);
	return r;
}

/* ---- too old ---- */

int locks_will_expire(struct engine *engine, struct pull_id pull, struct err *err)
{
	int64_t lasts_ms = engine->world.settings->lock_expires_ms;

	return lasts_ms == 0 ? 0
			     : store_deadline_set(engine->store, DEADLINE_LOCKS, pull.v,
				       engine_now(engine) + lasts_ms + 1, err);
}

/* A newer plan has set a later time; what another reading of server.yaml says now holds. */
int locks_expire(struct engine *engine, struct arena *arena, struct pull_id id, struct err *err)
{
	struct held before = { 0 }, after = { 0 };
	struct pull pull;
	struct run run;
	int r = store_pull_load(engine->store, arena, id, &pull, err);

	if (r == 0)
		r = held_read(engine, arena, id, &before, err);
	if (r < 0 || before.count == 0 || pull.plan_run.v == 0)
		return r;
	r = store_run_load(engine->store, arena, pull.plan_run, &run, err);
	if (r == 0 && run.ended_ms > oldest_ms(engine))
		return locks_will_expire(engine, id, err);
	if (r == 0)
		r = locks_tidy(engine, arena, id, err);
	if (r == 0)
		r = held_read(engine, arena, id, &after, err);
	if (r < 0 || after.count == before.count)
		return r;
	r = engine_audit(engine, arena, "locks expired", "sluice", id, run.id, err,
		"%zu of %s#%lld: its plan was not applied in time", before.count - after.count,
		pull.repo, (long long)pull.number);
	return r < 0 ? r : run_say(engine, &pull, &run, false, err);
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
