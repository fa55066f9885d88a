/* links: vcs_gitea vcs_github model lib */
/* Webhooks of Gitea and Forgejo: real bodies of others translated, forged ones refused, broken ones
 * survived. */
#include "tests/lib/cases.h"
#include "tests/lib/hook_cases.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/web/web_event.h"
#include <string.h>

#define CORPORA "../shared/corpora/"
#define GO_SCM	CORPORA "go-scm/scm/driver/gitea/testdata/webhooks/"
#define GITEA	CORPORA "woodpecker/server/forge/gitea/fixtures/"
#define FORGEJO CORPORA "woodpecker/server/forge/forgejo/fixtures/"

static const struct web_site site = { .dialect = &gitea_dialect,
	.host = "code.acme.test",
	.web_url = "https://code.acme.test/git",
	.login = "planner" };

/* ---- bodies that others recorded ---- */

static const struct recorded {
	const char *name, *topic;
	enum vcs_event_kind kind;
	int64_t number;
	const char *repo, *actor, *head;
} recorded[] = {
	{ GO_SCM "pull_request_opened.json", "pull_request", VCS_PULL_OPENED, 1, "jcitizen/my-repo",
		"jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_synchronized.json", "pull_request_sync", VCS_PULL_PUSHED, 1,
		"jcitizen/my-repo", "jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_reopened.json", "pull_request", VCS_PULL_REOPENED, 1,
		"jcitizen/my-repo", "jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_closed.json", "pull_request", VCS_PULL_CLOSED, 1, "jcitizen/my-repo",
		"jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_merged.json", "pull_request", VCS_PULL_MERGED, 1, "jcitizen/my-repo",
		"jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_edited.json", "pull_request", VCS_PULL_READY, 1, "jcitizen/my-repo",
		"jcitizen", "2eba238e33607c1fa49253182e9fff42baafa1eb" },
	{ GO_SCM "pull_request_comment_created.json", "pull_request_comment", VCS_COMMENT, 2,
		"gogits/hello-world",
		"unkn"
		"won",
		"" },
	{ GO_SCM "pull_request_comment_edited.json", "pull_request_comment", VCS_IGNORED },
	{ GO_SCM "pull_request_comment_deleted.json", "pull_request_comment", VCS_IGNORED },
	{ GO_SCM "issue_comment_created.json", "issue_comment", VCS_IGNORED },
	{ GO_SCM "issues_opened.json", "issues", VCS_IGNORED },
	{ GO_SCM "push.json", "push", VCS_IGNORED },
	{ GO_SCM "branch_create.json", "create", VCS_IGNORED },
	{ GO_SCM "tag_delete.json", "delete", VCS_IGNORED },
	{ GITEA "HookPullRequestReviewAck.json", "pull_request_review_approved", VCS_APPROVED, 7,
		"a_nice_user/hello_world_ci", "a_nice_user",
		"07977177c2cd7d46bad37b8472a9d50e7acb9d1f" },
	{ GITEA "HookPullRequestReviewDeny.json", "pull_request_review_rejected",
		VCS_CHANGES_REQUESTED, 7, "a_nice_user/hello_world_ci", "a_nice_user",
		"07977177c2cd7d46bad37b8472a9d50e7acb9d1f" },
	{ GITEA "HookPullRequestReviewComment.json", "pull_request_review_comment", VCS_IGNORED },
	{ GITEA "HookPullRequestUpdated.json", "pull_request_sync", VCS_PULL_PUSHED, 2,
		"Test-CI/multi-line-secrets", "test", "788ed8d02d3b7fcfcf6386dbcbca696aa1d4dc25" },
	{ GITEA "HookPullRequestChangeBody.json", "pull_request", VCS_IGNORED },
	{ GITEA "HookPullRequestChangeLabel.json", "pull_request_label", VCS_IGNORED },
	{ GITEA "HookPullRequestAddReviewRequest.json", "pull_request_review_request",
		VCS_IGNORED },
	{ GITEA "HookPullRequestAddMile.json", "pull_request_milestone", VCS_IGNORED },
	{ FORGEJO "HookPullRequestReopened.json", "pull_request", VCS_PULL_REOPENED, 1,
		"test_it/test_ci_thing", "6543", "36b5813240a9d2daa29b05046d56a53e18f39a3e" },
	{ FORGEJO "HookPullRequestMerged.json", "pull_request", VCS_PULL_MERGED, 1,
		"anbraten/test-repo", "anbraten", "d555a5dd07f4d0148a58d4686ec381502ae6a2d4" },
	{ FORGEJO "HookPullRequestLabelsCleared.json", "pull_request_label", VCS_IGNORED },
	{ FORGEJO "HookPullRequestAssigneesAdded.json", "pull_request_assign", VCS_IGNORED },
};

