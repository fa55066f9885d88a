/* links: engine model lib */
/* Which projects a change touches, as a table of small trees. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/projects.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { LIST_MAX = 16 };

static const struct project_case {
	const char *name;
	const char *dirs;     /* with .tf files in the merged tree: ". a b/c" */
	const char *uses;     /* "a>modules/x" */
	const char *changed;  /* "M:a/main.tf D:b.tf R:old.tf>new.tf" */
	const char *selected; /* "a: a/main.tf changed; ..." */
	const char *gone;     /* NULL: none */
} project_cases[] = {
	/* files */
	{ "nothing changed", "a b", "", "", "" },
	{ "one file", "a b", "", "M:a/main.tf", "a: a/main.tf changed" },
	{ "two projects", "a b", "", "M:b/x.tf M:a/y.tf", "a: a/y.tf changed; b: b/x.tf changed" },
	{ "the first file is the reason", "a", "", "M:a/z.tf M:a/b.tf", "a: a/z.tf changed" },
	{ "a new project", "a", "", "A:a/main.tf", "a: a/main.tf changed" },
	{ "any file of the folder", "a", "", "M:a/values.yaml", "a: a/values.yaml changed" },
	{ "a lock file", "a", "", "M:a/.terraform.lock.hcl", "a: a/.terraform.lock.hcl changed" },
	{ "a deleted file", "a", "", "D:a/old.tf", "a: a/old.tf changed" },
	{ "a changed mode", "a", "", "T:a/run", "a: a/run changed" },
	{ "a file below", "a", "", "M:a/templates/x.tpl", "a: a/templates/x.tpl changed" },
	{ "a file far below", "a", "", "M:a/b/c/d/x", "a: a/b/c/d/x changed" },
	{ "the nearest folder has it", "a a/b", "", "M:a/b/c/x", "a/b: a/b/c/x changed" },
	{ "the folder above has its own", "a a/b", "", "M:a/x", "a: a/x changed" },
	{ "deep folder", "a/b/c", "", "M:a/b/c/main.tf", "a/b/c: a/b/c/main.tf changed" },
	/* files outside */
	{ "nobody's file", "a", "", "M:README.md", "" },
	{ "nobody's folder", "a", "", "M:docs/a/x.md", "" },
	{ "beside, with the same beginning", "a", "", "M:ab/main.txt", "" },
	{ "a file named like the folder", "a/b", "", "M:a/b.txt", "" },
	{ "no Terraform at all", "", "", "M:a/x M:y", "" },
	/* the root */
	{ "the root", ".", "", "M:main.tf", "root: main.tf changed" },
	{ "any file of the root", ".", "", "M:README.md", "root: README.md changed" },
	{ "the root is not touched from below", ".", "", "M:docs/x.md", "" },
	{ "the root and a project", ". a", "", "M:a/x.tf", "a: a/x.tf changed" },
	{ "both", ". a", "", "M:a/x.tf M:x.tf", "root: x.tf changed; a: a/x.tf changed" },
	{ "a folder called root", ". root", "", "M:x.tf M:root/x.tf",
		".: x.tf changed; root: root/x.tf changed" },
	{ "only a folder called root", "root", "", "M:root/x.tf", "root: root/x.tf changed" },
	/* renames: both sides */
	{ "renamed inside", "a", "", "R:a/x.tf>a/y.tf", "a: a/y.tf changed" },
	{ "moved to another", "a b", "", "R:a/x.tf>b/x.tf",
		"a: a/x.tf changed; b: b/x.tf changed" },
	{ "moved in from outside", "a", "", "R:docs/x>a/x", "a: a/x changed" },
	{ "moved out", "a", "", "R:a/x>docs/x", "a: a/x changed" },
	{ "moved to the root", ". a", "", "R:a/x.tf>x.tf",
		"root: x.tf changed; a: a/x.tf changed" },
	/* folders that are gone */
	{ "deleted", "a", "", "D:b/main.tf D:b/x.tf", "", "b" },
	{ "deleted, nothing else is there", "", "", "D:b/main.tf", "", "b" },
	{ "its last .tf file", "a", "", "D:b/main.tf M:b/README.md", "", "b" },
	{ "deleted below a project", "a", "", "D:a/b/main.tf", "a: a/b/main.tf changed", "a/b" },
	{ "renamed folder", "new", "", "R:old/main.tf>new/main.tf", "new: new/main.tf changed",
		"old" },
	{ "the root is gone", "a", "", "D:main.tf", "", "." },
	{ "several are gone", "", "", "D:c/m.tf D:b/m.tf.json D:c/n.tf", "", "b c" },
	{ "a folder without Terraform is gone", "a", "", "D:docs/x.md", "" },
	{ "not gone while a file stays", "b", "", "D:b/main.tf", "b: b/main.tf changed" },
	/* modules */
	{ "a module is no project", "a m", "a>m", "M:m/x.tf", "a: uses m, where m/x.tf changed" },
	{ "its user and itself", "a m", "a>m", "M:m/x.tf M:a/y.tf", "a: a/y.tf changed" },
	{ "a module that nobody touched", "a m", "a>m", "M:a/y.tf", "a: a/y.tf changed" },
	{ "two users", "a b m", "a>m b>m", "M:m/x.tf",
		"a: uses m, where m/x.tf changed; b: uses m, where m/x.tf changed" },
	{ "only its users", "a b m", "a>m", "M:m/x.tf", "a: uses m, where m/x.tf changed" },
	{ "through two", "a m n", "a>m m>n", "M:n/x.tf", "a: uses m, where n/x.tf changed" },
	{ "through five", "a m n o p q", "p>q o>p n>o m>n a>m", "M:q/x.tf",
		"a: uses m, where q/x.tf changed" },
	{ "by two ways", "a m n o", "a>m a>n m>o n>o", "M:o/x.tf",
		"a: uses m, where o/x.tf changed" },
	{ "a file below a module", "a m", "a>m", "M:m/files/x.json",
		"a: uses m, where m/files/x.json changed" },
	{ "the root uses a module", ". m", ".>m", "M:m/x.tf",
		"root: uses m, where m/x.tf changed" },
	{ "a project inside that is used from outside", "a a/m b", "a>a/m b>a/m", "M:a/m/x.tf",
		"a: uses a/m, where a/m/x.tf changed; b: uses a/m, where a/m/x.tf changed" },
	{ "used, and nobody left to use it", "m", "", "M:m/x.tf", "m: m/x.tf changed" },
	{ "a deleted module that is still used", "a", "a>m", "D:m/x.tf",
		"a: uses m, where m/x.tf changed", "m" },
	{ "a module moved away", "a n", "a>m", "R:m/x.tf>n/x.tf",
		"a: uses m, where m/x.tf changed; n: n/x.tf changed", "m" },
	{ "a module without Terraform files", "a", "a>m", "M:m/x.json",
		"a: uses m, where m/x.json changed" },
	{ "a use by a folder that is not there", "a m", "z>m", "M:m/x.tf", "m: m/x.tf changed" },
	/* circles */
	{ "uses itself", "a", "a>a", "M:a/x.tf", "a: a/x.tf changed" },
	{ "two use each other", "a b", "a>b b>a", "M:b/x.tf", "a: uses b, where b/x.tf changed" },
	{ "three in a circle", "a b c", "a>b b>c c>a", "M:c/x.tf",
		"a: uses b, where c/x.tf changed" },
	{ "a circle with a user", "p a b", "p>a a>b b>a", "M:b/x.tf",
		"p: uses a, where b/x.tf changed" },
	{ "a circle that nobody touched", "a b c", "a>b b>a", "M:c/x.tf", "c: c/x.tf changed" },
	{ "two circles", "a b c d", "a>b b>a c>d d>c", "M:b/x M:d/x",
		"a: uses b, where b/x changed; c: uses d, where d/x changed" },
};

