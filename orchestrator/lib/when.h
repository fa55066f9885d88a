/* Moments as people write them. Pure but for the time zones, which the system knows. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

/* "2026-11-17 15:00 Europe/Berlin", "last tuesday 15:00", "yesterday", "3 days ago", "now",
 * "2026-11-17T14:00:00Z", or milliseconds since 1970. What names no zone is UTC; a day without a
 * time is its first moment, and a weekday the last one that has begun ("last" leaves today out). */
_must_check_ int when_parse(
	const char *text, int64_t now_ms, struct arena *arena, int64_t *ret_ms, struct err *err);
