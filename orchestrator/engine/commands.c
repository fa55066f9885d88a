/* What people ask for in comments. Each command is accepted, or answered with why not and what to
 * do. */
#include "orchestrator/engine/asking.h"

#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/plan_summary.h"

enum { AGAIN_FIRST_MS = 15 * 1000, AGAIN_MOST_MS = 600 * 1000, AGAIN_TIMES = 15 };

/* What to type, with the first word that this server listens to. */
static const char *in_our_words(const struct engine *engine, const char *text, struct arena *arena)
{
	static const char usual[] = "`sluice ";
	const char *at, *result = "";

	if (text == NULL || str_equal(engine->words.names[0], "sluice"))
		return text;
	while ((at = strstr(text, usual)) != NULL) {
		result = arena_printf(arena, "%s%.*s`%s ", result, (int)(at - text), text,
			engine->words.names[0]);
		text = at + strlen(usual);
	}
	return arena_printf(arena, "%s%s", result, text);
}

int reply_put(struct engine *engine, struct arena *arena, const struct pull *pull, int64_t ledger,
	const struct reply *reply, struct err *err)
{
	struct reply marked = *reply;

	marked.next = in_our_words(engine, reply->next, arena);
	marked.is_unguarded = engine_is_unguarded(engine);
	marked.marker = arena_printf(
		arena, "sluice:reply:%lld:%lld", (long long)pull->id.v, (long long)ledger);
	return effect_put(engine, EFFECT_REPLY, REPEAT_UPSERT, marked.marker, pull,
		(struct run_id){ 0 }, (struct job_id){ 0 }, render_reply(&marked, arena), 0, err);
}

int asking_refuse(struct asking *asking, const char *why, const char *next, struct err *err)
{
	struct reply reply = { .asked = command_kind_name(asking->command->kind),
		.actor = asking->event->actor,
		.why = why,
		.next = next };
	int r = reply_put(asking->engine, asking->arena, asking->pull, asking->ledger, &reply, err);

	*asking->ret_outcome = "refused";
	return r < 0 ? r
		     : engine_audit(asking->engine, asking->arena, "command refused",
			       asking->event->actor, asking->pull->id, (struct run_id){ 0 }, err,
			       "%s: %s", reply.asked, why);
}

int asking_accept(struct asking *asking, struct run_id run, struct err *err)
{
	int r = engine_audit(asking->engine, asking->arena, "command accepted",
		asking->event->actor, asking->pull->id, run, err, "%s at %s",
		command_kind_name(asking->command->kind), asking->pull->head);

	*asking->ret_outcome = "accepted";
	if (r < 0 || str_empty(asking->event->comment_id))
		return r;
	return effect_put(asking->engine, EFFECT_REACT, REPEAT_UPSERT,
		arena_printf(asking->arena, "react:%lld:%s", (long long)asking->pull->id.v,
			asking->event->comment_id),
		asking->pull, run, (struct job_id){ 0 }, asking->event->comment_id, 0, err);
}

int asking_refuse_planless(struct asking *asking, int why, struct err *err)
{
	return asking_refuse(asking,
		why == -ERR_STALE ? "the plan is void: the state was changed by an import or a "
				    "removal after it"
				  : "there is no plan of the newest push",
		"Comment `sluice plan`.", err);
}

/* ---- plan ---- */

/* Free flags would change what is planned behind the reader's back; these show in the plan itself.
 */
static bool argument_is_allowed(const char *argument)
{
	static const char *const allowed[] = { "-destroy", "-refresh=false", "-refresh-only",
		"-target=", "-replace=", "-var=", "-parallelism=" };

	for (size_t i = 0; i < countof(allowed); i++) {
		bool has_value = str_ends(allowed[i], "=") &&
				 !str_equal(allowed[i], "-refresh=false");

		if (has_value ? str_starts(argument, allowed[i]) : str_equal(argument, allowed[i]))
			return true;
	}
	return false;
}

/* The operator may take some of them away: "-target" is "-target=..." too. */
static bool argument_is_blocked(const struct settings *settings, const char *argument)
{
	for (size_t i = 0; i < settings->commands.blocked_args.count; i++) {
		const char *blocked = settings->commands.blocked_args.list[i];

		if (str_starts(argument, blocked) &&
			(argument[strlen(blocked)] == '\0' || argument[strlen(blocked)] == '='))
			return true;
	}
	return false;
}

static const char *arguments_text(const struct command *command, struct arena *arena)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ char *text = NULL;

	if (command == NULL || command->extra_arg_count == 0)
		return "";
	for (size_t i = 0; i < command->extra_arg_count; i++)
		json_array_append_new(list, json_string(command->extra_args[i]));
	text = jsonx_text(list);
	return arena_strdup(arena, text);
}

