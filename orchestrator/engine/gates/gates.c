/* The verdict on a plan set: what stands against all of it, and how its rules stand. Pure. */
#include "orchestrator/engine/gates/inside.h"

#include "orchestrator/lib/strbuf.h"

#include <string.h>

/* Who may stop an apply by asking for changes: those whose approval would count for the rule that
 * holds everywhere. */
static const char *vetoer(const struct gate_facts *facts, struct arena *arena)
{
	for (size_t i = 0; i < facts->opinion_count; i++) {
		const struct gate_opinion *opinion = &facts->opinions[i];

		if (opinion->kind == VCS_CHANGES_REQUESTED && opinion_is_latest(facts, i) &&
			person_excluded(facts, gates_builtin(""), opinion, arena) == NULL)
			return opinion->person;
	}
	return NULL;
}

static void judge_projects(
	const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret)
{
	static const struct project_guard nothing = { .environment = "" };
	const struct gate_project whole = { .name = "", .guard = &nothing };

	if (facts->project_count == 0)
		rules_judge(facts, &whole, arena, ret);
	for (size_t i = 0; i < facts->project_count; i++)
		rules_judge(facts, &facts->projects[i], arena, ret);
}

/* Each person once: counted when some rule counts them, else with the first rule's reason. */
static void collect_votes(struct gate_verdict *verdict, struct arena *arena)
{
	for (size_t i = 0; i < verdict->rule_count; i++) {
		const struct gate_rule *rule = &verdict->rules[i];

		for (size_t k = 0; k < rule->vote_count; k++) {
			struct gate_vote *known = NULL;

			for (size_t v = 0; v < verdict->vote_count; v++) {
				if (str_equal(verdict->votes[v].person, rule->votes[k].person))
					known = &verdict->votes[v];
			}
			if (known == NULL) {
				verdict->votes = arena_push(arena, verdict->votes,
					verdict->vote_count, sizeof(*verdict->votes));
				verdict->votes[verdict->vote_count++] = rule->votes[k];
			} else if (rule->votes[k].counts) {
				*known = rule->votes[k];
			}
		}
	}
}

/* The rule that lacks most approvals speaks for all where there is room for one only. */
static bool all_hold(struct gate_verdict *verdict)
{
	bool holds = true;
	int most = -1;

	for (size_t i = 0; i < verdict->rule_count; i++) {
		const struct gate_rule *rule = &verdict->rules[i];
		int lacks = rule->need > rule->have ? rule->need - rule->have : 0;

		holds = holds && rule->answer != RULE_FAILS;
		if (rule->need == 0 || lacks <= most)
			continue;
		most = lacks;
		verdict->have = rule->have;
		verdict->need = rule->need;
	}
	return holds && verdict->rule_count > 0;
}

static const char *builtin_missing(
	const struct gate_facts *facts, const struct gate_verdict *verdict, struct arena *arena)
{
	static const char one[] =
		"one approval of this plan is needed from somebody who did not write it";
	static const char two[] =
		"two approvals of this plan are needed from people who did not write it, as nobody "
		"told who pushed it and one of them may have; after a new push it is one again";
	const char *needed = pusher_is_unknown(facts) ? two : one;

	for (size_t i = 0; i < verdict->vote_count; i++) {
		if (person_is_same(verdict->votes[i].person, facts->initiator) &&
			person_is_same(facts->initiator, facts->author))
			return arena_printf(arena, "%s; your own does not count", needed);
	}
	return needed;
}

/* "production needs two-eyes (1 of 2: bob); freeze weekend (nothing is applied until ...)" */
static const char *rules_missing(
	const struct gate_facts *facts, const struct gate_verdict *verdict, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(16000);
	const char *environment = NULL;

	for (size_t i = 0; i < verdict->rule_count; i++) {
		const struct gate_rule *rule = &verdict->rules[i];

		if (rule->answer != RULE_FAILS)
			continue;
		strbuf_puts(&text, text.length == 0 ? "" : "; ");
		if (rule->is_builtin) {
			strbuf_puts(&text, builtin_missing(facts, verdict, arena));
			continue;
		}
		if (environment == NULL || !str_equal(environment, rule->environment))
			strbuf_printf(&text, "%s%s",
				str_empty(rule->environment) ? rule->projects : rule->environment,
				" does not hold: ");
		environment = rule->environment;
		strbuf_printf(&text, "%s (%s)", rule->name, rule->text);
	}
	return arena_strdup(arena, strbuf_text(&text));
}