static void recorded_bodies(void **state)
{
	const struct recorded *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct vcs_event event;
	struct err err;
	size_t length = 0;
	_cleanup_free_ char *text = hook_file(row->name, &length);

	assert_ok(web_event_read(&site, row->topic, text, length, &arena, &event, &err), &err);
	assert_int_equal(event.kind, row->kind);
	if (event.kind == VCS_IGNORED)
		return;
	assert_int_equal(event.number, row->number);
	assert_string_equal(event.repo, row->repo);
	assert_string_equal(event.actor, row->actor);
	assert_string_equal(event.head, row->head);
	assert_false(event.from_fork);
	assert_true(str_starts(event.clone_url, "https://code.acme.test/git/"));
	assert_true(event.kind != VCS_COMMENT || (event.is_partial && event.body[0] != '\0'));
}

/* ---- bodies of our own ---- */

#define HEAD "0123456789012345678901234567890123456789"
#define REPO                                                                                       \
	"'repository':{'full_name':'acme/infra','clone_url':'https://evil.example/x.git'},"        \
	"'sender':{'login':'bob.b','id':5}"
#define PULL_OF(title, more, side)                                                                 \
	"'pull_request':{'number':3,'title':'" title "','user':{'login':'alice'}," more            \
	"'head':{" side ",'sha':'" HEAD "','repo':{'id':7,'full_name':'acme/infra'}},"             \
	"'base':{'ref':'main','repo':{'id':7,'full_name':'acme/infra'}}},"
#define PULL	PULL_OF("T", "", "'label':'f','ref':'f'")
#define COMMENT "'comment':{'id':5,'body':'plan','user':{'login':'bob.b'}},"

