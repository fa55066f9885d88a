/* links: runner model lib */
/* Paths that may not leave the tree, module sources. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/strbuf.h"
#include "runners/init_cache.h"
#include "runners/tree.h"
#include <string.h>

static const struct {
	const char *path;
	bool is_safe;
} path_cases[] = {
	{ ".", true },
	{ "a", true },
	{ "a/b", true },
	{ "a.b/c-d", true },
	{ "", false },
	{ "/a", false },
	{ "..", false },
	{ "a/..", false },
	{ "../a", false },
	{ "a//b", false },
	{ "a/", false },
	{ "./a", false },
	{ "a/./b", false },
	{ "...", true },
	{ ".a", true },
};

static void paths(_unused_ void **state)
{
	for (size_t i = 0; i < countof(path_cases); i++)
		if (tree_path_is_safe(path_cases[i].path) != path_cases[i].is_safe)
			fail_msg("\"%s\"", path_cases[i].path);
}

static const struct {
	const char *dir, *path, *want; /* NULL: it leaves the tree */
} join_cases[] = {
	{ ".", "./m", "m" },
	{ "a/b", "../c", "a/c" },
	{ "a", "..", "." },
	{ "a", "../..", NULL },
	{ ".", "/etc", NULL },
	{ "a", "./b/../../c/", "c" },
	{ "a", ".", "a" },
};

static void join(_unused_ void **state)
{
	char out[64];

	for (size_t i = 0; i < countof(join_cases); i++) {
		bool is_inside = tree_join(join_cases[i].dir, join_cases[i].path, out, sizeof(out));

		assert_int_equal(is_inside, join_cases[i].want != NULL);
		if (is_inside)
			assert_string_equal(out, join_cases[i].want);
	}
	assert_false(tree_join("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", out, sizeof(out)));
}

static const struct {
	const char *text, *want; /* comma after each */
	bool floats;
} source_cases[] = {
	{ "module \"a\" {\n  source = \"./a\"\n}\nmodule \"b\" { source=\"../b\" }", "./a,../b,",
		false },
	{ "{\"module\":{\"a\":{\"source\":\"./j\"}}}", "./j,", false },
	{ "source = \"hashicorp/aws\"", "", false },
	{ "source = \"git::https://x/y?ref=main\" source = \"./l\"", "./l,", true },
	{ "resource source \"./no\" source = var.x source = \"unclosed", "", false },
};

static void sources(_unused_ void **state)
{
	char found[256];

	for (size_t i = 0; i < countof(source_cases); i++) {
		struct strbuf all = STRBUF(4096);
		bool floats = false;
		size_t at = 0;

		while (init_cache_next_source(source_cases[i].text, strlen(source_cases[i].text),
			&at, found, sizeof(found), &floats))
			strbuf_printf(&all, "%s,", found);
		assert_string_equal(strbuf_text(&all), source_cases[i].want);
		assert_int_equal(floats, source_cases[i].floats);
		strbuf_release(&all);
	}
}

int main(int argc, char **argv)
{
	CASE(paths);
	CASE(join);
	CASE(sources);
	return cases_run(argc, argv);
}
