/* The system's two clocks, and time as people read it. */
#include "orchestrator/lib/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall_ms(_unused_ const struct clock *clock)
{
	return read_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(_unused_ const struct clock *clock)
{
	return read_ms(CLOCK_MONOTONIC);
}

const struct clock clock_system = { .wall_ms = system_wall_ms,
	.monotonic_ms = system_monotonic_ms };

const char *clock_text(int64_t wall_ms, char *buf)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
		strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(buf, CLOCK_TEXT_MAX, "%lld ms", (long long)wall_ms);
	return buf;
}

const char *clock_duration_text(int64_t ms, char *buf)
{
	long long seconds = (long long)ms / 1000;

	if (ms < 0)
		ms = 0;
	if (ms < 1000)
		(void)snprintf(buf, CLOCK_TEXT_MAX, "%lld ms", (long long)ms);
	else if (seconds < 60)
		(void)snprintf(buf, CLOCK_TEXT_MAX, "%lld s", seconds);
	else if (seconds < 3600)
		(void)snprintf(buf, CLOCK_TEXT_MAX, "%lld min %lld s", seconds / 60, seconds % 60);
	else
		(void)snprintf(
			buf, CLOCK_TEXT_MAX, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
	return buf;
}
