/* The turn. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/metrics.h"
#include "orchestrator/lib/strbuf.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	TURN_BUDGET_MS = 5,
	SICK_REST_MS = 1000,
	RETRY_FIRST_MS = 500,
	RETRY_MOST_MS = 600000,
	WAKE_MOST_MS = 60000,
	COMMIT_LATE_MS = 20, /* what nobody waits for shares the next commit */
};

int engine_new(struct store *store, const struct engine_world *world, struct engine **ret,
	_unused_ struct err *err)
{
	struct engine *engine = mem_alloc(sizeof(*engine));

	engine->store = store;
	engine->transaction = 1;
	engine->inbox_has_deferred = true; /* perhaps, before we came */
	engine->world = *world;
	generations_start(engine, world->settings);
	list_init(&engine->posted);
	list_init(&engine->handled);
	list_init(&engine->accepts);
	list_init(&engine->flights);
	list_init(&engine->sent_comments);
	list_init(&engine->parsed);
	list_init(&engine->known);
	list_init(&engine->partials);
	list_init(&engine->listings);
	list_init(&engine->facts);
	engine->inbox_may_have_rows = engine->slots_may_be_free = true;
	*ret = engine;
	return 0;
}

static void posted_free(struct posted *posted)
{
	list_remove(&posted->in_queue);
	job_result_release(&posted->result);
	arena_release(&posted->arena);
	free(posted);
}

static void free_posted_list(struct list *queue)
{
	struct list *item;

	while ((item = list_pop(queue)) != NULL)
		posted_free(container_of(item, struct posted, in_queue));
}

static void forget_parsed(struct engine *engine);

void engine_free(struct engine *engine)
{
	struct list *item;

	if (engine == NULL)
		return;
	free_posted_list(&engine->posted);
	free_posted_list(&engine->handled);
	while ((item = list_pop(&engine->accepts)) != NULL)
		free(container_of(item, struct accept, in_queue));
	while ((item = list_pop(&engine->sent_comments)) != NULL)
		free(container_of(item, struct sent_comment, in_engine));
	effects_drop(engine);
	partials_drop(engine);
	listings_drop(engine);
	facts_drop(engine);
	authors_forget(engine);
	forget_parsed(engine);
	known_forget_all(engine);
	generations_free(engine);
	free(engine->handed);
	free(engine);
}

static void forget_parsed(struct engine *engine)
{
	struct list *item;

	while ((item = list_pop(&engine->parsed)) != NULL) {
		struct parsed *parsed = container_of(item, struct parsed, in_engine);

		arena_release(&parsed->arena);
		free(parsed);
	}
}

const struct vcs_event *engine_parsed(const struct engine *engine, struct inbox_id id)
{
	list_for_each (item, (struct list *)(uintptr_t)&engine->parsed) {
		struct parsed *parsed = container_of(item, struct parsed, in_engine);

		if (parsed->inbox.v == id.v)
			return &parsed->event;
	}
	return NULL;
}

static void wake(struct engine *engine, int64_t delay_ms)
{
	engine->world.wake(engine->world.owner, delay_ms);
}

struct posted *engine_post(struct engine *engine, enum posted_kind kind)
{
	struct posted *posted = mem_alloc(sizeof(*posted));

	posted->kind = kind;
	posted->transaction = engine->is_working ? engine->transaction : 0;
	list_append(&engine->posted, &posted->in_queue);
	wake(engine, 0);
	return posted;
}

void engine_post_job(struct engine *engine, struct job_id job, int attempt, enum flow_event event)
{
	struct posted *posted = engine_post(engine, POSTED_JOB_EVENT);

	posted->job = job;
	posted->attempt = attempt;
	posted->flow = event;
}

void engine_post_start_failed(struct engine *engine, const struct job *job, const struct err *err)
{
	struct posted *posted = engine_post(engine, POSTED_JOB_EVENT);

	posted->job = job->id;
	posted->attempt = job->attempt;
	posted->flow = EV_START_FAILED;
	posted->result = (struct job_result){ .outcome = OUTCOME_SETUP_FAILED,
		.step = "",
		.failure = arena_strdup(&posted->arena, err->text),
		.output = "",
		.plan_blob = "",
		.log_blob = "" };
}

void engine_post_run(struct engine *engine, struct run_id run, enum flow_event event)
{
	struct posted *posted = engine_post(engine, POSTED_RUN_EVENT);

	posted->run = run;
	posted->flow = event;
}

