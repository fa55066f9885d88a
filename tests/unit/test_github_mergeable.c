/* links: vcs_github model lib */
/* Mergeable but for our own statuses: recorded answers of GitHub with the verdict each must give,
 * and answers of ours for what the recorded ones do not show. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "vcs/github/github_mergeable.h"
#include <string.h>

#define RECORDED                                                                                   \
	"../shared/corpora/atlantis/server/events/vcs/github/testdata/pull-request-mergeability/"

static const struct recorded_case {
	const char *name;
	bool is_yes;
	const char *why;
} recorded_cases[] = {
	{ "branch-protection-expected", false, "my-required-expected-check has not reported" },
	{ "branch-protection-failed", false, "my-required-expected-check is not green" },
	{ "branch-protection-passed", true, "" },
	{ "ruleset-atlantis-apply-expected", true, "" },
	{ "ruleset-atlantis-apply-pending", true, "" },
	{ "ruleset-check-expected", false, "my-required-expected-check has not reported" },
	{ "ruleset-check-failed-other-atlantis", false, "other-atlantis/apply is not green" },
	{ "ruleset-check-failed", false, "my-required-expected-check is not green" },
	{ "ruleset-check-neutral", true, "" },
	{ "ruleset-check-passed", true, "" },
	{ "ruleset-check-pending-other-atlantis", false, "other-atlantis/apply is not green" },
	{ "ruleset-check-pending", false, "my-required-expected-check is not green" },
	{ "ruleset-check-skipped", true, "" },
	{ "ruleset-evaluate-workflow-failed", true, "" },
	{ "ruleset-optional-check-failed", true, "" },
	{ "ruleset-optional-status-failed", true, "" },
	{ "ruleset-required-reviewer-approved", true, "" },
	{ "ruleset-required-reviewer-pending", false, "wants more approving reviews" },
	{ "ruleset-workflow-expected", false, "my-required-workflow.yaml has not run" },
	{ "ruleset-workflow-failed-first-check-successful", false, "is not green" },
	{ "ruleset-workflow-failed", false, "my-required-workflow.yaml is not green" },
	{ "ruleset-workflow-passed-multiple-runs", true, "" },
	{ "ruleset-workflow-passed-sha-match", true, "" },
	{ "ruleset-workflow-passed-sha-mismatch", false, "has not run" },
	{ "ruleset-workflow-passed-with-global-codeql", true, "" },
	{ "ruleset-workflow-passed", true, "" },
};

static json_t *recorded(const char *name)
{
	_cleanup_free_ char *path = mem_printf(RECORDED "%s.json", name);
	json_t *json = json_load_file(path, 0, NULL);

	if (json == NULL)
		cases_skip("corpora absent");
	return json;
}

static void recorded_answers(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct recorded_case *row = *state;
	_cleanup_json_ json_t *answer = recorded(row->name), *ids = json_object(), *repo = NULL;
	struct github_mergeable verdict;
	struct err err;

	assert_ok(github_mergeable_read(answer, "atlantis", ids, &arena, &verdict, &err), &err);
	if (verdict.needs_repo != NULL) {
		assert_string_equal(verdict.needs_repo, "runatlantis/atlantis");
		repo = recorded("repository-id"); /* the 27th */
		json_object_set(ids, verdict.needs_repo,
			json_object_get(
				json_object_get(json_object_get(repo, "data"), "repository"),
				"databaseId"));
		assert_ok(github_mergeable_read(answer, "atlantis", ids, &arena, &verdict, &err),
			&err);
	}
	assert_contains(verdict.why, row->why);
	assert_int_equal(verdict.is_yes, row->is_yes);
	assert_int_equal(verdict.why[0] == '\0', row->is_yes);
}

#define OTHER "{\"context\":\"ci\",\"state\":\"SUCCESS\",\"isRequired\":true}"
#define OURS  "{\"context\":\"sluice/apply\",\"state\":\"PENDING\",\"isRequired\":true}"

