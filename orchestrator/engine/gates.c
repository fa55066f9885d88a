/* The first form of the gate. Pure. */
#include "orchestrator/engine/gates.h"

#include <string.h>

enum { VOTES_NEEDED = 1, SHORT_OID = 7 };

bool gates_person_is(const char *login, const struct identity *identity)
{
	const char *at = strchr(identity->email, '@');
	size_t local = at == NULL ? strlen(identity->email) : (size_t)(at - identity->email);

	if (str_empty(login))
		return false;
	if (strcasecmp(login, identity->name) == 0)
		return true;
	return strlen(login) == local && strncasecmp(login, identity->email, local) == 0;
}

static bool wrote_commits(const struct gate_facts *facts, const char *person)
{
	for (size_t i = 0; i < facts->people_count; i++) {
		if (gates_person_is(person, &facts->people[i]))
			return true;
	}
	return false;
}

static bool is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

/* Why this opinion can never count, whoever's it is; NULL when it can. */
static const char *excluded(
	const struct gate_facts *facts, const struct gate_opinion *opinion, struct arena *arena)
{
	if (opinion->is_bot)
		return "is a bot";
	if (!opinion->may_write)
		return "may not write here";
	if (is_same(opinion->person, facts->author))
		return "author";
	if (is_same(opinion->person, facts->pusher))
		return arena_printf(arena, "pushed `%.*s`", SHORT_OID, facts->head);
	if (wrote_commits(facts, opinion->person))
		return "wrote commits of this pull request";
	return NULL;
}

static const char *stale(
	const struct gate_facts *facts, const struct gate_opinion *opinion, struct arena *arena)
{
	if (!str_equal(opinion->head, facts->head))
		return arena_printf(
			arena, "approved `%.*s`, before this push", SHORT_OID, opinion->head);
	if (!str_empty(opinion->review_head) && !str_equal(opinion->review_head, facts->head))
		return "reviewed another commit"; /* the host's words are not repeated */
	if (opinion->ledger <= facts->plan_ledger)
		return "approved before this plan";
	return NULL;
}

static void judge(const struct gate_facts *facts, const struct gate_opinion *opinion,
	struct arena *arena, struct gate_vote *ret)
{
	const char *why = excluded(facts, opinion, arena);

	ret->person = opinion->person;
	ret->counts = false;
	if (why == NULL && opinion->kind == VCS_CHANGES_REQUESTED)
		why = "asked for changes";
	if (why == NULL && opinion->kind == VCS_REVIEW_DISMISSED)
		why = "withdrawn";
	if (why == NULL)
		why = stale(facts, opinion, arena);
	ret->counts = why == NULL;
	ret->why = why == NULL ? "counted" : why;
}

static bool is_latest(const struct gate_facts *facts, size_t i)
{
	for (size_t k = i + 1; k < facts->opinion_count; k++) {
		if (is_same(facts->opinions[k].person, facts->opinions[i].person))
			return false;
	}
	return true;
}

static const char *what_is_missing(const struct gate_facts *facts,
	const struct gate_verdict *verdict, const char *vetoer, struct arena *arena)
{
	if (facts->from_fork)
		return "pull requests from forks are not applied";
	if (!facts->has_plan)
		return "there is no finished plan of the newest push";
	if (facts->plan_failed)
		return "a plan failed: fix it and push";
	if (vetoer != NULL)
		return arena_printf(arena, "%s asked for changes", vetoer);
	if (is_same(facts->initiator, facts->author) && verdict->vote_count > 0 &&
		verdict->have == 0)
		return "one approval of this plan is needed from somebody who did not write it; "
		       "your own does not count";
	return "one approval of this plan is needed from somebody who did not write it";
}

void gates_decide(const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret)
{
	const char *vetoer = NULL;

	*ret = (struct gate_verdict){ .need = VOTES_NEEDED };
	ret->votes = arena_alloc(arena, (facts->opinion_count + 1) * sizeof(*ret->votes));
	for (size_t i = 0; i < facts->opinion_count; i++) {
		const struct gate_opinion *opinion = &facts->opinions[i];

		if (!is_latest(facts, i))
			continue;
		judge(facts, opinion, arena, &ret->votes[ret->vote_count]);
		ret->have += ret->votes[ret->vote_count++].counts;
		if (opinion->kind == VCS_CHANGES_REQUESTED &&
			excluded(facts, opinion, arena) == NULL)
			vetoer = opinion->person;
	}
	ret->open = facts->has_plan && !facts->plan_failed && !facts->from_fork && vetoer == NULL &&
		    ret->have >= ret->need;
	ret->missing = ret->open ? "" : what_is_missing(facts, ret, vetoer, arena);
}
