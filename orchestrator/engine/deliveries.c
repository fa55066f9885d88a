/* From a delivery to its consequences. Everything here may be told twice, late, or in another order
 * than it happened. */
#include "orchestrator/engine/private.h"

static int operator_event(struct arena *arena, const struct inbox_row *row, json_t **ret_json,
	struct vcs_event *ret, struct err *err)
{
	struct jsonx reader;
	int r = jsonx_parse(row->body, row->length, 1 << 20, ret_json, err);

	if (r < 0)
		return r;
	reader = jsonx_reader(*ret_json, "the operator's command", err);
	*ret = (struct vcs_event){ .kind = VCS_COMMENT,
		.host = arena_strdup(arena, jsonx_string(&reader, "host")),
		.repo = arena_strdup(arena, jsonx_string(&reader, "repo")),
		.number = jsonx_int(&reader, "number"),
		.actor = arena_strdup(arena, jsonx_string(&reader, "actor")),
		.body = arena_strdup(arena, jsonx_string(&reader, "text")),
		.actor_may_write = true,
		.comment_id = "" };
	return reader.failed;
}

static const char *no_header(_unused_ const struct delivery *delivery, _unused_ const char *name)
{
	return NULL;
}

/*~ 6. The row meets the pull request. What we saw of people goes into the ledger first: it
 * alone says later whose approval counts. */
int delivery_handle(struct engine *engine, struct arena *arena, const struct inbox_row *row,
	const char **ret_outcome, struct err *err)
{
	struct delivery delivery = {
		.header = no_header, .topic = row->topic, .body = row->body, .length = row->length
	};
	_cleanup_json_ json_t *json = NULL;
	struct vcs_event event = { 0 };
	const struct vcs_event *parsed = engine_parsed(engine, row->id);
	struct vcs_host *host;
	bool waits = false;
	int r = 0;

	if (parsed != NULL) {
		event = *parsed;
	} else if (str_equal(row->topic, CATCHUP_TOPIC)) {
		r = catchup_read(row->body, row->length, arena, &event, err);
	} else if (str_equal(row->host, "operator")) {
		r = operator_event(arena, row, &json, &event, err);
	} else {
		host = engine_host(engine, row->host);
		if (host == NULL) { /* it was taken out of the configuration: nobody will miss the
				       event */
			*ret_outcome = "host gone";
			return 0;
		}
		r = host->parse(host, &delivery, arena, &event, err);
	}
	if (r < 0) { /* it was readable when it came in: a newer program may not like it, but it
			must not block */
		engine_tell(engine, true, "an event of the inbox cannot be read", err);
		*ret_outcome = "unreadable";
		return 0;
	}
	r = gate_pass(engine, arena, row->id, &event, &waits, err);
	if (r == 0 && !waits)
		r = partial_pass(engine, arena, row->id, &event, &waits, err);
	if (r == 0 && waits)
		*ret_outcome = NULL;
	return r < 0 || waits ? r : pull_event_handle(engine, arena, &event, ret_outcome, err);
}

bool host_allows(const struct engine *engine, const struct vcs_event *event)
{
	const struct host_settings *settings = engine_host_settings(engine, event->host);

	return settings == NULL || settings_serve_repo(&settings->repos, event->host, event->repo);
}

/* ---- pulls ---- */

int pull_close(struct engine *engine, struct arena *arena, struct pull *pull, enum pull_state to,
	const char *actor, struct err *err)
{
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_pull_set_state(engine->store, pull->id, pull->state, to, err);

	if (r == 0)
		r = plans_end(engine, arena, pull->id, EV_CANCEL, err);
	pull->state = to;
	if (r == 0) /* an apply that runs keeps its locks until it ends */
		r = locks_tidy(engine, arena, pull->id, err);
	if (r == 0)
		r = store_run_list_pull(engine->store, arena, pull->id, false, &runs, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!str_empty(runs[i].tree) && run_state_is_final(runs[i].state))
			r = effect_put(engine, EFFECT_TREE_DROP, REPEAT_FREELY,
				arena_printf(arena, "tree:%lld:%s", (long long)pull->repo_id.v,
					runs[i].tree),
				pull, runs[i].id, (struct job_id){ 0 }, runs[i].tree, 1, err);
	}
	if (r == 0)
		r = engine_audit(engine, arena, to == PULL_MERGED ? "pull merged" : "pull closed",
			actor, pull->id, (struct run_id){ 0 }, err, "%s#%lld at %s", pull->repo,
			(long long)pull->number, pull->head);
	return r;
}

