/* links: vcs_git lib */
/* Names, links, texts and trailers out of a repository, as tables. */
#include "tests/lib/cases.h"

#include "vcs/git/names.h"
#include "vcs/git/people.h"
#include <string.h>

static const struct {
	const char *name;
	enum name_verdict verdict;
} names[] = {
	{ "main.tf", NAME_FINE },
	{ "-rf", NAME_FINE },
	{ "a b'\"$(x)`;|&.tf", NAME_FINE },
	{ "caf\xc3\xa9.tf", NAME_FINE },
	{ "back\\slash", NAME_FINE },
	{ ".gitignore", NAME_FINE },
	{ ".gitattributes", NAME_FINE },
	{ ".github", NAME_FINE },
	{ ".git2", NAME_FINE },
	{ "x.git", NAME_FINE },
	{ "git", NAME_FINE },
	{ "git~", NAME_FINE },
	{ "git~11", NAME_FINE },
	{ "...", NAME_FINE },
	{ "", NAME_BAD },
	{ ".", NAME_BAD },
	{ "..", NAME_BAD },
	{ "a/b", NAME_BAD },
	{ "/", NAME_BAD },
	{ ".git", NAME_BAD },
	{ ".GiT", NAME_BAD },
	{ ".git.", NAME_BAD },
	{ ".git . .", NAME_BAD },
	{ ".git::$INDEX_ALLOCATION", NAME_BAD },
	{ ".git\\config", NAME_BAD },
	{ "git~1", NAME_BAD },
	{ "GIT~2", NAME_BAD },
	{ ".g\xe2\x80\x8cit", NAME_BAD },
	{ "\xef\xbb\xbf.git", NAME_BAD },
	{ ".git\xe2\x80\x8f", NAME_BAD },
	{ "a\nb", NAME_ODD },
	{ "\x1b[31m", NAME_ODD },
	{ "\x7f", NAME_ODD },
	{ "\xc2\x80", NAME_ODD },
	{ "\xff", NAME_ODD },
	{ "caf\xe9", NAME_ODD },
	{ "\xc0\x80", NAME_ODD },
	{ "\xed\xa0\x80", NAME_ODD },
	{ "\xf4\x90\x80\x80", NAME_ODD },
	{ "\xe2\x80\xae"
	  "fdp.tf",
		NAME_ODD },
	{ "truncated\xe2\x80", NAME_ODD },
};

static void names_that_are_refused(void **state)
{
	char longest[257];

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		if (name_check(names[i].name) != names[i].verdict)
			fail_msg("row %zu: \"%s\"", i, names[i].name);
	}
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(name_check(longest), NAME_FINE);
	longest[255] = 'x';
	longest[256] = '\0';
	assert_int_equal(name_check(longest), NAME_BAD);
}

static const struct {
	const char *dir, *relative, *result;
} paths[] = {
	{ ".", "./a", "a" },
	{ ".", ".", "." },
	{ "a/b", "../c", "a/c" },
	{ "a/b", "../..", "." },
	{ "a/b", "../../", "." },
	{ "a/b", "../../..", NULL },
	{ ".", "..", NULL },
	{ ".", "a/../../b", NULL },
	{ "a", ".//x///y/.", "a/x/y" },
	{ "a", "/etc", NULL },
	{ "a", "b/../../c", "c" },
	{ "a", "...", "a/..." },
};

static void paths_stay_inside(void **state)
{
	struct arena arena = { 0 };
	char long_path[3000];

	(void)state;
	for (size_t i = 0; i < countof(paths); i++) {
		const char *result = name_resolve(&arena, paths[i].dir, paths[i].relative);

		if (!str_equal(result, paths[i].result))
			fail_msg("row %zu: %s", i, result != NULL ? result : "NULL");
	}
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(name_resolve(&arena, ".", long_path));
	arena_release(&arena);
}

static const struct {
	const char *target;
	int depth;
	bool stays;
} links[] = {
	{ "a", 0, true },
	{ "a/b/c", 0, true },
	{ "./a", 0, true },
	{ "..", 1, true },
	{ "../..", 2, true },
	{ ".././../x", 2, true },
	{ "..", 0, false },
	{ "../..", 1, false },
	{ "../../..", 2, false },
	{ "a/..", 5, false }, /* a may be a link itself */
	{ "../a/../b", 5, false },
	{ "/etc", 9, false },
	{ "//", 9, false },
	{ "", 9, false },
	{ "...", 0, true },
};

static void links_stay_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(links); i++) {
		if (name_link_stays(links[i].target, strlen(links[i].target), links[i].depth) !=
			links[i].stays)
			fail_msg("row %zu: %s", i, links[i].target);
	}
	assert_false(name_link_stays("a\0/..", 5, 3));
}

static const struct {
	const char *bytes;
	size_t cap;
	const char *shown;
} shown[] = {
	{ "plain", 100, "plain" },
	{ "a\nb\x1b", 100, "a\\x0ab\\x1b" },
	{ "\xff\xc3\xa9", 100, "\\xff\xc3\xa9" },
	{ "\xe2\x80\xae", 100, "\\xe2\\x80\\xae" },
	{ "abc\xc3\xa9", 4, "abc" },
	{ "ab\n", 5, "ab" },
	{ "", 5, "" },
};

static void texts_can_be_shown(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < countof(shown); i++)
		assert_string_equal(
			name_shown(&arena, shown[i].bytes, strlen(shown[i].bytes), shown[i].cap),
			shown[i].shown);
	arena_release(&arena);
}

static const struct {
	const char *line, *name, *email; /* name NULL: no trailer */
} trailers[] = {
	{ "Co-authored-by: Bob <bob@x>", "Bob", "bob@x" },
	{ "CO-AUTHORED-BY:Bob<bob@x>", "Bob", "bob@x" },
	{ "  co-authored-by:   Bob B.  < bob@x >  \r", "Bob B.", "bob@x" },
	{ "Co-authored-by: Bob", "Bob", "" },
	{ "Co-authored-by: Bob <bob", "Bob", "" },
	{ "Co-authored-by: <bob@x>", "", "bob@x" },
	{ "Co-authored-by:", NULL, NULL },
	{ "Co-authored-by: <>", NULL, NULL },
	{ "Co-authored-by", NULL, NULL },
	{ "not Co-authored-by: Bob <b@x>", NULL, NULL },
	{ "", NULL, NULL },
};

static void trailers_of_a_message(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < countof(trailers); i++) {
		struct identity person;
		bool found = people_trailer(
			trailers[i].line, strlen(trailers[i].line), &arena, &person);

		if (found != (trailers[i].name != NULL))
			fail_msg("row %zu: %s", i, trailers[i].line);
		if (!found)
			continue;
		assert_string_equal(person.name, trailers[i].name);
		assert_string_equal(person.email, trailers[i].email);
	}
	arena_release(&arena);
}

int main(int argc, char **argv)
{
	CASE(names_that_are_refused);
	CASE(paths_stay_inside);
	CASE(links_stay_inside);
	CASE(texts_can_be_shown);
	CASE(trailers_of_a_message);
	return cases_run(argc, argv);
}
