/* What webhooks of GitHub and of those who speak its API have in common: signatures, and the parts
 * of their bodies. */
#include "vcs/web/web_reading.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/ids.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

/* The account that GitHub shows where one was deleted; nobody can have it. */
static const char nobody[] = "ghost";

/* ---- the signature ---- */

int web_event_verify(const char *const *secrets, const struct web_signature_header *header,
	const char *signature, const char *body, size_t length, struct err *err)
{
	struct sha256 given, made;
	bool fits = false;

	if (signature == NULL)
		return err_set(err, ERR_REFUSED, "the delivery has no %s", header->name);
	if (!str_starts(signature, header->prefix) ||
		strlen(signature) != strlen(header->prefix) + 2 * sizeof(given.bytes) ||
		!codec_unhex(
			signature + strlen(header->prefix), 2 * sizeof(given.bytes), given.bytes))
		return err_set(err, ERR_REFUSED, "the %s is not %s%s64 digits", header->name,
			header->prefix, header->prefix[0] == '\0' ? "" : " and ");
	for (; *secrets != NULL; secrets++) {
		codec_hmac_sha256(*secrets, strlen(*secrets), body, length, &made);
		fits |= codec_equal(given.bytes, made.bytes, sizeof(given.bytes));
	}
	return fits ? 0 : err_set(err, ERR_REFUSED, "no secret of ours made this signature");
}

/* ---- values ---- */

const json_t *web_at(const json_t *json, const char *path)
{
	while (json != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		json = json_object_getn(json, path, length);
		path += length;
		path += *path == '.';
	}
	return json;
}

const char *web_text(const json_t *json, const char *path)
{
	const char *text = json_string_value(web_at(json, path));

	return text == NULL ? "" : text;
}

int64_t web_number(const json_t *json, const char *path)
{
	return json_integer_value(web_at(json, path)); /* 0 when it is none */
}

/* ---- what every event has ---- */

int web_malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "the event has no usable %s", what);
}

int web_ignore(struct web_reading *reading, const char *why)
{
	reading->event->kind = VCS_IGNORED;
	reading->event->ignored_why = why;
	return 0;
}

/* A title is one line of text whatever stands in it. */
static const char *one_line(const char *text, struct arena *arena)
{
	size_t length = strnlen(text, WEB_TITLE_MAX);
	char *line = arena_strndup(arena, text, codec_utf8_prefix(text, length));

	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return line;
}

static bool is_ours(const struct web_site *site, const char *login)
{
	return !str_empty(site->login) && strcasecmp(site->login, login) == 0;
}

/* Deleted accounts are null. */
int web_read_person(struct web_reading *reading, const char *path)
{
	const json_t *user = web_at(reading->body, path);
	const char *login = web_text(user, "login");

	if (login[0] == '\0')
		login = nobody;
	if (!reading->site->dialect->login_is_valid(login))
		return web_malformed(reading->err, "name of the person");
	reading->event->actor = arena_strdup(reading->arena, login);
	reading->event->actor_is_bot = str_ends(login, "[bot]") ||
				       str_equal(web_text(user, "type"), "Bot") ||
				       is_ours(reading->site, login);
	return 0;
}

int web_read_repo(struct web_reading *reading)
{
	const json_t *repo = web_at(reading->body, "repository");
	const char *name = web_text(repo, "full_name");

	if (name[0] == '\0') /* some senders leave it to the reader */
		name = arena_printf(reading->arena, "%s/%s", web_text(repo, "owner.login"),
			web_text(repo, "name"));
	if (!reading->site->dialect->repo_is_valid(name))
		return web_malformed(reading->err, "repository");
	reading->event->repo = arena_strdup(reading->arena, name);
	reading->event->clone_url = arena_printf(
		reading->arena, "%s/%s.git", reading->site->web_url, name);
	return 0;
}

/* ---- pull requests ---- */

/* A fork that was deleted is null; a repository that is renamed meanwhile keeps its number. */
bool web_is_from_fork(const json_t *pull)
{
	const json_t *head = web_at(pull, "head.repo"), *base = web_at(pull, "base.repo");
	int64_t head_id = web_number(head, "id"), base_id = web_number(base, "id");

	if (head_id > 0 && base_id > 0)
		return head_id != base_id;
	return !str_equal(web_text(head, "full_name"), web_text(base, "full_name")) ||
	       web_text(head, "full_name")[0] == '\0';
}

int web_pull_read(const struct web_site *site, const json_t *pull, struct arena *arena,
	struct vcs_event *ret, struct err *err)
{
	const char *author = web_text(pull, "user.login");
	const char *head = web_text(pull, "head.sha"), *base = web_text(pull, "base.ref");
	const char *branch = web_text(pull, "head.ref");

