/* links: vcs_github model lib */
/* Webhooks of GitHub: real bodies of others translated, forged ones refused, broken ones survived.
 */
#include "tests/lib/cases.h"
#include "tests/lib/hook_cases.h"

#include "orchestrator/lib/codec.h"
#include "vcs/github/github_dialect.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>

#define CORPORA	 "../shared/corpora/"
#define GO_SCM	 CORPORA "go-scm/scm/driver/github/testdata/webhooks/"
#define ATLANTIS CORPORA "atlantis/server/controllers/events/testdata/"
#define PECKER	 CORPORA "woodpecker/server/forge/github/fixtures/"

static const struct web_site site = { .dialect = &github_dialect,
	.host = "github",
	.web_url = "https://github.com",
	.login = "planner" };

/* ---- bodies that others recorded ---- */

static const struct recorded {
	const char *name; /* of the file */
	const char *topic;
	enum vcs_event_kind kind;
	int64_t number;
	const char *repo, *actor, *head;
	bool from_fork;
} recorded[] = {
	{ GO_SCM "pr_opened.json", "pull_request", VCS_PULL_OPENED, 1,
		"bradrydzewski/drone-test-go", "bradrydzewski",
		"d2b75aa7797ec26b088fa2dd527e9d2c052fcedd" },
	{ GO_SCM "pr_sync.json", "pull_request", VCS_PULL_PUSHED, 1, "bradrydzewski/drone-test-go",
		"bradrydzewski", "8102e371cd01cf668893cb2d04a04d52331b1dc9" },
	{ GO_SCM "pr_reopened.json", "pull_request", VCS_PULL_REOPENED, 1,
		"bradrydzewski/drone-test-go", "bradrydzewski",
		"d2b75aa7797ec26b088fa2dd527e9d2c052fcedd" },
	{ GO_SCM "pr_closed.json", "pull_request", VCS_PULL_CLOSED, 1,
		"bradrydzewski/drone-test-go", "bradrydzewski",
		"d2b75aa7797ec26b088fa2dd527e9d2c052fcedd" },
	{ GO_SCM "pr_ready_for_review.json", "pull_request", VCS_PULL_READY, 38,
		"wings-software/meet-git-sync-test", "rathodmeetsatish",
		"212015fb011c49a2913c4a1a860ce07c0821c362" },
	{ GO_SCM "pr_edited.json", "pull_request", VCS_IGNORED },
	{ GO_SCM "pr_labeled.json", "pull_request", VCS_IGNORED },
	{ GO_SCM "pr_unlabeled.json", "pull_request", VCS_IGNORED },
	{ GO_SCM "pr_review_submitted.json", "pull_request_review", VCS_IGNORED },
	{ GO_SCM "pr_review_edited.json", "pull_request_review", VCS_IGNORED },
	{ GO_SCM "check_run.json", "check_run", VCS_IGNORED },
	{ GO_SCM "push.json", "push", VCS_IGNORED },
	{ GO_SCM "push_branch_delete.json", "push", VCS_IGNORED },
	{ GO_SCM "branch_create.json", "create", VCS_IGNORED },
	{ GO_SCM "merge_group_checks_requested.json", "merge_group", VCS_MERGE_GROUP, 2,
		"octocat/Hello-World", "octocat", "" },
	{ GO_SCM "merge_group_destroyed.json", "merge_group", VCS_IGNORED },
	{ GO_SCM "release_created.json", "release", VCS_IGNORED },
	{ GO_SCM "deployment.json", "deployment", VCS_IGNORED },
	{ GO_SCM "status.json", "status", VCS_IGNORED },
	{ PECKER "HookPullRequest.json", "pull_request", VCS_PULL_OPENED, 1,
		"baxterthehacker/public-repo", "octocat",
		"0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c", true },
	{ PECKER "HookPullRequestMerged.json", "pull_request", VCS_PULL_MERGED, 62,
		"anbraten/test-ready-release-go", "anbraten",
		"c88b9ee719285134957cbc698c9b7ef9b78007bf" },
	{ PECKER "HookPullRequestClosed.json", "pull_request", VCS_PULL_CLOSED, 62,
		"anbraten/test-ready-release-go", "anbraten",
		"c88b9ee719285134957cbc698c9b7ef9b78007bf" },
	{ PECKER "HookPullRequestReopened.json", "pull_request", VCS_PULL_REOPENED, 1,
		"6543/test_ci_tmp", "6543", "36b5813240a9d2daa29b05046d56a53e18f39a3e" },
	{ PECKER "HookPullRequestEdited.json", "pull_request", VCS_IGNORED },
	{ PECKER "HookPullRequestAssigneeAdded.json", "pull_request", VCS_IGNORED },
	{ PECKER "HookPushForced.json", "push", VCS_IGNORED },
	{ ATLANTIS "githubPullRequestOpenedEvent.json", "pull_request", VCS_PULL_OPENED, 2,
		"runatlantis/atlantis-tests", "runatlantis",
		"c31fd9ea6f557ad2ea659944c3844a059b83bc5d" },
	{ ATLANTIS "githubPullRequestClosedEvent.json", "pull_request", VCS_PULL_CLOSED, 2,
		"runatlantis/atlantis-tests", "runatlantis",
		"5e2d140b2d74bf61675677f01dc947ae8512e18e" },
	{ ATLANTIS "githubIssueCommentEvent.json", "issue_comment", VCS_COMMENT, 1,
		"runatlantis/atlantis-tests", "runatlantis", "" },
	{ ATLANTIS "githubIssueCommentEvent_notAllowlisted.json", "issue_comment", VCS_IGNORED },
	{ GO_SCM "comment.json", "issue_comment", VCS_COMMENT, 2, "abc/def-ci-webhook-test",
		"lts-def", "" },
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
	if (event.kind == VCS_IGNORED) {
		assert_non_null(event.ignored_why);
		return;
	}
	assert_int_equal(event.number, row->number);
	assert_string_equal(event.repo, row->repo);
	assert_string_equal(event.actor, row->actor);
	assert_string_equal(event.head, row->head);
	assert_int_equal(event.from_fork, row->from_fork);
	assert_true(str_starts(event.clone_url, "https://github.com/"));
	assert_true(event.kind != VCS_COMMENT || (event.is_partial && event.body[0] != '\0'));
}

