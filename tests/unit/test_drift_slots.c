/* links: engine lib */
/* Which times of a schedule are looked at: one by one, and over a year in which the server
 * is away now and then. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/drift_slots.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static int64_t at_ms(const char *text) /* "2026-11-20 17:00", UTC */
{
	int year, month, day, hour, minute;

	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute), 5);
	return (civil_day(year, month, day) * 86400 + hour * 3600 + minute * 60) * 1000;
}

static void load(const char *line, const char *name, struct arena *arena, struct cron *ret,
	struct zone *ret_zone)
{
	struct err err;
	int r = zone_load(name, arena, ret_zone, &err);

	if (r == -ERR_MISSING)
		cases_skip("this machine has no time zones");
	assert_ok(r, &err);
	assert_ok(cron_parse(line, ret, &err), &err);
}

static const struct slot_case {
	const char *name, *zone, *line, *from, *now;
	const char *slot; /* NULL: none */
	bool is_late;
	int missed;
	const char *next;
} slots[] = {
	{ "not yet", "UTC", "0 8 * * 1-5", "2026-11-23 08:00", "2026-11-23 07:59", NULL, false, 0,
		"2026-11-23 08:00" },
	{ "now", "UTC", "0 8 * * 1-5", "2026-11-23 08:00", "2026-11-23 08:00", "2026-11-23 08:00",
		false, 0, "2026-11-24 08:00" },
	{ "a weekend of rest", "UTC", "0 8 * * 1-5", "2026-11-20 08:00", "2026-11-20 08:01",
		"2026-11-20 08:00", false, 0, "2026-11-23 08:00" },
	{ "two days away", "UTC", "0 8 * * 1-5", "2026-11-23 08:00", "2026-11-25 12:00",
		"2026-11-25 08:00", false, 2, "2026-11-26 08:00" },
	{ "just young enough", "UTC", "0 8 * * 1", "2026-11-23 08:00", "2026-11-24 08:00",
		"2026-11-23 08:00", false, 0, "2026-11-30 08:00" },
	{ "too late", "UTC", "0 8 * * 1", "2026-11-16 08:00", "2026-11-24 08:01",
		"2026-11-23 08:00", true, 1, "2026-11-30 08:00" },
	{ "the clock went back", "UTC", "0 8 * * *", "2026-11-25 08:00", "2026-11-23 09:00", NULL,
		false, 0, "2026-11-24 08:00" },
	{ "each minute, away for a year", "UTC", "* * * * *", "2025-11-23 08:00",
		"2026-11-23 08:00", "2026-11-23 08:00", false, DRIFT_MISSED_MOST,
		"2026-11-23 08:01" },
	{ "a time that clocks jump over", "Europe/Berlin", "30 2 * * *", "2026-03-29 01:00",
		"2026-03-29 01:00", "2026-03-29 01:00", false, 0, "2026-03-30 00:30" },
	{ "a time that comes twice", "Europe/Berlin", "30 2 * * *", "2026-10-26 01:30",
		"2026-10-25 01:30", NULL, false, 0, "2026-10-26 01:30" },
	{ "from between two times", "UTC", "0 8 * * *", "2026-11-23 09:00", "2026-11-23 10:00",
		NULL, false, 0, "2026-11-24 08:00" },
};

static void are_due(void **state)
{
	const struct slot_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_due due;
	struct cron cron;
	struct zone zone;

	load(row->line, row->zone, &arena, &cron, &zone);
	due = drift_slots(&cron, &zone, at_ms(row->from), at_ms(row->now), DRIFT_CATCH_UP_MS);
	assert_int_equal(due.slot_ms, row->slot == NULL ? 0 : at_ms(row->slot));
	assert_int_equal(due.is_late, row->is_late);
	assert_int_equal(due.missed, row->missed);
	assert_int_equal(due.next_ms, at_ms(row->next));
}

/* ---- a year ---- */

static uint32_t roll(uint64_t *dice, uint32_t sides)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*dice >> 33) % sides;
}

struct year {
	int64_t from_ms, now_ms;
	int looked, missed;
	int64_t seen[400];
};

static void look(struct year *year, const struct cron *cron, const struct zone *zone)
{
	struct drift_due due = drift_slots(
		cron, zone, year->from_ms, year->now_ms, DRIFT_CATCH_UP_MS);
	bool is_new = true;

	if (due.slot_ms > 0 && due.is_late)
		return;
	for (int i = 0; i < year->looked; i++)
		is_new = is_new && year->seen[i] != due.slot_ms;
	if (due.slot_ms > 0) {
		assert_true(is_new); /* the index of the rows would refuse it */
		assert_true(year->now_ms - due.slot_ms <= DRIFT_CATCH_UP_MS);
		year->seen[year->looked++] = due.slot_ms;
		year->missed += due.missed;
	}
	year->from_ms = due.next_ms;
}

/* Mornings of weekdays, told without cron. */
static int oracle(int year)
{
	int count = 0;

	for (int64_t day = civil_day(year, 1, 1); day < civil_day(year + 1, 1, 1); day++)
		count += civil_of(day).weekday >= 1 && civil_of(day).weekday <= 5;
	return count;
}

/* Away now and then, for minutes or days; every slot is looked at or counted as missed. */
static void a_year_of_weekday_mornings(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct cron cron;
	struct zone zone;

	load("0 8 * * 1-5", "Europe/Berlin", &arena, &cron, &zone);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		int64_t end = at_ms(
			"2027-01-01 06:30"); /* before the first slot of the next year */
		struct year year = { .now_ms = at_ms("2026-01-01 00:00") };
		uint64_t dice = seed;

		year.from_ms = cron_next(&cron, &zone, year.now_ms);
		while (year.now_ms < end) {
			look(&year, &cron, &zone);
			year.now_ms += roll(&dice, 50) == 0 ? roll(&dice, 5 * 24) * HOUR_MS
							    : roll(&dice, 360) * MINUTE_MS;
		}
		year.now_ms = end;
		look(&year, &cron, &zone);
		assert_int_equal(year.looked + year.missed, oracle(2026));
		assert_true(year.looked > 150 && year.missed > 0);
	}
}

int main(int argc, char **argv)
{
	CASES(slots, are_due);
	CASE(a_year_of_weekday_mornings);
	return cases_run(argc, argv);
}
