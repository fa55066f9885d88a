/* One event to one run or job: load the facts, ask the table, write what it says. */
#include "orchestrator/engine/notices.h"

#include "orchestrator/lib/metrics.h"

enum { FIRST_WORD_DELAY_MS = 400, START_DEADLINE_MS = 60000 };

/* ---- runs ---- */

static const struct sent_comment *last_word(const struct engine *engine, struct run_id run)
{
	list_for_each (item, (struct list *)(uintptr_t)&engine->sent_comments) {
		const struct sent_comment *sent = container_of(
			item, struct sent_comment, in_engine);

		if (sent->run.v == run.v)
			return sent;
	}
	return NULL;
}

/* How long a word about a run that goes on may wait for the next one. Where each call counts, the
 * waits grow: a quick run costs one comment, a long one a few edits. */
static int64_t comment_delay(
	const struct engine *engine, const struct pull *pull, const struct run *run)
{
	const struct sent_comment *sent = last_word(engine, run->id);
	const struct vcs_host *host = engine_host(engine, pull->host);
	int64_t patience = host == NULL ? 0 : host->patience_ms, least, delay;

	if (patience == 0) {
		least = FIRST_WORD_DELAY_MS;
		delay = sent == NULL
				? 0
				: sent->at_ms - engine_monotonic(engine) +
					  engine_settings(engine, run->id)->comment_interval_ms;
	} else {
		least = 1;
		delay = sent == NULL ? run->created_ms + patience - engine_now(engine)
				     : sent->at_ms - engine_monotonic(engine) +
					       (patience << (sent->edits < 8 ? sent->edits : 8));
	}
	return delay > least ? delay : least;
}

static bool calls_count(const struct engine *engine, const struct pull *pull)
{
	const struct vcs_host *host = engine_host(engine, pull->host);

	return host != NULL && host->patience_ms > 0;
}

/* Who asked by a comment has seen the reaction; who pushed has seen nothing yet. */
static int64_t status_delay(
	const struct engine *engine, const struct pull *pull, const struct run *run)
{
	if (!calls_count(engine, pull))
		return comment_delay(engine, pull, run);
	return str_empty(run->comment_id) ? FIRST_WORD_DELAY_MS
					  : engine_host(engine, pull->host)->patience_ms;
}

int run_say(struct engine *engine, const struct pull *pull, const struct run *run, bool is_urgent,
	struct err *err)
{
	int64_t delay = is_urgent ? pusher_patience_ms(engine, pull)
				  : comment_delay(engine, pull, run);
	char key[64];
	int r;

	if (run->kind == RUN_DRIFT)
		return 0; /* there is nothing to comment on: its report tells */
	(void)snprintf(key, sizeof(key), "comment:run:%lld", (long long)run->id.v);
	r = effect_put(engine, EFFECT_COMMENT, REPEAT_UPSERT, key, pull, run->id,
		(struct job_id){ 0 }, is_urgent ? "final" : "", delay, err);
	if (r < 0)
		return r;
	if (run->kind != RUN_PLAN && run->kind != RUN_APPLY)
		return 0; /* no status: nothing of the pull request is held back by it */
	/* said already when it became final, and what changed since stands in the comment */
	if (run_state_is_final(run->state) && calls_count(engine, pull))
		return 0;
	(void)snprintf(key, sizeof(key), "status:run:%lld", (long long)run->id.v);
	return effect_put(engine, EFFECT_STATUS, REPEAT_UPSERT, key, pull, run->id,
		(struct job_id){ 0 }, "", is_urgent ? 0 : status_delay(engine, pull, run), err);
}

static int cancel_jobs(struct engine *engine, struct arena *arena, const struct job *jobs,
	size_t count, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!job_state_is_final(jobs[i].state))
			r = job_event(
				engine, arena, jobs[i].id, jobs[i].attempt, EV_CANCEL, NULL, err);
	}
	return r;
}

/* Those that need wait no longer, or never may: posted, so that a chain of a thousand projects is
 * no thousand calls deep. A restart asks again. */
static void let_go(struct engine *engine, struct arena *arena, const struct facts *facts)
{
	const char *why;

	for (size_t i = 0; i < facts->job_count; i++) {
		const struct job *job = &facts->jobs[i];
		enum precedence verdict;

		if (job->state != JOB_HELD && job->state != JOB_BLOCKED)
			continue;
		verdict = precedence_of(job, facts->jobs, facts->job_count, arena, &why);
		if (verdict == PRECEDENCE_SKIP ||
			(verdict == PRECEDENCE_GO && job->state == JOB_HELD))
			engine_post_job(engine, job->id, job->attempt, EV_ONE_ENDED);
	}
}

