/* Rows -> what the renderer needs, read at the moment of sending: the newest state wins. */
#include "orchestrator/engine/annotations.h"
#include "orchestrator/engine/private.h"

/* Plans of one head share one comment; each apply has its own. */
const char *view_marker(const struct run *run, struct arena *arena)
{
	if (run->kind == RUN_PLAN)
		return arena_printf(
			arena, "sluice:plan:%lld:%.12s", (long long)run->pull_id.v, run->head);
	return arena_printf(arena, "sluice:apply:%lld", (long long)run->id.v);
}

static int lock_words(struct engine *engine, struct arena *arena, const struct pull *pull,
	struct view_job *jobs, size_t count, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct lock_row *queue = NULL;
		size_t length = 0;

		if (jobs[i].job->state != JOB_BLOCKED)
			continue;
		r = store_lock_list_project(engine->store, arena, pull->repo_id, jobs[i].job->dir,
			jobs[i].job->workspace, &queue, &length, err);
		for (size_t k = 0; r == 0 && k < length; k++) {
			if (queue[k].pull.v != pull->id.v)
				continue;
			jobs[i].lock_place = queue[k].place;
			jobs[i].lock_pull = queue[0].pull_number;
			jobs[i].lock_author = queue[0].author;
			jobs[i].lock_since_ms = queue[0].since_ms;
		}
	}
	return r;
}

static int view_jobs(struct engine *engine, struct arena *arena, struct view *view, struct err *err)
{
	struct job *jobs = NULL;
	struct view_job *shown;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, view->run->id, &jobs, &count, err);

	if (r < 0)
		return r;
	shown = arena_alloc(arena, (count + 1) * sizeof(*shown));
	for (size_t i = 0; i < count; i++) {
		/* hooks are only spoken of when they go wrong */
		if (jobs[i].op == JOB_HOOKS &&
			(!job_state_is_final(jobs[i].state) || jobs[i].state == JOB_DONE))
			continue;
		if (jobs[i].op != JOB_PREPARE)
			shown[view->job_count++].job = &jobs[i];
	}
	view->jobs = shown;
	return lock_words(engine, arena, view->pull, shown, view->job_count, err);
}

static int view_policies(
	struct engine *engine, struct arena *arena, struct view *view, struct err *err)
{
	struct view_job *shown = (struct view_job *)(uintptr_t)view->jobs;
	int r = 0;

	if (view->run->kind != RUN_PLAN || !run_state_is_final(view->run->state))
		return 0;
	for (size_t i = 0; r == 0 && i < view->job_count; i++) {
		struct policies_state *policies = arena_alloc(arena, sizeof(*policies));

		if (shown[i].job->op != JOB_PLAN || shown[i].job->state != JOB_DONE)
			continue;
		r = policies_read(engine, arena, view->pull, view->run, shown[i].job, "",
			&(struct gate_question){ .max_age_ms = FACTS_SHOWN_MS }, policies, err);
		shown[i].policies = &policies->verdict;
	}
	return r;
}

static int view_gate(struct engine *engine, struct arena *arena, struct view *view, struct err *err)
{
	struct gate_verdict *gate = arena_alloc(arena, sizeof(*gate));
	struct job *plans;
	size_t count = 0;
	int r;

	if (view->run->kind != RUN_PLAN || !run_state_is_final(view->run->state) ||
		view->pull->plan_run.v != view->run->id.v)
		return 0;
	plans = arena_alloc(arena, (view->job_count + 1) * sizeof(*plans));
	for (size_t i = 0; i < view->job_count; i++) {
		const struct job *job = view->jobs[i].job;

		if (job->op == JOB_PLAN && job->state == JOB_DONE && job->has_changes &&
			!job->is_applied)
			plans[count++] = *job;
	}
	r = gate_show(engine, arena, view->pull, view->run,
		&(struct gate_question){ .plans = plans,
			.plan_count = count,
			.initiator = "",
			.max_age_ms = FACTS_SHOWN_MS },
		gate, err);
	view->gate = gate;
	return r;
}

