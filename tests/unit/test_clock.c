/* links: lib */
/* Time, and time as people read it. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"

struct text_case {
	const char *name;
	int64_t ms;
	const char *text;
};

static const struct text_case moment_cases[] = {
	{ "the epoch", 0, "1970-01-01T00:00:00Z" },
	{ "milliseconds are dropped", 999, "1970-01-01T00:00:00Z" },
	{ "a day of 2026", 1795269802000, "2026-11-21T14:03:22Z" },
	{ "a leap day", 1709164800000, "2024-02-29T00:00:00Z" },
	{ "past 2038", 4102444800000, "2100-01-01T00:00:00Z" },
	{ "before the epoch", -86400000, "1969-12-31T00:00:00Z" },
};

static void writes_a_moment(void **state)
{
	const struct text_case *row = *state;
	char buf[CLOCK_TEXT_MAX];

	assert_string_equal(clock_text(row->ms, buf), row->text);
}

static void any_number_has_a_text(_unused_ void **state)
{
	static const int64_t extremes[] = { INT64_MAX, INT64_MIN, INT64_MAX / 1000 };
	char buf[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < countof(extremes); i++) {
		assert_ptr_equal(clock_text(extremes[i], buf), buf);
		assert_true(buf[0] != '\0');
		assert_ptr_equal(clock_duration_text(extremes[i], buf), buf);
		assert_true(buf[0] != '\0');
	}
}

static const struct text_case duration_cases[] = {
	{ "nothing", 0, "0 ms" },
	{ "never negative", -5, "0 ms" },
	{ "below a second", 820, "820 ms" },
	{ "the last millisecond", 999, "999 ms" },
	{ "a second", 1000, "1 s" },
	{ "seconds", 48900, "48 s" },
	{ "a minute", 60000, "1 min 0 s" },
	{ "minutes", 192000, "3 min 12 s" },
	{ "an hour", 3600000, "1 h 0 min" },
	{ "hours", 7440000, "2 h 4 min" },
	{ "days are hours", 180000000, "50 h 0 min" },
};

static void writes_a_duration(void **state)
{
	const struct text_case *row = *state;
	char buf[CLOCK_TEXT_MAX];

	assert_string_equal(clock_duration_text(row->ms, buf), row->text);
}

static void the_system_has_two_clocks(_unused_ void **state)
{
	int64_t before = clock_monotonic_ms(&clock_system);

	assert_true(clock_wall_ms(&clock_system) > 1700000000000);
	usleep(3000);
	assert_true(clock_monotonic_ms(&clock_system) >= before + 3);
}

int main(int argc, char **argv)
{
	CASES(moment_cases, writes_a_moment);
	CASE(any_number_has_a_text);
	CASES(duration_cases, writes_a_duration);
	CASE(the_system_has_two_clocks);
	return cases_run(argc, argv);
}
