/* links: engine model lib_regex lib */
/* What is told of the configuration: what changed, project by project; in its row and back. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/config_changes.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

#define NAMES(...)                                                                                 \
	{                                                                                          \
		(const char *[]){ __VA_ARGS__ },                                                   \
			sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                   \
	}
#define CONFIG(...)                                                                                \
	{                                                                                          \
		.projects = (struct project_config[]){ __VA_ARGS__ },                              \
		.project_count = sizeof((struct project_config[]){ __VA_ARGS__ }) /                \
				 sizeof(struct project_config)                                     \
	}

#define RULES(...)                                                                                 \
	{                                                                                          \
		.discover_rules = (struct discover_rule[]){ __VA_ARGS__ },                         \
		.discover_rule_count = sizeof((struct discover_rule[]){ __VA_ARGS__ }) /           \
				       sizeof(struct discover_rule),                               \
	}

static const struct change_case {
	const char *name;
	struct repo_config before, after;
	const char *told; /* "project key: before > after" of each */
} change_cases[] = {
	{ "nothing", CONFIG({ .name = "a", .dir = "a" }), CONFIG({ .name = "a", .dir = "a" }), "" },
	{ "one more", CONFIG({ .name = "a", .dir = "a" }),
		CONFIG({ .name = "a", .dir = "a" },
			{ .name = "b", .dir = "x/b", .workspace = "w" }),
		"b added:  > x/b, workspace w" },
	{ "one less", CONFIG({ .name = "a", .dir = "a" }, { .name = "b", .dir = "b" }),
		CONFIG({ .name = "b", .dir = "b" }), "a removed: a, workspace default > " },
	{ "a text", CONFIG({ .name = "a", .dir = "a", .environment = "production" }),
		CONFIG({ .name = "a", .dir = "b", .environment = "" }),
		"a dir: a > b; a environment: production > " },
	{ "a switch", CONFIG({ .name = "a", .dir = "a", .autoplan = true }),
		CONFIG({ .name = "a", .dir = "a" }), "a autoplan.enabled: true > false" },
	{ "a number", CONFIG({ .name = "a", .dir = "a" }),
		CONFIG({ .name = "a", .dir = "a", .order_group = -2 }),
		"a execution_order_group: 0 > -2" },
	{ "names", CONFIG({ .name = "a", .dir = "a", .depends_on = NAMES("x", "y") }),
		CONFIG({ .name = "a", .dir = "a", .depends_on = NAMES("y") }),
		"a depends_on: x, y > y" },
	{ "requirements",
		CONFIG({ .name = "a",
			.dir = "a",
			.apply_requires = REQUIRE_APPROVED | REQUIRE_MERGEABLE }),
		CONFIG({ .name = "a", .dir = "a", .apply_requires = REQUIRE_UNDIVERGED }),
		"a apply_requirements: approved, mergeable > undiverged" },
	{ "locks", CONFIG({ .name = "a", .dir = "a" }),
		CONFIG({ .name = "a", .dir = "a", .lock = LOCK_DISABLED }),
		"a repo_locks.mode: on_plan > disabled" },
	{ "without a name: by folder and workspace",
		CONFIG({ .dir = "a", .workspace = "x" }, { .dir = "a", .workspace = "y" }),
		CONFIG({ .dir = "a", .workspace = "y", .kind = "helm" }),
		"a kind:  > helm; a removed: a, workspace x > " },
	{ "steps of a workflow",
		{ .projects = (struct project_config[]){ { .name = "a",
			  .dir = "a",
			  .workflow = "w" } },
			.project_count = 1,
			.workflows = (struct workflow[]){ { .name = "w",
				.stages = { { .list = (struct step[]){ { .kind = STEP_KIND_INIT },
						      { .kind = STEP_KIND_PLAN } },
					.count = 2,
					.is_given = true } } } },
			.workflow_count = 1 },
		{ .projects = (struct project_config[]){ { .name = "a",
								 .dir = "a",
								 .workflow = "w" },
			  { .name = "b", .dir = "a", .workflow = "w" } },
			.project_count = 2,
			.workflows = (struct workflow[]){ { .name = "w",
				.stages = { { .list = (struct step[]){ { .kind = STEP_KIND_RUN,
						      .command = "make x",
						      .output = OUTPUT_HIDE } },
					.count = 1,
					.is_given = true } } } },
			.workflow_count = 1 },
		"a, b workflow w: plan: init, plan > run `make x` (hidden); b added:  > a, "
		"workspace default" },
	{ "approvals of an environment",
		{ .environments = (struct environment[]){ { .name = "production",
			  .credentials = "p",
			  .drift = { .schedule = "" },
			  .approvals = (struct approval_rule[]){ { .name = "two",
				  .if_more_than = -1,
				  .require = { .count = 2, .teams = NAMES("ops") },
				  .exclude = EXCLUDE_AUTHOR,
				  .binds_to_plan = true } },
			  .approval_count = 1 } },
			.environment_count = 1 },
		{ .project_count = 0 },
		"(found or later ones) environment production: approvals: two: 2 of team ops not "
		"author > ; "
		"(found or later ones) environment production: credentials: p > " },
	{ "a check", { .project_count = 0 },
		{ .projects = (struct project_config[]){ { .name = "a",
			  .dir = "a",
			  .checks = NAMES("c") } },
			.project_count = 1,
			.checks = (struct check_config[]){ { .name = "c",
				.threshold = "high",
				.skip_needs = { .count = 1, .users = NAMES("bob") } } },
			.check_count = 1 },
		"a check c: threshold:  > high; a check c: skip_needs:  > 1 of bob; a added:  > a, "
		"workspace "
		"default" },
	{ "the whole file", { .automerge = true, .parallel_plan = true },
		{ .parallel_plan = true, .discover_ignore = NAMES("x/**") },
		" autodiscover.ignore_paths:  > x/**;  automerge: true > false" },
	{ "discovery", { .discover = DISCOVER_AUTO }, { .discover = DISCOVER_ENABLED },
		" autodiscover.mode: auto > enabled" },
	{ "rules of discovery",
		RULES({ .kind = "terraform", .dirs = NAMES("a/*"), .name = "{1}" },
			{ .kind = "helm", .dirs = NAMES("charts/*") }),
		RULES({ .kind = "terraform",
			      .dirs = NAMES("a/*"),
			      .name = "{1}",
			      .environment = "prod",
			      .exclude = NAMES("a/x") },
			{ .kind = "terraform", .dirs = NAMES("b/*", "c"), .workflow = "w" }),
		" discover terraform a/*: name {1} > name {1}; environment prod; exclude a/x; "
		" discover terraform b/*, c:  > workflow w;  discover helm charts/*: as it is > " },
	{ "rules of discovery in another order",
		RULES({ .kind = "terraform", .dirs = NAMES("a/*") },
			{ .kind = "terraform", .dirs = NAMES("a/b") }),
		RULES({ .kind = "terraform", .dirs = NAMES("a/b") },
			{ .kind = "terraform", .dirs = NAMES("a/*") }),
		" order of discover: a/*, then a/b > a/b, then a/*" },
	{ "a rule of discovery twice",
		RULES({ .kind = "terraform", .dirs = NAMES("a"), .name = "x" },
			{ .kind = "terraform", .dirs = NAMES("a"), .name = "y" }),
		RULES({ .kind = "terraform", .dirs = NAMES("a"), .name = "x" }),
		" discover terraform a: name y > " },
};

