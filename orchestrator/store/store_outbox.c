/* What must happen outside. A row stays until its effect was answered. */
#include "orchestrator/store/private.h"

/* Versions are never given twice, not even to another row: an answer that comes late must not end a
 * row that has got the number of the one it was about. */
int store_outbox_put(struct store *store, const struct outbox_row *row, struct err *err)
{
	int r = store_begin_due(store, &store->outbox_next, err);

	if (r < 0)
		return r;
	r = db_run(store->db, err,
		"INSERT INTO outbox(version, kind, class, key, pull, run, job, payload, is_urgent, "
		"due_ms, attempts, state, why)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, '')"
		" ON CONFLICT(kind, key) WHERE state = 0 DO UPDATE SET version = excluded.version,"
		" class = excluded.class,"
		" pull = excluded.pull, run = excluded.run, job = excluded.job, payload = "
		"excluded.payload,"
		" is_urgent = max(is_urgent, excluded.is_urgent), due_ms = excluded.due_ms",
		"iiisiiisii", ++store->outbox_version, (int64_t)row->kind, (int64_t)row->class,
		row->key, row->pull.v, row->run.v, row->job.v, row->payload,
		(int64_t)row->is_urgent, row->due_ms);
	return r < 0 ? r : 0;
}

int64_t store_outbox_version(const struct store *store)
{
	return store->outbox_version;
}

#define OUTBOX_COLUMNS                                                                             \
	"id, version, kind, class, key, pull, run, job, payload, is_urgent, due_ms, attempts "     \
	"FROM outbox WHERE state = 0 "

struct outbox_list {
	struct outbox_row *rows;
	size_t count;
};

static int read_rows(struct db_rows *rows, struct arena *arena, struct outbox_list *list)
{
	int r;

	while ((r = db_next(rows)) == 1) {
		struct outbox_row *row;

		list->rows = arena_push(arena, list->rows, list->count, sizeof(*row));
		row = &list->rows[list->count++];
		row->id.v = db_int(rows, 0);
		row->version = db_int(rows, 1);
		row->kind = (enum effect_kind)db_int(rows, 2);
		row->class = (enum repeat_class)db_int(rows, 3);
		row->key = db_text(rows, 4, arena);
		row->pull.v = db_int(rows, 5);
		row->run.v = db_int(rows, 6);
		row->job.v = db_int(rows, 7);
		row->payload = db_text(rows, 8, arena);
		row->is_urgent = db_int(rows, 9) != 0;
		row->due_ms = db_int(rows, 10);
		row->attempts = (int)db_int(rows, 11);
	}
	return r;
}

static int add_due(struct store *store, struct arena *arena, bool is_urgent, int64_t now_ms,
	int limit, struct outbox_list *list, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " OUTBOX_COLUMNS
		"AND is_urgent = $1 AND due_ms <= $2 ORDER BY due_ms, id LIMIT $3",
		"iii", (int64_t)is_urgent, now_ms, (int64_t)limit - (int64_t)list->count);

	return r < 0 ? r : read_rows(&rows, arena, list);
}

static int first_due(struct store *store, bool is_urgent, int64_t *ret_ms, struct err *err)
{
	int64_t found = INT64_MAX;
	int r = db_number(store->db, err, &found,
		"SELECT due_ms FROM outbox WHERE state = 0 AND is_urgent = $1 ORDER BY due_ms "
		"LIMIT 1",
		"i", (int64_t)is_urgent);

	*ret_ms = found < *ret_ms ? found : *ret_ms;
	return r == -ERR_MISSING ? 0 : r;
}

static int next_due(struct store *store, int64_t *ret_ms, struct err *err)
{
	struct next_due *next = &store->outbox_next;
	int r = 0;

	if (!next->is_known) {
		next->ms = INT64_MAX;
		r = first_due(store, true, &next->ms, err);
		if (r == 0)
			r = first_due(store, false, &next->ms, err);
		next->is_known = r == 0;
	}
	*ret_ms = next->ms;
	return r;
}

int store_outbox_next_due(struct store *store, int64_t *ret_ms, struct err *err)
{
	int r = next_due(store, ret_ms, err);

	return r == 0 && *ret_ms == INT64_MAX ? err_set(err, ERR_MISSING, "the outbox is empty")
					      : r;
}

/* Twice, because only so the index ends the search: many rows may wait for a host that is away. */
int store_outbox_due(struct store *store, struct arena *arena, int64_t now_ms, int limit,
	struct outbox_row **ret, size_t *ret_count, struct err *err)
{
	struct outbox_list list = { 0 };
	int64_t next = INT64_MAX;
	int r = next_due(store, &next, err);

	if (r == 0 && next <= now_ms && limit > 0)
		r = add_due(store, arena, true, now_ms, limit, &list, err);
	if (r == 0 && next <= now_ms && (int64_t)list.count < limit)
		r = add_due(store, arena, false, now_ms, limit, &list, err);
	*ret = list.rows;
	*ret_count = list.count;
	return r;
}

int store_outbox_done(struct store *store, struct outbox_id id, int64_t version, struct err *err)
{
	int r = store_begin_due(store, &store->outbox_next, err);

	if (r == 0)
		r = db_run(store->db, err, "DELETE FROM outbox WHERE id = $1 AND version = $2",
			"ii", id.v, version);
	return r < 0 ? r : 0;
}

int store_outbox_retry(
	struct store *store, struct outbox_id id, int64_t due_ms, const char *why, struct err *err)
{
	int r = store_begin_due(store, &store->outbox_next, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE outbox SET attempts = attempts + 1, due_ms = $1, why = $2 WHERE id "
			"= $3 AND state = 0",
			"isi", due_ms, why, id.v);
	return r < 0 ? r : 0;
}

int store_outbox_not_after(struct store *store, int64_t due_ms, struct err *err)
{
	int64_t late = 0;
	int r = db_number(store->db, err, &late,
		"SELECT count(*) FROM outbox WHERE state = 0 AND due_ms > $1", "i", due_ms);

	if (r == 0 && late > 0)
		r = store_begin_due(store, &store->outbox_next, err);
	if (r == 0 && late > 0)
		r = db_run(store->db, err,
			"UPDATE outbox SET due_ms = $1 WHERE state = 0 AND due_ms > $2", "ii",
			due_ms, due_ms);
	return r < 0 ? r : 0;
}

int store_outbox_fail(struct store *store, struct outbox_id id, const char *why, struct err *err)
{
	int r = store_begin_due(store, &store->outbox_next, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE outbox SET state = 1, why = $1 WHERE id = $2",
			"si", why, id.v);
	return store_found(r, err, "outbox row", id.v);
}

int store_outbox_list_open(struct store *store, struct arena *arena, struct outbox_row **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct outbox_list list = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " OUTBOX_COLUMNS "ORDER BY id", "");

	if (r == 0)
		r = read_rows(&rows, arena, &list);
	*ret = list.rows;
	*ret_count = list.count;
	return r;
}