static int append_ledger(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct vcs_event *event, int64_t *ret_id, struct err *err)
{
	bool is_review = event->kind == VCS_APPROVED || event->kind == VCS_CHANGES_REQUESTED ||
			 event->kind == VCS_REVIEW_DISMISSED;
	struct ledger_row row = { .kind = event->kind,
		.pull = pull->id,
		.actor = event->actor,
		.actor_is_bot = event->actor_is_bot,
		.actor_may_write = event->actor_may_write,
		.head = pull->head };

	if (event->kind == VCS_PULL_PUSHED || event->kind == VCS_PULL_OPENED ||
		event->kind == VCS_PULL_REOPENED)
		row.head = event->head;
	row.detail = is_review ? event->review_head : event->comment_id;
	if (row.detail == NULL)
		row.detail = "";
	if (is_review && !str_empty(event->comment_id))
		row.detail = arena_printf(arena, "%.64s %s", row.detail, event->comment_id);
	row.detail = arena_strndup(arena, row.detail, strnlen(row.detail, 200));
	return store_ledger_append(engine->store, &row, ret_id, err);
}

static bool plans_drafts(const struct engine *engine, const struct pull *pull)
{
	const struct host_settings *settings = engine_host_settings(engine, pull->host);

	return settings != NULL && settings->drafts;
}

/* No plan may be used any more, and none takes its place. */
static int plans_drop(
	struct engine *engine, struct arena *arena, struct pull *pull, struct err *err)
{
	int r = plans_end(engine, arena, pull->id, EV_SUPERSEDED, err);

	if (r == 0)
		r = store_pull_set_plan_run(engine->store, pull->id, (struct run_id){ 0 }, err);
	pull->plan_run.v = 0;
	return r < 0 ? r : locks_tidy(engine, arena, pull->id, err);
}

/* The head was seen before its push was told: now it is known who brought it. */
static int name_pusher(
	struct engine *engine, struct pull *pull, const struct vcs_event *event, struct err *err)
{
	if (event->kind != VCS_PULL_PUSHED || !str_equal(pull->pusher, VCS_SOMEBODY) ||
		!str_equal(pull->head, event->head) || str_empty(event->actor))
		return 0;
	pull->pusher = event->actor;
	return store_pull_set_pusher(engine->store, pull->id, event->actor, err);
}

bool forks_by_command(const struct engine *engine, const struct pull *pull)
{
	const struct host_settings *settings = engine_host_settings(engine, pull->host);

	return settings != NULL && settings->forks == FORKS_PLAN_ON_COMMAND;
}

/* The comment about the older head says so and is folded. */
static int say_outdated(
	struct engine *engine, struct arena *arena, const struct pull *pull, struct err *err)
{
	struct run run;
	int r = store_run_load(engine->store, arena, pull->plan_run, &run, err);

	return r < 0 || !run_state_is_final(run.state) ? r : run_say(engine, pull, &run, true, err);
}

/* The newest head is the only one that counts: whatever was planned before is superseded. */
static int take_head(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, int64_t ledger, const char **ret_outcome, struct err *err)
{
	bool is_new = !str_equal(pull->head, event->head) || pull->head_ledger == ledger;
	int r = 0;

	if (pull->state != PULL_OPEN && event->kind != VCS_PULL_PUSHED) {
		r = store_pull_set_state(engine->store, pull->id, pull->state, PULL_OPEN, err);
		pull->state = PULL_OPEN;
		is_new = true;
	}
	if (r < 0 || pull->state != PULL_OPEN || !is_new) {
		*ret_outcome = "head is known";
		if (r == 0)
			r = name_pusher(engine, pull, event, err);
		return r < 0 ? r : pusher_ask(engine, arena, pull, event->branch, err);
	}
	r = store_pull_set_head(
		engine->store, pull->id, event->head, pusher_of(event), ledger, err);
	if (r == 0 && pull->plan_run.v != 0 && !str_equal(pull->head, event->head))
		r = say_outdated(engine, arena, pull, err);
	pull->head = event->head;
	pull->pusher = pusher_of(event);
	pull->head_ledger = ledger;
	if (r == 0)
		r = pusher_ask(engine, arena, pull, event->branch, err);
	if (r == 0 && pull->from_fork)
		r = plans_end(engine, arena, pull->id, EV_SUPERSEDED, err);
	if (r == 0)
		r = engine_audit(engine, arena, "head", event->actor, pull->id,
			(struct run_id){ 0 }, err, "%s#%lld is at %s", pull->repo,
			(long long)pull->number, event->head);
	if (r < 0)
		return r;
	if (pull->from_fork) {
		struct reply reply = {
			.asked = "plan",
			.actor = event->author,
			.why = "it comes from a fork, and plans of forks would run foreign code "
			       "here",
			.next = forks_by_command(engine, pull)
					? "Somebody who may write here can read it and then "
					  "comment `sluice plan`."
					: "Push the branch to this repository to have it planned."
		};

		*ret_outcome = "fork";
		return reply_put(engine, arena, pull, ledger, &reply, err);
	}
	if (event->is_draft && !plans_drafts(engine, pull)) {
		*ret_outcome = "draft";
		return plans_end(engine, arena, pull->id, EV_SUPERSEDED, err);
	}
	*ret_outcome = "planned";
	return plan_request(engine, arena, pull, "sluice", "", NULL, err);
}