/* Splits "x y z" into the arena. */
static size_t split(const char *text, struct arena *arena, const char **ret)
{
	size_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		assert_true(count < LIST_MAX);
		ret[count++] = arena_strndup(arena, text, length);
		text += length;
		text += *text == ' ';
	}
	return count;
}

static const char *cut_at(const char *text, struct arena *arena, const char **ret_rest)
{
	const char *mark = strchr(text, '>');

	*ret_rest = mark == NULL ? NULL : mark + 1;
	return mark == NULL ? text : arena_strndup(arena, text, (size_t)(mark - text));
}

static void selects(void **state)
{
	const struct project_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096), gone_text = STRBUF(4096);
	const char *dirs[LIST_MAX], *uses[LIST_MAX], *files[LIST_MAX], **gone = NULL;
	struct module_use use_rows[LIST_MAX];
	struct changed_file file_rows[LIST_MAX];
	struct repo_config config = { .default_kind = "terraform", .default_workspace = "default" };
	struct prepared prepared = { .dirs = dirs, .uses = use_rows, .changed = file_rows };
	struct project *projects = NULL;
	size_t count = 99, gone_count = 99;
	struct err err = { 0 };

	prepared.dir_count = split(row->dirs, &arena, dirs);
	prepared.use_count = split(row->uses, &arena, uses);
	prepared.changed_count = split(row->changed, &arena, files);
	for (size_t i = 0; i < prepared.use_count; i++)
		use_rows[i].dir = cut_at(uses[i], &arena, &use_rows[i].module);
	for (size_t i = 0; i < prepared.changed_count; i++) {
		const char *rest, *first = cut_at(files[i] + 2, &arena, &rest);

		file_rows[i] = (struct changed_file){ .path = rest == NULL ? first : rest,
			.old_path = rest == NULL ? NULL : first,
			.status = files[i][0] };
	}
	assert_ok(projects_select(&prepared, &config, &arena, &projects, &count, &err), &err);
	for (size_t i = 0; i < count; i++) {
		strbuf_printf(&text, "%s%s: %s", i == 0 ? "" : "; ", projects[i].name,
			projects[i].because);
		assert_string_equal(projects[i].tool, "terraform");
		assert_string_equal(projects[i].workspace, "default");
		assert_true(
			str_equal(projects[i].name, projects[i].dir) ||
			(str_equal(projects[i].name, "root") && str_equal(projects[i].dir, ".")));
	}
	assert_string_equal(strbuf_text(&text), row->selected);
	projects_gone(&prepared, &arena, &gone, &gone_count);
	for (size_t i = 0; i < gone_count; i++)
		strbuf_printf(&gone_text, "%s%s", i == 0 ? "" : " ", gone[i]);
	assert_string_equal(strbuf_text(&gone_text), row->gone == NULL ? "" : row->gone);
}

