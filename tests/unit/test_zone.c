/* links: engine model lib_regex lib */
/* Time zones, held against the C library's own reading of them; and times without applies. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/gates/freeze.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct zone_case {
	const char *name;
} zones[] = { { "Europe/Berlin" }, { "America/New_York" }, { "America/Sao_Paulo" },
	{ "Australia/Lord_Howe" }, { "Asia/Kolkata" }, { "Asia/Tehran" }, { "Africa/Casablanca" },
	{ "Africa/Monrovia" }, { "America/Santiago" }, { "Pacific/Apia" }, { "Europe/Dublin" },
	{ "Antarctica/Troll" }, { "America/Nuuk" }, { "Asia/Gaza" }, { "UTC" }, { "Etc/GMT-14" } };

/* Every nine hours and a bit from 1950 to 2120, or every fortnight. */
static void agrees_with_the_c_library(void **state)
{
	const struct zone_case *row = *state;
	const int64_t step = cases_are_slow() ? 37 * 32411 : 32411;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct zone zone;
	struct err err;
	int r = zone_load(row->name, &arena, &zone, &err);

	if (r == -ERR_MISSING)
		cases_skip("this machine has no time zones");
	assert_ok(r, &err);
	setenv("TZ", row->name, 1);
	tzset();
	for (int64_t at = -631152000; at < 4733510400; at += step) {
		time_t when = (time_t)at;
		struct tm tm;

		assert_non_null(localtime_r(&when, &tm));
		if (tm.tm_gmtoff != zone_offset(&zone, at))
			fail_msg("%s at %lld: %ld, not %d", row->name, (long long)at, tm.tm_gmtoff,
				zone_offset(&zone, at));
	}
	unsetenv("TZ");
	tzset();
}

static void days_come_back(void **state)
{
	(void)state;
	for (int64_t day = -200000; day < 200000; day += 13) {
		struct civil civil = civil_of(day);

		assert_int_equal(civil_day(civil.year, civil.month, civil.day), day);
	}
	assert_int_equal(civil_of(0).weekday, 4); /* a Thursday */
	assert_int_equal(civil_of(-1).weekday, 3);
}

/* The last line of a file, behind an old block that says nothing and a new one with one type. */
static size_t file_of(const char *rest, uint8_t out[300])
{
	static const uint8_t header[44] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4 };
	size_t at = 0;

	memset(out, 0, 300);
	for (int i = 0; i < 2; i++) {
		memcpy(out + at, header, sizeof(header));
		at += sizeof(header) + 6;
		memcpy(out + at, "UTC", 4);
		at += 4;
	}
	at += (size_t)snprintf((char *)out + at, 300 - at, "\n%s\n", rest);
	return at;
}

static const struct rest_case {
	const char *name;
	int32_t january, july; /* of 2030; INT32_MIN: refused */
} rests[] = {
	{ "UTC0", 0, 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200 },
	{ "EST5EDT,M3.2.0,M11.1.0", -18000, -14400 },
	{ "<-03>3", -10800, -10800 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 39600, 37800 }, /* the other half of the world */
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", 0, 3600 },
	{ "A5B,J60,J300", -18000, -14400 },
	{ "AAA5BBB,0/0,364/25", -14400, -14400 },
	{ "EET-2EEST,M3.4.4/50,M10.4.4/50", 7200, 10800 },
	{ "", 0, 0 }, /* the last change holds for ever */
	{ "5", INT32_MIN, 0 },
	{ "CET", INT32_MIN, 0 },
	{ "CET-1CEST", INT32_MIN, 0 },
	{ "CET-1CEST,M3.5.0", INT32_MIN, 0 },
	{ "CET-1CEST,M13.5.0,M10.5.0", INT32_MIN, 0 },
	{ "CET-1CEST,M3.6.0,M10.5.0", INT32_MIN, 0 },
	{ "CET-1CEST,M3.5.7,M10.5.0", INT32_MIN, 0 },
	{ "CET-1CEST,J0,J300", INT32_MIN, 0 },
	{ "CET-1CEST,366,J300", INT32_MIN, 0 },
	{ "CET-99", INT32_MIN, 0 },
	{ "<CET-1", INT32_MIN, 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3 ", INT32_MIN, 0 },
	{ "CET-1:60", INT32_MIN, 0 },
};

static void reads_the_last_line(void **state)
{
	const struct rest_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	uint8_t bytes[300];
	size_t length = file_of(row->name, bytes);
	struct zone zone;
	struct err err;
	int r = zone_read(bytes, length, &arena, &zone, &err);

	if (row->january == INT32_MIN) {
		assert_err(r, &err, ERR_SYNTAX, "last line");
		return;
	}
	assert_ok(r, &err);
	assert_int_equal(zone_offset(&zone, civil_day(2030, 1, 15) * 86400), row->january);
	assert_int_equal(zone_offset(&zone, civil_day(2030, 7, 15) * 86400), row->july);
}

static void refuses_what_is_cut(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	uint8_t bytes[300];
	size_t length = file_of("CET-1CEST,M3.5.0,M10.5.0/3", bytes);
	struct zone zone;
	struct err err;

	(void)state;
	for (size_t i = 0; i < length; i++) {
		uint8_t *cut = mem_alloc(i + 1); /* valgrind and asan see a byte too many */

		memcpy(cut, bytes, i);
		assert_true(zone_read(cut, i, &arena, &zone, &err) < 0);
		free(cut);
	}
}

static void knows_no_other_files(void **state)
{
	static const char *const names[] = { "", "../../../etc/passwd", "/etc/passwd", "Europe",
		"Europe//Berlin", "Europe/../Europe/Berlin", "zone.tab", "Nowhere/Town", "a b" };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct zone zone;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(names); i++)
		assert_true(zone_load(names[i], &arena, &zone, &err) < 0);
}

