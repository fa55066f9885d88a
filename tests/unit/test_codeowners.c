/* links: model lib */
/* CODEOWNERS: lines that read like the manual of GitHub, and who owns which path then. */
#include "tests/lib/cases.h"

#include "orchestrator/model/codeowners.h"
#include <string.h>

static const char manual[] = "# comments and empty lines are nothing\n"
			     "\n"
			     "*       @global-owner1 @global-owner2\n"
			     "*.js    @js-owner #This is an inline comment.\n"
			     "*.go docs@example.com\n"
			     "*.txt @octo-org/octocats\n"
			     "/build/logs/ @doctocat\n"
			     "docs/* docs@example.com\n"
			     "apps/ @octocat\n"
			     "/docs/ @doctocat\n"
			     "/scripts/ @doctocat @octocat\n"
			     "**/logs @octocat2\n"
			     "/apps/ @octocat3\n"
			     "/apps/github\n";

static const struct find_case {
	const char *name, *text, *path;
	const char *owner; /* the first; "": nobody; NULL: no rule */
} find_cases[] = {
	{ "everything", manual, "x", "@global-owner1" },
	{ "deep", manual, "a/b/c.rs", "@global-owner1" },
	{ "by ending", manual, "a/b/c.js", "@js-owner" },
	{ "an address", manual, "main.go", "docs@example.com" },
	{ "a team", manual, "a/readme.txt", "@octo-org/octocats" },
	{ "a folder at the root", manual, "build/logs/x/y.js", "@octocat2" },
	{ "and nowhere else", manual, "a/build/x", "@global-owner1" },
	{ "the later line wins", manual, "docs/x", "@doctocat" },
	{ "a folder anywhere", manual, "a/apps/x", "@octocat" },
	{ "two owners", manual, "scripts/a/b", "@doctocat" },
	{ "logs in any depth", manual, "deeply/nested/logs/x", "@octocat2" },
	{ "a file called logs", manual, "a/logs", "@octocat2" },
	{ "apps at the root", manual, "apps/x", "@octocat3" },
	{ "taken away", manual, "apps/github/x", "" },
	{ "and only that one", manual, "apps/githubs/x", "@octocat3" },
	{ "files of a folder", "docs/* @a\n", "docs/x.md", "@a" },
	{ "not what lies deeper", "docs/* @a\n", "docs/x/y.md", NULL },
	{ "but by two stars", "docs/** @a\n", "docs/x/y.md", "@a" },
	{ "what lies inside is not the name itself", "docs/** @a\n", "docs", NULL },
	{ "nor somewhere else", "docs/* @a\n", "a/docs/x.md", NULL },
	{ "a slash at the end is a folder", "docs/ @a\n", "docs", NULL },
	{ "any folder", "docs/ @a\n", "a/docs/b/c", "@a" },
	{ "a name is a folder too", "docs @a\n", "a/docs/b/c", "@a" },
	{ "stars between", "/a/**/z @a\n", "a/b/c/z/f", "@a" },
	{ "no folder between", "/a/**/z @a\n", "a/z", "@a" },
	{ "a star stays in its name", "/a/*/z @a\n", "a/b/c/z", NULL },
	{ "a star in a name", "/a*c/x @a\n", "abbbc/x", "@a" },
	{ "a question mark", "/a?c @a\n", "abc", "@a" },
	{ "a question mark is one", "/a?c @a\n", "ac", NULL },
	{ "case counts", "/Docs/ @a\n", "docs/x", NULL },
	{ "a space in a name", "/a\\ b @a\n", "a b/x", "@a" },
	{ "no negation", "* @a\n!x @b\n", "x", "@a" },
	{ "no ranges, and no sections", "* @a\n[Section] @b\n[ab] @c\n", "a", "@a" },
	{ "no escapes", "* @a\n\\#x @b\n", "#x", "@a" },
	{ "a line that cannot be read is none", "* @a\nx b\n", "x", "@a" },
	{ "a name with a mark is none", "* @a\nx @b`c\n", "x", "@a" },
	{ "an empty team is none", "* @a\nx @org/\n", "x", "@a" },
	{ "the last of equals", "x @a\nx @b\n", "x", "@b" },
	{ "dos", "x @a\r\ny @b\r\n", "y", "@b" },
	{ "without a newline", "x @a", "x", "@a" },
	{ "tabs", "x\t@a\t@b\n", "x", "@a" },
	{ "nothing", "", "x", NULL },
	{ "the root", "/ @a\n", "x/y", "@a" },
	{ "two stars alone", "** @a\n", "x/y", "@a" },
};

static void finds(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct find_case *row = *state;
	const struct codeowners_rule *rule;
	struct codeowners owners;
	struct err err;

	assert_ok(codeowners_read(row->text, strlen(row->text), &arena, &owners, &err), &err);
	rule = codeowners_find(&owners, row->path);
	if (row->owner == NULL) {
		assert_null(rule);
		return;
	}
	assert_non_null(rule);
	if (row->owner[0] == '\0')
		assert_int_equal(rule->owner_count, 0);
	else
		assert_string_equal(rule->owners[0], row->owner);
}

static void lines_are_counted(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	static const char text[] = "# one\n\nbad owner\nx @a @b @c/d\n";
	struct codeowners owners;
	struct err err;

	(void)state;
	assert_ok(codeowners_read(text, strlen(text), &arena, &owners, &err), &err);
	assert_int_equal(owners.rule_count, 1);
	assert_int_equal(owners.rules[0].line, 4);
	assert_int_equal(owners.rules[0].owner_count, 3);
}

static void what_is_too_large_is_refused(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *text = mem_alloc(CODEOWNERS_BYTES_MAX + 2);
	struct codeowners owners;
	struct err err;

	(void)state;
	memset(text, '#', CODEOWNERS_BYTES_MAX + 1);
	assert_err(codeowners_read(text, CODEOWNERS_BYTES_MAX + 1, &arena, &owners, &err), &err,
		ERR_LIMIT, "3 MiB");
	for (size_t i = 0; i < CODEOWNERS_BYTES_MAX; i++)
		text[i] = i % 2 == 0 ? 'x' : '\n';
	assert_err(codeowners_read(text, CODEOWNERS_BYTES_MAX, &arena, &owners, &err), &err,
		ERR_LIMIT, "lines");
}

int main(int argc, char **argv)
{
	CASES(find_cases, finds);
	CASE(lines_are_counted);
	CASE(what_is_too_large_is_refused);
	return cases_run(argc, argv);
}
