/* links: engine model lib_regex lib */
/* The rules of environments as a table: a rule or two, who said what, what the plan does, and
 * whether it may be applied. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/gates/gates.h"

#include <stdlib.h>
#include <string.h>

/* a rule says only what is different from the usual one */
#pragma GCC diagnostic ignored "-Woverride-init"

#define HEAD  "3f2a91c0000000000000000000000000000000aa"
#define OLDER "9d01b770000000000000000000000000000000bb"

enum { PLANNED = 100, BEFORE = 90, AFTER = 110, MOST = 16 };

/* carol and dave are of platform, erin of security; of ghosts nobody knows anything. */
static const struct host_member memberships[] = { { "platform", "carol", WORD_YES },
	{ "platform", "dave", WORD_YES }, { "platform", "bob", WORD_NO },
	{ "platform", "erin", WORD_NO }, { "platform", "alice", WORD_NO },
	{ "platform", "walter", WORD_YES }, { "security", "erin", WORD_YES },
	{ "security", "bob", WORD_NO }, { "security", "carol", WORD_NO },
	{ "security", "dave", WORD_NO }, { "ghosts", "carol", WORD_UNKNOWN } };

#define LIST(...)                                                                                  \
	{                                                                                          \
		(const char *[]){ __VA_ARGS__ },                                                   \
			sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                   \
	}
#define ALL (EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_INITIATOR | EXCLUDE_BOTS)
#define RULE(...)                                                                                  \
	{                                                                                          \
		.name = "r", .if_more_than = -1, .require = { .count = 1 }, .exclude = ALL,        \
		.binds_to_plan = true, __VA_ARGS__                                                 \
	}
#define N(n)	    .require = { .count = (n) }
#define OF(n, team) .require = { .count = (n), .teams = LIST(team) }
#define WITH(n, team)                                                                              \
	.including = (struct people_rule[]){ { .count = (n), .teams = LIST(team) } },              \
	.including_count = 1

#define AS_ATLANTIS (REQUIRE_APPROVED | REQUIRE_AS_ATLANTIS)

