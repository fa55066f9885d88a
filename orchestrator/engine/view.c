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

/* ---- a run, read once for all that it has to say ---- */

void view_close(struct engine *engine)
{
	if (engine->shown == NULL)
		return;
	arena_release(&engine->shown->arena);
	free(engine->shown);
	engine->shown = NULL;
}

/* Plans of one head share a comment and a status, and only the newest of them speaks: what an older
 * one still had to say may come later than the newer one's result. */
static int read_over(struct engine *engine, struct shown_run *shown, struct err *err)
{
	const struct run *run = &shown->run;

	return run->kind != RUN_PLAN ? 0
				     : store_run_has_head(engine->store, run->pull_id, run->head,
					       true, run->id.v, INT64_MAX, &shown->is_over, err);
}

int view_open(struct engine *engine, struct run_id id, struct shown_run **ret, struct err *err)
{
	struct shown_run *shown = engine->shown;
	int r;

	if (shown != NULL && shown->run.id.v == id.v &&
		shown->version == store_version(engine->store)) {
		*ret = shown;
		return 0;
	}
	view_close(engine);
	engine->shown = shown = mem_alloc(sizeof(*shown));
	shown->version = store_version(engine->store);
	r = store_run_load(engine->store, &shown->arena, id, &shown->run, err);
	if (r == 0)
		r = store_pull_load(
			engine->store, &shown->arena, shown->run.pull_id, &shown->pull, err);
	if (r == 0)
		r = read_over(engine, shown, err);
	if (r < 0)
		view_close(engine);
	*ret = shown;
	return r;
}

static void read_settings(struct engine *engine, struct arena *arena, struct view *view)
{
	const struct settings *settings = engine_settings(engine, view->run->id);

	view->is_unguarded = str_equal(settings->sandbox.mode, "none");
	view->wider = arena_alloc(arena, WIDER_MAX * sizeof(*view->wider));
	view->wider_count = settings_wider(&settings->sandbox, arena, view->wider, WIDER_MAX);
	view->command_word = settings->commands.words.list[0];
}

/* All but the gate, which not everybody asks for. */
static int read_view(struct engine *engine, struct shown_run *shown, struct err *err)
{
	struct arena *arena = &shown->arena;
	struct view view = { .pull = &shown->pull, .run = &shown->run };
	int r = view_jobs(engine, arena, &view, err);

	if (r == 0)
		r = view_policies(engine, arena, &view, err);
	if (r == 0)
		r = view_void(engine, arena, &view, err);
	if (r == 0)
		r = told_read(view.run->told, arena, &view.told, err);
	if (r < 0)
		return r;
	read_settings(engine, arena, &view);
	view.now_ms = engine_now(engine);
	view.marker = view_marker(view.run, arena);
	view.superseded_by = str_equal(view.run->head, view.pull->head) ? NULL : view.pull->head;
	view.approvers = view.run->kind == RUN_APPLY ? view.run->prepared : "";
	shown->view = view;
	shown->is_read = true;
	return 0;
}

static int read_shown(
	struct engine *engine, struct shown_run *shown, bool wants_gate, struct err *err)
{
	int r = shown->is_read ? 0 : read_view(engine, shown, err);

	if (r < 0 || !wants_gate || shown->has_gate)
		return r;
	shown->has_gate = true;
	return view_gate(engine, &shown->arena, &shown->view, err);
}

int view_comment(struct engine *engine, struct arena *arena, struct shown_run *shown,
	const struct vcs_host *host, bool has_spoken, struct rendered *ret, struct err *err)
{
	bool is_silent = false;
	int r = read_shown(engine, shown, true, err);

	shown->view.limit_bytes = host->comment_bytes_max;
	shown->view.has_folds = host->has_folds;
	if (r == 0 && !has_spoken)
		r = silence_read(engine, arena, &shown->view, &is_silent, err);
	if (r == 0 && !is_silent)
		render_run(&shown->view, arena, ret);
	return r;
}

int view_status(struct engine *engine, struct arena *arena, struct shown_run *shown,
	const struct vcs_host *host, struct host_request *ret, struct err *err)
{
	const char *prefix = engine_settings(engine, shown->run.id)->status_prefix;
	bool has_gate = host->patience_ms == 0; /* else votes change more often than it is said */
	const struct run *run = &shown->run;
	int r = read_shown(engine, shown, has_gate, err);
	struct view view = shown->view;

	if (r < 0)
		return r;
	if (!has_gate)
		view.gate = NULL;
	*ret = (struct host_request){ .call = HOST_STATUS_SET,
		.repo = view.pull->repo,
		.number = view.pull->number,
		.head = run->head,
		.context = arena_printf(arena, "%s/%s", prefix, run_kind_name(run->kind)),
		.description = render_status(&view, host->description_bytes_max, arena),
		.status = status_state(&view),
		.is_passing = !run_state_is_final(run->state) };
	if (run_state_is_final(run->state))
		annotate(&view, arena, ret);
	return apply_status_narrow(engine, arena, run, ret, err);
}