static const struct made_case {
	const char *name, *members, *checks;
	const char *why; /* "": yes; "?": not yet known */
} made_cases[] = {
	{ "all is well", "\"mergeable\":\"MERGEABLE\",\"mergeStateStatus\":\"CLEAN\"", OTHER, "" },
	{ "ours alone blocks", "\"mergeStateStatus\":\"BLOCKED\"", OTHER "," OURS, "" },
	{ "blocked by nothing that is shown", "\"mergeStateStatus\":\"BLOCKED\"", OTHER,
		"another rule" },
	{ "conflict", "\"mergeable\":\"CONFLICTING\"", "", "conflicts" },
	{ "behind", "\"mergeStateStatus\":\"BEHIND\"", "", "behind its base" },
	{ "draft", "\"isDraft\":true", "", "draft" },
	{ "closed", "\"state\":\"CLOSED\"", "", "not open" },
	{ "review missing", "\"reviewDecision\":\"REVIEW_REQUIRED\"", "", "wants a review" },
	{ "changes wanted", "\"reviewDecision\":\"CHANGES_REQUESTED\"", "", "asked for changes" },
	{ "a decision of tomorrow", "\"reviewDecision\":\"PONDERING\"", "", "wants a review" },
	{ "approved", "\"reviewDecision\":\"APPROVED\"", "", "" },
	{ "not yet known", "\"mergeable\":\"UNKNOWN\"", OTHER, "?" },
	{ "not yet known, and no in any case", "\"mergeable\":\"UNKNOWN\",\"isDraft\":true", "",
		"draft" },
	{ "a check of tomorrow", "\"state\":\"OPEN\"",
		"{\"name\":\"ci\",\"conclusion\":\"GREENISH\",\"isRequired\":true}",
		"ci is not green" },
	{ "a check that runs", "\"state\":\"OPEN\"",
		"{\"name\":\"ci\",\"conclusion\":null,\"isRequired\":true}", "ci is not green" },
	{ "one of two of that name is red", "\"state\":\"OPEN\"",
		OTHER ",{\"context\":\"ci\",\"state\":\"ERROR\",\"isRequired\":true}",
		"ci is not green" },
	{ "a name that begins like ours", "\"state\":\"OPEN\"",
		"{\"context\":\"sluice-other/apply\",\"state\":\"PENDING\",\"isRequired\":true}",
		"sluice-other/apply is not green" },
	{ "a name that only looks like ours", "\"state\":\"OPEN\"",
		"{\"context\":\"sluice-apply\",\"state\":\"PENDING\",\"isRequired\":true}",
		"sluice-apply is not green" },
};

static json_t *made(const char *members, const char *checks, bool more)
{
	_cleanup_free_ char *text = mem_printf(
		"{\"data\":{\"repository\":{\"pullRequest\":{%s,\"baseRef\":{\"rules\":{\"nodes\":"
		"[],\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":\"R\"}}},\"commits\":"
		"{\"nodes\":[{\"commit\":{\"statusCheckRollup\":{\"contexts\":{\"nodes\":[%s],"
		"\"pageInfo\":{\"hasNextPage\":%s,\"endCursor\":\"C\"}}}}}]}}}}}",
		members, checks, more ? "true" : "false");
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	return json;
}

static void made_answers(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct made_case *row = *state;
	_cleanup_json_ json_t *answer = made(row->members, row->checks, false);
	struct github_mergeable verdict;
	struct err err;

	assert_ok(github_mergeable_read(answer, "sluice", NULL, &arena, &verdict, &err), &err);
	assert_int_equal(verdict.is_yes, row->why[0] == '\0');
	assert_int_equal(verdict.is_unknown && verdict.why[0] == '\0', row->why[0] == '?');
	if (row->why[0] != '?')
		assert_contains(verdict.why, row->why);
}

/* The red one stands on the second page. */
static void pages_are_joined(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *first = made("\"state\":\"OPEN\"", OTHER, true);
	_cleanup_json_ json_t *second = made("\"state\":\"OPEN\"",
		"{\"name\":\"late\",\"conclusion\":\"FAILURE\",\"isRequired\":true}", false);
	const char *rules = NULL, *checks = NULL;
	struct github_mergeable verdict;
	struct err err;

	(void)state;
	assert_true(github_mergeable_next(first, &rules, &checks));
	assert_string_equal(rules, "R");
	assert_string_equal(checks, "C");
	github_mergeable_join(first, second);
	assert_false(github_mergeable_next(first, &rules, &checks));
	assert_ok(github_mergeable_read(first, "sluice", NULL, &arena, &verdict, &err), &err);
	assert_contains(verdict.why, "late is not green");
}

static const struct broken_case {
	const char *name, *text;
} broken_cases[] = {
	{ "nothing", "{}" },
	{ "no pull request", "{\"data\":{\"repository\":{\"pullRequest\":null}}}" },
	{ "no base",
		"{\"data\":{\"repository\":{\"pullRequest\":{\"commits\":{\"nodes\":[{}]}}}}}" },
	{ "no commit", "{\"data\":{\"repository\":{\"pullRequest\":{\"baseRef\":{}}}}}" },
};

static void broken_answers(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct broken_case *row = *state;
	_cleanup_json_ json_t *answer = json_loads(row->text, 0, NULL);
	struct github_mergeable verdict;
	struct err err;

	assert_err(github_mergeable_read(answer, "sluice", NULL, &arena, &verdict, &err), &err,
		ERR_SYNTAX, "does not describe");
	assert_false(verdict.is_yes);
}

int main(int argc, char **argv)
{
	CASES(recorded_cases, recorded_answers);
	CASES(made_cases, made_answers);
	CASE(pages_are_joined);
	CASES(broken_cases, broken_answers);
	return cases_run(argc, argv);
}