void engine_tell(struct engine *engine, bool is_problem, const char *what, const struct err *err)
{
	if (is_problem)
		metrics_add(METRIC_PROBLEMS, 1);
	if (engine->world.tell != NULL)
		engine->world.tell(engine->world.owner, is_problem, what, err);
}

struct vcs_host *engine_host(const struct engine *engine, const char *name)
{
	for (size_t i = 0; engine->world.hosts[i] != NULL; i++) {
		if (str_equal(engine->world.hosts[i]->name, name))
			return engine->world.hosts[i];
	}
	return NULL;
}

const struct host_settings *engine_host_settings(const struct engine *engine, const char *name)
{
	const struct settings *settings = engine->world.settings;

	for (size_t i = 0; i < settings->host_count; i++) {
		if (str_equal(settings->hosts[i].name, name))
			return &settings->hosts[i];
	}
	return NULL;
}

void engine_look_again(struct engine *engine, int64_t delay_ms)
{
	int64_t at = engine_monotonic(engine) + delay_ms;

	if (delay_ms <= 0)
		engine->inbox_may_have_rows = true;
	else if (engine->inbox_retry_ms == 0 || at < engine->inbox_retry_ms)
		engine->inbox_retry_ms = at;
}

/* ---- what executors and hosts tell us ---- */

/* What happened outside stays true, whatever becomes of our writes. */
static struct posted *post_news(struct engine *engine, enum posted_kind kind)
{
	struct posted *posted = engine_post(engine, kind);

	posted->transaction = 0;
	return posted;
}

static void on_job_started(void *owner, struct job_id job, int attempt)
{
	struct posted *posted = post_news(owner, POSTED_JOB_STARTED);

	posted->job = job;
	posted->attempt = attempt;
}

static void on_job_step(void *owner, struct job_id job, int attempt, const char *step)
{
	struct posted *posted = post_news(owner, POSTED_JOB_STEP);

	posted->job = job;
	posted->attempt = attempt;
	posted->step = arena_strdup(&posted->arena, step);
}

static void on_job_ended(
	void *owner, struct job_id job, int attempt, const struct job_result *result)
{
	struct posted *posted = post_news(owner, POSTED_JOB_ENDED);
	_cleanup_json_ json_t *copy = job_result_write(result);
	struct err err;

	posted->job = job;
	posted->attempt = attempt;
	if (job_result_read(copy, &posted->arena, &posted->result, &err) < 0)
		posted->result = (struct job_result){ .outcome = OUTCOME_BAD_RESULT,
			.step = "",
			.failure = arena_strdup(&posted->arena, err.text),
			.output = "",
			.plan_blob = "",
			.log_blob = "" };
}

static void on_job_moved(void *owner)
{
	struct engine *engine = owner;

	engine->slots_may_be_free = true;
	wake(engine, 0);
}

/* ---- intake ---- */

static void accept_later(struct engine *engine, engine_accepted_cb cb, void *owner, bool is_repeat)
{
	struct accept *accept = mem_alloc(sizeof(*accept));

	accept->cb = cb;
	accept->owner = owner;
	accept->is_repeat = is_repeat;
	list_append(&engine->accepts, &accept->in_queue);
	engine->commit_is_urgent = true;
	wake(engine, 0);
}

static int inbox_put(struct engine *engine, const struct inbox_row *row,
	engine_accepted_cb accepted, void *owner, struct inbox_id *ret_id, struct err *err)
{
	int r = store_inbox_put(engine->store, row, ret_id, err);

	if (r < 0 && r != -ERR_EXISTS)
		return r;
	metrics_add(r < 0 ? METRIC_EVENTS_REPEATED : METRIC_EVENTS_ACCEPTED, 1);
	engine->inbox_may_have_rows = true;
	accept_later(engine, accepted, owner, r == -ERR_EXISTS);
	return 0;
}

/* An id that is no text is none; the body tells whether it came before. */
static const char *delivery_name(const struct vcs_host *host, const struct delivery *delivery)
{
	const char *id = host->delivery_id(host, delivery);

	return codec_utf8_prefix(id, strlen(id)) == strlen(id) ? id : "";
}

/*~ 3. The host checks the signature and reads the form; both are pure. From here on it is an
 * event of ours. */
