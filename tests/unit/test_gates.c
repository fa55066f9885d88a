/* links: engine model lib_regex lib */
/* The gate as a table: who said what and when, and what follows. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/gates/gates.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

#define HEAD  "3f2a91c0000000000000000000000000000000aa"
#define OLDER "9d01b770000000000000000000000000000000bb"

enum { PLANNED = 100, BEFORE = 90, AFTER = 110, OPINIONS_MAX = 6 };

#define OK(who)                                                                                    \
	{                                                                                          \
		AFTER, VCS_APPROVED, who, false, true, HEAD, ""                                    \
	}
#define NO(who)                                                                                    \
	{                                                                                          \
		AFTER, VCS_CHANGES_REQUESTED, who, false, true, HEAD, ""                           \
	}
#define GONE(who)                                                                                  \
	{                                                                                          \
		AFTER, VCS_REVIEW_DISMISSED, who, false, true, HEAD, ""                            \
	}
#define BOT(who)                                                                                   \
	{                                                                                          \
		AFTER, VCS_APPROVED, who, true, true, HEAD, ""                                     \
	}
#define READER(who)                                                                                \
	{                                                                                          \
		AFTER, VCS_APPROVED, who, false, false, HEAD, ""                                   \
	}
#define EARLY(who)                                                                                 \
	{                                                                                          \
		BEFORE, VCS_APPROVED, who, false, true, HEAD, ""                                   \
	}
#define OLD(who)                                                                                   \
	{                                                                                          \
		BEFORE, VCS_APPROVED, who, false, true, OLDER, ""                                  \
	}
#define ON(who, oid)                                                                               \
	{                                                                                          \
		AFTER, VCS_APPROVED, who, false, true, HEAD, oid                                   \
	}

#define NEEDED	   "one approval of this plan is needed from somebody who did not write it"
#define TWO_NEEDED "two approvals of this plan are needed from people who did not write it"

static const struct gate_case {
	const char *name;
	struct gate_opinion opinions[OPINIONS_MAX]; /* ends with a person that is NULL */
	const char *votes;			    /* "bob yes, alice author" */
	bool open;
	const char *missing;   /* part of it */
	const char *initiator; /* NULL: "alice", the author */
	const char *pusher;    /* NULL: "alice" */
	const char *writer;    /* NULL: "Alice <alice@example.org>" alone */
	const char *writer_email;
	bool no_plan, plan_failed, from_fork;
} gate_cases[] = {
	/* nobody, and one */
	{ "nobody", { { 0 } }, "", false, NEEDED },
	{ "one other", { OK("bob") }, "bob yes", true, "" },
	{ "one other applies", { OK("bob") }, "bob yes", true, "", .initiator = "bob" },
	{ "a third applies", { OK("bob") }, "bob yes", true, "", .initiator = "dave" },
	{ "two others", { OK("bob"), OK("dave") }, "bob yes, dave yes", true, "" },
	/* the author */
	{ "author", { OK("alice") }, "alice author", false, "your own does not count" },
	{ "author in other letters", { OK("ALICE") }, "ALICE author", false, "your own" },
	{ "author, another applies", { OK("alice") }, "alice author", false, NEEDED,
		.initiator = "bob" },
	{ "author and another", { OK("alice"), OK("bob") }, "alice author, bob yes", true, "" },
	{ "author asks for changes", { NO("alice"), OK("bob") }, "alice author, bob yes", true,
		"" },
	/* who pushed */
	{ "pusher", { OK("carol") }, "carol pushed `3f2a91c`", false, NEEDED, .pusher = "carol" },
	{ "pusher in other letters", { OK("Carol") }, "Carol pushed `3f2a91c`", false, NEEDED,
		.pusher = "cAROL" },
	{ "pusher and another", { OK("carol"), OK("bob") }, "carol pushed `3f2a91c`, bob yes", true,
		"", .pusher = "carol" },
	{ "pusher unknown", { OK("bob") }, "bob yes", false, TWO_NEEDED, .pusher = "" },
	{ "pusher not told", { OK("bob") }, "bob yes", false, TWO_NEEDED, .pusher = VCS_SOMEBODY },
	{ "pusher not told, two others", { OK("bob"), OK("dave") }, "bob yes, dave yes", true, "",
		.pusher = VCS_SOMEBODY },
	{ "pusher not told, one twice", { OK("bob"), OK("Bob") }, "Bob yes", false, TWO_NEEDED,
		.pusher = VCS_SOMEBODY },
	{ "pusher not told, the author and another", { OK("alice"), OK("bob") },
		"alice author, bob yes", false, TWO_NEEDED, .pusher = VCS_SOMEBODY },
	/* who wrote commits */
	{ "writer by name", { OK("carol") }, "carol wrote commits of this pull request", false,
		NEEDED, .writer = "Carol", .writer_email = "c@x" },
	{ "writer by e-mail", { OK("carol") }, "carol wrote commits of this pull request", false,
		NEEDED, .writer = "C.", .writer_email = "Carol@example.org" },
	{ "writer by numbered e-mail", { OK("carol") }, "carol wrote commits of this pull request",
		false, NEEDED, .writer = "C.",
		.writer_email = "1234+carol@users.noreply.example.org" },
	{ "writer by tagged e-mail", { OK("carol") }, "carol wrote commits of this pull request",
		false, NEEDED, .writer = "C.", .writer_email = "carol+work@example.org" },
	{ "writer by whole e-mail", { OK("c@x") }, "c@x wrote commits of this pull request", false,
		NEEDED, .writer = "C.", .writer_email = "c@x" },
	{ "somebody else wrote", { OK("bob") }, "bob yes", true, "", .writer = "Carol",
		.writer_email = "carol@x" },
	{ "a longer name", { OK("carola") }, "carola yes", true, "", .writer = "Carol",
		.writer_email = "carol@x" },
	{ "nameless writer", { OK("bob") }, "bob yes", true, "", .writer = "", .writer_email = "" },
	/* bots, readers, nobody */
	{ "bot", { BOT("ci") }, "ci bot", false, NEEDED },
	{ "bot and another", { BOT("ci"), OK("bob") }, "ci bot, bob yes", true, "" },
	{ "bot cannot veto",
		{ { AFTER, VCS_CHANGES_REQUESTED, "ci", true, true, HEAD, "" }, OK("bob") },
		"ci bot, bob yes", true, "" },
	{ "reader", { READER("eve") }, "eve cannot write here", false, NEEDED },
	{ "reader cannot veto",
		{ { AFTER, VCS_CHANGES_REQUESTED, "eve", false, false, HEAD, "" }, OK("bob") },
		"eve cannot write here, bob yes", true, "" },
	{ "lost the right to write", { OK("eve"), READER("eve") }, "eve cannot write here", false,
		NEEDED },
	{ "got the right to write", { READER("eve"), OK("eve") }, "eve yes", true, "" },
	{ "a person without a name", { OK("") }, "somebody unknown", false, NEEDED },
	/* when */
	{ "before the plan", { EARLY("bob") }, "bob approved before this plan", false, NEEDED },
	{ "at the plan's last row", { { PLANNED, VCS_APPROVED, "bob", false, true, HEAD, "" } },
		"bob approved before this plan", false, NEEDED },
	{ "right after it", { { PLANNED + 1, VCS_APPROVED, "bob", false, true, HEAD, "" } },
		"bob yes", true, "" },
	{ "an older push", { OLD("bob") }, "bob approved `9d01b77`, before this plan", false,
		NEEDED },
	{ "an older push, then this one", { OLD("bob"), OK("bob") }, "bob yes", true, "" },
	{ "this one, then an older push again", /* rows never go back; if they did: not counted */
		{ OK("bob"), OLD("bob") }, "bob approved `9d01b77`, before this plan", false,
		NEEDED },
	/* the host's word on the commit can only veto */
	{ "the host names this head", { ON("bob", HEAD) }, "bob yes", true, "" },
	{ "the host names another", { ON("bob", OLDER) },
		"bob approved `9d01b77`, before this plan", false, NEEDED },
	{ "the host moves an old approval",
		{ { BEFORE, VCS_APPROVED, "bob", false, true, OLDER, HEAD } },
		"bob approved `9d01b77`, before this plan", false, NEEDED },
	{ "the host names nonsense", { ON("bob", "@everyone `x`") },
		"bob approved another commit, before this plan", false, NEEDED },
	{ "the host names a short one", { ON("bob", "3f2a91c") },
		"bob approved `3f2a91c`, before this plan", false, NEEDED },
	{ "the host names capitals", { ON("bob", "3F2A91C") },
		"bob approved another commit, before this plan", false, NEEDED },
	/* changes asked for */
	{ "change request alone", { NO("bob") }, "bob asked for changes", false,
		"bob asked for changes" },
	{ "one against one", { OK("bob"), NO("dave") }, "bob yes, dave asked for changes", false,
		"dave asked for changes, and must approve or withdraw that" },
	{ "changed her mind", { NO("dave"), OK("dave") }, "dave yes", true, "" },
	{ "changed his mind back", { OK("bob"), NO("bob") }, "bob asked for changes", false,
		"bob asked for changes" },
	{ "in other letters", { NO("Dave"), OK("dAVE") }, "dAVE yes", true, "" },
	{ "change request dismissed", { NO("dave"), GONE("dave"), OK("bob") },
		"dave withdrawn, bob yes", true, "" },
	{ "change request on an older push still stands",
		{ { BEFORE, VCS_CHANGES_REQUESTED, "dave", false, true, OLDER, "" }, OK("bob") },
		"dave asked for changes, bob yes", false, "dave asked for changes" },
	{ "writer of commits cannot veto", { NO("carol"), OK("bob") },
		"carol wrote commits of this pull request, bob yes", true, "", .writer = "Carol",
		.writer_email = "c@x" },
	/* withdrawn */
	{ "approval dismissed", { OK("bob"), GONE("bob") }, "bob withdrawn", false, NEEDED },
	{ "dismissed, then given again", { OK("bob"), GONE("bob"), OK("bob") }, "bob yes", true,
		"" },
	{ "dismissed only", { GONE("bob") }, "bob withdrawn", false, NEEDED },
	{ "another's is dismissed", { OK("bob"), OK("dave"), GONE("dave") },
		"bob yes, dave withdrawn", true, "" },
	/* rows that are no opinion */
	{ "a comment changes nothing",
		{ OK("bob"), { AFTER, VCS_COMMENT, "bob", false, true, HEAD, "" } }, "bob yes",
		true, "" },
	{ "a comment is no approval", { { AFTER, VCS_COMMENT, "bob", false, true, HEAD, "" } }, "",
		false, NEEDED },
	/* no plan, a bad plan, a fork: closed whoever approves */
	{ "no plan", { OK("bob") }, "bob yes", false, "no finished plan", .no_plan = true },
	{ "plan failed", { OK("bob") }, "bob yes", false, "a plan failed", .plan_failed = true },
	{ "fork", { OK("bob") }, "bob yes", false, "forks are not applied", .from_fork = true },
	{ "no plan, nobody", { { 0 } }, "", false, "no finished plan", .no_plan = true },
	/* a whole life */
	{ "all that can happen",
		{ OLD("bob"), EARLY("dave"), OK("alice"), BOT("ci"), READER("eve"), OK("bob") },
		"dave approved before this plan, alice author, ci bot, eve cannot write here, bob "
		"yes",
		true, "" },
};