static int finish_run(struct engine *engine, struct arena *arena, const struct facts *facts,
	enum run_state state, struct err *err)
{
	const struct run *run = facts->run;
	bool was_at_work = run->state == RUN_WORKING, has_hooks = false;
	struct run plan_run;
	int r = engine_audit(engine, arena,
		arena_printf(arena, "%s finished", run_kind_name(run->kind)), run->actor,
		run->pull_id, run->id, err, "%s at %s", run_state_name(state), run->head);

	if (r == 0 && run->kind == RUN_DRIFT)
		return drift_finish(engine, arena, facts->pull, run, err);
	if (r == 0)
		r = notices_run(engine, arena, facts, state, err);
	if (run->kind == RUN_PLAN && state != RUN_DONE) /* perhaps the work tree is damaged */
		known_forget(engine, facts->pull->repo_id, run->head);
	if (r == 0 && run->kind == RUN_PLAN)
		r = apply_status_put(engine, arena, facts->pull, run, state, err);
	if (r == 0 && was_at_work && (state == RUN_DONE || state == RUN_FAILED))
		r = hooks_add(engine, arena, facts->pull, run, true, &has_hooks, err);
	/* also where nothing was planned anew, but plans of others were kept */
	if (r == 0 && run->kind == RUN_PLAN &&
		(state == RUN_DONE || (state == RUN_FAILED && was_at_work)))
		r = plan_set_record(engine, arena, facts->pull, run->id, err);
	if (r == 0 && run->kind == RUN_PLAN && was_at_work)
		r = locks_will_expire(engine, run->pull_id, err);
	if (r == 0 && run->kind == RUN_PLAN && was_at_work)
		r = policies_status_put(engine, arena, facts->pull, run, err);
	if (r < 0 || run->kind == RUN_PLAN)
		return r;
	/* the plan's comment shows what was applied and what is next */
	r = store_run_load(engine->store, arena, run->plan_run, &plan_run, err);
	return r < 0 ? r : run_say(engine, facts->pull, &plan_run, true, err);
}

/* The base branch stands where the plan of this apply was made. */
static bool stands_still(
	const struct engine *engine, const struct pull *pull, const struct run *run)
{
	char tip[OID_HEX + 1];

	return known_tip(engine, pull, tip) && str_equal(tip, run->base);
}

static int ask_prepare(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err)
{
	const struct run *run = facts->run;
	_cleanup_json_ json_t *known = run->kind != RUN_APPLY
					       ? known_answer(engine, arena, facts->pull, run)
				       : stands_still(engine, facts->pull, run) ? json_null()
										: NULL;
	struct job_result result = { .outcome = OUTCOME_OK, .prepared = known };
	int r;

	if (known == NULL)
		return jobs_make_prepare(engine, facts->pull, run, err);
	r = run_event(engine, arena, run->id, EV_PREPARED, &result, err);
	return r < 0 ? r : locks_tidy(engine, arena, facts->pull->id, err);
}

static int run_act(struct engine *engine, struct arena *arena, const struct facts *facts,
	const struct flow_rule *rule, const struct planned *planned, struct err *err)
{
	const struct run *run = facts->run;
	bool has_hooks;
	int r = 0;

	if (rule->actions & ACT_ASK_PREPARE)
		r = ask_prepare(engine, arena, facts, err);
	if (r == 0 && (rule->actions & ACT_ASK_HOOKS))
		r = hooks_add(engine, arena, facts->pull, run, false, &has_hooks, err);
	if (r == 0 && (rule->actions & ACT_MAKE_PLAN_JOBS))
		r = run->kind == RUN_DRIFT
			    ? drift_make_jobs(engine, arena, facts->pull, run, planned, err)
			    : jobs_make_plans(engine, arena, facts->pull, run, planned, err);
	if (r == 0 && (rule->actions & ACT_MAKE_PLAN_JOBS))
		r = drift_learn(engine, arena, facts->pull, &planned->config, err);
	if (r == 0 && (rule->actions & ACT_MAKE_CHANGE_JOBS))
		r = run->kind == RUN_APPLY
			    ? jobs_make_applies(engine, arena, facts->pull, run, planned, err)
			    : jobs_make_change(engine, arena, facts->pull, run, err);
	if (r == 0 && (rule->actions & ACT_LET_GO))
		let_go(engine, arena, facts);
	if (r == 0 && (rule->actions & ACT_CANCEL_JOBS))
		r = cancel_jobs(engine, arena, facts->jobs, facts->job_count, err);
	if (r == 0 && (rule->actions & ACT_FINISH))
		r = finish_run(engine, arena, facts, (enum run_state)rule->next, err);
	if (r == 0 && (rule->actions & ACT_TIDY))
		r = locks_tidy(engine, arena, run->pull_id, err);
	/* while it changed something, it could not give way */
	if (r == 0 && (rule->actions & ACT_TIDY) && run->kind != RUN_PLAN && run->kind != RUN_DRIFT)
		r = locks_untangle(engine, arena, facts->pull, NULL, err);
	if (r == 0 && (rule->actions & ACT_SAY))
		r = run_say(engine, facts->pull, run,
			run_state_is_final((enum run_state)rule->next), err);
	return r;
}

