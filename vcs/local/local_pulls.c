/* The documents of the local host on its shelf. */
#include "vcs/local/local_pulls.h"
#include "orchestrator/lib/jsonx.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Keys sort as text: numbers are written with all their digits. */
#define NUMBER "%012" PRId64

const char *local_text(const json_t *document, const char *key)
{
	const char *text = json_string_value(json_object_get(document, key));

	return text != NULL ? text : "";
}

int64_t local_number(const json_t *document, const char *key)
{
	return json_integer_value(json_object_get(document, key));
}

_printf_(5, 6) static int shelf_get(struct local_host *host, const char *what, json_t **ret,
	struct err *err, const char *format, ...)
{
	_cleanup_free_ char *key = NULL;
	va_list args;
	int r;

	va_start(args, format);
	if (vasprintf(&key, format, args) < 0)
		abort();
	va_end(args);
	r = host->shelf->get(host->shelf->owner, key, ret, err);
	return r == -ERR_MISSING ? err_user(err, ERR_MISSING, "there is no such %s", what) : r;
}

_printf_(4, 5) static int shelf_put(
	struct local_host *host, const json_t *document, struct err *err, const char *format, ...)
{
	_cleanup_free_ char *key = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&key, format, args) < 0)
		abort();
	va_end(args);
	return host->shelf->put(host->shelf->owner, key, document, err);
}

_printf_(4, 5) static int shelf_list(
	struct local_host *host, json_t **ret, struct err *err, const char *format, ...)
{
	_cleanup_free_ char *prefix = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&prefix, format, args) < 0)
		abort();
	va_end(args);
	return host->shelf->list(host->shelf->owner, prefix, ret, err);
}

/* ---- repositories and pulls ---- */

int local_repo_load(struct local_host *host, const char *name, json_t **ret, struct err *err)
{
	return shelf_get(host, "repository", ret, err, "local/repo/%s", name);
}

int local_repo_store(struct local_host *host, const json_t *repo, struct err *err)
{
	return shelf_put(host, repo, err, "local/repo/%s", local_text(repo, "name"));
}

int local_pull_load(struct local_host *host, int64_t number, json_t **ret, struct err *err)
{
	return shelf_get(host, "pull request", ret, err, "local/pull/" NUMBER, number);
}

int local_pull_store(struct local_host *host, json_t *pull, struct err *err)
{
	json_object_set_new(pull, "updated_ms", json_integer(clock_wall_ms(host->clock)));
	return shelf_put(host, pull, err, "local/pull/" NUMBER, local_number(pull, "number"));
}

int local_open_load(struct local_host *host, const char *repo, json_t **ret, struct err *err)
{
	int r = shelf_get(host, "list", ret, err, "local/open/%s", repo);

	if (r == -ERR_MISSING) {
		*ret = json_array();
		r = 0;
	}
	return r;
}

int local_open_set(
	struct local_host *host, const char *repo, int64_t number, bool is_open, struct err *err)
{
	_cleanup_json_ json_t *open = NULL;
	int r = local_open_load(host, repo, &open, err);

	if (r < 0)
		return r;
	for (size_t i = json_array_size(open); i-- > 0;) {
		if (json_integer_value(json_array_get(open, i)) == number)
			json_array_remove(open, i);
	}
	if (is_open && json_array_size(open) >= LOCAL_OPEN_MAX)
		return err_user(err, ERR_LIMIT, "%s has %d open pull requests: close some", repo,
			LOCAL_OPEN_MAX);
	if (is_open)
		json_array_append_new(open, json_integer(number));
	return shelf_put(host, open, err, "local/open/%s", repo);
}

void local_pull_describe(const json_t *pull, const char *clone_url, struct vcs_event *ret)
{
	ret->host = "local";
	ret->repo = local_text(pull, "repo");
	ret->clone_url = clone_url;
	ret->number = local_number(pull, "number");
	ret->author = local_text(pull, "author");
	ret->title = local_text(pull, "title");
	ret->head = local_text(pull, "head");
	ret->head_ref = local_text(pull, "head_ref");
	ret->base_ref = local_text(pull, "base_ref");
	ret->pusher = local_text(pull, "pusher");
}

