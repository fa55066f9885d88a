/* links: lib */
/* Patterns, as tables of what they take in: written from the behaviour of the programs whose
 * patterns our users bring along. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { WORDS_MAX = 16 };

/* Splits "x y z"; "" has none. */
static size_t split(const char *text, struct arena *arena, const char **ret)
{
	size_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		assert_true(count < WORDS_MAX);
		ret[count++] = arena_strndup(arena, text, length);
		text += length;
		text += *text == ' ';
	}
	return count;
}

static const struct glob_case {
	const char *name;
	enum glob_dialect dialect;
	const char *base, *pattern;
	const char *takes, *leaves; /* texts with a space between */
} glob_cases[] = {
	/* .dockerignore */
	{ "letters", GLOB_IGNORE, "", "a/b.tf", "a/b.tf", "a/bxtf a/b.tfx xa/b.tf b.tf" },
	{ "star in a folder", GLOB_IGNORE, "", "a/*.tf", "a/b.tf a/.tf",
		"a/b/c.tf b.tf a/b.tfvars" },
	{ "star takes a whole folder", GLOB_IGNORE, "", "a/*", "a/b a/b/c a/b/c/d", "a b/a" },
	{ "prefix and star", GLOB_IGNORE, "", "*.tf*", "x.tf x.tfvars x.tf.json x.tf/y", "a/x.tf" },
	{ "any depth", GLOB_IGNORE, "", "**/*.tf", "x.tf a/x.tf a/b/c/x.tf",
		"x.tfvars a/x.tf.json" },
	{ "any depth below", GLOB_IGNORE, "", "a/**/*.tf", "a/x.tf a/b/x.tf a/b/c/x.tf",
		"x.tf b/a/x.tf ab/x.tf" },
	{ "all below", GLOB_IGNORE, "", "a/**", "a/x a/b/x", "a ab b/a" },
	{ "everything", GLOB_IGNORE, "", "**", "a a/b a/b/c", "" },
	{ "a name at any depth", GLOB_IGNORE, "", "**/x.hcl", "x.hcl a/x.hcl a/b/x.hcl",
		"ax.hcl a/bx.hcl" },
	{ "an ending, by two stars", GLOB_IGNORE, "", "**.tf", "x.tf a/x.tf .tf", "x.tfvars" },
	{ "two stars and more", GLOB_IGNORE, "", "**x?", "xa a/xa", "axa a/bxa" },
	{ "two stars inside a name", GLOB_IGNORE, "", "a**b", "ab a/b ax/b ax/y/b", "axb" },
	{ "two stars at the end of a name", GLOB_IGNORE, "", "a**", "a ab a/b ab/c", "b/a" },
	{ "folders twice", GLOB_IGNORE, "", "**/m/**/*.tf", "m/x.tf a/m/x.tf a/m/b/x.tf",
		"a/x.tf" },
	{ "a folder means what is in it", GLOB_IGNORE, "", "config", "config config/a config/a/b",
		"a/config configs" },
	{ "a folder at any depth means it too", GLOB_IGNORE, "", "**/config",
		"config/a b/config/a/c", "configs/a" },
	{ "a slash at the end", GLOB_IGNORE, "", "config/", "config config/a", "a/config" },
	{ "one character", GLOB_IGNORE, "", "a?c",
		"abc a\xc3\xa4"
		"c",
		"ac abbc a/c" },
	{ "a set", GLOB_IGNORE, "", "[a-c].tf", "a.tf b.tf c.tf", "d.tf -.tf ab.tf" },
	{ "all but a set", GLOB_IGNORE, "", "[^a-c].tf", "d.tf -.tf", "a.tf /.tf" },
	{ "a set with a backslash", GLOB_IGNORE, "", "[a\\]].tf", "a.tf ].tf", "\\.tf" },
	{ "a set beyond ASCII", GLOB_IGNORE, "", "[\xc3\xa0-\xc3\xbf].tf", "\xc3\xa4.tf", "a.tf" },
	{ "a backslash", GLOB_IGNORE, "", "a\\*b", "a*b", "axb a\\*b" },
	{ "braces mean themselves", GLOB_IGNORE, "", "{a,b}", "{a,b}", "a b" },
	{ "dots are dots", GLOB_IGNORE, "", "**/.terraform.lock.hcl",
		".terraform.lock.hcl a/.terraform.lock.hcl",
		"xterraform.lock.hcl axterraform.lock.hcl" },
	{ "blanks around", GLOB_IGNORE, "", "\t a.tf\n", "a.tf", "b" },
	{ "capitals matter", GLOB_IGNORE, "", "*.tf", "a.tf", "a.TF A.Tf" },
	/* relative to a folder */
	{ "below its folder", GLOB_IGNORE, "p", "*.tf", "p/x.tf", "x.tf q/x.tf p/a/x.tf" },
	{ "any depth below its folder", GLOB_IGNORE, "p/q", "**/*.tf*", "p/q/x.tf p/q/a/x.tfvars",
		"p/x.tf x.tf" },
	{ "the root as folder", GLOB_IGNORE, ".", "**/*.tf", "x.tf a/x.tf", "x" },
	{ "beside its folder", GLOB_IGNORE, "p", "../m/**/*.tf", "m/x.tf m/a/x.tf", "p/m/x.tf" },
	{ "up and up", GLOB_IGNORE, "a/b/c", "../../m/*", "a/m/x", "m/x a/b/m/x" },
	{ "above the root", GLOB_IGNORE, "p", "../../m/*", "", "m/x p/m/x x" },
	{ "the folder itself", GLOB_IGNORE, "p", ".", "p/x p/a/b", "q/x" },
	{ "the folder above", GLOB_IGNORE, "a/p", "..", "a/x a/p/x a/q/y", "b/x" },
	{ "points and dots", GLOB_IGNORE, "p", "./a/../*.tf", "p/x.tf", "p/a/x.tf" },
	{ "a folder with a star in its name", GLOB_IGNORE, "p*", "*.tf", "p*/x.tf", "px/x.tf" },
	{ "a folder with a set in its name", GLOB_IGNORE, "p[1]", "*.tf", "p[1]/x.tf", "p1/x.tf" },
	{ "a leading slash", GLOB_IGNORE, "p", "/*.tf", "p/x.tf", "x.tf" },
	/* folders */
	{ "path: one level", GLOB_PATH, "", "a/*", "a/b a/c", "a a/b/c b/a" },
	{ "path: levels between", GLOB_PATH, "", "a/*/c", "a/b/c", "a/c a/b/b/c" },
	{ "path: all below, and itself", GLOB_PATH, "", "a/**", "a a/b a/b/c", "ab b/a" },
	{ "path: any depth", GLOB_PATH, "", "**/m", "m a/m a/b/m", "am a/m/b" },
	{ "path: between", GLOB_PATH, "", "a/**/m", "a/m a/x/m a/x/y/m", "m am a/xm" },
	{ "path: everything", GLOB_PATH, "", "**", "a a/b .", "" },
	{ "path: twice", GLOB_PATH, "", "a/**/**", "a a/b a/b/c", "ab" },
	{ "path: two stars in a name", GLOB_PATH, "", "a**", "a ab", "a/b" },
	{ "path: a folder is not what is in it", GLOB_PATH, "", "a", "a", "a/b" },
	{ "path: choices", GLOB_PATH, "", "{a,b/c}/x", "a/x b/c/x", "b/x c/x {a,b/c}/x" },
	{ "path: an empty choice", GLOB_PATH, "", "a{,-dev}", "a a-dev", "a-" },
	{ "path: choices in choices", GLOB_PATH, "", "{a,b{c,d}}", "a bc bd", "b bcd" },
	{ "path: stars in choices", GLOB_PATH, "", "{a/*,b/**}", "a/x b b/x/y", "a a/x/y" },
	{ "path: all but a set", GLOB_PATH, "", "env-[!p]*", "env-dev", "env-prod" },
	{ "path: a point first", GLOB_PATH, "", "./a/*/", "a/b", "./a/b" },
	{ "path: an exclamation mark", GLOB_PATH, "", "!a", "!a", "a b" },
	/* repositories */
	{ "name: all of an owner", GLOB_NAME, "", "github.com/acme/*",
		"github.com/acme/a GitHub.com/Acme/B", "github.com/acme2/a gitlab.com/acme/a" },
	{ "name: a star is anything", GLOB_NAME, "", "*", "github.com/a/b x", "" },
	{ "name: all stars count", GLOB_NAME, "", "git*/acme/*-infra", "github.com/acme/x-infra",
		"github.com/acme/x" },
	{ "name: nothing else has a meaning", GLOB_NAME, "", "h/o/a?[b]", "h/o/a?[b]", "h/o/axb" },
};

