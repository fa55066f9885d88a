/* What the checks of a project hold up. Pure.
 *
 * A check that the base branch asks for and that has not looked, or could not, holds up like one
 * that found something. What is found is mended, or passed over by a note beside the code, which
 * the people of `skip_needs` must approve; so is a secret that is none. */
#include "orchestrator/engine/gates/inside.h"

enum { OTHERS = EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_BOTS };

#define SECRETS_CHECK "secrets"

/* People who let something pass: their approval of this plan, as everywhere else. */
static void judge_people(const struct gate_facts *facts, const struct gate_project *project,
	const struct people_rule *people, const char *name, struct arena *arena,
	struct gate_verdict *verdict)
{
	const struct approval_rule rule = { .name = name,
		.if_more_than = -1,
		.require = *people,
		.exclude = OTHERS,
		.binds_to_plan = true };
	struct gate_rule row = row_of(project, name);

	votes_count(facts, &rule, &row, arena);
	add_row(verdict, project, &row, arena);
}

static const char *found_text(const struct check_result *result, bool may_skip, struct arena *arena)
{
	char counts[100];

	(void)check_result_text(result, counts, sizeof(counts));
	switch (result->verdict) {
	case CHECK_PASSED:
		return "passed";
	case CHECK_SOFT:
		return arena_printf(arena, "%s, below the threshold", counts);
	case CHECK_FAILED:
		return arena_printf(arena, "%s that this change brings: fix and push%s", counts,
			may_skip ? ", or skip it beside the code and have that approved" : "");
	case CHECK_ERROR:
		break;
	}
	return arena_printf(arena, "it could not check: %s; plan again when that is mended",
		str_empty(result->message) ? "it gave no answer" : result->message);
}

static void judge_check(const struct gate_facts *facts, const struct gate_project *project,
	const struct guard_check *check, struct arena *arena, struct gate_verdict *verdict)
{
	const struct check_result *result = project->plan == NULL
						    ? NULL
						    : check_results_find(
							      &project->plan->checked, check->name);
	bool may_skip = check->skip_needs.count > 0;
	struct gate_rule row = row_of(project, arena_printf(arena, "check %s", check->name));

	row.answer = result != NULL && result->verdict < CHECK_FAILED ? RULE_HOLDS : RULE_FAILS;
	row.text =
		result != NULL
			? found_text(result, may_skip, arena)
			: "it has not looked at this plan; it does so for terraform and opentofu";
	add_row(verdict, project, &row, arena);
	if (may_skip && facts->prepared != NULL && facts->prepared->skip_count > 0)
		judge_people(facts, project, &check->skip_needs,
			arena_printf(arena, "new skips of %s", check->name), arena, verdict);
}

/* One for all projects: who reads the branch reads all of it. */
static void judge_secrets(const struct gate_facts *facts, const struct gate_project *project,
	const struct guard_check *check, struct arena *arena, struct gate_verdict *verdict)
{
	struct gate_rule row = row_of(project, "plaintext secrets");
	const struct prepared *prepared = facts->prepared;
	size_t count = prepared == NULL ? 0 : prepared->secret_count + prepared->secrets_left_out;

	if (count == 0 && check == NULL)
		return;
	if (count > 0 && check != NULL && check->skip_needs.count > 0) {
		judge_people(
			facts, project, &check->skip_needs, "plaintext secrets", arena, verdict);
		return;
	}
	row.answer = count == 0 ? RULE_HOLDS : RULE_FAILS;
	row.text = count == 0 ? "none"
			      : arena_printf(arena,
					"%s:%d holds one (%s)%s: take it out of every commit, and "
					"make the value worthless",
					prepared->secrets[0].path, prepared->secrets[0].line,
					prepared->secrets[0].rule,
					count > 1 ? arena_printf(arena, ", and %zu more", count - 1)
						  : "");
	add_row(verdict, project, &row, arena);
}

void checks_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *verdict)
{
	const struct guard_check *secrets = NULL;

	for (size_t i = 0; i < project->guard->check_count; i++) {
		const struct guard_check *check = &project->guard->checks[i];

		if (str_equal(check->name, SECRETS_CHECK))
			secrets = check;
		else
			judge_check(facts, project, check, arena, verdict);
	}
	judge_secrets(facts, project, secrets, arena, verdict);
}
