/* Timers that came due. A row goes before it is acted on: what it is for is posted with it. */
#include "orchestrator/engine/private.h"

/* A job that was asked for and has not been heard of. */
static void look_for_job(struct engine *engine, struct arena *arena, struct job_id id)
{
	struct executor *executor = engine->world.executor;
	enum job_evidence evidence = EVIDENCE_ALIVE;
	struct job job;
	struct err err;

	if (store_job_load(engine->store, arena, id, &job, &err) < 0 || job.state != JOB_STARTING ||
		executor->recover(executor, id, job.attempt, &evidence, &err) < 0)
		return;
	if (evidence == EVIDENCE_NEVER)
		engine_post_job(engine, id, job.attempt, EV_VOID);
	else if (evidence == EVIDENCE_STARTED)
		engine_post_job(engine, id, job.attempt, EV_LOST);
}

void deadlines_handle(struct engine *engine)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct deadline_row *rows = NULL;
	size_t count = 0;
	struct err err;

	if (store_deadline_due(engine->store, &arena, engine_now(engine), &rows, &count, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (store_deadline_clear(engine->store, rows[i].kind, rows[i].subject, &err) < 0)
			return;
		if (str_equal(rows[i].kind, DEADLINE_PLAN))
			engine_post(engine, POSTED_PLAN_AGAIN)->pull.v = rows[i].subject;
		else if (str_equal(rows[i].kind, DEADLINE_LOCKS))
			engine_post(engine, POSTED_LOCKS_OLD)->pull.v = rows[i].subject;
		else if (str_equal(rows[i].kind, DEADLINE_DRIFT))
			drift_overdue(engine, (struct run_id){ rows[i].subject });
		else
			look_for_job(engine, &arena, (struct job_id){ rows[i].subject });
	}
}
