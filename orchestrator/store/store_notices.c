/* Notices as they are told: what stands in them, and how far they are. */
#include "orchestrator/store/private.h"

int store_notice_put(
	struct store *store, const struct notice_row *row, bool *ret_is_new, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO notice(key, target, event, subject, parts, part, thread, "
			"created_ms) VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
			"sssssisi", row->key, row->target, row->event, row->subject, row->parts,
			(int64_t)row->part, row->thread, row->created_ms);
	*ret_is_new = r > 0;
	return r < 0 ? r : 0;
}

int store_notice_load(struct store *store, struct arena *arena, const char *key,
	struct notice_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT target, event, subject, parts, part, thread, created_ms FROM notice WHERE "
		"key = $1",
		"s", key);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		*ret = (struct notice_row){ .key = arena_strdup(arena, key),
			.target = db_text(&rows, 0, arena),
			.event = db_text(&rows, 1, arena),
			.subject = db_text(&rows, 2, arena),
			.parts = db_text(&rows, 3, arena),
			.part = (int)db_int(&rows, 4),
			.thread = db_text(&rows, 5, arena),
			.created_ms = db_int(&rows, 6) };
	return r == 0 ? err_set(err, ERR_MISSING, "there is no notice %.100s", key) : r < 0 ? r : 0;
}

int store_notice_move(
	struct store *store, const char *key, int part, const char *thread, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE notice SET part = $1, thread = $2 WHERE key = $3", "iss",
			(int64_t)part, thread, key);
	return r < 0 ? r : 0;
}
