/* When a freeze began last, and begins next. */
#include "orchestrator/engine/gates/freeze.h"

enum { DAYS_AHEAD = 367 };

void freeze_look(const struct cron *cron, const struct zone *zone, int64_t for_ms, int64_t now_ms,
	struct freeze_state *ret)
{
	int64_t began = cron_last(cron, zone, now_ms), next = cron_next(cron, zone, now_ms);

	*ret = (struct freeze_state){ 0 };
	if (began != CRON_NEVER && began + for_ms > now_ms) {
		ret->is_on = true;
		ret->until_ms = began + for_ms;
	}
	if (next != CRON_NEVER && next <= now_ms + DAYS_AHEAD * INT64_C(86400000))
		ret->next_ms = next;
}
