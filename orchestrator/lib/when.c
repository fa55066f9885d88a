/* Words from left to right: a day, a time of that day, a zone; each at most once. */
#include "orchestrator/lib/when.h"

#include "orchestrator/lib/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 5, WORD_MAX = 64, DAY_S = 86400 };

struct words {
	char list[WORDS_MAX][WORD_MAX];
	size_t count, at;
};

struct moment {
	struct zone zone;
	int64_t now_s, today; /* the day of now where the zone is */
	int64_t day, of_day_s;
	bool has_day, has_time;
};

static int split(const char *text, struct words *ret)
{
	*ret = (struct words){ 0 };
	for (;;) {
		size_t length;

		text += strspn(text, " ");
		length = strcspn(text, " ");
		if (length == 0)
			return 0;
		if (ret->count == WORDS_MAX || length >= WORD_MAX)
			return -1;
		memcpy(ret->list[ret->count++], text, length);
		text += length;
	}
}

static const char *next_word(struct words *words)
{
	return words->at < words->count ? words->list[words->at++] : NULL;
}

static int weekday_of(const char *word)
{
	static const char *const names[] = { "sunday", "monday", "tuesday", "wednesday", "thursday",
		"friday", "saturday" };
	size_t length = strlen(word);

	for (size_t i = 0; length >= 3 && i < countof(names); i++) {
		if (strncasecmp(word, names[i], length) == 0)
			return (int)i;
	}
	return -1;
}

/* The whole word must be of this shape: %n says how far it went. */
static bool read_time(const char *word, int64_t *ret_s)
{
	unsigned hour, minute, second = 0;
	int end = 0;

	if (!isdigit((unsigned char)word[0]))
		return false;
	if ((sscanf(word, "%2u:%2u%n", &hour, &minute, &end) != 2 || word[end] != '\0') &&
		(sscanf(word, "%2u:%2u:%2u%n", &hour, &minute, &second, &end) != 3 ||
			word[end] != '\0'))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*ret_s = (int64_t)hour * 3600 + minute * 60 + second;
	return true;
}