static const struct made {
	const char *name, *topic, *body;
	int result; /* 0 or the code */
	enum vcs_event_kind kind;
	bool from_fork, is_draft;
} made[] = {
	{ "opened", "pull_request", "{'action':'opened'," PULL REPO "}", 0, VCS_PULL_OPENED },
	{ "pushed", "pull_request", "{'action':'synchronized'," PULL REPO "}", 0, VCS_PULL_PUSHED },
	{ "the word of GitHub", "pull_request", "{'action':'synchronize'," PULL REPO "}", 0,
		VCS_IGNORED },
	{ "a draft by its title", "pull_request",
		"{'action':'opened'," PULL_OF("wip: T", "", "'label':'f','ref':'f'") REPO "}", 0,
		VCS_PULL_OPENED, false, true },
	{ "a draft in brackets", "pull_request",
		"{'action':'opened'," PULL_OF("[WIP] T", "", "'label':'f','ref':'f'") REPO "}", 0,
		VCS_PULL_OPENED, false, true },
	{ "a draft in the words of the server", "pull_request",
		"{'action':'opened'," PULL_OF("Draft: T", "'draft':true,", "'label':'f','ref':'f'")
			REPO "}",
		0, VCS_PULL_OPENED, false, true },
	{ "no draft in the words of the server", "pull_request",
		"{'action':'opened'," PULL_OF("WIP: T", "'draft':false,", "'label':'f','ref':'f'")
			REPO "}",
		0, VCS_PULL_OPENED },
	{ "pushed to refs/for", "pull_request",
		"{'action':'opened'," PULL_OF("T", "", "'label':'','ref':'refs/pull/3/head'") REPO
		"}",
		0, VCS_PULL_OPENED, true },
	{ "pushed to refs/for, by its flow", "pull_request",
		"{'action':'opened'," PULL_OF("T", "'flow':1,", "'label':'f','ref':'f'") REPO "}",
		0, VCS_PULL_OPENED, true },
	{ "ready", "pull_request",
		"{'action':'edited','changes':{'title':{'from':'WIP: T'}}," PULL REPO "}", 0,
		VCS_PULL_READY },
	{ "to draft", "pull_request",
		"{'action':'edited','changes':{'title':{'from':'T'}}," PULL_OF(
			"WIP: T", "", "'label':'f','ref':'f'") REPO "}",
		0, VCS_IGNORED },
	{ "base changed", "pull_request",
		"{'action':'edited','changes':{'ref':{'from':'x'}}," PULL REPO "}", 0,
		VCS_PULL_RETARGETED },
	{ "text changed", "pull_request",
		"{'action':'edited','changes':{'body':{'from':'x'}}," PULL REPO "}", 0,
		VCS_IGNORED },
	{ "comment", "issue_comment",
		"{'action':'created'," COMMENT "'issue':{'number':3,'pull_request':{}}," REPO "}",
		0, VCS_COMMENT },
	{ "comment by its type", "pull_request_comment",
		"{'action':'created','is_pull':true," COMMENT "'issue':{'number':3}," REPO "}", 0,
		VCS_COMMENT },
	{ "comment on an issue", "issue_comment",
		"{'action':'created','is_pull':false," COMMENT
		"'issue':{'number':3,'pull_request':null}," REPO "}",
		0, VCS_IGNORED },
	{ "approved", "pull_request_review_approved",
		"{'action':'reviewed','review':{'type':'pull_request_review_approved'}," PULL REPO
		"}",
		0, VCS_APPROVED },
	{ "rejected, by its event", "pull_request_rejected",
		"{'action':'reviewed','review':{'type':'pull_request_review_rejected'}," PULL REPO
		"}",
		0, VCS_CHANGES_REQUESTED },
	/* what is signed holds, the header is not */
	{ "rejected under the name of an approval", "pull_request_review_approved",
		"{'action':'reviewed','review':{'type':'pull_request_review_rejected'}," PULL REPO
		"}",
		0, VCS_CHANGES_REQUESTED },
	{ "talk under the name of an approval", "pull_request_review_approved",
		"{'action':'reviewed','review':{'type':'pull_request_review_comment'}," PULL REPO
		"}",
		0, VCS_IGNORED },
	{ "opened under the name of an approval", "pull_request_review_approved",
		"{'action':'opened'," PULL REPO "}", 0, VCS_IGNORED },
	{ "approved without a type", "pull_request_approved",
		"{'action':'reviewed','review':null," PULL REPO "}", 0, VCS_IGNORED },
	{ "a repository that climbs", "pull_request",
		"{'action':'opened'," PULL
		"'repository':{'full_name':'a/../b'},'sender':{'login':'x'}}",
		-ERR_SYNTAX },
	{ "a person with a slash", "pull_request",
		"{'action':'opened'," PULL
		"'repository':{'full_name':'a/b'},'sender':{'login':'x/y'}}",
		-ERR_SYNTAX },
	{ "without its pull request", "pull_request", "{'action':'opened'," REPO "}", -ERR_SYNTAX },
	{ "no topic", "", "{}", -ERR_SYNTAX },
	{ "no object", "push", "[]", -ERR_SYNTAX },
	{ "no JSON", "push", "x", -ERR_SYNTAX },
	{ "an event of tomorrow", "hologram", "{}", 0, VCS_IGNORED },
};

static void made_bodies(void **state)
{
	const struct made *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *body = hook_quoted(row->body);
	struct vcs_event event;
	struct err err = { 0 };
	int r = web_event_read(&site, row->topic, body, strlen(body), &arena, &event, &err);

	if (r != row->result)
		fail_msg("%d %s", r, err.text);
	if (r < 0)
		return;
	assert_int_equal(event.kind, row->kind);
	if (event.kind == VCS_IGNORED)
		return;
	assert_string_equal(event.actor, "bob.b");
	assert_false(event.actor_may_write || event.actor_is_bot);
	assert_int_equal(event.number, 3);
	assert_string_equal(event.clone_url, "https://code.acme.test/git/acme/infra.git");
	assert_int_equal(event.from_fork, row->from_fork);
	assert_int_equal(event.is_draft, row->is_draft);
	assert_string_equal(event.head, event.kind == VCS_COMMENT ? "" : HEAD);
	assert_int_equal(event.is_partial, event.kind == VCS_COMMENT ||
						   event.kind == VCS_APPROVED ||
						   event.kind == VCS_CHANGES_REQUESTED);
	if (event.kind == VCS_APPROVED) { /* which one, and of what, is looked up */
		assert_string_equal(event.comment_id, "");
		assert_string_equal(event.review_head, "");
	}
}