/* ---- bodies of our own: single quotes stand for double ones ---- */

#define HEAD "0123456789012345678901234567890123456789"
#define REPO "'repository':{'full_name':'acme/infra','clone_url':'https://evil.example/x.git'},"
#define BY   "'sender':{'login':'bob','type':'User'},"
#define SIDES                                                                                      \
	"'head':{'sha':'" HEAD "','ref':'f','repo':{'id':7,'full_name':'acme/infra'}},"            \
	"'base':{'ref':'main','repo':{'id':7,'full_name':'acme/infra'}}"
#define PULL   "'pull_request':{'number':3,'title':'T','user':{'login':'alice'}," SIDES "}"
#define ISSUE  "'issue':{'number':3,'title':'T','pull_request':{}},"
#define REVIEW REPO BY PULL ",'review':{'id':9,'user':{'login':'carol'},'commit_id':'" HEAD "',"
#define CHECK  REPO BY "'check_run':{'external_id':'sluice:3','pull_requests':[]}"

static const struct made {
	const char *name, *topic, *body;
	int result; /* 0 or the code */
	enum vcs_event_kind kind;
	const char *actor;
	bool is_bot;
} made[] = {
	{ "opened", "pull_request", "{'action':'opened'," REPO BY PULL "}", 0, VCS_PULL_OPENED,
		"bob" },
	{ "base changed", "pull_request",
		"{'action':'edited','changes':{'base':{'ref':{'from':'x'}}}," REPO BY PULL "}", 0,
		VCS_PULL_RETARGETED, "bob" },
	{ "title changed", "pull_request",
		"{'action':'edited','changes':{'title':{'from':'x'}}," REPO BY PULL "}", 0,
		VCS_IGNORED },
	{ "to draft", "pull_request", "{'action':'converted_to_draft'," REPO BY PULL "}", 0,
		VCS_IGNORED },
	{ "sender deleted", "pull_request", "{'action':'opened'," REPO "'sender':null," PULL "}", 0,
		VCS_PULL_OPENED, "ghost" },
	{ "sender is an app", "pull_request",
		"{'action':'opened'," REPO "'sender':{'login':'renovate[bot]','type':'Bot'}," PULL
		"}",
		0, VCS_PULL_OPENED, "renovate[bot]", true },
	{ "head of another form", "pull_request",
		"{'action':'opened'," REPO BY
		"'pull_request':{'number':3,'user':null,'head':{'sha':'HEAD'},'base':{'ref':'main'}"
		"}}",
		-ERR_SYNTAX },
	{ "a base that is an option", "pull_request",
		"{'action':'opened'," REPO BY "'pull_request':{'number':3,'head':{'sha':'" HEAD
		"'},'base':{'ref':'--upload-pack=x'}}}",
		-ERR_SYNTAX },
	{ "a number too large", "pull_request",
		"{'action':'opened'," REPO BY
		"'pull_request':{'number':4294967297,'head':{'sha':'" HEAD
		"'},'base':{'ref':'main'}}}",
		-ERR_SYNTAX },
	{ "a number that is text", "pull_request",
		"{'action':'opened'," REPO BY "'pull_request':{'number':'3','head':{'sha':'" HEAD
		"'},'base':{'ref':'main'}}}",
		-ERR_SYNTAX },
	{ "a repository that climbs", "pull_request",
		"{'action':'opened','repository':{'full_name':'../..'}," BY PULL "}", -ERR_SYNTAX },
	{ "no repository", "pull_request", "{'action':'opened'," BY PULL "}", -ERR_SYNTAX },
	{ "a person with a space", "pull_request",
		"{'action':'opened'," REPO "'sender':{'login':'a b'}," PULL "}", -ERR_SYNTAX },
	{ "an action of tomorrow", "pull_request", "{'action':'enqueued'," REPO BY PULL "}", 0,
		VCS_IGNORED },
	{ "an action that is no text", "pull_request", "{'action':5}", 0, VCS_IGNORED },
	{ "a queue waits", "merge_group",
		"{'action':'checks_requested'," REPO BY "'merge_group':{'head_sha':'" HEAD
		"','head_ref':'refs/heads/gh-readonly-queue/a/b/pr-3-" HEAD "'}}",
		0, VCS_MERGE_GROUP, "bob" },
	{ "a queue of nobody", "merge_group",
		"{'action':'checks_requested'," REPO BY "'merge_group':{'head_sha':'" HEAD
		"','head_ref':'refs/heads/x/pr-3-1'}}",
		0, VCS_IGNORED },
	{ "a queue without a commit", "merge_group",
		"{'action':'checks_requested'," REPO BY
		"'merge_group':{'head_ref':'refs/heads/gh-readonly-queue/a/pr-3-1'}}",
		-ERR_SYNTAX },
	{ "a queue's number too large", "merge_group",
		"{'action':'checks_requested'," REPO BY "'merge_group':{'head_sha':'" HEAD
		"','head_ref':'refs/heads/gh-readonly-queue/a/pr-99999999999-1'}}",
		0, VCS_IGNORED },
	{ "a queue that is gone", "merge_group", "{'action':'destroyed'}", 0, VCS_IGNORED },
	{ "comment", "issue_comment",
		"{'action':'created'," REPO ISSUE
		"'comment':{'id':5,'body':'plan','user':{'login':'bob'}}}",
		0, VCS_COMMENT, "bob" },
	{ "comment of ours", "issue_comment",
		"{'action':'created'," REPO ISSUE
		"'comment':{'id':5,'body':'plan','user':{'login':'Planner','type':'User'}}}",
		0, VCS_COMMENT, "Planner", true },
	{ "comment on an issue", "issue_comment",
		"{'action':'created'," REPO
		"'issue':{'number':3},'comment':{'id':5,'body':'x','user':null}}",
		0, VCS_IGNORED },
	{ "comment edited", "issue_comment", "{'action':'edited'," REPO ISSUE "'comment':{}}", 0,
		VCS_IGNORED },
	{ "comment without a number", "issue_comment",
		"{'action':'created'," REPO ISSUE "'comment':{'body':'x','user':null}}",
		-ERR_SYNTAX },
	{ "approved", "pull_request_review", "{'action':'submitted'," REVIEW "'state':'approved'}}",
		0, VCS_APPROVED, "carol" },
	{ "approved in capitals", "pull_request_review",
		"{'action':'submitted'," REVIEW "'state':'APPROVED'}}", 0, VCS_APPROVED, "carol" },
	{ "changes requested", "pull_request_review",
		"{'action':'submitted'," REVIEW "'state':'changes_requested'}}", 0,
		VCS_CHANGES_REQUESTED, "carol" },
	{ "only commented", "pull_request_review",
		"{'action':'submitted'," REVIEW "'state':'commented'}}", 0, VCS_IGNORED },
	{ "dismissed", "pull_request_review",
		"{'action':'dismissed'," REVIEW "'state':'dismissed'}}", 0, VCS_REVIEW_DISMISSED,
		"carol" },
	{ "asked again by our mark", "check_run", "{'action':'rerequested'," CHECK "}", 0,
		VCS_RERUN, "bob" },
	{ "button", "check_run",
		"{'action':'requested_action','requested_action':{'identifier':'plan'}," CHECK "}",
		0, VCS_RERUN, "bob" },
	{ "button of others", "check_run",
		"{'action':'requested_action','requested_action':{'identifier':'x'}," CHECK "}", 0,
		VCS_IGNORED },
	{ "suite asked again", "check_suite",
		"{'action':'rerequested'," REPO BY
		"'check_suite':{'pull_requests':[{'number':3}]}}",
		0, VCS_RERUN, "bob" },
	{ "suite of no pull request", "check_suite",
		"{'action':'rerequested'," REPO BY "'check_suite':{'pull_requests':[]}}", 0,
		VCS_IGNORED },
	{ "ping", "ping", "{'zen':'x'}", 0, VCS_PING },
	{ "installation", "installation", "{'action':'created'}", 0, VCS_IGNORED },
	{ "an event of tomorrow", "hologram", "{}", 0, VCS_IGNORED },
	{ "no topic", "", "{}", -ERR_SYNTAX },
	{ "no object", "ping", "[]", -ERR_SYNTAX },
	{ "no JSON", "ping", "x", -ERR_SYNTAX },
	{ "nothing", "ping", "", -ERR_SYNTAX },
	{ "a form", "ping", "payload=%7B%27zen%27%3A%27a+b%27%7D&x=y", 0, VCS_PING },
	{ "a form of an event", "pull_request", "payload={'action':'opened'," REPO BY PULL "}", 0,
		VCS_PULL_OPENED, "bob" },
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
	if (event.kind == VCS_IGNORED || event.kind == VCS_PING)
		return;
	assert_string_equal(event.actor, row->actor);
	assert_int_equal(event.actor_is_bot, row->is_bot);
	assert_false(event.actor_may_write);
	assert_int_equal(event.number, 3);
	assert_string_equal(event.repo, "acme/infra");
	assert_string_equal(event.clone_url, "https://github.com/acme/infra.git");
	if (event.kind == VCS_APPROVED)
		assert_string_equal(event.review_head, HEAD);
	if (event.head[0] != '\0')
		assert_string_equal(event.head_ref, "refs/pull/3/head");
	assert_int_equal(event.is_partial, event.kind == VCS_COMMENT || event.kind == VCS_RERUN ||
						   event.kind == VCS_APPROVED ||
						   event.kind == VCS_CHANGES_REQUESTED);
}

