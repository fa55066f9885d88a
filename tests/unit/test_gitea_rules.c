/* links: vcs_gitea vcs_github model lib */
/* Would Gitea let it be merged: each rule of a branch, alone and against what it asks for. */
#include "tests/lib/cases.h"
#include "tests/lib/hook_cases.h"

#include "orchestrator/lib/jsonx.h"
#include "vcs/gitea/gitea_rules.h"
#include "vcs/web/web_event.h"
#include <string.h>

#define PULL_OF(more)                                                                              \
	"'pull':{'state':'open','mergeable':true,'merge_base':'a','base':{'sha':'b'}" more "}"
#define PULL PULL_OF("")
#define REVIEW(who, state, more)                                                                   \
	"{'user':{'login':'" who "'},'state':'" state "','official':true" more "}"
#define PROTECTED(rules)                                                                           \
	"'branch':{'protected':true,'effective_branch_protection_name':'main'},'protection':"      \
	"{" rules "}"
#define CHECKS(contexts)                                                                           \
	PROTECTED("'enable_status_check':true,'status_check_contexts':[" contexts "]")

static const struct rule {
	const char *name, *answers;
	enum host_word mergeable, approved;
	const char *why;
} rules[] = {
	{ "nothing asks for anything", PULL, WORD_YES, WORD_NO, "" },
	{ "no pull request", "'x':1", WORD_NO, WORD_NO, "not open" },
	{ "closed", "'pull':{'state':'closed','mergeable':true}", WORD_NO, WORD_NO, "not open" },
	{ "a draft", PULL_OF(",'draft':true"), WORD_NO, WORD_NO, "a draft" },
	{ "conflicts", "'pull':{'state':'open','mergeable':false}", WORD_NO, WORD_NO, "conflicts" },
	{ "rules that we may not read", PULL ",'branch':{'protected':true}", WORD_UNKNOWN, WORD_NO,
		"administrator" },
	{ "protected files", PULL "," PROTECTED("'protected_file_patterns':'*.tf'"), WORD_UNKNOWN,
		WORD_NO, "protected files" },
	{ "approved where nobody asks", PULL ",'reviews':[" REVIEW("bob", "APPROVED", "") "]",
		WORD_YES, WORD_YES, "" },
	{ "one approval is missing", PULL "," PROTECTED("'required_approvals':1"), WORD_NO, WORD_NO,
		"more approving" },
	{ "one approval is there",
		PULL "," PROTECTED("'required_approvals':1") ",'reviews':[" REVIEW(
			"bob", "APPROVED", "") "]",
		WORD_YES, WORD_YES, "" },
	{ "one person twice",
		PULL "," PROTECTED("'required_approvals':2") ",'reviews':[" REVIEW(
			"bob", "APPROVED", "") "," REVIEW("Bob", "APPROVED", "") "]",
		WORD_NO, WORD_NO, "more approving" },
	{ "of somebody who does not count",
		PULL
		"," PROTECTED("'required_approvals':1") ",'reviews':[{'user':{'login':'rita'},'"
							"state':'APPROVED','official':false}]",
		WORD_NO, WORD_NO, "more approving" },
	{ "dismissed",
		PULL "," PROTECTED("'required_approvals':1") ",'reviews':[" REVIEW(
			"bob", "APPROVED", ",'dismissed':true") "]",
		WORD_NO, WORD_NO, "more approving" },
	{ "stale, where that counts",
		PULL "," PROTECTED("'required_approvals':1") ",'reviews':[" REVIEW(
			"bob", "APPROVED", ",'stale':true") "]",
		WORD_YES, WORD_YES, "" },
	{ "stale, where that does not count",
		PULL "," PROTECTED(
			"'required_approvals':1,'ignore_stale_approvals':true") ",'reviews':"
										"[" REVIEW("bob",
											"APPROVED",
											",'stale':"
											"true") "]",
		WORD_NO, WORD_NO, "more approving" },
	{ "rejected where nobody asks",
		PULL ",'reviews':[" REVIEW("bob", "APPROVED", "") "," REVIEW(
			"carol", "REQUEST_CHANGES", "") "]",
		WORD_YES, WORD_NO, "" },
	{ "rejected",
		PULL "," PROTECTED("'block_on_rejected_reviews':true") ",'reviews':[" REVIEW(
			"carol", "REQUEST_CHANGES", "") "]",
		WORD_NO, WORD_NO, "asked for changes" },
	{ "rejected, then approved",
		PULL "," PROTECTED("'block_on_rejected_reviews':true") ",'reviews':[" REVIEW(
			"carol", "REQUEST_CHANGES", "") "," REVIEW("carol", "APPROVED", "") "]",
		WORD_YES, WORD_YES, "" },
	{ "a review is awaited",
		PULL
		"," PROTECTED("'block_on_official_review_requests':true") ",'reviews':[" REVIEW(
			"carol", "REQUEST_REVIEW", "") "]",
		WORD_NO, WORD_NO, "asked for is missing" },
	{ "behind", PULL "," PROTECTED("'block_on_outdated_branch':true"), WORD_NO, WORD_NO,
		"behind" },
	{ "a check that has not reported", PULL "," CHECKS("'ci/build'"), WORD_NO, WORD_NO,
		"ci/build has not reported" },
	{ "a check that is red",
		PULL "," CHECKS("'ci/*'") ",'statuses':[{'context':'ci/a','status':'success'},"
					  "{'context':'ci/b','status':'pending'}]",
		WORD_NO, WORD_NO, "ci/* is not green" },
	{ "checks that are green",
		PULL "," CHECKS("'ci/*'") ",'statuses':[{'context':'ci/a','status':'success'},"
					  "{'context':'ci/b','status':'warning'},"
					  "{'context':'other','status':'failure'}]",
		WORD_YES, WORD_NO, "" },
	{ "our own", PULL "," CHECKS("'sluice/apply'"), WORD_YES, WORD_NO, "" },
	{ "a name that begins as ours", PULL "," CHECKS("'sluicegate'"), WORD_NO, WORD_NO,
		"sluicegate has not reported" },
	{ "our own among all",
		PULL "," CHECKS("'*'") ",'statuses':[{'context':'sluice/apply','status':'failure'},"
				       "{'context':'ci','status':'success'}]",
		WORD_YES, WORD_NO, "" },
	{ "checks that are switched off",
		PULL "," PROTECTED("'enable_status_check':false,'status_check_contexts':['ci']"),
		WORD_YES, WORD_NO, "" },
	{ "what the branch says for those who may not read its rules",
		PULL ",'branch':{'protected':true,'enable_status_check':true,"
		     "'status_check_contexts':['ci']}",
		WORD_NO, WORD_NO, "ci has not reported" },
};

