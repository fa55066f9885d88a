/* Slack. With a token: chat.postMessage, whose answer names the message, so that others follow in
 * its thread, and which carries our key, so that one that may have arrived is looked for before it
 * is sent again. An incoming webhook can do neither: what may have arrived is sent again, and says
 * so. */
#include "orchestrator/notify/private.h"

#include "orchestrator/lib/jsonx.h"

#include <ctype.h>
#include <string.h>

enum { LOOK, SEND };
enum { LOOKED_AT = 100 }; /* messages of the channel since then */

static const char api[] = "https://slack.com/api";
static const char event_type[] = "sluice_notice";

static const char *base_of(const struct notification *to)
{
	return str_empty(to->url) ? api : to->url;
}

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text == NULL ? "" : text;
}

/* "C024BE91L": only by that a channel can be read; its name is not enough. */
static bool is_channel_id(const char *text)
{
	size_t length = strlen(text);

	return length >= 9 && length <= 30 && strchr("CGD", text[0]) != NULL &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == length;
}

/* A thread is kept as "C024BE91L/1763971200.000100". */
static void split_thread(struct errand *errand, const char **ret_channel, const char **ret_ts)
{
	const char *thread = errand->request.thread, *slash = strchr(thread, '/');

	*ret_ts = slash == NULL ? "" : slash + 1;
	*ret_channel = slash == NULL
			       ? errand->request.to->channel
			       : arena_strndup(&errand->arena, thread, (size_t)(slash - thread));
}

/* ---- has it arrived? ---- */

static int make_look(struct errand *errand, struct http_request *ret)
{
	const char *channel, *ts;

	split_thread(errand, &channel, &ts);
	ret->method = "GET";
	if (ts[0] == '\0')
		ret->url = arena_printf(&errand->arena,
			"%s/conversations.history?channel=%s&limit=%d&oldest=%lld&"
			"include_all_metadata=true",
			base_of(errand->request.to), channel, LOOKED_AT,
			(long long)(errand->request.since_ms / 1000 - 60));
	else
		ret->url = arena_printf(&errand->arena,
			"%s/conversations.replies?channel=%s&ts=%s&limit=%d&"
			"include_all_metadata=true",
			base_of(errand->request.to), channel, ts, LOOKED_AT);
	ret->headers = errand_headers(errand, 1,
		arena_printf(&errand->arena, "Authorization: Bearer %s", errand->secret));
	return 0;
}

static bool is_ours(const struct errand *errand, const json_t *message)
{
	const json_t *metadata = json_object_get(message, "metadata");
	const json_t *payload = json_object_get(metadata, "event_payload");

	return str_equal(text_at(metadata, "event_type"), event_type) &&
	       str_equal(text_at(payload, "key"), errand->request.key);
}

/* Who may not read the channel sends again: twice is better than never. */
static int read_look(struct errand *errand, const json_t *answer, const char **ret_thread)
{
	const json_t *messages = json_object_get(answer, "messages"), *message;
	const char *channel, *ts;
	size_t i;

	split_thread(errand, &channel, &ts);
	json_array_foreach (messages, i, message) {
		if (!is_ours(errand, message))
			continue;
		*ret_thread = arena_printf(
			&errand->arena, "%s/%s", channel, text_at(message, "ts"));
		return 0;
	}
	errand->step = SEND;
	return 1;
}

/* ---- sending ---- */

static int read_body(struct errand *errand, json_t **ret, struct err *err)
{
	const char *body = errand->request.body;

	return jsonx_parse(body, strlen(body), ANSWER_MAX, ret, err);
}

static void add_doubt(struct errand *errand, json_t *body)
{
	if (!errand->is_unsure)
		return;
	json_array_append_new(json_object_get(body, "blocks"),
		json_pack("{s:s, s:[{s:s, s:s, s:b}]}", "type", "context", "elements", "type",
			"mrkdwn", "text",
			"Perhaps for the second time: whether it had arrived was not known.",
			"verbatim", 1));
}

static int send_text(struct errand *errand, json_t *body, struct http_request *ret)
{
	_cleanup_free_ char *text = jsonx_text(body);

	ret->method = "POST";
	ret->body = arena_strdup(&errand->arena, text);
	ret->length = strlen(text);
	return 0;
}

