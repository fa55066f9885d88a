/* links: lib */
/* Lines of cron: what is read, what is refused with which words, and which times come of it. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/cron.h"

#include <stdio.h>
#include <string.h>

static const struct line_case {
	const char *name;
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
} lines[] = {
	{ "0 8 * * 1-5", 1, 1 << 8, 0xfffffffe, 0x1ffe, 0x3e },
	{ "0 8 * * mon-fri", 1, 1 << 8, 0xfffffffe, 0x1ffe, 0x3e },
	{ "0 8 * * MON,Wed,fri", 1, 1 << 8, 0xfffffffe, 0x1ffe, 0x2a },
	{ "\t0  8 * *\t7 ", 1, 1 << 8, 0xfffffffe, 0x1ffe, 1 },
	{ "0 0 * * sat-sun", 1, 1, 0xfffffffe, 0x1ffe, 0x41 },
	{ "0 0 * * 5-7", 1, 1, 0xfffffffe, 0x1ffe, 0x61 },
	{ "*/15 9-17/4 1,15 jan-mar,dec 0", UINT64_C(0x200040008001), 1 << 9 | 1 << 13 | 1 << 17,
		1 << 1 | 1 << 15, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12, 1 },
	{ "50/5 22/1 30/1 11/1 5/1", UINT64_C(1) << 50 | UINT64_C(1) << 55, 1 << 22 | 1 << 23,
		1U << 30 | 1U << 31, 1 << 11 | 1 << 12, 1 | 1 << 5 | 1 << 6 },
	{ "59 23 31 12 6", UINT64_C(1) << 59, 1 << 23, 1U << 31, 1 << 12, 1 << 6 },
	{ "0 0 31 2 1", 1, 1, 1U << 31, 1 << 2, 2 }, /* never the 31st, but Mondays */
};

static void reads(void **state)
{
	const struct line_case *row = *state;
	struct cron cron;
	struct err err;

	assert_ok(cron_parse(row->name, &cron, &err), &err);
	assert_int_equal(cron.minutes, row->minutes);
	assert_int_equal(cron.hours, row->hours);
	assert_int_equal(cron.days, row->days);
	assert_int_equal(cron.months, row->months);
	assert_int_equal(cron.weekdays, row->weekdays);
}

static const struct wrong_case {
	const char *name, *says;
} wrong[] = {
	{ "", "this one has 0" },
	{ "* * * *", "this one has 4" },
	{ "0 * * * * *", "this one has 6 (seconds are not known here)" },
	{ "@daily", "@daily is written \"0 0 * * *\" here" },
	{ "60 * * * *", "minute: \"60\" is not one of 0-59" },
	{ "* 24 * * *", "hour: \"24\" is not one of 0-23" },
	{ "* * 0 * *", "day: \"0\" is not one of 1-31" },
	{ "* * * 13 *", "month: \"13\" is not one of 1-12 or jan-dec" },
	{ "* * * * 8", "weekday: \"8\" is not one of 0-7 or sun-sat" },
	{ "0 8 * * monday", "did you mean mon?" },
	{ "0 8 * sept *", "did you mean sep?" },
	{ "a * * * *", "minute: \"a\" is not one of 0-59" },
	{ "0 8 * * fri-mon", "weekday: 5-1 goes backwards; write 1-5 for less, or 5-6,0-1" },
	{ "50-10 * * * *", "50-59,0-10" },
	{ "*/0 * * * *", "minute: \"0\" is no step" },
	{ "*/60 * * * *", "a number of 1 to 59" },
	{ "*/ * * * *", "minute: \"\" is no step" },
	{ "1,, * * * *", "minute: an item of the list is empty" },
	{ "1, * * * *", "minute: an item of the list is empty" },
	{ "1- * * * *", "minute: \"\" is not one of" },
	{ "-1 * * * *", "minute: \"\" is not one of" },
	{ "1-2-3 * * * *", "minute: \"2-3\" is not one of" },
	{ "* * * * *x", "weekday: \"*x\" is not one of" },
	{ "1234567890 * * * *", "minute: \"1234567890\" is not one of" },
	{ "12345678901234567890123456789 * * * *", "too long" },
	{ "0 8 * * 1-5\n", "nothing else" },
	{ "0 8 * * <b>", "nothing else" },
	{ "0 0 31 2,4,6 *", "this line never comes" },
	{ "0 0 30,31 2 */2", "this line never comes" },
};

static void refuses(void **state)
{
	const struct wrong_case *row = *state;
	struct cron cron;
	struct err err;

	assert_err(cron_parse(row->name, &cron, &err), &err, ERR_SYNTAX, row->says);
}

static void refuses_what_is_long(void **state)
{
	char text[CRON_BYTES_MAX + 2];
	struct cron cron;
	struct err err;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "* * * * *", 9);
	text[CRON_BYTES_MAX] = '\0';
	assert_ok(cron_parse(text, &cron, &err), &err);
	text[CRON_BYTES_MAX] = ' ';
	text[CRON_BYTES_MAX + 1] = '\0';
	assert_err(cron_parse(text, &cron, &err), &err, ERR_SYNTAX, "at most 200 bytes");
}

