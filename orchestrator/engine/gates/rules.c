/* How everything that guards one project stands: its rules, owners, freezes, requirements. Pure. */
#include "orchestrator/engine/gates/inside.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { OTHERS = EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_BOTS };

static const char *const platform[] = { "platform" };
static const struct people_rule one_of_platform = { .count = 1,
	.teams = { (const char **)(uintptr_t)platform, 1 } };
static const struct approval_rule builtin_rule = { .name = "one other approval",
	.if_more_than = -1,
	.require = { .count = 1 },
	.exclude = OTHERS,
	.binds_to_plan = true };
static const struct approval_rule builtin_production = { .name = "two and platform",
	.if_more_than = -1,
	.require = { .count = 2 },
	.including = (struct people_rule *)(uintptr_t)&one_of_platform,
	.including_count = 1,
	.exclude = OTHERS | EXCLUDE_INITIATOR,
	.binds_to_plan = true };

const struct approval_rule *gates_builtin(const char *environment)
{
	return str_equal(environment, "production") ? &builtin_production : &builtin_rule;
}

/* ---- rows ---- */

void add_row(struct gate_verdict *verdict, const struct gate_project *project,
	const struct gate_rule *row, struct arena *arena)
{
	for (size_t i = 0; i < verdict->rule_count; i++) {
		struct gate_rule *known = &verdict->rules[i];

		if (known->answer != row->answer || known->have != row->have ||
			!str_equal(known->environment, row->environment) ||
			!str_equal(known->name, row->name) || !str_equal(known->text, row->text))
			continue;
		if (strlen(known->projects) < 200)
			known->projects = arena_printf(
				arena, "%s, %s", known->projects, project->name);
		return;
	}
	verdict->rules = arena_push(
		arena, verdict->rules, verdict->rule_count, sizeof(*verdict->rules));
	verdict->rules[verdict->rule_count] = *row;
	verdict->rules[verdict->rule_count++].projects = project->name;
}

struct gate_rule row_of(const struct gate_project *project, const char *name)
{
	return (struct gate_rule){
		.environment = project->guard->environment, .name = name, .text = ""
	};
}

static void judge_word(const struct gate_project *project, const char *name, enum host_word word,
	const char *no, const char *unknown, struct arena *arena, struct gate_verdict *verdict)
{
	struct gate_rule row = row_of(project, name);

	row.answer = word == WORD_YES ? RULE_HOLDS : RULE_FAILS;
	row.text = word == WORD_YES ? "yes" : word == WORD_NO ? no : unknown;
	add_row(verdict, project, &row, arena);
}

/* ---- approvals ---- */

static void add_vote(struct gate_rule *row, const struct gate_opinion *opinion, const char *why,
	struct arena *arena)
{
	row->votes = arena_push(arena, row->votes, row->vote_count, sizeof(*row->votes));
	row->votes[row->vote_count++] = (struct gate_vote){
		.person = str_empty(opinion->person) ? "somebody" : opinion->person,
		.counts = why == NULL,
		.why = why == NULL ? "counted" : why
	};
}

static const char *part_text(const struct people_rule *part, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < part->teams.count + part->users.count; i++)
		text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : " or ",
			i < part->teams.count ? part->teams.list[i]
					      : part->users.list[i - part->teams.count]);
	return part->source == NULL ? text : arena_printf(arena, "%s (%s)", text, part->source);
}

/* Of those who count, how many are of the part; *ret_unknown: of how many nobody can say. */
static int count_part(const struct gate_facts *facts, const struct people_rule *part,
	const struct gate_rule *row, int *ret_unknown)
{
	int count = 0;

	*ret_unknown = 0;
	for (size_t i = 0; i < row->vote_count; i++) {
		enum host_word word = row->votes[i].counts
					      ? person_belongs(facts, part, row->votes[i].person)
					      : WORD_NO;

		count += word == WORD_YES;
		*ret_unknown += word == WORD_UNKNOWN;
	}
	return count;
}

/* Of those who count one may be who pushed, where that is excluded and nobody knows who it was:
 * then one more is needed, of each part as of the whole. */
static int doubtful_votes(const struct gate_facts *facts, const struct approval_rule *rule)
{
	return (rule->exclude & EXCLUDE_COMMITTERS) && pusher_is_unknown(facts) ? 1 : 0;
}

