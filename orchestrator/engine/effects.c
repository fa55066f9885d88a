/* Sends what the outbox asks for, after the commit that holds it. Keeps nothing but what is in
 * flight. */
#include "orchestrator/engine/notices.h"

#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/metrics.h"
#include "orchestrator/lib/secrets.h"

enum {
	SEND_AT_ONCE = 64,
	FLIGHTS_MAX = 256,
	RETRY_FIRST_MS = 1000,
	RETRY_MOST_MS = 300000,
	SENT_COMMENTS_MAX = 500,
	ASKED_MS = 100,	 /* until a host has answered */
	START_TRIES = 4, /* within 15 s; then people are told why, and ask again */
};

int effect_put(struct engine *engine, enum effect_kind kind, enum repeat_class class,
	const char *key, const struct pull *pull, struct run_id run, struct job_id job,
	const char *payload, int64_t delay_ms, struct err *err)
{
	struct outbox_row row = { .kind = kind,
		.class = class,
		.key = key,
		.pull = pull->id,
		.run = run,
		.job = job,
		.payload = payload,
		.is_urgent = delay_ms == 0,
		.due_ms = engine_now(engine) + delay_ms };

	engine->commit_is_urgent = engine->commit_is_urgent || delay_ms == 0;
	return store_outbox_put(engine->store, &row, err);
}

/* ---- flights ---- */

struct flight *flight_new(struct engine *engine, const struct outbox_row *row)
{
	struct flight *flight = mem_alloc(sizeof(*flight));

	flight->engine = engine;
	flight->outbox = row->id;
	flight->effect = row->kind;
	flight->run = row->run;
	flight->pull = row->pull;
	flight->version = row->version;
	flight->tries = row->attempts;
	flight->calls = 1;
	list_append(&engine->flights, &flight->in_engine);
	engine->flight_count++;
	return flight;
}

static void flight_free(struct flight *flight)
{
	settings_unref(flight->settings);
	free(flight->key);
	free(flight->thread);
	free(flight->head);
	free(flight->pusher);
	free(flight);
}

void flight_land(struct flight *flight)
{
	struct engine *engine = flight->engine;
	struct posted *posted;

	if (--flight->calls > 0)
		return;
	list_remove(&flight->in_engine);
	if (engine == NULL) { /* the engine went away before the host answered */
		flight_free(flight);
		return;
	}
	engine->flight_count--;
	posted = engine_post(engine, POSTED_SENT);
	posted->outbox = flight->outbox;
	posted->effect = flight->effect;
	posted->run = flight->run;
	posted->version = flight->version;
	posted->failed = flight->failed;
	posted->err = flight->err;
	posted->retry_ms = flight->retry_ms;
	posted->tries = flight->tries;
	posted->then_again = flight->then_again;
	posted->pull = flight->pull;
	posted->event.head = arena_strdup(&posted->arena, flight->head);
	posted->event.actor = arena_strdup(&posted->arena, flight->pusher);
	posted->key = arena_strdup(&posted->arena, flight->key);
	posted->thread = arena_strdup(&posted->arena, flight->thread);
	flight_free(flight);
}

static void on_answer(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct flight *flight = owner;

	if (err != NULL && !flight->failed) {
		flight->failed = true;
		flight->err = *err;
	}
	if (err == NULL && flight->effect == EFFECT_PUSHER && answer->pull_count > 0)
		flight->pusher = mem_strdup(answer->pulls[0].actor);
	if (err != NULL && answer != NULL && answer->retry_ms > flight->retry_ms)
		flight->retry_ms = answer->retry_ms;
	flight_land(flight);
}

void effects_drop(struct engine *engine)
{
	struct list *item;

	while ((item = list_pop(&engine->flights)) != NULL)
		container_of(item, struct flight, in_engine)->engine = NULL;
}

static bool is_flying(const struct engine *engine, struct outbox_id id)
{
	list_for_each (item, (struct list *)&engine->flights) {
		if (container_of(item, struct flight, in_engine)->outbox.v == id.v)
			return true;
	}
	return false;
}

int64_t effect_retry_wait(int attempts)
{
	int64_t wait = RETRY_FIRST_MS;

	for (int i = 0; i < attempts && wait < RETRY_MOST_MS; i++)
		wait *= 2;
	return wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
}

int effects_pull_in(struct engine *engine, struct err *err)
{
	return store_outbox_not_after(engine->store, engine_now(engine) + 2 * RETRY_MOST_MS, err);
}