static int end_plans_but(struct engine *engine, struct arena *arena, struct pull_id pull,
	struct run_id kept, enum flow_event event, struct err *err)
{
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_run_list_pull(engine->store, arena, pull, true, &runs, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (runs[i].kind == RUN_PLAN && runs[i].id.v != kept.v)
			r = run_event(engine, arena, runs[i].id, event, NULL, err);
	}
	return r;
}

int plans_end(struct engine *engine, struct arena *arena, struct pull_id pull,
	enum flow_event event, struct err *err)
{
	return end_plans_but(engine, arena, pull, (struct run_id){ 0 }, event, err);
}

static int plan_start(struct engine *engine, struct arena *arena, struct pull *pull,
	struct run *run, struct err *err)
{
	int r;

	run->pull_id = pull->id;
	run->kind = RUN_PLAN;
	run->state = RUN_QUEUED;
	run->head = pull->head;
	run->base = run->tree = run->prepared = run->failure = "";
	run->plan_run = pull->plan_run; /* the set it replaces */
	r = store_run_insert(engine->store, run, &run->id, err);
	if (r == 0)
		r = store_pull_set_plan_run(engine->store, pull->id, run->id, err);
	if (r == 0) /* this plan knows of them */
		r = store_lock_came(engine->store, pull->id, err);
	if (r < 0)
		return r;
	pull->plan_run = run->id;
	/* The new one stands before the old one goes: its locks and places in queues are kept. */
	r = end_plans_but(engine, arena, pull->id, run->id, EV_SUPERSEDED, err);
	return r < 0 ? r : run_event(engine, arena, run->id, EV_START, NULL, err);
}

/*~ 7. A push, or a person, wants a plan: older plans are superseded, a run is made. Nothing has
 * been started yet. */
int plan_request(struct engine *engine, struct arena *arena, struct pull *pull, const char *actor,
	const char *comment_id, const struct command *command, struct err *err)
{
	struct run run = { .actor = actor,
		.comment_id = comment_id,
		.only_dir = command == NULL ? "" : command->dir,
		.only_workspace = command == NULL ? "" : command->workspace,
		.only_project = command == NULL ? "" : command->project,
		.extra_args = arguments_text(command, arena) };

	return plan_start(engine, arena, pull, &run, err);
}

int plan_repeat(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct run *old, struct err *err)
{
	struct run run = { .actor = old->actor,
		.comment_id = "",
		.only_dir = old->only_dir,
		.only_workspace = old->only_workspace,
		.only_project = old->only_project,
		.extra_args = old->extra_args };

	return plan_start(engine, arena, pull, &run, err);
}

/* *ret_wait stays 0 when it was tried often enough. */
int plan_later(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, int64_t *ret_wait, struct err *err)
{
	int64_t wait = AGAIN_FIRST_MS;
	struct run *runs = NULL;
	size_t count = 0, failed = 0;
	int r = store_run_list_pull(engine->store, arena, pull->id, false, &runs, &count, err);

	if (r < 0 || run->kind != RUN_PLAN)
		return r;
	for (size_t i = 0; i < count; i++)
		failed += runs[i].kind == RUN_PLAN && runs[i].state == RUN_FAILED &&
			  str_equal(runs[i].head, run->head);
	if (failed >= AGAIN_TIMES)
		return 0;
	for (size_t i = 0; i < failed && wait < AGAIN_MOST_MS; i++)
		wait *= 2;
	*ret_wait = wait < AGAIN_MOST_MS ? wait : AGAIN_MOST_MS;
	return store_deadline_set(
		engine->store, DEADLINE_PLAN, pull->id.v, engine_now(engine) + *ret_wait, err);
}

/* Unless somebody or something planned it meanwhile. */
int plan_again(struct engine *engine, struct arena *arena, struct pull_id id, struct err *err)
{
	struct pull pull;
	struct run run;
	int r = store_pull_load(engine->store, arena, id, &pull, err);

	if (r < 0 || pull.state != PULL_OPEN || pull.plan_run.v == 0)
		return r;
	r = store_run_load(engine->store, arena, pull.plan_run, &run, err);
	if (r < 0 || run.state != RUN_FAILED || !str_equal(run.head, pull.head))
		return r;
	return plan_request(engine, arena, &pull, "sluice", "", NULL, err);
}

int apply_is_running(
	struct engine *engine, struct arena *arena, struct pull_id pull, bool *ret, struct err *err)
{
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_run_list_pull(engine->store, arena, pull, true, &runs, &count, err);

