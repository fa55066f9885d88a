/* The events of the local host. Must not: read a file, the clock or the shelf. */
#include "vcs/local/local_event.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_names.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum vcs_event_kind kind;
	bool has_comment, has_review;
} event_words[] = {
	{ "opened", VCS_PULL_OPENED, false, false },
	{ "pushed", VCS_PULL_PUSHED, false, false },
	{ "reopened", VCS_PULL_REOPENED, false, false },
	{ "closed", VCS_PULL_CLOSED, false, false },
	{ "merged", VCS_PULL_MERGED, false, false },
	{ "comment", VCS_COMMENT, true, false },
	{ "approved", VCS_APPROVED, false, true },
	{ "changes_requested", VCS_CHANGES_REQUESTED, false, true },
	{ "dismissed", VCS_REVIEW_DISMISSED, false, true },
};

/* ---- writing ---- */

static const char *event_word(enum vcs_event_kind kind)
{
	for (size_t i = 0; i < countof(event_words); i++) {
		if (event_words[i].kind == kind)
			return event_words[i].name;
	}
	return "ping";
}

json_t *local_event_write(const struct vcs_event *event, const struct local_review *review,
	const char *delivery, int64_t at_ms)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:b, s:b}", "event",
		event_word(event->kind), "delivery", delivery, "at_ms", (json_int_t)at_ms, "repo",
		event->repo, "clone_url", event->clone_url, "number", (json_int_t)event->number,
		"actor", event->actor, "actor_is_bot", event->actor_is_bot, "actor_may_write",
		event->actor_may_write);

	json_object_set_new(json, "pull",
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "author", event->author, "title",
			event->title, "head", event->head, "head_ref", event->head_ref, "base_ref",
			event->base_ref));
	if (!str_empty(event->pusher) &&
		local_person_is_valid(event->pusher)) /* else nobody told */
		json_object_set_new(
			json_object_get(json, "pull"), "pusher", json_string(event->pusher));
	if (event->kind == VCS_COMMENT)
		json_object_set_new(json, "comment",
			json_pack("{s:s, s:s}", "id", event->comment_id, "body", event->body));
	if (review != NULL)
		json_object_set_new(json, "review",
			json_pack("{s:s, s:s, s:s}", "author", review->author, "head", review->head,
				"body", review->body));
	return json;
}

/* ---- reading ---- */

/* One member that must have a certain form. */
static const char *text_read(
	struct jsonx *reader, const char *key, bool (*is_valid)(const char *), struct arena *arena)
{
	const char *text = jsonx_string(reader, key);

	if (reader->failed == 0 && !is_valid(text)) {
		reader->failed = err_set(reader->err, ERR_SYNTAX,
			"%s has a \"%s\" that is not allowed", reader->what, key);
	}
	return reader->failed < 0 ? "" : arena_strdup(arena, text);
}

static bool body_is_valid(const char *text)
{
	return strlen(text) <= LOCAL_COMMENT_MAX;
}

static bool path_is_valid(const char *text)
{
	return text[0] == '/' && strlen(text) < 4096 && strpbrk(text, "\r\n") == NULL;
}

static bool oid_or_empty_is_valid(const char *text)
{
	return text[0] == '\0' || local_oid_is_valid(text);
}

static int pull_read(
	const json_t *json, struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the event's pull", err);

	ret->author = text_read(&reader, "author", local_person_is_valid, arena);
	ret->title = text_read(&reader, "title", local_title_is_valid, arena);
	ret->head = text_read(&reader, "head", local_oid_is_valid, arena);
	ret->head_ref = text_read(&reader, "head_ref", local_branch_is_valid, arena);
	ret->base_ref = text_read(&reader, "base_ref", local_branch_is_valid, arena);
	ret->pusher = arena_strdup(arena, jsonx_string_or(&reader, "pusher", ""));
	if (reader.failed == 0 && ret->pusher[0] != '\0' && !local_person_is_valid(ret->pusher))
		return err_set(err, ERR_SYNTAX, "the event's pusher is no name of a person");
	return reader.failed;
}

