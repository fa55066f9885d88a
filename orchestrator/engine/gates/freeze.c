/* When a freeze began last, and begins next. */
#include "orchestrator/engine/gates/freeze.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400, DAYS_AHEAD = 367 };

/* ---- the line ---- */

static int bad_cron(struct err *err)
{
	return err_set(err, ERR_SYNTAX,
		"that is no time of cron: minute hour day month weekday, like 0 17 * * 5");
}

static bool number(const char **at, unsigned *ret)
{
	*ret = 0;
	if (**at < '0' || **at > '9')
		return false;
	for (int digits = 0; **at >= '0' && **at <= '9'; digits++) {
		if (digits == 3)
			return false;
		*ret = *ret * 10 + (unsigned)(*(*at)++ - '0');
	}
	return true;
}

/* "*", "5", "1-5", each with "/2" */
static bool part(const char **at, unsigned least, unsigned most, uint64_t *bits)
{
	unsigned from = least, to = most, step = 1;

	if (**at == '*') {
		(*at)++;
	} else {
		if (!number(at, &from))
			return false;
		to = from;
		if (**at == '-') {
			(*at)++;
			if (!number(at, &to))
				return false;
		} else if (**at == '/') {
			to = most;
		}
	}
	if (**at == '/') {
		(*at)++;
		if (!number(at, &step))
			return false;
	}
	if (from < least || to > most || from > to || step == 0)
		return false;
	for (unsigned i = from; i <= to; i += step)
		*bits |= UINT64_C(1) << i;
	return true;
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
	static const struct {
		unsigned least, most;
	} fields[] = { { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 7 } };
	uint64_t bits[countof(fields)] = { 0 };
	bool is_star[countof(fields)];

	for (size_t i = 0; i < countof(fields); i++) {
		text += strspn(text, " ");
		is_star[i] = *text == '*';
		do {
			if (!part(&text, fields[i].least, fields[i].most, &bits[i]))
				return bad_cron(err);
		} while (*text == ',' && text++ != NULL);
		if (*text != ' ' && *text != '\0')
			return bad_cron(err);
	}
	if (text[strspn(text, " ")] != '\0')
		return bad_cron(err);
	*ret = (struct cron){ .minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint32_t)(bits[4] | bits[4] >> 7), /* 7 is Sunday too */
		.any_day = is_star[2],
		.any_weekday = is_star[4] };
	return 0;
}

/* ---- looking ---- */

static bool is_day(const struct cron *cron, const struct civil *civil)
{
	bool day = cron->days >> civil->day & 1, weekday = cron->weekdays >> civil->weekday & 1;

	if (!(cron->months >> civil->month & 1))
		return false;
	if (cron->any_day || cron->any_weekday)
		return day && weekday;
	return day || weekday; /* both given: either will do, as cron has it */
}

/* The begin on that day nearest to `now_s`, on the side that is asked for. */
static bool begin_of(const struct cron *cron, const struct zone *zone, int64_t day, int64_t now_s,
	bool is_past, int64_t *ret)
{
	struct civil civil = civil_of(day);
	bool found = false;

	if (!is_day(cron, &civil))
		return false;
	for (int hour = 0; hour < 24; hour++) {
		if (!(cron->hours >> hour & 1))
			continue;
		for (int minute = 0; minute < 60; minute++) {
			int64_t at;

			if (!(cron->minutes >> minute & 1))
				continue;
			at = zone_utc(zone, day * DAY_S + hour * 3600 + minute * 60);
			if ((at <= now_s) != is_past)
				continue;
			if (!found || (is_past ? at > *ret : at < *ret))
				*ret = at;
			found = true;
		}
	}
	return found;
}

void freeze_look(const struct cron *cron, const struct zone *zone, int64_t for_ms, int64_t now_ms,
	struct freeze_state *ret)
{
	int64_t now_s = now_ms / 1000, at = 0;
	int64_t today = (now_s + zone_offset(zone, now_s)) / DAY_S;
	int64_t days_back = for_ms / 1000 / DAY_S + 2;

	*ret = (struct freeze_state){ 0 };
	/* a day more on both sides: distances from UTC change */
	for (int64_t day = today + 1; day >= today - days_back; day--) {
		if (!begin_of(cron, zone, day, now_s, true, &at))
			continue;
		ret->is_on = at * 1000 + for_ms > now_ms;
		ret->until_ms = ret->is_on ? at * 1000 + for_ms : 0;
		break;
	}
	for (int64_t day = today - 1; day <= today + DAYS_AHEAD; day++) {
		if (!begin_of(cron, zone, day, now_s, false, &at))
			continue;
		ret->next_ms = at * 1000;
		break;
	}
}