/* A plan whose state was changed by hand says so. */
static int view_void(struct engine *engine, struct arena *arena, struct view *view, struct err *err)
{
	static const char *const notes[] = {
		"This plan is void: the state was changed by an import or a removal after it."
	};
	struct run newest;
	int r;

	if (view->run->kind != RUN_PLAN || view->pull->plan_run.v <= view->run->id.v)
		return 0;
	r = store_run_load(engine->store, arena, view->pull->plan_run, &newest, err);
	if (r == 0 && newest.kind != RUN_PLAN && newest.plan_run.v == view->run->id.v) {
		view->notes = (const char **)(uintptr_t)notes;
		view->note_count = countof(notes);
	}
	return r;
}

static enum status_state status_state(const struct view *view)
{
	switch (view->run->state) {
	case RUN_DONE:
		return STATUS_SUCCESS;
	case RUN_QUEUED:
	case RUN_PREPARING:
	case RUN_HOOKS:
	case RUN_WORKING:
		return STATUS_PENDING;
	case RUN_FAILED:
	case RUN_REFUSED:
	case RUN_CANCELLED:
	case RUN_SUPERSEDED:
		return STATUS_FAILURE;
	case RUN_INTERRUPTED:
		return STATUS_ERROR;
	}
	return STATUS_ERROR;
}

/* What failed, beside the lines that the tool names. */
static void annotate(const struct view *view, struct arena *arena, struct host_request *request)
{
	struct annotations found = { 0 };

	for (size_t i = 0; i < view->job_count; i++) {
		if (view->jobs[i].job->state == JOB_FAILED)
			annotations_add(
				&found, view->jobs[i].job->failure, view->jobs[i].job->dir, arena);
	}
	request->annotations = found.list;
	request->annotation_count = found.count;
}

int view_render(struct engine *engine, struct arena *arena, struct run_id id,
	const struct vcs_host *host, const char *prefix, bool has_spoken, struct pull *ret_pull,
	struct rendered *ret, struct host_request *ret_status, struct err *err)
{
	struct run *run = arena_alloc(arena, sizeof(*run));
	const struct sandbox_settings *sandbox;
	struct view view = { .pull = ret_pull, .run = run };
	bool is_silent = false;
	int r = store_run_load(engine->store, arena, id, run, err);

	if (r == 0)
		r = store_pull_load(engine->store, arena, run->pull_id, ret_pull, err);
	if (r == 0)
		r = view_jobs(engine, arena, &view, err);
	if (r == 0)
		r = view_policies(engine, arena, &view, err);
	if (r == 0)
		r = view_gate(engine, arena, &view, err);
	if (r == 0)
		r = view_void(engine, arena, &view, err);
	if (r < 0)
		return r;
	r = told_read(run->told, arena, &view.told, err);
	if (r < 0)
		return r;
	view.now_ms = engine_now(engine);
	view.limit_bytes = host->comment_bytes_max;
	view.has_folds = host->has_folds;
	sandbox = &engine_settings(engine, id)->sandbox;
	view.is_unguarded = str_equal(sandbox->mode, "none");
	view.wider = arena_alloc(arena, WIDER_MAX * sizeof(*view.wider));
	view.wider_count = settings_wider(sandbox, arena, view.wider, WIDER_MAX);
	view.command_word = engine_settings(engine, id)->commands.words.list[0];
	view.marker = view_marker(run, arena);
	view.superseded_by = str_equal(run->head, ret_pull->head) ? NULL : ret_pull->head;
	view.approvers = run->kind == RUN_APPLY ? run->prepared : "";
	if (ret != NULL && !has_spoken)
		r = silence_read(engine, arena, &view, &is_silent, err);
	if (r < 0)
		return r;
	if (ret != NULL && !is_silent)
		render_run(&view, arena, ret);
	if (ret_status != NULL && host->patience_ms > 0)
		view.gate = NULL; /* votes change more often than the status is said */
	if (ret_status != NULL)
		*ret_status = (struct host_request){ .call = HOST_STATUS_SET,
			.repo = ret_pull->repo,
			.number = ret_pull->number,
			.head = run->head,
			.context = arena_printf(arena, "%s/%s", prefix, run_kind_name(run->kind)),
			.description = render_status(&view, host->description_bytes_max, arena),
			.status = status_state(&view),
			.is_passing = !run_state_is_final(run->state) };
	if (ret_status != NULL && run_state_is_final(run->state))
		annotate(&view, arena, ret_status);
	return ret_status == NULL ? 0 : apply_status_narrow(engine, arena, run, ret_status, err);
}
