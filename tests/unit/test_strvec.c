/* links: lib */
/* Vectors of owned strings, always ended by NULL. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/strvec.h"

#include <stdio.h>

static void an_empty_one_is_an_argv(_unused_ void **state)
{
	struct strvec vec = { 0 };

	assert_non_null(strvec_argv(&vec));
	assert_null(strvec_argv(&vec)[0]);
	strvec_release(&vec);
}

static void owns_copies(_unused_ void **state)
{
	_cleanup_strvec_ struct strvec vec = { 0 };
	char text[] = "plan";

	strvec_push(&vec, text);
	text[0] = 'X';
	strvec_pushf(&vec, "-var=%s=%d", "n", 3);
	assert_int_equal(vec.count, 2);
	assert_string_equal(strvec_argv(&vec)[0], "plan");
	assert_string_equal(strvec_argv(&vec)[1], "-var=n=3");
	assert_null(strvec_argv(&vec)[2]);
}

static void stays_ended_while_it_grows(_unused_ void **state)
{
	_cleanup_strvec_ struct strvec vec = { 0 };

	for (size_t i = 0; i < 1000; i++) {
		char text[16];

		strvec_pushf(&vec, "%zu", i);
		assert_null(strvec_argv(&vec)[i + 1]);
		(void)snprintf(text, sizeof(text), "%zu", i / 2);
		assert_string_equal(strvec_argv(&vec)[i / 2], text);
	}
}

static void can_be_used_again(_unused_ void **state)
{
	struct strvec vec = { 0 };

	strvec_push(&vec, "one");
	strvec_release(&vec);
	assert_int_equal(vec.count, 0);
	strvec_push(&vec, "two");
	assert_string_equal(strvec_argv(&vec)[0], "two");
	strvec_release(&vec);
}

int main(int argc, char **argv)
{
	CASE(an_empty_one_is_an_argv);
	CASE(owns_copies);
	CASE(stays_ended_while_it_grows);
	CASE(can_be_used_again);
	return cases_run(argc, argv);
}