/* A host that says how long to wait is not asked before; else ever more rarely. */
int effect_answered(struct engine *engine, const struct posted *posted, struct err *err)
{
	int64_t wait = posted->retry_ms > 0 ? posted->retry_ms : effect_retry_wait(posted->tries);
	uint8_t chance;
	int r;

	fault_point("engine.effect.answered");
	if (posted->effect == EFFECT_NOTICE)
		return notice_answered(engine, posted, err);
	if (!posted->failed && (posted->then_again || pusher_tries_again(posted)))
		return store_outbox_retry(engine->store, posted->outbox,
			engine_now(engine) + (posted->then_again ? 0 : wait), "", err);
	if (!posted->failed) {
		r = store_outbox_done(engine->store, posted->outbox, posted->version, err);
		if (r == 0 && posted->effect == EFFECT_PUSHER)
			return pusher_answered(engine, posted, err);
		return r < 0 ? r : automerge_answered(engine, posted, err);
	}
	engine_tell(engine, true, "a host did not take what was sent", &posted->err);
	if (posted->err.class != ERR_CLASS_TEMP && !automerge_tries_again(posted)) {
		r = store_outbox_fail(engine->store, posted->outbox, posted->err.text, err);
		return r < 0 ? r : automerge_answered(engine, posted, err);
	}
	engine->world.entropy->fill(engine->world.entropy, &chance, sizeof(chance));
	wait += (posted->retry_ms > 0 ? RETRY_FIRST_MS : wait) * chance / 256;
	return store_outbox_retry(
		engine->store, posted->outbox, engine_now(engine) + wait, posted->err.text, err);
}

/* ---- comments ---- */

static struct sent_comment *sent_find(struct engine *engine, struct run_id run)
{
	struct sent_comment *sent;

	list_for_each (item, &engine->sent_comments) {
		sent = container_of(item, struct sent_comment, in_engine);
		if (sent->run.v == run.v)
			return sent;
	}
	if (engine->sent_count >= SENT_COMMENTS_MAX) {
		sent = container_of(
			list_pop(&engine->sent_comments), struct sent_comment, in_engine);
		*sent = (struct sent_comment){ 0 };
	} else {
		sent = mem_alloc(sizeof(*sent));
		engine->sent_count++;
	}
	sent->run = run;
	list_append(&engine->sent_comments, &sent->in_engine);
	return sent;
}

/* Each job's own secrets are gone from what it said; one that is left is known to the server only,
 * and somebody must learn that it was on its way out. */
static void tell_incident(struct engine *engine, const struct host_request *request, size_t hits)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct err err, what;

	err_set(&what, ERR_REFUSED,
		"%zu time(s) a secret of this server stood in what %s#%lld was told; it was taken "
		"out: find how it came there, and replace it",
		hits, request->repo, (long long)request->number);
	engine_tell(engine, true, "a secret was on its way out", &what);
	if (engine_audit(engine, &arena, "secret hidden", "sluice", (struct pull_id){ 0 },
		    (struct run_id){ 0 }, &err, "%s", what.text) < 0)
		engine_tell(engine, true, "the incident could not be recorded", &err);
}

static void hide_in_annotations(struct host_request *request, struct arena *arena, size_t *hits)
{
	struct host_annotation *clean = arena_alloc(
		arena, (request->annotation_count + 1) * sizeof(*clean));

	for (size_t i = 0; i < request->annotation_count; i++) {
		_cleanup_free_ char *title = secrets_hide(request->annotations[i].title, hits);
		_cleanup_free_ char *text = secrets_hide(request->annotations[i].text, hits);
		_cleanup_free_ char *path = secrets_hide(request->annotations[i].path, hits);

		clean[i] = (struct host_annotation){ .path = arena_strdup(arena, path),
			.line = request->annotations[i].line,
			.title = arena_strdup(arena, title),
			.text = arena_strdup(arena, text) };
	}
	request->annotations = clean;
}

/*~ 25. The last stop: no secret of this server leaves it, and the host says whether it took the
 * words. If not, the row is still there. */
static void send_to(
	struct flight *flight, struct vcs_host *host, const struct host_request *request)
{
	struct host_request clean = *request;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *body = NULL, *description = NULL;
	size_t hits = 0;

	if (secrets_are_known() && request->annotation_count > 0)
		hide_in_annotations(&clean, &arena, &hits);
	if (secrets_are_known() && request->body != NULL)
		clean.body = body = secrets_hide(request->body, &hits);
	if (secrets_are_known() && request->description != NULL)
		clean.description = description = secrets_hide(request->description, &hits);
	if (hits > 0)
		tell_incident(flight->engine, request, hits);
	flight->calls++;
	host->send(host, &clean, on_answer, flight);
}