static const struct rule_case {
	const char *name;
	struct approval_rule rules[3]; /* the first without a name ends them */
	/* "bob+" approves; "-" asks for changes, "." withdraws, "e" approved before the plan, "o"
	 * an older head, "b" is a bot, "r" a reader, "w" the host no longer lets write, "?" it does
	 * not say */
	const char *said;
	const char *why; /* "": it is open; else part of what is missing */
	const char
		*plan; /* "delete=1 type=aws_iam_role code"; NULL: it creates one; "?": not known */
	const char *labels;	 /* "a b"; "?": not known */
	const char *initiator;	 /* NULL: zoe, who has no part in it */
	const char *author;	 /* NULL: alice */
	const char *environment; /* NULL: "live" */
	const char *pusher;	 /* NULL: paula */
	unsigned requires;
	enum host_word mergeable, undiverged, approved;
	const char *owners[3];
	bool no_host, no_policies;
	int frozen; /* 1: a freeze is on, 2: nobody can say, 3: it is off */
} rule_cases[] = {
	/* how many */
	{ "one of one", { RULE(N(1)) }, "bob+", "" },
	{ "none of one", { RULE(N(1)) }, "", "r (0 of 1)" },
	{ "one of two", { RULE(N(2)) }, "bob+", "r (1 of 2: bob)" },
	{ "two of two", { RULE(N(2)) }, "bob+ carol+", "" },
	{ "three of two", { RULE(N(2)) }, "bob+ carol+ dave+", "" },
	{ "twice the same of two", { RULE(N(2)) }, "bob+ bob+", "r (1 of 2: bob)" },
	{ "twice the same in other letters", { RULE(N(2)) }, "bob+ BOB+", "r (1 of 2: BOB)" },
	{ "five of five", { RULE(N(5)) }, "bob+ carol+ dave+ erin+ frank+", "" },
	{ "four of five", { RULE(N(5)) }, "bob+ carol+ dave+ erin+", "4 of 5" },
	/* of whom */
	{ "of a team", { RULE(OF(1, "platform")) }, "carol+", "" },
	{ "of another team", { RULE(OF(1, "platform")) }, "bob+", "r (0 of 1 of platform)" },
	{ "two of a team", { RULE(OF(2, "platform")) }, "carol+ dave+", "" },
	{ "one of two of a team", { RULE(OF(2, "platform")) }, "carol+ bob+",
		"1 of 2 of platform" },
	{ "of a team that nobody knows", { RULE(OF(1, "ghosts")) }, "carol+", "0 of 1 of ghosts" },
	{ "of a team that nobody was asked about", { RULE(OF(1, "nowhere")) }, "carol+",
		"0 of 1 of nowhere" },
	{ "of one of two teams",
		{ RULE(.require = { .count = 1, .teams = LIST("platform", "security") }) }, "erin+",
		"" },
	{ "of none of two teams",
		{ RULE(.require = { .count = 1, .teams = LIST("platform", "security") }) }, "bob+",
		"0 of 1 of platform or security" },
	{ "of a known and an unknown team, in the known one",
		{ RULE(.require = { .count = 1, .teams = LIST("ghosts", "platform") }) }, "carol+",
		"" },
	{ "named", { RULE(.require = { .count = 1, .users = LIST("bob") }) }, "bob+", "" },
	{ "named in other letters", { RULE(.require = { .count = 1, .users = LIST("BoB") }) },
		"bob+", "" },
	{ "not named", { RULE(.require = { .count = 1, .users = LIST("bob") }) }, "carol+",
		"0 of 1 of bob" },
	{ "named or of a team",
		{ RULE(.require = { .count = 2,
			       .teams = LIST("platform"),
			       .users = LIST("bob") }) },
		"bob+ carol+", "" },
	/* among them */
	{ "including one of a team", { RULE(N(2), WITH(1, "platform")) }, "bob+ carol+", "" },
	{ "including nobody of it", { RULE(N(2), WITH(1, "platform")) }, "bob+ erin+",
		"2 of 2: bob, erin; 1 more of platform" },
	{ "the one of it, and too few", { RULE(N(2), WITH(1, "platform")) }, "carol+",
		"r (1 of 2: carol)" },
	{ "including is part of the count", { RULE(N(1), WITH(1, "platform")) }, "carol+", "" },
	{ "including two, one there", { RULE(N(2), WITH(2, "platform")) }, "carol+ bob+",
		"1 more of platform" },
	{ "nobody told who pushed", { RULE(N(1)) }, "bob+", "r (1 of 2: bob; one more than else",
		.pusher = VCS_SOMEBODY },
	{ "nobody told who pushed, one more", { RULE(N(1)) }, "bob+ carol+", "",
		.pusher = VCS_SOMEBODY },
	{ "nobody told who pushed, who may approve", { RULE(N(1), .exclude = EXCLUDE_AUTHOR) },
		"bob+", "", .pusher = VCS_SOMEBODY },
	{ "nobody told who pushed, of a team", { RULE(OF(1, "platform")) }, "carol+ bob+",
		"1 of 2 of platform", .pusher = VCS_SOMEBODY },
	{ "nobody told who pushed, one of a part", { RULE(N(1), WITH(1, "platform")) },
		"carol+ bob+", "1 more of platform", .pusher = VCS_SOMEBODY },
	{ "nobody told who pushed, two of a part", { RULE(N(1), WITH(1, "platform")) },
		"carol+ dave+", "", .pusher = VCS_SOMEBODY },
	{ "including two, both there", { RULE(N(2), WITH(2, "platform")) }, "carol+ dave+", "" },
	{ "including of a team that nobody knows", { RULE(N(1), WITH(1, "ghosts")) }, "carol+",
		"1 more of ghosts, of which nobody can say who is in it" },
	{ "one person serves two parts",
		{ RULE(N(1),
			.including = (struct people_rule[]){ { .count = 1,
								     .teams = LIST("platform") },
				{ .count = 1, .users = LIST("carol") } },
			.including_count = 2) },
		"carol+", "" },
	{ "whose line of CODEOWNERS is missing",
		{ RULE(N(1),
			.including = (struct people_rule[]){ { .count = 1,
				.users = LIST("bob", "dave"),
				.source = "line 3 of CODEOWNERS" } },
			.including_count = 1) },
		"carol+", "1 more of bob or dave (line 3 of CODEOWNERS)" },
	{ "nobody knows whose word it needs", { RULE(N(1), .problem = "no CODEOWNERS") },
		"bob+ carol+", "r (no CODEOWNERS)" },
	{ "two parts, one missing",
		{ RULE(N(2),
			.including = (struct people_rule[]){ { .count = 1,
								     .teams = LIST("platform") },
				{ .count = 1, .teams = LIST("security") } },
			.including_count = 2) },
		"carol+ bob+", "1 more of security" },
	{ "two parts, both there",
		{ RULE(N(2),
			.including = (struct people_rule[]){ { .count = 1,
								     .teams = LIST("platform") },
				{ .count = 1, .teams = LIST("security") } },
			.including_count = 2) },
		"carol+ erin+", "" },
	{ "an excluded one does not serve a part", { RULE(N(1), WITH(1, "platform")) },
		"bob+ walter+", "1 more of platform" },
	/* two rules */
	{ "both hold", { RULE(N(1)), RULE(.name = "s", OF(1, "platform")) }, "carol+", "" },
	{ "one approval serves both", { RULE(OF(1, "platform")), RULE(.name = "s", N(1)) },
		"carol+", "" },
	{ "the first fails", { RULE(OF(1, "security")), RULE(.name = "s", N(1)) }, "carol+",
		"r (0 of 1 of security)" },
	{ "the second fails", { RULE(N(1)), RULE(.name = "s", N(2)) }, "carol+",
		"s (1 of 2: carol)" },
	{ "both fail", { RULE(N(1)), RULE(.name = "s", N(2)) }, "", "r (0 of 1); s (0 of 2)" },
	/* who is excluded */
	{ "author", { RULE(N(1)) }, "alice+", "r (0 of 1)" },
	{ "author in other letters", { RULE(N(1)) }, "ALICE+", "r (0 of 1)" },
	{ "author, allowed, but wrote commits", { RULE(.exclude = EXCLUDE_COMMITTERS) }, "alice+",
		"r (0 of 1)" },
	{ "author, allowed", { RULE(.exclude = EXCLUDE_COMMITTERS) }, "olga+", "",
		.author = "olga" },
	{ "author, not allowed", { RULE(.exclude = EXCLUDE_AUTHOR) }, "olga+", "r (0 of 1)",
		.author = "olga" },
	{ "a committer", { RULE(N(1)) }, "walter+", "r (0 of 1)" },
	{ "a committer, allowed", { RULE(.exclude = EXCLUDE_AUTHOR) }, "walter+", "" },
	{ "who pushed", { RULE(N(1)) }, "paula+", "r (0 of 1)" },
	{ "who pushed, allowed", { RULE(.exclude = EXCLUDE_AUTHOR) }, "paula+", "" },
	{ "who asked", { RULE(N(1)) }, "bob+", "r (0 of 1)", .initiator = "bob" },
	{ "who asked, in other letters", { RULE(N(1)) }, "bob+", "r (0 of 1)", .initiator = "BOB" },
	{ "who asked, allowed", { RULE(.exclude = EXCLUDE_AUTHOR) }, "bob+", "",
		.initiator = "bob" },
	{ "who asked, and another", { RULE(N(1)) }, "bob+ carol+", "", .initiator = "bob" },
	{ "nobody asked yet", { RULE(N(1)) }, "bob+", "", .initiator = "" },
	{ "a bot, allowed", { RULE(.exclude = EXCLUDE_AUTHOR) }, "cib", "" },
	{ "a bot, not allowed", { RULE(N(1)) }, "cib", "r (0 of 1)" },
	{ "nobody excluded", { RULE(.exclude = 0) }, "alice+", "", .initiator = "alice" },
	{ "a reader", { RULE(N(1)) }, "evar", "r (0 of 1)" },
	{ "a reader, whatever is allowed", { RULE(.exclude = 0) }, "evar", "r (0 of 1)" },
	{ "may no longer write", { RULE(.exclude = 0) }, "bobw", "r (0 of 1)" },
	{ "the host does not say", { RULE(.exclude = 0) }, "bob?", "r (0 of 1)" },
	{ "one who may no longer, one who may", { RULE(N(1)) }, "bobw carol+", "" },
	/* when */
	{ "before the plan", { RULE(N(1)) }, "bobe", "r (0 of 1)" },
	{ "before the plan, bound to the head", { RULE(.binds_to_plan = false) }, "bobe", "" },
	{ "an older head", { RULE(N(1)) }, "bobo", "r (0 of 1)" },
	{ "an older head, bound to the head", { RULE(.binds_to_plan = false) }, "bobo",
		"r (0 of 1)" },
	{ "before the plan, and again", { RULE(N(1)) }, "bobe bob+", "" },
	{ "one rule binds to the plan, one to the head",
		{ RULE(.binds_to_plan = false), RULE(.name = "s", N(1)) }, "bobe", "s (0 of 1)" },
	/* latest word */
	{ "withdrawn", { RULE(N(1)) }, "bob+ bob.", "r (0 of 1)" },
	{ "withdrawn and given again", { RULE(N(1)) }, "bob+ bob. bob+", "" },
	{ "another's withdrawn", { RULE(N(1)) }, "bob+ carol+ carol.", "" },
	{ "asks for changes", { RULE(N(1)) }, "bob+ carol-", "carol asked for changes" },
	{ "asks for changes, then approves", { RULE(N(1)) }, "carol- carol+", "" },
	{ "asks for changes, then withdraws", { RULE(N(1)) }, "bob+ carol- carol.", "" },
	{ "the author's veto is none", { RULE(N(1)) }, "bob+ alice-", "" },
	{ "a reader's veto is none", { RULE(N(1)) }, "bob+ eva~", "" },
	{ "a veto by who may no longer write holds", { RULE(N(1)) }, "bob+ carol-",
		"carol asked for changes" },
	{ "a veto beside enough approvals", { RULE(N(2)) }, "bob+ carol+ dave+ erin-",
		"erin asked for changes" },
	/* paths: those that were touched are empty by now */
	{ "a path that is touched", { RULE(.if_paths = { NULL, 0 }) }, "bob+", "" },
	{ "a path that is not", { RULE(.if_paths = LIST("q/**")) }, "bob+ carol+",
		"no rule of the environment is meant" },
	{ "one is meant, one is not", { RULE(.if_paths = LIST("q/**")), RULE(.name = "s", N(1)) },
		"bob+", "" },
	/* authors */
	{ "opened by such a person", { RULE(.if_authors = LIST("alice")) }, "bob+", "" },
	{ "in other letters", { RULE(.if_authors = LIST("Alice")) }, "bob+", "" },
	{ "opened by another", { RULE(.if_authors = LIST("zed")) }, "bob+", "no rule of the" },
	{ "by one of two", { RULE(.if_authors = LIST("zed", "alice")) }, "", "r (0 of 1)" },
	/* labels */
	{ "has the label", { RULE(.if_labels = LIST("hot")) }, "bob+", "", .labels = "cold hot" },
	{ "has the label, lacks approvals", { RULE(.if_labels = LIST("hot")) }, "", "r (0 of 1)",
		.labels = "hot" },
	{ "has it not", { RULE(.if_labels = LIST("hot")) }, "bob+", "no rule of the",
		.labels = "cold" },
	{ "nobody knows the labels", { RULE(.if_labels = LIST("hot")) }, "bob+",
		"it is not known which labels", .labels = "?" },
	{ "nobody knows, and nobody asks", { RULE(N(1)) }, "bob+", "", .labels = "?" },
	{ "nobody knows, and the path is another",
		{ RULE(.if_labels = LIST("hot"), .if_paths = LIST("q")), RULE(.name = "s", N(1)) },
		"bob+", "", .labels = "?" },
	{ "one label more adds a rule",
		{ RULE(N(1)), RULE(.name = "s", N(2), .if_labels = LIST("hot")) }, "bob+",
		"s (1 of 2: bob)", .labels = "hot" },
	/* what the plan does */
	{ "it creates", { RULE(.if_plan_actions = LIST("create")) }, "bob+", "" },
	{ "it does not delete", { RULE(.if_plan_actions = LIST("delete")) }, "bob+",
		"no rule of the" },
	{ "it deletes", { RULE(.if_plan_actions = LIST("delete")) }, "", "r (0 of 1)", "delete=2" },
	{ "it replaces", { RULE(.if_plan_actions = LIST("delete", "replace")) }, "", "r (0 of 1)",
		"replace=1" },
	{ "it updates", { RULE(.if_plan_actions = LIST("update")) }, "", "r (0 of 1)", "update=1" },
	{ "it imports", { RULE(.if_plan_actions = LIST("import")) }, "", "r (0 of 1)", "import=1" },
	{ "it forgets", { RULE(.if_plan_actions = LIST("forget")) }, "", "r (0 of 1)", "forget=1" },
	{ "it reads", { RULE(.if_plan_actions = LIST("read")) }, "", "r (0 of 1)", "read=1" },
	{ "an action that nobody knows is taken to be there",
		{ RULE(.if_plan_actions = LIST("explode")) }, "", "r (0 of 1)" },
	{ "nobody knows what it does", { RULE(.if_plan_actions = LIST("delete")) }, "bob+",
		"what the plan would do cannot be read", "?" },
	{ "nobody knows, and nobody asks what", { RULE(N(1)) }, "bob+", "", "?" },
	{ "a type", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "", "r (0 of 1)",
		"create=1 type=aws_iam_role.this" },
	{ "a type in a module", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "", "r (0 of 1)",
		"create=1 type=module.a.module.b[0].aws_iam_role.this" },
	{ "a type behind a key with dots and brackets",
		{ RULE(.if_resource_types = LIST("aws_iam_*")) }, "", "r (0 of 1)",
		"create=1 type=module.a[\"x.y]\"].aws_iam_role.this" },
	{ "a type of data", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "", "r (0 of 1)",
		"read=1 type=module.a.data.aws_iam_role.this" },
	{ "an address that cannot be read", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "",
		"r (0 of 1)", "create=1 type=module.a[\"x" },
	{ "another type", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "bob+",
		"no rule of the", "create=1 type=aws_vpc.this" },
	{ "a name that looks like it", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "bob+",
		"no rule of the", "create=1 type=aws_vpc.aws_iam_role" },
	{ "a module that looks like it", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "bob+",
		"no rule of the", "create=1 type=module.aws_iam_role.aws_vpc.this" },
	{ "a list that was cut may hold it", { RULE(.if_resource_types = LIST("aws_iam_*")) }, "",
		"r (0 of 1)", "create=900 type=aws_vpc.this left" },
	{ "more than so many", { RULE(.if_more_than = 2) }, "", "r (0 of 1)",
		"create=1 update=1 delete=1" },
	{ "just so many", { RULE(.if_more_than = 3) }, "bob+", "no rule of the",
		"create=1 update=1 delete=1" },
	{ "more than none", { RULE(.if_more_than = 0) }, "", "r (0 of 1)" },
	{ "it runs code", { RULE(.if_runs_code = true) }, "", "r (0 of 1)", "create=1 code" },
	{ "it runs none", { RULE(.if_runs_code = true) }, "bob+", "no rule of the" },
	{ "a module is not code of its own", { RULE(.if_runs_code = true) }, "bob+",
		"no rule of the", "create=1 module" },
	{ "it has one", { RULE(.if_plan_has = LIST("provisioner", "http")) }, "", "r (0 of 1)",
		"create=1 code" },
	{ "it has another", { RULE(.if_plan_has = LIST("program", "http")) }, "bob+",
		"no rule of the", "create=1 code" },
	{ "it has a module", { RULE(.if_plan_has = LIST("module")) }, "", "r (0 of 1)",
		"create=1 module" },
	{ "all that are given must hold",
		{ RULE(.if_plan_actions = LIST("delete"), .if_more_than = 5) }, "bob+",
		"no rule of the", "delete=2" },
	{ "all that are given do", { RULE(.if_plan_actions = LIST("delete"), .if_more_than = 5) },
		"", "r (0 of 1)", "delete=6" },
	{ "destructive beside the usual",
		{ RULE(N(1)), RULE(.name = "destructive", OF(1, "platform"),
				      .if_plan_actions = LIST("delete", "replace")) },
		"bob+", "destructive (0 of 1 of platform)", "delete=1" },
	{ "harmless beside the usual",
		{ RULE(N(1)), RULE(.name = "destructive", OF(1, "platform"),
				      .if_plan_actions = LIST("delete", "replace")) },
		"bob+", "" },
	/* rules that only the pull request has */
	{ "it adds one", { RULE(N(1)), RULE(.name = "s", N(2), .from_head = true) }, "bob+",
		"s (1 of 2: bob)" },
	{ "its own alone replaces nothing",
		{ RULE(.name = "mine", .exclude = 0, .from_head = true) }, "alice+",
		"one approval of this plan is needed" },
	{ "its own and the one for all", { RULE(.name = "mine", .exclude = 0, .from_head = true) },
		"bob+", "" },
	{ "its own matches, none of the base's does",
		{ RULE(.if_paths = LIST("q")),
			RULE(.name = "mine", .exclude = 0, .from_head = true) },
		"bob+", "no rule of the environment" },
	/* without rules */
	{ "no rule, one other", { { 0 } }, "bob+", "" },
	{ "no rule, author", { { 0 } }, "alice+", "one approval of this plan is needed" },
	{ "no rule, who asked", { { 0 } }, "bob+", "", .initiator = "bob" },
	{ "production, nobody", { { 0 } }, "", "0 of 2; 1 more of platform",
		.environment = "production" },
	{ "production, two and platform", { { 0 } }, "bob+ carol+", "",
		.environment = "production" },
	{ "production, two without platform", { { 0 } }, "bob+ erin+", "1 more of platform",
		.environment = "production" },
	{ "production, one of platform", { { 0 } }, "carol+", "1 of 2: carol",
		.environment = "production" },
	{ "production, who asked does not count", { { 0 } }, "bob+ carol+", "1 of 2: carol",
		.initiator = "bob", .environment = "production" },
	{ "production, before the plan", { { 0 } }, "bobe carol+", "1 of 2: carol",
		.environment = "production" },
	{ "production with a rule of its own", { RULE(N(1)) }, "bob+", "",
		.environment = "production" },
	{ "production, a rule of the pull request", { RULE(N(1), .from_head = true) }, "bob+",
		"two and platform (1 of 2: bob; 1 more of platform)", .environment = "production" },
	/* owners */
	{ "an owner", { RULE(N(1)) }, "zora+", "", .owners = { "zora" } },
	{ "not an owner", { RULE(N(1)) }, "bob+", "owners (0 of 1 of zora)", .owners = { "zora" } },
	{ "a team owns it", { RULE(N(1)) }, "carol+", "", .owners = { "@platform" } },
	{ "a team owns it, another came", { RULE(N(1)) }, "bob+", "owners (0 of 1 of platform)",
		.owners = { "@platform" } },
	{ "one of several owners", { RULE(N(1)) }, "dave+", "", .owners = { "zora", "@platform" } },
	{ "an owner who wrote it", { RULE(N(1)) }, "bob+ walter+", "owners (0 of 1 of walter)",
		.owners = { "walter" } },
	/* freezes */
	{ "frozen", { RULE(N(1)) }, "bob+", "freeze weekend (nothing is applied until 1970",
		.frozen = 1 },
	{ "nobody knows whether it is frozen", { RULE(N(1)) }, "bob+",
		"nobody can say when it is in Nowhere", .frozen = 2 },
	{ "not frozen now", { RULE(N(1)) }, "bob+", "", .frozen = 3 },
	{ "frozen, and nobody approved", { RULE(N(1)) }, "", "r (0 of 1); freeze weekend",
		.frozen = 1 },
	/* requirements */
	{ "mergeable", { RULE(N(1)) }, "bob+", "", .requires = REQUIRE_MERGEABLE,
		.mergeable = WORD_YES },
	{ "not mergeable", { RULE(N(1)) }, "bob+", "mergeable (a check is red)",
		.requires = REQUIRE_MERGEABLE, .mergeable = WORD_NO },
	{ "nobody knows whether it is mergeable", { RULE(N(1)) }, "bob+", "mergeable (",
		.requires = REQUIRE_MERGEABLE },
	{ "mergeable is no approval", { RULE(N(1)) }, "", "r (0 of 1)",
		.requires = REQUIRE_MERGEABLE, .mergeable = WORD_YES },
	{ "undiverged", { RULE(N(1)) }, "bob+", "", .requires = REQUIRE_UNDIVERGED,
		.undiverged = WORD_YES },
	{ "diverged", { RULE(N(1)) }, "bob+", "the base branch has moved",
		.requires = REQUIRE_UNDIVERGED, .undiverged = WORD_NO },
	{ "nobody knows whether it diverged", { RULE(N(1)) }, "bob+",
		"it is not known where the base branch stands", .requires = REQUIRE_UNDIVERGED },
	{ "policies passed", { RULE(N(1)) }, "bob+", "", .requires = REQUIRE_POLICIES_PASSED },
	{ "policies did not pass", { RULE(N(1)) }, "bob+", "its policy checks have not passed",
		.requires = REQUIRE_POLICIES_PASSED, .no_policies = true },
	{ "approved asks for what the rules ask for", { RULE(N(1)) }, "bob+", "",
		.requires = REQUIRE_APPROVED },
	{ "approved without an approval", { RULE(N(1)) }, "", "r (0 of 1)",
		.requires = REQUIRE_APPROVED },
	/* the host */
	{ "the host says nothing", { RULE(N(1)) }, "bob+", "it went away", .no_host = true },
	{ "the host says nothing, and nobody approved", { RULE(N(1)) }, "", "it went away",
		.no_host = true },
	{ "the host says nothing, a veto stands", { RULE(N(1)) }, "bob+ carol-",
		"carol asked for changes", .no_host = true },
	/* `approved` as Atlantis reads it */
	{ "the host's word", { { 0 } }, "", "", .requires = AS_ATLANTIS, .approved = WORD_YES },
	{ "of an older head", { { 0 } }, "bob+o", "", .requires = AS_ATLANTIS,
		.approved = WORD_YES },
	{ "the host says no", { { 0 } }, "bob+", "approved (the host does not count",
		.requires = AS_ATLANTIS, .approved = WORD_NO },
	{ "the host says nothing", { { 0 } }, "bob+", "approved (the host does not say",
		.requires = AS_ATLANTIS, .approved = WORD_UNKNOWN },
	{ "changes are asked for", { { 0 } }, "carol-", "carol asked for changes",
		.requires = AS_ATLANTIS, .approved = WORD_YES },
	{ "not for production", { { 0 } }, "", "two and platform (0 of 2",
		.environment = "production", .requires = AS_ATLANTIS, .approved = WORD_YES },
	{ "not where there are rules", { RULE(N(1)) }, "", "r (0 of 1)", .requires = AS_ATLANTIS,
		.approved = WORD_YES },
	{ "not without approved", { { 0 } }, "", "one approval of this plan is needed",
		.requires = REQUIRE_UNDIVERGED | REQUIRE_AS_ATLANTIS, .undiverged = WORD_YES,
		.approved = WORD_YES },
	{ "not unless it is asked for", { { 0 } }, "", "one approval of this plan is needed",
		.requires = REQUIRE_APPROVED, .approved = WORD_YES },
};