/* ---- times ---- */

static int64_t at_ms(const char *text) /* "2026-11-20 17:00", UTC */
{
	int year, month, day, hour, minute;

	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute), 5);
	return (civil_day(year, month, day) * 86400 + hour * 3600 + minute * 60) * 1000;
}

static const struct time_case {
	const char *name, *zone, *line, *after;
	const char *next[4]; /* one after the other, UTC */
} times[] = {
	{ "weekday mornings, over a weekend", "Europe/Berlin", "0 8 * * 1-5", "2026-11-19 12:00",
		{ "2026-11-20 07:00", "2026-11-23 07:00" } },
	{ "the time itself is not later", "UTC", "0 8 * * *", "2026-11-20 08:00",
		{ "2026-11-21 08:00" } },
	{ "summer and winter", "Europe/Berlin", "0 8 * * *", "2026-10-24 05:59",
		{ "2026-10-24 06:00", "2026-10-25 07:00", "2026-10-26 07:00" } },
	/* 29 March 2026: after 1:59 clocks in Berlin show 3:00 */
	{ "what clocks jump over comes when they jump, once", "Europe/Berlin", "*/20 2 * * *",
		"2026-03-28 12:00",
		{ "2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 00:20" } },
	{ "and what comes then anyway, comes once with it", "Europe/Berlin", "30 2,3 * * *",
		"2026-03-28 12:00",
		{ "2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:30" } },
	/* 25 October 2026: after 2:59 clocks in Berlin show 2:00 once more */
	{ "what clocks show twice comes once", "Europe/Berlin", "30 2 * * *", "2026-10-24 12:00",
		{ "2026-10-25 00:30", "2026-10-26 01:30" } },
	{ "also in the hour itself", "Europe/Berlin", "*/30 * * * *", "2026-10-24 23:59",
		{ "2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 02:00" } },
	{ "asked in the second of the two hours", "Europe/Berlin", "*/30 * * * *",
		"2026-10-25 01:10", { "2026-10-25 02:00" } },
	{ "half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00",
		{ "2026-10-03 15:30", "2026-10-04 15:15" } },
	/* Samoa left out 30 December 2011 */
	{ "a whole day that was left out", "Pacific/Apia", "0 12 30 12 *", "2011-12-01 00:00",
		{ "2011-12-30 10:00", "2012-12-29 22:00" } },
	{ "29 February", "UTC", "0 0 29 2 *", "2026-01-01 00:00",
		{ "2028-02-29 00:00", "2032-02-29 00:00" } },
	{ "a Sunday of 29 February, over 2100", "UTC", "0 0 29 2 */7", "2073-01-01 00:00",
		{ "2088-02-29 00:00", "2128-02-29 00:00" } },
	{ "day or weekday: one is enough", "UTC", "0 0 13 * 5", "2026-11-01 00:00",
		{ "2026-11-06 00:00", "2026-11-13 00:00", "2026-11-20 00:00" } },
	{ "day with a star: the weekday alone", "UTC", "0 0 * * 5", "2026-11-01 00:00",
		{ "2026-11-06 00:00", "2026-11-13 00:00" } },
	{ "every other day, on Fridays", "UTC", "0 0 */2 * 5", "2026-11-01 00:00",
		{ "2026-11-13 00:00", "2026-11-27 00:00" } },
	{ "before 1970", "UTC", "7 7 7 7 *", "1969-12-31 23:00", { "1970-07-07 07:07" } },
};

static void comes(void **state)
{
	const struct time_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	int64_t at = at_ms(row->after), before = 0;
	struct cron cron;
	struct zone zone;
	struct err err;
	int r = zone_load(row->zone, &arena, &zone, &err);

	if (r == -ERR_MISSING)
		cases_skip("this machine has no time zones");
	assert_ok(r, &err);
	assert_ok(cron_parse(row->line, &cron, &err), &err);
	for (size_t i = 0; i < countof(row->next) && row->next[i] != NULL; i++) {
		at = cron_next(&cron, &zone, at);
		assert_int_equal(at, at_ms(row->next[i]));
		assert_int_equal(cron_last(&cron, &zone, at), at);
		if (i > 0)
			assert_int_equal(cron_last(&cron, &zone, at - 1), before);
		before = at;
	}
}

static void what_was_not_read_never_comes(void **state)
{
	struct zone zone = { 0 };

	(void)state;
	assert_true(cron_next(&(struct cron){ 0 }, &zone, 0) == CRON_NEVER);
	assert_true(cron_last(&(struct cron){ 0 }, &zone, 0) == CRON_NEVER);
}

int main(int argc, char **argv)
{
	CASES(lines, reads);
	CASES(wrong, refuses);
	CASE(refuses_what_is_long);
	CASES(times, comes);
	CASE(what_was_not_read_never_comes);
	return cases_run(argc, argv);
}
