/* links: engine store model lib_loop lib */
/* Who may open the gate, and what each vote is told. In the tables alice is the author, carol
 * pushed, dave is among the committers; the plan became final at ledger row 10, on head "h". */
#include "orchestrator/engine/gates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "1111111111111111111111111111111111111111"
#define OLD  "2222222222222222222222222222222222222222"

enum { MOST = 5 };

struct gate_case {
	const char *what;
	struct gate_opinion opinions[MOST];
	bool open;
	const char *why; /* of the last vote */
	bool no_plan, failed, fork;
};

#define APPROVE(who)                                                                               \
	{                                                                                          \
		.ledger = 11, .kind = VCS_APPROVED, .person = who, .may_write = true, .head = HEAD \
	}
#define AT(who, row, commit)                                                                       \
	{                                                                                          \
		.ledger = row, .kind = VCS_APPROVED, .person = who, .may_write = true,             \
		.head = commit                                                                     \
	}
#define REQUEST(who)                                                                               \
	{                                                                                          \
		.ledger = 12, .kind = VCS_CHANGES_REQUESTED, .person = who, .may_write = true,     \
		.head = HEAD                                                                       \
	}
#define DISMISS(who)                                                                               \
	{                                                                                          \
		.ledger = 13, .kind = VCS_REVIEW_DISMISSED, .person = who, .may_write = true,      \
		.head = HEAD                                                                       \
	}

static const struct gate_case cases[] = {
	{ "nobody", {}, false },
	{ "somebody else", { APPROVE("bob") }, true, "counted" },
	{ "two others", { APPROVE("bob"), APPROVE("erin") }, true, "counted" },
	{ "the author", { APPROVE("alice") }, false, "author" },
	{ "the author in capitals", { APPROVE("ALICE") }, false, "author" },
	{ "who pushed", { APPROVE("carol") }, false, "pushed `1111111`" },
	{ "a committer by name", { APPROVE("dave") }, false, "wrote commits of this pull request" },
	{ "a committer by e-mail", { APPROVE("d.avis") }, false,
		"wrote commits of this pull request" },
	{ "a committer in capitals", { APPROVE("Dave") }, false,
		"wrote commits of this pull request" },
	{ "the author and another", { APPROVE("alice"), APPROVE("bob") }, true, "counted" },
	{ "another, then the author", { APPROVE("bob"), APPROVE("alice") }, true, "author" },
	{ "a bot",
		{ { .ledger = 11,
			.kind = VCS_APPROVED,
			.person = "bot",
			.is_bot = true,
			.may_write = true,
			.head = HEAD } },
		false, "is a bot" },
	{ "a reader", { { .ledger = 11, .kind = VCS_APPROVED, .person = "bob", .head = HEAD } },
		false, "may not write here" },
	{ "before the plan", { AT("bob", 9, HEAD) }, false, "approved before this plan" },
	{ "at the plan's last row", { AT("bob", 10, HEAD) }, false, "approved before this plan" },
	{ "before this push", { AT("bob", 11, OLD) }, false,
		"approved `2222222`, before this push" },
	{ "before and again", { AT("bob", 5, OLD), APPROVE("bob") }, true, "counted" },
	{ "the host names another commit",
		{ { .ledger = 11,
			.kind = VCS_APPROVED,
			.person = "bob",
			.may_write = true,
			.head = HEAD,
			.review_head = OLD } },
		false, "reviewed another commit" },
	{ "the host names this commit",
		{ { .ledger = 11,
			.kind = VCS_APPROVED,
			.person = "bob",
			.may_write = true,
			.head = HEAD,
			.review_head = HEAD } },
		true, "counted" },
	{ "approved, then dismissed", { APPROVE("bob"), DISMISS("bob") }, false, "withdrawn" },
	{ "dismissed, then approved", { DISMISS("bob"), APPROVE("bob") }, true, "counted" },
	{ "approved, then asked for changes", { APPROVE("bob"), REQUEST("bob") }, false,
		"asked for changes" },
	{ "asked for changes, then approved", { REQUEST("bob"), APPROVE("bob") }, true, "counted" },
	{ "one approves, one asks for changes", { APPROVE("bob"), REQUEST("erin") }, false,
		"asked for changes" },
	{ "one asks for changes, one approves", { REQUEST("erin"), APPROVE("bob") }, false,
		"counted" },
	{ "changes asked for and withdrawn", { APPROVE("bob"), REQUEST("erin"), DISMISS("erin") },
		true, "withdrawn" },
	{ "the author asks for changes", { APPROVE("bob"), REQUEST("alice") }, true, "author" },
	{ "a reader asks for changes",
		{ APPROVE("bob"), { .ledger = 12,
					  .kind = VCS_CHANGES_REQUESTED,
					  .person = "erin",
					  .head = HEAD } },
		true, "may not write here" },
	{ "a bot asks for changes",
		{ APPROVE("bob"), { .ledger = 12,
					  .kind = VCS_CHANGES_REQUESTED,
					  .person = "b",
					  .is_bot = true,
					  .may_write = true,
					  .head = HEAD } },
		true, "is a bot" },
	{ "one person twice is one", { APPROVE("bob"), APPROVE("BOB") }, true, "counted" },
	{ "a capital withdraws", { APPROVE("bob"), DISMISS("BOB") }, false, "withdrawn" },
	{ "no plan", { APPROVE("bob") }, false, "counted", .no_plan = true },
	{ "a plan failed", { APPROVE("bob") }, false, "counted", .failed = true },
	{ "a fork", { APPROVE("bob") }, false, "counted", .fork = true },
	{ "nobody's name is empty", { APPROVE("") }, true, "counted" },
	{ "old and new of others", { AT("erin", 3, OLD), APPROVE("bob") }, true, "counted" },
	{ "all old", { AT("erin", 3, OLD), AT("bob", 4, OLD), AT("frank", 5, OLD) }, false,
		"approved `2222222`, before this push" },
};