static const char *what_is_missing(const struct gate_facts *facts,
	const struct gate_verdict *verdict, const char *against, struct arena *arena)
{
	if (facts->from_fork)
		return "pull requests from forks are not applied";
	if (!facts->has_plan)
		return "there is no finished plan of the newest push";
	if (facts->plan_failed)
		return "a plan failed: fix it and push";
	if (facts->set_problem != NULL)
		return facts->set_problem;
	if (against != NULL)
		return arena_printf(
			arena, "%s asked for changes, and must approve or withdraw that", against);
	if (facts->asks_host && facts->host == NULL)
		return arena_printf(arena, "the host does not say what must be known: %s",
			str_empty(facts->host_problem) ? "it was not asked yet"
						       : facts->host_problem);
	if (verdict->missing != NULL)
		return verdict->missing;
	return rules_missing(facts, verdict, arena);
}

static const char *plan_missing(const struct gate_verdict *verdict, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(16000);

	for (size_t i = 0; i < verdict->rule_count; i++) {
		if (verdict->rules[i].answer == RULE_FAILS)
			strbuf_printf(&text, "%s%s (%s)", text.length == 0 ? "" : "; ",
				verdict->rules[i].name, verdict->rules[i].text);
	}
	return arena_printf(arena, "before it is planned must hold: %s", strbuf_text(&text));
}

void gates_decide_plan(
	const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret)
{
	const struct gate_project *project = &facts->projects[0];
	const char *against = project->guard->plan_requires & REQUIRE_APPROVED
				      ? vetoer(facts, arena)
				      : NULL;

	*ret = (struct gate_verdict){ .missing = "" };
	rules_judge_plan(facts, project, arena, ret);
	ret->open = all_hold(ret) && against == NULL;
	if (against != NULL)
		ret->missing = arena_printf(arena,
			"%s asked for changes, and must approve or withdraw that before it is "
			"planned",
			against);
	else if (!ret->open)
		ret->missing = plan_missing(ret, arena);
}

/* Rows of break-glass alone. */
static struct gate_verdict judge_glass(const struct gate_facts *facts, struct arena *arena)
{
	struct gate_verdict glass = { .missing = "" };

	for (size_t i = 0; i < facts->project_count; i++)
		glass_judge(facts, &facts->projects[i], arena, &glass);
	return glass;
}

/* The rules keep their rows, for those who read what did not hold; the answer is of the glass. */
static bool break_glass(const struct gate_facts *facts, struct arena *arena,
	struct gate_verdict *ret, const char **ret_against)
{
	struct gate_verdict glass = judge_glass(facts, arena);
	bool holds = all_hold(&glass);

	*ret_against = NULL;
	for (size_t i = 0; i < glass.rule_count; i++) {
		ret->rules = arena_push(arena, ret->rules, ret->rule_count, sizeof(*ret->rules));
		ret->rules[ret->rule_count++] = glass.rules[i];
		if (glass.rules[i].answer == RULE_FAILS && ret->missing == NULL)
			ret->missing = arena_printf(arena, "%s for %s does not hold: %s",
				glass.rules[i].name, glass.rules[i].projects, glass.rules[i].text);
	}
	ret->is_broken = true;
	return holds;
}

/*~ 23. May it be applied? Read when the command comes, when the job may start, and when it is
 * handed over; the record keeps the last. */
void gates_decide(const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret)
{
	const char *against = vetoer(facts, arena);
	bool holds;

	*ret = (struct gate_verdict){ .prepared = facts->prepared };
	judge_projects(facts, arena, ret);
	collect_votes(ret, arena);
	holds = facts->breaks_glass ? break_glass(facts, arena, ret, &against) : all_hold(ret);
	ret->open = holds && facts->has_plan && !facts->plan_failed && !facts->from_fork &&
		    facts->set_problem == NULL && !str_empty(facts->head) && against == NULL &&
		    (!facts->asks_host || facts->host != NULL);
	ret->missing = ret->open ? "" : what_is_missing(facts, ret, against, arena);
}
