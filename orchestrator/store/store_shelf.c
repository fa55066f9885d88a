/* The local host's documents, counters, and the figures of the whole. */
#include "orchestrator/store/private.h"

int store_shelf_get(struct store *store, struct arena *arena, const char *key,
	const char **ret_body, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT body FROM shelf WHERE key = $1", "s", key);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		*ret_body = db_text(&rows, 0, arena);
	if (r == 0)
		return err_set(err, ERR_MISSING, "there is no %s", key);
	return r < 0 ? r : 0;
}

int store_shelf_put(struct store *store, const char *key, const char *body, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO shelf(key, body) VALUES($1, $2) ON CONFLICT(key) DO UPDATE "
			"SET body = excluded.body",
			"ss", key, body);
	return r < 0 ? r : 0;
}

int store_shelf_list(struct store *store, struct arena *arena, const char *prefix,
	const char ***ret_bodies, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	const char **list = NULL;
	size_t count = 0;
	const char *end = arena_printf(
		arena, "%s\xf4\x8f\xbf\xbf", prefix); /* the last code point */
	int r = db_begin(store->db, &rows, err,
		"SELECT body FROM shelf WHERE key >= $1 AND key < $2 ORDER BY key", "ss", prefix,
		end);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count++] = db_text(&rows, 0, arena);
	}
	*ret_bodies = list;
	*ret_count = count;
	return r;
}

int store_counter_next(struct store *store, const char *name, int64_t *ret, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_number(store->db, err, ret,
		"INSERT INTO counter(name, value) VALUES($1, 1) ON CONFLICT(name) DO UPDATE SET "
		"value = value + 1"
		" RETURNING value",
		"s", name);
}

int store_counts(struct store *store, struct store_counts *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT (SELECT count(*) FROM inbox WHERE state = 0), (SELECT count(*) FROM outbox "
		"WHERE state = 0),"
		" (SELECT count(*) FROM run WHERE state < 10), (SELECT count(*) FROM job WHERE "
		"state = 2 AND state < 10),"
		" (SELECT count(*) FROM job WHERE state IN (1, 5) AND state < 10),"
		" (SELECT count(*) FROM job WHERE state BETWEEN 3 AND 4 AND state < 10), (SELECT "
		"count(*) FROM pull WHERE state = 1),"
		" (SELECT count(*) FROM lock WHERE is_held = 1)",
		"");

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		*ret = (struct store_counts){ .inbox_open = db_int(&rows, 0),
			.outbox_open = db_int(&rows, 1),
			.runs_active = db_int(&rows, 2),
			.jobs_waiting = db_int(&rows, 3),
			.jobs_blocked = db_int(&rows, 4),
			.jobs_running = db_int(&rows, 5),
			.pulls_open = db_int(&rows, 6),
			.locks_held = db_int(&rows, 7) };
	return r < 0 ? r : 0;
}
