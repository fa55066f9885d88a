/* Break-glass: who may apply in an emergency what the rules would not let. Pure. */
#include "orchestrator/engine/gates/inside.h"

/* Why the initiator is not one of them, or NULL. What was true when they asked is not enough: the
 * host speaks of now. */
static const char *refused(
	const struct gate_facts *facts, const struct break_glass *glass, struct arena *arena)
{
	const struct approval_rule rule = { .require = glass->people, .exclude = EXCLUDE_BOTS };
	const struct gate_opinion asks = { .kind = VCS_APPROVED,
		.person = facts->initiator,
		.may_write = true,
		.is_what_if = true,
		.head = facts->head,
		.review_head = "" };

	if (glass->people.teams.count + glass->people.users.count == 0)
		return "nobody may here: its environment names nobody for it";
	return opinion_refused(facts, &rule, &asks, arena);
}

static void judge_second(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret)
{
	const struct approval_rule rule = { .name = "break-glass, second person",
		.if_more_than = -1,
		.require = project->guard->break_glass.people,
		.exclude = EXCLUDE_INITIATOR | EXCLUDE_BOTS,
		.binds_to_plan = true };
	struct gate_rule row = row_of(project, rule.name);

	votes_count(facts, &rule, &row, arena);
	add_row(ret, project, &row, arena);
}

void glass_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret)
{
	const struct break_glass *glass = &project->guard->break_glass;
	struct gate_rule row = row_of(project, "break-glass");
	const char *why = refused(facts, glass, arena);

	row.answer = why == NULL ? RULE_HOLDS : RULE_FAILS;
	row.text = why == NULL ? facts->initiator
			       : arena_printf(arena, "%s: %s",
					 str_empty(facts->initiator) ? "nobody" : facts->initiator,
					 why);
	add_row(ret, project, &row, arena);
	if (why == NULL && glass->needs_second)
		judge_second(facts, project, arena, ret);
}
