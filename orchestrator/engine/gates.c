/* The first form of the gate. Pure. */
#include "orchestrator/engine/gates.h"

#include "orchestrator/lib/codec.h"

#include <string.h>

enum { VOTES_NEEDED = 1, SHORT_OID = 7 };

/* ---- who is who ---- */

static bool is_same(const char *a, const char *b)
{
	return !str_empty(a) && !str_empty(b) && strcasecmp(a, b) == 0;
}

static bool is_text(const char *login, const char *text, size_t length)
{
	return strlen(login) == length && strncasecmp(login, text, length) == 0;
}

/* "bob@x", "bob+work@x" and "1234+bob@users.noreply.x" are all bob. Too much likeness costs an
 * approval, too little would let somebody approve their own commits. */
bool gates_person_is(const char *login, const struct identity *identity)
{
	const char *email = identity->email == NULL ? "" : identity->email, *plus;
	size_t local = strcspn(email, "@");

	if (str_empty(login))
		return false;
	if (is_same(login, identity->name) || is_same(login, email) || is_text(login, email, local))
		return true;
	plus = memchr(email, '+', local);
	return plus != NULL &&
	       (is_text(login, email, (size_t)(plus - email)) ||
		       is_text(login, plus + 1, local - (size_t)(plus + 1 - email)));
}

static bool wrote_commits(const struct gate_facts *facts, const char *person)
{
	for (size_t i = 0; i < facts->people_count; i++) {
		if (gates_person_is(person, &facts->people[i]))
			return true;
	}
	return false;
}

/* ---- one opinion ---- */

/* A commit as Markdown. Hosts and people can write anything where a commit should stand. */
static const char *commit_text(const char *oid, struct arena *arena)
{
	size_t length = strspn(oid == NULL ? "" : oid, "0123456789abcdef");

	if (length < SHORT_OID || oid[length] != '\0')
		return "another commit";
	return arena_printf(arena, "`%.*s`", SHORT_OID, oid);
}

/* Why no opinion of this person can count; NULL when it can. */
static const char *excluded(
	const struct gate_facts *facts, const struct gate_opinion *opinion, struct arena *arena)
{
	if (str_empty(opinion->person))
		return "unknown";
	if (opinion->is_bot)
		return "bot";
	if (!opinion->may_write)
		return "cannot write here";
	if (is_same(opinion->person, facts->author))
		return "author";
	if (is_same(opinion->person, facts->pusher))
		return arena_printf(arena, "pushed %s", commit_text(facts->head, arena));
	if (wrote_commits(facts, opinion->person))
		return "wrote commits of this pull request";
	return NULL;
}

/* Why an approval is not one of this plan; NULL when it is. Both the head that we had seen and the
 * head that the host names must be the planned one: the first cannot be moved by a force-push, the
 * second can only veto. */
static const char *stale(
	const struct gate_facts *facts, const struct gate_opinion *opinion, struct arena *arena)
{
	const char *seen = opinion->review_head;

	if (str_empty(seen) || str_equal(seen, facts->head))
		seen = opinion->head;
	if (!str_equal(seen, facts->head))
		return arena_printf(
			arena, "approved %s, before this plan", commit_text(seen, arena));
	if (opinion->ledger <= facts->plan_ledger)
		return "approved before this plan";
	return NULL;
}

static const char *why_not(
	const struct gate_facts *facts, const struct gate_opinion *opinion, struct arena *arena)
{
	const char *why = excluded(facts, opinion, arena);

	if (why != NULL)
		return why;
	switch (opinion->kind) {
	case VCS_APPROVED:
		return stale(facts, opinion, arena);
	case VCS_CHANGES_REQUESTED:
		return "asked for changes";
	case VCS_REVIEW_DISMISSED:
		return "withdrawn";
	case VCS_IGNORED:
	case VCS_PULL_OPENED:
	case VCS_PULL_PUSHED:
	case VCS_PULL_REOPENED:
	case VCS_PULL_CLOSED:
	case VCS_PULL_MERGED:
	case VCS_COMMENT:
	case VCS_PING:
	case VCS_PULL_READY:
	case VCS_PULL_RETARGETED:
	case VCS_RERUN:
	case VCS_EVENT_KIND_MAX:
		break;
	}
	return "no approval";
}

/* ---- all of them ---- */

static bool is_opinion(enum vcs_event_kind kind)
{
	return kind == VCS_APPROVED || kind == VCS_CHANGES_REQUESTED ||
	       kind == VCS_REVIEW_DISMISSED;
}

static bool is_latest(const struct gate_facts *facts, size_t i)
{
	const char *person = facts->opinions[i].person;

	for (size_t k = i + 1; k < facts->opinion_count; k++) {
		const struct gate_opinion *later = &facts->opinions[k];

		if (is_opinion(later->kind) &&
			(is_same(later->person, person) ||
				(str_empty(later->person) && str_empty(person))))
			return false;
	}
	return is_opinion(facts->opinions[i].kind);
}

static const char *what_is_missing(const struct gate_facts *facts,
	const struct gate_verdict *verdict, const char *vetoer, struct arena *arena)
{
	static const char needed[] =
		"one approval of this plan is needed from somebody who did not write it";

	if (facts->from_fork)
		return "pull requests from forks are not applied";
	if (!facts->has_plan)
		return "there is no finished plan of the newest push";
	if (facts->plan_failed)
		return "a plan failed: fix it and push";
	if (vetoer != NULL)
		return arena_printf(
			arena, "%s asked for changes, and must approve or withdraw that", vetoer);
	for (size_t i = 0; i < verdict->vote_count; i++) {
		if (is_same(verdict->votes[i].person, facts->initiator) &&
			is_same(facts->initiator, facts->author))
			return arena_printf(arena, "%s; your own does not count", needed);
	}
	return needed;
}

/*~ 23. May it be applied? Read when the command comes, when the job may start, and when it is
 * handed over; the record keeps the last. */
void gates_decide(const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret)
{
	const char *vetoer = NULL;

	*ret = (struct gate_verdict){ .need = VOTES_NEEDED };
	ret->votes = arena_alloc(arena, (facts->opinion_count + 1) * sizeof(*ret->votes));
	for (size_t i = 0; i < facts->opinion_count; i++) {
		const struct gate_opinion *opinion = &facts->opinions[i];
		const char *why;

		if (!is_latest(facts, i))
			continue;
		why = why_not(facts, opinion, arena);
		ret->votes[ret->vote_count++] = (struct gate_vote){
			.person = str_empty(opinion->person) ? "somebody" : opinion->person,
			.counts = why == NULL,
			.why = why == NULL ? "counted" : why
		};
		ret->have += why == NULL;
		if (opinion->kind == VCS_CHANGES_REQUESTED &&
			excluded(facts, opinion, arena) == NULL)
			vetoer = opinion->person;
	}
	ret->open = facts->has_plan && !facts->plan_failed && !facts->from_fork &&
		    !str_empty(facts->head) && vetoer == NULL && ret->have >= ret->need;
	ret->missing = ret->open ? "" : what_is_missing(facts, ret, vetoer, arena);
}