static void too_many_projects(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *dirs[PROJECTS_MAX + 1];
	struct changed_file files[PROJECTS_MAX + 1];
	struct repo_config config = { .default_kind = "terraform", .default_workspace = "default" };
	struct prepared prepared = { .dirs = dirs, .changed = files };
	struct project *projects = NULL;
	struct err err = { 0 };
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < countof(dirs); i++) {
		dirs[i] = arena_printf(&arena, "p%04zu", i);
		files[i] = (struct changed_file){ arena_printf(&arena, "p%04zu/x.tf", i), NULL,
			'M' };
	}
	prepared.dir_count = prepared.changed_count = PROJECTS_MAX;
	assert_ok(projects_select(&prepared, &config, &arena, &projects, &count, &err), &err);
	assert_int_equal(count, PROJECTS_MAX);
	prepared.dir_count = prepared.changed_count = PROJECTS_MAX + 1;
	assert_err(projects_select(&prepared, &config, &arena, &projects, &count, &err), &err,
		ERR_LIMIT, "more than 1000 projects; split it");
	assert_int_equal(err.class, ERR_CLASS_USER);
}

/* A pull request can bring any graph. A chain in the worst order took a round over all edges for
 * each of its links. */
static void a_long_chain_is_quick(void **state)
{
	enum { LINKS = 50000 };
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char **dirs = arena_alloc(&arena, (LINKS + 1) * sizeof(*dirs));
	struct module_use *uses = arena_alloc(&arena, LINKS * sizeof(*uses));
	struct changed_file file = { NULL, NULL, 'M' };
	struct repo_config config = { .default_kind = "terraform", .default_workspace = "default" };
	struct prepared prepared = { .dirs = dirs,
		.dir_count = LINKS + 1,
		.uses = uses,
		.use_count = LINKS,
		.changed = &file,
		.changed_count = 1 };
	struct project *projects = NULL;
	struct err err = { 0 };
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i <= LINKS; i++)
		dirs[i] = arena_printf(&arena, "m%06zu", i);
	for (size_t i = 0; i < LINKS; i++)
		uses[i] = (struct module_use){ dirs[i], dirs[i + 1] };
	file.path = arena_printf(&arena, "%s/x.tf", dirs[LINKS]);
	assert_ok(projects_select(&prepared, &config, &arena, &projects, &count, &err), &err);
	assert_int_equal(count, 1);
	assert_string_equal(projects[0].because, "uses m000001, where m050000/x.tf changed");
}

int main(int argc, char **argv)
{
	CASES(project_cases, selects);
	CASE(too_many_projects);
	CASE(a_long_chain_is_quick);
	return cases_run(argc, argv);
}