	*ret = false;
	for (size_t i = 0; i < count; i++)
		*ret = *ret || runs[i].kind != RUN_PLAN;
	return r;
}

static int plan_command(struct asking *asking, struct err *err)
{
	const struct command *command = asking->command;
	bool applies = false;
	int r = apply_is_running(asking->engine, asking->arena, asking->pull->id, &applies, err);

	if (r < 0)
		return r;
	if (applies)
		return asking_refuse(asking, "an apply of this pull request is running",
			"Wait for its end, then plan again.", err);
	if (asking->pull->from_fork && !forks_by_command(asking->engine, asking->pull))
		return asking_refuse(asking, "this pull request comes from a fork",
			"Push the branch to this repository.", err);
	for (size_t i = 0; i < command->extra_arg_count; i++) {
		if (!argument_is_allowed(command->extra_args[i]))
			return asking_refuse(asking,
				"one of the arguments after the two dashes is not allowed here",
				"Allowed are -destroy, -refresh=false, -refresh-only, -target=, "
				"-replace=, -var=, -parallelism=.",
				err);
		if (argument_is_blocked(asking->engine->world.settings, command->extra_args[i]))
			return asking_refuse(asking,
				"this server does not take one of the arguments after the two "
				"dashes",
				"Its operator names them in `commands: {blocked_args: [...]}`.",
				err);
	}
	if (command->releases_commands) {
		const char *why = NULL, *next = "";

		r = release_commands(asking->engine, asking->arena, asking->pull,
			asking->event->actor, &why, &next, err);
		if (r < 0 || why != NULL)
			return r < 0 ? r : asking_refuse(asking, why, next, err);
	}
	r = plan_request(asking->engine, asking->arena, asking->pull, asking->event->actor,
		asking->event->comment_id, command, err);
	return r < 0 ? r : asking_accept(asking, asking->pull->plan_run, err);
}

/* ---- version ---- */

/* What each project was planned with, as its plan says. */
static void put_versions(
	struct strbuf *out, const struct job *jobs, size_t count, struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_json_ json_t *json = NULL;
		struct plan_summary summary;
		struct err ignored; /* then it has no version to tell */

		if (jobs[i].op != JOB_PLAN || str_empty(jobs[i].summary) ||
			jsonx_parse(jobs[i].summary, strlen(jobs[i].summary), 16 << 20, &json,
				&ignored) < 0 ||
			plan_summary_read(json, arena, &summary, &ignored) < 0)
			continue;
		strbuf_puts(out, "| ");
		render_inline(out, jobs[i].project);
		strbuf_puts(out, " | ");
		render_inline(out, jobs[i].tool);
		strbuf_putc(out, ' ');
		render_inline(out, summary.tool_version);
		strbuf_puts(out, " |\n");
	}
}

static int version_command(struct asking *asking, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(32 << 10);
	char *marker = arena_printf(asking->arena, "sluice:reply:%lld:%lld",
		(long long)asking->pull->id.v, (long long)asking->ledger);
	struct job *jobs = NULL;
	struct run plan_run;
	size_t count = 0;
	int r = plan_set_load(
		asking->engine, asking->arena, asking->pull, &plan_run, &jobs, &count, err);

	if (r < 0 && r != -ERR_MISSING && r != -ERR_STALE)
		return r;
	strbuf_printf(&text, "<!-- %s -->\nsluice " SLUICE_VERSION "\n", marker);
	if (r == 0 && count > 0) {
		strbuf_puts(&text, "\n| project | planned with |\n|---|---|\n");
		put_versions(&text, jobs, count, asking->arena);
	}
	*asking->ret_outcome = "version";
	return effect_put(asking->engine, EFFECT_REPLY, REPEAT_UPSERT, marker, asking->pull,
		(struct run_id){ 0 }, (struct job_id){ 0 }, strbuf_text(&text), 0, err);
}

/* ---- unlock, cancel ---- */

static int unlock_command(struct asking *asking, struct err *err)
{
	struct reply reply = { .asked = "unlock",
		.actor = asking->event->actor,
		.why = "",
		.next = "The plan was discarded and its locks are free. Comment `sluice plan` to "
			"plan again." };
	bool applies = false;
	int r = apply_is_running(asking->engine, asking->arena, asking->pull->id, &applies, err);

	if (r < 0)
		return r;
	if (applies)
		return asking_refuse(asking, "an apply is running, and it needs its locks",
			"Wait for its end.", err);
	r = plans_end(asking->engine, asking->arena, asking->pull->id, EV_CANCEL, err);
	if (r == 0)
		r = store_pull_set_plan_run(
			asking->engine->store, asking->pull->id, (struct run_id){ 0 }, err);
	if (r == 0)
		r = locks_tidy(asking->engine, asking->arena, asking->pull->id, err);
	if (r == 0)
		r = reply_put(
			asking->engine, asking->arena, asking->pull, asking->ledger, &reply, err);
	return r < 0 ? r : asking_accept(asking, (struct run_id){ 0 }, err);
}