struct built {
	struct gate_facts facts;
	struct gate_opinion opinions[MOST];
	struct host_person people[MOST];
	struct host_facts host;
	struct project_guard guard;
	struct gate_project project;
	struct gate_freeze freeze;
	struct plan_summary plan;
	struct plan_resource resource;
	const char *labels[MOST];
};

/* "bob+" */
static void add_word(struct built *built, const char *word, struct arena *arena)
{
	char sign = word[strlen(word) - 1];
	struct gate_opinion *opinion = &built->opinions[built->facts.opinion_count++];

	*opinion = (struct gate_opinion){ .ledger = sign == 'e' || sign == 'o' ? BEFORE : AFTER,
		.kind = sign == '-' || sign == '~' ? VCS_CHANGES_REQUESTED
			: sign == '.'		   ? VCS_REVIEW_DISMISSED
						   : VCS_APPROVED,
		.person = arena_strndup(arena, word, strlen(word) - 1),
		.is_bot = sign == 'b',
		.may_write = sign != 'r' && sign != '~',
		.head = sign == 'o' ? OLDER : HEAD,
		.review_head = "" };
	built->people[built->host.person_count++] = (struct host_person){ opinion->person,
		sign == 'w'   ? WORD_NO
		: sign == '?' ? WORD_UNKNOWN
			      : WORD_YES };
}

