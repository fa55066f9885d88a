/* Time zones from the bytes of the system's database. */
#include "orchestrator/lib/zone.h"

#include "orchestrator/lib/base.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 44, DAY_S = 86400, OFFSET_MOST_S = 26 * 3600, NAME_MOST = 60 };

static const char folder[] = "/usr/share/zoneinfo";

/* ---- days ---- */

int64_t civil_day(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400,
		of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct civil civil_of(int64_t day)
{
	int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	int64_t weekday = (day + 4) % 7;
	struct civil civil = { .day = (int)(of_year - (153 * month + 2) / 5 + 1),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.weekday = (int)(weekday < 0 ? weekday + 7 : weekday) };

	civil.year = (int)(year + era * 400 + (civil.month <= 2));
	return civil;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* ---- the last line: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

struct text {
	const char *at, *end;
	bool is_bad;
};

static char peek(const struct text *text)
{
	return text->at < text->end ? *text->at : '\0';
}

static bool take(struct text *text, char c)
{
	if (peek(text) != c)
		return false;
	text->at++;
	return true;
}

static int number(struct text *text, int least, int most)
{
	int value = 0, digits = 0;

	for (; isdigit((unsigned char)peek(text)) && digits < 4; digits++)
		value = value * 10 + (*text->at++ - '0');
	text->is_bad = text->is_bad || digits == 0 || value < least || value > most;
	return value;
}

static void name(struct text *text)
{
	size_t length = 0;

	if (take(text, '<')) {
		while (peek(text) != '>' && peek(text) != '\0' && length++ < NAME_MOST)
			text->at++;
		text->is_bad = text->is_bad || !take(text, '>');
	} else {
		for (; isalpha((unsigned char)peek(text)); length++)
			text->at++;
	}
	text->is_bad = text->is_bad || length == 0;
}

/* hh[:mm[:ss]], with a sign */
static int64_t hours(struct text *text)
{
	int64_t sign = take(text, '-') ? -1 : 1, value;

	if (sign > 0)
		(void)take(text, '+');
	value = (int64_t)number(text, 0, 167) * 3600;
	if (take(text, ':'))
		value += (int64_t)number(text, 0, 59) * 60;
	if (take(text, ':'))
		value += number(text, 0, 59);
	return sign * value;
}

static struct zone_rule rule(struct text *text)
{
	struct zone_rule rule = { .kind = ZONE_DAY, .at_s = 2 * 3600 };

	text->is_bad = text->is_bad || !take(text, ',');
	if (take(text, 'M')) {
		rule.kind = ZONE_WEEKDAY;
		rule.month = number(text, 1, 12);
		text->is_bad = text->is_bad || !take(text, '.');
		rule.week = number(text, 1, 5);
		text->is_bad = text->is_bad || !take(text, '.');
		rule.day = number(text, 0, 6);
	} else if (take(text, 'J')) {
		rule.kind = ZONE_JULIAN;
		rule.day = number(text, 1, 365);
	} else {
		rule.day = number(text, 0, 365);
	}
	if (take(text, '/'))
		rule.at_s = hours(text);
	return rule;
}

static void read_rest(const char *begin, const char *end, struct zone *zone)
{
	struct text text = { begin, end, false };

	name(&text);
	zone->rest_s = (int32_t)-hours(&text); /* the text counts west of UTC */
	if (peek(&text) != '\0') {
		zone->has_summer = true;
		name(&text);
		zone->summer_s = peek(&text) != ',' ? (int32_t)-hours(&text) : zone->rest_s + 3600;
		zone->begins = rule(&text);
		zone->ends = rule(&text);
	}
	zone->has_rest = !text.is_bad && text.at == text.end && zone->rest_s < OFFSET_MOST_S &&
			 zone->rest_s > -OFFSET_MOST_S && zone->summer_s < OFFSET_MOST_S &&
			 zone->summer_s > -OFFSET_MOST_S;
}

/* ---- the table ---- */

struct part { /* one of the two blocks of a file */
	uint32_t utc_count, std_count, leap_count, change_count, type_count, name_bytes;
	size_t width; /* of a time */
	size_t bytes; /* behind the header */
};

static uint32_t number32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t time_at(const uint8_t *at, size_t width)
{
	if (width == 4)
		return (int32_t)number32(at);
	return (int64_t)((uint64_t)number32(at) << 32 | number32(at + 4));
}

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "the time zone's file %s", what);
}

