/* What was applied by break-glass stays on a list until somebody else has looked at it. */
#include "orchestrator/store/private.h"

int store_follow_up_open(struct store *store, const struct follow_up_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO follow_up(run, pull, person, reason, opened_ms) VALUES($1, "
			"$2, "
			"$3, $4, $5) ON CONFLICT(run) DO NOTHING",
			"iissi", row->run.v, row->pull.v, row->person, row->reason,
			store_now(store));
	return r < 0 ? r : 0;
}

int store_follow_up_list(struct store *store, struct arena *arena, struct pull_id pull,
	int64_t reviewed_since_ms, struct follow_up_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT f.run, f.pull, f.person, f.reason, f.opened_ms, f.reviewer, f.said, "
		"f.reviewed_ms, repo.name, pull.number FROM follow_up f JOIN pull ON pull.id = "
		"f.pull JOIN repo ON repo.id = pull.repo WHERE ($1 = 0 OR f.pull = $1) AND "
		"(f.reviewed_ms = 0 OR f.reviewed_ms >= $2) ORDER BY f.run",
		"ii", pull.v, reviewed_since_ms);

	*ret = NULL;
	*ret_count = 0;
	while (r == 0 && (r = db_next(&rows)) == 1) {
		*ret = arena_push(arena, *ret, *ret_count, sizeof(**ret));
		(*ret)[(*ret_count)++] = (struct follow_up_row){ .run = { db_int(&rows, 0) },
			.pull = { db_int(&rows, 1) },
			.person = db_text(&rows, 2, arena),
			.reason = db_text(&rows, 3, arena),
			.opened_ms = db_int(&rows, 4),
			.reviewer = db_text(&rows, 5, arena),
			.said = db_text(&rows, 6, arena),
			.reviewed_ms = db_int(&rows, 7),
			.repo = db_text(&rows, 8, arena),
			.number = db_int(&rows, 9) };
		r = 0;
	}
	return r;
}

int store_follow_up_close(struct store *store, struct run_id run, const char *reviewer,
	const char *said, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE follow_up SET reviewer = $1, said = $2, reviewed_ms = $3 WHERE run "
			"= $4 AND reviewed_ms = 0",
			"ssii", reviewer, said, store_now(store), run.v);
	return store_found(r, err, "open follow-up of run", run.v);
}
