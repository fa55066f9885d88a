/* links: lib */
/* The words the language lacks: memory, moving, the few questions about strings. */
#include "tests/lib/cases.h"

#include <fcntl.h>
#include <string.h>

static void allocates_zeroes(_unused_ void **state)
{
	static const char zeroes[512];
	char *bytes = mem_alloc(sizeof(zeroes));

	assert_memory_equal(bytes, zeroes, sizeof(zeroes));
	free(bytes);
	free(mem_alloc(0));
}

static void grows_and_keeps(_unused_ void **state)
{
	char *bytes = mem_grow(NULL, 4);

	memcpy(bytes, "abc", 4);
	bytes = mem_grow(bytes, 4096);
	assert_string_equal(bytes, "abc");
	free(bytes);
}

static void copies_text(_unused_ void **state)
{
	_cleanup_free_ char *whole = mem_strdup("plan"), *part = mem_strndup("apply", 3),
			    *more = mem_strndup("ab", 100), *made = mem_printf("%s-%d", "pull", 7);

	assert_string_equal(whole, "plan");
	assert_string_equal(part, "app");
	assert_string_equal(more, "ab");
	assert_string_equal(made, "pull-7");
}

static void moves_pointers(_unused_ void **state)
{
	char *text = mem_strdup("mine");
	char *taken = steal_ptr(text);

	assert_null(text);
	assert_string_equal(taken, "mine");
	free(taken);
}

static void moves_and_closes_descriptors(_unused_ void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), taken = steal_fd(&fd), kept = taken;

	assert_int_equal(fd, -1);
	assert_true(taken >= 0);
	fd_closep(&taken);
	assert_int_equal(taken, -1);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	fd_closep(&taken); /* nothing left to close */
}

struct string_case {
	const char *name, *text, *part;
	bool starts, ends, equal;
};

static const struct string_case string_cases[] = {
	{ "the same", "plan", "plan", true, true, true },
	{ "a beginning", "plan set", "plan", true, false, false },
	{ "an end", "drift plan", "plan", false, true, false },
	{ "the part is longer", "plan", "plan set", false, false, false },
	{ "the empty part is everywhere", "plan", "", true, true, false },
	{ "both empty", "", "", true, true, true },
	{ "case matters", "Plan", "plan", false, false, false },
};

static void compares(void **state)
{
	const struct string_case *row = *state;

	assert_int_equal(str_starts(row->text, row->part), row->starts);
	assert_int_equal(str_ends(row->text, row->part), row->ends);
	assert_int_equal(str_equal(row->text, row->part), row->equal);
}

static void nothing_equals_only_nothing(_unused_ void **state)
{
	assert_true(str_equal(NULL, NULL));
	assert_false(str_equal(NULL, ""));
	assert_false(str_equal("", NULL));
	assert_true(str_empty(NULL));
	assert_true(str_empty(""));
	assert_false(str_empty(" "));
}

struct outer {
	int before;
	int member;
};

static void finds_the_owner(_unused_ void **state)
{
	struct outer outer = { 1, 2 };
	int *member = &outer.member;

	assert_ptr_equal(container_of(member, struct outer, member), &outer);
}

int main(int argc, char **argv)
{
	CASE(allocates_zeroes);
	CASE(grows_and_keeps);
	CASE(copies_text);
	CASE(moves_pointers);
	CASE(moves_and_closes_descriptors);
	CASES(string_cases, compares);
	CASE(nothing_equals_only_nothing);
	CASE(finds_the_owner);
	return cases_run(argc, argv);
}
