/* The verdict on a pull request, rule by rule. Must not: ask anything. */
#include "vcs/github/github_mergeable.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>

const char github_mergeable_query[] =
	"query($owner:String!,$name:String!,$number:Int!,$rules:String,$checks:String)"
	"{repository(owner:$owner,name:$name)"
	"{pullRequest(number:$number){labels(first:100){nodes{name}} state isDraft "
	"mergeable mergeStateStatus reviewDecision "
	"latestOpinionatedReviews(first:100,writersOnly:true){nodes{state}} "
	"baseRef{branchProtectionRule{requiredStatusChecks{context}} "
	"rules(first:100,after:$rules){pageInfo{hasNextPage endCursor}nodes{type "
	"repositoryRuleset{enforcement} "
	"parameters{__typename "
	"... on RequiredStatusChecksParameters{requiredStatusChecks{context}} "
	"... on WorkflowsParameters{workflows{path repositoryId sha}} "
	"... on PullRequestParameters{requiredApprovingReviewCount}}}}} "
	"commits(last:1){nodes{commit{statusCheckRollup{contexts(first:100,after:$checks)"
	"{pageInfo{hasNextPage endCursor}nodes{__typename "
	"... on CheckRun{name conclusion isRequired(pullRequestNumber:$number) "
	"checkSuite{conclusion workflowRun{runNumber "
	"file{path repositoryFileUrl repositoryName}}}} "
	"... on StatusContext{context state isRequired(pullRequestNumber:$number)}}}}}}}}}}";

struct judging {
	const json_t *pull, *checks; /* checks: all contexts of the head, an array */
	const json_t *repo_ids;
	const char *own;
	struct arena *arena;
	struct github_mergeable *verdict;
	bool own_holds; /* a status of ours that is required is not green yet */
};

/* The first reason is told. */
static void no(struct judging *judging, const char *before, const char *name, const char *after)
{
	if (judging->verdict->why == NULL)
		judging->verdict->why = arena_printf(
			judging->arena, "%s%.200s%s", before, name, after);
}

/* ---- the head's checks ---- */

static const char *check_name(const json_t *check)
{
	const char *name = web_text(check, "context");

	return name[0] != '\0' ? name : web_text(check, "name");
}

/* A check run that does not apply is as good as one that succeeds. */
static bool is_green(const char *state)
{
	return str_equal(state, "SUCCESS") || str_equal(state, "NEUTRAL") ||
	       str_equal(state, "SKIPPED");
}

static bool check_is_green(const json_t *check)
{
	const char *state = web_text(check, "state");

	return is_green(state[0] != '\0' ? state : web_text(check, "conclusion"));
}

static bool is_own(const struct judging *judging, const char *name)
{
	return web_context_is_ours(judging->own, name);
}

/* Of several with one name all must be green. */
static void judge_context(struct judging *judging, const char *name)
{
	bool is_there = false, is_red = false;
	const json_t *check;
	size_t i;

	if (name[0] == '\0')
		return;
	json_array_foreach ((json_t *)(uintptr_t)judging->checks, i, check) {
		if (!str_equal(check_name(check), name))
			continue;
		is_there = true;
		is_red = is_red || !check_is_green(check);
	}
	if (is_there && !is_red)
		return;
	if (is_own(judging, name))
		judging->own_holds = true;
	else
		no(judging, "the required check ", name,
			is_there ? " is not green" : " has not reported");
}

static void judge_contexts(struct judging *judging, const json_t *required)
{
	const json_t *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)required, i, one)
		judge_context(judging, web_text(one, "context"));
}

/* Whatever GitHub itself marks as required, wherever the rule for it stands. Those of workflows are
 * judged by their newest run. */
static void judge_marked(struct judging *judging)
{
	const json_t *check;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)judging->checks, i, check) {
		if (json_is_true(web_at(check, "isRequired")) &&
			!json_is_object(web_at(check, "checkSuite.workflowRun.file")))
			judge_context(judging, check_name(check));
	}
}

/* ---- required workflows ---- */