/* A draft became ready: planned, unless somebody had this head planned by a command. */
static int take_ready(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, int64_t ledger, const char **ret_outcome, struct err *err)
{
	struct run run = { .head = "" };
	int r = 0;

	if (!str_equal(pull->head, event->head) || pull->state != PULL_OPEN || pull->from_fork)
		return take_head(engine, arena, pull, event, ledger, ret_outcome, err);
	if (pull->plan_run.v != 0)
		r = store_run_load(engine->store, arena, pull->plan_run, &run, err);
	if (r < 0 || str_equal(run.head, pull->head))
		return r;
	*ret_outcome = "planned";
	return plan_request(engine, arena, pull, "sluice", "", NULL, err);
}

/* Into another branch everything must be planned anew, and approved anew. */
static int take_base(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, const char **ret_outcome, struct err *err)
{
	int r;

	if (str_equal(pull->base_ref, event->base_ref) || pull->state != PULL_OPEN) {
		*ret_outcome = "base is known";
		return 0;
	}
	r = store_pull_set_base(engine->store, pull->id, event->base_ref, err);
	if (r == 0)
		r = engine_audit(engine, arena, "base", event->actor, pull->id,
			(struct run_id){ 0 }, err, "%s#%lld goes into %s instead of %s", pull->repo,
			(long long)pull->number, event->base_ref, pull->base_ref);
	pull->base_ref = event->base_ref;
	if (r < 0)
		return r;
	*ret_outcome = "planned anew";
	if (pull->from_fork || (event->is_draft && !plans_drafts(engine, pull)))
		return plans_drop(engine, arena, pull, err);
	return plan_request(engine, arena, pull, "sluice", "", NULL, err);
}

/* What the host says of the pull request right now, asked because of a command: events about it may
 * have been lost. */
static int take_word(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, struct err *err)
{
	struct vcs_event seen = *event;
	const char *outcome;
	int64_t ledger = 0;
	int r = 0;

	seen.kind = VCS_PULL_PUSHED;
	seen.actor = VCS_SOMEBODY;
	seen.comment_id = seen.review_head = "";
	if (event->is_closed)
		return pull->state == PULL_OPEN
			       ? pull_close(engine, arena, pull,
					 event->is_merged ? PULL_MERGED : PULL_CLOSED, VCS_SOMEBODY,
					 err)
			       : 0;
	if (!str_equal(pull->base_ref, event->base_ref))
		r = take_base(engine, arena, pull, &seen, &outcome, err);
	if (r == 0 && !str_equal(pull->head, event->head)) {
		r = append_ledger(engine, arena, pull, &seen, &ledger, err);
		if (r == 0)
			r = take_head(engine, arena, pull, &seen, ledger, &outcome, err);
	}
	return r;
}

/* Events can be lost or come in another order: any event that describes the pull is enough to know
 * it. */
static int find_pull(struct engine *engine, struct arena *arena, const struct vcs_event *event,
	struct pull *ret, bool *ret_is_new, struct err *err)
{
	struct repo_id repo = { 0 };
	int r;

	*ret_is_new = false;
	if (str_empty(event->clone_url)) { /* an operator's command names a repository we know */
		struct repo *repos = NULL;
		size_t count = 0;

		r = store_repo_list(engine->store, arena, &repos, &count, err);
		for (size_t i = 0; r == 0 && i < count; i++) {
			if (str_equal(repos[i].host, event->host) &&
				str_equal(repos[i].name, event->repo))
				repo = repos[i].id;
		}
	} else {
		r = store_repo_upsert(
			engine->store, event->host, event->repo, event->clone_url, &repo, err);
	}
	if (r == 0)
		r = store_pull_find(engine->store, arena, repo, event->number, ret, err);
	if (r != -ERR_MISSING || !codec_is_hex(event->head, OID_HEX) || str_empty(event->base_ref))
		return r;
	*ret = (struct pull){ .repo_id = repo,
		.host = event->host,
		.repo = event->repo,
		.number = event->number,
		.state = PULL_OPEN,
		.author = event->author,
		.title = event->title == NULL ? "" : event->title,
		.head = event->head,
		.head_ref = event->head_ref,
		.base_ref = event->base_ref,
		.pusher = pusher_of(event),
		.from_fork = event->from_fork };
	*ret_is_new = true;
	return store_pull_insert(engine->store, ret, &ret->id, err);
}

