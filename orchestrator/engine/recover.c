/* After a start: first only look (coldplug), then react to what happened while we were away
 * (catchup). */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/fault.h"

/* What is found of jobs that were asked for. An apply without proof is never asked for again. */
static int recover_jobs(
	struct engine *engine, struct arena *arena, enum job_state state, struct err *err)
{
	struct executor *executor = engine->world.executor;
	struct job *jobs = NULL;
	size_t count = 0;
	int r = store_job_list_state(engine->store, arena, state, 1000000, &jobs, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		enum job_evidence evidence = EVIDENCE_STARTED;
		struct err problem;

		fault_point("engine.recover.job");
		if (executor->recover(executor, jobs[i].id, jobs[i].attempt, &evidence, &problem) <
			0) {
			engine_tell(engine, true, "a job's evidence cannot be read", &problem);
			evidence = EVIDENCE_STARTED;
		}
		if (evidence == EVIDENCE_NEVER)
			engine_post_job(engine, jobs[i].id, jobs[i].attempt, EV_VOID);
		else if (evidence == EVIDENCE_STARTED)
			engine_post_job(engine, jobs[i].id, jobs[i].attempt, EV_LOST);
	}
	return r;
}

/* The start of a job is never sent from an old outbox: its evidence decides. */
static int drop_old_starts(struct engine *engine, struct arena *arena, struct err *err)
{
	struct outbox_row *rows = NULL;
	size_t count = 0;
	int r = store_outbox_list_open(engine->store, arena, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].kind == EFFECT_JOB_START)
			r = store_outbox_done(engine->store, rows[i].id, rows[i].version, err);
	}
	return r;
}

/* Rows that must fit together; what does not is mended by asking the tables again, and said. */
static int check_runs(struct engine *engine, struct arena *arena, struct err *err)
{
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_run_list_active(engine->store, arena, &runs, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (runs[i].state == RUN_QUEUED)
			engine_post_run(engine, runs[i].id, EV_START);
		else if (runs[i].state == RUN_WORKING)
			engine_post_run(engine, runs[i].id, EV_JOB_ENDED);
	}
	return r;
}

static int check_locks(struct engine *engine, struct arena *arena, struct err *err)
{
	struct lock_row *locks = NULL;
	size_t count = 0;
	int r = store_lock_list(engine->store, arena, &locks, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = locks_tidy(engine, arena, locks[i].pull, err);
	}
	return r;
}

int recover_coldplug(struct engine *engine, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int r = drop_old_starts(engine, &arena, err);

	if (r == 0)
		r = store_inbox_reopen(engine->store, err);
	if (r == 0)
		r = check_runs(engine, &arena, err);
	if (r == 0)
		r = check_locks(engine, &arena, err);
	if (r == 0)
		r = recover_jobs(engine, &arena, JOB_STARTING, err);
	if (r == 0)
		r = recover_jobs(engine, &arena, JOB_RUNNING, err);
	return r;
}

/* ---- heads that moved while we were away ---- */

struct listing {
	struct list in_engine;
	struct engine *engine; /* NULL: it went away before the host answered */
	struct repo_id repo;
	const char *host, *name;
	struct arena arena;
};

static void listing_free(struct listing *listing)
{
	list_remove(&listing->in_engine);
	arena_release(&listing->arena);
	free(listing);
}

static void post_pull(struct engine *engine, const struct vcs_event *from)
{
	struct posted *posted = engine_post(engine, POSTED_PULL);
	struct arena *arena = &posted->arena;

	posted->event = *from;
	posted->event.kind =
		VCS_PULL_PUSHED; /* the newest head; nothing happens when it is known */
	posted->event.host = arena_strdup(arena, from->host);
	posted->event.repo = arena_strdup(arena, from->repo);
	posted->event.clone_url = arena_strdup(arena, from->clone_url);
	posted->event.actor = arena_strdup(arena, from->actor);
	posted->event.author = arena_strdup(arena, from->author);
	posted->event.title = arena_strdup(arena, from->title);
	posted->event.head = arena_strdup(arena, from->head);
	posted->event.head_ref = arena_strdup(arena, from->head_ref);
	posted->event.base_ref = arena_strdup(arena, from->base_ref);
	posted->event.comment_id = posted->event.body = posted->event.review_head = "";
}

static const struct vcs_event *listed(const struct host_answer *answer, int64_t number)
{
	for (size_t i = 0; i < answer->pull_count; i++) {
		if (answer->pulls[i].number == number)
			return &answer->pulls[i];
	}
	return NULL;
}

static void on_list(void *owner, const struct host_answer *answer, const struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct listing *listing = owner;
	struct engine *engine = listing->engine;
	struct pull *pulls = NULL;
	size_t count = 0;
	struct err problem;

	if (engine == NULL) {
		listing_free(listing);
		return;
	}
	if (err != NULL) {
		engine_tell(engine, true, "a host could not list its open pull requests", err);
	} else if (store_pull_list(engine->store, &arena, PULL_OPEN, 1000000, &pulls, &count,
			   &problem) == 0) {
		size_t known = 0;

		for (size_t i = 0; i < count; i++) {
			const struct vcs_event *seen;

			if (pulls[i].repo_id.v != listing->repo.v)
				continue;
			known++;
			/* lists are in the same order on both sides most of the time */
			seen = known <= answer->pull_count &&
					       answer->pulls[answer->pull_count - known].number ==
						       pulls[i].number
				       ? &answer->pulls[answer->pull_count - known]
				       : listed(answer, pulls[i].number);
			if (seen == NULL) {
				struct posted *posted = engine_post(engine, POSTED_PULL_GONE);

				posted->pull = pulls[i].id;
			} else if (!str_equal(seen->head, pulls[i].head)) {
				post_pull(engine, seen);
			}
		}
		for (size_t i = 0; i < answer->pull_count && known != answer->pull_count; i++) {
			struct pull pull;

			if (store_pull_find(engine->store, &arena, listing->repo,
				    answer->pulls[i].number, &pull, &problem) == -ERR_MISSING)
				post_pull(engine, &answer->pulls[i]);
		}
	}
	listing_free(listing);
}

void listings_drop(struct engine *engine)
{
	struct list *item;

	while ((item = list_pop(&engine->listings)) != NULL)
		container_of(item, struct listing, in_engine)->engine = NULL;
}

int recover_catchup(struct engine *engine, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct repo *repos = NULL;
	size_t count = 0;
	int r = store_repo_list(engine->store, &arena, &repos, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct vcs_host *host = engine_host(engine, repos[i].host);
		struct listing *listing;

		if (host == NULL)
			continue;
		listing = mem_alloc(sizeof(*listing));
		listing->engine = engine;
		list_append(&engine->listings, &listing->in_engine);
		listing->repo = repos[i].id;
		listing->name = arena_strdup(&listing->arena, repos[i].name);
		host->send(host,
			&(struct host_request){ .call = HOST_LIST_OPEN, .repo = listing->name },
			on_list, listing);
	}
	return r;
}