static void tells_changes(void **state)
{
	const struct change_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	struct told told = { 0 };

	config_changes(&row->before, &row->after, &arena, &told);
	for (size_t i = 0; i < told.change_count; i++)
		strbuf_printf(&text, "%s%s %s: %s > %s", i == 0 ? "" : "; ",
			told.changes[i].project, told.changes[i].key, told.changes[i].before,
			told.changes[i].after);
	assert_string_equal(strbuf_text(&text), row->told);
}

static void comes_back_as_it_was_written(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct new_command command = { "deploy", "plan", "a \"b\"\nc",
		{ "sluice.yaml", 7, 5 } };
	struct told told = { .file = "sluice.yaml",
		.commands_hash = "hash",
		.is_released = true,
		.released_by = "bob" };
	struct told got;
	const char *text;
	struct err err = { 0 };

	(void)state;
	told_add_change(&told, &arena, "a", "dir", "x", "y");
	told_add_command(&told, &arena, &command);
	told_add_note(&told, &arena, "%s is gone", "b");
	text = told_write(&told, &arena);
	assert_ok(told_read(text, &arena, &got, &err), &err);
	assert_string_equal(told_write(&got, &arena), text);
	assert_string_equal(got.changes[0].after, "y");
	assert_string_equal(got.commands[0].command, "a \"b\"\nc");
	assert_string_equal(got.commands[0].place, "sluice.yaml:7:5");
	assert_string_equal(got.notes[0], "b is gone");
	assert_true(got.is_released);
	assert_ok(told_read("", &arena, &got, &err), &err);
	assert_int_equal(got.change_count + got.command_count + got.note_count, 0);
	assert_string_equal(got.file, "");
}

/* A change of a thousand projects must not make a row of megabytes, and must not look small. */
static void what_is_too_much_is_counted(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	char *giant = arena_alloc(&arena, 10001);
	struct new_command command = { "w", "plan", giant, { "f", 1, 1 } };
	struct told told = { 0 }, got;
	struct err err = { 0 };

	(void)state;
	memset(giant, 'x', 10000);
	for (int i = 0; i < 300; i++) {
		told_add_change(&told, &arena, giant, "dir", giant, giant);
		told_add_command(&told, &arena, &command);
		told_add_note(&told, &arena, "%s", giant);
	}
	assert_int_equal(told.change_count, TOLD_CHANGES_MAX);
	assert_int_equal(told.left_out, 300 - TOLD_CHANGES_MAX + 300 - TOLD_NOTES_MAX);
	assert_int_equal(told.commands_left_out, 300 - TOLD_COMMANDS_MAX);
	assert_contains(told.commands[0].command, "[cut: 10000 bytes in all, read the file]");
	assert_true(strlen(told_write(&told, &arena)) < 300000);
	assert_ok(told_read(told_write(&told, &arena), &arena, &got, &err), &err);
	assert_int_equal(got.commands_left_out, 300 - TOLD_COMMANDS_MAX);
}

static const struct wrong {
	const char *name, *text, *says;
} wrongs[] = {
	{ "no JSON", "x", "" },
	{ "a list", "[]", "told is not an object" },
	{ "a change without a key", "{\"changes\":[{\"project\":\"a\"}]}",
		"changes: key must be given" },
	{ "a command that is a text", "{\"commands\":[\"a\"]}", "commands is not an object" },
	{ "a note that is a number", "{\"notes\":[1]}", "notes[0] must be a string" },
	{ "a file that is a number", "{\"file\":1}", "file must be a string" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct told told;
	struct err err = { 0 };

	assert_err(told_read(row->text, &arena, &told, &err), &err, ERR_SYNTAX, row->says);
}

int main(int argc, char **argv)
{
	CASES(change_cases, tells_changes);
	CASE(comes_back_as_it_was_written);
	CASE(what_is_too_much_is_counted);
	CASES(wrongs, says_what_is_wrong);
	return cases_run(argc, argv);
}
