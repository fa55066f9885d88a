/* What Gitea and Forgejo say: their webhooks, reviews and headers. Must not: read a file, the
 * clock, or decide anything. */
#include "vcs/gitea/gitea_dialect.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_names.h"
#include "vcs/web/web_reading.h"
#include <string.h>

enum { PUSHED_MAX = 1 << 20 };

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

/* ---- names ---- */

bool gitea_login_is_valid(const char *login)
{
	size_t length = strlen(login);

	return length > 0 && length <= WEB_LOGIN_MAX && strspn(login, WORD) == length &&
	       login[0] != '-' && login[0] != '.' && strstr(login, "..") == NULL;
}

bool gitea_repo_is_valid(const char *name)
{
	size_t owner = strspn(name, WORD), rest;
	const char *repo = name + owner + 1;

	if (owner == 0 || owner > WEB_OWNER_MAX || name[owner] != '/' || name[0] == '-' ||
		name[0] == '.' || strstr(name, "..") != NULL)
		return false;
	rest = strspn(repo, WORD);
	return rest > 0 && repo[rest] == '\0' && owner + rest < WEB_REPO_MAX &&
	       strcmp(repo, ".") != 0 && !str_ends(repo, ".git");
}

/* ---- pull requests ---- */

/* As the server has it where nobody changed it; older ones do not say what is a draft. */
static bool is_draft_title(const char *title)
{
	return strncasecmp(title, "WIP:", 4) == 0 || strncasecmp(title, "[WIP]", 5) == 0;
}

/* Whoever may read can push to refs/for/BRANCH (AGit): such a pull request names the repository
 * itself as its head's and has no branch. It is no more trusted than a fork. So is one whose branch
 * is gone. */
static bool has_no_branch(const json_t *pull)
{
	return web_text(pull, "head.label")[0] == '\0' || web_number(pull, "flow") != 0 ||
	       str_starts(web_text(pull, "head.ref"), "refs/");
}

static void pull_more(const json_t *pull, struct vcs_event *ret)
{
	const json_t *draft = web_at(pull, "draft");
	int64_t head = web_number(pull, "head.repo_id");
	int64_t base = web_number(pull, "base.repo_id");

	ret->from_fork = has_no_branch(pull) ||
			 (head > 0 && base > 0 ? head != base : web_is_from_fork(pull));
	ret->is_draft = json_is_boolean(draft) ? json_is_true(draft) : is_draft_title(ret->title);
}

/* What makes a draft is its title, in words that each server chooses: any new title of what is no
 * draft may have made it ready. */
static int edited_read(struct web_reading *reading)
{
	bool is_renamed = json_is_object(web_at(reading->body, "changes.title"));
	bool is_moved = json_is_object(web_at(reading->body, "changes.ref"));
	int r;

	if (!is_renamed && !is_moved)
		return web_ignore(reading, "the text was edited");
	r = web_read_pull_event(reading);
	if (r < 0 || is_moved)
		return r;
	if (reading->event->is_draft)
		return web_ignore(reading, "a draft keeps the plan it has");
	reading->event->kind = VCS_PULL_READY;
	return 0;
}

/* ---- reviews ---- */

/* Neither which review nor of what commit: it is looked up. */
static int review_read(struct web_reading *reading)
{
	const char *type = web_text(reading->body, "review.type");
	struct vcs_event *event = reading->event;

	if (str_equal(type, "pull_request_review_approved"))
		event->kind = VCS_APPROVED;
	else if (str_equal(type, "pull_request_review_rejected"))
		event->kind = VCS_CHANGES_REQUESTED;
	else
		return web_ignore(reading, "a review that is only a comment");
	event->is_partial = true;
	return web_read_pull_event(reading);
}

static enum vcs_event_kind review_kind(const json_t *review)
{
	const char *state = web_text(review, "state");
	enum vcs_event_kind kind = str_equal(state, "APPROVED")		 ? VCS_APPROVED
				   : str_equal(state, "REQUEST_CHANGES") ? VCS_CHANGES_REQUESTED
									 : VCS_IGNORED;

	return kind != VCS_IGNORED && json_is_true(web_at(review, "dismissed"))
		       ? VCS_REVIEW_DISMISSED
		       : kind;
}

/* ---- all of them ---- */

static const char talk[] = "a review that is only a comment", labels[] = "no rule looks at labels";