static const struct fork {
	const char *name, *head, *base;
	bool is_fork;
} forks[] = {
	{ "the same", "{'id':7,'full_name':'a/b'}", "{'id':7,'full_name':'a/b'}", false },
	{ "renamed meanwhile", "{'id':7,'full_name':'a/c'}", "{'id':7,'full_name':'a/b'}", false },
	{ "another", "{'id':8,'full_name':'a/b'}", "{'id':7,'full_name':'a/b'}", true },
	{ "deleted", "null", "{'id':7,'full_name':'a/b'}", true },
	{ "without numbers", "{'full_name':'x/b'}", "{'full_name':'a/b'}", true },
	{ "without anything", "{}", "{}", true },
};

static void forks_told(void **state)
{
	const struct fork *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *text = mem_printf(
		"{'action':'opened'," REPO BY
		"'pull_request':{'number':3,'draft':true,'head':{'sha':'" HEAD
		"','repo':%s},'base':{'ref':'main','repo':%s}}}",
		row->head, row->base);
	_cleanup_free_ char *body = hook_quoted(text);
	struct vcs_event event;
	struct err err;

	assert_ok(web_event_read(&site, "pull_request", body, strlen(body), &arena, &event, &err),
		&err);
	assert_int_equal(event.from_fork, row->is_fork);
	assert_true(event.is_draft);
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

			if (web_event_read(&site, made[row].topic, body, i, &arena, &event, &err) ==
				0)
				assert_true(body[0] == 'p');
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

/* ---- signatures ---- */

static const struct signing {
	const char *name, *secret, *body, *signature;
	bool fits;
} signings[] = {
	/* GitHub's own example */
	{ "documented", "It's a Secret to Everybody", "Hello, World!",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", true },
	{ "digits in capitals", "It's a Secret to Everybody", "Hello, World!",
		"sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", true },
	{ "another body", "It's a Secret to Everybody", "Hello, World?",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false },
	{ "another secret", "It's a secret to Everybody", "Hello, World!",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false },
	{ "without its name", "It's a Secret to Everybody", "Hello, World!",
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false },
	{ "the older one", "It's a Secret to Everybody", "Hello, World!",
		"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", false },
	{ "too long", "It's a Secret to Everybody", "Hello, World!",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1700",
		false },
	{ "no digits", "It's a Secret to Everybody", "Hello, World!",
		"sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false },
	{ "empty", "It's a Secret to Everybody", "Hello, World!", "", false },
	{ "absent", "It's a Secret to Everybody", "Hello, World!", NULL, false },
};

static void signatures(void **state)
{
	const struct signing *row = *state;
	const char *alone[] = { row->secret, NULL }, *last[] = { "older one", row->secret, NULL };
	const char *first[] = { row->secret, "newer one", NULL }, *none[] = { NULL };
	const char *const *sets[] = { alone, last, first };
	struct err err;

	for (size_t i = 0; i < countof(sets); i++)
		assert_int_equal(web_event_verify(sets[i], &github_dialect.signature_headers[0],
					 row->signature, row->body, strlen(row->body), &err),
			row->fits ? 0 : -ERR_REFUSED);
	assert_int_equal(web_event_verify(none, &github_dialect.signature_headers[0],
				 row->signature, row->body, strlen(row->body), &err),
		-ERR_REFUSED);
}

/* ---- names ---- */

static void names(void **state)
{
	static const char *const logins[] = { "octocat", "a", "renovate[bot]", "who_acme", "x-1" };
	static const char *const no_logins[] = { "", "a b", "-x", "[bot]", "a[bot]b", "a/b", "@a",
		"\xc3\xa4", "a\nb" };
	static const char *const repos[] = { "acme/infra", "a-b/c.d_e", "who_acme/x", "a/.github" };
	static const char *const no_repos[] = { "", "a", "a/", "/a", "a/b/c", "a/..", "a/.",
		"a/b.git", "a/b c", "../b", "-a/b", "a/b?x", "a/b%2f" };
	static const char *const refs[] = { "main", "a/b", "feature-1", "a;b", "$(id)", "x.y" };
	static const char *const no_refs[] = { "", "-x", "/x", "x/", "x.", ".x", "a..b", "a b",
		"a~b", "a:b", "a//b", "a/.b", "@{1}", "a\x7f", "\xff" };

	(void)state;
	for (size_t i = 0; i < countof(logins); i++)
		assert_true(web_login_is_valid(logins[i]));
	for (size_t i = 0; i < countof(no_logins); i++)
		assert_false(web_login_is_valid(no_logins[i]));
	for (size_t i = 0; i < countof(repos); i++)
		assert_true(web_repo_is_valid(repos[i]));
	for (size_t i = 0; i < countof(no_repos); i++)
		assert_false(web_repo_is_valid(no_repos[i]));
	for (size_t i = 0; i < countof(refs); i++)
		assert_true(web_ref_is_valid(refs[i]));
	for (size_t i = 0; i < countof(no_refs); i++)
		assert_false(web_ref_is_valid(no_refs[i]));
	assert_true(web_id_is_valid("2948572910"));
	assert_false(web_id_is_valid("") || web_id_is_valid("1/2") ||
		     web_id_is_valid("12345678901234567890"));
}

int main(int argc, char **argv)
{
	CASES(recorded, recorded_bodies);
	CASES(made, made_bodies);
	CASES(forks, forks_told);
	CASE(survives_broken_bytes);
	CASES(signings, signatures);
	CASE(names);
	return cases_run(argc, argv);
}
