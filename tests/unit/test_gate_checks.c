/* links: engine model lib_regex lib */
/* What checks hold up: a table of what they said, what the commits bring, and who approved. */
#include "orchestrator/engine/gates/gates.h"
#include "tests/lib/cases.h"

#include <string.h>

#define HEAD "3f2a91c0000000000000000000000000000000aa"

static const struct host_member memberships[] = { { "security", "erin", WORD_YES },
	{ "security", "bob", WORD_NO }, { "security", "alice", WORD_NO } };
static const char *const security[] = { "security" };
#define SECURITY                                                                                   \
	{                                                                                          \
		.count = 1, .teams = {(const char **)(uintptr_t)security, 1 }                      \
	}

static const struct check_case {
	const char *name;
	enum check_verdict verdict; /* of checkov; 0: it has not looked */
	const char *why;	    /* "": it is open; else part of what is missing */
	const char *approver;	    /* beside bob, who approves always; or NULL */
	int skips, secrets;	    /* that the commits bring */
	bool has_needs;		    /* skip_needs: one of security */
	bool asks_secrets;	    /* the project names the check secrets */
	bool unknown_plan, not_asked;
} cases[] = {
	{ "passed", CHECK_PASSED, "" },
	{ "below the threshold", CHECK_SOFT, "" },
	{ "failed", CHECK_FAILED, "check checkov (1 high that this change brings: fix and push)" },
	{ "failed, and could be skipped", CHECK_FAILED, "or skip it beside the code",
		.has_needs = true },
	{ "no answer", CHECK_ERROR, "check checkov (it could not check: it hung; plan again" },
	{ "has not looked", 0, "check checkov (it has not looked at this plan" },
	{ "nobody knows the plan", CHECK_PASSED, "it has not looked", .unknown_plan = true },
	{ "nobody asks for it", CHECK_FAILED, "", .not_asked = true },
	{ "a skip, nobody is asked", CHECK_PASSED, "", .skips = 2 },
	{ "a skip, nobody of them approved", CHECK_PASSED,
		"new skips of checkov (0 of 1 of security", .skips = 1, .has_needs = true },
	{ "a skip, approved", CHECK_PASSED, "", "erin", .skips = 1, .has_needs = true },
	{ "no skip, nobody of them approved", CHECK_PASSED, "", .has_needs = true },
	{ "an approved skip does not mend what failed", CHECK_FAILED, "check checkov", "erin",
		.skips = 1, .has_needs = true },
	{ "a secret", CHECK_PASSED, "plaintext secrets (a.tf:3 holds one (jwt): take it out",
		.secrets = 1 },
	{ "more secrets", CHECK_PASSED, "(jwt), and 2 more: take it out", .secrets = 3 },
	{ "a secret, whoever approves", CHECK_PASSED, "plaintext secrets", "erin", .secrets = 1,
		.asks_secrets = true },
	{ "a secret that security lets pass", CHECK_PASSED, "", "erin", .secrets = 1,
		.asks_secrets = true, .has_needs = true },
	{ "a secret that security has not seen", CHECK_PASSED,
		"plaintext secrets (0 of 1 of security", .secrets = 1, .asks_secrets = true,
		.has_needs = true },
	{ "no secret", CHECK_PASSED, "", .asks_secrets = true },
};

struct built {
	struct check_finding finding;
	struct check_result result;
	struct plan_summary plan;
	struct guard_check checks[2];
	struct project_guard guard;
	struct gate_project project;
	struct plain_secret secrets[3];
	struct new_skip skips[3];
	struct prepared prepared;
	struct gate_opinion opinions[2];
	struct host_person people[2];
	struct host_facts host;
	struct gate_facts facts;
};

static struct gate_opinion approval(const char *person)
{
	return (struct gate_opinion){ .ledger = 110,
		.kind = VCS_APPROVED,
		.person = person,
		.may_write = true,
		.head = HEAD,
		.review_head = "" };
}

