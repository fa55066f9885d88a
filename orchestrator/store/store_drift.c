/* Drift: schedules, their slots, what was looked at, and what was found. */
#include "orchestrator/store/private.h"

#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { ITEM_MAX = 64 << 10 };

/* ---- schedules ---- */

int store_drift_schedule_put(
	struct store *store, const struct drift_schedule_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO drift_schedule(repo, base_ref, environment, rule, next_ms) "
			"VALUES($1, $2, $3, $4, $5) ON CONFLICT(repo, base_ref, environment) DO "
			"UPDATE SET next_ms = CASE WHEN rule = excluded.rule THEN next_ms ELSE "
			"excluded.next_ms END, rule = excluded.rule",
			"isssi", row->repo.v, row->base_ref, row->environment, row->rule,
			row->next_ms);
	return r < 0 ? r : 0;
}

int store_drift_schedule_move(struct store *store, int64_t id, int64_t next_ms, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE drift_schedule SET next_ms = $1 WHERE id = $2",
			"ii", next_ms, id);
	return store_found(r, err, "schedule", id);
}

int store_drift_schedule_drop(struct store *store, int64_t id, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "DELETE FROM drift_schedule WHERE id = $1", "i", id);
	return r < 0 ? r : 0;
}

int store_drift_schedule_list(struct store *store, struct arena *arena,
	struct drift_schedule_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct drift_schedule_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT id, repo, base_ref, environment, rule, next_ms FROM drift_schedule ORDER "
		"BY "
		"next_ms, id",
		"");

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count++] = (struct drift_schedule_row){ .id = db_int(&rows, 0),
			.repo = { db_int(&rows, 1) },
			.base_ref = db_text(&rows, 2, arena),
			.environment = db_text(&rows, 3, arena),
			.rule = db_text(&rows, 4, arena),
			.next_ms = db_int(&rows, 5) };
	}
	*ret = list;
	*ret_count = count;
	return r;
}

/* ---- slots ---- */

#define SLOT_COLUMNS                                                                               \
	"id, repo, base_ref, environment, slot_ms, schedule, asked_by, project, missed, run, "     \
	"rules, is_partial, report, ended_ms FROM drift_slot "

static struct drift_slot_row read_slot(struct db_rows *rows, struct arena *arena)
{
	return (struct drift_slot_row){ .id = db_int(rows, 0),
		.repo = { db_int(rows, 1) },
		.base_ref = db_text(rows, 2, arena),
		.environment = db_text(rows, 3, arena),
		.slot_ms = db_int(rows, 4),
		.schedule = db_text(rows, 5, arena),
		.asked_by = db_text(rows, 6, arena),
		.project = db_text(rows, 7, arena),
		.missed = (int)db_int(rows, 8),
		.run = { db_int(rows, 9) },
		.rules = db_text(rows, 10, arena),
		.is_partial = db_int(rows, 11) != 0,
		.report = db_text(rows, 12, arena),
		.ended_ms = db_int(rows, 13) };
}

int store_drift_slot_insert(
	struct store *store, const struct drift_slot_row *row, int64_t *ret, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_number(store->db, err, ret,
		"INSERT INTO drift_slot(repo, base_ref, environment, slot_ms, schedule, asked_by, "
		"project, missed, run, rules, is_partial, report, ended_ms) VALUES($1, $2, $3, $4, "
		"$5, "
		"$6, "
		"$7, $8, $9, '', 0, '', 0) RETURNING id",
		"ississsii", row->repo.v, row->base_ref, row->environment, row->slot_ms,
		row->schedule, row->asked_by, row->project, (int64_t)row->missed, row->run.v);
}

int store_drift_slot_set_run(struct store *store, int64_t id, struct run_id run, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE drift_slot SET run = $1 WHERE id = $2", "ii",
			run.v, id);
	return store_found(r, err, "slot", id);
}

int store_drift_slot_set_rules(struct store *store, int64_t id, const char *rules, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE drift_slot SET rules = $1 WHERE id = $2", "si",
			rules, id);
	return store_found(r, err, "slot", id);
}