/* Keeps what later steps need of git's answer: who wrote the commits, what conflicts; not the long
 * lists. */
static int keep_prepared(struct engine *engine, const struct run *run,
	const struct prepared *prepared, struct err *err)
{
	struct prepared kept = *prepared;
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL;

	kept.changed_count = kept.folder_count = kept.workspace_count = kept.use_count = 0;
	kept.config_base = kept.config_head = (struct config_file){ 0 };
	json = prepared_write(&kept);
	text = jsonx_text(json);
	return store_run_set_prepared(
		engine->store, run->id, prepared->base, prepared->tree, text, err);
}

/* Nothing moved: git was not asked. */
static int move_facts(struct engine *engine, struct arena *arena, const struct facts *facts,
	const struct job_result *result, struct planned *planned, struct err *err)
{
	return json_is_null(result->prepared) ? 0
					      : planned_read_moves(engine, arena, facts->pull,
							facts->run, result->prepared, planned, err);
}

static int prepare_facts(struct engine *engine, struct arena *arena, struct facts *facts,
	const struct job_result *result, struct planned *planned, struct err *err)
{
	bool is_of_git = facts->run->state == RUN_PREPARING;
	int r = is_of_git ? hooks_go_first(
				    engine, arena, facts->pull, facts->run, &facts->has_hooks, err)
			  : 0;

	planned->is_early = facts->has_hooks;
	if (r == 0)
		r = planned_read(
			engine, arena, facts->pull, facts->run, result->prepared, planned, err);
	if (r == 0)
		r = keep_prepared(engine, facts->run, &planned->prepared, err);
	if (r == 0 && !facts->has_hooks)
		r = store_run_set_told(
			engine->store, facts->run->id, told_write(&planned->told, arena), err);
	if (r == 0 && is_of_git)
		known_put(engine, facts->pull, facts->run, &planned->prepared, result->prepared);
	facts->project_count = planned->selection.project_count;
	return r;
}

static int run_failure(struct engine *engine, struct run_id run, enum flow_event event,
	const struct job_result *result, struct err *err)
{
	if (event != EV_PREPARE_FAILED || result == NULL)
		return 0;
	return store_run_set_failure(engine->store, run, result->failure, err);
}

/*~ 16. The answer is an event like any other: facts, table, row. The run of our webhook goes on
 * from preparing to working. */
int run_event(struct engine *engine, struct arena *arena, struct run_id id, enum flow_event event,
	const struct job_result *result, struct err *err)
{
	struct planned planned = { 0 };
	struct facts facts = { 0 };
	const struct flow_rule *rule;
	struct job *jobs = NULL;
	struct pull pull;
	struct run run;
	int r = store_run_load(engine->store, arena, id, &run, err);

	if (r == 0)
		r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	if (r == 0)
		r = store_job_list_states(engine->store, arena, id, &jobs, &facts.job_count, err);
	facts.run = &run;
	facts.pull = &pull;
	facts.jobs = jobs;
	if (r == 0 && event == EV_PREPARED &&
		(run.state == RUN_PREPARING || run.state == RUN_HOOKS)) {
		r = run.kind == RUN_APPLY
			    ? move_facts(engine, arena, &facts, result, &planned, err)
			    : prepare_facts(engine, arena, &facts, result, &planned, err);
		if (planned.failure != NULL && err->class != ERR_CLASS_TEMP) {
			event = EV_PREPARE_FAILED; /* people can mend it: say how */
			r = store_run_set_failure(engine->store, id, planned.failure, err);
			result = NULL;
		}
	}
	if (r < 0)
		return r;
	rule = flow_decide(&flow_run, (int)run.state, event, &facts);
	if (rule == NULL)
		return 0; /* refused: late or repeated news of something that went on without it */
	r = run_failure(engine, id, event, result, err);
	if (r == 0 && rule->next != (int)run.state)
		r = store_run_move(engine->store, id, run.state, (enum run_state)rule->next,
			flow_event_name(event), err);
	return r < 0 ? r : run_act(engine, arena, &facts, rule, &planned, err);
}

