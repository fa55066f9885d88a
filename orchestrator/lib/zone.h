/* A time zone as the system's database has it (TZif, RFC 8536): when which distance from UTC holds.
 * Reading bytes is pure; nothing here looks at TZ or at the process's own zone. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum { ZONE_BYTES_MAX = 256 << 10, ZONE_CHANGES_MAX = 8192 };

struct zone_rule { /* when summer time begins or ends, each year */
	enum { ZONE_JULIAN, ZONE_DAY, ZONE_WEEKDAY } kind;
	int month, week, day; /* JULIAN 1..365 without 29 February, DAY 0..365: `day` alone */
	int64_t at_s;	      /* of that day, may be before it or after it */
};

struct zone {
	struct zone_change {
		int64_t from_s;
		int32_t offset_s; /* east of UTC */
	} * changes;
	size_t change_count;
	int32_t first_s; /* before the first change */
	/* after the last change */
	bool has_rest, has_summer;
	int32_t rest_s, summer_s;
	struct zone_rule begins, ends;
};

_must_check_ int zone_read(const uint8_t *bytes, size_t length, struct arena *arena,
	struct zone *ret, struct err *err);
/* By its name, "Europe/Berlin"; ERR_MISSING when the system does not know it. */
_must_check_ int zone_load(
	const char *name, struct arena *arena, struct zone *ret, struct err *err);
int32_t zone_offset(const struct zone *zone, int64_t utc_s); /* seconds east of UTC */
/* The moment at which clocks there show `local_s` (seconds since 1970 as if it were UTC). Of two
 * the earlier one; one that clocks jump over is taken as if they had not jumped yet. */
int64_t zone_utc(const struct zone *zone, int64_t local_s);
/* A clock that stands still while the real ones are set back: the latest time that clocks there
 * have shown up to `utc_s`, and the first moment at which they had shown `local_s` or more. */
int64_t zone_latest(const struct zone *zone, int64_t utc_s);
int64_t zone_first(const struct zone *zone, int64_t local_s);

struct civil {
	int year, month, day; /* month 1..12, day 1..31 */
	int weekday;	      /* 0 is Sunday */
};
struct civil civil_of(int64_t day); /* days since 1970-01-01 */
int64_t civil_day(int year, int month, int day);