/* "1 of 2: bob; 1 more of platform" */
void votes_count(const struct gate_facts *facts, const struct approval_rule *rule,
	struct gate_rule *row, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(8192);
	int doubtful = doubtful_votes(facts, rule);
	bool holds;

	for (size_t i = 0; i < facts->opinion_count; i++) {
		const char *why;

		if (!opinion_is_latest(facts, i))
			continue;
		why = opinion_refused(facts, rule, &facts->opinions[i], arena);
		add_vote(row, &facts->opinions[i], why, arena);
		row->have += why == NULL;
	}
	row->need = rule->require.count > 0 ? rule->require.count + doubtful : 0;
	holds = row->have >= row->need;
	strbuf_printf(&text, "%d of %d", row->have, row->need);
	if (rule->require.teams.count + rule->require.users.count > 0)
		strbuf_printf(&text, " of %s", part_text(&rule->require, arena));
	for (size_t i = 0, shown = 0; i < row->vote_count; i++) {
		if (row->votes[i].counts)
			strbuf_printf(
				&text, "%s%s", shown++ == 0 ? ": " : ", ", row->votes[i].person);
	}
	for (size_t i = 0; i < rule->including_count; i++) {
		const struct people_rule *part = &rule->including[i];
		int unknown = 0, have = count_part(facts, part, row, &unknown);

		int need = part->count > 0 ? part->count + doubtful : 0;

		if (have >= need)
			continue;
		holds = false;
		strbuf_printf(&text, "; %d more of %s", need - have, part_text(part, arena));
		if (unknown > 0)
			strbuf_puts(&text, ", of which nobody can say who is in it");
	}
	if (doubtful > 0 && !holds)
		strbuf_puts(&text, "; one more than else, as nobody told who pushed");
	row->answer = holds ? RULE_HOLDS : RULE_FAILS;
	row->text = arena_strdup(arena, strbuf_text(&text));
}

/* Whether it matched. */
static bool judge_rule(const struct gate_facts *facts, const struct gate_project *project,
	const struct approval_rule *rule, bool is_builtin, struct arena *arena,
	struct gate_verdict *verdict)
{
	struct gate_rule row = row_of(project, rule->name);
	const char *why = "";
	enum host_word matches = rule_matches(facts, project, rule, arena, &why);

	row.is_builtin = is_builtin;
	if (matches == WORD_YES && rule->problem != NULL) {
		row.answer = RULE_FAILS;
		row.text = rule->problem;
	} else if (matches == WORD_YES) {
		votes_count(facts, rule, &row, arena);
	} else {
		row.answer = matches == WORD_NO ? RULE_SKIPPED : RULE_FAILS;
		row.text = why;
	}
	add_row(verdict, project, &row, arena);
	return matches != WORD_NO && !rule->from_head;
}

/* `approved` as Atlantis reads it: never where an environment of that name asks for more. */
static bool is_hosts_word(const struct project_guard *guard, unsigned requires)
{
	return (requires & REQUIRE_AS_ATLANTIS) && (requires & REQUIRE_APPROVED) &&
	       gates_builtin(guard->environment) == &builtin_rule;
}

static enum host_word hosts_word(const struct gate_facts *facts)
{
	return facts->host == NULL ? WORD_UNKNOWN : facts->host->approved;
}

/* Rules of the pull request itself come on top, and count for nothing else. */
static void judge_approvals(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *verdict)
{
	const struct project_guard *guard = project->guard;
	struct gate_rule row = row_of(project, "a rule that matches");
	bool has_own = false, has_match = false;

	for (size_t i = 0; i < guard->rule_count; i++) {
		has_own = has_own || !guard->rules[i].from_head;
		has_match |= judge_rule(facts, project, &guard->rules[i], false, arena, verdict);
	}
	if (!has_own && is_hosts_word(guard, guard->apply_requires)) {
		judge_word(project, "approved", hosts_word(facts),
			"the host does not count it as approved",
			"the host does not say whether it is approved", arena, verdict);
	} else if (!has_own) {
		(void)judge_rule(facts, project, gates_builtin(guard->environment),
			!str_equal(guard->environment, "production"), arena, verdict);
	} else if (!has_match) {
		row.answer = RULE_FAILS;
		row.text = "no rule of the environment is meant for this change, and without one "
			   "nothing is applied";
		add_row(verdict, project, &row, arena);
	}
}

