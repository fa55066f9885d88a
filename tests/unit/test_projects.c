/* links: engine store model lib_loop lib */
/* Which projects a change selects, and why. */
#include "orchestrator/engine/projects.h"
#include "orchestrator/lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

struct project_case {
	const char *what;
	const char *dirs[MOST];
	struct module_use uses[MOST];
	struct changed_file changed[MOST];
	const char *selected; /* "dir because; dir because" */
};

static const struct project_case cases[] = {
	{ "nothing", { "a" }, {}, {}, "" },
	{ "a file in it", { "a", "b" }, {}, { { "a/main.tf", NULL, 'M' } },
		"a: a/main.tf changed" },
	{ "a new file", { "a" }, {}, { { "a/new.tf", NULL, 'A' } }, "a: a/new.tf changed" },
	{ "a removed file", { "a" }, {}, { { "a/old.tf", NULL, 'D' } }, "a: a/old.tf changed" },
	{ "any file counts", { "a" }, {}, { { "a/values.json", NULL, 'M' } },
		"a: a/values.json changed" },
	{ "a template below it", { "a" }, {}, { { "a/templates/x/y.tpl", NULL, 'M' } },
		"a: a/templates/x/y.tpl changed" },
	{ "the nearest folder", { "a", "a/b" }, {}, { { "a/b/c/x.txt", NULL, 'M' } },
		"a/b: a/b/c/x.txt changed" },
	{ "a folder that is gone", { "b" }, {}, { { "a/main.tf", NULL, 'D' } }, "" },
	{ "elsewhere", { "a" }, {}, { { "docs/readme.md", NULL, 'M' } }, "" },
	{ "the root", { "." }, {}, { { "main.tf", NULL, 'M' } }, "root: main.tf changed" },
	{ "the root is touched by its own files only", { "." }, {}, { { "docs/x.md", NULL, 'M' } },
		"" },
	{ "both sides of a rename", { "a", "b" }, {}, { { "b/x.tf", "a/x.tf", 'R' } },
		"a: a/x.tf changed; b: b/x.tf changed" },
	{ "two files, one project", { "a" }, {},
		{ { "a/1.tf", NULL, 'M' }, { "a/2.tf", NULL, 'M' } }, "a: a/1.tf changed" },
	{ "sorted", { "c", "a", "b" }, {},
		{ { "b/x.tf", NULL, 'M' }, { "c/x.tf", NULL, 'M' }, { "a/x.tf", NULL, 'M' } },
		"a: a/x.tf changed; b: b/x.tf changed; c: c/x.tf changed" },
	{ "a module's user", { "a", "m" }, { { "a", "m" } }, { { "m/main.tf", NULL, 'M' } },
		"a: uses m, where m/main.tf changed" },
	{ "two users", { "a", "b", "m" }, { { "a", "m" }, { "b", "m" } },
		{ { "m/main.tf", NULL, 'M' } },
		"a: uses m, where m/main.tf changed; b: uses m, where m/main.tf changed" },
	{ "through another module", { "a", "m", "n" }, { { "a", "m" }, { "m", "n" } },
		{ { "n/main.tf", NULL, 'M' } }, "a: uses m, where n/main.tf changed" },
	{ "three deep", { "a", "m", "n", "o" }, { { "a", "m" }, { "m", "n" }, { "n", "o" } },
		{ { "o/x.tf", NULL, 'M' } }, "a: uses m, where o/x.tf changed" },
	{ "a module is no project", { "m", "a" }, { { "a", "m" } },
		{ { "m/x.tf", NULL, 'M' }, { "a/x.tf", NULL, 'M' } }, "a: a/x.tf changed" },
	{ "a module that nobody uses is a project", { "m" }, {}, { { "m/x.tf", NULL, 'M' } },
		"m: m/x.tf changed" },
	{ "untouched module", { "a", "m" }, { { "a", "m" } }, { { "x/y", NULL, 'M' } }, "" },
	{ "a template of a module", { "a", "m" }, { { "a", "m" } }, { { "m/files/x", NULL, 'M' } },
		"a: uses m, where m/files/x changed" },
	{ "a module that does not exist", { "a" }, { { "a", "gone" } },
		{ { "gone/x.tf", NULL, 'D' } }, "" },
	{ "uses itself", { "a" }, { { "a", "a" } }, { { "a/x.tf", NULL, 'M' } },
		"a: a/x.tf changed" },
	{ "modules in a circle end", { "a", "m", "n" },
		{ { "a", "m" }, { "m", "n" }, { "n", "m" } }, { { "n/x.tf", NULL, 'M' } },
		"a: uses m, where n/x.tf changed" },
	{ "a renamed module file", { "a", "m", "n" }, { { "a", "m" } },
		{ { "n/x.tf", "m/x.tf", 'R' } },
		"a: uses m, where m/x.tf changed; n: n/x.tf changed" },
	{ "names alike are not the same", { "a", "ab" }, {}, { { "ab/x.tf", NULL, 'M' } },
		"ab: ab/x.tf changed" },
	{ "odd names", { "a b", "c;d" }, {},
		{ { "a b/x.tf", NULL, 'M' }, { "c;d/$(x).tf", NULL, 'M' } },
		"a b: a b/x.tf changed; c;d: c;d/$(x).tf changed" },
};

static void test_table(_unused_ void **state)
{
	const struct repo_config config = { .tool = "terraform", .workspace = "default" };

	for (size_t i = 0; i < countof(cases); i++) {
		const struct project_case *row = &cases[i];
		_cleanup_(arena_release) struct arena arena = { 0 };
		_cleanup_strbuf_ struct strbuf found = STRBUF(10000);
		struct prepared prepared = { .dirs = (const char **)(uintptr_t)row->dirs,
			.uses = (struct module_use *)(uintptr_t)row->uses,
			.changed = (struct changed_file *)(uintptr_t)row->changed };
		struct project *projects = NULL;
		size_t count = 0;
		struct err err;

		while (prepared.dir_count < MOST && row->dirs[prepared.dir_count] != NULL)
			prepared.dir_count++;
		while (prepared.use_count < MOST && row->uses[prepared.use_count].dir != NULL)
			prepared.use_count++;
		while (prepared.changed_count < MOST &&
			row->changed[prepared.changed_count].path != NULL)
			prepared.changed_count++;
		assert_int_equal(
			projects_select(&prepared, &config, &arena, &projects, &count, &err), 0);
		for (size_t k = 0; k < count; k++)
			strbuf_printf(&found, "%s%s: %s", k == 0 ? "" : "; ", projects[k].name,
				projects[k].because);
		if (!str_equal(strbuf_text(&found), row->selected))
			fail_msg("%s: selected \"%s\"", row->what, strbuf_text(&found));
	}
}

static void test_too_many(_unused_ void **state)
{
	const struct repo_config config = { .tool = "terraform", .workspace = "default" };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct prepared prepared = { .dir_count = PROJECTS_MAX + 1,
		.changed_count = PROJECTS_MAX + 1 };
	struct project *projects;
	struct err err;
	size_t count;

	prepared.dirs = arena_alloc(&arena, prepared.dir_count * sizeof(*prepared.dirs));
	prepared.changed = arena_alloc(&arena, prepared.changed_count * sizeof(*prepared.changed));
	for (int i = 0; i <= PROJECTS_MAX; i++) {
		prepared.dirs[i] = arena_printf(&arena, "d%d", i);
		prepared.changed[i] = (struct changed_file){
			.path = arena_printf(&arena, "d%d/x.tf", i), .status = 'M'
		};
	}
	assert_int_equal(
		projects_select(&prepared, &config, &arena, &projects, &count, &err), -ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
