/* Which times of a schedule have come. Pure. */
#pragma once
#include "orchestrator/lib/cron.h"

enum {
	DRIFT_MISSED_MOST = 10000, /* counted */
	DRIFT_CATCH_UP_MS = 24 * 3600 * 1000,
};

struct drift_due {
	int64_t slot_ms; /* the newest that has come, 0: none */
	bool is_late;	 /* too old to be looked at now */
	int missed;	 /* before it */
	int64_t next_ms; /* the first that has not come yet */
};

/* `from_ms`: the first that nobody has looked at yet. A clock that went back leaves it in the
 * future; then what it brings again is for the caller to know. */
struct drift_due drift_slots(const struct cron *cron, const struct zone *zone, int64_t from_ms,
	int64_t now_ms, int64_t catch_up_ms);