static void judge_owners(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *verdict)
{
	const struct name_list *owners = &project->guard->owners;
	struct approval_rule rule = builtin_rule;

	if (owners->count == 0)
		return;
	rule.name = "owners";
	rule.require.teams.list = arena_alloc(arena, owners->count * sizeof(char *));
	rule.require.users.list = arena_alloc(arena, owners->count * sizeof(char *));
	for (size_t i = 0; i < owners->count; i++) {
		bool is_team = owners->list[i][0] == '@';
		struct name_list *list = is_team ? &rule.require.teams : &rule.require.users;

		list->list[list->count++] = owners->list[i] + is_team;
	}
	(void)judge_rule(facts, project, &rule, false, arena, verdict);
}

/* ---- the rest ---- */

static void judge_freezes(
	const struct gate_project *project, struct arena *arena, struct gate_verdict *verdict)
{
	for (size_t i = 0; i < project->guard->freeze_count; i++) {
		const struct freeze *freeze = &project->guard->freezes[i];
		struct gate_rule row = row_of(project, "freeze");
		char text[CLOCK_TEXT_MAX];

		if (!str_empty(freeze->reason))
			row.name = arena_printf(arena, "freeze %s", freeze->reason);
		row.answer = project->freezes[i].is_on || project->freezes[i].is_unknown
				     ? RULE_FAILS
				     : RULE_HOLDS;
		row.text = project->freezes[i].is_unknown
				   ? arena_printf(arena, "nobody can say when it is in %s",
					     freeze->timezone)
			   : project->freezes[i].is_on
				   ? arena_printf(arena, "nothing is applied until %s",
					     clock_text(project->freezes[i].until_ms, text))
				   : "not now";
		add_row(verdict, project, &row, arena);
	}
}

/* `approved` asks for nothing more: what it means was asked for with the rules above. */
static void judge_requirements(const struct gate_facts *facts, const struct gate_project *project,
	unsigned requires, struct arena *arena, struct gate_verdict *verdict)
{
	const char *why = facts->host == NULL ? NULL : facts->host->mergeable_why;

	if (requires & REQUIRE_MERGEABLE)
		judge_word(project, "mergeable",
			facts->host == NULL ? WORD_UNKNOWN : facts->host->mergeable,
			str_empty(why) ? "the host would not merge it" : why,
			str_empty(why) ? "the host does not say whether it can be merged" : why,
			arena, verdict);
	if (requires & REQUIRE_UNDIVERGED)
		judge_word(project, "undiverged", project->undiverged,
			"the base branch has moved since the plan; plan again",
			"it is not known where the base branch stands; plan again", arena, verdict);
}

void rules_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret)
{
	judge_approvals(facts, project, arena, ret);
	judge_owners(facts, project, arena, ret);
	checks_judge(facts, project, arena, ret);
	judge_freezes(project, arena, ret);
	judge_requirements(facts, project, project->guard->apply_requires, arena, ret);
	if (project->guard->apply_requires & REQUIRE_POLICIES_PASSED)
		judge_word(project, "policies passed",
			project->policies_passed ? WORD_YES : WORD_NO,
			"its policy checks have not passed", "", arena, ret);
}

void rules_judge_plan(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret)
{
	struct approval_rule approved = builtin_rule;
	unsigned requires = project->guard->plan_requires;

	approved.name = "approved";
	approved.binds_to_plan = false;
	if ((requires & REQUIRE_APPROVED) && (requires & REQUIRE_AS_ATLANTIS))
		judge_word(project, "approved", hosts_word(facts),
			"the host does not count it as approved",
			"the host does not say whether it is approved", arena, ret);
	else if (requires & REQUIRE_APPROVED)
		(void)judge_rule(facts, project, &approved, false, arena, ret);
	judge_requirements(facts, project, requires, arena, ret);
	if (requires & REQUIRE_POLICIES_PASSED)
		judge_word(project, "policies passed", WORD_NO,
			"policies look at a plan, so no plan can wait for them: take it out of "
			"plan_requirements",
			"", arena, ret);
}