static void test_table(_unused_ void **state)
{
	static const struct identity people[] = { { "dave", "d.avis@example.org" },
		{ "Alice A.", "alice@example.org" } };

	for (size_t i = 0; i < countof(cases); i++) {
		const struct gate_case *row = &cases[i];
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct gate_facts facts = { .author = "alice",
			.pusher = "carol",
			.initiator = "alice",
			.head = HEAD,
			.has_plan = !row->no_plan,
			.plan_failed = row->failed,
			.from_fork = row->fork,
			.plan_ledger = 10,
			.people = people,
			.people_count = countof(people),
			.opinions = row->opinions };
		struct gate_verdict verdict;

		while (facts.opinion_count < MOST &&
			row->opinions[facts.opinion_count].person != NULL)
			facts.opinion_count++;
		gates_decide(&facts, &arena, &verdict);
		if (verdict.open != row->open)
			fail_msg("%s: the gate is %s", row->what, verdict.open ? "open" : "closed");
		assert_true(verdict.open == str_empty(verdict.missing));
		if (row->why != NULL &&
			!str_equal(verdict.votes[verdict.vote_count - 1].why, row->why))
			fail_msg("%s: told \"%s\"", row->what,
				verdict.votes[verdict.vote_count - 1].why);
	}
}

static void test_identities(_unused_ void **state)
{
	static const struct {
		const char *login, *name, *email;
		bool same;
	} rows[] = {
		{ "bob", "bob", "x@y", true },
		{ "bob", "Bob", "x@y", true },
		{ "bob", "Bob Smith", "bob@example.org", true },
		{ "bob", "Bob Smith", "BOB@example.org", true },
		{ "bob", "Bob Smith", "bobby@example.org", false },
		{ "bob", "Bob Smith", "bo@example.org", false },
		{ "bob", "Bob Smith", "bob", true },
		{ "bob", "", "", false },
		{ "", "", "", false },
		{ "", "", "@example.org", false },
		{ "example.org", "x", "bob@example.org", false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct identity identity = { rows[i].name, rows[i].email };

		assert_int_equal(gates_person_is(rows[i].login, &identity), rows[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