/* ---- freezes ---- */

static int64_t at_ms(const char *text) /* "2026-11-20 17:00", UTC */
{
	int year, month, day, hour, minute;

	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute), 5);
	return (civil_day(year, month, day) * 86400 + hour * 3600 + minute * 60) * 1000;
}

#define HOURS(n) ((n)*INT64_C(3600000))

static const struct freeze_case {
	const char *name, *cron, *zone;
	int64_t for_ms;
	const char *now, *until, *next; /* until NULL: it is off */
} freezes[] = {
	/* 20 November 2026 is a Friday; Berlin is an hour ahead */
	{ "a weekend, before", "0 17 * * 5", "Europe/Berlin", HOURS(63), "2026-11-20 15:59", NULL,
		"2026-11-20 16:00" },
	{ "a weekend, its first minute", "0 17 * * 5", "Europe/Berlin", HOURS(63),
		"2026-11-20 16:00", "2026-11-23 07:00", "2026-11-27 16:00" },
	{ "a weekend, in it", "0 17 * * 5", "Europe/Berlin", HOURS(63), "2026-11-22 03:00",
		"2026-11-23 07:00", "2026-11-27 16:00" },
	{ "a weekend, its last minute", "0 17 * * 5", "Europe/Berlin", HOURS(63),
		"2026-11-23 06:59", "2026-11-23 07:00", "2026-11-27 16:00" },
	{ "a weekend, after", "0 17 * * 5", "Europe/Berlin", HOURS(63), "2026-11-23 07:00", NULL,
		"2026-11-27 16:00" },
	{ "the same in summer", "0 17 * * 5", "Europe/Berlin", HOURS(63), "2026-07-03 15:00",
		"2026-07-06 06:00", "2026-07-10 15:00" },
	{ "in UTC", "0 17 * * 5", "UTC", HOURS(1), "2026-11-20 17:30", "2026-11-20 18:00",
		"2026-11-27 17:00" },
	{ "another side of the date", "30 8 * * 6", "Pacific/Kiritimati", HOURS(2),
		"2026-11-20 18:45", "2026-11-20 20:30", "2026-11-27 18:30" },
	{ "every night", "0 22 * * *", "Europe/Berlin", HOURS(8), "2026-11-20 02:00",
		"2026-11-20 05:00", "2026-11-20 21:00" },
	{ "always", "* * * * *", "UTC", HOURS(1), "2026-11-20 02:00", "2026-11-20 03:00",
		"2026-11-20 02:01" },
	{ "once a year, long", "0 0 15 12 *", "UTC", HOURS(24 * 21), "2027-01-03 00:00",
		"2027-01-05 00:00", "2027-12-15 00:00" },
	{ "a year long", "0 0 1 1 *", "UTC", HOURS(24 * 366), "2026-12-31 23:00",
		"2027-01-02 00:00", "2027-01-01 00:00" },
	{ "day or weekday, as cron has it", "0 0 13 * 5", "UTC", HOURS(24), "2026-11-13 12:00",
		"2026-11-14 00:00", "2026-11-20 00:00" },
	{ "a step", "0 */6 * * *", "UTC", HOURS(1), "2026-11-20 12:30", "2026-11-20 13:00",
		"2026-11-20 18:00" },
	{ "a list and a range", "15 9-11,14 * * 1-5", "UTC", HOURS(1), "2026-11-20 14:20",
		"2026-11-20 15:15", "2026-11-23 09:15" },
	{ "seven is Sunday", "0 0 * * 7", "UTC", HOURS(24), "2026-11-22 12:00", "2026-11-23 00:00",
		"2026-11-29 00:00" },
	/* 29 March 2026, 2 o'clock in Berlin, does not exist: it begins when clocks jump */
	{ "an hour that clocks jump over", "30 2 * * *", "Europe/Berlin", HOURS(1),
		"2026-03-29 01:05", "2026-03-29 02:00", "2026-03-30 00:30" },
	/* 25 October 2026, half past two in Berlin, comes twice: the first one counts */
	{ "an hour that comes twice", "30 2 25 10 *", "Europe/Berlin", HOURS(3), "2026-10-25 00:31",
		"2026-10-25 03:30", "2027-10-25 00:30" },
};

static void is_frozen(void **state)
{
	const struct freeze_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct freeze_state found;
	struct cron cron;
	struct zone zone;
	struct err err;
	int r = zone_load(row->zone, &arena, &zone, &err);

	if (r == -ERR_MISSING)
		cases_skip("this machine has no time zones");
	assert_ok(r, &err);
	assert_ok(cron_parse(row->cron, &cron, &err), &err);
	freeze_look(&cron, &zone, row->for_ms, at_ms(row->now), &found);
	assert_int_equal(found.is_on, row->until != NULL);
	assert_int_equal(found.until_ms, row->until == NULL ? 0 : at_ms(row->until));
	assert_int_equal(found.next_ms, row->next == NULL ? 0 : at_ms(row->next));
}

int main(int argc, char **argv)
{
	CASES(zones, agrees_with_the_c_library);
	CASE(days_come_back);
	CASES(rests, reads_the_last_line);
	CASE(refuses_what_is_cut);
	CASE(knows_no_other_files);
	CASES(freezes, is_frozen);
	return cases_run(argc, argv);
}