static const char *part_marker(const char *marker, size_t part, struct arena *arena)
{
	return part == 0 ? marker : arena_printf(arena, "%s:%zu", marker, part + 1);
}

static int find_host(
	struct engine *engine, const struct pull *pull, struct vcs_host **ret, struct err *err)
{
	*ret = engine_host(engine, pull->host);
	return *ret != NULL
		       ? 0
		       : err_set(err, ERR_CONFIG, "host %s is no longer configured", pull->host);
}

static int send_comment(struct engine *engine, struct arena *arena, const struct outbox_row *row,
	struct shown_run *shown, struct err *err)
{
	struct sent_comment *sent = sent_find(engine, row->run);
	struct rendered rendered = { 0 };
	const struct pull *pull = &shown->pull;
	const struct run *run = &shown->run;
	struct flight *flight;
	struct vcs_host *host;
	int r = find_host(engine, pull, &host, err);

	if (r == 0)
		r = view_comment(engine, arena, shown, host, sent->parts > 0, &rendered, err);
	if (r < 0)
		return r;
	flight = flight_new(engine, row);
	for (size_t i = 0; i < rendered.part_count; i++)
		send_to(flight, host,
			&(struct host_request){ .call = HOST_COMMENT_UPSERT,
				.repo = pull->repo,
				.number = pull->number,
				.marker = part_marker(shown->view.marker, i, arena),
				.body = rendered.parts[i],
				.is_passing = !run_state_is_final(run->state) });
	for (size_t i = rendered.part_count; i < sent->parts; i++) /* it became shorter */
		send_to(flight, host,
			&(struct host_request){ .call = HOST_COMMENT_HIDE,
				.repo = pull->repo,
				.number = pull->number,
				.marker = part_marker(shown->view.marker, i, arena) });
	if (run->kind == RUN_PLAN && !str_equal(run->head, pull->head))
		for (size_t i = 0; i < rendered.part_count; i++)
			send_to(flight, host,
				&(struct host_request){ .call = HOST_COMMENT_HIDE,
					.repo = pull->repo,
					.number = pull->number,
					.marker = part_marker(shown->view.marker, i, arena) });
	sent->parts = rendered.part_count;
	sent->edits++;
	sent->at_ms = engine_monotonic(engine);
	flight_land(flight);
	return 0;
}

static void send_alone(struct engine *engine, const struct outbox_row *row, struct vcs_host *host,
	const struct host_request *request)
{
	struct flight *flight = flight_new(engine, row);

	flight->head = request->call == HOST_PUSHER ? mem_strdup(request->head) : NULL;
	send_to(flight, host, request);
	flight_land(flight);
}

static int send_status(struct engine *engine, struct arena *arena, const struct outbox_row *row,
	struct shown_run *shown, struct err *err)
{
	struct host_request request = { 0 };
	struct vcs_host *host;
	int r = find_host(engine, &shown->pull, &host, err);

	if (r == 0)
		r = view_status(engine, arena, shown, host, &request, err);
	if (r == 0)
		r = apply_status_request(engine, arena, row, &request, err);
	if (r == 0)
		send_alone(engine, row, host, &request);
	return r;
}

/* What a run has to say, unless a newer one speaks in its place. */
static int send_words(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	struct shown_run *shown;
	int r = view_open(engine, row->run, &shown, err);

	if (r < 0)
		return r;
	if (shown->is_over)
		return store_outbox_done(engine->store, row->id, row->version, err);
	return row->kind == EFFECT_COMMENT ? send_comment(engine, arena, row, shown, err)
					   : send_status(engine, arena, row, shown, err);
}

static int send_simple(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	struct host_request request = { 0 };
	struct vcs_host *host;
	struct pull pull;
	int r = store_pull_load(engine->store, arena, row->pull, &pull, err);

	if (r == 0)
		r = find_host(engine, &pull, &host, err);
	if (r < 0)
		return r;
	if (row->kind == EFFECT_MERGE || row->kind == EFFECT_BRANCH_DELETE) {
		r = automerge_request(engine, arena, row, &pull, &request, err);
		if (r < 0)
			return r;
	} else if (row->kind == EFFECT_PUSHER) {
		if (!pusher_request(row, &pull, &request)) /* told meanwhile */
			return store_outbox_done(engine->store, row->id, row->version, err);
	} else if (row->kind == EFFECT_LABEL) {
		request = (struct host_request){ .call = HOST_LABEL,
			.repo = pull.repo,
			.number = pull.number,
			.label = row->payload,
			.is_wanted = true };
	} else {
		request.call = row->kind == EFFECT_REACT ? HOST_REACT : HOST_COMMENT_UPSERT;
		request.repo = pull.repo;
		request.number = pull.number;
		request.marker = row->key;
		request.comment_id = row->kind == EFFECT_REACT ? row->payload : "";
		request.body = row->kind == EFFECT_REACT ? "eyes" : row->payload;
	}
	send_alone(engine, row, host, &request);
	return 0;
}