static void add_words(struct built *built, const char *said, struct arena *arena)
{
	char *text = arena_strdup(arena, said), *next = NULL;

	for (char *word = strtok_r(text, " ", &next); word != NULL;
		word = strtok_r(NULL, " ", &next))
		add_word(built, word, arena);
}

static void add_plan(struct built *built, const char *text, struct arena *arena)
{
	static struct plan_construct code = { CONSTRUCT_PROVISIONER, "null_resource.x",
		"local-exec" };
	static struct plan_construct module = { CONSTRUCT_MODULE, "module.m", "o/r/x" };
	char *copy = arena_strdup(arena, text == NULL ? "create=1" : text), *next = NULL;
	struct plan_summary *plan = &built->plan;

	for (char *word = strtok_r(copy, " ", &next); word != NULL;
		word = strtok_r(NULL, " ", &next)) {
		const char *value = strchr(word, '=');
		int count = value == NULL ? 0 : (int)strtol(value + 1, NULL, 10);

		plan->create += str_starts(word, "create=") ? count : 0;
		plan->update += str_starts(word, "update=") ? count : 0;
		plan->delete += str_starts(word, "delete=") ? count : 0;
		plan->replace += str_starts(word, "replace=") ? count : 0;
		plan->import += str_starts(word, "import=") ? count : 0;
		plan->forget += str_starts(word, "forget=") ? count : 0;
		plan->read += str_starts(word, "read=") ? count : 0;
		plan->resources_left_out += str_equal(word, "left");
		if (str_equal(word, "code"))
			plan->constructs = (struct plan_constructs){ &code, 1, 0 };
		if (str_equal(word, "module"))
			plan->constructs = (struct plan_constructs){ &module, 1, 0 };
		if (str_starts(word, "type=")) {
			built->resource.address = word + 5;
			plan->resources = &built->resource;
			plan->resource_count = 1;
		}
	}
}

