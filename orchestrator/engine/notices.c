/* Who is told, and when nobody is: only where there is nothing to say. */
#include "orchestrator/engine/notices.h"

#include "orchestrator/lib/regex.h"

/* ---- drift ---- */

/* A ping says: everything was looked at. */
static bool saw_everything(const struct drift_report *report)
{
	for (size_t i = 0; i < report->project_count; i++) {
		if (report->projects[i].outcome == DRIFT_ERROR)
			return false;
	}
	return !report->is_partial && str_empty(report->text);
}

static int tell_report(struct engine *engine, struct arena *arena, const struct notification *to,
	const struct drift_report *report, struct err *err)
{
	const char *key = arena_printf(arena, "drift:%lld", (long long)report->id);
	_cleanup_json_ json_t *data = drift_report_write(report);
	struct notice notice;

	render_drift(report, arena, &notice);
	return notice_put(engine, arena, to, "drift", key, &notice, data, err);
}

/* Words of a repository that nobody configured: those who are told by default are told of it too.
 */
static const char *unknown_of(
	struct engine *engine, struct arena *arena, const struct drift_report *report)
{
	const struct settings *settings = engine->world.settings;
	const char *unknown = "";

	for (size_t i = 0; i < report->notify_count; i++) {
		struct drift_report one = *report;
		bool is_known = false;

		one.notify = &report->notify[i];
		one.notify_count = 1;
		for (size_t j = 0; j < settings->notification_count; j++) {
			bool is_named = false;

			(void)notice_route(&settings->notifications[j], &one, arena, &is_named);
			is_known = is_known || is_named;
		}
		if (!is_known)
			unknown = arena_printf(arena, "%s%s%.100s", unknown,
				unknown[0] == '\0' ? "" : ", ", report->notify[i]);
	}
	return unknown;
}

int notices_drift(struct engine *engine, struct arena *arena, const struct drift_report *report,
	struct err *err)
{
	const struct settings *settings = engine->world.settings;
	struct drift_report told = *report;
	const char *unknown = unknown_of(engine, arena, report);
	int r = 0;

	if (unknown[0] != '\0') {
		told.notify_count = 0; /* then it is for everybody */
		told.text = arena_printf(arena,
			"%s%sthe environment names %s, which is not in the server's notifications",
			report->text, str_empty(report->text) ? "" : "; ", unknown);
	}
	for (size_t i = 0; r == 0 && i < settings->notification_count; i++) {
		const struct notification *to = &settings->notifications[i];
		bool is_named = false;
		const struct drift_report *ours = notice_route(to, &told, arena, &is_named);

		if (ours == NULL)
			continue;
		if (str_equal(to->kind, "ping") ? saw_everything(report)
						: drift_report_is_news(ours))
			r = tell_report(engine, arena, to, ours, err);
	}
	return r;
}

/* ---- plans and applies ---- */

static unsigned events_of(const struct run *run, enum run_state state)
{
	unsigned kind = run->kind == RUN_PLAN	 ? NOTIFY_PLAN
			: run->kind == RUN_APPLY ? NOTIFY_APPLY
						 : 0;

	if (state == RUN_DONE)
		return kind;
	return state == RUN_FAILED || state == RUN_INTERRUPTED ? kind | NOTIFY_FAILURE : 0;
}

static bool is_about(const struct notification *to, const struct facts *facts, bool *ret_job)
{
	_cleanup_regex_ struct regex *regex = NULL;
	struct err err;

	if (!str_empty(to->branches)) {
		bool found = false;

		if (regex_compile(to->branches, strlen(to->branches), &regex, &err) < 0 ||
			regex_matches(regex, facts->pull->base_ref, &found, &err) < 0 || !found)
			return false;
		regex_free(steal_ptr(regex));
	}
	if (str_empty(to->workspaces))
		return true;
	if (regex_compile(to->workspaces, strlen(to->workspaces), &regex, &err) < 0)
		return false;
	for (size_t i = 0; i < facts->job_count && !*ret_job; i++) {
		if (facts->jobs[i].op != JOB_PREPARE)
			(void)!regex_matches(regex, facts->jobs[i].workspace, ret_job, &err);
	}
	return *ret_job;
}

static void add_job(struct notice_group *group, struct arena *arena, const struct job *job)
{
	group->entries = arena_push(
		arena, group->entries, group->entry_count, sizeof(*group->entries));
	group->entries[group->entry_count++] = (struct notice_entry){ .name = job->project,
		.where = str_equal(job->dir, job->project) ? "" : job->dir,
		.text = job->failure };
}

static void describe_run(
	const struct facts *facts, enum run_state state, struct arena *arena, struct notice *ret)
{
	bool is_apply = facts->run->kind == RUN_APPLY;
	struct notice_group groups[] = { { .title = "Failed" },
		{ .title = is_apply ? "Applied" : "Planned" } };

	for (size_t i = 0; i < facts->job_count; i++) {
		const struct job *job = &facts->jobs[i];

		if (job->op == JOB_PLAN || job->op == JOB_APPLY)
			add_job(&groups[job->state == JOB_DONE], arena, job);
	}
	*ret = (struct notice){ .title = arena_printf(arena, "sluice: %s of %s#%lld %s: %zu of %zu",
					run_kind_name(facts->run->kind), facts->pull->repo,
					(long long)facts->pull->number, run_state_name(state),
					groups[1].entry_count,
					groups[0].entry_count + groups[1].entry_count),
		.subtitle = arena_printf(arena, "%s into %s at %.7s, asked by %s",
			facts->pull->head_ref, facts->pull->base_ref, facts->run->head,
			facts->run->actor) };
	for (size_t i = 0; i < countof(groups); i++) {
		if (groups[i].entry_count == 0)
			continue;
		ret->groups = arena_push(
			arena, ret->groups, ret->group_count, sizeof(*ret->groups));
		ret->groups[ret->group_count++] = groups[i];
	}
	if (!str_empty(facts->run->failure)) {
		ret->notes = arena_alloc(arena, sizeof(*ret->notes));
		ret->notes[ret->note_count++] = facts->run->failure;
	}
}

int notices_run(struct engine *engine, struct arena *arena, const struct facts *facts,
	enum run_state state, struct err *err)
{
	const struct settings *settings = engine->world.settings;
	unsigned events = events_of(facts->run, state);
	struct notice notice = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && events != 0 && i < settings->notification_count; i++) {
		const struct notification *to = &settings->notifications[i];
		_cleanup_json_ json_t *data = NULL;
		bool has_job = false;

		if (!(to->events & events) || !is_about(to, facts, &has_job))
			continue;
		if (notice.title == NULL)
			describe_run(facts, state, arena, &notice);
		data = json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:s}", "run", facts->run->id.v,
			"kind", run_kind_name(facts->run->kind), "state", run_state_name(state),
			"repo", facts->pull->repo, "pull", facts->pull->number, "head",
			facts->run->head, "actor", facts->run->actor);
		r = notice_put(engine, arena, to, run_kind_name(facts->run->kind),
			arena_printf(arena, "run:%lld", (long long)facts->run->id.v), &notice, data,
			err);
	}
	return r;
}
