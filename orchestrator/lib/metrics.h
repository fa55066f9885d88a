/* Counters, histograms and gauges of the process, declared in tables, printed as Prometheus text.
 */
#pragma once
#include "orchestrator/lib/base.h"

struct strbuf;

enum metric {
	METRIC_EVENTS_ACCEPTED,
	METRIC_EVENTS_REPEATED,
	METRIC_EVENTS_REFUSED,
	METRIC_REQUESTS_CUT,
	METRIC_TURNS,
	METRIC_COMMITS,
	METRIC_JOBS_STARTED,
	METRIC_JOBS_ENDED,
	METRIC_PROBLEMS,
	METRIC_SWEPT,
	METRIC_SWEEPS,
	METRIC_MAX
};

enum metric_histogram { HISTOGRAM_TURN, HISTOGRAM_MAX };

void metrics_add(enum metric metric, int64_t value);
int64_t metrics_get(enum metric metric);
void metrics_observe(enum metric_histogram histogram, int64_t took_ms);
void metrics_print(struct strbuf *out);
/* What was counted since the last call, and the newest of what was observed, as lines of statsd;
 * `tags` ("a:b,c:d", or "") go with each. */
void metrics_push(struct strbuf *out, const char *tags);

enum { GAUGES_MAX = 16 };

struct gauge { /* read when it is asked for */
	const char *name, *help;
	int64_t value; /* never below zero: a statsd would subtract it */
};

void metrics_print_gauges(struct strbuf *out, const struct gauge *gauges, size_t count);
void metrics_push_gauges(
	struct strbuf *out, const char *tags, const struct gauge *gauges, size_t count);
