/* Times without applies: a cron line says when each begins, in a zone, and how long it lasts. Pure;
 * the zone is given. */
#pragma once
#include "orchestrator/lib/cron.h"

struct freeze_state {
	bool is_on;
	int64_t until_ms; /* when it is on; else 0 */
	int64_t next_ms;  /* when it begins next, within about a year; or 0 */
};

void freeze_look(const struct cron *cron, const struct zone *zone, int64_t for_ms, int64_t now_ms,
	struct freeze_state *ret);
