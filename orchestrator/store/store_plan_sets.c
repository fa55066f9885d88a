/* Plan sets, and what people say of their policies. */
#include "orchestrator/store/private.h"

int store_plan_set_next(struct store *store, int64_t *ret, struct err *err)
{
	return db_number(store->db, err, ret, "SELECT coalesce(max(id), 0) + 1 FROM plan_set", "");
}

int store_plan_set_insert(struct store *store, const struct plan_set_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO plan_set(id, pull, run, head, body, digest, created_ms, "
			"expires_ms, seal) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			"iiisssiis", row->id, row->pull.v, row->run.v, row->head, row->body,
			row->digest, row->created_ms, row->expires_ms, row->seal);
	return r < 0 ? r : 0;
}

int store_plan_set_of_run(struct store *store, struct arena *arena, struct run_id run,
	struct plan_set_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, pull, run, head, body, digest, created_ms, expires_ms, seal FROM "
		"plan_set "
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
		ret->seal = db_text(&rows, 8, arena);
	}
	return store_found(r, err, "plan set of run", run.v);
}

int store_policy_word_next(struct store *store, int64_t *ret, struct err *err)
{
	return db_number(
		store->db, err, ret, "SELECT coalesce(max(id), 0) + 1 FROM policy_word", "");
}

int store_policy_word_put(struct store *store, const struct policy_word_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO policy_word(pull, run, dir, workspace, project, policy_set, "
			"person, items, is_clear, at_ms, id, seal)"
			" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
			"iissssssiiis", row->pull.v, row->run.v, row->dir, row->workspace,
			row->project, row->policy_set, row->person, row->items,
			(int64_t)row->is_clear, store_now(store), row->id, row->seal);
	return r < 0 ? r : 0;
}

int store_policy_word_list(struct store *store, struct arena *arena, struct pull_id pull,
	struct policy_word_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, run, dir, workspace, project, policy_set, person, items, is_clear, "
		"seal FROM "
		"policy_word WHERE pull = $1 ORDER BY id",
		"i", pull.v);

	*ret = NULL;
	*ret_count = 0;
	while (r == 0 && (r = db_next(&rows)) == 1) {
		*ret = arena_push(arena, *ret, *ret_count, sizeof(**ret));
		(*ret)[(*ret_count)++] = (struct policy_word_row){ .id = db_int(&rows, 0),
			.pull = pull,
			.run = { db_int(&rows, 1) },
			.dir = db_text(&rows, 2, arena),
			.workspace = db_text(&rows, 3, arena),
			.project = db_text(&rows, 4, arena),
			.policy_set = db_text(&rows, 5, arena),
			.person = db_text(&rows, 6, arena),
			.items = db_text(&rows, 7, arena),
			.is_clear = db_int(&rows, 8) != 0,
			.seal = db_text(&rows, 9, arena) };
		r = 0;
	}
	return r;
}