/* ---- jobs ---- */

static int ask_start(struct engine *engine, const struct facts *facts, struct err *err)
{
	const struct job *job = facts->job;
	char key[64];
	int r = store_job_set_attempt(engine->store, job->id, job->attempt + 1, err);

	(void)snprintf(key, sizeof(key), "job:%lld", (long long)job->id.v);
	if (r == 0)
		r = effect_put(engine, EFFECT_JOB_START, job_repeat_class(job->op), key,
			facts->pull, facts->run->id, job->id, "", 0, err);
	return r < 0 ? r
		     : store_deadline_set(engine->store, "job-start", job->id.v,
			       engine_now(engine) + START_DEADLINE_MS, err);
}

static int keep_result(struct engine *engine, const struct job *job,
	const struct job_result *result, const char *why, int next, struct err *err)
{
	struct job kept = *job;

	if (result != NULL) {
		kept.outcome = result->outcome;
		kept.failure = result->failure;
		kept.output = result->output;
		kept.log_blob = result->log_blob;
		kept.has_changes = result->has_changes;
		kept.step = result->step;
		if (job->op == JOB_PLAN)
			kept.plan_blob = result->plan_blob;
	} else {
		kept.outcome = next == JOB_INTERRUPTED ? OUTCOME_UNKNOWN
			       : next == JOB_SKIPPED   ? OUTCOME_NONE
						       : OUTCOME_SETUP_FAILED;
		kept.failure = why;
	}
	_cleanup_free_ char *summary = NULL;
	if (result != NULL && result->summary != NULL)
		kept.summary = summary = jsonx_text(result->summary);
	return store_job_set_result(engine->store, &kept, err);
}

/* The host was not reached: nobody need push or comment for that. */
static int fail_for_now(struct engine *engine, struct arena *arena, const struct facts *facts,
	const struct job_result *result, struct err *err)
{
	struct job_result failed = *result;
	char text[CLOCK_TEXT_MAX];
	int64_t wait = 0;
	int r = plan_later(engine, arena, facts->pull, facts->run, &wait, err);

	if (wait > 0)
		failed.failure = arena_printf(arena, "%s\nIt is tried again by itself in %s.",
			result->failure, clock_duration_text(wait, text));
	return r < 0 ? r
		     : run_event(engine, arena, facts->run->id, EV_PREPARE_FAILED, &failed, err);
}

static int tell_run(struct engine *engine, struct arena *arena, const struct facts *facts, int next,
	const struct job_result *result, struct err *err)
{
	struct job_result failed = { .failure = "git could not prepare the work tree" };
	bool goes_first = facts->job->op == JOB_PREPARE ||
			  (facts->job->op == JOB_HOOKS && facts->run->state == RUN_HOOKS);

	/* hooks after the end of a run: it stays as it ended, but what failed is shown */
	if (facts->job->op == JOB_HOOKS && run_state_is_final(facts->run->state))
		return next == JOB_DONE ? 0 : run_say(engine, facts->pull, facts->run, true, err);
	if (!goes_first)
		return run_event(engine, arena, facts->run->id, EV_JOB_ENDED, NULL, err);
	if (next == JOB_DONE)
		return run_event(engine, arena, facts->run->id, EV_PREPARED, result, err);
	if (next == JOB_CANCELLED)
		return run_event(engine, arena, facts->run->id, EV_JOB_ENDED, NULL, err);
	if (facts->job->op == JOB_HOOKS) { /* what they said stands in their own row */
		failed.failure = "The hooks of the server did not succeed, so nothing was planned.";
		result = NULL;
	}
	if (result != NULL && result->exit_code == PREPARED_EXIT_AGAIN &&
		facts->run->kind == RUN_PLAN)
		return fail_for_now(engine, arena, facts, result, err);
	return run_event(engine, arena, facts->run->id, EV_PREPARE_FAILED,
		result == NULL ? &failed : result, err);
}

/* The record has its begin. */
static bool is_apply_over(const struct job *job, enum job_state next)
{
	return job->op == JOB_APPLY && job->attempt > 0 && job_state_is_final(next);
}

static int job_act(struct engine *engine, struct arena *arena, const struct facts *facts,
	const struct flow_rule *rule, const struct job_result *result, const char *why,
	struct err *err)
{
	const struct job *job = facts->job;
	char key[64];
	int r = 0;