static void takes_and_leaves(void **state)
{
	const struct glob_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *takes[WORDS_MAX], *leaves[WORDS_MAX];
	size_t takes_count = split(row->takes, &arena, takes);
	size_t leaves_count = split(row->leaves, &arena, leaves);
	struct glob_list list;
	struct err err = { 0 };

	assert_ok(glob_list_compile(row->dialect, row->base, (const char *[]){ row->pattern }, 1,
			  &arena, &list, &err),
		&err);
	for (size_t i = 0; i < takes_count; i++) {
		if (glob_list_find(&list, takes[i]) == NULL)
			fail_msg("%s leaves %s", row->pattern, takes[i]);
	}
	for (size_t i = 0; i < leaves_count; i++) {
		if (glob_list_find(&list, leaves[i]) != NULL)
			fail_msg("%s takes %s", row->pattern, leaves[i]);
	}
}

static const struct list_case {
	const char *name;
	enum glob_dialect dialect;
	const char *patterns; /* in their order */
	const char *text;
	const char *found; /* the pattern that takes it in, or NULL */
} list_cases[] = {
	{ "none", GLOB_IGNORE, "", "a", NULL },
	{ "the first that takes it", GLOB_IGNORE, "*.tf a.*", "a.tf", "*.tf" },
	{ "the second", GLOB_IGNORE, "*.tf a.*", "a.hcl", "a.*" },
	{ "taken out", GLOB_IGNORE, "**/*.tf !**/x.tf", "a/x.tf", NULL },
	{ "not taken out", GLOB_IGNORE, "**/*.tf !**/x.tf", "a/y.tf", "**/*.tf" },
	{ "taken out and in again", GLOB_IGNORE, "**/*.tf !a/** a/b/*", "a/b/x.tf", "a/b/*" },
	{ "out before in changes nothing", GLOB_IGNORE, "!a/x.tf **/*.tf", "a/x.tf", "**/*.tf" },
	{ "only out", GLOB_IGNORE, "!a", "b", NULL },
	{ "a folder is taken out", GLOB_IGNORE, "** !docs", "docs/a/b.md", NULL },
	{ "beside the folder", GLOB_IGNORE, "** !docs", "src/docs", "**" },
	{ "path: any", GLOB_PATH, "a/* b/**", "b/c/d", "b/**" },
	{ "name: out wins in any order", GLOB_NAME, "!h/o/secret h/o/*", "h/o/secret", NULL },
	{ "name: the others stay", GLOB_NAME, "!h/o/secret h/o/*", "h/o/open", "h/o/*" },
};

