/* The broom: once in a while a round through what is kept on disk and in old rows. The executor
 * finds what is old, rows say what is needed, and when they cannot be read everything is. A few
 * things at a time, when nothing else is to be done. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/metrics.h"

enum { STEP_GAP_MS = 10, FIRST_ROUND_MS = 60000 };

static bool is_needed(void *owner, const struct leftover *leftover)
{
	struct engine *engine = owner;
	int64_t logs_ms = engine_now(engine) - engine->world.settings->keep_logs_ms;
	bool needed = true;
	struct err err;
	int r = 0;

	switch (leftover->kind) {
	case LEFTOVER_BLOB:
		r = store_blob_is_needed(engine->store, leftover->name, logs_ms, &needed, &err);
		break;
	case LEFTOVER_TREE:
		r = store_tree_is_needed(
			engine->store, leftover->repo, leftover->name, &needed, &err);
		break;
	case LEFTOVER_JOB:
		r = store_job_dir_is_needed(
			engine->store, leftover->job, leftover->attempt, logs_ms, &needed, &err);
		break;
	}
	return r < 0 || needed;
}

static bool prune(struct engine *engine)
{
	struct err err;
	int count = 0;

	if (store_prune(engine->store, engine_now(engine) - engine->world.settings->keep_events_ms,
		    &count, &err) < 0)
		engine_tell(engine, true, "old rows could not be removed", &err);
	metrics_add(METRIC_SWEPT, count);
	return count > 0;
}

void upkeep_start(struct engine *engine)
{
	int64_t wait = engine->world.settings->sweep_every_ms;

	engine->sweep_at_ms = engine_monotonic(engine) +
			      (wait < FIRST_ROUND_MS ? wait : FIRST_ROUND_MS);
}

void upkeep_turn(struct engine *engine)
{
	const struct settings *settings = engine->world.settings;
	struct sweep sweep = { .leftover_age_ms = settings->keep_leftovers_ms,
		.init_age_ms = settings->keep_init_ms,
		.is_needed = is_needed,
		.owner = engine };
	int64_t now = engine_monotonic(engine);
	bool goes_on;

	if (now < engine->sweep_at_ms)
		return;
	goes_on = engine->world.executor->sweep(engine->world.executor, &sweep) || prune(engine);
	metrics_add(METRIC_SWEPT, sweep.removed);
	metrics_add(METRIC_SWEEPS, !goes_on);
	engine->sweep_at_ms = now + (goes_on ? STEP_GAP_MS : settings->sweep_every_ms);
}