/* ---- jobs ---- */

/* git needs a credential of the moment; where none is there the host is asked, and the job starts
 * when it has answered. */
static bool git_may_go(struct engine *engine, const struct outbox_row *row, const struct job *job,
	struct arena *arena, struct job_spec *spec)
{
	struct git_access access = { 0 };
	struct vcs_host *host;
	struct flight *flight;
	struct pull pull;
	struct err err;

	if (job->op != JOB_PREPARE ||
		store_pull_load(engine->store, arena, row->pull, &pull, &err) < 0)
		return true;
	host = engine_host(engine, pull.host);
	if (host != NULL && host->expect != NULL)
		host->expect(host, pull.repo, pull.number);
	if (host == NULL || host->git_access == NULL)
		return true;
	if (host->git_access(host, pull.repo, &access)) {
		spec->git_user = access.user;
		spec->git_token = access.token;
		spec->git_proxy = access.proxy;
		spec->git_ca_bundle = access.ca_bundle;
		return true;
	}
	flight = flight_new(engine, row);
	flight->then_again = true;
	send_to(flight, host, &(struct host_request){ .call = HOST_GIT_READY, .repo = pull.repo });
	flight_land(flight);
	return false;
}

static struct handed *find_handed(const struct engine *engine, struct outbox_id id)
{
	for (size_t i = 0; i < engine->handed_count; i++) {
		if (engine->handed[i].outbox.v == id.v)
			return &engine->handed[i];
	}
	return NULL;
}

static void note_handed(struct engine *engine, struct outbox_id id)
{
	if (engine->handed_count == engine->handed_room) {
		engine->handed_room = engine->handed_room == 0 ? 16 : engine->handed_room * 2;
		engine->handed = mem_grow(
			engine->handed, engine->handed_room * sizeof(*engine->handed));
	}
	engine->handed[engine->handed_count++] = (struct handed){ .outbox = id };
}

void effects_committed(struct engine *engine, bool is_committed)
{
	size_t kept = 0;

	for (size_t i = 0; i < engine->handed_count; i++) {
		if (is_committed && engine->handed[i].is_written)
			continue;
		engine->handed[kept] = engine->handed[i];
		engine->handed[kept++].is_written = false;
	}
	engine->handed_count = kept;
}

/* The job was handed over: only the row is left to end. */
static int end_handed(
	struct engine *engine, struct handed *handed, const struct outbox_row *row, struct err *err)
{
	int r = store_outbox_done(engine->store, row->id, row->version, err);

	handed->is_written = r == 0;
	return r;
}

static int end_unstarted(
	struct engine *engine, const struct outbox_row *row, const struct job *job, struct err *err)
{
	engine_tell(engine, true, "a job cannot be started", err);
	engine_post_start_failed(engine, job, err);
	return store_outbox_done(engine->store, row->id, row->version, err);
}

static int start_job(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	bool may_start = true, waits = false, has_room = true;
	struct job_spec spec;
	struct job job;
	int r = store_job_load(engine->store, arena, row->job, &job, err);

	if (r < 0)
		return r;
	if (find_handed(engine, row->id) != NULL)
		return end_handed(engine, find_handed(engine, row->id), row, err);
	if (job.state != JOB_STARTING) /* stopped meanwhile */
		return store_outbox_done(engine->store, row->id, row->version, err);
	if (job_repeat_class(job.op) == REPEAT_NEVER) {
		r = slots_have_room(engine, arena, &job, &has_room, err);
		if (r == 0)
			r = begin_allowed(engine, arena, &job, &may_start, &waits, err);
	}
	if (r == 0 && (waits || (may_start && !has_room)))
		return store_outbox_retry(
			engine->store, row->id, engine_now(engine) + ASKED_MS, "", err);
	if (r == 0 && !may_start) { /* back to the table, which will refuse it with the reason */
		engine_post_job(engine, job.id, job.attempt, EV_VOID);
		return store_outbox_done(engine->store, row->id, row->version, err);
	}
	if (r == 0)
		r = spec_make(engine, arena, &job, &spec, err);
	if (r < 0 && err->class == ERR_CLASS_CONFIG)
		return end_unstarted(engine, row, &job, err);
	if (r < 0)
		return r;
	if (!git_may_go(engine, row, &job, arena, &spec))
		return 0;
	fault_point("engine.start.before");
	r = engine->world.executor->start(engine->world.executor, &spec, err);
	fault_point("engine.start.after");
	if (r < 0 && err->class == ERR_CLASS_TEMP && row->attempts < START_TRIES)
		return r;
	if (r < 0)
		return end_unstarted(engine, row, &job, err);
	metrics_add(METRIC_JOBS_STARTED, 1);
	note_handed(engine, row->id);
	return end_handed(engine, find_handed(engine, row->id), row, err);
}