static void finds(void **state)
{
	const struct list_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *patterns[WORDS_MAX];
	size_t count = split(row->patterns, &arena, patterns);
	const struct glob *found;
	struct glob_list list;
	struct err err = { 0 };

	assert_ok(glob_list_compile(row->dialect, "", patterns, count, &arena, &list, &err), &err);
	found = glob_list_find(&list, row->text);
	if (row->found == NULL)
		assert_null(found);
	else if (found == NULL)
		fail_msg("nothing takes %s", row->text);
	else
		assert_string_equal(found->text, row->found);
}

static const struct capture_case {
	const char *name, *pattern, *text, *captures; /* with a | behind each */
} capture_cases[] = {
	{ "two parts", "services/*/overlays/*", "services/shop/overlays/prod", "shop|prod|" },
	{ "inside names", "env-*/*-app", "env-dev/my-app", "dev|my|" },
	{ "as little as it can", "*-*", "a-b-c", "a|b-c|" },
	{ "folders", "a/**/z", "a/b/c/z", "b/c|" },
	{ "no folders", "a/**/z", "a/z", "|" },
	{ "all below", "a/**", "a/b/c", "b/c|" },
	{ "the folder itself", "a/**", "a", "|" },
	{ "none", "a/b", "a/b", "" },
	{ "by choice", "{x,y}/*", "y/1", "1|" },
};

