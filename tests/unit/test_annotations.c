/* links: engine store model lib_regex lib */
/* Places in files, out of what tools say when they fail. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/annotations.h"
#include <string.h>

static const struct place_case {
	const char *name, *failure, *dir;
	const char *path; /* NULL: none */
	int64_t line;
} place_cases[] = {
	{ "a place", "Error: Bad thing\n\n  on main.tf line 3, in resource \"x\" \"y\":\n   3: x\n",
		"net", "net/main.tf", 3 },
	{ "at the root", "Error: Bad\n  on main.tf line 12:\n", ".", "main.tf", 12 },
	{ "below", "Error: Bad\n  on modules/a b/x.tf line 1, in x:\n", "net",
		"net/modules/a b/x.tf", 1 },
	{ "words before", "it ended with 1\nError: Bad\n  on m.tf line 2:\n", ".", "m.tf", 2 },
	{ "no error", "  on main.tf line 3:\n", ".", NULL, 0 },
	{ "an error without a place", "Error: Bad\n\nnothing more\n", ".", NULL, 0 },
	{ "a place that climbs", "Error: Bad\n  on ../../etc/passwd line 3:\n", "net", NULL, 0 },
	{ "an absolute place", "Error: Bad\n  on /etc/passwd line 3:\n", "net", NULL, 0 },
	{ "line nought", "Error: Bad\n  on main.tf line 0:\n", ".", NULL, 0 },
	{ "a line without end", "Error: Bad\n  on main.tf line 99999999999999999999:\n", ".", NULL,
		0 },
	{ "no number", "Error: Bad\n  on main.tf line x:\n", ".", NULL, 0 },
	{ "no path", "Error: Bad\n  on  line 3:\n", ".", NULL, 0 },
	{ "bytes that are no text", "Error: Bad\n  on m\xff.tf line 3:\n", ".", NULL, 0 },
	{ "a terminal's words", "Error: Bad\n  on m\x1b[31m.tf line 3:\n", ".", NULL, 0 },
	{ "the first place of a block", "Error: Bad\n  on a.tf line 3:\n  on b.tf line 4:\n", ".",
		"a.tf", 3 },
	{ "nothing", "", ".", NULL, 0 },
	{ "an error alone", "Error: ", ".", NULL, 0 },
};

static void places(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct place_case *row = *state;
	struct annotations found = { 0 };

	annotations_add(&found, row->failure, row->dir, &arena);
	assert_int_equal(found.count, row->path != NULL);
	if (row->path == NULL)
		return;
	assert_string_equal(found.list[0].path, row->path);
	assert_int_equal(found.list[0].line, row->line);
	assert_true(str_starts(found.list[0].title, "Bad"));
	assert_contains(found.list[0].text, "line");
}

static void many_are_cut(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct annotations found = { 0 };

	(void)state;
	for (int i = 0; i < ANNOTATIONS_MAX; i++)
		annotations_add(&found,
			"Error: One\n  on a.tf line 1:\n\nError: Two\n  on b.tf line 2:\n", ".",
			&arena);
	assert_int_equal(found.count, ANNOTATIONS_MAX);
	assert_string_equal(found.list[1].title, "Two");
}

int main(int argc, char **argv)
{
	CASES(place_cases, places);
	CASE(many_are_cut);
	return cases_run(argc, argv);
}