	ret->host = site->host;
	ret->number = web_number(pull, "number");
	if (ret->number <= 0 || ret->number > INT32_MAX)
		return web_malformed(err, "number of the pull request");
	if (!codec_is_hex(head, OID_HEX))
		return web_malformed(err, "head commit");
	if (!web_ref_is_valid(base))
		return web_malformed(err, "base branch");
	if (author[0] == '\0')
		author = nobody;
	if (!site->dialect->login_is_valid(author))
		return web_malformed(err, "author");
	ret->author = arena_strdup(arena, author);
	ret->title = one_line(web_text(pull, "title"), arena);
	ret->head = arena_strdup(arena, head);
	ret->head_ref = arena_printf(arena, "refs/pull/%" PRId64 "/head", ret->number);
	ret->base_ref = arena_strdup(arena, base);
	ret->branch = arena_strdup(arena, web_ref_is_valid(branch) ? branch : "");
	site->dialect->pull_more(pull, ret);
	return 0;
}

int web_read_pull_event(struct web_reading *reading)
{
	int r = web_pull_read(reading->site, web_at(reading->body, "pull_request"), reading->arena,
		reading->event, reading->err);

	if (r == 0)
		r = web_read_repo(reading);
	return r < 0 ? r : web_read_person(reading, "sender");
}

int web_read_closed(struct web_reading *reading)
{
	if (json_is_true(web_at(reading->body, "pull_request.merged")))
		reading->event->kind = VCS_PULL_MERGED;
	return web_read_pull_event(reading);
}

/* ---- comments ---- */

int web_read_id(struct web_reading *reading, const char *path)
{
	int64_t id = web_number(reading->body, path);

	if (id <= 0)
		return web_malformed(reading->err, "number of the comment or review");
	reading->event->comment_id = arena_printf(reading->arena, "%" PRId64, id);
	return 0;
}

/* Says nothing of heads and branches: what is missing is asked for when it is needed. */
int web_read_comment(struct web_reading *reading)
{
	struct vcs_event *event = reading->event;
	const json_t *issue = web_at(reading->body, "issue");
	int r;

	if (!json_is_object(web_at(issue, "pull_request")) &&
		!json_is_true(web_at(reading->body, "is_pull"))) /* older ones of Gitea */
		return web_ignore(reading, "a comment on an issue");
	event->host = reading->site->host;
	event->number = web_number(issue, "number");
	if (event->number <= 0 || event->number > INT32_MAX)
		return web_malformed(reading->err, "number of the pull request");
	event->title = one_line(web_text(issue, "title"), reading->arena);
	event->body = arena_strdup(reading->arena, web_text(reading->body, "comment.body"));
	event->author = event->head = event->head_ref = event->base_ref = "";
	event->is_partial = true;
	r = web_read_id(reading, "comment.id");
	if (r == 0)
		r = web_read_repo(reading);
	return r < 0 ? r : web_read_person(reading, "comment.user");
}

int web_read_nothing(_unused_ struct web_reading *reading)
{
	return 0;
}

/* ---- all of them ---- */

static const struct web_topic *topic_find(
	const struct web_topic *topics, const char *name, const char *action)
{
	for (; topics->name != NULL; topics++) {
		if (strcmp(topics->name, name) == 0 &&
			(topics->action == NULL || strcmp(topics->action, action) == 0))
			return topics;
	}
	return NULL;
}

/* "payload=..." of a form, decoded. */
static char *form_payload(const char *body, size_t length, struct arena *arena, size_t *ret_length)
{
	char *text = arena_alloc(arena, length + 1), *out = text;

	for (size_t i = strlen("payload="); i < length && body[i] != '&'; i++) {
		uint8_t byte;

		if (body[i] == '%' && length - i > 2 && codec_unhex(body + i + 1, 2, &byte)) {
			*out++ = (char)byte;
			i += 2;
		} else {
			*out++ = body[i] == '+' ? ' ' : body[i];
		}
	}
	*ret_length = (size_t)(out - text);
	return text;
}

static int body_parse(
	const char *body, size_t length, struct arena *arena, json_t **ret, struct err *err)
{
	static const char form[] = "payload=";
	int r;

	if (length > WEB_EVENT_MAX)
		return err_set(
			err, ERR_LIMIT, "the event is larger than %d bytes", (int)WEB_EVENT_MAX);
	if (length > strlen(form) && memcmp(body, form, strlen(form)) == 0)
		body = form_payload(body, length, arena, &length);
	r = jsonx_parse(body, length, WEB_EVENT_MAX, ret, err);
	if (r == 0 && !json_is_object(*ret))
		r = err_set(err, ERR_SYNTAX, "the event is not an object");
	return r;
}

int web_event_read(const struct web_site *site, const char *topic, const char *body, size_t length,
	struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct web_reading reading = { .site = site, .arena = arena, .event = ret, .err = err };
	_cleanup_json_ json_t *json = NULL;
	const struct web_topic *found;
	int r = str_empty(topic) ? err_set(err, ERR_SYNTAX, "the delivery has no %s",
					   site->dialect->topic_headers[0])
				 : body_parse(body, length, arena, &json, err);

	if (r < 0)
		return r;
	*ret = (struct vcs_event){
		.host = site->host, .comment_id = "", .body = "", .review_head = ""
	};
	found = topic_find(site->dialect->topics, topic, web_text(json, "action"));
	reading.body = json;
	if (found == NULL)
		return web_ignore(&reading, "not one of the events that matter here");
	ret->kind = found->kind;
	return found->read == NULL ? web_ignore(&reading, found->ignored_why)
				   : found->read(&reading);
}