static void add_labels(struct built *built, const char *labels, struct arena *arena)
{
	char *copy = arena_strdup(arena, labels == NULL ? "" : labels), *next = NULL;

	built->host.has_labels = !str_equal(labels, "?");
	built->host.labels = built->labels;
	for (char *word = strtok_r(copy, " ", &next); built->host.has_labels && word != NULL;
		word = strtok_r(NULL, " ", &next))
		built->labels[built->host.label_count++] = word;
}

static void add_guard(struct built *built, const struct rule_case *row)
{
	static struct freeze weekend = {
		.cron = "* * * * *", .timezone = "Nowhere", .reason = "weekend", .for_ms = 1
	};
	struct project_guard *guard = &built->guard;

	guard->environment = row->environment == NULL ? "live" : row->environment;
	guard->rules = (struct approval_rule *)(uintptr_t)row->rules;
	while (guard->rule_count < countof(row->rules) &&
		row->rules[guard->rule_count].name != NULL)
		guard->rule_count++;
	guard->apply_requires = row->requires;
	guard->owners.list = (const char **)(uintptr_t)row->owners;
	while (guard->owners.count < countof(row->owners) &&
		row->owners[guard->owners.count] != NULL)
		guard->owners.count++;
	guard->freezes = &weekend;
	guard->freeze_count = row->frozen != 0;
	built->freeze = (struct gate_freeze){
		.is_on = row->frozen == 1, .is_unknown = row->frozen == 2, .until_ms = 86400000
	};
	built->project = (struct gate_project){ .name = "p",
		.guard = guard,
		.plan = str_equal(row->plan, "?") ? NULL : &built->plan,
		.freezes = &built->freeze,
		.undiverged = row->undiverged,
		.policies_passed = !row->no_policies };
}