static int make_hook(struct errand *errand, struct http_request *ret, struct err *err)
{
	_cleanup_json_ json_t *body = NULL;
	int r = errand_secret(
		errand, errand->request.to->url_file, "the address of the webhook", &ret->url, err);

	if (r == 0)
		r = read_body(errand, &body, err);
	if (r < 0)
		return r;
	errand->is_unsure = errand->request.is_repeat;
	add_doubt(errand, body);
	ret->headers = errand_headers(errand, 1, "Content-Type: application/json; charset=utf-8");
	return send_text(errand, body, ret);
}

static int make_post(struct errand *errand, struct http_request *ret, struct err *err)
{
	_cleanup_json_ json_t *body = NULL;
	const char *channel, *ts;
	int r = read_body(errand, &body, err);

	if (r < 0)
		return r;
	split_thread(errand, &channel, &ts);
	add_doubt(errand, body);
	json_object_set_new(body, "channel", json_string(channel));
	if (ts[0] != '\0')
		json_object_set_new(body, "thread_ts", json_string(ts));
	json_object_set_new(body, "unfurl_links", json_false());
	json_object_set_new(body, "unfurl_media", json_false());
	json_object_set_new(body, "metadata",
		json_pack("{s:s, s:{s:s}}", "event_type", event_type, "event_payload", "key",
			errand->request.key));
	ret->url = arena_printf(&errand->arena, "%s/chat.postMessage", base_of(errand->request.to));
	ret->headers = errand_headers(errand, 2, "Content-Type: application/json; charset=utf-8",
		arena_printf(&errand->arena, "Authorization: Bearer %s", errand->secret));
	return send_text(errand, body, ret);
}

static int make(struct errand *errand, struct http_request *ret, struct err *err)
{
	const struct notification *to = errand->request.to;
	const char *channel, *ts;
	int r;

	if (!str_empty(to->url_file))
		return make_hook(errand, ret, err);
	split_thread(errand, &channel, &ts);
	if (errand->step == LOOK && (!errand->request.is_repeat || !is_channel_id(channel))) {
		errand->step = SEND;
		errand->is_unsure = errand->request.is_repeat;
	}
	r = errand_secret(errand, to->secret_file, "Slack's token", &errand->secret, err);
	if (r < 0)
		return r;
	return errand->step == LOOK ? make_look(errand, ret) : make_post(errand, ret, err);
}

/* ---- answers ---- */

/* Slack says with status 200 what went wrong. */
static int refused(const char *why, struct err *err)
{
	static const char *const passing[] = { "ratelimited", "rate_limited", "internal_error",
		"fatal_error", "service_unavailable", "request_timeout", "team_added_to_org" };
	static const struct {
		const char *why, *what;
	} words[] = {
		{ "not_in_channel", "; invite the bot into the channel" },
		{ "channel_not_found", "; is its name right, and may the bot see it?" },
		{ "is_archived", "; the channel was archived" },
		{ "invalid_auth", "; the token is not Slack's" },
		{ "token_revoked", "; give it a new token" },
		{ "missing_scope", "; the token needs chat:write" },
	};
	const char *what = "";
	bool is_word = strspn(why, "abcdefghijklmnopqrstuvwxyz_") == strlen(why);

	for (size_t i = 0; i < countof(passing); i++) {
		if (str_equal(why, passing[i]))
			return err_class_set(
				err, ERR_NET, ERR_CLASS_TEMP, "Slack is busy: %s", why);
	}
	for (size_t i = 0; i < countof(words); i++)
		what = str_equal(why, words[i].why) ? words[i].what : what;
	return err_class_set(err, ERR_NET, ERR_CLASS_CONFIG, "Slack does not take it: %.60s%s",
		is_word && why[0] != '\0' ? why : "an answer that is none of Slack's", what);
}

static int read_answer(struct errand *errand, const struct http_answer *answer,
	const char **ret_thread, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r;

	if (!str_empty(errand->request.to->url_file))
		return 0; /* its status says it all */
	r = jsonx_parse(answer->body, answer->length, ANSWER_MAX, &json, err);
	if (r < 0)
		return err_class_set(err, ERR_NET, ERR_CLASS_TEMP,
			"what came is no answer of Slack's: is a proxy in the way?");
	if (!json_is_true(json_object_get(json, "ok"))) {
		r = refused(text_at(json, "error"), err);
		if (errand->step == SEND || err->class == ERR_CLASS_TEMP)
			return r;
		errand->is_unsure = true;
	}
	if (errand->step == LOOK)
		return read_look(errand, json, ret_thread);
	*ret_thread = arena_printf(
		&errand->arena, "%s/%s", text_at(json, "channel"), text_at(json, "ts"));
	return 0;
}

const struct channel_kind notify_slack = { .name = "slack", .make = make, .read = read_answer };
