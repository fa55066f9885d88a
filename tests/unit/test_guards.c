/* links: engine model lib_regex lib */
/* Rules that ask for who owns what is changed: who that is, is settled with the plan. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/private.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/project_guard.h"

#define NAMES(...)                                                                                 \
	(const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)

static struct code_owners two_lines[] = {
	{ "net/a.tf", 3, NAMES("@acme/net", "@bob") },
	{ "x.tf", 7, NAMES("@carol", "ops@example.org", "@bob") },
};

static const struct guard_case {
	const char *name;
	struct approval_rule rule;
	const char *file, *problem; /* of CODEOWNERS */
	size_t owner_count;
	const char *text; /* "COUNT of teams or people; with COUNT of ... (source)" */
} owner_cases[] = {
	{ "nobody asks", { .require = { .count = 2 } }, "CODEOWNERS", NULL, 2, "2 of" },
	{ "nobody asks, and nobody knows", { .require = { .count = 2 } }, "CODEOWNERS", "is large",
		0, "2 of" },
	{ "of each line", { .require = { .count = 1, .has_owners = true } }, "docs/CODEOWNERS",
		NULL, 2,
		"1 of acme/net bob carol ops@example.org; with 1 of acme/net bob (line 3 of "
		"docs/CODEOWNERS); with 1 of carol ops@example.org bob (line 7 of "
		"docs/CODEOWNERS)" },
	{ "or of those who are named",
		{ .require = { .count = 2,
			  .users = { .list = (const char *[]){ "zoe" }, .count = 1 },
			  .has_owners = true } },
		"CODEOWNERS", NULL, 1,
		"2 of acme/net zoe bob; with 1 of acme/net zoe bob (line 3 of CODEOWNERS)" },
	{ "among others",
		{ .require = { .count = 3 },
			.including = (struct people_rule[]){ { .count = 1, .has_owners = true },
				{ .count = 2,
					.teams = { .list = (const char *[]){ "platform" },
						.count = 1 } } },
			.including_count = 2 },
		"CODEOWNERS", NULL, 1,
		"3 of; with 1 of acme/net bob (line 3 of CODEOWNERS); with 2 of platform" },
	{ "what has no owner", { .require = { .count = 1, .has_owners = true } }, "CODEOWNERS",
		NULL, 0, "1 of" },
	{ "there is no such file", { .require = { .count = 1, .has_owners = true } }, NULL, NULL, 0,
		"1 of; never: it asks for code owners, and the base branch has no CODEOWNERS" },
	{ "a file that cannot be read", { .require = { .count = 1, .has_owners = true } },
		"CODEOWNERS", "is larger than 3 MiB", 0,
		"1 of; never: nobody can say who owns what is changed: CODEOWNERS is larger than 3 "
		"MiB" },
	{ "among others, and cannot be read",
		{ .require = { .count = 1 },
			.including = (struct people_rule[]){ { .count = 1, .has_owners = true } },
			.including_count = 1 },
		NULL, NULL, 0,
		"1 of; never: it asks for code owners, and the base branch has no CODEOWNERS" },
};

static void put(struct strbuf *out, const struct people_rule *people)
{
	strbuf_printf(out, "%d of", people->count);
	for (size_t i = 0; i < people->teams.count; i++)
		strbuf_printf(out, " %s", people->teams.list[i]);
	for (size_t i = 0; i < people->users.count; i++)
		strbuf_printf(out, " %s", people->users.list[i]);
	if (people->source != NULL)
		strbuf_printf(out, " (%s)", people->source);
}

static void settles(void **state)
{
	const struct guard_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);
	struct approval_rule rule = row->rule;
	struct environment live = { .name = "live", .approvals = &rule, .approval_count = 1 };
	struct repo_config config = { .environments = &live, .environment_count = 1 };
	struct project_config project = { .environment = "live" };
	struct prepared prepared = { .owners_file = row->file,
		.owners_problem = row->problem,
		.owners = two_lines,
		.owner_count = row->owner_count };
	struct project_guard guard;
	struct err err;

	rule.name = "r";
	assert_int_equal(project_guard_read(guard_of(&config, &prepared, &project, &arena), &arena,
				 &guard, &err),
		0);
	put(&out, &guard.rules[0].require);
	for (size_t i = 0; i < guard.rules[0].including_count; i++) {
		strbuf_puts(&out, "; with ");
		put(&out, &guard.rules[0].including[i]);
	}
	if (guard.rules[0].problem != NULL)
		strbuf_printf(&out, "; never: %s", guard.rules[0].problem);
	assert_string_equal(strbuf_text(&out), row->text);
	assert_false(guard.rules[0].require.has_owners);
}

/* More groups than a host can be asked about are nobody's word. */
static void too_many(_unused_ void **state)
{
	static struct code_owners lines[GUARD_OWNERS_MAX + 1];
	static const char *names[] = { "@a/b" };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct approval_rule rule = { .name = "r", .require = { .count = 1, .has_owners = true } };
	struct environment live = { .name = "live", .approvals = &rule, .approval_count = 1 };
	struct repo_config config = { .environments = &live, .environment_count = 1 };
	struct project_config project = { .environment = "live" };
	struct prepared prepared = { .owners_file = "CODEOWNERS", .owners = lines };
	struct project_guard guard;
	struct err err;

	for (size_t i = 0; i < countof(lines); i++)
		lines[i] = (struct code_owners){ "a", (int)i + 1, names, 1 };
	for (prepared.owner_count = GUARD_OWNERS_MAX; prepared.owner_count <= countof(lines);
		prepared.owner_count++) {
		assert_int_equal(project_guard_read(guard_of(&config, &prepared, &project, &arena),
					 &arena, &guard, &err),
			0);
		assert_int_equal(
			guard.rules[0].problem != NULL, prepared.owner_count > GUARD_OWNERS_MAX);
	}
}

int main(int argc, char **argv)
{
	CASES(owner_cases, settles);
	CASE(too_many);
	return cases_run(argc, argv);
}
