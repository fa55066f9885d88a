/* links: lib_regex lib */
/* Patterns of strangers: what they find, which are refused, and that none of them keeps us busy. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/regex.h"

#include <string.h>

static const struct {
	const char *name, *pattern, *text;
	int from, to; /* -1: no match */
} finds[] = {
	{ "anywhere", "ma", "a main", 2, 4 },
	{ "anchored", "^main$", "main", 0, 4 },
	{ "anchored elsewhere", "^main$", "a main", -1, -1 },
	{ "one of two", "^(main|release/.*)$", "release/1.2", 0, 11 },
	{ "without case", "(?i)secret", "my SECRET", 3, 9 },
	{ "nothing at all", "x*", "abc", 0, 0 },
	{ "letters of the world", "^.$", "\xc3\xa9", 0, 2 },
	{ "a verb that moves the begin", "a\\Kb", "ab", 1, 2 },
};

static void test_find(void **state)
{
	const __typeof__(finds[0]) *row = *state;
	_cleanup_regex_ struct regex *regex = NULL;
	size_t from, to;
	struct err err = { 0 };
	bool found;

	assert_ok(regex_compile(row->pattern, strlen(row->pattern), &regex, &err), &err);
	assert_ok(
		regex_find(regex, row->text, strlen(row->text), 0, &found, &from, &to, &err), &err);
	assert_int_equal(found, row->from >= 0);
	if (found) {
		assert_int_equal(from, row->from);
		assert_int_equal(to, row->to);
	}
}

static const struct {
	const char *name, *pattern, *said;
} refused[] = {
	{ "an open bracket", "a(b", "missing closing parenthesis, at character 4 of the pattern" },
	{ "an open class", "[a", "missing terminating ]" },
	{ "a range turned round", "[z-a]", "range out of order" },
	{ "nothing to repeat", "*a", "quantifier does not follow a repeatable item" },
	{ "a single byte of a letter", "\\C", "using \\C is disabled" },
	{ "bytes that are no letters", "\xff", "UTF-8 error" },
	{ "repeats of repeats", "((((a{1,900}){1,900}){1,900}){1,900})", "too large" },
};

static void test_refused(void **state)
{
	const __typeof__(refused[0]) *row = *state;
	struct regex *regex = NULL;
	struct err err = { 0 };

	assert_err(regex_compile(row->pattern, strlen(row->pattern), &regex, &err), &err,
		ERR_SYNTAX, row->said);
	assert_null(regex);
}

static void test_a_pattern_has_an_end(_unused_ void **state)
{
	char pattern[REGEX_PATTERN_MAX + 2];
	struct regex *regex = NULL;
	struct err err = { 0 };

	memset(pattern, 'a', sizeof(pattern));
	assert_err(regex_compile(pattern, REGEX_PATTERN_MAX + 1, &regex, &err), &err, ERR_SYNTAX,
		"longer than 1000 bytes");
	memset(pattern, '(', sizeof(pattern));
	assert_err(regex_compile(pattern, 200, &regex, &err), &err, ERR_SYNTAX,
		"parentheses are too deeply nested");
}

/* Each of these takes for ever in a careless matcher. */
static const struct {
	const char *name, *pattern;
} costly[] = {
	{ "repeats inside repeats", "^(a+)+$" },
	{ "alternatives that overlap", "^(a|aa)+$" },
	{ "many dots", "(.*)*(.*)*(.*)*(.*)*(.*)*b$" },
	{ "a look behind each", "^(a|a|a)*(?=b)$" },
};

static void test_costly(void **state)
{
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac";
	const __typeof__(costly[0]) *row = *state;
	_cleanup_regex_ struct regex *regex = NULL;
	int64_t began = clock_monotonic_ms(&clock_system);
	struct err err = { 0 };
	bool found = true;
	int r;

	assert_ok(regex_compile(row->pattern, strlen(row->pattern), &regex, &err), &err);
	r = regex_matches(regex, text, &found, &err);
	assert_true(clock_monotonic_ms(&clock_system) - began < 5000); /* under valgrind too */
	assert_false(found);
	if (r < 0)
		assert_err(r, &err, ERR_LIMIT, "needs too many steps");
}

static void test_text_that_is_none(_unused_ void **state)
{
	_cleanup_regex_ struct regex *regex = NULL;
	struct err err = { 0 };
	bool found;

	assert_ok(regex_compile("a", 1, &regex, &err), &err);
	assert_err(regex_matches(regex, "\xff", &found, &err), &err, ERR_SYNTAX, "not UTF-8");
}

int main(int argc, char **argv)
{
	CASES(finds, test_find);
	CASES(refused, test_refused);
	CASE(test_a_pattern_has_an_end);
	CASES(costly, test_costly);
	CASE(test_text_that_is_none);
	return cases_run(argc, argv);
}