static int review_seen(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct vcs_event *event, struct err *err)
{
	struct run run;
	int r = engine_audit(engine, arena, vcs_event_kind_name(event->kind), event->actor,
		pull->id, (struct run_id){ 0 }, err, "seen at %s", pull->head);

	if (r < 0 || pull->plan_run.v == 0)
		return r;
	r = store_run_load(engine->store, arena, pull->plan_run, &run, err);
	if (r == 0)
		r = merges_say(engine, arena, pull, &run, err);
	return r < 0 ? r : run_say(engine, pull, &run, true, err);
}

/* The event itself says nothing of heads, and the host was asked. */
static bool says_pull(const struct vcs_event *event)
{
	return (event->kind == VCS_COMMENT || event->kind == VCS_RERUN) && !str_empty(event->head);
}

/* The button means the command. */
static int rerun_handle(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, int64_t ledger, const char **ret_outcome, struct err *err)
{
	struct vcs_event asked = *event;

	asked.body = arena_printf(arena, "%s plan", engine->words.names[0]);
	asked.comment_id = "";
	return command_handle(engine, arena, pull, &asked, ledger, ret_outcome, err);
}

int pull_event_handle(struct engine *engine, struct arena *arena, const struct vcs_event *event,
	const char **ret_outcome, struct err *err)
{
	struct pull pull = { 0 };
	int64_t ledger = 0;
	bool is_new = false, is_repeat = false;
	int r;

	*ret_outcome = "handled";
	if (event->kind == VCS_IGNORED || event->kind == VCS_PING) {
		*ret_outcome = "ignored";
		return 0;
	}
	if (!host_allows(engine, event)) {
		*ret_outcome = "repository not allowed";
		return 0;
	}
	r = find_pull(engine, arena, event, &pull, &is_new, err);
	if (r == -ERR_MISSING) {
		*ret_outcome = "unknown pull request";
		return 0;
	}
	if (r == 0 && event->kind == VCS_MERGE_GROUP)
		return group_status_put(engine, arena, &pull, event->group_head, err);
	if (r == 0 && !is_new && says_pull(event))
		r = take_word(engine, arena, &pull, event, err);
	if (r == 0 && !str_empty(event->comment_id)) {
		r = store_ledger_has(
			engine->store, pull.id, event->kind, event->comment_id, &is_repeat, err);
		if (r == 0 && is_repeat) {
			*ret_outcome = "seen before";
			return 0;
		}
	}
	if (r == 0)
		r = append_ledger(engine, arena, &pull, event, &ledger, err);
	if (r == 0 && is_new && event->kind != VCS_PULL_CLOSED && event->kind != VCS_PULL_MERGED &&
		!event->is_closed) {
		pull.head_ledger = ledger;
		r = take_head(engine, arena, &pull, event, ledger, ret_outcome, err);
	}
	if (r < 0)
		return r;
	switch (event->kind) {
	case VCS_PULL_OPENED:
	case VCS_PULL_REOPENED:
	case VCS_PULL_PUSHED:
		return is_new ? 0
			      : take_head(engine, arena, &pull, event, ledger, ret_outcome, err);
	case VCS_PULL_CLOSED:
	case VCS_PULL_MERGED:
		if (pull.state != PULL_OPEN)
			return 0;
		return pull_close(engine, arena, &pull,
			event->kind == VCS_PULL_MERGED ? PULL_MERGED : PULL_CLOSED, event->actor,
			err);
	case VCS_COMMENT:
		return command_handle(engine, arena, &pull, event, ledger, ret_outcome, err);
	case VCS_APPROVED:
	case VCS_CHANGES_REQUESTED:
	case VCS_REVIEW_DISMISSED:
		return review_seen(engine, arena, &pull, event, err);
	case VCS_PULL_READY:
		return is_new ? 0
			      : take_ready(engine, arena, &pull, event, ledger, ret_outcome, err);
	case VCS_PULL_RETARGETED:
		return is_new ? 0 : take_base(engine, arena, &pull, event, ret_outcome, err);
	case VCS_RERUN:
		return rerun_handle(engine, arena, &pull, event, ledger, ret_outcome, err);
	case VCS_MERGE_GROUP:
	case VCS_IGNORED:
	case VCS_PING:
	case VCS_EVENT_KIND_MAX:
		break;
	}
	return 0;
}
