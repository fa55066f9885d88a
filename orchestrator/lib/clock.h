/* Time as a thing that is passed in, so that tests and the simulation own it. */
#pragma once
#include "orchestrator/lib/base.h"

struct clock {
	int64_t (*wall_ms)(const struct clock *clock);	    /* since 1970, may jump */
	int64_t (*monotonic_ms)(const struct clock *clock); /* never goes back */
};

extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
	return clock->wall_ms(clock);
}

static inline int64_t clock_monotonic_ms(const struct clock *clock)
{
	return clock->monotonic_ms(clock);
}

enum { CLOCK_TEXT_MAX = 32 };
/* "2026-11-17T14:03:22Z"; buf holds CLOCK_TEXT_MAX bytes. */
const char *clock_text(int64_t wall_ms, char *buf);
/* "820 ms", "48 s", "3 min 12 s", "2 h 4 min" */
const char *clock_duration_text(int64_t ms, char *buf);
