/* What GitHub itself says: its webhooks, reviews and headers. Must not: read a file, the clock, or
 * decide anything. */
#include "vcs/github/github_dialect.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/model/ids.h"
#include "vcs/web/web_names.h"
#include "vcs/web/web_reading.h"
#include <string.h>

static int edited_read(struct web_reading *reading)
{
	if (!json_is_object(web_at(reading->body, "changes.base")))
		return web_ignore(reading, "the title or the text was edited");
	return web_read_pull_event(reading);
}

/* ---- reviews ---- */

/* The same words in deliveries and in lists, but for the case. */
static enum vcs_event_kind review_kind(const json_t *review)
{
	static const struct {
		const char *state;
		enum vcs_event_kind kind;
	} states[] = {
		{ "APPROVED", VCS_APPROVED },
		{ "CHANGES_REQUESTED", VCS_CHANGES_REQUESTED },
		{ "DISMISSED", VCS_REVIEW_DISMISSED },
	};

	for (size_t i = 0; i < countof(states); i++) {
		if (strcasecmp(web_text(review, "state"), states[i].state) == 0)
			return states[i].kind;
	}
	return VCS_IGNORED;
}

static int review_read(struct web_reading *reading)
{
	const char *commit = web_text(reading->body, "review.commit_id");
	struct vcs_event *event = reading->event;
	int r;

	if (event->kind != VCS_REVIEW_DISMISSED)
		event->kind = review_kind(web_at(reading->body, "review"));
	if (event->kind == VCS_IGNORED)
		return web_ignore(reading, "a review that is only a comment");
	r = web_read_pull_event(reading);
	if (r == 0)
		r = web_read_id(reading, "review.id");
	if (r == 0)
		r = web_read_person(reading, "review.user");
	if (r < 0)
		return r;
	if (commit[0] != '\0' && !codec_is_hex(commit, OID_HEX))
		return web_malformed(reading->err, "commit of the review");
	event->review_head = arena_strdup(reading->arena, commit);
	event->body = "";
	event->is_partial = event->kind != VCS_REVIEW_DISMISSED;
	return 0;
}

/* ---- checks ---- */

/* The number stands in our own mark; what GitHub lists is empty for pull requests of forks. */
static int rerun_read(struct web_reading *reading, const char *what)
{
	static const char mark[] = "sluice:";
	const json_t *check = web_at(reading->body, what);
	const char *ours = web_text(check, "external_id");
	const json_t *first = json_array_get(web_at(check, "pull_requests"), 0);
	struct vcs_event *event = reading->event;
	int r;

	event->number = str_starts(ours, mark) ? strtol(ours + strlen(mark), NULL, 10)
					       : web_number(first, "number");
	if (event->number <= 0 || event->number > INT32_MAX)
		return web_ignore(reading, "a check that belongs to no pull request");
	event->host = reading->site->host;
	event->author = event->title = event->head = event->head_ref = event->base_ref = "";
	event->is_partial = true;
	r = web_read_repo(reading);
	return r < 0 ? r : web_read_person(reading, "sender");
}

static int check_run_read(struct web_reading *reading)
{
	return rerun_read(reading, "check_run");
}

static int check_suite_read(struct web_reading *reading)
{
	return rerun_read(reading, "check_suite");
}

static int button_read(struct web_reading *reading)
{
	if (!str_equal(web_text(reading->body, "requested_action.identifier"), "plan"))
		return web_ignore(reading, "a button that is not ours");
	return rerun_read(reading, "check_run");
}

/* ---- merge queues ---- */

/* "refs/heads/gh-readonly-queue/BASE/pr-NUMBER-COMMIT": nothing else names the pull request. */
static int64_t queued_number(const char *ref)
{
	static const char queue[] = "refs/heads/gh-readonly-queue/", mark[] = "pr-";
	const char *last = strrchr(ref, '/');
	char *end;
	int64_t number;

	if (!str_starts(ref, queue) || last == NULL || !str_starts(last + 1, mark))
		return 0;
	number = strtol(last + 1 + strlen(mark), &end, 10);
	return *end == '-' && number > 0 && number <= INT32_MAX ? number : 0;
}

static int merge_group_read(struct web_reading *reading)
{
	const char *head = web_text(reading->body, "merge_group.head_sha");
	struct vcs_event *event = reading->event;
	int r;

	event->number = queued_number(web_text(reading->body, "merge_group.head_ref"));
	if (event->number == 0)
		return web_ignore(reading, "a queue that belongs to no pull request");
	if (!codec_is_hex(head, OID_HEX))
		return web_malformed(reading->err, "commit of the queue");
	event->host = reading->site->host;
	event->author = event->title = event->head = event->head_ref = event->base_ref = "";
	event->group_head = arena_strdup(reading->arena, head);
	r = web_read_repo(reading);
	return r < 0 ? r : web_read_person(reading, "sender");
}