static bool read_date(const char *word, int64_t *ret_day)
{
	struct civil again;
	int year, month, day, end = 0;

	if (strlen(word) != 10 || sscanf(word, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 ||
		end != 10 || month < 1 || month > 12 || day < 1)
		return false;
	*ret_day = civil_day(year, month, day);
	again = civil_of(*ret_day);
	return again.day == day && again.month == month && year >= 1970;
}

/* ---- the zone, which the day depends on, is the last word ---- */

static bool is_distance(const char *word)
{
	return (word[0] == '+' || word[0] == '-') && isdigit((unsigned char)word[1]);
}

static int read_distance(const char *word, int32_t *ret_s, struct err *err)
{
	unsigned hour, minute;
	int end = 0;

	if (sscanf(word + 1, "%2u:%2u%n", &hour, &minute, &end) != 2 || word[1 + end] != '\0' ||
		hour > 14 || minute > 59)
		return err_user(err, ERR_USAGE, "\"%s\" is no distance from UTC like +01:00", word);
	*ret_s = (int32_t)((hour * 60 + minute) * 60) * (word[0] == '-' ? -1 : 1);
	return 0;
}

static int read_zone(
	struct words *words, struct arena *arena, struct moment *moment, struct err *err)
{
	const char *word = words->list[words->count - 1];
	int r;

	moment->zone = (struct zone){ 0 };
	if (is_distance(word))
		r = read_distance(word, &moment->zone.first_s, err);
	else if (str_equal(word, "Z") || str_equal(word, "UTC"))
		r = 0;
	else if (strchr(word, '/') != NULL)
		r = zone_load(word, arena, &moment->zone, err);
	else
		return 0;
	if (r < 0)
		return err_user(err, ERR_USAGE,
			"%.300s (a zone is written like Europe/Berlin, UTC or +01:00)",
			arena_strdup(arena, err->text));
	words->count--;
	if (words->count == 0)
		return err_user(err, ERR_USAGE, "when? \"%s\" says where only", word);
	return 0;
}

/* ---- the day ---- */

static bool take_weekday(struct moment *moment, const char *word, bool is_last)
{
	int weekday = weekday_of(word);
	int64_t back;

	if (weekday < 0)
		return false;
	back = (civil_of(moment->today).weekday - weekday + 7) % 7;
	moment->day = moment->today - (back == 0 && is_last ? 7 : back);
	return true;
}

static bool take_day(struct moment *moment, const char *word, struct words *words)
{
	if (strcasecmp(word, "today") == 0) {
		moment->day = moment->today;
	} else if (strcasecmp(word, "yesterday") == 0) {
		moment->day = moment->today - 1;
	} else if (strcasecmp(word, "last") == 0) {
		const char *name = next_word(words);

		return name != NULL && take_weekday(moment, name, true);
	} else {
		return read_date(word, &moment->day) || take_weekday(moment, word, false);
	}
	return true;
}

static int take_words(struct moment *moment, struct words *words)
{
	const char *word;

	while ((word = next_word(words)) != NULL) {
		if (!moment->has_time && read_time(word, &moment->of_day_s))
			moment->has_time = true;
		else if (!moment->has_day && !moment->has_time && take_day(moment, word, words))
			moment->has_day = true;
		else
			return -1;
	}
	return moment->has_day || moment->has_time ? 0 : -1;
}

/* ---- what is no day ---- */

static bool read_number(const char *word, int64_t *ret)
{
	size_t digits = strspn(word, "0123456789");

	if (digits == 0 || digits > 15 || word[digits] != '\0')
		return false;
	*ret = strtoll(word, NULL, 10);
	return true;
}

static bool read_ago(const struct words *words, int64_t now_ms, int64_t *ret_ms)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = { { "minute", 60 }, { "hour", 3600 }, { "day", DAY_S }, { "week", 7 * DAY_S } };
	int64_t count;

	if (words->count != 3 || strcasecmp(words->list[2], "ago") != 0 ||
		!read_number(words->list[0], &count) || count > 100000)
		return false;
	for (size_t i = 0; i < countof(units); i++) {
		size_t length = strlen(units[i].name);
		const char *rest = words->list[1] + length;

		if (strncasecmp(words->list[1], units[i].name, length) == 0 &&
			(str_equal(rest, "") || str_equal(rest, "s"))) {
			*ret_ms = now_ms - count * units[i].seconds * 1000;
			return true;
		}
	}
	return false;
}

/* "2026-11-17T14:00:00Z" and "...+01:00" as three words. */
static const char *spread(const char *text, struct arena *arena)
{
	size_t length = strlen(text);
	const char *zone;

	if (length < 16 || text[4] != '-' || text[10] != 'T' || strchr(text, ' ') != NULL)
		return text;
	zone = text + 11 + strspn(text + 11, "0123456789:");
	return arena_printf(arena, "%.10s %.*s %s", text, (int)(zone - text) - 11, text + 11, zone);
}

int when_parse(
	const char *text, int64_t now_ms, struct arena *arena, int64_t *ret_ms, struct err *err)
{
	struct moment moment = { .now_s = now_ms / 1000 };
	struct words words;
	int r = split(spread(text, arena), &words);

	if (r == 0 && words.count == 1 && strcasecmp(words.list[0], "now") == 0) {
		*ret_ms = now_ms;
		return 0;
	}
	if (r == 0 && ((words.count == 1 && read_number(words.list[0], ret_ms)) ||
			      read_ago(&words, now_ms, ret_ms)))
		return 0;
	if (r == 0 && words.count > 0) {
		r = read_zone(&words, arena, &moment, err);
		if (r < 0)
			return r;
		moment.today = (moment.now_s + zone_offset(&moment.zone, moment.now_s)) / DAY_S;
		moment.day = moment.today;
		r = take_words(&moment, &words);
	}
	if (r < 0 || words.count == 0)
		return err_user(err, ERR_USAGE,
			"\"%.100s\" is no time; write it like \"2026-11-17 15:00 Europe/Berlin\", "
			"\"last tuesday 15:00\", \"yesterday\" or \"3 days ago\"",
			text);
	*ret_ms = zone_utc(&moment.zone, moment.day * DAY_S + moment.of_day_s) * 1000;
	return 0;
}
