/* What people do with pull requests. Every action checks first, then writes the documents and
 * delivers its event: the shelf makes the two one. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_door.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_names.h"
#include "vcs/local/local_repo.h"
#include <string.h>

enum { LIST_MAX = 500 };

struct action { /* a person, and the pull it is about */
	const char *actor;
	struct local_person person;
	json_t *pull;
};

static void action_release(struct action *action)
{
	json_decref(action->pull);
}

static bool is_state(const json_t *pull, const char *state)
{
	return strcmp(local_text(pull, "state"), state) == 0;
}

/* state: the only one in which it is possible, or NULL. */
static int action_begin(struct local_call *call, const char *state, struct action *ret)
{
	int r = local_speaker(call, "as", &ret->actor, &ret->person);

	if (r == 0)
		r = local_pull_load(call->host, call->number, &ret->pull, call->err);
	if (r == 0 && state != NULL && !is_state(ret->pull, state))
		r = err_user(call->err, ERR_STALE, "the pull request is %s",
			local_text(ret->pull, "state"));
	return r;
}

/* Stores the pull, tells the engine, answers with the pull. */
static int action_end(struct local_call *call, struct action *action, enum vcs_event_kind kind,
	const struct local_review *review)
{
	int r = local_pull_store(call->host, action->pull, call->err);

	if (r == 0)
		r = local_deliver(call->host, kind, action->pull, action->actor, action->person,
			NULL, review, call->err);
	if (r == 0)
		call->answer = json_incref(action->pull);
	return r;
}

/* ---- text from people ---- */

static int body_read(struct local_call *call, const char *key, bool is_required, const char **ret)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *text = is_required ? jsonx_string(&reader, key)
				       : jsonx_string_or(&reader, key, "");

	if (reader.failed < 0)
		return reader.failed;
	if (strlen(text) > LOCAL_COMMENT_MAX)
		return err_user(call->err, ERR_LIMIT, "\"%s\" is longer than %d bytes", key,
			LOCAL_COMMENT_MAX);
	if (is_required && text[strspn(text, " \t\r\n")] == '\0')
		return err_user(call->err, ERR_USAGE, "\"%s\" is empty", key);
	*ret = text;
	return 0;
}

/* ---- opening ---- */

struct opening {
	const char *repo, *title, *head_ref, *base_ref;
	json_t *repo_document;
	char head[OID_HEX + 1];
};

static int opening_read(struct local_call *call, struct opening *opening)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);

	opening->repo = jsonx_string(&reader, "repo");
	opening->title = jsonx_string(&reader, "title");
	opening->head_ref = jsonx_string(&reader, "head_ref");
	opening->base_ref = jsonx_string(&reader, "base_ref");
	if (reader.failed < 0)
		return reader.failed;
	if (!local_repo_is_valid(opening->repo))
		return err_user(call->err, ERR_USAGE, "that is not the name of a repository");
	if (!local_title_is_valid(opening->title))
		return err_user(call->err, ERR_USAGE, "the title must be one line of 1 to %d bytes",
			LOCAL_TITLE_MAX);
	if (!local_branch_is_valid(opening->head_ref) || !local_branch_is_valid(opening->base_ref))
		return err_user(call->err, ERR_USAGE, "that is not the name of a branch");
	if (strcmp(opening->head_ref, opening->base_ref) == 0)
		return err_user(call->err, ERR_USAGE, "a branch cannot be merged into itself");
	return 0;
}

static int branch_check(
	struct local_call *call, const json_t *repo, const char *branch, char ret[OID_HEX + 1])
{
	int r = local_repo_branch(local_text(repo, "path"), branch, ret, call->err);

	return r == -ERR_MISSING
		       ? err_user(call->err, ERR_MISSING, "the repository has no branch %s", branch)
		       : r;
}

/* Two open pulls of one branch into one base would be one pull with two numbers. */
static int twin_check(struct local_call *call, const struct opening *opening)
{
	_cleanup_json_ json_t *open = NULL;
	int r = local_open_load(call->host, opening->repo, &open, call->err);

	for (size_t i = 0; r == 0 && i < json_array_size(open); i++) {
		int64_t number = json_integer_value(json_array_get(open, i));
		_cleanup_json_ json_t *pull = NULL;

		r = local_pull_load(call->host, number, &pull, call->err);
		if (r == 0 && strcmp(local_text(pull, "head_ref"), opening->head_ref) == 0 &&
			strcmp(local_text(pull, "base_ref"), opening->base_ref) == 0)
			return err_user(call->err, ERR_EXISTS,
				"pull request %lld is open for this branch", (long long)number);
	}
	return r;
}