static int read_header(
	const uint8_t *bytes, size_t length, size_t width, struct part *ret, struct err *err)
{
	if (length < HEADER || memcmp(bytes, "TZif", 4) != 0)
		return bad(err, "is none");
	*ret = (struct part){ .utc_count = number32(bytes + 20),
		.std_count = number32(bytes + 24),
		.leap_count = number32(bytes + 28),
		.change_count = number32(bytes + 32),
		.type_count = number32(bytes + 36),
		.name_bytes = number32(bytes + 40),
		.width = width };
	if (ret->utc_count > 256 || ret->std_count > 256 || ret->leap_count > 1024 ||
		ret->change_count > ZONE_CHANGES_MAX || ret->type_count > 256 ||
		ret->name_bytes > 4096)
		return bad(err, "has more in it than a time zone can have");
	ret->bytes = ret->change_count * (width + 1) + ret->type_count * 6 + ret->name_bytes +
		     ret->leap_count * (width + 4) + ret->std_count + ret->utc_count;
	return length - HEADER < ret->bytes ? bad(err, "is cut off") : 0;
}

static int read_table(const uint8_t *at, const struct part *part, struct arena *arena,
	struct zone *ret, struct err *err)
{
	const uint8_t *kinds = at + part->change_count * part->width;
	const uint8_t *types = kinds + part->change_count;

	if (part->type_count == 0)
		return bad(err, "names no distance from UTC");
	for (uint32_t i = 0; i < part->type_count; i++) {
		int32_t offset = (int32_t)number32(types + i * 6);

		if (offset >= OFFSET_MOST_S || offset <= -OFFSET_MOST_S)
			return bad(err, "names a distance from UTC that there is not");
	}
	ret->first_s = (int32_t)number32(types);
	ret->changes = arena_alloc(arena, (part->change_count + 1) * sizeof(*ret->changes));
	for (uint32_t i = 0; i < part->change_count; i++) {
		int64_t from = time_at(at + i * part->width, part->width);

		if (kinds[i] >= part->type_count || (i > 0 && from <= ret->changes[i - 1].from_s))
			return bad(err, "is out of order");
		ret->changes[ret->change_count++] = (struct zone_change){ from,
			(int32_t)number32(types + kinds[i] * 6) };
	}
	return 0;
}

int zone_read(
	const uint8_t *bytes, size_t length, struct arena *arena, struct zone *ret, struct err *err)
{
	const char *begin, *end;
	struct part part;
	size_t skipped;
	int r = read_header(bytes, length, 4, &part, err);

	*ret = (struct zone){ 0 };
	if (r < 0)
		return r;
	if (bytes[4] < '2') /* only the old block, which ends in 2038 */
		return read_table(bytes + HEADER, &part, arena, ret, err);
	skipped = HEADER + part.bytes;
	r = read_header(bytes + skipped, length - skipped, 8, &part, err);
	if (r == 0)
		r = read_table(bytes + skipped + HEADER, &part, arena, ret, err);
	if (r < 0)
		return r;
	begin = (const char *)bytes + skipped + HEADER + part.bytes;
	end = (const char *)bytes + length;
	if (begin == end || *begin++ != '\n')
		return bad(err, "has no last line");
	end = memchr(begin, '\n', (size_t)(end - begin));
	if (end == NULL)
		return bad(err, "has no last line");
	if (begin == end)
		return 0;
	read_rest(begin, end, ret);
	return ret->has_rest ? 0 : bad(err, "has a last line that cannot be read");
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= NAME_MOST && isalpha((unsigned char)name[0]) &&
	       strstr(name, "..") == NULL && strstr(name, "//") == NULL &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") ==
		       length;
}

int zone_load(const char *name, struct arena *arena, struct zone *ret, struct err *err)
{
	char path[sizeof(folder) + NAME_MOST + 2];
	uint8_t *bytes;
	struct stat st;
	size_t got = 0;
	ssize_t n = 1;
	_cleanup_fd_ int fd = -1;

	*ret = (struct zone){ 0 };
	if (str_equal(name, "UTC")) /* known without a database */
		return 0;
	if (!is_name(name))
		return err_set(err, ERR_MISSING, "that is not the name of a time zone");
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ZONE_BYTES_MAX)
		return err_set(err, ERR_MISSING, "this machine knows no time zone %s", name);
	bytes = arena_alloc(arena, (size_t)st.st_size + 1);
	while (n > 0 && got < (size_t)st.st_size) {
		n = read(fd, bytes + got, (size_t)st.st_size - got);
		if (n > 0)
			got += (size_t)n;
	}
	if (n < 0)
		return err_sys(err, ERR_MISSING, errno, "the time zone %s cannot be read", name);
	return zone_read(bytes, got, arena, ret, err);
}

