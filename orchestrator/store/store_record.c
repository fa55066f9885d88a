/* Ledger and history: rows that are written once. */
#include "orchestrator/store/private.h"

int store_ledger_append(
	struct store *store, const struct ledger_row *row, int64_t *ret_id, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_insert(store->db, err, ret_id,
		"INSERT INTO ledger(at_ms, kind, pull, actor, is_bot, may_write, head, detail)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
		"iiisiiss", store_now(store), (int64_t)row->kind, row->pull.v, row->actor,
		(int64_t)row->actor_is_bot, (int64_t)row->actor_may_write, row->head, row->detail);
}

int store_ledger_list_pull(struct store *store, struct arena *arena, struct pull_id pull,
	struct ledger_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct ledger_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT id, at_ms, kind, pull, actor, is_bot, may_write, head, detail FROM ledger "
		"WHERE pull = $1 ORDER BY id",
		"i", pull.v);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		struct ledger_row *row;

		list = arena_push(arena, list, count, sizeof(*list));
		row = &list[count++];
		row->id = db_int(&rows, 0);
		row->at_ms = db_int(&rows, 1);
		row->kind = (enum vcs_event_kind)db_int(&rows, 2);
		row->pull.v = db_int(&rows, 3);
		row->actor = db_text(&rows, 4, arena);
		row->actor_is_bot = db_int(&rows, 5) != 0;
		row->actor_may_write = db_int(&rows, 6) != 0;
		row->head = db_text(&rows, 7, arena);
		row->detail = db_text(&rows, 8, arena);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_ledger_has(struct store *store, struct pull_id pull, enum vcs_event_kind kind,
	const char *id, bool *ret, struct err *err)
{
	int64_t found = 0;
	int r = db_number(store->db, err, &found,
		"SELECT count(*) FROM ledger WHERE pull = $1 AND kind = $2 AND (detail = $3 OR "
		"substr(detail, -length($3) - 1) = ' ' || $3)",
		"iis", pull.v, (int64_t)kind, id);

	*ret = found > 0;
	return r;
}

int store_ledger_newest(struct store *store, int64_t *ret_id, struct err *err)
{
	return db_number(store->db, err, ret_id, "SELECT coalesce(max(id), 0) FROM ledger", "");
}

int store_ledger_newest_ms(struct store *store, int64_t *ret_ms, struct err *err)
{
	return db_number(store->db, err, ret_ms, "SELECT coalesce(max(at_ms), $1) FROM ledger", "i",
		store_now(store));
}

int store_history(struct store *store, int64_t run, const char *subject, const char *from,
	const char *to, const char *why, struct err *err)
{
	int r = db_run(store->db, err,
		"INSERT INTO history(at_ms, run, subject, from_state, to_state, why) VALUES($1, "
		"$2, $3, $4, $5, $6)",
		"iissss", store_now(store), run, subject, from, to, why);

	return r < 0 ? r : 0;
}

int store_history_list(struct store *store, struct arena *arena, struct run_id run,
	struct history_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct history_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT at_ms, subject, from_state, to_state, why FROM history WHERE run = $1 "
		"ORDER BY id",
		"i", run.v);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count].at_ms = db_int(&rows, 0);
		list[count].subject = db_text(&rows, 1, arena);
		list[count].from = db_text(&rows, 2, arena);
		list[count].to = db_text(&rows, 3, arena);
		list[count++].why = db_text(&rows, 4, arena);
	}
	*ret = list;
	*ret_count = count;
	return r;
}