static void captures(void **state)
{
	const struct capture_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(1000);
	const char *found[GLOB_STARS_MAX];
	struct err err = { 0 };
	struct glob glob;
	size_t count = 99;

	assert_ok(glob_compile(GLOB_PATH, "", row->pattern, &arena, &glob, &err), &err);
	assert_true(glob_captures(&glob, row->text, &arena, found, &count));
	for (size_t i = 0; i < count; i++)
		strbuf_printf(&text, "%s|", found[i]);
	assert_string_equal(strbuf_text(&text), row->captures);
	assert_false(glob_captures(&glob, "nothing/like/it/at/all", &arena, found, &count));
	assert_int_equal(count, 0);
}

static const struct wrong_case {
	const char *name;
	enum glob_dialect dialect;
	const char *pattern, *says;
} wrong_cases[] = {
	{ "empty", GLOB_IGNORE, " ", "the pattern \" \" is empty" },
	{ "only out", GLOB_IGNORE, "!", "is empty" },
	{ "an open set", GLOB_IGNORE, "a[b", "has a [ that is never closed" },
	{ "a set that ends in a backslash", GLOB_IGNORE, "[a\\", "never closed" },
	{ "an empty set", GLOB_IGNORE, "a[]", "has an empty [ ]" },
	{ "an empty set of others", GLOB_PATH, "[^]", "has an empty [ ]" },
	{ "a backslash at the end", GLOB_PATH, "a\\", "ends with a \\" },
	{ "an open brace", GLOB_PATH, "{a,b", "has a { that is never closed" },
	{ "too many choices", GLOB_PATH, "{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}",
		"has too many choices in braces" },
	{ "too many stars", GLOB_IGNORE,
		"*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*",
		"has more than 32 stars" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct err err = { 0 };
	struct glob glob;

	assert_err(glob_compile(row->dialect, "", row->pattern, &arena, &glob, &err), &err,
		ERR_SYNTAX, row->says);
	assert_int_equal(err.class, ERR_CLASS_USER);
}

static void too_long(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	char text[GLOB_BYTES_MAX + 2];
	struct err err = { 0 };
	struct glob glob;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[GLOB_BYTES_MAX + 1] = '\0';
	assert_err(glob_compile(GLOB_PATH, "", text, &arena, &glob, &err), &err, ERR_SYNTAX,
		"is longer than 1024 bytes");
	text[GLOB_BYTES_MAX] = '\0';
	assert_ok(glob_compile(GLOB_PATH, "", text, &arena, &glob, &err), &err);
}

/* 32 stars over a text that almost matches: with going back alone this takes longer than a life. */
static void stars_do_not_explode(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf pattern = STRBUF(4096), text = STRBUF(8192);
	struct err err = { 0 };
	struct glob glob;

	(void)state;
	for (int i = 0; i < GLOB_STARS_MAX; i++)
		strbuf_puts(&pattern, i % 2 ? "*a" : "**/a");
	strbuf_puts(&pattern, "b");
	for (int i = 0; i < 1000; i++)
		strbuf_puts(&text, "aa/a");
	assert_ok(glob_compile(GLOB_IGNORE, "", strbuf_text(&pattern), &arena, &glob, &err), &err);
	assert_false(glob_matches(&glob, strbuf_text(&text)));
	strbuf_puts(&text, "ab");
	assert_true(glob_matches(&glob, strbuf_text(&text)));
	for (int i = 0; i < 100; i++)
		strbuf_puts(&text, "aa/a");
	assert_false(glob_matches(&glob, strbuf_text(&text))); /* longer than any path */
}

static void is_pattern(void **state)
{
	(void)state;
	assert_true(glob_is_pattern("a/*"));
	assert_true(glob_is_pattern("a/b?"));
	assert_true(glob_is_pattern("[ab]"));
	assert_true(glob_is_pattern("{a,b}"));
	assert_false(glob_is_pattern("a/b-c.d"));
}

int main(int argc, char **argv)
{
	CASES(glob_cases, takes_and_leaves);
	CASES(list_cases, finds);
	CASES(capture_cases, captures);
	CASES(wrong_cases, says_what_is_wrong);
	CASE(too_long);
	CASE(stars_do_not_explode);
	CASE(is_pattern);
	return cases_run(argc, argv);
}
