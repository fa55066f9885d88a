/* Notices on their way: a row says what is told and how far that is, a row of the outbox that it
 * goes on. The parts of one follow each other; what was answered is never sent again, and what may
 * have arrived is marked so for the notifier, which looks or says it. */
#include "orchestrator/engine/notices.h"

#include "orchestrator/lib/secrets.h"

enum {
	PART_MAX = 1 << 20,
	MENDED_MS = 3600000, /* until somebody may have mended what an operator must mend */
	TRIES_MAX = 2500,    /* more than a week of five minutes */
};

const char *notice_target(const struct notification *to, struct arena *arena)
{
	const char *word = !str_empty(to->name)	      ? to->name
			   : !str_empty(to->channel)  ? to->channel
			   : !str_empty(to->url_file) ? to->url_file
			   : to->to.count > 0	      ? to->to.list[0]
						      : to->url;

	return arena_printf(arena, "%s:%s", to->kind, word);
}

/* ---- what is said, once and for all ---- */

static json_t *parts_of(const struct notification *to, const struct notice *notice,
	const char *event, const char *key, const json_t *data, struct arena *arena)
{
	if (str_equal(to->kind, "slack")) {
		_cleanup_json_ json_t *messages = render_slack(notice, arena),
				      *texts = json_array();
		json_t *message;
		size_t i;

		json_array_foreach (messages, i, message) {
			_cleanup_free_ char *text = jsonx_text(message);

			json_array_append_new(texts, json_string(text));
		}
		return json_incref(texts);
	}
	if (str_equal(to->kind, "webhook")) {
		_cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:o, s:o, s:O}", "event", event,
			"id", key, "title", jsonx_any(notice->title), "text",
			jsonx_any(render_plain(notice, arena)), "data", data);
		_cleanup_free_ char *text = jsonx_text(body);

		return json_pack("[s]", text);
	}
	if (str_equal(to->kind, "ping"))
		return json_pack("[s]", "");
	return json_pack("[o]", jsonx_any(render_plain(notice, arena)));
}

static int put_effect(struct engine *engine, const char *key, struct err *err)
{
	return effect_put(engine, EFFECT_NOTICE, REPEAT_UPSERT, key, &(struct pull){ 0 },
		(struct run_id){ 0 }, (struct job_id){ 0 }, "", 0, err);
}

int notice_put(struct engine *engine, struct arena *arena, const struct notification *to,
	const char *event, const char *key, const struct notice *notice, const json_t *data,
	struct err *err)
{
	const char *target = notice_target(to, arena);
	const char *whole_key = arena_printf(arena, "%s>%s", key, target);
	_cleanup_strbuf_ struct strbuf subject = STRBUF(1000);
	_cleanup_json_ json_t *parts = parts_of(to, notice, event, whole_key, data, arena);
	_cleanup_free_ char *text = jsonx_text(parts);
	bool is_new = false;
	int r;

	render_plain_words(&subject, notice->title, 300);
	r = store_notice_put(engine->store,
		&(struct notice_row){ .key = whole_key,
			.target = target,
			.event = event,
			.subject = strbuf_text(&subject),
			.parts = text,
			.thread = "",
			.created_ms = engine_now(engine) },
		&is_new, err);
	return r < 0 || !is_new ? r : put_effect(engine, whole_key, err);
}

/* ---- on the way ---- */

static void on_answer(void *owner, const struct notifier_answer *answer, const struct err *err)
{
	struct flight *flight = owner;

	if (err != NULL) {
		flight->failed = true;
		flight->err = *err;
		flight->retry_ms = answer->retry_ms;
	} else {
		flight->thread = mem_strdup(answer->thread);
	}
	flight_land(flight);
}

static const struct notification *find_target(
	const struct settings *settings, const char *target, struct arena *arena)
{
	for (size_t i = 0; i < settings->notification_count; i++) {
		if (str_equal(notice_target(&settings->notifications[i], arena), target))
			return &settings->notifications[i];
	}
	return NULL;
}

static int read_part(
	const struct notice_row *notice, struct arena *arena, const char **ret, struct err *err)
{
	_cleanup_json_ json_t *parts = NULL;
	int r = jsonx_parse(notice->parts, strlen(notice->parts), 4 * PART_MAX, &parts, err);
	const json_t *part = r < 0 ? NULL : json_array_get(parts, (size_t)notice->part);

	if (r == 0 && !json_is_string(part))
		r = err_set(err, ERR_BUG, "notice %s has no part %d", notice->key, notice->part);
	if (r == 0)
		*ret = arena_strdup(arena, json_string_value(part));
	return r;
}

int notice_send(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err)
{
	struct notifier *notifier = engine->world.notifier;
	_cleanup_free_ char *clean = NULL;
	const struct notification *to;
	const char *body = NULL;
	struct notice_row notice;
	struct flight *flight;
	int r = store_notice_load(engine->store, arena, row->key, &notice, err);

	if (r == 0)
		r = read_part(&notice, arena, &body, err);
	if (r < 0)
		return r;
	to = find_target(engine->world.settings, notice.target, arena);
	if (to == NULL || notifier == NULL)
		return err_set(err, ERR_CONFIG,
			"%s is not told: it no longer stands in server.yaml", notice.target);
	clean = secrets_hide(body, NULL);
	flight = flight_new(engine, row);
	flight->key = mem_strdup(row->key);
	flight->settings = settings_ref(engine->world.settings);
	notifier->send(notifier,
		&(struct notifier_request){ .to = to,
			.key = notice.part == 0
				       ? notice.key
				       : arena_printf(arena, "%s#%d", notice.key, notice.part + 1),
			.event = notice.event,
			.subject = notice.subject,
			.body = clean,
			.thread = notice.thread,
			.since_ms = notice.created_ms,
			.now_ms = engine_now(engine),
			.is_repeat = row->attempts > 0 || row->version <= engine->old_effects },
		on_answer, flight);
	return 0;
}

static int next_part(
	struct engine *engine, struct arena *arena, const struct posted *posted, struct err *err)
{
	_cleanup_json_ json_t *parts = NULL;
	struct notice_row notice;
	int r = store_notice_load(engine->store, arena, posted->key, &notice, err);

	if (r == 0)
		r = jsonx_parse(notice.parts, strlen(notice.parts), 4 * PART_MAX, &parts, err);
	if (r == 0)
		r = store_outbox_done(engine->store, posted->outbox, posted->version, err);
	if (r == 0)
		r = store_notice_move(engine->store, notice.key, notice.part + 1,
			notice.part == 0 ? posted->thread : notice.thread, err);
	if (r == 0 && (size_t)notice.part + 1 < json_array_size(parts))
		r = put_effect(engine, notice.key, err);
	return r;
}

/* Also what only a person can mend is tried again: when it is mended, the words still hold. */
int notice_answered(struct engine *engine, const struct posted *posted, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int64_t wait = posted->retry_ms > 0		     ? posted->retry_ms
		       : posted->err.class == ERR_CLASS_TEMP ? effect_retry_wait(posted->tries)
							     : MENDED_MS;

	if (!posted->failed)
		return next_part(engine, &arena, posted, err);
	engine_tell(engine, true, "a notice did not arrive", &posted->err);
	if (posted->tries >= TRIES_MAX)
		return store_outbox_fail(engine->store, posted->outbox, posted->err.text, err);
	return store_outbox_retry(
		engine->store, posted->outbox, engine_now(engine) + wait, posted->err.text, err);
}