static int opening_check(struct local_call *call, struct opening *opening)
{
	char base[OID_HEX + 1];
	int r = opening_read(call, opening);

	if (r == 0)
		r = local_repo_load(call->host, opening->repo, &opening->repo_document, call->err);
	if (r == 0)
		r = branch_check(call, opening->repo_document, opening->head_ref, opening->head);
	if (r == 0)
		r = branch_check(call, opening->repo_document, opening->base_ref, base);
	return r < 0 ? r : twin_check(call, opening);
}

static int pull_create(
	struct local_call *call, const struct opening *opening, struct action *action)
{
	int64_t number, now = clock_wall_ms(call->host->clock);
	_cleanup_json_ json_t *pushed = NULL;
	const char *pusher;
	int r = call->host->shelf->next(
		call->host->shelf->owner, "local/pulls", &number, call->err);

	if (r == 0)
		r = local_pusher_find(call->host, opening->repo, opening->head_ref, opening->head,
			action->actor, &pusher, &pushed, call->err);
	if (r < 0)
		return r;
	r = local_open_set(call->host, opening->repo, number, true, call->err);
	if (r < 0)
		return r;
	action->pull = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:i, s:I}",
		"number", (json_int_t)number, "repo", opening->repo, "title", opening->title,
		"author", action->actor, "state", "open", "head", opening->head, "head_ref",
		opening->head_ref, "base_ref", opening->base_ref, "pusher", pusher, "reviews",
		"comment_count", 0, "created_ms", (json_int_t)now);
	call->status = 201;
	return action_end(call, action, VCS_PULL_OPENED, NULL);
}

int local_pulls_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	struct opening opening = { .repo_document = NULL };
	int r = local_speaker(call, "as", &action.actor, &action.person);

	if (r == 0)
		r = opening_check(call, &opening);
	if (r == 0)
		r = pull_create(call, &opening, &action);
	json_decref(opening.repo_document);
	return r;
}

/* ---- reading ---- */

int local_pull_get(struct local_call *call)
{
	return local_pull_whole(call->host, call->number, &call->answer, call->err);
}

int local_pulls_get(struct local_call *call)
{
	_cleanup_free_ char *repo = local_query(call, "repo");
	_cleanup_free_ char *state = local_query(call, "state");
	struct shelf *shelf = call->host->shelf;
	_cleanup_json_ json_t *all = NULL;
	int r = shelf->list(shelf->owner, "local/pull/", &all, call->err);

	if (r < 0)
		return r;
	call->answer = json_array();
	for (size_t i = json_array_size(all);
		i-- > 0 && json_array_size(call->answer) < LIST_MAX;) {
		json_t *pull = json_array_get(all, i);

		if ((repo == NULL || str_equal(repo, local_text(pull, "repo"))) &&
			(state == NULL || is_state(pull, state)))
			json_array_append(call->answer, pull);
	}
	return 0;
}

/* ---- talking ---- */

int local_comment_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	_cleanup_json_ json_t *comment = NULL;
	const char *body = NULL;
	int r = action_begin(call, NULL, &action);

	if (r == 0)
		r = body_read(call, "body", true, &body);
	if (r == 0)
		r = local_comment_add(
			call->host, action.pull, action.actor, body, NULL, &comment, call->err);
	if (r == 0)
		r = local_deliver(call->host, VCS_COMMENT, action.pull, action.actor, action.person,
			comment, NULL, call->err);
	if (r == 0) {
		call->answer = steal_ptr(comment);
		call->status = 201;
	}
	return r;
}

/* A person who says which commit they read does not approve another. */
static int head_check(struct local_call *call, const json_t *pull)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *head = jsonx_string_or(&reader, "head", "");

	if (reader.failed < 0)
		return reader.failed;
	if (head[0] != '\0' && strcmp(head, local_text(pull, "head")) != 0)
		return err_user(
			call->err, ERR_STALE, "the head is now %.12s", local_text(pull, "head"));
	return 0;
}

static int review_add(struct local_call *call, const char *word, enum vcs_event_kind kind)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	const char *body = NULL;
	json_t *reviews;
	int r = action_begin(call, "open", &action);

	if (r == 0)
		r = body_read(call, "body", false, &body);
	if (r == 0)
		r = head_check(call, action.pull);
	if (r < 0)
		return r;
	reviews = json_object_get(action.pull, "reviews");
	if (json_array_size(reviews) >= LOCAL_REVIEWS_MAX)
		return err_user(call->err, ERR_LIMIT,
			"the pull request has %d reviews: no more are taken", LOCAL_REVIEWS_MAX);
	json_array_append_new(
		reviews, json_pack("{s:s, s:s, s:s, s:s, s:I}", "author", action.actor, "state",
				 word, "head", local_text(action.pull, "head"), "body", body,
				 "at_ms", (json_int_t)clock_wall_ms(call->host->clock)));
	return action_end(call, &action, kind,
		&(struct local_review){ .author = action.actor,
			.head = local_text(action.pull, "head"),
			.body = body });
}

