/* links: lib */
/* Errors: one line in the caller's memory, and a class that decides what happens next. */
#include "tests/lib/cases.h"

#include <errno.h>
#include <string.h>

struct class_case {
	const char *name;
	enum err_code code;
	enum err_class class;
};

static const struct class_case class_cases[] = {
	{ "system", ERR_SYSTEM, ERR_CLASS_PERM },
	{ "missing", ERR_MISSING, ERR_CLASS_PERM },
	{ "exists", ERR_EXISTS, ERR_CLASS_PERM },
	{ "stale", ERR_STALE, ERR_CLASS_TEMP },
	{ "busy", ERR_BUSY, ERR_CLASS_TEMP },
	{ "limit", ERR_LIMIT, ERR_CLASS_PERM },
	{ "syntax", ERR_SYNTAX, ERR_CLASS_PERM },
	{ "usage", ERR_USAGE, ERR_CLASS_USER },
	{ "config", ERR_CONFIG, ERR_CLASS_CONFIG },
	{ "store", ERR_STORE, ERR_CLASS_TEMP },
	{ "job", ERR_JOB, ERR_CLASS_PERM },
	{ "net", ERR_NET, ERR_CLASS_TEMP },
	{ "refused", ERR_REFUSED, ERR_CLASS_PERM },
	{ "conflict", ERR_CONFLICT, ERR_CLASS_USER },
	{ "bug", ERR_BUG, ERR_CLASS_BUG },
};

static void has_a_class(void **state)
{
	const struct class_case *row = *state;
	struct err err;

	assert_int_equal(err_set(&err, row->code, "no %s", "luck"), -(int)row->code);
	assert_int_equal(err.class, row->class);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "no luck");
	assert_string_equal(err_code_name(row->code), row->name);
}

static void every_code_is_in_the_table(_unused_ void **state)
{
	assert_int_equal(countof(class_cases), ERR_CODE_MAX - 1);
}

static void names_what_it_does_not_know(_unused_ void **state)
{
	assert_string_equal(err_code_name((enum err_code)99), "unknown");
	assert_string_equal(err_code_name((enum err_code) - 1), "unknown");
	assert_string_equal(err_class_name((enum err_class)0), "none");
	assert_string_equal(err_class_name((enum err_class)99), "none");
	assert_string_equal(err_class_name(ERR_CLASS_UNKNOWN), "unknown");
}

struct sys_case {
	const char *name;
	int sys;
	enum err_class class;
};

static const struct sys_case sys_cases[] = {
	{ "a full disk may get room", ENOSPC, ERR_CLASS_TEMP },
	{ "descriptors come back", EMFILE, ERR_CLASS_TEMP },
	{ "a server may come back", ECONNREFUSED, ERR_CLASS_TEMP },
	{ "again means again", EAGAIN, ERR_CLASS_TEMP },
	{ "a missing file stays missing", ENOENT, ERR_CLASS_PERM },
	{ "no permission stays so", EACCES, ERR_CLASS_PERM },
	{ "a loop of links stays so", ELOOP, ERR_CLASS_PERM },
};

static void knows_errno(void **state)
{
	const struct sys_case *row = *state;
	struct err err;

	assert_int_equal(err_sys(&err, ERR_SYSTEM, row->sys, "cannot open %s", "x"), -ERR_SYSTEM);
	assert_int_equal(err.class, row->class);
	assert_int_equal(err.sys, row->sys);
	assert_contains(err.text, "cannot open x: ");
	assert_contains(err.text, strerror(row->sys));
}

static void the_caller_may_choose_the_class(_unused_ void **state)
{
	struct err err;

	assert_int_equal(err_user(&err, ERR_LIMIT, "too long"), -ERR_LIMIT);
	assert_int_equal(err.class, ERR_CLASS_USER);
	assert_int_equal(
		err_class_set(&err, ERR_NET, ERR_CLASS_UNKNOWN, "cut after it was sent"), -ERR_NET);
	assert_int_equal(err.class, ERR_CLASS_UNKNOWN);
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(err.text, "");
}

static void wraps_outside_in(_unused_ void **state)
{
	struct err err;

	err_sys(&err, ERR_STORE, ENOSPC, "cannot write");
	assert_int_equal(err_wrap(&err, "run %d", 7), -ERR_STORE);
	assert_contains(err.text, "run 7: cannot write: No space");
	assert_int_equal(err.class, ERR_CLASS_TEMP);
	assert_int_equal(err.sys, ENOSPC);
}

static void may_quote_its_own_text(_unused_ void **state)
{
	struct err err;

	err_set(&err, ERR_JOB, "inner");
	err_set(&err, ERR_BUG, "outer of %s", err.text);
	assert_string_equal(err.text, "outer of inner");
}

static void a_long_text_is_cut(_unused_ void **state)
{
	struct err err, inner;
	char large[2000];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	err_set(&err, ERR_BUG, "%s", large);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_sys(&err, ERR_BUG, ENOENT, "%s", large);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	inner = err;
	err_wrap(&err, "context");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_contains(err.text, "context: xxx");
	err_wrap(&inner, "%s", large);
	assert_int_equal(strlen(inner.text), sizeof(inner.text) - 1);
}

int main(int argc, char **argv)
{
	CASES(class_cases, has_a_class);
	CASE(every_code_is_in_the_table);
	CASE(names_what_it_does_not_know);
	CASES(sys_cases, knows_errno);
	CASE(the_caller_may_choose_the_class);
	CASE(wraps_outside_in);
	CASE(may_quote_its_own_text);
	CASE(a_long_text_is_cut);
	return cases_run(argc, argv);
}