/* ---- who pushed ---- */

int local_pushed_store(struct local_host *host, const char *repo, const char *branch,
	const char *head, const char *pusher, struct err *err)
{
	_cleanup_json_ json_t *pushed = json_pack("{s:s, s:s}", "head", head, "pusher", pusher);

	return shelf_put(host, pushed, err, "local/pushed/%s:%s", repo, branch);
}

int local_pusher_find(struct local_host *host, const char *repo, const char *branch,
	const char *head, const char *opener, const char **ret, json_t **ret_owner, struct err *err)
{
	int r = shelf_get(host, "push", ret_owner, err, "local/pushed/%s:%s", repo, branch);

	if (r < 0 && r != -ERR_MISSING)
		return r;
	*ret = r < 0						 ? opener
	       : str_equal(local_text(*ret_owner, "head"), head) ? local_text(*ret_owner, "pusher")
								 : VCS_SOMEBODY;
	return 0;
}

/* ---- comments and statuses ---- */

int local_comment_store(
	struct local_host *host, int64_t number, const json_t *comment, struct err *err)
{
	return shelf_put(host, comment, err, "local/comment/" NUMBER "/" NUMBER, number,
		local_number(comment, "sequence"));
}

int local_comment_load(
	struct local_host *host, int64_t number, const char *id, json_t **ret, struct err *err)
{
	int64_t sequence;
	char end;

	if (sscanf(id, "c%12" SCNd64 "%c", &sequence, &end) != 1)
		return err_user(err, ERR_MISSING, "there is no such comment");
	return shelf_get(
		host, "comment", ret, err, "local/comment/" NUMBER "/" NUMBER, number, sequence);
}

int local_comment_add(struct local_host *host, json_t *pull, const char *author, const char *body,
	const char *marker, json_t **ret, struct err *err)
{
	int64_t number = local_number(pull, "number"), now = clock_wall_ms(host->clock);
	int64_t count = local_number(pull, "comment_count"), sequence;
	_cleanup_json_ json_t *comment = NULL;
	_cleanup_json_ json_t *link = NULL;
	int r;

	if (count >= LOCAL_COMMENTS_MAX)
		return err_user(err, ERR_LIMIT,
			"the pull request has %d comments: no more are taken", LOCAL_COMMENTS_MAX);
	r = host->shelf->next(host->shelf->owner, "local/comments", &sequence, err);
	if (r < 0)
		return r;
	comment = json_pack("{s:o, s:I, s:s, s:s, s:b, s:[], s:I, s:I}", "id",
		json_sprintf("c%" PRId64, sequence), "sequence", (json_int_t)sequence, "author",
		author, "body", body, "hidden", 0, "reactions", "created_ms", (json_int_t)now,
		"updated_ms", (json_int_t)now);
	if (marker != NULL)
		json_object_set_new(comment, "marker", json_string(marker));
	json_object_set_new(pull, "comment_count", json_integer(count + 1));
	r = local_comment_store(host, number, comment, err);
	if (r == 0 && marker != NULL) {
		link = json_pack("{s:O}", "id", json_object_get(comment, "id"));
		r = shelf_put(host, link, err, "local/marker/" NUMBER "/%s", number, marker);
	}
	if (r == 0)
		r = local_pull_store(host, pull, err);
	if (r == 0)
		*ret = steal_ptr(comment);
	return r;
}

int local_marker_find(struct local_host *host, int64_t number, const char *marker,
	json_t **ret_comment, struct err *err)
{
	_cleanup_json_ json_t *link = NULL;
	int r = shelf_get(
		host, "comment", &link, err, "local/marker/" NUMBER "/%s", number, marker);

	return r < 0 ? r
		     : local_comment_load(host, number, local_text(link, "id"), ret_comment, err);
}

static const char *status_word(enum status_state state)
{
	switch (state) {
	case STATUS_PENDING:
		return "pending";
	case STATUS_SUCCESS:
		return "success";
	case STATUS_FAILURE:
		return "failure";
	case STATUS_ERROR:
		break;
	}
	return "error";
}