/* Each has a type; some of them share an event, whose name is all that some senders keep. */
static const struct web_topic topics[] = {
	{ "pull_request", "opened", VCS_PULL_OPENED, web_read_pull_event },
	{ "pull_request", "reopened", VCS_PULL_REOPENED, web_read_pull_event },
	{ "pull_request", "closed", VCS_PULL_CLOSED, web_read_closed },
	{ "pull_request", "edited", VCS_PULL_RETARGETED, edited_read },
	{ "pull_request", "synchronized", VCS_PULL_PUSHED, web_read_pull_event },
	{ "pull_request_sync", "synchronized", VCS_PULL_PUSHED, web_read_pull_event },
	{ "pull_request", "label_updated", 0, NULL, labels },
	{ "pull_request", "label_cleared", 0, NULL, labels },
	{ "pull_request_label", NULL, 0, NULL, labels },
	{ "issue_comment", "created", VCS_COMMENT, web_read_comment },
	{ "pull_request_comment", "created", VCS_COMMENT, web_read_comment },
	{ "issue_comment", NULL, 0, NULL, "only new comments count" },
	{ "pull_request_comment", "reviewed", 0, NULL, talk },
	{ "pull_request_comment", NULL, 0, NULL, "only new comments count" },
	{ "pull_request_review_approved", "reviewed", VCS_APPROVED, review_read },
	{ "pull_request_review_rejected", "reviewed", VCS_CHANGES_REQUESTED, review_read },
	{ "pull_request_review_comment", NULL, 0, NULL, talk },
	{ "pull_request_approved", "reviewed", VCS_APPROVED, review_read },
	{ "pull_request_rejected", "reviewed", VCS_CHANGES_REQUESTED, review_read },
	{ "push", NULL, 0, NULL,
		"a push is seen at its pull request, and is also how a webhook is tried" },
	{ NULL },
};

/* What was pushed stands in a text of JSON within the JSON. */
static const char *pusher(const json_t *one, const char *branch, const char *head)
{
	static const char heads[] = "refs/heads/";
	const char *ref = web_text(one, "ref_name"), *content = web_text(one, "content");
	_cleanup_json_ json_t *pushed = NULL;
	struct err ignored; /* then it does not say */

	ref += str_starts(ref, heads) ? strlen(heads) : 0;
	if (!str_equal(web_text(one, "op_type"), "commit_repo") || !str_equal(ref, branch) ||
		jsonx_parse(content, strlen(content), PUSHED_MAX, &pushed, &ignored) < 0)
		return "";
	return str_equal(web_text(pushed, "HeadCommit.Sha1"), head)
		       ? web_text(one, "act_user.login")
		       : "";
}

static const char *merge_style(const json_t *repo)
{
	const char *style = web_text(repo, "default_merge_style");

	return style[0] != '\0' ? style : "merge";
}

static const struct web_signature_header signature_headers[] = { { "X-Forgejo-Signature", "" },
	{ "X-Gitea-Signature", "" }, { "X-Hub-Signature-256", "sha256=" }, { NULL } };
static const char *const topic_headers[] = { "X-Forgejo-Event-Type", "X-Gitea-Event-Type",
	"X-Forgejo-Event", "X-Gitea-Event", NULL };
static const char *const delivery_headers[] = { "X-Forgejo-Delivery", "X-Gitea-Delivery", NULL };
static const char *const headers[] = { "Accept: application/json", NULL };

const struct web_dialect gitea_dialect = { .title = "the host",
	.signature_headers = signature_headers,
	.topic_headers = topic_headers,
	.delivery_headers = delivery_headers,
	.topics = topics,
	.login_is_valid = gitea_login_is_valid,
	.repo_is_valid = gitea_repo_is_valid,
	.pull_more = pull_more,
	.authorization = "token",
	.headers = headers,
	.page_size = "limit=50",
	.comment_list = "",
	.description_bytes_max = 255,
	.review_kind = review_kind,
	.hides_reviews = true,
	.pull_has_tip = true,
	.asks_as_admin = true,
	.branch_contexts = "status_check_contexts",
	.feed = "activities/feeds",
	.pusher = pusher,
	.labels_have_ids = true,
	.issues_of = "state=all&type=issues&created_by=",
	.merge_call = "POST",
	.merge_style_key = "Do",
	.merge_head_key = "head_commit_id",
	.merge_style = merge_style,
	.branch_path = "branches/",
	.branch_oid = "commit.id" };