static void build_plan(const struct check_case *row, struct built *built)
{
	built->result = (struct check_result){ .name = "checkov",
		.tool = "",
		.message = "it hung",
		.verdict = row->verdict,
		.findings = &built->finding };
	built->result.counts[FINDING_NEW][SEVERITY_HIGH] = row->verdict == CHECK_FAILED ||
							   row->verdict == CHECK_SOFT;
	built->plan = (struct plan_summary){ .create = 1,
		.checked = { &built->result, row->verdict != 0 } };
}

static void build_guard(const struct check_case *row, struct built *built)
{
	static const struct people_rule needs = SECURITY;
	struct guard_check *at = built->checks;

	if (!row->not_asked)
		*at++ = (struct guard_check){ .name = "checkov" };
	if (row->asks_secrets)
		*at++ = (struct guard_check){ .name = "secrets" };
	for (struct guard_check *one = built->checks; one < at && row->has_needs; one++)
		one->skip_needs = needs;
	built->guard = (struct project_guard){ .environment = "",
		.checks = built->checks,
		.check_count = (size_t)(at - built->checks) };
}

static void build_prepared(const struct check_case *row, struct built *built)
{
	for (int i = 0; i < 3; i++) {
		built->secrets[i] = (struct plain_secret){ "a.tf", "jwt", 3 + i, HEAD, false };
		built->skips[i] = (struct new_skip){ "a.tf", 1, "CKV_1" };
	}
	built->prepared = (struct prepared){ .secrets = built->secrets,
		.secret_count = (size_t)row->secrets,
		.skips = built->skips,
		.skip_count = (size_t)row->skips };
}

static void judge(void **state)
{
	const struct check_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_verdict verdict;
	struct built built = { 0 };

	build_plan(row, &built);
	build_guard(row, &built);
	build_prepared(row, &built);
	built.project = (struct gate_project){
		.name = "p", .guard = &built.guard, .plan = row->unknown_plan ? NULL : &built.plan
	};
	built.opinions[0] = approval("bob");
	built.opinions[1] = approval(row->approver == NULL ? "" : row->approver);
	built.people[0] = (struct host_person){ "bob", WORD_YES };
	built.people[1] = (struct host_person){ "erin", WORD_YES };
	built.host = (struct host_facts){ .members = (struct host_member *)(uintptr_t)memberships,
		.member_count = countof(memberships),
		.people = built.people,
		.person_count = 2 };
	built.facts = (struct gate_facts){ .author = "alice",
		.pusher = "alice",
		.initiator = "zoe",
		.head = HEAD,
		.has_plan = true,
		.plan_ledger = 100,
		.prepared = &built.prepared,
		.opinions = built.opinions,
		.opinion_count = row->approver == NULL ? 1 : 2,
		.host = &built.host,
		.asks_host = true,
		.projects = &built.project,
		.project_count = 1 };
	gates_decide(&built.facts, &arena, &verdict);
	assert_int_equal(verdict.open, row->why[0] == '\0');
	if (!verdict.open)
		assert_contains(verdict.missing, row->why);
	assert_ptr_equal(verdict.prepared, &built.prepared);
}

static void guards_come_back(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct check_case row = { .asks_secrets = true, .has_needs = true };
	struct built built = { 0 };
	struct project_guard again;
	const char *text;
	struct err err;

	build_guard(&row, &built);
	built.checks[0].skip_needs.count = 0;
	text = project_guard_write(&built.guard, &arena);
	assert_ok(project_guard_read(text, &arena, &again, &err), &err);
	assert_string_equal(project_guard_write(&again, &arena), text);
	assert_int_equal(again.check_count, 2);
	assert_int_equal(again.checks[0].skip_needs.count, 0);
	assert_string_equal(again.checks[1].skip_needs.teams.list[0], "security");
}

int main(int argc, char **argv)
{
	CASES(cases, judge);
	CASE(guards_come_back);
	return cases_run(argc, argv);
}
