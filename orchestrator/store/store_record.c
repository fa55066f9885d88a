/* Ledger, audit and history: rows that are written once. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/store/private.h"

#include <string.h>

enum { AUDIT_ROW_MAX = 1 << 20 };

int store_ledger_append(
	struct store *store, const struct ledger_row *row, int64_t *ret_id, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_number(store->db, err, ret_id,
		"INSERT INTO ledger(at_ms, kind, pull, actor, is_bot, may_write, head, detail)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
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

/* Every field is preceded by its length, so that no two rows have the same encoding. */
static int audit_hash(
	const char *previous, const struct audit_row *row, char ret[SHA256_HEX], struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(AUDIT_ROW_MAX);
	const char *fields[] = { previous, row->kind, row->actor, row->detail };

	strbuf_printf(&text, "sluice audit 1\n%lld %lld %lld %lld\n", (long long)row->id,
		(long long)row->at_ms, (long long)row->pull.v, (long long)row->run.v);
	for (size_t i = 0; i < countof(fields); i++) {
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

static int audit_tip(struct store *store, struct arena *arena, int64_t *ret_id,
	const char **ret_hash, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT id, hash FROM audit_tip", "");

	if (r == 0)
		r = db_next(&rows);
	if (r == 1) {
		*ret_id = db_int(&rows, 0);
		*ret_hash = db_text(&rows, 1, arena);
	}
	return store_found(r, err, "tip of the audit chain", 1);
}

int store_audit_append(struct store *store, const char *kind, const char *actor,
	struct pull_id pull, struct run_id run, const char *detail, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct audit_row row = { .kind = kind == NULL ? "" : kind,
		.actor = actor == NULL ? "" : actor,
		.pull = pull,
		.run = run,
		.detail = detail == NULL ? "" : detail };
	const char *previous = "";
	char hash[SHA256_HEX];
	int r = store_begin(store, err);

	if (r == 0)
		r = audit_tip(store, &arena, &row.id, &previous, err);
	if (r < 0)
		return r;
	row.id++;
	row.at_ms = store_now(store);
	r = audit_hash(previous, &row, hash, err);
	if (r < 0)
		return r;
	r = db_run(store->db, err, "INSERT INTO audit VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
		"iissiiss", row.id, row.at_ms, row.kind, row.actor, pull.v, run.v, row.detail,
		hash);
	if (r >= 0)
		r = db_run(store->db, err, "UPDATE audit_tip SET id = $1, hash = $2", "is", row.id,
			hash);
	return r < 0 ? r : 0;
}

static void read_audit(struct db_rows *rows, struct arena *arena, struct audit_row *row)
{
	row->id = db_int(rows, 0);
	row->at_ms = db_int(rows, 1);
	row->kind = db_text(rows, 2, arena);
	row->actor = db_text(rows, 3, arena);
	row->pull.v = db_int(rows, 4);
	row->run.v = db_int(rows, 5);
	row->detail = db_text(rows, 6, arena);
	row->hash = db_text(rows, 7, arena);
}

int store_audit_list(struct store *store, struct arena *arena, int64_t from_ms, int64_t to_ms,
	int limit, struct audit_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct audit_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT id, at_ms, kind, actor, pull, run, detail, hash FROM audit WHERE at_ms >= "
		"$1 AND at_ms < $2"
		" ORDER BY id LIMIT $3",
		"iii", from_ms, to_ms, (int64_t)limit);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_audit(&rows, arena, &list[count++]);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

static int bad(struct err *err, int64_t *ret_bad, int64_t id, const char *why)
{
	*ret_bad = id;
	return err_class_set(err, ERR_STORE, ERR_CLASS_PERM,
		"the audit chain is broken at record %lld: %s", (long long)id, why);
}

int store_audit_verify(struct store *store, int64_t *ret_rows, int64_t *ret_bad, struct err *err)
{
	_cleanup_(arena_release) struct arena tip_arena = { 0 };
	_cleanup_rows_ struct db_rows rows = { 0 };
	char previous[SHA256_HEX] = "", hash[SHA256_HEX];
	const char *tip_hash = "";
	int64_t tip = 0;
	int r = audit_tip(store, &tip_arena, &tip, &tip_hash, err);

	*ret_rows = 0;
	*ret_bad = 0;
	if (r == 0)
		r = db_begin(store->db, &rows, err,
			"SELECT id, at_ms, kind, actor, pull, run, detail, hash FROM audit ORDER "
			"BY id",
			"");
	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct audit_row row;

		read_audit(&rows, &arena, &row);
		if (row.id != *ret_rows + 1)
			return bad(err, ret_bad, *ret_rows + 1, "it is missing");
		if (audit_hash(previous, &row, hash, err) < 0 || !str_equal(hash, row.hash))
			return bad(err, ret_bad, row.id, "it was changed");
		memcpy(previous, hash, sizeof(hash));
		++*ret_rows;
	}
	if (r == 0 && (*ret_rows != tip || !str_equal(tip_hash, previous)))
		return bad(err, ret_bad, *ret_rows < tip ? *ret_rows + 1 : *ret_rows,
			"the end was cut or replaced");
	return r;
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