int local_status_store(struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_json_ json_t *status = json_pack("{s:s, s:s, s:s, s:s, s:I}", "head",
		request->head, "context", request->context, "state", status_word(request->status),
		"description", request->description != NULL ? request->description : "",
		"updated_ms", (json_int_t)clock_wall_ms(host->clock));

	if (status == NULL)
		return err_set(err, ERR_SYNTAX, "the status is not valid text");
	return shelf_put(host, status, err, "local/status/" NUMBER "/%s/%s", request->number,
		request->head, request->context);
}

/* ---- issues ---- */

int local_issue_load(struct local_host *host, int64_t number, json_t **ret, struct err *err)
{
	return shelf_get(host, "issue", ret, err, "local/issue/" NUMBER, number);
}

int local_issue_store(struct local_host *host, json_t *issue, struct err *err)
{
	json_object_set_new(issue, "updated_ms", json_integer(clock_wall_ms(host->clock)));
	return shelf_put(host, issue, err, "local/issue/" NUMBER, local_number(issue, "number"));
}

int local_issue_find(struct local_host *host, const char *repo, const char *marker, json_t **ret,
	struct err *err)
{
	_cleanup_json_ json_t *link = NULL;
	int r = shelf_get(host, "issue", &link, err, "local/tracked/%s:%s", repo, marker);

	return r < 0 ? r : local_issue_load(host, local_number(link, "number"), ret, err);
}

int local_issue_add(struct local_host *host, json_t *issue, struct err *err)
{
	_cleanup_json_ json_t *link = NULL;
	int64_t number;
	int r = host->shelf->next(host->shelf->owner, "local/issues", &number, err);

	if (r < 0)
		return r;
	link = json_pack("{s:I}", "number", (json_int_t)number);
	json_object_set_new(issue, "number", json_integer(number));
	json_object_set_new(issue, "created_ms", json_integer(clock_wall_ms(host->clock)));
	r = shelf_put(host, link, err, "local/tracked/%s:%s", local_text(issue, "repo"),
		local_text(issue, "marker"));
	return r < 0 ? r : local_issue_store(host, issue, err);
}

int local_pull_whole(struct local_host *host, int64_t number, json_t **ret, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL;
	json_t *comments = NULL, *statuses = NULL;
	int r = local_pull_load(host, number, &pull, err);

	if (r == 0)
		r = shelf_list(host, &comments, err, "local/comment/" NUMBER "/", number);
	if (r == 0)
		r = shelf_list(host, &statuses, err, "local/status/" NUMBER "/", number);
	if (r < 0) {
		json_decref(comments);
		return r;
	}
	json_object_set_new(pull, "comments", comments);
	json_object_set_new(pull, "statuses", statuses);
	*ret = steal_ptr(pull);
	return 0;
}

/* ---- people ---- */

static int load_or_empty(struct local_host *host, const char *key, json_t **ret, struct err *err)
{
	int r = shelf_get(host, "list", ret, err, "%s", key);

	if (r == -ERR_MISSING) {
		*ret = json_object();
		r = 0;
	}
	return r;
}

int local_people_load(struct local_host *host, json_t **ret, struct err *err)
{
	return load_or_empty(host, "local/people", ret, err);
}

int local_teams_load(struct local_host *host, json_t **ret, struct err *err)
{
	return load_or_empty(host, "local/teams", ret, err);
}

int local_teams_store(struct local_host *host, const json_t *teams, struct err *err)
{
	return shelf_put(host, teams, err, "local/teams");
}

int local_people_store(struct local_host *host, const json_t *people, struct err *err)
{
	return shelf_put(host, people, err, "local/people");
}

int local_person_find(
	struct local_host *host, const char *name, struct local_person *ret, struct err *err)
{
	_cleanup_json_ json_t *people = NULL;
	int r = local_people_load(host, &people, err);
	const json_t *person;

	if (r < 0)
		return r;
	person = json_object_get(people, name);
	ret->may_write = person == NULL || json_is_true(json_object_get(person, "may_write"));
	ret->is_bot = json_is_true(json_object_get(person, "is_bot"));
	return 0;
}
