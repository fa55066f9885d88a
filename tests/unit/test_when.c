/* links: lib */
/* Moments as people write them. Now is Saturday, 21 November 2026, 18:30:00 UTC. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/when.h"

#define NOW 1795285800000LL

static const struct when_case {
	const char *name, *text, *is; /* is NULL: refused */
} cases[] = {
	{ "now", "now", "2026-11-21T18:30:00Z" },
	{ "a day", "2026-11-17", "2026-11-17T00:00:00Z" },
	{ "a day and a time", "2026-11-17 15:00", "2026-11-17T15:00:00Z" },
	{ "seconds", "2026-11-17 15:00:59", "2026-11-17T15:00:59Z" },
	{ "a zone in winter", "2026-11-17 15:00 Europe/Berlin", "2026-11-17T14:00:00Z" },
	{ "a zone in summer", "2026-07-17 15:00 Europe/Berlin", "2026-07-17T13:00:00Z" },
	{ "a day in a zone", "2026-07-17 Asia/Tokyo", "2026-07-16T15:00:00Z" },
	{ "a time that clocks jump over", "2026-03-29 02:30 Europe/Berlin",
		"2026-03-29T01:30:00Z" },
	{ "a time that is there twice", "2026-10-25 02:30 Europe/Berlin", "2026-10-25T00:30:00Z" },
	{ "UTC", "2026-11-17 15:00 UTC", "2026-11-17T15:00:00Z" },
	{ "Z", "2026-11-17 15:00 Z", "2026-11-17T15:00:00Z" },
	{ "a distance", "2026-11-17 15:00 +05:30", "2026-11-17T09:30:00Z" },
	{ "a distance to the west", "2026-11-17 15:00 -08:00", "2026-11-17T23:00:00Z" },
	{ "as programs write it", "2026-11-17T15:00:00Z", "2026-11-17T15:00:00Z" },
	{ "as programs write it elsewhere", "2026-11-17T15:00+01:00", "2026-11-17T14:00:00Z" },
	{ "as programs write it without a zone", "2026-11-17T15:00", "2026-11-17T15:00:00Z" },
	{ "milliseconds", "1795285800000", "2026-11-21T18:30:00Z" },
	{ "last tuesday", "last tuesday 15:00 Europe/Berlin", "2026-11-17T14:00:00Z" },
	{ "a weekday", "tuesday 15:00", "2026-11-17T15:00:00Z" },
	{ "a short weekday", "Tue 15:00", "2026-11-17T15:00:00Z" },
	{ "the weekday of today", "saturday 01:00", "2026-11-21T01:00:00Z" },
	{ "the last weekday of today", "last saturday", "2026-11-14T00:00:00Z" },
	{ "tomorrow's weekday", "sunday", "2026-11-15T00:00:00Z" },
	{ "today", "today 08:00", "2026-11-21T08:00:00Z" },
	{ "today where it is tomorrow", "today 08:00 Asia/Tokyo", "2026-11-21T23:00:00Z" },
	{ "yesterday", "yesterday", "2026-11-20T00:00:00Z" },
	{ "a time", "08:15", "2026-11-21T08:15:00Z" },
	{ "a time somewhere", "08:15 Europe/Berlin", "2026-11-21T07:15:00Z" },
	{ "minutes ago", "90 minutes ago", "2026-11-21T17:00:00Z" },
	{ "an hour ago", "1 hour ago", "2026-11-21T17:30:00Z" },
	{ "days ago", "3 days ago", "2026-11-18T18:30:00Z" },
	{ "a week ago", "1 week ago", "2026-11-14T18:30:00Z" },
	{ "the day of 29 February", "2024-02-29", "2024-02-29T00:00:00Z" },
	{ "nothing", "", NULL },
	{ "blanks", "   ", NULL },
	{ "a word", "soon", NULL },
	{ "a day that is none", "2026-02-29", NULL },
	{ "a month that is none", "2026-13-01", NULL },
	{ "a time that is none", "2026-11-17 24:00", NULL },
	{ "minutes that are none", "2026-11-17 10:60", NULL },
	{ "half a time", "2026-11-17 10:", NULL },
	{ "a time and more", "2026-11-17 10:00x", NULL },
	{ "two days", "monday tuesday", NULL },
	{ "two times", "today 10:00 11:00", NULL },
	{ "a time before its day", "10:00 today", NULL },
	{ "last alone", "last", NULL },
	{ "last of a day", "last 2026-11-17", NULL },
	{ "a zone alone", "Europe/Berlin", NULL },
	{ "a zone that is none", "today Europe/Atlantis", NULL },
	{ "a way out of the zones", "today ../../etc/passwd", NULL },
	{ "a distance that is none", "today +25:00", NULL },
	{ "years ago", "3 years ago", NULL },
	{ "too many words", "last tuesday 15:00 in the afternoon", NULL },
	{ "a long word", "tuesdaytuesdaytuesdaytuesdaytuesdaytuesdaytuesdaytuesdaytuesdaytuesday",
		NULL },
	{ "a number that is too long", "17952858000000000000", NULL },
	{ "a negative year", "-001-01-01", NULL },
};

static void reads(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct when_case *row = *state;
	char text[CLOCK_TEXT_MAX];
	int64_t at = 0;
	struct err err;
	int r = when_parse(row->text, NOW, &arena, &at, &err);

	if (row->is == NULL) {
		assert_int_equal(r, -ERR_USAGE);
		return;
	}
	assert_ok(r, &err);
	assert_string_equal(clock_text(at, text), row->is);
}

int main(int argc, char **argv)
{
	CASES(cases, reads);
	return cases_run(argc, argv);
}
