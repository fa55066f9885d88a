/* links: engine model lib_regex lib */
/* Break-glass as a table: whom the environment names, who asks, who else said a word, and whether
 * it opens the gate. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/gates/gates.h"

#include <string.h>

#define HEAD  "3f2a91c0000000000000000000000000000000aa"
#define OLDER "9d01b770000000000000000000000000000000bb"

enum { PLANNED = 100, BEFORE = 90, AFTER = 110, MOST = 8 };

/* Who asks is zoe, unless a row says so; nobody has approved, and the base would want two. */
static const struct glass_case {
	const char *name, *users[3], *teams[2];
	const char *said; /* "carol+": approved; "-": asks for changes; "e": before the plan; "o":
			     an older head; "b": a bot; "." withdrew */
	const char *why;  /* "": it is open; else part of what is missing */
	const char *initiator;
	bool second;
	enum host_word may_write; /* of who asks; 0: yes */
	bool is_silent, no_host, no_plan, plan_failed, from_fork, is_changed, is_frozen,
		no_projects;
} glass_cases[] = {
	/* who */
	{ "a named person", { "zoe" }, { 0 }, "", "" },
	{ "in other letters", { "ZOE" }, { 0 }, "", "" },
	{ "of several", { "ann", "zoe" }, { 0 }, "", "" },
	{ "somebody else", { "ann" }, { 0 }, "",
		"break-glass for p does not hold: zoe: is not one of ann" },
	{ "nobody is named", { 0 }, { 0 }, "", "its environment names nobody for it" },
	{ "nobody asks", { "zoe" }, { 0 }, "", "break-glass", .initiator = "" },
	{ "of a team", { 0 }, { "oncall" }, "", "", .initiator = "carol" },
	{ "not of the team", { 0 }, { "oncall" }, "", "is not one of oncall" },
	{ "of a team that nobody knows", { 0 }, { "ghosts" }, "",
		"nobody can say whether they are in ghosts", .initiator = "carol" },
	{ "of the team or named", { "zoe" }, { "ghosts" }, "", "" },
	{ "the author", { "alice" }, { 0 }, "", "", .initiator = "alice" },
	{ "who may no longer write", { "zoe" }, { 0 }, "", "cannot write here",
		.may_write = WORD_NO },
	{ "of whom the host does not say", { "zoe" }, { 0 }, "",
		"does not say whether they may write", .is_silent = true },
	/* above what it stands */
	{ "whatever rules say", { "zoe" }, { 0 }, "bob+", "" },
	{ "a veto", { "zoe" }, { 0 }, "carol-", "" },
	{ "a freeze", { "zoe" }, { 0 }, "", "", .is_frozen = true },
	/* and above what it does not */
	{ "no plan", { "zoe" }, { 0 }, "", "there is no finished plan", .no_plan = true },
	{ "a plan that failed", { "zoe" }, { 0 }, "", "a plan failed", .plan_failed = true },
	{ "a fork", { "zoe" }, { 0 }, "", "from forks", .from_fork = true },
	{ "a set that was changed", { "zoe" }, { 0 }, "", "its seal is broken",
		.is_changed = true },
	{ "a host that says nothing", { "zoe" }, { 0 }, "", "it went away", .no_host = true },
	{ "no project", { "zoe" }, { 0 }, "", "there", .no_projects = true, .no_plan = true },
	/* the second person */
	{ "alone where two are asked for", { "zoe", "ann" }, { 0 }, "",
		"second person for p does not hold: 0 of 1", .second = true },
	{ "with another of them", { "zoe", "ann" }, { 0 }, "ann+", "", .second = true },
	{ "with another of the team", { "zoe" }, { "oncall" }, "carol+", "", .second = true },
	{ "with oneself", { "zoe", "ann" }, { 0 }, "zoe+", "0 of 1", .second = true },
	{ "with somebody who is not named", { "zoe", "ann" }, { 0 }, "bob+", "0 of 1",
		.second = true },
	{ "who approved before the plan", { "zoe", "ann" }, { 0 }, "anne", "0 of 1",
		.second = true },
	{ "who approved an older head", { "zoe", "ann" }, { 0 }, "anno", "0 of 1", .second = true },
	{ "who took it back", { "zoe", "ann" }, { 0 }, "ann+ ann.", "0 of 1", .second = true },
	{ "who asks for changes now", { "zoe", "ann" }, { 0 }, "ann+ ann-", "0 of 1",
		.second = true },
	{ "who is a bot", { "zoe", "ann" }, { 0 }, "annb", "0 of 1", .second = true },
	{ "the second does not make the first", { "ann" }, { 0 }, "ann+", "zoe: is not one of ann",
		.second = true },
};

