/* Labels of pull requests, and issues: what sluice writes beside comments and statuses. */
#include "vcs/local/local_issues.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_door.h"
#include "vcs/local/local_names.h"
#include <string.h>

enum { LABELS_MAX = 100, ISSUES_SHOWN = 500 };

/* ---- labels ---- */

static bool label_is_valid(const char *label)
{
	return !str_empty(label) && strlen(label) <= LOCAL_LABEL_MAX && label[0] != ' ' &&
	       !str_ends(label, " ") && local_title_is_valid(label);
}

static size_t label_at(const json_t *labels, const char *label)
{
	size_t i = 0;

	while (i < json_array_size(labels) &&
		!str_equal(json_string_value(json_array_get(labels, i)), label))
		i++;
	return i;
}

static int label_change(
	struct local_host *host, json_t *pull, const char *label, bool is_wanted, struct err *err)
{
	json_t *labels = json_object_get(pull, "labels");
	size_t i = label_at(labels, label);

	if ((i < json_array_size(labels)) == is_wanted)
		return 0; /* so it is already */
	if (json_array_size(labels) >= LABELS_MAX && is_wanted)
		return err_user(err, ERR_LIMIT, "the pull request has %d labels: no more are taken",
			LABELS_MAX);
	if (labels == NULL) { /* one from before there were labels */
		labels = json_array();
		json_object_set_new(pull, "labels", labels);
	}
	if (is_wanted)
		json_array_append_new(labels, json_string(label));
	else
		json_array_remove(labels, i);
	return local_pull_store(host, pull, err);
}

int local_label_set(struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL;
	int r = local_pull_load(host, request->number, &pull, err);

	if (r == 0 && !str_equal(local_text(pull, "repo"), request->repo))
		r = err_set(err, ERR_MISSING, "there is no such pull request in this repository");
	if (r == 0 && !label_is_valid(request->label))
		r = err_set(err, ERR_BUG, "that is no label");
	return r < 0 ? r : label_change(host, pull, request->label, request->is_wanted, err);
}

/* Rules ask for labels: who may not write sets none. */
int local_labels_post(struct local_call *call)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *label = jsonx_string(&reader, "label"), *person;
	bool is_removed = jsonx_bool_or(&reader, "remove", false);
	_cleanup_json_ json_t *pull = NULL;
	struct local_person speaker;
	int r = reader.failed;

	if (r == 0 && !label_is_valid(label))
		return err_user(call->err, ERR_USAGE, "a label is one line of 1 to %d bytes",
			LOCAL_LABEL_MAX);
	if (r == 0)
		r = local_speaker(call, "as", &person, &speaker);
	if (r == 0 && !speaker.may_write)
		return err_user(call->err, ERR_REFUSED, "%s may not write here", person);
	if (r == 0)
		r = local_pull_load(call->host, call->number, &pull, call->err);
	if (r == 0)
		r = label_change(call->host, pull, label, !is_removed, call->err);
	if (r == 0)
		call->answer = steal_ptr(pull);
	return r;
}

/* ---- issues ---- */

static int issue_check(const struct host_request *request, struct err *err)
{
	if (str_empty(request->marker) || !local_key_is_valid(request->marker) ||
		!local_repo_is_valid(request->repo))
		return err_set(err, ERR_BUG, "an issue needs a repository and a marker");
	if (request->is_wanted && (str_empty(request->title) || str_empty(request->body)))
		return err_set(err, ERR_BUG, "an issue needs a title and a text");
	if (!str_empty(request->title) && !local_title_is_valid(request->title))
		return err_set(err, ERR_BUG, "the title of an issue is one line");
	if (!str_empty(request->body) && strlen(request->body) > LOCAL_COMMENT_MAX)
		return err_set(
			err, ERR_LIMIT, "the issue is longer than %d bytes", LOCAL_COMMENT_MAX);
	return 0;
}

/* Both were checked, but for what is no text at all. */
static int issue_write(json_t *issue, const struct host_request *request, struct err *err)
{
	const struct {
		const char *key, *value;
	} rows[] = { { "title", request->title }, { "body", request->body },
		{ "state", request->is_wanted ? "open" : "closed" } };

	for (size_t i = 0; i < countof(rows); i++) {
		if (!str_empty(rows[i].value) &&
			json_object_set_new(issue, rows[i].key, json_string(rows[i].value)) < 0)
			return err_set(err, ERR_SYNTAX, "the issue is not UTF-8");
	}
	return 0;
}

int local_issue_set(struct local_host *host, const struct host_request *request,
	int64_t *ret_number, struct err *err)
{
	_cleanup_json_ json_t *issue = NULL, *repo = NULL;
	bool is_new;
	int r = issue_check(request, err);

	*ret_number = 0;
	if (r == 0)
		r = local_repo_load(host, request->repo, &repo, err);
	if (r < 0)
		return r;
	r = local_issue_find(host, request->repo, request->marker, &issue, err);
	is_new = r == -ERR_MISSING;
	if (is_new && !request->is_wanted)
		return 0;
	if (is_new) {
		issue = json_pack("{s:s, s:s, s:s}", "repo", request->repo, "marker",
			request->marker, "author", "sluice");
		r = 0;
	}
	if (r == 0)
		r = issue_write(issue, request, err);
	if (r == 0)
		r = is_new ? local_issue_add(host, issue, err)
			   : local_issue_store(host, issue, err);
	if (r == 0)
		*ret_number = local_number(issue, "number");
	return r;
}

int local_issues_get(struct local_call *call)
{
	_cleanup_free_ char *repo = local_query(call, "repo");
	_cleanup_free_ char *state = local_query(call, "state");
	struct shelf *shelf = call->host->shelf;
	_cleanup_json_ json_t *all = NULL;
	int r = shelf->list(shelf->owner, "local/issue/", &all, call->err);

	if (r < 0)
		return r;
	call->answer = json_array();
	for (size_t i = json_array_size(all);
		i-- > 0 && json_array_size(call->answer) < ISSUES_SHOWN;) {
		json_t *issue = json_array_get(all, i);

		if ((repo == NULL || str_equal(repo, local_text(issue, "repo"))) &&
			(state == NULL || str_equal(state, local_text(issue, "state"))))
			json_array_append(call->answer, issue);
	}
	return 0;
}
