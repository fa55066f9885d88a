/* The one door for people: routes, bodies in, documents out. */
#include "vcs/local/local_door.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_host.h"
#include "vcs/local/local_names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 1 << 20 };

/* N stands for the number of a pull. */
static const struct route {
	const char *method;
	const char *path;
	int (*act)(struct local_call *call);
} routes[] = {
	{ "GET", "repos", local_repos_get },
	{ "POST", "repos", local_repos_post },
	{ "GET", "people", local_people_get },
	{ "POST", "people", local_people_post },
	{ "GET", "teams", local_teams_get },
	{ "POST", "teams", local_teams_post },
	{ "GET", "pulls", local_pulls_get },
	{ "POST", "pulls", local_pulls_post },
	{ "GET", "pulls/N", local_pull_get },
	{ "POST", "pulls/N/comments", local_comment_post },
	{ "POST", "pulls/N/approve", local_approve_post },
	{ "POST", "pulls/N/request-changes", local_request_changes_post },
	{ "POST", "pulls/N/dismiss", local_dismiss_post },
	{ "POST", "pulls/N/merge", local_merge_post },
	{ "POST", "pulls/N/close", local_close_post },
	{ "POST", "pulls/N/reopen", local_reopen_post },
	{ "POST", "pulls/N/labels", local_labels_post },
	{ "GET", "issues", local_issues_get },
	{ "POST", "push", local_push_post },
};

/* ---- paths ---- */

static bool path_matches(const char *pattern, const char *path, size_t length, int64_t *ret_number)
{
	const char *end = path + length;

	*ret_number = 0;
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == 'N') {
			size_t digits = 0;

			for (; path < end && *path >= '0' && *path <= '9' && digits < 12;
				path++, digits++)
				*ret_number = *ret_number * 10 + (*path - '0');
			if (digits == 0 || *ret_number == 0)
				return false;
		} else if (path < end && *path == *pattern) {
			path++;
		} else {
			return false;
		}
	}
	return path == end;
}

static const struct route *route_find(
	const char *method, const char *path, size_t length, int64_t *ret_number, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = 0; i < countof(routes); i++) {
		if (!path_matches(routes[i].path, path, length, ret_number))
			continue;
		*ret_known = true;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
	}
	return NULL;
}

static char *query_decode(const char *text, size_t length)
{
	char *decoded = mem_alloc(length + 1), *out = decoded;

	for (size_t i = 0; i < length; i++) {
		uint8_t byte;

		if (text[i] == '%' && length - i > 2 && codec_unhex(text + i + 1, 2, &byte)) {
			*out++ = (char)byte;
			i += 2;
		} else {
			*out++ = text[i] == '+' ? ' ' : text[i];
		}
	}
	return decoded;
}

char *local_query(const struct local_call *call, const char *name)
{
	size_t name_length = strlen(name);

	for (const char *p = call->query; *p != '\0';) {
		size_t length = strcspn(p, "&");

		if (length > name_length && p[name_length] == '=' &&
			memcmp(p, name, name_length) == 0)
			return query_decode(p + name_length + 1, length - name_length - 1);
		p += length;
		p += *p == '&';
	}
	return NULL;
}

/* ---- what actions share ---- */

int local_speaker(
	struct local_call *call, const char *key, const char **ret, struct local_person *ret_person)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *name = jsonx_string(&reader, key);

	if (reader.failed < 0)
		return reader.failed;
	if (!local_person_is_valid(name))
		return err_user(call->err, ERR_USAGE,
			"\"%s\" must be a name of letters, digits, dots, dashes and underscores",
			key);
	if (strcmp(name, "sluice") == 0)
		return err_user(call->err, ERR_USAGE, "nobody but sluice speaks as sluice");
	*ret = name;
	return local_person_find(call->host, name, ret_person, call->err);
}

int local_deliver(struct local_host *host, enum vcs_event_kind kind, const json_t *pull,
	const char *actor, struct local_person person, const json_t *comment,
	const struct local_review *review, struct err *err)
{
	_cleanup_json_ json_t *repo = NULL;
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL;
	struct vcs_event event = { .kind = kind,
		.actor = actor,
		.actor_is_bot = person.is_bot,
		.actor_may_write = person.may_write };
	char delivery[33];
	int r = local_repo_load(host, local_text(pull, "repo"), &repo, err);

	if (r < 0)
		return r;
	local_pull_describe(pull, local_text(repo, "path"), &event);
	event.comment_id = local_text(comment, "id");
	event.body = local_text(comment, "body");
	codec_random_hex(delivery, sizeof(delivery) - 1);
	json = local_event_write(&event, review, delivery, clock_wall_ms(host->clock));
	text = jsonx_text(json);
	return host->shelf->deliver(host->shelf->owner, delivery, text, strlen(text), err);
}