int engine_intake(struct engine *engine, const char *host_name, const struct delivery *delivery,
	engine_accepted_cb accepted, void *owner, struct err *err)
{
	struct vcs_host *host = engine_host(engine, host_name);
	struct parsed *parsed;
	int r;

	if (host == NULL)
		return err_set(
			err, ERR_MISSING, "there is no host %s in the configuration", host_name);
	parsed = mem_alloc(sizeof(*parsed));
	list_append(&engine->parsed, &parsed->in_engine);
	r = host->verify(host, delivery, err);
	if (r == 0)
		r = host->parse(host, delivery, &parsed->arena, &parsed->event, err);
	if (r < 0)
		metrics_add(METRIC_EVENTS_REFUSED, 1);
	else /* a repeat leaves number 0, which no row has */
		r = inbox_put(engine,
			&(struct inbox_row){ .host = host_name,
				.topic = host->topic == NULL ? "" : host->topic(host, delivery),
				.delivery = delivery_name(host, delivery),
				.body = delivery->body,
				.length = delivery->length },
			accepted, owner, &parsed->inbox, err);
	return r;
}

void engine_after_commit(struct engine *engine, engine_accepted_cb accepted, void *owner)
{
	engine->inbox_may_have_rows = true;
	accept_later(engine, accepted, owner, false);
}

int engine_operator_command(struct engine *engine, const char *host, const char *repo,
	int64_t number, const char *actor, const char *text, engine_accepted_cb accepted,
	void *owner, struct err *err)
{
	struct inbox_id id;
	uint8_t chance[16];
	char delivery[2 * sizeof(chance) + 1];
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *body = NULL;

	engine->world.entropy->fill(engine->world.entropy, chance, sizeof(chance));
	codec_hex(chance, sizeof(chance), delivery);
	json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "delivery", delivery, "host", host,
		"repo", repo, "number", (json_int_t)number, "actor", actor, "text", text);
	if (json == NULL)
		return err_user(err, ERR_USAGE, "the command is not valid text");
	body = jsonx_text(json);
	return inbox_put(engine,
		&(struct inbox_row){ .host = "operator",
			.topic = "",
			.delivery = delivery,
			.body = body,
			.length = strlen(body) },
		accepted, owner, &id, err);
}

/* ---- the turn ---- */

/* An end without a result is no result: whether it may be done again is the table's to say. */
static enum flow_event event_of(enum job_outcome outcome)
{
	return outcome == OUTCOME_UNKNOWN	? EV_LOST
	       : outcome == OUTCOME_NEVER_BEGAN ? EV_VOID
						: EV_ENDED;
}

static int posted_handle(
	struct engine *engine, struct arena *arena, struct posted *posted, struct err *err)
{
	const char *outcome;

	switch (posted->kind) {
	case POSTED_JOB_STARTED:
		return job_event(
			engine, arena, posted->job, posted->attempt, EV_STARTED, NULL, err);
	case POSTED_JOB_STEP: {
		struct job job;
		int r = store_job_load(engine->store, arena, posted->job, &job, err);

		if (r < 0 || job_state_is_final(job.state) || job.attempt != posted->attempt)
			return r;
		return store_job_set_step(engine->store, posted->job, posted->step, err);
	}
	case POSTED_JOB_ENDED:
		return job_event(engine, arena, posted->job, posted->attempt,
			event_of(posted->result.outcome), &posted->result, err);
	case POSTED_JOB_EVENT:
		return job_event(engine, arena, posted->job, posted->attempt, posted->flow,
			posted->flow == EV_START_FAILED ? &posted->result : NULL, err);
	case POSTED_RUN_EVENT:
		return run_event(engine, arena, posted->run, posted->flow, NULL, err);
	case POSTED_SENT:
		return effect_answered(engine, posted, err);
	case POSTED_PULL:
		return pull_event_handle(engine, arena, &posted->event, &outcome, err);
	case POSTED_PLAN_AGAIN:
		return plan_again(engine, arena, posted->pull, err);
	case POSTED_LOCK_CAME:
		return locks_came(engine, arena, posted->pull, err);
	case POSTED_LOCKS_OLD:
		return locks_expire(engine, arena, posted->pull, err);
	case POSTED_WORD:
		return catchup_word(engine, arena, &posted->event, err);
	case POSTED_FACTS:
		return facts_answered(engine, arena, posted, err);
	case POSTED_ANSWERED:
		return partial_answered(engine, posted->inbox, err);
	case POSTED_PULL_GONE: {
		struct pull pull;
		int r = store_pull_load(engine->store, arena, posted->pull, &pull, err);

		return r < 0 || pull.state != PULL_OPEN
			       ? r
			       : pull_close(engine, arena, &pull,
					 posted->event.kind == VCS_PULL_MERGED ? PULL_MERGED
									       : PULL_CLOSED,
					 VCS_SOMEBODY, err);
	}
	}
	return err_set(err, ERR_BUG, "an unknown kind of event was posted");
}

