/* Reading lines of cron, and looking for their times.
 *
 * Times are looked for on the clock as it stood at most so far (zone_latest). That clock never goes
 * back, so each time of day on it comes once, and those that the real one jumps over come when it
 * has jumped. */
#include "orchestrator/lib/cron.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* 29 February falls on each weekday within 40 years, also over a year like 2100. */
enum { DAY_S = 86400, DAYS_MAX = 41 * 366, ITEM_MAX = 24, NAME_LENGTH = 3 };

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
	"oct", "nov", "dec", NULL };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

static const struct field {
	const char *name;
	unsigned least, most;
	const char *const *words; /* from `least` on, or NULL */
	const char *allowed;
} fields[] = {
	{ "minute", 0, 59, NULL, "0-59" },
	{ "hour", 0, 23, NULL, "0-23" },
	{ "day", 1, 31, NULL, "1-31" },
	{ "month", 1, 12, months, "1-12 or jan-dec" },
	{ "weekday", 0, 7, weekdays, "0-7 or sun-sat, where 0 and 7 are Sunday" },
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

/* ---- the line ---- */

static int no_value(const struct field *field, const char *text, struct err *err)
{
	for (int i = 0; field->words != NULL && field->words[i] != NULL; i++) {
		if (strncasecmp(text, field->words[i], 2) == 0)
			return err_set(err, ERR_SYNTAX,
				"%s: \"%s\" is not one of %s; did you mean %s?", field->name, text,
				field->allowed, field->words[i]);
	}
	return err_set(
		err, ERR_SYNTAX, "%s: \"%s\" is not one of %s", field->name, text, field->allowed);
}

static int read_value(const struct field *field, const char *text, unsigned *ret, struct err *err)
{
	size_t digits = strspn(text, "0123456789");

	for (unsigned i = 0; field->words != NULL && field->words[i] != NULL; i++) {
		if (strcasecmp(text, field->words[i]) == 0) {
			*ret = field->least + i;
			return 0;
		}
	}
	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return no_value(field, text, err);
	*ret = (unsigned)strtoul(text, NULL, 10);
	return *ret < field->least || *ret > field->most ? no_value(field, text, err) : 0;
}

static int read_range(const struct field *field, char *text, unsigned *from, unsigned *to,
	bool *is_single, struct err *err)
{
	char *dash = strchr(text, '-');
	unsigned most = field->most == 7 ? 6 : field->most;
	int r;

	*is_single = dash == NULL;
	if (dash != NULL)
		*dash = '\0';
	r = read_value(field, text, from, err);
	*to = *from;
	if (r < 0 || dash == NULL)
		return r;
	r = read_value(field, dash + 1, to, err);
	if (r == 0 && *to == 0 && isalpha((unsigned char)dash[1]))
		*to = 7; /* sat-sun */
	if (r == 0 && *from > *to)
		return err_set(err, ERR_SYNTAX,
			"%s: %u-%u goes backwards; write %u-%u for less, or %u-%u,%u-%u over the "
			"end",
			field->name, *from, *to, *to, *from, *from, most, field->least, *to);
	return r;
}

/* "*", "5", "1-5", "mon-fri", each perhaps with "/2"; "5/2" goes on to the end */
static int read_item(const struct field *field, char *item, uint64_t *bits, struct err *err)
{
	unsigned from = field->least, to = field->most, step = 1;
	char *slash = strchr(item, '/');
	bool is_single = false;
	int r = 0;

	if (slash != NULL)
		*slash = '\0';
	if (!str_equal(item, "*"))
		r = read_range(field, item, &from, &to, &is_single, err);
	if (r < 0)
		return r;
	if (slash != NULL) {
		size_t digits = strspn(slash + 1, "0123456789");

		step = (unsigned)strtoul(slash + 1, NULL, 10);
		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0' || step == 0 ||
			step > field->most)
			return err_set(err, ERR_SYNTAX,
				"%s: \"%s\" is no step; a number of 1 to %u, like */5", field->name,
				slash + 1, field->most);
		to = is_single ? field->most : to;
	}
	for (unsigned i = from; i <= to; i += step)
		*bits |= UINT64_C(1) << i;
	return 0;
}

static int read_field(
	const struct field *field, const char *text, size_t length, uint64_t *bits, struct err *err)
{
	for (size_t at = 0; at <= length;) {
		size_t item_length = strcspn(text + at, ", \t");
		char item[ITEM_MAX + 1];

		if (item_length == 0 || item_length > ITEM_MAX)
			return err_set(err, ERR_SYNTAX,
				"%s: an item of the list is %s; allowed are %s, ranges and steps",
				field->name, item_length == 0 ? "empty" : "too long",
				field->allowed);
		memcpy(item, text + at, item_length);
		item[item_length] = '\0';
		int r = read_item(field, item, bits, err);
		if (r < 0)
			return r;
		at += item_length + 1;
	}
	return 0;
}

static int wrong_count(size_t count, struct err *err)
{
	return err_set(err, ERR_SYNTAX,
		"a line of cron has five fields, minute hour day month weekday, like 0 8 * * 1-5; "
		"this one has %zu%s",
		count, count == 6 ? " (seconds are not known here)" : "");
}

