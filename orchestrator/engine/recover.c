/* After a start: first only look (coldplug). What happened meanwhile is catchup.c's. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/fault.h"

/* What is found of jobs that were asked for. An apply without proof is never asked for again. */
static int recover_jobs(
	struct engine *engine, struct arena *arena, enum job_state state, struct err *err)
{
	struct executor *executor = engine->world.executor;
	struct job *jobs = NULL;
	size_t count = 0;
	int r = store_job_list_open(engine->store, arena, state, 1000000, &jobs, &count, err);

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
		if (locks[i].is_come)
			engine_post(engine, POSTED_LOCK_CAME)->pull = locks[i].pull;
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
