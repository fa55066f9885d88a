/* The audit: rows that are written once, each with the hash of itself and of the one before, so
 * that none can be changed, taken out or put in without the next one telling. The tip is kept
 * beside the rows: an end that was cut is seen as well. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/store/private.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES = 8 << 20 };

/* In the order of enum audit_column. */
#define COLUMNS "id, at_ms, kind, actor, pull, run, detail, hash, environment, subject"

/* Every field is preceded by its length, so that no two rows have the same encoding. Rows about no
 * project are encoded as they were before rows could be about one. */
static int hash_of(
	const char *previous, const struct audit_row *row, char ret[SHA256_HEX], struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(AUDIT_ROW_MAX);
	const char *fields[] = { previous, row->kind, row->actor, row->detail, row->environment,
		row->subject };
	bool is_about = !str_empty(row->environment) || !str_empty(row->subject);

	strbuf_printf(&text, "sluice audit %d\n%lld %lld %lld %lld\n", is_about ? 2 : 1,
		(long long)row->id, (long long)row->at_ms, (long long)row->pull.v,
		(long long)row->run.v);
	for (size_t i = 0; i < (is_about ? 6 : 4); i++) {
		strbuf_printf(&text, "%zu:", strlen(fields[i]));
		strbuf_puts(&text, fields[i]);
		strbuf_putc(&text, '\n');
	}
	if (text.overflowed)
		return err_set(
			err, ERR_LIMIT, "an audit record is larger than %d bytes", AUDIT_ROW_MAX);
	codec_sha256_hex(strbuf_text(&text), text.length, ret);
	return 0;
}

int store_audit_tip(struct store *store, struct audit_tip *ret, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT id, hash FROM audit_tip", "");

	if (r == 0)
		r = db_next(&rows);
	if (r == 1) {
		ret->id = db_int(&rows, 0);
		(void)snprintf(ret->hash, sizeof(ret->hash), "%s", db_text(&rows, 1, &arena));
	}
	return store_found(r, err, "tip of the audit chain", 1);
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

int store_audit_append(struct store *store, const struct audit_row *wish, struct err *err)
{
	struct audit_row row = { .kind = or_empty(wish->kind),
		.actor = or_empty(wish->actor),
		.pull = wish->pull,
		.run = wish->run,
		.detail = or_empty(wish->detail),
		.environment = or_empty(wish->environment),
		.subject = or_empty(wish->subject) };
	char hash[SHA256_HEX];
	struct audit_tip tip = { 0 };
	int r = store_begin(store, err);

	if (r == 0)
		r = store_audit_tip(store, &tip, err);
	if (r < 0)
		return r;
	row.id = tip.id + 1;
	row.at_ms = store_now(store);
	r = hash_of(tip.hash, &row, hash, err);
	if (r < 0)
		return r;
	r = db_run(store->db, err,
		"INSERT INTO audit(" COLUMNS ") VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		"iissiissss", row.id, row.at_ms, row.kind, row.actor, row.pull.v, row.run.v,
		row.detail, hash, row.environment, row.subject);
	if (r >= 0)
		r = db_run(store->db, err, "UPDATE audit_tip SET id = $1, hash = $2", "is", row.id,
			hash);
	return r < 0 ? r : 0;
}

static void read_row(struct db_rows *rows, struct arena *arena, struct audit_row *row)
{
	row->id = db_int(rows, 0);
	row->at_ms = db_int(rows, 1);
	row->kind = db_text(rows, 2, arena);
	row->actor = db_text(rows, 3, arena);
	row->pull.v = db_int(rows, 4);
	row->run.v = db_int(rows, 5);
	row->detail = db_text(rows, 6, arena);
	row->hash = db_text(rows, 7, arena);
	row->environment = db_text(rows, 8, arena);
	row->subject = db_text(rows, 9, arena);
}

static int read_rows(
	struct db_rows *rows, struct arena *arena, struct audit_row **ret, size_t *ret_count)
{
	struct audit_row *list = NULL;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_row(rows, arena, &list[count++]);
		if (arena_bytes(arena) > PAGE_BYTES)
			break; /* the next page has the rest */
	}
	*ret = list;
	*ret_count = count;
	return r < 0 ? r : 0;
}

/* ---- questions ---- */

int store_audit_list(struct store *store, struct arena *arena, const struct audit_query *query,
	struct audit_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r;

	if (str_empty(query->environment))
		r = db_begin(store->db, &rows, err,
			"SELECT " COLUMNS " FROM audit WHERE (at_ms, id) > ($1, $2) AND at_ms < $3 "
			"AND ($4 = '' OR subject = $4) ORDER BY at_ms, id LIMIT $5",
			"iiisi", query->from_ms, query->after, query->to_ms, query->subject,
			(int64_t)query->limit);
	else /* through the index of what is about an environment */
		r = db_begin(store->db, &rows, err,
			"SELECT " COLUMNS " FROM audit WHERE subject <> '' AND environment = $1 "
			"AND (at_ms, id) > ($2, $3) AND at_ms < $4 AND ($5 = '' OR subject = $5) "
			"ORDER BY at_ms, id LIMIT $6",
			"siiisi", query->environment, query->from_ms, query->after, query->to_ms,
			query->subject, (int64_t)query->limit);
	return r < 0 ? r : read_rows(&rows, arena, ret, ret_count);
}