static int64_t backoff_ms(int tries)
{
	int64_t wait = RETRY_FIRST_MS;

	for (int i = 0; i < tries && wait < RETRY_MOST_MS; i++)
		wait *= 2;
	return wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
}

/* Takes back what was posted behind `last` by an event whose writes were undone. */
static void unpost(struct engine *engine, const struct list *last)
{
	struct list *item = engine->posted.prev;

	while (item != last) {
		struct posted *posted = container_of(item, struct posted, in_queue);

		item = item->prev;
		if (posted->transaction != 0)
			posted_free(posted);
	}
}

/* One event, one mark: what fails takes only its own writes with it and is tried again. */
static void handle_one(struct engine *engine, struct posted *posted)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct list *last = engine->posted.prev;
	struct err err = { 0 };
	int r = store_mark(engine->store, &err);

	if (r == 0) {
		r = posted_handle(engine, &arena, posted, &err);
		if (r == 0)
			r = store_keep(engine->store, &err);
		else
			store_undo(engine->store);
	}
	if (r == 0) {
		list_append(&engine->handled, &posted->in_queue);
		return;
	}
	unpost(engine, last);
	if (r == -ERR_MISSING ||
		r == -ERR_BUG) { /* about something that is gone: no later try can help */
		engine_tell(engine, true, "an event was dropped", &err);
		list_append(&engine->handled, &posted->in_queue);
		return;
	}
	engine_tell(engine, true, "an event is tried again", &err);
	posted->not_before_ms = engine_monotonic(engine) + backoff_ms(posted->tries++);
	list_append(&engine->posted, &posted->in_queue);
}

static struct posted *next_posted(struct engine *engine, int64_t now)
{
	list_for_each (item, &engine->posted) {
		struct posted *posted = container_of(item, struct posted, in_queue);

		if (posted->not_before_ms <= now) {
			list_remove(item);
			return posted;
		}
	}
	return NULL;
}

/* Rows that were put off; a clock that jumps back must not leave them lying for ever. */
static int64_t until_inbox_is_due(struct engine *engine)
{
	int64_t due = 0, wait = WAKE_MOST_MS;
	struct err err;
	int r = engine->inbox_has_deferred ? store_inbox_next_due(engine->store, &due, &err)
					   : -ERR_MISSING;

	engine->inbox_has_deferred = r != -ERR_MISSING;
	if (r == 0)
		wait = due - engine_now(engine);
	else if (r != -ERR_MISSING)
		wait = RETRY_FIRST_MS;
	return wait < 1 ? 1 : wait < WAKE_MOST_MS ? wait : WAKE_MOST_MS;
}

/* false: nothing there, or the store is sick. */
static bool handle_inbox(struct engine *engine)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct inbox_row row = { 0 };
	const struct list *last = engine->posted.prev;
	const char *outcome = "handled";
	struct err err = { 0 }, again;
	int r = store_inbox_next(engine->store, &arena, &row, &err);

	if (r == 0)
		r = store_mark(engine->store, &err);
	if (r < 0) {
		engine->inbox_may_have_rows = false;
		engine_look_again(
			engine, r == -ERR_MISSING ? until_inbox_is_due(engine) : RETRY_FIRST_MS);
		return false;
	}
	r = delivery_handle(engine, &arena, &row, &outcome, &err);
	if (r == 0 && outcome != NULL)
		r = store_inbox_done(engine->store, row.id, outcome, &err);
	if (r == 0)
		r = store_keep(engine->store, &err);
	else
		store_undo(engine->store);
	if (r == 0)
		return true;
	unpost(engine, last);
	engine_tell(engine, true, "an event from the inbox is tried again", &err);
	engine->inbox_has_deferred = true;
	if (store_inbox_defer(engine->store, row.id, engine_now(engine) + backoff_ms(row.attempts),
		    &again) == 0)
		return true;
	engine_look_again(engine, RETRY_FIRST_MS);
	return false;
}