static void rules_judged(void **state)
{
	const struct rule *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *text = mem_printf("{%s}", row->answers);
	_cleanup_free_ char *body = hook_quoted(text);
	_cleanup_json_ json_t *json = NULL;
	struct host_facts facts = { 0 };
	struct gitea_answers answers = { .own = "sluice" };
	struct err err;

	assert_ok(jsonx_parse(body, strlen(body), 1 << 16, &json, &err), &err);
	answers.pull = web_at(json, "pull");
	answers.reviews = web_at(json, "reviews");
	answers.branch = web_at(json, "branch");
	answers.protection = web_at(json, "protection");
	answers.statuses = web_at(json, "statuses");
	gitea_rules_judge(&answers, &arena, &facts);
	assert_int_equal(facts.mergeable, row->mergeable);
	assert_int_equal(facts.approved, row->approved);
	assert_contains(facts.mergeable_why, row->why);
	assert_int_equal(facts.mergeable == WORD_YES, facts.mergeable_why[0] == '\0');
}

/* Statuses are only read where somebody else's are asked for. */
static void statuses_needed(void **state)
{
	static const struct {
		const char *answers;
		bool is_needed;
	} cases[] = { { "{'branch':{}}", false },
		{ "{'branch':{'enable_status_check':true,'status_check_contexts':['sluice/plan']}}",
			false },
		{ "{'branch':{'enable_status_check':true,'status_check_contexts':[1,'ci']}}",
			true } };

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		_cleanup_free_ char *body = hook_quoted(cases[i].answers);
		_cleanup_json_ json_t *json = NULL;
		struct gitea_answers answers = { .own = "sluice" };
		struct err err;

		assert_ok(jsonx_parse(body, strlen(body), 4096, &json, &err), &err);
		answers.branch = web_at(json, "branch");
		assert_int_equal(gitea_needs_statuses(&answers), cases[i].is_needed);
	}
}

int main(int argc, char **argv)
{
	CASES(rules, rules_judged);
	CASE(statuses_needed);
	return cases_run(argc, argv);
}