/* No prefix and no changed byte of a good event does harm. */
static void survives_broken_bytes(void **state)
{
	(void)state;
	for (size_t row = 0; row < countof(made); row += 3) {
		_cleanup_free_ char *body = hook_quoted(made[row].body);
		size_t length = strlen(body);

		for (size_t i = 0; i < length; i++) {
			struct arena arena = { 0 };
			struct vcs_event event = { 0 };
			struct err err;
			char kept = body[i];

			assert_true(web_event_read(&site, made[row].topic, body, i, &arena, &event,
					    &err) < 0);
			for (size_t k = 0; k < 8; k++) {
				body[i] = "\"{}[\\\xff\n9"[k];
				if (web_event_read(&site, made[row].topic, body, length, &arena,
					    &event, &err) == 0)
					assert_true(event.kind < VCS_EVENT_KIND_MAX);
			}
			body[i] = kept;
			arena_release(&arena);
		}
	}
}

/* ---- reviews in a list ---- */

static const struct review {
	const char *name, *body;
	enum vcs_event_kind kind;
} reviews[] = {
	{ "approved", "{'state':'APPROVED','stale':false}", VCS_APPROVED },
	{ "rejected", "{'state':'REQUEST_CHANGES'}", VCS_CHANGES_REQUESTED },
	{ "dismissed", "{'state':'APPROVED','dismissed':true}", VCS_REVIEW_DISMISSED },
	{ "a rejection dismissed", "{'state':'REQUEST_CHANGES','dismissed':true}",
		VCS_REVIEW_DISMISSED },
	{ "talk", "{'state':'COMMENT'}", VCS_IGNORED },
	{ "talk dismissed", "{'state':'COMMENT','dismissed':true}", VCS_IGNORED },
	{ "not yet sent", "{'state':'PENDING'}", VCS_IGNORED },
	{ "asked for", "{'state':'REQUEST_REVIEW'}", VCS_IGNORED },
	{ "of no state", "{'state':1}", VCS_IGNORED },
};

static void reviews_told(void **state)
{
	const struct review *row = *state;
	_cleanup_free_ char *body = hook_quoted(row->body);
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	assert_ok(jsonx_parse(body, strlen(body), 4096, &json, &err), &err);
	assert_int_equal(gitea_dialect.review_kind(json), row->kind);
}

/* ---- signatures: with and without the name of the hash before it ---- */

static void signatures(void **state)
{
	static const char digits[] =
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
	static const char *const secrets[] = { "older one", "It's a Secret to Everybody", NULL };
	static const char body[] = "Hello, World!";
	const struct web_signature_header *header = gitea_dialect.signature_headers;
	struct err err;

	(void)state;
	for (; header->name != NULL; header++) {
		_cleanup_free_ char *good = mem_printf("%s%s", header->prefix, digits);
		_cleanup_free_ char *longer = mem_printf("%s00", good);

		assert_ok(web_event_verify(secrets, header, good, body, strlen(body), &err), &err);
		assert_int_equal(
			web_event_verify(secrets, header, longer, body, strlen(body), &err),
			-ERR_REFUSED);
		assert_int_equal(
			web_event_verify(secrets, header, good, body, strlen(body) - 1, &err),
			-ERR_REFUSED);
		assert_int_equal(web_event_verify(secrets, header, "", body, strlen(body), &err),
			-ERR_REFUSED);
		assert_int_equal(
			web_event_verify(secrets + 2, header, good, body, strlen(body), &err),
			-ERR_REFUSED);
	}
}

/* ---- names ---- */

static void names(void **state)
{
	static const char *const logins[] = { "alice", "first.last", "6543", "a_b-c" };
	static const char *const no_logins[] = { "", "a b", "-x", ".x", "a..b", "a/b", "@a",
		"\xc3\xa4", "a\nb", "a%2fb" };
	static const char *const repos[] = { "acme/infra", "first.last/x", "a-b/c.d_e", "a/.x" };
	static const char *const no_repos[] = { "", "a", "a/", "/a", "a/b/c", "a/..", "a/.",
		"a/b.git", "a/b c", "../b", "./b", "-a/b", "a/b?x", "a/b%2f" };

	(void)state;
	for (size_t i = 0; i < countof(logins); i++)
		assert_true(gitea_login_is_valid(logins[i]));
	for (size_t i = 0; i < countof(no_logins); i++)
		assert_false(gitea_login_is_valid(no_logins[i]));
	for (size_t i = 0; i < countof(repos); i++)
		assert_true(gitea_repo_is_valid(repos[i]));
	for (size_t i = 0; i < countof(no_repos); i++)
		assert_false(gitea_repo_is_valid(no_repos[i]));
}

int main(int argc, char **argv)
{
	CASES(recorded, recorded_bodies);
	CASES(made, made_bodies);
	CASE(survives_broken_bytes);
	CASES(reviews, reviews_told);
	CASE(signatures);
	CASE(names);
	return cases_run(argc, argv);
}