/* ---- asking ---- */

/* Seconds since 1970, as the zone's clocks show it before the change. */
static int64_t rule_local(const struct zone_rule *rule, int year)
{
	int64_t day = civil_day(year, 1, 1);

	switch (rule->kind) {
	case ZONE_JULIAN:
		day += rule->day - 1 + (is_leap(year) && rule->day >= 60);
		break;
	case ZONE_DAY:
		day += rule->day;
		break;
	case ZONE_WEEKDAY: {
		int next_month = rule->month == 12 ? 1 : rule->month + 1;
		int64_t end = civil_day(year + (rule->month == 12), next_month, 1);

		day = civil_day(year, rule->month, 1);
		day += (rule->day - civil_of(day).weekday + 7) % 7 + (rule->week - 1) * 7;
		while (day >= end)
			day -= 7;
		break;
	}
	}
	return day * DAY_S + rule->at_s;
}

static int32_t rest_offset(const struct zone *zone, int64_t utc_s)
{
	int year = civil_of((utc_s + zone->rest_s) / DAY_S).year;
	int64_t begins, ends;

	if (!zone->has_summer)
		return zone->rest_s;
	begins = rule_local(&zone->begins, year) - zone->rest_s;
	ends = rule_local(&zone->ends, year) - zone->summer_s;
	if (begins < ends)
		return utc_s >= begins && utc_s < ends ? zone->summer_s : zone->rest_s;
	return utc_s >= ends && utc_s < begins ? zone->rest_s : zone->summer_s;
}

static size_t changes_up_to(const struct zone *zone, int64_t utc_s)
{
	size_t low = 0, high = zone->change_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].from_s <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t zone_offset(const struct zone *zone, int64_t utc_s)
{
	size_t count = changes_up_to(zone, utc_s);

	if (count == zone->change_count && zone->has_rest)
		return rest_offset(zone, utc_s);
	return count == 0 ? zone->first_s : zone->changes[count - 1].offset_s;
}

int64_t zone_utc(const struct zone *zone, int64_t local_s)
{
	int64_t before = local_s - zone_offset(zone, local_s - DAY_S);
	int64_t after = local_s - zone_offset(zone, local_s + DAY_S);
	int64_t first = before < after ? before : after, last = before < after ? after : before;

	if (first + zone_offset(zone, first) == local_s)
		return first;
	if (last + zone_offset(zone, last) == local_s)
		return last;
	return before;
}

/* The last moment up to `utc_s` at which a rule of the rest comes; INT64_MIN: none. */
static int64_t rest_changed(const struct zone *zone, int64_t utc_s)
{
	int year = civil_of((utc_s + zone->rest_s) / DAY_S).year;
	int64_t last = INT64_MIN;

	for (int i = year - 1; zone->has_rest && zone->has_summer && i <= year + 1; i++) {
		int64_t begins = rule_local(&zone->begins, i) - zone->rest_s;
		int64_t ends = rule_local(&zone->ends, i) - zone->summer_s;

		last = begins <= utc_s && begins > last ? begins : last;
		last = ends <= utc_s && ends > last ? ends : last;
	}
	return last;
}

/* The last change up to `utc_s`; INT64_MIN: none. */
static int64_t last_change(const struct zone *zone, int64_t utc_s)
{
	size_t count = changes_up_to(zone, utc_s);
	int64_t listed = count == 0 ? INT64_MIN : zone->changes[count - 1].from_s;
	int64_t of_rest = count == zone->change_count ? rest_changed(zone, utc_s) : INT64_MIN;

	return listed > of_rest ? listed : of_rest;
}

int64_t zone_latest(const struct zone *zone, int64_t utc_s)
{
	int64_t latest = utc_s + zone_offset(zone, utc_s);

	/* what was shown earlier than that cannot be more: distances from UTC are smaller */
	for (int64_t at = last_change(zone, utc_s); at > utc_s - 2 * OFFSET_MOST_S;) {
		int64_t before = at - 1 + zone_offset(zone, at - 1);

		latest = before > latest ? before : latest;
		at = last_change(zone, at - 1);
	}
	return latest;
}

int64_t zone_first(const struct zone *zone, int64_t local_s)
{
	int64_t low = local_s - OFFSET_MOST_S, high = local_s + OFFSET_MOST_S;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (zone_latest(zone, middle) >= local_s)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