static void build(const struct rule_case *row, struct built *built, struct arena *arena)
{
	static const struct identity writers[] = { { "alice", "alice@example.org" },
		{ "W.", "7+walter@users.noreply.example.org" } };

	*built = (struct built){ .facts = { .author = row->author == NULL ? "alice" : row->author,
					 .pusher = row->pusher == NULL ? "paula" : row->pusher,
					 .initiator = row->initiator == NULL ? "zoe"
									     : row->initiator,
					 .head = HEAD,
					 .has_plan = true,
					 .plan_ledger = PLANNED,
					 .people = writers,
					 .people_count = countof(writers),
					 .asks_host = true,
					 .host_problem = "it went away",
					 .project_count = 1 } };
	add_words(built, row->said, arena);
	add_plan(built, row->plan, arena);
	add_labels(built, row->labels, arena);
	add_guard(built, row);
	built->host.people = built->people;
	built->host.members = (struct host_member *)(uintptr_t)memberships;
	built->host.member_count = countof(memberships);
	built->host.mergeable = row->mergeable;
	built->host.approved = row->approved;
	built->host.mergeable_why = row->mergeable == WORD_NO ? "a check is red" : "";
	built->facts.opinions = built->opinions;
	built->facts.host = row->no_host ? NULL : &built->host;
	built->facts.projects = &built->project;
}

