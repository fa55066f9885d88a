/* What must happen outside, and timers that survive. A row stays until its effect was answered. */
#include "orchestrator/store/private.h"

int store_outbox_put(struct store *store, const struct outbox_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	r = db_run(store->db, err,
		"INSERT INTO outbox(version, kind, class, key, pull, run, job, payload, is_urgent, "
		"due_ms, attempts, state, why)"
		" VALUES(1, $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '')"
		" ON CONFLICT(kind, key) WHERE state = 0 DO UPDATE SET version = version + 1, "
		"class = excluded.class,"
		" pull = excluded.pull, run = excluded.run, job = excluded.job, payload = "
		"excluded.payload,"
		" is_urgent = max(is_urgent, excluded.is_urgent), due_ms = excluded.due_ms",
		"iisiiisii", (int64_t)row->kind, (int64_t)row->class, row->key, row->pull.v,
		row->run.v, row->job.v, row->payload, (int64_t)row->is_urgent, row->due_ms);
	return r < 0 ? r : 0;
}

#define OUTBOX_COLUMNS                                                                             \
	"id, version, kind, class, key, pull, run, job, payload, is_urgent, due_ms, attempts "     \
	"FROM outbox WHERE state = 0 "

static int read_rows(
	struct db_rows *rows, struct arena *arena, struct outbox_row **ret, size_t *ret_count)
{
	struct outbox_row *list = NULL;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		struct outbox_row *row;

		list = arena_push(arena, list, count, sizeof(*list));
		row = &list[count++];
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
	*ret = list;
	*ret_count = count;
	return r;
}

int store_outbox_due(struct store *store, struct arena *arena, int64_t now_ms, int limit,
	struct outbox_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " OUTBOX_COLUMNS
		"AND due_ms <= $1 ORDER BY is_urgent DESC, due_ms, id LIMIT $2",
		"ii", now_ms, (int64_t)limit);

	return r < 0 ? r : read_rows(&rows, arena, ret, ret_count);
}

int store_outbox_next_due(struct store *store, int64_t *ret_ms, struct err *err)
{
	return db_number(store->db, err, ret_ms,
		"SELECT due_ms FROM outbox WHERE state = 0 ORDER BY due_ms LIMIT 1", "");
}

int store_outbox_done(struct store *store, struct outbox_id id, int64_t version, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "DELETE FROM outbox WHERE id = $1 AND version = $2",
			"ii", id.v, version);
	return r < 0 ? r : 0;
}

int store_outbox_retry(
	struct store *store, struct outbox_id id, int64_t due_ms, const char *why, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE outbox SET attempts = attempts + 1, due_ms = $1, why = $2 WHERE id "
			"= $3 AND state = 0",
			"isi", due_ms, why, id.v);
	return r < 0 ? r : 0;
}

int store_outbox_fail(struct store *store, struct outbox_id id, const char *why, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE outbox SET state = 1, why = $1 WHERE id = $2",
			"si", why, id.v);
	return store_found(r, err, "outbox row", id.v);
}

int store_outbox_list_open(struct store *store, struct arena *arena, struct outbox_row **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " OUTBOX_COLUMNS "ORDER BY id", "");

	return r < 0 ? r : read_rows(&rows, arena, ret, ret_count);
}

int store_deadline_set(
	struct store *store, const char *kind, int64_t subject, int64_t due_ms, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO deadline(kind, subject, due_ms) VALUES($1, $2, $3)"
			" ON CONFLICT(kind, subject) DO UPDATE SET due_ms = excluded.due_ms",
			"sii", kind, subject, due_ms);
	return r < 0 ? r : 0;
}

int store_deadline_clear(struct store *store, const char *kind, int64_t subject, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "DELETE FROM deadline WHERE kind = $1 AND subject = $2",
			"si", kind, subject);
	return r < 0 ? r : 0;
}

int store_deadline_due(struct store *store, struct arena *arena, int64_t now_ms,
	struct deadline_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct deadline_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT kind, subject, due_ms FROM deadline WHERE due_ms <= $1 ORDER BY due_ms "
		"LIMIT 100",
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

int store_deadline_next(struct store *store, int64_t *ret_ms, struct err *err)
{
	return db_number(
		store->db, err, ret_ms, "SELECT due_ms FROM deadline ORDER BY due_ms LIMIT 1", "");
}
