/* Who is who, and whose word counts. Pure. */
#include "orchestrator/engine/gates/inside.h"

#include <ctype.h>
#include <string.h>

enum { SHORT_OID = 7 };

bool person_is_same(const char *a, const char *b)
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
	if (person_is_same(login, identity->name) || person_is_same(login, email) ||
		is_text(login, email, local))
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

/* The ledger says what was true when the word was given, the host what is true now. */
static enum host_word may_write(const struct gate_facts *facts, const struct gate_opinion *opinion)
{
	if (!opinion->may_write)
		return WORD_NO;
	if ((!facts->asks_host && !opinion->is_what_if) ||
		opinion->kind != VCS_APPROVED) /* a veto needs no proof */
		return WORD_YES;
	for (size_t i = 0; facts->host != NULL && i < facts->host->person_count; i++) {
		if (person_is_same(facts->host->people[i].name, opinion->person))
			return facts->host->people[i].may_write;
	}
	return WORD_UNKNOWN;
}

/* A commit as Markdown. Hosts and people can write anything where a commit should stand. */
static const char *commit_text(const char *oid, struct arena *arena)
{
	size_t length = strspn(oid == NULL ? "" : oid, "0123456789abcdef");

	if (length < SHORT_OID || oid[length] != '\0')
		return "another commit";
	return arena_printf(arena, "`%.*s`", SHORT_OID, oid);
}

static const char *took_part(const struct gate_facts *facts, const struct approval_rule *rule,
	const char *person, struct arena *arena)
{
	if ((rule->exclude & EXCLUDE_AUTHOR) && person_is_same(person, facts->author))
		return "author";
	if (!(rule->exclude & EXCLUDE_COMMITTERS))
		return NULL;
	if (person_is_same(person, facts->pusher))
		return arena_printf(arena, "pushed %s", commit_text(facts->head, arena));
	return wrote_commits(facts, person) ? "wrote commits of this pull request" : NULL;
}

/* Without the word of a push whoever approves may have pushed what they approve. */
bool pusher_is_unknown(const struct gate_facts *facts)
{
	return str_empty(facts->pusher) || str_equal(facts->pusher, VCS_SOMEBODY);
}

/* What is known of the pull request comes before what a host is asked for: so the reason that is
 * foretold stays the reason when the host has answered. */
const char *person_excluded(const struct gate_facts *facts, const struct approval_rule *rule,
	const struct gate_opinion *opinion, struct arena *arena)
{
	const char *part;

	if (str_empty(opinion->person))
		return "unknown";
	if (opinion->is_bot && (rule->exclude & EXCLUDE_BOTS))
		return "bot";
	part = took_part(facts, rule, opinion->person, arena);
	if (part != NULL)
		return part;
	switch (may_write(facts, opinion)) {
	case WORD_NO:
		return "cannot write here";
	case WORD_UNKNOWN:
		return "the host does not say whether they may write here";
	case WORD_YES:
		break;
	}
	return NULL;
}

/* Why an approval is not one of this plan; NULL when it is. Both the head that we had seen and the
 * head that the host names must be the planned one: the first cannot be moved by a force-push, the
 * second can only veto. */
static const char *stale(const struct gate_facts *facts, const struct approval_rule *rule,
	const struct gate_opinion *opinion, struct arena *arena)
{
	const char *seen = opinion->review_head;

	if (str_empty(seen) || str_equal(seen, facts->head))
		seen = opinion->head;
	if (!str_equal(seen, facts->head))
		return arena_printf(
			arena, "approved %s, before this plan", commit_text(seen, arena));
	if (rule->binds_to_plan && opinion->ledger <= facts->plan_ledger)
		return "approved before this plan";
	return NULL;
}

static bool is_opinion(enum vcs_event_kind kind)
{
	return kind == VCS_APPROVED || kind == VCS_CHANGES_REQUESTED ||
	       kind == VCS_REVIEW_DISMISSED;
}

bool opinion_is_latest(const struct gate_facts *facts, size_t i)
{
	const char *person = facts->opinions[i].person;

	for (size_t k = i + 1; k < facts->opinion_count; k++) {
		const struct gate_opinion *later = &facts->opinions[k];

		if (is_opinion(later->kind) &&
			(person_is_same(later->person, person) ||
				(str_empty(later->person) && str_empty(person))))
			return false;
	}
	return is_opinion(facts->opinions[i].kind);
}

/* "a or b", with nothing in it that Markdown knows: a reason is shown as it stands, and names of
 * teams may come out of a pull request. */
static const char *names_text(const struct people_rule *people, struct arena *arena)
{
	char *text = arena_strdup(arena, "");

	for (size_t i = 0; i < people->teams.count + people->users.count; i++) {
		const char *name = i < people->teams.count
					   ? people->teams.list[i]
					   : people->users.list[i - people->teams.count];

		text = arena_printf(arena, "%s%s%.60s", text, i == 0 ? "" : " or ", name);
		if (strlen(text) > 300)
			break;
	}
	for (char *at = text; *at != '\0'; at++) {
		if (!isalnum((unsigned char)*at) && strchr(" -_./", *at) == NULL)
			*at = '?';
	}
	return text;
}

enum host_word person_belongs(
	const struct gate_facts *facts, const struct people_rule *people, const char *person)
{
	enum host_word word = WORD_NO;

	if (people->teams.count == 0 && people->users.count == 0)
		return WORD_YES;
	for (size_t i = 0; i < people->users.count; i++) {
		if (person_is_same(people->users.list[i], person))
			return WORD_YES;
	}
	for (size_t i = 0; i < people->teams.count; i++) {
		enum host_word member = WORD_UNKNOWN;

		for (size_t k = 0; facts->host != NULL && k < facts->host->member_count; k++) {
			const struct host_member *one = &facts->host->members[k];

			if (str_equal(one->team, people->teams.list[i]) &&
				person_is_same(one->person, person))
				member = one->is_member;
		}
		if (member == WORD_YES)
			return WORD_YES;
		if (member == WORD_UNKNOWN)
			word = WORD_UNKNOWN;
	}
	return word;
}

const char *opinion_refused(const struct gate_facts *facts, const struct approval_rule *rule,
	const struct gate_opinion *opinion, struct arena *arena)
{
	const char *why = person_excluded(facts, rule, opinion, arena);

	if (why != NULL)
		return why;
	if (opinion->kind == VCS_CHANGES_REQUESTED)
		return "asked for changes";
	if (opinion->kind == VCS_REVIEW_DISMISSED)
		return "withdrawn";
	why = stale(facts, rule, opinion, arena);
	if (why != NULL)
		return why;
	if ((rule->exclude & EXCLUDE_INITIATOR) &&
		person_is_same(opinion->person, facts->initiator))
		return "asked for this apply";
	switch (person_belongs(facts, &rule->require, opinion->person)) {
	case WORD_YES:
		break;
	case WORD_NO:
		return arena_printf(arena, "is not one of %s", names_text(&rule->require, arena));
	case WORD_UNKNOWN:
		return arena_printf(arena, "nobody can say whether they are in %s",
			names_text(&rule->require, arena));
	}
	return NULL;
}