static void judges(void **state)
{
	const struct rule_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_verdict verdict;
	struct built built;

	build(row, &built, &arena);
	gates_decide(&built.facts, &arena, &verdict);
	if (row->why[0] == '\0')
		assert_string_equal(verdict.missing, "");
	else
		assert_contains(verdict.missing, row->why);
	assert_int_equal(verdict.open, row->why[0] == '\0');
	assert_true(verdict.rule_count > 0);
}

/* What opens every row does not open it without a plan, of a fork, or when the set was changed. */
static void nothing_else_opens(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rule_cases); i++) {
		for (int what = 0; what < 4; what++) {
			_cleanup_(arena_release) struct arena arena = { 0 };
			struct gate_verdict verdict;
			struct built built;

			build(&rule_cases[i], &built, &arena);
			built.facts.has_plan = what != 0;
			built.facts.from_fork = what == 1;
			built.facts.plan_failed = what == 2;
			if (what == 3)
				built.facts.set_problem = "changed";
			gates_decide(&built.facts, &arena, &verdict);
			assert_false(verdict.open);
		}
	}
}

#define BEFORE_PLAN(requires_, said_, why_, ...)                                                   \
	{                                                                                          \
		.name = said_ " " why_, .said = said_, .why = why_, .requires = requires_,         \
		__VA_ARGS__                                                                        \
	}

/* What a plan waits for. A word for the head counts, whenever it was said. */
static const struct rule_case plan_cases[] = {
	BEFORE_PLAN(REQUIRE_APPROVED, "", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+", ""),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+e", ""),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+o", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "alice+", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "paula+", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "walter+", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+b", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+r", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+w", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+?", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+ bob.", "approved (0 of 1)"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+ carol-", "carol asked for changes"),
	BEFORE_PLAN(REQUIRE_APPROVED, "bob+ ", "approved (0 of 1)", .no_host = true),
	BEFORE_PLAN(REQUIRE_UNDIVERGED, "", "undiverged (it is not known", .undiverged = 0),
	BEFORE_PLAN(REQUIRE_UNDIVERGED, "", "the base branch has moved", .undiverged = WORD_NO),
	BEFORE_PLAN(REQUIRE_UNDIVERGED, "", "", .undiverged = WORD_YES),
	BEFORE_PLAN(REQUIRE_UNDIVERGED, "carol-", "", .undiverged = WORD_YES),
	BEFORE_PLAN(REQUIRE_MERGEABLE, "", "mergeable (a check is red)", .mergeable = WORD_NO),
	BEFORE_PLAN(REQUIRE_MERGEABLE, "", "the host does not say", .mergeable = WORD_UNKNOWN),
	BEFORE_PLAN(REQUIRE_MERGEABLE, "", "the host does not say", .mergeable = WORD_YES,
		.no_host = true),
	BEFORE_PLAN(REQUIRE_MERGEABLE, "", "", .mergeable = WORD_YES),
	BEFORE_PLAN(REQUIRE_APPROVED | REQUIRE_MERGEABLE, "bob+", "must hold: mergeable",
		.mergeable = WORD_NO),
	BEFORE_PLAN(REQUIRE_APPROVED | REQUIRE_UNDIVERGED, "", "approved (0 of 1); undiverged",
		.undiverged = WORD_NO),
	BEFORE_PLAN(REQUIRE_POLICIES_PASSED, "bob+", "no plan can wait for them"),
	BEFORE_PLAN(AS_ATLANTIS, "bob+", "the host does not count", .approved = WORD_NO),
	BEFORE_PLAN(AS_ATLANTIS, "bob+", "the host does not say", .approved = WORD_UNKNOWN),
	BEFORE_PLAN(
		AS_ATLANTIS, "", "the host does not say", .approved = WORD_YES, .no_host = true),
	BEFORE_PLAN(AS_ATLANTIS, "", "", .approved = WORD_YES),
};

static void judges_plans(void **state)
{
	const struct rule_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_verdict verdict;
	struct built built;

	build(row, &built, &arena);
	built.guard.plan_requires = row->requires;
	built.guard.apply_requires = 0;
	built.facts.has_plan = false;
	gates_decide_plan(&built.facts, &arena, &verdict);
	if (row->why[0] == '\0')
		assert_string_equal(verdict.missing, "");
	else
		assert_contains(verdict.missing, row->why);
	assert_int_equal(verdict.open, row->why[0] == '\0');
}