static int has_only_what_cron_has(const char *text, struct err *err)
{
	static const struct {
		const char *name, *line;
	} others[] = { { "@hourly", "0 * * * *" }, { "@daily", "0 0 * * *" },
		{ "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
		{ "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
		{ "@annually", "0 0 1 1 *" } };

	for (size_t i = 0; i < countof(others); i++) {
		if (strcasecmp(text, others[i].name) == 0)
			return err_set(err, ERR_SYNTAX, "%s is written \"%s\" here", others[i].name,
				others[i].line);
	}
	if (strnlen(text, CRON_BYTES_MAX + 1) > CRON_BYTES_MAX)
		return err_set(
			err, ERR_SYNTAX, "a line of cron is at most %d bytes long", CRON_BYTES_MAX);
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr("*,-/ \t", *text) == NULL)
			return err_set(err, ERR_SYNTAX,
				"a line of cron has numbers, names, and * , - / in its five "
				"fields, like 0 8 * * 1-5; nothing else");
	}
	return 0;
}

static bool must_both_fit(const struct cron *cron)
{
	return cron->any_day || cron->any_weekday;
}

/* With a weekday that is enough by itself each line comes. */
static int comes_ever(const struct cron *cron, struct err *err)
{
	static const unsigned longest[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	for (unsigned month = 1; month <= countof(longest); month++) {
		uint32_t there_are = (UINT32_MAX >> (31 - longest[month - 1])) & ~1U;

		if ((cron->months >> month & 1) && (cron->days & there_are) != 0)
			return 0;
	}
	if (!must_both_fit(cron))
		return 0;
	return err_set(err, ERR_SYNTAX,
		"day: none of the days comes in any of the months, so this line never comes; "
		"february has 29 at most, april, june, september and november have 30");
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
	uint64_t bits[countof(fields)] = { 0 };
	bool is_star[countof(fields)] = { 0 };
	size_t count = 0;
	int r = has_only_what_cron_has(text, err);

	for (const char *at = text; r == 0;) {
		size_t length;

		at += strspn(at, " \t");
		length = strcspn(at, " \t");
		if (length == 0)
			break;
		if (count < countof(fields)) {
			is_star[count] = *at == '*';
			r = read_field(&fields[count], at, length, &bits[count], err);
		}
		count++;
		at += length;
	}
	if (r < 0)
		return r;
	if (count != countof(fields))
		return wrong_count(count, err);
	*ret = (struct cron){ .minutes = bits[MINUTE],
		.hours = (uint32_t)bits[HOUR],
		.days = (uint32_t)bits[DAY],
		.months = (uint32_t)bits[MONTH],
		.weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
		.any_day = is_star[DAY],
		.any_weekday = is_star[WEEKDAY] };
	return comes_ever(ret, err);
}

/* ---- its times ---- */

static bool fits(const struct cron *cron, int64_t day)
{
	struct civil civil = civil_of(day);
	bool is_day = cron->days >> civil.day & 1;
	bool is_weekday = cron->weekdays >> civil.weekday & 1;

	if (!(cron->months >> civil.month & 1))
		return false;
	return must_both_fit(cron) ? is_day && is_weekday : is_day || is_weekday;
}

/* The nearest bit of `bits` from `at` on, up or down; -1: none. */
static int nearest_bit(uint64_t bits, int at, int most, int way)
{
	for (; at >= 0 && at <= most; at += way) {
		if (bits >> at & 1)
			return at;
	}
	return -1;
}

/* The nearest time of a day, in minutes, from `minute` on, up or down; -1: none. */
static int nearest_minute(const struct cron *cron, int minute, int way)
{
	int hour = minute / 60, found;

	if (minute < 0 || minute >= 24 * 60)
		return -1;
	if (cron->hours >> hour & 1) {
		found = nearest_bit(cron->minutes, minute % 60, 59, way);
		if (found >= 0)
			return hour * 60 + found;
	}
	hour = nearest_bit(cron->hours, hour + way, 23, way);
	if (hour < 0)
		return -1;
	return hour * 60 + nearest_bit(cron->minutes, way > 0 ? 0 : 59, 59, way);
}

/* From that minute of the clock on; INT64_MIN: none within DAYS_MAX. */
static int64_t nearest_local(const struct cron *cron, int64_t minute, int way)
{
	int64_t day = minute / (24 * 60);
	int of_day = (int)(minute % (24 * 60));

	if (of_day < 0) {
		of_day += 24 * 60;
		day--;
	}
	for (int i = 0; i < DAYS_MAX; i++) {
		int found = fits(cron, day) ? nearest_minute(cron, of_day, way) : -1;

		if (found >= 0)
			return day * DAY_S + found * 60;
		day += way;
		of_day = way > 0 ? 0 : 24 * 60 - 1;
	}
	return INT64_MIN;
}

static int64_t seconds_of(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

static int64_t minutes_of(int64_t s)
{
	return s / 60 - (s % 60 < 0);
}

static int64_t look(const struct cron *cron, const struct zone *zone, int64_t at_ms, int way)
{
	int64_t clock = zone_latest(zone, seconds_of(at_ms));
	int64_t found = nearest_local(cron, minutes_of(clock) + (way > 0), way);

	return found == INT64_MIN ? CRON_NEVER : zone_first(zone, found) * 1000;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms)
{
	return look(cron, zone, after_ms, 1);
}

int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t until_ms)
{
	return look(cron, zone, until_ms, -1);
}