struct built {
	struct gate_facts facts;
	struct gate_opinion opinions[MOST];
	struct host_person people[MOST];
	struct host_facts host;
	struct project_guard guard;
	struct gate_project project;
	struct gate_freeze freeze;
};

static struct name_list names(const char *const *list, size_t most)
{
	struct name_list names = { (const char **)(uintptr_t)list, 0 };

	while (names.count < most && list[names.count] != NULL)
		names.count++;
	return names;
}

static void add_words(struct built *built, const char *said, struct arena *arena)
{
	while (*said != '\0') {
		size_t length = strcspn(said, " ");
		char sign = said[length - 1];

		built->opinions[built->facts.opinion_count++] =
			(struct gate_opinion){ .ledger = sign == 'e' ? BEFORE : AFTER,
				.kind = sign == '-'   ? VCS_CHANGES_REQUESTED
					: sign == '.' ? VCS_REVIEW_DISMISSED
						      : VCS_APPROVED,
				.person = arena_strndup(arena, said, length - 1),
				.is_bot = sign == 'b',
				.may_write = true,
				.head = sign == 'o' ? OLDER : HEAD,
				.review_head = "" };
		said += length + (said[length] == ' ');
	}
	for (size_t i = 0; i < built->facts.opinion_count; i++)
		built->people[built->host.person_count++] =
			(struct host_person){ built->opinions[i].person, WORD_YES };
}

static void build(const struct glass_case *row, struct built *built, struct arena *arena)
{
	static const struct host_member members[] = { { "oncall", "carol", WORD_YES },
		{ "oncall", "zoe", WORD_NO }, { "oncall", "bob", WORD_NO },
		{ "ghosts", "carol", WORD_UNKNOWN } };
	static struct approval_rule two = {
		.name = "two", .if_more_than = -1, .require = { .count = 2 }, .binds_to_plan = true
	};
	static struct freeze weekend = {
		.cron = "* * * * *", .timezone = "UTC", .reason = "weekend", .for_ms = 1
	};
	const char *asks = row->initiator == NULL ? "zoe" : row->initiator;

	*built = (struct built){ .facts = { .author = "alice",
					 .pusher = "paula",
					 .initiator = asks,
					 .head = HEAD,
					 .breaks_glass = true,
					 .has_plan = !row->no_plan,
					 .plan_failed = row->plan_failed,
					 .from_fork = row->from_fork,
					 .set_problem = row->is_changed ? "its seal is broken"
									: NULL,
					 .plan_ledger = PLANNED,
					 .asks_host = true,
					 .host_problem = "it went away",
					 .project_count = row->no_projects ? 0 : 1 } };
	add_words(built, row->said, arena);
	if (!row->is_silent)
		built->people[built->host.person_count++] = (struct host_person){ asks,
			row->may_write == WORD_UNKNOWN ? WORD_YES : row->may_write };
	built->host.people = built->people;
	built->host.members = (struct host_member *)(uintptr_t)members;
	built->host.member_count = countof(members);
	built->guard = (struct project_guard){ .environment = "live",
		.rules = &two,
		.rule_count = 1,
		.freezes = &weekend,
		.freeze_count = row->is_frozen,
		.break_glass = { .people = { 1, names(row->teams, countof(row->teams)),
					 names(row->users, countof(row->users)) },
			.needs_second = row->second } };
	built->freeze.is_on = true;
	built->project = (struct gate_project){
		.name = "p", .guard = &built->guard, .freezes = &built->freeze
	};
	built->facts.opinions = built->opinions;
	built->facts.host = row->no_host ? NULL : &built->host;
	built->facts.projects = &built->project;
}

static void judges(void **state)
{
	const struct glass_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_verdict verdict;
	struct built built;
	bool shows_rules = false;

	build(row, &built, &arena);
	gates_decide(&built.facts, &arena, &verdict);
	if (row->why[0] == '\0')
		assert_string_equal(verdict.missing, "");
	else
		assert_contains(verdict.missing, row->why);
	assert_int_equal(verdict.open, row->why[0] == '\0');
	assert_true(verdict.is_broken);
	for (size_t i = 0; i < verdict.rule_count; i++)
		shows_rules = shows_rules || str_equal(verdict.rules[i].name, "two");
	assert_int_equal(shows_rules, !row->no_projects); /* what did not hold stays to be read */
}

/* Who does not say so opens nothing by being named. */
static void must_be_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(glass_cases); i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct gate_verdict verdict;
		struct built built;

		build(&glass_cases[i], &built, &arena);
		built.facts.breaks_glass = false;
		gates_decide(&built.facts, &arena, &verdict);
		assert_false(verdict.open);
		assert_false(verdict.is_broken);
	}
}

int main(int argc, char **argv)
{
	CASES(glass_cases, judges);
	CASE(must_be_said);
	return cases_run(argc, argv);
}
