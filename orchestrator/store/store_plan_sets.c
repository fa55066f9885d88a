/* Plan sets. */
#include "orchestrator/store/private.h"

int store_plan_set_insert(
	struct store *store, const struct plan_set_row *row, int64_t *ret_id, struct err *err)
{
	int r = store_begin(store, err);

	return r < 0 ? r
		     : db_number(store->db, err, ret_id,
			       "INSERT INTO plan_set(pull, run, head, body, digest, created_ms, "
			       "expires_ms) VALUES($1, $2, $3, $4, $5, $6, $7) RETURNING id",
			       "iisssii", row->pull.v, row->run.v, row->head, row->body,
			       row->digest, store_now(store), row->expires_ms);
}

int store_plan_set_of_run(struct store *store, struct arena *arena, struct run_id run,
	struct plan_set_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, pull, run, head, body, digest, created_ms, expires_ms FROM plan_set "
		"WHERE run = $1",
		"i", run.v);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1) {
		ret->id = db_int(&rows, 0);
		ret->pull.v = db_int(&rows, 1);
		ret->run.v = db_int(&rows, 2);
		ret->head = db_text(&rows, 3, arena);
		ret->body = db_text(&rows, 4, arena);
		ret->digest = db_text(&rows, 5, arena);
		ret->created_ms = db_int(&rows, 6);
		ret->expires_ms = db_int(&rows, 7);
	}
	return store_found(r, err, "plan set of run", run.v);
}