static const struct policy_case {
	const char *name;
	int need;
	const char *team, *user; /* owners; NULL: none of that kind */
	bool excludes_writers;
	const char *said, *text; /* of the row */
	bool holds, no_host;
} policy_cases[] = {
	{ "nobody owns it", 1, NULL, NULL, false, "bob+", "nobody owns it", false },
	{ "nobody said it", 1, "platform", NULL, false, "", "0 of 1 of platform", false },
	{ "one of a team", 1, "platform", NULL, false, "carol+", "1 of 1", true },
	{ "one who is named", 1, NULL, "bob", false, "bob+", "1 of 1", true },
	{ "one of either", 1, "platform", "bob", false, "bob+", "1 of 1", true },
	{ "one of both, two needed", 2, "platform", "bob", false, "bob+", "1 of 2", false },
	{ "two of both", 2, "platform", "bob", false, "bob+ carol+", "2 of 2", true },
	{ "twice the same", 2, "platform", NULL, false, "carol+ carol+", "1 of 2", false },
	{ "a stranger", 1, "platform", NULL, false, "erin+", "0 of 1", false },
	{ "another team", 1, "security", NULL, false, "carol+", "0 of 1", false },
	{ "nobody knows the team", 1, "ghosts", NULL, false, "carol+", "0 of 1", false },
	{ "who no longer writes here", 1, NULL, "bob", false, "bob+w", "0 of 1", false },
	{ "of whom the host says nothing", 1, NULL, "bob", false, "bob+?", "0 of 1", false },
	{ "no host", 1, NULL, "bob", false, "bob+", "0 of 1", false, true },
	{ "a bot", 1, NULL, "bob", false, "bob+b", "0 of 1", false },
	{ "the author, who may", 1, NULL, "alice", false, "alice+", "1 of 1", true },
	{ "the author, who may not", 1, NULL, "alice", true, "alice+", "0 of 1", false },
	{ "who pushed, who may not", 1, NULL, "paula", true, "paula+", "0 of 1", false },
	{ "who wrote commits, who may", 1, "platform", NULL, false, "walter+", "1 of 1", true },
	{ "who wrote commits, who may not", 1, "platform", NULL, true, "walter+", "0 of 1", false },
};

static void judges_policies(void **state)
{
	static const struct rule_case usual = { .name = "" };
	const struct policy_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *teams[] = { row->team }, *users[] = { row->user };
	struct gate_policy sets[2] = { { .name = "cost",
		.owners = { .count = row->need,
			.teams = { teams, row->team != NULL },
			.users = { users, row->user != NULL } },
		.excludes_writers = row->excludes_writers } };
	struct rule_case said = usual;
	struct gate_verdict verdict;
	struct built built;

	said.said = row->said;
	said.no_host = row->no_host;
	build(&said, &built, &arena);
	sets[0].words = built.opinions;
	sets[0].word_count = built.facts.opinion_count;
	built.facts.opinion_count = 0; /* approvals of the plan are no words on policies */
	gates_decide_policies(&built.facts, "p", sets, 1, &arena, &verdict);
	assert_int_equal(verdict.open, row->holds);
	assert_int_equal(verdict.rule_count, 1);
	assert_contains(verdict.rules[0].text, row->text);
	if (!row->holds)
		assert_contains(verdict.missing, "the policy set cost fails for p (");
	sets[1] = sets[0]; /* each must hold */
	sets[1].name = "tags";
	sets[1].word_count = 0;
	gates_decide_policies(&built.facts, "p", sets, 2, &arena, &verdict);
	assert_false(verdict.open);
}

/* Of two projects both must hold; rows that are alike are one. */
static void every_project_counts(void **state)
{
	static struct approval_rule strict[] = { RULE(N(2)) };
	const struct project_guard other = {
		.environment = "live", .rules = strict, .rule_count = 1
	};
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_project projects[2];
	struct gate_verdict verdict;
	struct built built;

	(void)state;
	build(&rule_cases[0], &built, &arena);
	projects[0] = projects[1] = built.project;
	projects[1].name = "q";
	built.facts.projects = projects;
	built.facts.project_count = 2;
	gates_decide(&built.facts, &arena, &verdict);
	assert_true(verdict.open);
	assert_int_equal(verdict.rule_count, 1);
	assert_string_equal(verdict.rules[0].projects, "p, q");
	projects[1].guard = &other;
	gates_decide(&built.facts, &arena, &verdict);
	assert_false(verdict.open);
	assert_int_equal(verdict.rule_count, 2);
	assert_int_equal(verdict.have, 1);
	assert_int_equal(verdict.need, 2);
}

/* A guard is the same after it was written and read. */
static void guards_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rule_cases); i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct project_guard again;
		struct built built;
		const char *text;
		struct err err;

		build(&rule_cases[i], &built, &arena);
		built.guard.plan_requires = (unsigned)i % 16;
		text = project_guard_write(&built.guard, &arena);
		assert_ok(project_guard_read(text, &arena, &again, &err), &err);
		assert_string_equal(project_guard_write(&again, &arena), text);
		assert_int_equal(again.plan_requires, i % 16);
	}
}

static void refuses_guards(void **state)
{
	static const char *const texts[] = { "x", "[]", "{}", "{\"environment\":1}",
		"{\"environment\":\"a\",\"apply_requires\":999}",
		"{\"environment\":\"a\",\"apply_requires\":0,\"owners\":[1]}",
		"{\"environment\":\"a\",\"apply_requires\":0,\"rules\":[{}]}",
		"{\"environment\":\"a\",\"apply_requires\":0,\"rules\":[{\"name\":\"r\",\"more_"
		"than\":-"
		"1,\"exclude\":0,\"require\":{\"count\":0}}]}",
		"{\"environment\":\"a\",\"apply_requires\":0,\"freezes\":[{}]}" };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct project_guard guard;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		assert_true(project_guard_read(texts[i], &arena, &guard, &err) < 0);
	assert_ok(project_guard_read("", &arena, &guard, &err), &err);
}

int main(int argc, char **argv)
{
	CASES(rule_cases, judges);
	CASES(plan_cases, judges_plans);
	CASES(policy_cases, judges_policies);
	CASE(nothing_else_opens);
	CASE(every_project_counts);
	CASE(guards_come_back);
	CASE(refuses_guards);
	return cases_run(argc, argv);
}