static size_t opinion_count(const struct gate_case *row)
{
	size_t count = 0;

	while (count < OPINIONS_MAX && row->opinions[count].person != NULL)
		count++;
	return count;
}

static struct gate_facts facts_of(const struct gate_case *row, struct identity people[2])
{
	people[0] = (struct identity){ "Alice", "alice@example.org" };
	people[1] = (struct identity){ row->writer, row->writer_email };
	return (struct gate_facts){ .author = "alice",
		.pusher = row->pusher == NULL ? "alice" : row->pusher,
		.initiator = row->initiator == NULL ? "alice" : row->initiator,
		.head = HEAD,
		.has_plan = !row->no_plan,
		.plan_failed = row->plan_failed,
		.from_fork = row->from_fork,
		.plan_ledger = PLANNED,
		.people = people,
		.people_count = row->writer == NULL ? 1 : 2,
		.opinions = row->opinions,
		.opinion_count = opinion_count(row) };
}

static void decides(void **state)
{
	const struct gate_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf votes = STRBUF(4096);
	struct identity people[2];
	struct gate_facts facts = facts_of(row, people);
	struct gate_verdict verdict;
	int counted = 0;

	gates_decide(&facts, &arena, &verdict);
	for (size_t i = 0; i < verdict.vote_count; i++) {
		strbuf_printf(&votes, "%s%s %s", i == 0 ? "" : ", ", verdict.votes[i].person,
			verdict.votes[i].counts ? "yes" : verdict.votes[i].why);
		counted += verdict.votes[i].counts;
	}
	assert_string_equal(strbuf_text(&votes), row->votes);
	assert_int_equal(verdict.open, row->open);
	assert_int_equal(verdict.have, counted);
	assert_int_equal(verdict.need,
		facts.pusher[0] == '\0' || strcmp(facts.pusher, VCS_SOMEBODY) == 0 ? 2 : 1);
	if (row->open)
		assert_string_equal(verdict.missing, "");
	else
		assert_contains(verdict.missing, row->missing);
}