static int cancel_command(struct asking *asking, struct err *err)
{
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_run_list_pull(
		asking->engine->store, asking->arena, asking->pull->id, true, &runs, &count, err);

	if (r < 0)
		return r;
	if (count == 0)
		return asking_refuse(asking, "nothing is running", "There is nothing to do.", err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = run_event(asking->engine, asking->arena, runs[i].id, EV_CANCEL, NULL, err);
		if (r == 0 && runs[i].kind == RUN_PLAN)
			r = locks_tidy(asking->engine, asking->arena, asking->pull->id, err);
	}
	return r < 0 ? r : asking_accept(asking, runs[count - 1].id, err);
}

static int help_command(struct asking *asking, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(16 << 10);
	char *marker = arena_printf(asking->arena, "sluice:reply:%lld:%lld",
		(long long)asking->pull->id.v, (long long)asking->ledger);

	strbuf_printf(&text, "<!-- %s -->\n", marker);
	command_help(&text);
	*asking->ret_outcome = "help";
	return effect_put(asking->engine, EFFECT_REPLY, REPEAT_UPSERT, marker, asking->pull,
		(struct run_id){ 0 }, (struct job_id){ 0 }, strbuf_text(&text), 0, err);
}

static int invalid_command(struct asking *asking, struct err *err)
{
	const struct command *command = asking->command;
	struct reply reply = { .asked = "",
		.actor = asking->event->actor,
		.why = command->problem,
		.next = str_empty(command->hint) ? "Comment `sluice help` for what can be asked."
						 : arena_printf(asking->arena, "Did you mean `%s`?",
							   command->hint) };

	*asking->ret_outcome = "invalid";
	return reply_put(asking->engine, asking->arena, asking->pull, asking->ledger, &reply, err);
}

int command_handle(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, int64_t ledger, const char **ret_outcome, struct err *err)
{
	struct command command = { 0 };
	struct asking asking = { .engine = engine,
		.arena = arena,
		.pull = pull,
		.event = event,
		.command = &command,
		.ledger = ledger,
		.ret_outcome = ret_outcome };
	bool is_late;

	*ret_outcome = "no command";
	if (event->body == NULL)
		return 0;
	command_parse(&engine->words, event->body, strlen(event->body), arena, &command);
	if (command.kind == COMMAND_NONE)
		return 0;
	is_late = pull->state != PULL_OPEN && command.kind != COMMAND_REVIEWED;
	if (event->actor_is_bot || !event->actor_may_write || is_late) {
		*ret_outcome = "not allowed"; /* no reply: two bots must never talk to each other
						 for ever */
		return engine_audit(engine, arena, "command ignored", event->actor, pull->id,
			(struct run_id){ 0 }, err, "%s: %s", command_kind_name(command.kind),
			is_late		      ? "the pull request is not open"
			: event->actor_is_bot ? "by a bot"
					      : "by somebody who may not write here");
	}
	if (command.kind != COMMAND_INVALID && command.kind != COMMAND_HELP &&
		command.kind != COMMAND_REVIEWED &&
		!settings_allow(engine->world.settings, command_verb(command.kind)))
		return asking_refuse(&asking, "this server does not take this command",
			"Its operator can allow it with `commands: {allowed: [...]}`.", err);
	switch (command.kind) {
	case COMMAND_PLAN:
		return plan_command(&asking, err);
	case COMMAND_APPLY:
		return apply_command(&asking, err);
	case COMMAND_UNLOCK:
		return unlock_command(&asking, err);
	case COMMAND_CANCEL:
		return cancel_command(&asking, err);
	case COMMAND_HELP:
		return help_command(&asking, err);
	case COMMAND_IMPORT:
	case COMMAND_STATE_RM:
		return change_command(&asking, err);
	case COMMAND_VERSION:
		return version_command(&asking, err);
	case COMMAND_APPROVE_POLICIES:
		return approve_policies_command(&asking, err);
	case COMMAND_REVIEWED:
		return reviewed_command(&asking, err);
	case COMMAND_INVALID:
		return invalid_command(&asking, err);
	case COMMAND_NONE:
		break;
	}
	return 0;
}