/* ---- all of them ---- */

static const struct web_topic topics[] = {
	{ "pull_request", "opened", VCS_PULL_OPENED, web_read_pull_event },
	{ "pull_request", "synchronize", VCS_PULL_PUSHED, web_read_pull_event },
	{ "pull_request", "reopened", VCS_PULL_REOPENED, web_read_pull_event },
	{ "pull_request", "ready_for_review", VCS_PULL_READY, web_read_pull_event },
	{ "pull_request", "edited", VCS_PULL_RETARGETED, edited_read },
	{ "pull_request", "closed", VCS_PULL_CLOSED, web_read_closed },
	{ "pull_request", "converted_to_draft", 0, NULL, "a draft keeps the plan it has" },
	{ "pull_request", "labeled", 0, NULL, "no rule looks at labels" },
	{ "pull_request", "unlabeled", 0, NULL, "no rule looks at labels" },
	{ "issue_comment", "created", VCS_COMMENT, web_read_comment },
	{ "issue_comment", NULL, 0, NULL, "only new comments count" },
	{ "pull_request_review", "submitted", VCS_APPROVED, review_read },
	{ "pull_request_review", "dismissed", VCS_REVIEW_DISMISSED, review_read },
	{ "check_run", "rerequested", VCS_RERUN, check_run_read },
	{ "check_run", "requested_action", VCS_RERUN, button_read },
	{ "check_suite", "rerequested", VCS_RERUN, check_suite_read },
	{ "ping", NULL, VCS_PING, web_read_nothing },
	{ "push", NULL, 0, NULL, "a push is seen at its pull request" },
	{ "installation", NULL, 0, NULL, "installations are looked up when they are needed" },
	{ "installation_repositories", NULL, 0, NULL,
		"installations are looked up when they are needed" },
	{ "merge_group", "checks_requested", VCS_MERGE_GROUP, merge_group_read },
	{ "merge_group", NULL, 0, NULL, "a merge queue that asks for nothing" },
	{ NULL },
};

/* ---- GitHub ---- */

static void pull_more(const json_t *pull, struct vcs_event *ret)
{
	ret->from_fork = web_is_from_fork(pull);
	ret->is_draft = json_is_true(web_at(pull, "draft"));
}

/* The first that the repository lets through, in the order of GitHub's own page. */
static const char *merge_style(const json_t *repo)
{
	static const struct {
		const char *allowed, *style;
	} styles[] = { { "allow_merge_commit", "merge" }, { "allow_squash_merge", "squash" },
		{ "allow_rebase_merge", "rebase" } };

	for (size_t i = 0; i < countof(styles); i++) {
		if (!json_is_false(web_at(repo, styles[i].allowed)))
			return styles[i].style;
	}
	return "merge"; /* GitHub says what is wrong with it */
}

/* New branches, pushes and merges into it alike. */
static const char *pusher(const json_t *one, const char *branch, const char *head)
{
	static const char heads[] = "refs/heads/";
	const char *ref = web_text(one, "ref");

	return str_starts(ref, heads) && str_equal(ref + strlen(heads), branch) &&
			       str_equal(web_text(one, "after"), head)
		       ? web_text(one, "actor.login")
		       : "";
}

static const struct web_signature_header signature_headers[] = {
	{ "X-Hub-Signature-256", "sha256=" }, { NULL }
};
static const char *const topic_headers[] = { "X-GitHub-Event", NULL };
static const char *const delivery_headers[] = { "X-GitHub-Delivery", NULL };
static const char *const headers[] = { "Accept: application/vnd.github+json",
	"X-GitHub-Api-Version: 2022-11-28", NULL };

const struct web_dialect github_dialect = { .title = "GitHub",
	.signature_headers = signature_headers,
	.topic_headers = topic_headers,
	.delivery_headers = delivery_headers,
	.takes_forms = true,
	.topics = topics,
	.login_is_valid = web_login_is_valid,
	.repo_is_valid = web_repo_is_valid,
	.pull_more = pull_more,
	.authorization = "Bearer",
	.headers = headers,
	.page_size = "per_page=100",
	.comment_list = "?per_page=100",
	.description_bytes_max = WEB_DESCRIPTION_MAX,
	.minimizes = true,
	.review_kind = review_kind,
	.has_rulesets = true,
	.branch_contexts = "protection.required_status_checks.contexts",
	.feed = "activity",
	.feed_is_of_branch = true,
	.pusher = pusher,
	.issues_of = "state=all&creator=",
	.merge_call = "PUT",
	.merge_style_key = "merge_method",
	.merge_head_key = "sha",
	.merge_style = merge_style,
	.branch_path = "git/refs/heads/",
	.branch_oid = "commit.sha" };