/* Facts that are not known yet never open it. */
static void knows_nothing(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_opinion opinion = { 5, VCS_APPROVED, "bob", false, true, "", NULL };
	struct gate_facts facts = { .head = "", .opinions = &opinion, .opinion_count = 1 };
	struct gate_verdict verdict;

	(void)state;
	gates_decide(&facts, &arena, &verdict);
	assert_false(verdict.open);
	facts.has_plan = true;
	gates_decide(&facts, &arena, &verdict);
	assert_false(verdict.open);
}

static const struct likeness {
	const char *name; /* the login */
	const char *written, *email;
	bool is_same;
} likenesses[] = {
	{ "bob", "bob", "", true },
	{ "bob", "BOB", "x@y", true },
	{ "Bob", "x", "bob@y", true },
	{ "bob", "x", "bob", true },
	{ "bob", "x", "bob+x@y", true },
	{ "bob", "x", "7+bob@y", true },
	{ "bob", "x", "7+8+bob@y", false },
	{ "bob", "Bob Builder", "builder@y", false },
	{ "bob", "x", "bobby@y", false },
	{ "bobby", "x", "bob@y", false },
	{ "bob", "x", "x@bob", false },
	{ "bob@y", "x", "bob@y", true },
	{ "", "", "", false },
	{ "", "x", "@y", false },
	{ "", "x", "+@y", false },
};

static void is_the_same_person(void **state)
{
	const struct likeness *row = *state;
	struct identity identity = { row->written, row->email };

	assert_int_equal(gates_person_is(row->name, &identity), row->is_same);
}

int main(int argc, char **argv)
{
	CASES(gate_cases, decides);
	CASE(knows_nothing);
	CASES(likenesses, is_the_same_person);
	return cases_run(argc, argv);
}