	if (rule->actions & ACT_KEEP_RESULT)
		r = keep_result(engine, job, result, why, rule->next, err);
	if (r == 0 && is_apply_over(job, (enum job_state)rule->next))
		r = record_apply_ended(engine, arena, facts, (enum job_state)rule->next, err);
	if (r == 0 && (rule->actions & ACT_USE_PLAN))
		r = begin_note(engine, arena, facts, err);
	if (r == 0 && (rule->actions & ACT_ASK_START))
		r = ask_start(engine, facts, err);
	if (r == 0 && (rule->actions & ACT_ASK_CANCEL)) {
		(void)snprintf(key, sizeof(key), "cancel:%lld", (long long)job->id.v);
		r = effect_put(engine, EFFECT_JOB_CANCEL, REPEAT_FREELY, key, facts->pull,
			facts->run->id, job->id, "", 0, err);
	}
	if (r == 0 && (rule->actions & ACT_FORGET)) {
		(void)snprintf(
			key, sizeof(key), "forget:%lld:%d", (long long)job->id.v, job->attempt);
		r = effect_put(engine, EFFECT_JOB_FORGET, REPEAT_FREELY, key, facts->pull,
			facts->run->id, job->id, "", 0, err);
	}
	if (r == 0 && (rule->actions & ACT_TELL_RUN))
		r = tell_run(engine, arena, facts, rule->next, result, err);
	if (r == 0 && (rule->actions & ACT_TIDY))
		r = job->op == JOB_PREPARE ? locks_tidy(engine, arena, facts->pull->id, err)
					   : lock_tidy(engine, arena, facts->pull, job, err);
	if (r == 0 && (rule->actions & ACT_SAY))
		r = run_say(engine, facts->pull, facts->run, false, err);
	return r;
}

static int job_moved(struct engine *engine, const struct job *job, int next, struct err *err)
{
	bool was_active = job->state == JOB_STARTING || job->state == JOB_RUNNING;

	engine->slots_may_be_free = engine->slots_may_be_free || was_active || next == JOB_WAITING;
	if (job_state_is_final((enum job_state)next))
		metrics_add(METRIC_JOBS_ENDED, 1);
	return job->state == JOB_STARTING && next != JOB_STARTING
		       ? store_deadline_clear(engine->store, "job-start", job->id.v, err)
		       : 0;
}

static int order_facts(struct engine *engine, struct arena *arena, struct facts *facts,
	const char **ret_why, struct err *err)
{
	struct job *jobs = NULL;
	size_t count = 0;
	int r = store_job_list_states(engine->store, arena, facts->run->id, &jobs, &count, err);

	if (r == 0)
		facts->precedence = precedence_of(facts->job, jobs, count, arena, ret_why);
	return r;
}

/*~ 22. The result moves the job, the job moves the run, and both make the comment stale. */
int job_event(struct engine *engine, struct arena *arena, struct job_id id, int attempt,
	enum flow_event event, const struct job_result *result, struct err *err)
{
	const char *why = "the job was lost";
	bool asks = false;
	struct gate_verdict gate = { 0 };
	struct facts facts = { 0 };
	const struct flow_rule *rule;
	struct pull pull;
	struct run run;
	struct job job;
	int r = store_job_load(engine->store, arena, id, &job, err);

	if (r < 0)
		return r;
	if (attempt != job.attempt && event != EV_START && event != EV_ONE_ENDED &&
		event != EV_CANCEL)
		return 0; /* news of an older attempt */
	r = store_run_load(engine->store, arena, job.run_id, &run, err);
	if (r == 0)
		r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	facts = (struct facts){ .pull = &pull, .run = &run, .job = &job };
	facts.outcome = result == NULL ? OUTCOME_NONE : result->outcome;
	if (r == 0 && event == EV_ONE_ENDED)
		r = order_facts(engine, arena, &facts, &why, err);
	if (r == 0 && event == EV_START && job.state == JOB_WAITING)
		r = begin_asks(&job, arena, &asks, err);
	if (r == 0 && asks)
		r = begin_read(engine, arena, &facts, &gate, &why, err);
	else
		facts.is_fresh = true;
	if (r < 0 || !facts.is_fresh) /* it keeps waiting: the answer gives out slots again */
		return r;
	rule = flow_decide(&flow_job, (int)job.state, event, &facts);
	if (rule == NULL)
		return 0;
	if (rule->next != (int)job.state)
		r = store_job_move(engine->store, &job, (enum job_state)rule->next,
			flow_event_name(event), err);
	if (r == 0)
		r = job_moved(engine, &job, rule->next, err);
	return r < 0 ? r : job_act(engine, arena, &facts, rule, result, why, err);
}
