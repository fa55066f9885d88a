/* links: store lib */
/* A record of many years: record FOLDER ROWS writes so many rows of a year into a new database
 * there and prints, as `name value`: microseconds of one append inside its transaction (median, 99
 * %), milliseconds of the questions, records a second of the walk over the chain. */
#include "orchestrator/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROWS_IN_COMMIT = 100, PROJECTS = 40, YEAR_DAYS = 365, WALK_ROWS = 2000 };

static const int64_t day_ms = 86400000;

struct year {
	struct clock clock;
	int64_t now_ms;
	long rows;
	struct store *store;
	struct err err;
};

static int64_t wall_ms(const struct clock *clock)
{
	return container_of(clock, struct year, clock)->now_ms;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* One in ten is about a project; of those half in production. */
static int append(struct year *year, long i)
{
	char detail[512], subject[64] = "", actor[32];
	struct audit_row row = {
		.kind = "command accepted", .actor = actor, .detail = detail, .subject = subject
	};

	(void)snprintf(actor, sizeof(actor), "person%ld", i % 50);
	(void)snprintf(detail, sizeof(detail),
		"{\"text\":\"apply of the network in region %ld, plan %032lx of set %032lx at "
		"%040lx\"}",
		i % 7, i * 7919, i * 104729, i * 1299709);
	if (i % 10 == 0) {
		row.kind = i % 20 == 0 ? AUDIT_APPLY_STARTED : AUDIT_APPLY_ENDED;
		row.environment = (i / 20) % 2 == 0 ? "production" : "test";
		(void)snprintf(subject, sizeof(subject), "git.example.org/infra/live:region%ld:x",
			(i / 20) % PROJECTS);
	}
	return store_audit_append(year->store, &row, &year->err);
}

static int write_year(struct year *year)
{
	int64_t *took = mem_alloc((size_t)year->rows * sizeof(*took));
	int r = 0;

	for (long i = 0; r == 0 && i < year->rows; i++) {
		int64_t begin = now_ns();

		year->now_ms = i * (YEAR_DAYS * day_ms / year->rows);
		r = append(year, i);
		took[i] = now_ns() - begin;
		if (r == 0 && (i + 1) % ROWS_IN_COMMIT == 0)
			r = store_commit(year->store, &year->err);
	}
	if (r == 0)
		r = store_commit(year->store, &year->err);
	qsort(took, (size_t)year->rows, sizeof(*took), compare);
	(void)printf("append_us %.1f\nappend_99_us %.1f\n", (double)took[year->rows / 2] / 1000,
		(double)took[year->rows * 99 / 100] / 1000);
	free(took);
	return r;
}

static int ask_month(struct year *year, const char *environment, const char *name)
{
	struct audit_query query = { .from_ms = 200 * day_ms,
		.to_ms = 230 * day_ms,
		.environment = environment,
		.subject = "",
		.limit = 1000 };
	int64_t begin = now_ns();
	size_t count = 1, all = 0;
	int r = 0;

	while (r == 0 && count > 0) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct audit_row *rows = NULL;

		r = store_audit_list(year->store, &arena, &query, &rows, &count, &year->err);
		if (r == 0 && count > 0) {
			query.from_ms = rows[count - 1].at_ms;
			query.after = rows[count - 1].id;
			all += count;
		}
	}
	(void)printf(
		"%s_ms %.1f\n%s_rows %zu\n", name, (double)(now_ns() - begin) / 1000000, name, all);
	return r;
}

static int ask_moment(struct year *year)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct audit_query query = {
		.to_ms = 222 * day_ms, .environment = "production", .subject = "", .limit = 1000
	};
	struct audit_moment moment = { 0 };
	int64_t begin = now_ns();
	int r = store_audit_at(year->store, &arena, &query, &moment, &year->err);

	(void)printf("moment_ms %.1f\nmoment_rows %zu\n", (double)(now_ns() - begin) / 1000000,
		moment.ended_count);
	return r;
}

static int walk(struct year *year)
{
	struct audit_walk walk = { 0 };
	int64_t begin = now_ns(), longest = 0;
	long all = 0;
	int r = 0;

	while (r == 0 && !walk.is_end) {
		int64_t one = now_ns();

		r = store_audit_verify(year->store, walk.last, WALK_ROWS, &walk, &year->err);
		all += walk.count;
		longest = now_ns() - one > longest ? now_ns() - one : longest;
	}
	(void)printf("walk_rows %ld\nwalk_per_s %.0f\nwalk_longest_ms %.1f\n", all,
		(double)all / ((double)(now_ns() - begin) / 1e9), (double)longest / 1000000);
	return r;
}

int main(int argc, char **argv)
{
	struct year year = { .clock = { wall_ms, wall_ms },
		.rows = argc > 2 ? strtol(argv[2], NULL, 10) : 1000000 };
	_cleanup_free_ char *path = mem_printf("%s/record.db", argc > 1 ? argv[1] : ".");
	int r = store_open(path, &year.clock, &year.store, &year.err);

	if (r == 0)
		r = write_year(&year);
	if (r == 0)
		r = ask_month(&year, "production", "month_of_one");
	if (r == 0)
		r = ask_month(&year, "", "month_of_all");
	if (r == 0)
		r = ask_moment(&year);
	if (r == 0)
		r = walk(&year);
	if (r < 0)
		(void)fprintf(stderr, "record: %s\n", year.err.text);
	store_close(year.store);
	return r < 0;
}