/* Of one kind, of each project the last one. */
static int list_last(struct store *store, struct arena *arena, const char *kind,
	const struct audit_query *query, struct audit_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " COLUMNS " FROM audit WHERE id IN (SELECT max(id) FROM audit WHERE "
		"subject <> '' AND ($1 = '' OR environment = $1) AND at_ms <= $2 AND kind = $3 "
		"AND ($4 = '' OR subject = $4) GROUP BY environment, subject) ORDER BY "
		"environment, subject LIMIT $5",
		"sissi", query->environment, query->to_ms, kind, query->subject,
		(int64_t)query->limit);

	return r < 0 ? r : read_rows(&rows, arena, ret, ret_count);
}

static bool has_ended_since(const struct audit_moment *moment, const struct audit_row *began)
{
	for (size_t i = 0; i < moment->ended_count; i++) {
		const struct audit_row *row = &moment->ended[i];

		if (row->id > began->id && str_equal(row->environment, began->environment) &&
			str_equal(row->subject, began->subject))
			return true;
	}
	return false;
}

int store_audit_at(struct store *store, struct arena *arena, const struct audit_query *query,
	struct audit_moment *ret, struct err *err)
{
	struct audit_row *began = NULL;
	size_t count = 0;
	int r = list_last(
		store, arena, AUDIT_APPLY_ENDED, query, &ret->ended, &ret->ended_count, err);

	if (r == 0)
		r = list_last(store, arena, AUDIT_APPLY_STARTED, query, &began, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!has_ended_since(ret, &began[i]))
			began[ret->running_count++] = began[i];
	}
	ret->running = began;
	return r;
}

int store_audit_last(struct store *store, struct arena *arena, const struct audit_row *like,
	struct audit_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " COLUMNS " FROM audit WHERE subject <> '' AND run = $1 AND kind = $2 AND "
		"environment = $3 AND subject = $4 ORDER BY id DESC LIMIT 1",
		"isss", like->run.v, like->kind, like->environment, like->subject);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_row(&rows, arena, ret);
	return store_found(r, err, "record of the run", like->run.v);
}

/* ---- the chain ---- */

static int bad(struct err *err, struct audit_walk *walk, int64_t id, const char *why)
{
	walk->bad = id;
	return err_class_set(err, ERR_STORE, ERR_CLASS_PERM,
		"the audit chain is broken at record %lld: %s", (long long)id, why);
}

/* Where a walk goes on: what the row before says of itself was checked when it was walked over. */
static int hash_before(struct store *store, int64_t after, char ret[SHA256_HEX], struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = after == 0 ? 1
			   : db_begin(store->db, &rows, err, "SELECT hash FROM audit WHERE id = $1",
				     "i", after);

	ret[0] = '\0';
	if (after == 0 || r < 0)
		return r < 0 ? r : 0;
	r = db_next(&rows);
	if (r == 1)
		(void)snprintf(ret, SHA256_HEX, "%s", db_text(&rows, 0, &arena));
	return store_found(r, err, "record", after);
}

static int walk_rows(
	struct db_rows *rows, char previous[SHA256_HEX], struct audit_walk *walk, struct err *err)
{
	char hash[SHA256_HEX];
	int r;

	while ((r = db_next(rows)) == 1) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct audit_row row;

		read_row(rows, &arena, &row);
		if (row.id != walk->last + 1)
			return bad(err, walk, walk->last + 1, "it is missing");
		if (hash_of(previous, &row, hash, err) < 0 || !str_equal(hash, row.hash))
			return bad(err, walk, row.id, "it was changed");
		memcpy(previous, hash, SHA256_HEX);
		walk->last = row.id;
		walk->count++;
	}
	return r;
}

int store_audit_verify(
	struct store *store, int64_t after, int64_t limit, struct audit_walk *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	char previous[SHA256_HEX];
	struct audit_tip tip = { 0 };
	int r = store_audit_tip(store, &tip, err);

	*ret = (struct audit_walk){ .last = after };
	if (r == 0)
		r = hash_before(store, after, ret->before, err);
	memcpy(previous, ret->before, sizeof(previous));
	if (r == -ERR_MISSING)
		return bad(err, ret, after, "it is missing");
	if (r == 0)
		r = db_begin(store->db, &rows, err,
			"SELECT " COLUMNS " FROM audit WHERE id > $1 ORDER BY id LIMIT $2", "ii",
			after, limit);
	if (r == 0)
		r = walk_rows(&rows, previous, ret, err);
	if (r < 0 || ret->count == limit)
		return r;
	ret->is_end = true;
	if (ret->last != tip.id || !str_equal(tip.hash, previous))
		return bad(err, ret, ret->last < tip.id ? ret->last + 1 : ret->last,
			"the end was cut or replaced");
	return 0;
}