static int comment_read(
	const json_t *json, struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the event's comment", err);

	ret->comment_id = text_read(&reader, "id", local_person_is_valid, arena);
	ret->body = text_read(&reader, "body", body_is_valid, arena);
	return reader.failed;
}

static int review_read(
	const json_t *json, struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the event's review", err);
	const char *author = text_read(&reader, "author", local_person_is_valid, arena);

	ret->review_head = text_read(&reader, "head", oid_or_empty_is_valid, arena);
	ret->body = text_read(&reader, "body", body_is_valid, arena);
	if (ret->kind == VCS_REVIEW_DISMISSED)
		ret->actor = author;
	return reader.failed;
}

static int event_read(struct jsonx *reader, size_t word, struct arena *arena, struct vcs_event *ret,
	struct err *err)
{
	const json_t *pull, *part;
	int r;

	ret->kind = event_words[word].kind;
	ret->repo = text_read(reader, "repo", local_repo_is_valid, arena);
	ret->clone_url = text_read(reader, "clone_url", path_is_valid, arena);
	ret->number = jsonx_int(reader, "number");
	ret->actor = text_read(reader, "actor", local_person_is_valid, arena);
	ret->actor_is_bot = jsonx_bool_or(reader, "actor_is_bot", false);
	ret->actor_may_write = jsonx_bool_or(reader, "actor_may_write", false);
	pull = jsonx_object(reader, "pull");
	if (reader->failed == 0 && ret->number <= 0)
		return err_set(err, ERR_SYNTAX, "the event's number is not one of a pull request");
	if (reader->failed < 0)
		return reader->failed;
	r = pull_read(pull, arena, ret, err);
	if (r == 0 && event_words[word].has_comment) {
		part = jsonx_object(reader, "comment");
		r = reader->failed < 0 ? reader->failed : comment_read(part, arena, ret, err);
	}
	if (r == 0 && event_words[word].has_review) {
		part = jsonx_object(reader, "review");
		r = reader->failed < 0 ? reader->failed : review_read(part, arena, ret, err);
	}
	return r;
}

static int kind_read(
	const json_t *json, struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the event", err);
	const char *name = jsonx_string(&reader, "event");

	if (reader.failed < 0)
		return reader.failed;
	if (strcmp(name, "ping") == 0) {
		ret->kind = VCS_PING;
		return 0;
	}
	for (size_t i = 0; i < countof(event_words); i++) {
		if (strcmp(name, event_words[i].name) == 0)
			return event_read(&reader, i, arena, ret, err);
	}
	ret->ignored_why = strcmp(name, "push") == 0
				   ? "a push is told to the host itself, at /local/push"
				   : "this kind of event is not known";
	return 0;
}

int local_event_read(const char *bytes, size_t length, struct arena *arena, struct vcs_event *ret,
	struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(bytes, length, LOCAL_EVENT_MAX, &json, err);

	*ret = (struct vcs_event){ .kind = VCS_IGNORED, .host = "local" };
	if (r == 0 && !json_is_object(json))
		r = err_set(err, ERR_SYNTAX, "the event is not an object");
	return r < 0 ? r : kind_read(json, arena, ret, err);
}

/* ---- signatures ---- */

void local_event_sign(const char *secret, const char *body, size_t length, char *ret)
{
	struct sha256 mac;

	codec_hmac_sha256(secret, strlen(secret), body, length, &mac);
	memcpy(ret, "sha256=", 7);
	codec_hex(mac.bytes, sizeof(mac.bytes), ret + 7);
}

int local_event_verify(
	const char *secret, const char *signature, const char *body, size_t length, struct err *err)
{
	char expected[LOCAL_SIGNATURE_MAX];

	local_event_sign(secret, body, length, expected);
	if (signature == NULL)
		return err_set(err, ERR_REFUSED, "the delivery has no signature");
	if (strlen(signature) != strlen(expected) ||
		!codec_equal(signature, expected, strlen(expected)))
		return err_set(err, ERR_REFUSED, "the delivery's signature is wrong");
	return 0;
}