int store_drift_slot_is_open(struct store *store, const struct drift_schedule_row *schedule,
	int64_t since_ms, bool *ret, struct err *err)
{
	int64_t count = 0;
	int r = db_number(store->db, err, &count,
		"SELECT count(*) FROM drift_slot WHERE repo = $1 AND base_ref = $2 AND environment "
		"= $3 AND schedule <> '' AND run > 0 AND ended_ms = 0 AND slot_ms > $4",
		"issi", schedule->repo.v, schedule->base_ref, schedule->environment, since_ms);

	*ret = count > 0;
	return r;
}

int store_drift_applied(struct store *store, const struct drift_subject_row *subject,
	int64_t *ret_number, struct err *err)
{
	return db_number(store->db, err, ret_number,
		"SELECT p.number FROM job j JOIN pull p ON p.id = j.pull WHERE p.repo = $1 AND "
		"j.dir "
		"= $2 AND j.workspace = $3 AND j.op = 3 AND j.state = 10 AND j.ended_ms > $4 ORDER "
		"BY j.id DESC LIMIT 1",
		"issi", subject->repo.v, subject->dir, subject->workspace, subject->last_ms);
}

int store_drift_slot_set_partial(struct store *store, struct run_id run, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE drift_slot SET is_partial = 1 WHERE run = $1",
			"i", run.v);
	return store_found(r, err, "slot of run", run.v);
}

int store_drift_slot_end(struct store *store, int64_t id, const char *report, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE drift_slot SET report = $1, ended_ms = $2 WHERE id = $3 AND "
			"ended_ms = 0",
			"sii", report, store_now(store), id);
	if (r == 0)
		return err_set(err, ERR_STALE, "slot %lld has its report", (long long)id);
	return r < 0 ? r : 0;
}

static int slot_at(struct db_rows *rows, struct arena *arena, int64_t id,
	struct drift_slot_row *ret, struct err *err)
{
	int r = db_next(rows);

	if (r == 1)
		*ret = read_slot(rows, arena);
	return store_found(r, err, "slot", id);
}

int store_drift_slot_load(struct store *store, struct arena *arena, int64_t id,
	struct drift_slot_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " SLOT_COLUMNS "WHERE id = $1", "i", id);

	return r < 0 ? r : slot_at(&rows, arena, id, ret, err);
}

int store_drift_slot_of_run(struct store *store, struct arena *arena, struct run_id run,
	struct drift_slot_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(
		store->db, &rows, err, "SELECT " SLOT_COLUMNS "WHERE run = $1", "i", run.v);

	return r < 0 ? r : slot_at(&rows, arena, run.v, ret, err);
}

int store_drift_slot_list(struct store *store, struct arena *arena, int limit,
	struct drift_slot_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct drift_slot_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT " SLOT_COLUMNS "WHERE ended_ms > 0 ORDER BY id DESC LIMIT $1", "i",
		(int64_t)limit);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count++] = read_slot(&rows, arena);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

/* ---- subjects ---- */

#define SUBJECT_COLUMNS                                                                            \
	"id, repo, base_ref, dir, workspace, project, environment, outcome, word, text, "          \
	"failures, "                                                                               \
	"last_ms, last_clean_ms FROM drift_subject "

static struct drift_subject_row read_subject(struct db_rows *rows, struct arena *arena)
{
	return (struct drift_subject_row){ .id = db_int(rows, 0),
		.repo = { db_int(rows, 1) },
		.base_ref = db_text(rows, 2, arena),
		.dir = db_text(rows, 3, arena),
		.workspace = db_text(rows, 4, arena),
		.project = db_text(rows, 5, arena),
		.environment = db_text(rows, 6, arena),
		.outcome = (enum drift_outcome)db_int(rows, 7),
		.word = db_text(rows, 8, arena),
		.text = db_text(rows, 9, arena),
		.failures = (int)db_int(rows, 10),
		.last_ms = db_int(rows, 11),
		.last_clean_ms = db_int(rows, 12) };
}