static bool budget_is_used(struct engine *engine, int64_t began, int handled)
{
	return (handled & 15) == 15 && engine_monotonic(engine) - began >= TURN_BUDGET_MS;
}

static bool work(struct engine *engine, int64_t began)
{
	struct posted *posted;
	int handled = 0;

	while (!budget_is_used(engine, began, handled++)) {
		posted = next_posted(engine, began);
		if (posted != NULL)
			handle_one(engine, posted);
		else if (!engine->inbox_may_have_rows || !handle_inbox(engine))
			return false;
	}
	return true; /* there may be more */
}

static void answer_accepts(struct engine *engine, const struct err *err)
{
	struct list waiting;
	struct list *item;

	list_init(&waiting); /* a call-back may bring new ones: they wait for the next commit */
	while ((item = list_pop(&engine->accepts)) != NULL)
		list_append(&waiting, item);
	while ((item = list_pop(&waiting)) != NULL) {
		struct accept *accept = container_of(item, struct accept, in_queue);

		accept->cb(accept->owner, accept->is_repeat, err);
		free(accept);
	}
}

static void drop_consequences(struct engine *engine, struct list *queue)
{
	list_for_each (item, queue) {
		struct posted *posted = container_of(item, struct posted, in_queue);

		if (posted->transaction == engine->transaction)
			posted_free(posted);
	}
}

/* News that were handled come back before those that were not, in their old order. */
static void undo_turn(struct engine *engine)
{
	drop_consequences(engine, &engine->posted);
	drop_consequences(engine, &engine->handled);
	while (!list_empty(&engine->handled)) {
		struct list *last = engine->handled.prev;

		list_remove(last);
		list_prepend(&engine->posted, last);
	}
}

static bool commit(struct engine *engine)
{
	struct err err = { 0 };

	if (store_is_dirty(engine->store))
		metrics_add(METRIC_COMMITS, 1);
	engine->dirty_since_ms = 0;
	engine->commit_is_urgent = false;
	if (store_commit(engine->store, &err) == 0) {
		effects_committed(engine, true);
		engine->transaction++;
		free_posted_list(&engine->handled);
		answer_accepts(engine, NULL);
		return true;
	}
	effects_committed(engine, false);
	partials_drop(engine); /* rows may lose their numbers to others */
	engine_tell(engine, true, "nothing of this turn could be stored; it is tried again", &err);
	undo_turn(engine);
	engine->transaction++;
	engine->inbox_may_have_rows = engine->slots_may_be_free = true;
	engine->schedules_at_ms = engine->schedules_seen_ms = engine->spread_at_ms = 0;
	engine->store_sick_until_ms = engine_monotonic(engine) + SICK_REST_MS;
	engine->sick = err;
	answer_accepts(engine, &err);
	return false;
}

/* An open transaction is a promise to nobody: news of jobs and answers of hosts would be found
 * again after a crash. They wait a moment for the next commit that somebody needs. */
static int64_t commit_wait(struct engine *engine)
{
	int64_t now = engine_monotonic(engine);

	if (!store_is_dirty(engine->store) || engine->commit_is_urgent)
		return 0;
	if (engine->dirty_since_ms == 0)
		engine->dirty_since_ms = now;
	return now >= engine->dirty_since_ms + COMMIT_LATE_MS
		       ? 0
		       : engine->dirty_since_ms + COMMIT_LATE_MS - now;
}

/* The shortest wait until something is due by the rows. Times absurdly far ahead come from a clock
 * that jumped: soon. */
static int64_t next_due(struct engine *engine)
{
	int64_t now = engine_now(engine), nearest = WAKE_MOST_MS, due;
	struct err err;

	if (store_outbox_next_due(engine->store, &due, &err) == 0 && due - now < nearest)
		nearest = due - now;
	if (store_deadline_next(engine->store, &due, &err) == 0 && due - now < nearest)
		nearest = due - now;
	if (engine->inbox_retry_ms != 0 &&
		engine->inbox_retry_ms - engine_monotonic(engine) < nearest)
		nearest = engine->inbox_retry_ms - engine_monotonic(engine);
	if (engine->catchup_at_ms - engine_monotonic(engine) < nearest)
		nearest = engine->catchup_at_ms - engine_monotonic(engine);
	if (engine->sweep_at_ms - engine_monotonic(engine) < nearest)
		nearest = engine->sweep_at_ms - engine_monotonic(engine);
	if (engine->schedules_at_ms - engine_monotonic(engine) < nearest)
		nearest = engine->schedules_at_ms - engine_monotonic(engine);
	if (engine->spread_at_ms - now < nearest)
		nearest = engine->spread_at_ms - now;
	list_for_each (item, &engine->posted) {
		int64_t wait = container_of(item, struct posted, in_queue)->not_before_ms -
			       engine_monotonic(engine);

		nearest = wait < nearest ? wait : nearest;
	}
	return nearest < 0 ? 0 : nearest;
}