/* ---- the door ---- */

/* Which failures are the answer, and which are the shelf's and so the caller's. */
static int status_of(const struct err *err)
{
	switch (err->code) {
	case ERR_USAGE:
	case ERR_SYNTAX:
		return 400;
	case ERR_REFUSED:
		return 403;
	case ERR_MISSING:
		return 404;
	case ERR_EXISTS:
	case ERR_STALE:
	case ERR_CONFLICT:
		return 409;
	case ERR_LIMIT:
		return 413;
	case ERR_SYSTEM:
		return 500;
	case ERR_NONE:
	case ERR_BUSY:
	case ERR_CONFIG:
	case ERR_STORE:
	case ERR_JOB:
	case ERR_NET:
	case ERR_BUG:
	case ERR_CODE_MAX:
		break;
	}
	return 0;
}

static void answer_failure(struct strbuf *answer, const char *text)
{
	_cleanup_json_ json_t *json = json_pack("{s:s}", "error", text);
	_cleanup_free_ char *bytes = jsonx_text(json != NULL ? json : json_null());

	strbuf_puts(answer, bytes);
}

static int call_run(
	struct local_call *call, const struct route *route, const char *body, size_t length)
{
	int r = 0;

	if (strcmp(route->method, "POST") == 0) {
		r = jsonx_parse(body, length, BODY_MAX, &call->body, call->err);
		if (r == 0 && !json_is_object(call->body))
			r = err_user(call->err, ERR_USAGE, "the request is not an object");
	}
	return r < 0 ? r : route->act(call);
}

static void answer_write(struct local_call *call, struct strbuf *answer, int *ret_status)
{
	_cleanup_free_ char *text = jsonx_text(call->answer);
	size_t before = answer->length;

	strbuf_puts(answer, text);
	*ret_status = call->status;
	if (answer->overflowed) {
		answer->overflowed = false;
		strbuf_truncate(answer, before);
		answer_failure(
			answer, "the answer is too large: ask for one repository or one state");
		*ret_status = 413;
	}
}

static int call_answer(struct local_call *call, const struct route *route, const char *body,
	size_t length, struct strbuf *answer, int *ret_status)
{
	int r = call_run(call, route, body, length);

	if (r == 0) {
		answer_write(call, answer, ret_status);
	} else if (status_of(call->err) != 0) {
		answer_failure(answer, call->err->text);
		*ret_status = status_of(call->err);
		r = 0;
	}
	return r;
}

/* All that an action writes stays, or nothing. Looking needs no transaction, so it works while
 * nothing can be stored. */
static int call_whole(struct local_call *call, const struct route *route, const char *body,
	size_t length, struct strbuf *answer, int *ret_status)
{
	const struct shelf *shelf = call->host->shelf;
	struct err ignored;
	int r;

	if (strcmp(route->method, "GET") == 0)
		return call_answer(call, route, body, length, answer, ret_status);
	r = shelf->begin(shelf->owner, call->err);
	if (r < 0)
		return r;
	r = call_answer(call, route, body, length, answer, ret_status);
	if (r == 0 && *ret_status < 400)
		return shelf->end(shelf->owner, true, call->err);
	(void)!shelf->end(shelf->owner, false, &ignored);
	return r;
}

int local_handle(struct local_host *host, const char *method, const char *path, const char *body,
	size_t length, struct strbuf *answer, int *ret_status, struct err *err)
{
	static const char prefix[] = "/local/";
	struct local_call call = { .host = host, .status = 200, .err = err };
	size_t path_length = strcspn(path, "?");
	const struct route *route = NULL;
	bool is_known = false;
	int r;

	if (path_length >= sizeof(prefix) && str_starts(path, prefix))
		route = route_find(method, path + sizeof(prefix) - 1,
			path_length - (sizeof(prefix) - 1), &call.number, &is_known);
	call.query = path[path_length] == '?' ? path + path_length + 1 : "";
	if (route == NULL) {
		answer_failure(answer,
			is_known ? "this path takes another method" : "there is no such path");
		*ret_status = is_known ? 405 : 404;
		return 0;
	}
	r = call_whole(&call, route, body, length, answer, ret_status);
	json_decref(call.body);
	json_decref(call.answer);
	return r;
}
