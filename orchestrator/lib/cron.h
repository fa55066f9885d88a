/* Lines of cron: minute, hour, day, month, weekday; numbers, names, lists, ranges, steps. Pure; the
 * zone is given.
 *
 * Of what clocks do to a time of day: one that they jump over comes when they jump, and one
 * that they show twice comes the first time only. So what stands later in the day never comes
 * earlier, and nothing comes twice. */
#pragma once
#include "orchestrator/lib/zone.h"

enum { CRON_BYTES_MAX = 200 };

#define CRON_NEVER INT64_MAX

struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays; /* a bit for each; Sunday is 0 */
	bool any_day, any_weekday; /* begins with a star: then both must fit, else one is enough */
};

/* ERR_SYNTAX names the field, what it may be, and what was meant where that can be told. A line
 * that never comes, like 31 February, is refused too. */
_must_check_ int cron_parse(const char *text, struct cron *ret, struct err *err);

/* The first time later than `after_ms`, and the last one that is not later than `until_ms`.
 * CRON_NEVER only for a line that cron_parse() did not read. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms);
int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t until_ms);
