/* links: lib_loop lib */
/* The figures of the process as Prometheus reads them. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/metrics.h"
#include "orchestrator/lib/statsd.h"
#include "orchestrator/lib/strbuf.h"

#include <regex.h>
#include <string.h>

static void counts(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	int64_t before = metrics_get(METRIC_COMMITS);

	metrics_add(METRIC_COMMITS, 1);
	metrics_add(METRIC_COMMITS, 41);
	assert_int_equal(metrics_get(METRIC_COMMITS), before + 42);
	metrics_print(&out);
	assert_contains(out.data, "# TYPE sluice_commits_total counter\nsluice_commits_total 42\n");
	assert_contains(out.data, "# HELP sluice_commits_total ");
}

static void prints_a_gauge(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1000);
	static const struct gauge inbox = { "sluice_inbox", "events not yet handled", 3 };

	metrics_print_gauges(&out, &inbox, 1);
	assert_string_equal(out.data, "# HELP sluice_inbox events not yet handled\n"
				      "# TYPE sluice_inbox gauge\nsluice_inbox 3\n");
	strbuf_clear(&out);
	metrics_push_gauges(&out, "env:live", &inbox, 1);
	metrics_push_gauges(&out, "", &inbox, 1);
	assert_string_equal(out.data, "sluice_inbox:3|g|#env:live\nsluice_inbox:3|g\n");
}

static void buckets_add_up(_unused_ void **state)
{
	static const int64_t took[] = { 0, 1, 2, 5, 6, 700, 2500, 99999 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);

	for (size_t i = 0; i < countof(took); i++)
		metrics_observe(HISTOGRAM_TURN, took[i]);
	metrics_print(&out);
	assert_contains(out.data, "# TYPE sluice_turn_seconds histogram\n"
				  "sluice_turn_seconds_bucket{le=\"0.001\"} 2\n"
				  "sluice_turn_seconds_bucket{le=\"0.005\"} 4\n"
				  "sluice_turn_seconds_bucket{le=\"0.025\"} 5\n"
				  "sluice_turn_seconds_bucket{le=\"0.100\"} 5\n"
				  "sluice_turn_seconds_bucket{le=\"0.500\"} 5\n"
				  "sluice_turn_seconds_bucket{le=\"2.500\"} 7\n"
				  "sluice_turn_seconds_bucket{le=\"10.000\"} 7\n"
				  "sluice_turn_seconds_bucket{le=\"+Inf\"} 8\n"
				  "sluice_turn_seconds_sum 103.213\n"
				  "sluice_turn_seconds_count 8\n");
}

/* Every line is a comment or a sample, and every metric has a name and a help: a hole in the table
 * would print "(null)". */
static void every_line_is_readable(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	regex_t good;

	assert_int_equal(regcomp(&good,
				 "^(# (HELP|TYPE) sluice_[a-z_]+ .+"
				 "|sluice_[a-z_]+([{]le=\"[0-9.+Inf]+\"[}])? -?[0-9.]+)$",
				 REG_EXTENDED | REG_NOSUB),
		0);
	metrics_print(&out);
	assert_false(out.overflowed);
	for (char *line = out.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (regexec(&good, line, 0, NULL, 0) != 0)
			fail_msg("not a line of the exposition format: %s", line);
	}
	regfree(&good);
}

/* Counters as what came since the last time, timings as they were, of too many the newest. */
static void pushes_what_is_new(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20), again = STRBUF(1 << 20);
	size_t lines = 0;

	metrics_push(&again, "");
	strbuf_clear(&again);
	metrics_add(METRIC_COMMITS, 7);
	metrics_observe(HISTOGRAM_TURN, 12);
	metrics_push(&out, "env:live,team:a");
	assert_string_equal(out.data, "sluice_commits_total:7|c|#env:live,team:a\n"
				      "sluice_turn_seconds:12|ms|#env:live,team:a\n");
	metrics_push(&again, "");
	assert_int_equal(again.length, 0);
	for (int i = 0; i < 64; i++)
		metrics_observe(HISTOGRAM_TURN, i);
	metrics_push(&again, "");
	for (const char *at = again.data; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 32);
	assert_contains(again.data, "sluice_turn_seconds:63|ms|@0.500000\n");
	assert_null(strstr(again.data, ":31|ms"));
}

static void packets_are_whole_lines(_unused_ void **state)
{
	char lines[4000];

	memset(lines, 'x', sizeof(lines));
	lines[sizeof(lines) - 1] = '\0';
	assert_int_equal(statsd_packet(""), 0);
	assert_int_equal(statsd_packet("a"), 0);
	assert_int_equal(statsd_packet("a\nbc\n"), 5);
	assert_int_equal(statsd_packet(lines), 0);
	lines[1000] = lines[STATSD_PACKET_MAX - 1] = lines[STATSD_PACKET_MAX + 9] = '\n';
	assert_int_equal(statsd_packet(lines), STATSD_PACKET_MAX);
	lines[STATSD_PACKET_MAX - 1] = 'x';
	assert_int_equal(statsd_packet(lines), 1001);
}

int main(int argc, char **argv)
{
	CASE(counts);
	CASE(prints_a_gauge);
	CASE(buckets_add_up);
	CASE(pushes_what_is_new);
	CASE(packets_are_whole_lines);
	CASE(every_line_is_readable);
	return cases_run(argc, argv);
}