static int touch_job(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	struct executor *executor = engine->world.executor;
	const char *attempt = strrchr(row->key, ':');
	struct job job;
	int r = store_job_load(engine->store, arena, row->job, &job, err);

	if (r < 0)
		return r;
	if (row->kind == EFFECT_JOB_CANCEL)
		executor->cancel(executor, job.id, job.attempt);
	else if (row->kind == EFFECT_JOB_FORGET)
		executor->forget(executor, job.id, (int)strtol(attempt + 1, NULL, 10));
	return store_outbox_done(engine->store, row->id, row->version, err);
}

static int drop_tree(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	bool is_needed = true;
	struct pull pull;
	int r = store_pull_load(engine->store, arena, row->pull, &pull, err);

	if (r == 0) /* another pull may have the same files, and a cancelled job may still read them
		     */
		r = store_tree_is_needed(
			engine->store, pull.repo_id, row->payload, &is_needed, err);
	if (r < 0)
		return r;
	if (!is_needed)
		engine->world.executor->drop_tree(
			engine->world.executor, pull.repo_id, row->payload);
	return store_outbox_done(engine->store, row->id, row->version, err);
}

/* ---- sending ---- */

static int send_one(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	switch (row->kind) {
	case EFFECT_JOB_START:
		return start_job(engine, arena, row, err);
	case EFFECT_JOB_CANCEL:
	case EFFECT_JOB_FORGET:
		return touch_job(engine, arena, row, err);
	case EFFECT_COMMENT:
	case EFFECT_STATUS:
		return send_words(engine, arena, row, err);
	case EFFECT_COMMENT_HIDE:
	case EFFECT_REACT:
	case EFFECT_REPLY:
	case EFFECT_MERGE:
	case EFFECT_BRANCH_DELETE:
	case EFFECT_PUSHER:
	case EFFECT_LABEL:
		return send_simple(engine, arena, row, err);
	case EFFECT_TREE_DROP:
		return drop_tree(engine, arena, row, err);
	case EFFECT_NOTICE:
		return notice_send(engine, arena, row, err);
	}
	return err_set(err, ERR_BUG, "an unknown kind of effect stands in the outbox");
}

static void send_or_retry(struct engine *engine, const struct outbox_row *row)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct err err = { 0 }, again;

	fault_point("engine.effect.before");
	if (send_one(engine, &arena, row, &err) == 0) {
		fault_point("engine.effect.after");
		return;
	}
	engine_tell(engine, true, "an effect is tried again", &err);
	if (err.class == ERR_CLASS_TEMP || err.code == ERR_STORE)
		(void)!store_outbox_retry(engine->store, row->id,
			engine_now(engine) + effect_retry_wait(row->attempts), err.text, &again);
	else
		(void)!store_outbox_fail(engine->store, row->id, err.text, &again);
}

/*~ 10. Now the outside may happen: jobs are handed to the executor, words to the hosts. A crash
 * here finds the rows still open. */
bool effects_send(struct engine *engine)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct outbox_row *rows = NULL;
	size_t count = 0, limit;
	struct err err;

	if (engine->flight_count >= FLIGHTS_MAX)
		return false;
	limit = SEND_AT_ONCE + engine->flight_count;
	store_look(engine->store);
	if (store_outbox_due(
		    engine->store, &arena, engine_now(engine), (int)limit, &rows, &count, &err) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_flying(engine, rows[i].id))
			send_or_retry(engine, &rows[i]);
	}
	view_close(engine);
	store_look_away(engine->store);
	return count == limit;
}
