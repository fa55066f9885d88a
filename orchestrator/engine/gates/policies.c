/* Findings of policy sets that their owners let pass. Pure. */
#include "orchestrator/engine/gates/inside.h"

static struct gate_rule judge_set(
	const struct gate_facts *facts, const struct gate_policy *set, struct arena *arena)
{
	const struct approval_rule rule = { .name = set->name,
		.if_more_than = -1,
		.require = set->owners,
		.exclude = EXCLUDE_BOTS |
			   (set->excludes_writers ? EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS : 0) };
	struct gate_rule row = { .environment = "", .name = set->name, .text = "" };
	struct gate_facts own = *facts;

	/* owners that nobody named are nobody, not everybody */
	if (set->owners.teams.count + set->owners.users.count == 0) {
		row.answer = RULE_FAILS;
		row.text = "nobody owns it: fix and push";
		return row;
	}
	own.opinions = set->words;
	own.opinion_count = set->word_count;
	votes_count(&own, &rule, &row, arena);
	return row;
}

void gates_decide_policies(const struct gate_facts *facts, const char *project,
	const struct gate_policy *sets, size_t count, struct arena *arena, struct gate_verdict *ret)
{
	*ret = (struct gate_verdict){ .open = true,
		.missing = "",
		.rules = arena_alloc(arena, (count + 1) * sizeof(*ret->rules)),
		.rule_count = count };
	for (size_t i = 0; i < count; i++) {
		ret->rules[i] = judge_set(facts, &sets[i], arena);
		ret->rules[i].projects = project;
		if (ret->rules[i].answer == RULE_HOLDS || !ret->open)
			continue;
		ret->open = false;
		ret->missing = arena_printf(arena, "the policy set %s fails for %s (%s)",
			sets[i].name, project, ret->rules[i].text);
	}
}
