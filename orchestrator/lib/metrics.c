/* One table of counters, one of histograms. */
#include "orchestrator/lib/metrics.h"

#include "orchestrator/lib/strbuf.h"

enum { SAMPLES_MAX = 32 };

static struct {
	const char *name, *help;
	int64_t value, pushed;
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
	[METRIC_SWEPT] = { "sluice_swept_total",
		"files, folders and rows that nobody needed any more, thrown away" },
	[METRIC_SWEEPS] = { "sluice_sweeps_total", "rounds of throwing away" },
};

static const int64_t bounds_ms[] = { 1, 5, 25, 100, 500, 2500, 10000 };

static struct {
	const char *name, *help;
	int64_t counts[countof(bounds_ms) + 1]; /* the last holds what is above every bound */
	int64_t sum_ms;
	int64_t newest_ms[SAMPLES_MAX]; /* since the last push: a ring */
	int64_t seen;
} histograms[HISTOGRAM_MAX] = {
	[HISTOGRAM_TURN] = { "sluice_turn_seconds", "how long a turn of the engine took" },
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

void metrics_observe(enum metric_histogram histogram, int64_t took_ms)
{
	size_t at = 0;

	while (at < countof(bounds_ms) && took_ms > bounds_ms[at])
		at++;
	histograms[histogram].counts[at]++;
	histograms[histogram].sum_ms += took_ms;
	histograms[histogram].newest_ms[histograms[histogram].seen++ % SAMPLES_MAX] = took_ms;
}

static void print_seconds(struct strbuf *out, int64_t ms)
{
	strbuf_printf(out, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static void print_histogram(struct strbuf *out, enum metric_histogram histogram)
{
	const char *name = histograms[histogram].name;
	int64_t total = 0;

	strbuf_printf(
		out, "# HELP %s %s\n# TYPE %s histogram\n", name, histograms[histogram].help, name);
	for (size_t i = 0; i < countof(bounds_ms); i++) {
		total += histograms[histogram].counts[i];
		strbuf_printf(out, "%s_bucket{le=\"", name);
		print_seconds(out, bounds_ms[i]);
		strbuf_printf(out, "\"} %lld\n", (long long)total);
	}
	total += histograms[histogram].counts[countof(bounds_ms)];
	strbuf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum ", name, (long long)total, name);
	print_seconds(out, histograms[histogram].sum_ms);
	strbuf_printf(out, "\n%s_count %lld\n", name, (long long)total);
}

void metrics_print(struct strbuf *out)
{
	for (size_t i = 0; i < METRIC_MAX; i++)
		print_one(out, "counter", metrics[i].name, metrics[i].help, metrics[i].value);
	for (size_t i = 0; i < HISTOGRAM_MAX; i++)
		print_histogram(out, (enum metric_histogram)i);
}

/* Of many only the newest are sent; the rate says of how many they are. */
static void push_timings(struct strbuf *out, int which, const char *mark, const char *tags)
{
	int64_t seen = histograms[which].seen;
	int kept = seen < SAMPLES_MAX ? (int)seen : SAMPLES_MAX;

	for (int i = 0; i < kept; i++) {
		strbuf_printf(out, "%s:%lld|ms", histograms[which].name,
			(long long)histograms[which].newest_ms[i]);
		if (seen > kept)
			strbuf_printf(out, "|@%.6f", (double)kept / (double)seen);
		strbuf_printf(out, "%s%s\n", mark, tags);
	}
	histograms[which].seen = 0;
}

void metrics_push(struct strbuf *out, const char *tags)
{
	const char *mark = str_empty(tags) ? "" : "|#";

	for (size_t i = 0; i < METRIC_MAX; i++) {
		int64_t more = metrics[i].value - metrics[i].pushed;

		if (more > 0)
			strbuf_printf(out, "%s:%lld|c%s%s\n", metrics[i].name, (long long)more,
				mark, tags);
		metrics[i].pushed = metrics[i].value;
	}
	for (int i = 0; i < HISTOGRAM_MAX; i++)
		push_timings(out, i, mark, tags);
}

void metrics_print_gauges(struct strbuf *out, const struct gauge *gauges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_one(out, "gauge", gauges[i].name, gauges[i].help, gauges[i].value);
}

void metrics_push_gauges(
	struct strbuf *out, const char *tags, const struct gauge *gauges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_printf(out, "%s:%lld|g%s%s\n", gauges[i].name, (long long)gauges[i].value,
			str_empty(tags) ? "" : "|#", tags);
}
