/* Timers that survive: absolute times, one for each kind and subject. */
#include "orchestrator/store/private.h"

int store_deadline_set(
	struct store *store, const char *kind, int64_t subject, int64_t due_ms, struct err *err)
{
	int r = store_begin_due(store, &store->deadline_next, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO deadline(kind, subject, due_ms) VALUES($1, $2, $3)"
			" ON CONFLICT(kind, subject) DO UPDATE SET due_ms = excluded.due_ms",
			"sii", kind, subject, due_ms);
	return r < 0 ? r : 0;
}

int store_deadline_clear(struct store *store, const char *kind, int64_t subject, struct err *err)
{
	int r = store_begin_due(store, &store->deadline_next, err);

	if (r == 0)
		r = db_run(store->db, err, "DELETE FROM deadline WHERE kind = $1 AND subject = $2",
			"si", kind, subject);
	return r < 0 ? r : 0;
}

static int next_due(struct store *store, int64_t *ret_ms, struct err *err)
{
	struct next_due *next = &store->deadline_next;
	int r = 0;

	if (!next->is_known) {
		next->ms = INT64_MAX;
		r = db_number(store->db, err, &next->ms,
			"SELECT due_ms FROM deadline ORDER BY due_ms LIMIT 1", "");
		r = r == -ERR_MISSING ? 0 : r;
		next->is_known = r == 0;
	}
	*ret_ms = next->ms;
	return r;
}

int store_deadline_next(struct store *store, int64_t *ret_ms, struct err *err)
{
	int r = next_due(store, ret_ms, err);

	return r == 0 && *ret_ms == INT64_MAX ? err_set(err, ERR_MISSING, "there is no deadline")
					      : r;
}

int store_deadline_due(struct store *store, struct arena *arena, int64_t now_ms,
	struct deadline_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct deadline_row *list = NULL;
	size_t count = 0;
	int64_t next = INT64_MAX;
	int r = next_due(store, &next, err);

	*ret = NULL;
	*ret_count = 0;
	if (r < 0 || next > now_ms)
		return r;
	r = db_begin(store->db, &rows, err,
		"SELECT kind, subject, due_ms FROM deadline WHERE due_ms <= $1 ORDER BY due_ms, "
		"kind, subject LIMIT 100",
		"i", now_ms);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count].kind = db_text(&rows, 0, arena);
		list[count].subject = db_int(&rows, 1);
		list[count++].due_ms = db_int(&rows, 2);
	}
	*ret = list;
	*ret_count = count;
	return r;
}