/* A job that waits for its time and not for a slot: nothing else would tell when it comes. */
static void wake_spread(struct engine *engine)
{
	int64_t now = engine_now(engine);
	struct err err;
	int r;

	if (engine->spread_at_ms > now)
		return;
	engine->slots_may_be_free = engine->slots_may_be_free || engine->has_spread;
	r = store_job_next_waiting(engine->store, now, &engine->spread_at_ms, &err);
	engine->has_spread = r != -ERR_MISSING;
	if (r < 0)
		engine->spread_at_ms = now + WAKE_MOST_MS;
}

static void turn(struct engine *engine, int64_t began)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct err err = { 0 };
	int64_t wait, due;
	bool more;

	metrics_add(METRIC_TURNS, 1);
	if (engine->inbox_retry_ms != 0 && began >= engine->inbox_retry_ms) {
		engine->inbox_retry_ms = 0;
		engine->inbox_may_have_rows = true;
	}
	deadlines_handle(engine);
	catchup_tick(engine);
	drift_tick(engine);
	more = work(engine, began);
	forget_parsed(engine);
	wake_spread(engine);
	if (engine->slots_may_be_free) {
		engine->slots_may_be_free = false;
		if (slots_assign(engine, &arena, engine->world.settings->slots, &err) < 0) {
			engine->slots_may_be_free = true;
			engine_tell(engine, true, "the slots could not be given out", &err);
		}
	}
	if (!more)
		upkeep_turn(engine);
	wait = commit_wait(engine);
	if (wait == 0 && !commit(engine)) {
		wake(engine, SICK_REST_MS);
		return;
	}
	metrics_observe(HISTOGRAM_TURN, engine_monotonic(engine) - began);
	if (wait == 0) { /* only what is stored is sent */
		facts_send(engine);
		more = effects_send(engine) || more;
		wait = store_is_dirty(engine->store) ? commit_wait(engine) : WAKE_MOST_MS;
	}
	due = next_due(engine);
	if (more || engine->slots_may_be_free || engine->commit_is_urgent)
		wake(engine, 0);
	else
		wake(engine, wait < due ? wait : due);
}

/*~ 5. One turn: what was posted and what came in, each behind a savepoint of its own, then one
 * commit for all, and only then the outside. */
void engine_turn(struct engine *engine)
{
	int64_t began = engine_monotonic(engine);

	if (began < engine->store_sick_until_ms) {
		answer_accepts(engine, &engine->sick);
		store_rollback(engine->store);
		forget_parsed(engine);
		wake(engine, engine->store_sick_until_ms - began);
		return;
	}
	engine->is_working = true;
	turn(engine, began);
	engine->is_working = false;
}

bool engine_is_idle(struct engine *engine)
{
	int64_t due;
	struct store_counts counts = { 0 };
	struct err err;

	return list_empty(&engine->posted) && list_empty(&engine->flights) &&
	       !store_is_dirty(engine->store) &&
	       store_outbox_next_due(engine->store, &due, &err) == -ERR_MISSING &&
	       store_counts(engine->store, &counts, &err) == 0 && counts.inbox_open == 0 &&
	       counts.jobs_running == 0 && counts.jobs_waiting == 0;
}

int engine_start(struct engine *engine, struct err *err)
{
	int r;

	engine->events = (struct executor_events){ .started = on_job_started,
		.step = on_job_step,
		.ended = on_job_ended,
		.moved = on_job_moved,
		.owner = engine };
	engine->world.executor->listen(engine->world.executor, &engine->events);
	upkeep_start(engine);
	engine->old_effects = store_outbox_version(engine->store);
	r = recover_coldplug(engine, err);
	if (r == 0)
		r = catchup_begin(engine, err);
	if (r == 0) /* what was found must not be undone by the first turn that fails */
		r = store_commit(engine->store, err);
	wake(engine, 0);
	return r;
}
