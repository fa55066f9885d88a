/* What came in, once: recognised by the host's delivery id and by the body itself. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/store/private.h"

enum { HASH_KEPT = 32 }; /* hex digits: 128 bits, which no two bodies share */

/*~ 4. The bytes become a row of the inbox. A delivery that came before, by its id or by its
 * body, is not a second one. */
int store_inbox_put(
	struct store *store, const struct inbox_row *row, struct inbox_id *ret, struct err *err)
{
	char hash[SHA256_HEX];
	int64_t now = store_now(store);
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	codec_sha256_hex(row->body, row->length, hash);
	hash[HASH_KEPT] = '\0';
	return db_insert(store->db, err, &ret->v,
		"INSERT INTO inbox(host, topic, delivery, hash, body, state, attempts, "
		"received_ms, due_ms, outcome)"
		" VALUES($1, $2, $3, $4, $5, 0, 0, $6, $7, '')",
		"ssssbii", row->host, row->topic, row->delivery, hash, row->body, row->length, now,
		now);
}

int store_inbox_next(
	struct store *store, struct arena *arena, struct inbox_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, host, delivery, body, attempts, received_ms, topic FROM inbox WHERE "
		"state = 0 "
		"AND due_ms <= $1"
		" ORDER BY id LIMIT 1",
		"i", store_now(store));

	if (r == 0)
		r = db_next(&rows);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_MISSING, "the inbox is empty");
	ret->id.v = db_int(&rows, 0);
	ret->host = db_text(&rows, 1, arena);
	ret->delivery = db_text(&rows, 2, arena);
	ret->body = db_bytes(&rows, 3, arena, &ret->length);
	ret->attempts = (int)db_int(&rows, 4);
	ret->received_ms = db_int(&rows, 5);
	ret->topic = db_text(&rows, 6, arena);
	return 0;
}

int store_inbox_done(struct store *store, struct inbox_id id, const char *outcome, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE inbox SET state = 1, body = '', outcome = $1 WHERE id = $2", "si",
			outcome, id.v);
	return store_found(r, err, "inbox row", id.v);
}

int store_inbox_defer(struct store *store, struct inbox_id id, int64_t due_ms, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE inbox SET attempts = attempts + 1, due_ms = $1 WHERE id = $2", "ii",
			due_ms, id.v);
	return store_found(r, err, "inbox row", id.v);
}

int store_inbox_due(struct store *store, struct inbox_id id, int64_t due_ms, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE inbox SET due_ms = $1 WHERE id = $2", "ii",
			due_ms, id.v);
	return store_found(r, err, "inbox row", id.v);
}

int store_inbox_reopen(struct store *store, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE inbox SET due_ms = 0 WHERE state = 0", "");
	return r < 0 ? r : 0;
}

int store_inbox_next_due(struct store *store, int64_t *ret_ms, struct err *err)
{
	return db_number(store->db, err, ret_ms,
		"SELECT due_ms FROM inbox WHERE state = 0 ORDER BY due_ms LIMIT 1", "");
}
