/* What PREFIX/apply says: not how one apply ended, but whether anything of the plans is left.
 * Branches are guarded with it, so it is green when there is nothing to apply, and never while
 * something is. */
#include "orchestrator/engine/private.h"
#include "orchestrator/model/project_kind.h"

/* Payloads of statuses: "" is the run's own; "apply" that of what is left of its plans; "plan
 * COMMIT" and "apply COMMIT" say the same of a merge queue's commit; POLICIES_STATUS. */
static const char of_plan[] = "plan", of_apply[] = "apply";

int apply_left(
	struct engine *engine, const struct job *jobs, size_t count, size_t *ret, struct err *err)
{
	*ret = 0;
	for (size_t i = 0; i < count; i++) {
		enum job_state state = JOB_DONE;
		bool is_left;
		int r = 0;

		if (jobs[i].op != JOB_PLAN)
			continue;
		if (job_is_merge(&jobs[i]))
			continue;
		is_left = jobs[i].state != JOB_DONE || (jobs[i].has_changes && !jobs[i].is_applied);
		if (!is_left && jobs[i].has_changes)
			r = store_job_apply_state(engine->store, &jobs[i], &state, err);
		if (r < 0 && r != -ERR_MISSING)
			return r;
		*ret += is_left || r < 0 || state != JOB_DONE;
	}
	return 0;
}

struct left {
	size_t applies; /* to do here */
	struct merges merges;
};

static int left_of(struct engine *engine, struct arena *arena, struct run_id plan_run,
	struct left *ret, struct err *err)
{
	struct job *jobs = NULL;
	struct pull pull;
	struct run run;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, plan_run, &jobs, &count, err);

	if (r == 0)
		r = apply_left(engine, jobs, count, &ret->applies, err);
	if (r == 0)
		r = store_run_load(engine->store, arena, plan_run, &run, err);
	if (r == 0)
		r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	return r < 0 ? r : merges_read(engine, arena, &pull, &run, jobs, count, &ret->merges, err);
}

int apply_status_narrow(struct engine *engine, struct arena *arena, const struct run *run,
	struct host_request *request, struct err *err)
{
	struct left left = { 0 };
	int r;

	if (run->kind != RUN_APPLY || run->state != RUN_DONE)
		return 0;
	r = left_of(engine, arena, run->plan_run, &left, err);
	if (r < 0 || (left.applies == 0 && left.merges.is_open))
		return r;
	request->status = STATUS_PENDING;
	request->description = left.applies == 0
				       ? arena_printf(arena, "to merge: %s", left.merges.missing)
				       : arena_printf(arena, "%.100s; %zu more to apply",
						 request->description, left.applies);
	return 0;
}

/* Something was said of this head before, and may hold no longer. */
static int was_said(struct engine *engine, const struct run *run, bool *ret, struct err *err)
{
	int r = store_run_has_head(
		engine->store, run->pull_id, run->head, false, 0, run->id.v, ret, err);

	if (r == 0 && !*ret)
		r = store_run_has_head(engine->store, run->pull_id, run->head, false, run->id.v,
			INT64_MAX, ret, err);
	return r;
}

int apply_status_put(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, enum run_state state, struct err *err)
{
	struct left left = { .applies = 1 };
	bool is_wanted = false;
	int r = state == RUN_DONE ? left_of(engine, arena, run->id, &left, err) : 0;

	is_wanted = left.applies == 0;
	if (r == 0 && !is_wanted && (state == RUN_DONE || state == RUN_FAILED))
		r = was_said(engine, run, &is_wanted, err);
	if (r < 0 || !is_wanted)
		return r;
	return effect_put(engine, EFFECT_STATUS, REPEAT_UPSERT,
		arena_printf(arena, "status:apply:%lld", (long long)run->id.v), pull, run->id,
		(struct job_id){ 0 }, of_apply, 0, err);
}

static int whole_status(struct engine *engine, struct arena *arena, const struct outbox_row *row,
	struct host_request *request, struct err *err)
{
	const char *prefix = engine_settings(engine, row->run)->status_prefix;
	struct left left = { 0 };
	bool is_free;
	struct run run;
	int r = store_run_load(engine->store, arena, row->run, &run, err);

	if (r == 0)
		r = left_of(engine, arena, row->run, &left, err);
	request->context = arena_printf(arena, "%s/%s", prefix, run_kind_name(RUN_APPLY));
	is_free = left.applies == 0 && left.merges.is_open;
	request->status = is_free && run.state == RUN_DONE ? STATUS_SUCCESS : STATUS_PENDING;
	request->description = run.state != RUN_DONE ? "waits for a plan that succeeds"
			       : left.applies > 0
				       ? arena_printf(arena, "%zu to apply", left.applies)
			       : !left.merges.is_open
				       ? arena_printf(arena, "to merge: %s", left.merges.missing)
			       : left.merges.count > 0 ? "the gates hold: merge it"
						       : "nothing is left to apply";
	return r;
}

int apply_status_request(struct engine *engine, struct arena *arena, const struct outbox_row *row,
	struct host_request *request, struct err *err)
{
	const char *head = strchr(row->payload, ' ');
	int r = str_equal(row->payload, POLICIES_STATUS)
			? policies_status_request(engine, arena, row, request, err)
		: str_starts(row->payload, of_apply)
			? whole_status(engine, arena, row, request, err)
			: 0;

	if (head == NULL)
		return r;
	request->head = head + 1;
	if (request->status != STATUS_SUCCESS) /* a queue waits for an end, whichever it is */
		request->status = STATUS_FAILURE;
	return r;
}

int group_status_put(struct engine *engine, struct arena *arena, const struct pull *pull,
	const char *head, struct err *err)
{
	const char *const kinds[] = { of_plan, of_apply };
	int r = 0;

	if (pull->plan_run.v == 0)
		return 0; /* nothing was ever said of it, and nothing of ours can be required */
	for (size_t i = 0; r == 0 && i < countof(kinds); i++)
		r = effect_put(engine, EFFECT_STATUS, REPEAT_UPSERT,
			arena_printf(arena, "status:group:%s:%s", kinds[i], head), pull,
			pull->plan_run, (struct job_id){ 0 },
			arena_printf(arena, "%s %s", kinds[i], head), 0, err);
	return r;
}