static bool is_file_of(struct judging *judging, const json_t *workflow, const json_t *file)
{
	const char *repo = web_text(file, "repositoryName"), *sha = web_text(workflow, "sha");
	int64_t id;

	if (!json_is_object(file) || !str_equal(web_text(file, "path"), web_text(workflow, "path")))
		return false;
	id = json_integer_value(json_object_get(judging->repo_ids, repo));
	if (id == 0 && judging->verdict->needs_repo == NULL)
		judging->verdict->needs_repo = arena_strdup(judging->arena, repo);
	if (id != web_number(workflow, "repositoryId"))
		return false;
	return sha[0] == '\0' || strstr(web_text(file, "repositoryFileUrl"),
					 arena_printf(judging->arena, "/blob/%s/", sha)) != NULL;
}

/* Of several runs the newest speaks, and for all its checks. */
static void judge_workflow(struct judging *judging, const json_t *workflow)
{
	const char *conclusion = NULL;
	int64_t newest = -1;
	const json_t *check;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)judging->checks, i, check) {
		int64_t run = web_number(check, "checkSuite.workflowRun.runNumber");

		if (run < newest || !is_file_of(judging, workflow,
					    web_at(check, "checkSuite.workflowRun.file")))
			continue;
		newest = run;
		conclusion = web_text(check, "checkSuite.conclusion");
	}
	if (conclusion == NULL)
		no(judging, "the required workflow ", web_text(workflow, "path"), " has not run");
	else if (!is_green(conclusion))
		no(judging, "the required workflow ", web_text(workflow, "path"), " is not green");
}

static void judge_workflows(struct judging *judging, const json_t *workflows)
{
	const json_t *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)workflows, i, one)
		judge_workflow(judging, one);
}

/* ---- reviews ---- */

static int64_t count_reviews(const json_t *pull, const char *state)
{
	const json_t *reviews = web_at(pull, "latestOpinionatedReviews.nodes"), *review;
	int64_t count = 0;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)reviews, i, review)
		count += str_equal(web_text(review, "state"), state);
	return count;
}

static bool is_approved(const json_t *pull)
{
	const char *decision = web_text(pull, "reviewDecision");

	if (decision[0] != '\0')
		return str_equal(decision, "APPROVED");
	return count_reviews(pull, "APPROVED") > 0 && count_reviews(pull, "CHANGES_REQUESTED") == 0;
}

static void judge_review_count(struct judging *judging, int64_t needed)
{
	if (count_reviews(judging->pull, "APPROVED") < needed)
		no(judging, "GitHub wants more approving reviews", "", "");
}

/* null: no rule asks for reviews, or none that this question shows. */
static void judge_decision(struct judging *judging)
{
	const char *decision = web_text(judging->pull, "reviewDecision");

	if (str_equal(decision, "CHANGES_REQUESTED"))
		no(judging, "a reviewer asked for changes", "", "");
	else if (decision[0] != '\0' && !str_equal(decision, "APPROVED"))
		no(judging, "GitHub wants a review", "", "");
}

/* ---- rules ---- */

static void judge_rule(struct judging *judging, const json_t *rule)
{
	const char *type = web_text(rule, "type");
	const json_t *parameters = web_at(rule, "parameters");

	/* EVALUATE and DISABLED only watch */
	if (!str_equal(web_text(rule, "repositoryRuleset.enforcement"), "ACTIVE"))
		return;
	if (str_equal(type, "REQUIRED_STATUS_CHECKS"))
		judge_contexts(judging, web_at(parameters, "requiredStatusChecks"));
	else if (str_equal(type, "WORKFLOWS"))
		judge_workflows(judging, web_at(parameters, "workflows"));
	else if (str_equal(type, "PULL_REQUEST"))
		judge_review_count(judging, web_number(parameters, "requiredApprovingReviewCount"));
}

static void judge_rules(struct judging *judging)
{
	const json_t *rules = web_at(judging->pull, "baseRef.rules.nodes"), *rule;
	size_t i;

	judge_contexts(judging,
		web_at(judging->pull, "baseRef.branchProtectionRule.requiredStatusChecks"));
	json_array_foreach ((json_t *)(uintptr_t)rules, i, rule)
		judge_rule(judging, rule);
	judge_marked(judging);
}

