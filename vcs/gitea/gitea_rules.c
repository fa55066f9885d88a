/* The rules of a branch of Gitea. */
#include "vcs/gitea/gitea_rules.h"
#include "orchestrator/lib/glob.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>
#include <strings.h>

struct judging {
	const struct gitea_answers *answers;
	struct arena *arena;
	struct host_facts *facts;
};

/* The first reason is the one that people see. */
static void no(struct judging *judging, const char *why)
{
	if (judging->facts->mergeable == WORD_NO)
		return;
	judging->facts->mergeable = WORD_NO;
	judging->facts->mergeable_why = why;
}

/* ---- what the branch asks for ---- */

static bool is_on(const struct judging *judging, const char *rule)
{
	return json_is_true(web_at(judging->answers->protection, rule));
}

/* Without the right to read the rules, the branch still says the most important ones. */
static const json_t *rule_of(const struct gitea_answers *answers, const char *name)
{
	const json_t *rule = web_at(answers->protection, name);

	return rule != NULL ? rule : web_at(answers->branch, name);
}

static const json_t *required_contexts(const struct gitea_answers *answers)
{
	return json_is_true(rule_of(answers, "enable_status_check"))
		       ? rule_of(answers, "status_check_contexts")
		       : NULL;
}

bool gitea_needs_statuses(const struct gitea_answers *answers)
{
	const json_t *contexts = required_contexts(answers), *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)contexts, i, one) {
		const char *context = json_string_value(one);

		if (context != NULL && !web_context_is_ours(answers->own, context))
			return true;
	}
	return false;
}

/* ---- statuses ---- */

static bool is_green(const json_t *status)
{
	const char *state = web_text(status, "status");

	return str_equal(state, "success") || str_equal(state, "warning");
}

/* A pattern is met when something of its name is there and all of that is green. */
static void judge_context(struct judging *judging, const char *pattern)
{
	bool is_there = false, is_red = false;
	const json_t *status;
	struct glob glob;
	struct err err;
	size_t i;

	if (glob_compile(GLOB_NAME, "", pattern, judging->arena, &glob, &err) < 0) {
		no(judging, arena_printf(judging->arena,
				    "the required check %.100s cannot be understood", pattern));
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)judging->answers->statuses, i, status) {
		const char *context = web_text(status, "context");

		if (web_context_is_ours(judging->answers->own, context) ||
			!glob_matches(&glob, context))
			continue;
		is_there = true;
		is_red = is_red || !is_green(status);
	}
	if (!is_there || is_red)
		no(judging, arena_printf(judging->arena, "the required check %.100s %s", pattern,
				    is_there ? "is not green" : "has not reported"));
}

static void judge_contexts(struct judging *judging)
{
	const json_t *contexts = required_contexts(judging->answers), *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)contexts, i, one) {
		const char *context = json_string_value(one);

		if (context != NULL && !web_context_is_ours(judging->answers->own, context))
			judge_context(judging, context);
	}
}

/* ---- reviews ---- */

/* Only reviews of those whom the rules name are official, so nobody else can make this long. */
static bool is_last(const json_t *reviews, size_t i)
{
	const char *person = web_text(json_array_get(reviews, i), "user.login");

	for (size_t k = i + 1; k < json_array_size(reviews); k++) {
		const json_t *later = json_array_get(reviews, k);

		if (json_is_true(web_at(later, "official")) &&
			gitea_dialect.review_kind(later) != VCS_IGNORED &&
			strcasecmp(web_text(later, "user.login"), person) == 0)
			return false;
	}
	return true;
}

static int64_t count_reviews(const struct judging *judging, enum vcs_event_kind kind)
{
	const json_t *reviews = judging->answers->reviews, *review;
	bool stale_counts = !is_on(judging, "dismiss_stale_approvals") &&
			    !is_on(judging, "ignore_stale_approvals");
	int64_t count = 0;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)reviews, i, review) {
		if (!json_is_true(web_at(review, "official")) ||
			gitea_dialect.review_kind(review) != kind)
			continue;
		if (kind == VCS_APPROVED && !stale_counts && json_is_true(web_at(review, "stale")))
			continue;
		count += is_last(reviews, i);
	}
	return count;
}

static bool is_awaited(const struct judging *judging)
{
	const json_t *review;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)judging->answers->reviews, i, review) {
		if (str_equal(web_text(review, "state"), "REQUEST_REVIEW") &&
			json_is_true(web_at(review, "official")) &&
			is_last(judging->answers->reviews, i))
			return true;
	}
	return false;
}

static void judge_reviews(struct judging *judging)
{
	int64_t needed = json_integer_value(rule_of(judging->answers, "required_approvals"));
	int64_t have = count_reviews(judging, VCS_APPROVED);
	int64_t against = count_reviews(judging, VCS_CHANGES_REQUESTED);

	judging->facts->approved = have > 0 && have >= needed && against == 0 ? WORD_YES : WORD_NO;
	if (have < needed)
		no(judging, "the branch wants more approving reviews");
	if (against > 0 && is_on(judging, "block_on_rejected_reviews"))
		no(judging, "a reviewer asked for changes");
	if (is_on(judging, "block_on_official_review_requests") && is_awaited(judging))
		no(judging, "a review that was asked for is missing");
}

/* ---- all of them ---- */

static void judge_pull(struct judging *judging)
{
	const json_t *pull = judging->answers->pull;

	if (!str_equal(web_text(pull, "state"), "open"))
		no(judging, "the pull request is not open");
	if (json_is_true(web_at(pull, "draft")))
		no(judging, "the pull request is a draft");
	if (!json_is_true(web_at(pull, "mergeable")))
		no(judging, "the branch conflicts with its base, or the host is still looking");
	if (is_on(judging, "block_on_outdated_branch") &&
		!str_equal(web_text(pull, "merge_base"), web_text(pull, "base.sha")))
		no(judging, "the branch is behind its base: update it");
}

void gitea_rules_judge(
	const struct gitea_answers *answers, struct arena *arena, struct host_facts *ret)
{
	struct judging judging = { .answers = answers, .arena = arena, .facts = ret };

	ret->mergeable = WORD_YES;
	ret->mergeable_why = "";
	judge_pull(&judging);
	judge_reviews(&judging);
	judge_contexts(&judging);
	if (ret->mergeable == WORD_YES && json_is_true(web_at(answers->branch, "protected")) &&
		(answers->protection == NULL ||
			web_text(answers->protection, "protected_file_patterns")[0] != '\0')) {
		ret->mergeable = WORD_UNKNOWN;
		ret->mergeable_why =
			answers->protection == NULL
				? "we may not read the rules of the branch: make us an "
				  "administrator of the repository"
				: "the branch has protected files, and only the host knows whether "
				  "these are changed";
	}
}