int store_drift_subject_get(struct store *store, struct arena *arena,
	const struct drift_subject_row *key, struct drift_subject_row *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int64_t id = 0;
	int r = store_begin(store, err);

	if (r == 0)
		r = db_number(store->db, err, &id,
			"INSERT INTO drift_subject(repo, base_ref, dir, workspace, project, "
			"environment, outcome, word, text, failures, last_ms, last_clean_ms) "
			"VALUES($1, $2, $3, $4, $5, $6, 0, '', '', 0, 0, 0) ON CONFLICT(repo, "
			"base_ref, dir, workspace) DO UPDATE SET project = excluded.project, "
			"environment = excluded.environment RETURNING id",
			"isssss", key->repo.v, key->base_ref, key->dir, key->workspace,
			key->project, key->environment);
	if (r == 0)
		r = db_begin(
			store->db, &rows, err, "SELECT " SUBJECT_COLUMNS "WHERE id = $1", "i", id);
	if (r < 0)
		return r;
	r = db_next(&rows);
	if (r == 1)
		*ret = read_subject(&rows, arena);
	return store_found(r, err, "subject", id);
}

int store_drift_subject_set(
	struct store *store, const struct drift_subject_row *row, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE drift_subject SET outcome = $1, word = $2, text = $3, failures = "
			"$4, "
			"last_ms = $5, last_clean_ms = $6 WHERE id = $7",
			"issiiii", (int64_t)row->outcome, row->word, row->text,
			(int64_t)row->failures, row->last_ms, row->last_clean_ms, row->id);
	return store_found(r, err, "subject", row->id);
}

int store_drift_subject_list(struct store *store, struct arena *arena,
	struct drift_subject_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct drift_subject_row *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT " SUBJECT_COLUMNS "ORDER BY repo, base_ref, environment, project, id", "");

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count++] = read_subject(&rows, arena);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

/* ---- items ---- */

/* The body is the item in the words of a report; the row says which it is and how it lives. */
static int read_item(
	struct db_rows *rows, struct arena *arena, struct drift_item *ret, struct err *err)
{
	const char *body = db_text(rows, 2, arena);
	_cleanup_json_ json_t *item = NULL, *json = NULL;
	struct drift_items one;
	int r = jsonx_parse(body, strlen(body), ITEM_MAX, &item, err);

	if (r == 0) {
		json = json_pack("{s:[O]}", "list", item);
		r = drift_items_read(json, arena, &one, err);
	}
	if (r < 0)
		return r;
	*ret = one.list[0];
	ret->id = db_int(rows, 0);
	ret->life = (enum drift_life)db_int(rows, 1);
	return 0;
}

int store_drift_item_list(struct store *store, struct arena *arena, int64_t subject,
	struct drift_items *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, life, body FROM drift_item WHERE subject = $1 AND life <> 3 ORDER BY "
		"id",
		"i", subject);

	*ret = (struct drift_items){ 0 };
	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		ret->list = arena_push(arena, ret->list, ret->count, sizeof(*ret->list));
		r = read_item(&rows, arena, &ret->list[ret->count++], err);
		if (r < 0)
			return r;
	}
	return r;
}

int store_drift_item_put(
	struct store *store, int64_t subject, struct drift_item *item, struct err *err)
{
	struct drift_items one = { .list = item, .count = 1 };
	_cleanup_json_ json_t *json = drift_items_write(&one);
	_cleanup_free_ char *body = jsonx_text(json_array_get(json_object_get(json, "list"), 0));
	int r = store_begin(store, err);

	if (r == 0 && item->id == 0)
		return db_number(store->db, err, &item->id,
			"INSERT INTO drift_item(subject, life, body) VALUES($1, $2, $3) RETURNING "
			"id",
			"iis", subject, (int64_t)item->life, body);
	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE drift_item SET life = $1, body = $2 WHERE id = $3 AND subject = $4",
			"isii", (int64_t)item->life, body, item->id, subject);
	return store_found(r, err, "finding", item->id);
}

int store_drift_item_load(struct store *store, struct arena *arena, int64_t id,
	int64_t *ret_subject, struct drift_item *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, life, body, subject FROM drift_item WHERE id = $1 AND life <> 3", "i",
		id);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1) {
		*ret_subject = db_int(&rows, 3);
		r = read_item(&rows, arena, ret, err);
		return r;
	}
	return store_found(r, err, "open finding", id);
}