/* ---- the pull request itself ---- */

static void judge_pull(struct judging *judging)
{
	const json_t *pull = judging->pull;
	const char *state = web_text(pull, "state");

	if (state[0] != '\0' && !str_equal(state, "OPEN"))
		no(judging, "the pull request is not open", "", "");
	if (json_is_true(web_at(pull, "isDraft")))
		no(judging, "the pull request is a draft", "", "");
	if (str_equal(web_text(pull, "mergeable"), "CONFLICTING"))
		no(judging, "the branch conflicts with its base", "", "");
	if (str_equal(web_text(pull, "mergeStateStatus"), "BEHIND"))
		no(judging, "the branch is behind its base: update it", "", "");
}

/* Something holds it back, and nothing that was looked at does: some rule that the question does
 * not show. It is not ours to pass it by. */
static void judge_rest(struct judging *judging)
{
	if (str_equal(web_text(judging->pull, "mergeStateStatus"), "BLOCKED") &&
		!judging->own_holds)
		no(judging, "GitHub holds it back by another rule of the branch", "", "");
}

/* ---- pages ---- */

static const char rules_path[] = "data.repository.pullRequest.baseRef.rules";

static json_t *checks_of(const json_t *answer)
{
	const json_t *commits = web_at(answer, "data.repository.pullRequest.commits.nodes");

	return (json_t *)(uintptr_t)web_at(
		json_array_get(commits, 0), "commit.statusCheckRollup.contexts");
}

static void page_join(json_t *whole, const json_t *page)
{
	json_array_extend(json_object_get(whole, "nodes"), json_object_get(page, "nodes"));
	if (json_is_object(json_object_get(page, "pageInfo")))
		json_object_set(whole, "pageInfo", json_object_get(page, "pageInfo"));
}

void github_mergeable_join(json_t *answer, const json_t *page)
{
	page_join((json_t *)(uintptr_t)web_at(answer, rules_path), web_at(page, rules_path));
	page_join(checks_of(answer), checks_of(page));
}

bool github_mergeable_next(const json_t *answer, const char **ret_rules, const char **ret_checks)
{
	const json_t *rules = web_at(answer, rules_path), *checks = checks_of(answer);

	/* after the last cursor there is nothing: both lists go on together */
	*ret_rules = web_text(rules, "pageInfo.endCursor");
	*ret_checks = web_text(checks, "pageInfo.endCursor");
	return json_is_true(web_at(rules, "pageInfo.hasNextPage")) ||
	       json_is_true(web_at(checks, "pageInfo.hasNextPage"));
}

int github_mergeable_read(const json_t *answer, const char *own, const json_t *repo_ids,
	struct arena *arena, struct github_mergeable *ret, struct err *err)
{
	const json_t *pull = web_at(answer, "data.repository.pullRequest");
	const json_t *commit = json_array_get(web_at(pull, "commits.nodes"), 0);
	struct judging judging = { .pull = pull,
		.checks = web_at(checks_of(answer), "nodes"),
		.repo_ids = repo_ids,
		.own = own,
		.arena = arena,
		.verdict = ret };

	*ret = (struct github_mergeable){ .why = NULL };
	if (!json_is_object(pull) || !json_is_object(web_at(pull, "baseRef")) || commit == NULL)
		return err_set(err, ERR_SYNTAX,
			"GitHub's answer does not describe the pull request, its base and its "
			"head");
	ret->is_approved = is_approved(pull);
	ret->is_unknown = str_equal(web_text(pull, "mergeable"), "UNKNOWN");
	judge_pull(&judging);
	judge_decision(&judging);
	judge_rules(&judging);
	judge_rest(&judging);
	ret->is_yes = ret->why == NULL && !ret->is_unknown && ret->needs_repo == NULL;
	if (ret->why == NULL)
		ret->why = "";
	return 0;
}
