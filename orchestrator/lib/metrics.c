/* One table. */
#include "orchestrator/lib/metrics.h"

#include "orchestrator/lib/strbuf.h"

static struct {
	const char *name, *help;
	int64_t value;
} metrics[METRIC_MAX] = {
	[METRIC_EVENTS_ACCEPTED] = { "sluice_events_accepted_total",
		"events taken into the inbox" },
	[METRIC_EVENTS_REPEATED] = { "sluice_events_repeated_total",
		"events that had been seen before" },
	[METRIC_EVENTS_REFUSED] = { "sluice_events_refused_total",
		"events that were forged or unreadable" },
	[METRIC_REQUESTS_CUT] = { "sluice_requests_cut_total",
		"HTTP requests that were cut at a limit" },
	[METRIC_TURNS] = { "sluice_turns_total", "turns of the engine" },
	[METRIC_COMMITS] = { "sluice_commits_total", "transactions committed" },
	[METRIC_JOBS_STARTED] = { "sluice_jobs_started_total", "jobs handed to the executor" },
	[METRIC_JOBS_ENDED] = { "sluice_jobs_ended_total", "jobs that told their end" },
	[METRIC_PROBLEMS] = { "sluice_problems_total", "problems told to the operator" },
};

void metrics_add(enum metric metric, int64_t value)
{
	metrics[metric].value += value;
}

int64_t metrics_get(enum metric metric)
{
	return metrics[metric].value;
}

static void print_one(
	struct strbuf *out, const char *type, const char *name, const char *help, int64_t value)
{
	strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", name, help, name, type, name,
		(long long)value);
}

void metrics_print(struct strbuf *out)
{
	for (size_t i = 0; i < METRIC_MAX; i++)
		print_one(out, "counter", metrics[i].name, metrics[i].help, metrics[i].value);
}

void metrics_print_gauge(struct strbuf *out, const char *name, const char *help, int64_t value)
{
	print_one(out, "gauge", name, help, value);
}
