/* Due, late and missed slots. */
#include "orchestrator/engine/drift_slots.h"

static int count_before(
	const struct cron *cron, const struct zone *zone, int64_t from_ms, int64_t newest_ms)
{
	int64_t at = cron_next(cron, zone, from_ms - 1);
	int count = 0;

	for (; at < newest_ms && count < DRIFT_MISSED_MOST; count++)
		at = cron_next(cron, zone, at);
	return count;
}

struct drift_due drift_slots(const struct cron *cron, const struct zone *zone, int64_t from_ms,
	int64_t now_ms, int64_t catch_up_ms)
{
	struct drift_due due = { .next_ms = cron_next(cron, zone, now_ms) };
	int64_t newest = cron_last(cron, zone, now_ms);

	if (newest == CRON_NEVER || newest < from_ms)
		return due;
	due.slot_ms = newest;
	due.is_late = now_ms - newest > catch_up_ms;
	due.missed = count_before(cron, zone, from_ms, newest);
	return due;
}