int local_approve_post(struct local_call *call)
{
	return review_add(call, "approved", VCS_APPROVED);
}

int local_request_changes_post(struct local_call *call)
{
	return review_add(call, "changes_requested", VCS_CHANGES_REQUESTED);
}

/* The reviewer's newest word that stands. */
static json_t *review_find(const json_t *pull, const char *reviewer)
{
	const json_t *reviews = json_object_get(pull, "reviews");

	for (size_t i = json_array_size(reviews); i-- > 0;) {
		json_t *review = json_array_get(reviews, i);

		if (strcmp(local_text(review, "author"), reviewer) == 0)
			return strcmp(local_text(review, "state"), "dismissed") != 0 ? review
										     : NULL;
	}
	return NULL;
}

int local_dismiss_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *reviewer;
	json_t *review;
	int r = action_begin(call, "open", &action);

	if (r < 0)
		return r;
	reviewer = jsonx_string_or(&reader, "reviewer", action.actor);
	if (reader.failed < 0)
		return reader.failed;
	review = review_find(action.pull, reviewer);
	if (review == NULL)
		return err_user(
			call->err, ERR_MISSING, "there is no review of that person to dismiss");
	json_object_set_new(review, "state", json_string("dismissed"));
	json_object_set_new(review, "dismissed_by", json_string(action.actor));
	return action_end(call, &action, VCS_REVIEW_DISMISSED,
		&(struct local_review){ .author = local_text(review, "author"),
			.head = local_text(review, "head"),
			.body = "" });
}

/* ---- ending and beginning again ---- */

static int state_move(
	struct local_call *call, struct action *action, const char *state, enum vcs_event_kind kind)
{
	int r = local_open_set(call->host, local_text(action->pull, "repo"), call->number,
		strcmp(state, "open") == 0, call->err);

	if (r < 0)
		return r;
	json_object_set_new(action->pull, "state", json_string(state));
	return action_end(call, action, kind, NULL);
}

int local_close_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	int r = action_begin(call, "open", &action);

	return r < 0 ? r : state_move(call, &action, "closed", VCS_PULL_CLOSED);
}

int local_reopen_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	_cleanup_json_ json_t *repo = NULL, *pushed = NULL;
	const char *branch, *pusher;
	char head[OID_HEX + 1];
	int r = action_begin(call, "closed", &action);

	if (r == 0)
		r = local_repo_load(call->host, local_text(action.pull, "repo"), &repo, call->err);
	if (r == 0)
		r = branch_check(call, repo, local_text(action.pull, "head_ref"), head);
	if (r < 0)
		return r;
	branch = local_text(action.pull, "head_ref");
	if (!str_equal(head, local_text(action.pull, "head"))) {
		r = local_pusher_find(call->host, local_text(repo, "name"), branch, head,
			VCS_SOMEBODY, &pusher, &pushed, call->err);
		if (r < 0)
			return r;
		json_object_set_new(action.pull, "pusher", json_string(pusher));
	}
	json_object_set_new(action.pull, "head", json_string(head));
	return state_move(call, &action, "open", VCS_PULL_REOPENED);
}

/* The merge itself was made by the person's own program, with the person's rights. */
int local_merge_post(struct local_call *call)
{
	_cleanup_(action_release) struct action action = { .pull = NULL };
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	_cleanup_json_ json_t *repo = NULL;
	char tip[OID_HEX + 1];
	const char *commit;
	int r = action_begin(call, "open", &action);

	if (r == 0)
		r = local_repo_load(call->host, local_text(action.pull, "repo"), &repo, call->err);
	if (r == 0)
		r = branch_check(call, repo, local_text(action.pull, "base_ref"), tip);
	if (r < 0)
		return r;
	commit = jsonx_string_or(&reader, "commit", tip);
	if (reader.failed < 0)
		return reader.failed;
	if (strcmp(commit, tip) != 0)
		return err_user(call->err, ERR_STALE, "%s does not end in that commit",
			local_text(action.pull, "base_ref"));
	json_object_set_new(action.pull, "merge_commit", json_string(tip));
	json_object_set_new(action.pull, "merged_by", json_string(action.actor));
	return state_move(call, &action, "merged", VCS_PULL_MERGED);
}
