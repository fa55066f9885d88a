/* links: lib */
/* A region: what it hands out stays put until all of it goes. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/arena.h"

#include <stdalign.h>
#include <string.h>

static void hands_out_zeroed_and_aligned(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };

	for (size_t size = 0; size < 200; size++) {
		unsigned char *bytes = arena_alloc(&arena, size);

		assert_int_equal((uintptr_t)bytes % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size); /* the next piece must not see it */
	}
}

static void serves_what_is_larger_than_a_block(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	char *small = arena_strdup(&arena, "small"), *large = arena_alloc(&arena, 100000);

	memset(large, 'x', 100000);
	assert_string_equal(small, "small");
	assert_true(arena_bytes(&arena) >= 100000);
}

static void copies_text(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };

	assert_null(arena_strdup(&arena, NULL));
	assert_string_equal(arena_strdup(&arena, ""), "");
	assert_string_equal(arena_strndup(&arena, "apply", 3), "app");
	assert_string_equal(arena_printf(&arena, "%d of %s", 2, "3"), "2 of 3");
	assert_int_equal(strlen(arena_printf(&arena, "%09000d", 1)), 9000);
}

static void pushes_one_by_one(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int *numbers = NULL;

	for (int i = 0; i < 1000; i++) {
		numbers = arena_push(&arena, numbers, (size_t)i, sizeof(*numbers));
		numbers[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i);
}

static void can_be_used_again(_unused_ void **state)
{
	struct arena arena = { 0 };

	arena_release(&arena);
	assert_int_equal(arena_bytes(&arena), 0);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(arena_strdup(&arena, "again"), "again");
		arena_release(&arena);
		assert_int_equal(arena_bytes(&arena), 0);
	}
}

int main(int argc, char **argv)
{
	CASE(hands_out_zeroed_and_aligned);
	CASE(serves_what_is_larger_than_a_block);
	CASE(copies_text);
	CASE(pushes_one_by_one);
	CASE(can_be_used_again);
	return cases_run(argc, argv);
}
