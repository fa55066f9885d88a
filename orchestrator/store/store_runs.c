/* Runs. Their state changes in one place only, together with its line of history. */
#include "orchestrator/store/private.h"

#include <stdio.h>

#define RUN_COLUMNS                                                                                \
	"id, pull, kind, state, head, base, tree, actor, comment_id, only_dir, only_workspace, "   \
	"only_project, extra_args,"                                                                \
	" prepared, failure, plan_run, created_ms, started_ms, ended_ms, created_ledger, "         \
	"ended_ledger, told, reason FROM run "

static void read_run(struct db_rows *rows, struct arena *arena, struct run *ret)
{
	ret->id.v = db_int(rows, 0);
	ret->pull_id.v = db_int(rows, 1);
	ret->kind = (enum run_kind)db_int(rows, 2);
	ret->state = (enum run_state)db_int(rows, 3);
	ret->head = db_text(rows, 4, arena);
	ret->base = db_text(rows, 5, arena);
	ret->tree = db_text(rows, 6, arena);
	ret->actor = db_text(rows, 7, arena);
	ret->comment_id = db_text(rows, 8, arena);
	ret->only_dir = db_text(rows, 9, arena);
	ret->only_workspace = db_text(rows, 10, arena);
	ret->only_project = db_text(rows, 11, arena);
	ret->extra_args = db_text(rows, 12, arena);
	ret->prepared = db_text(rows, 13, arena);
	ret->failure = db_text(rows, 14, arena);
	ret->plan_run.v = db_int(rows, 15);
	ret->created_ms = db_int(rows, 16);
	ret->started_ms = db_int(rows, 17);
	ret->ended_ms = db_int(rows, 18);
	ret->created_ledger = db_int(rows, 19);
	ret->ended_ledger = db_int(rows, 20);
	ret->told = db_text(rows, 21, arena);
	ret->reason = db_text(rows, 22, arena);
}

static int read_runs(struct db_rows *rows, struct arena *arena, struct run **ret, size_t *ret_count)
{
	struct run *list = NULL;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_run(rows, arena, &list[count++]);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_run_insert(
	struct store *store, const struct run *run, struct run_id *ret, struct err *err)
{
	int64_t ledger = 0;
	int r = store_begin(store, err);

	if (r == 0)
		r = store_ledger_newest(store, &ledger, err);
	if (r < 0)
		return r;
	return db_insert(store->db, err, &ret->v,
		"INSERT INTO run(pull, kind, state, head, base, tree, actor, comment_id, only_dir, "
		"only_workspace,"
		" only_project, extra_args, prepared, failure, plan_run, created_ms, started_ms, "
		"ended_ms, created_ledger,"
		" ended_ledger, reason) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
		"$13, $14, $15, $16, 0, 0, $17, 0, $18)",
		"iiisssssssssssiiis", run->pull_id.v, (int64_t)run->kind, (int64_t)run->state,
		run->head, run->base, run->tree, run->actor, run->comment_id, run->only_dir,
		run->only_workspace, run->only_project, run->extra_args, run->prepared,
		run->failure, run->plan_run.v, store_now(store), ledger,
		run->reason == NULL ? "" : run->reason);
}

int store_run_load(struct store *store, struct arena *arena, struct run_id id, struct run *ret,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " RUN_COLUMNS "WHERE id = $1", "i", id.v);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_run(&rows, arena, ret);
	return store_found(r, err, "run", id.v);
}

int store_run_move(struct store *store, struct run_id id, enum run_state from, enum run_state to,
	const char *why, struct err *err)
{
	int64_t now = store_now(store), ledger = 0;
	char subject[32];
	int r = store_begin(store, err);

	if (r == 0 && run_state_is_final(to))
		r = store_ledger_newest(store, &ledger, err);
	if (r < 0)
		return r;
	r = db_run(store->db, err,
		"UPDATE run SET state = $1, started_ms = CASE WHEN started_ms = 0 AND state = 1 "
		"THEN $2 ELSE started_ms END,"
		" ended_ms = CASE WHEN $3 THEN $4 ELSE 0 END, ended_ledger = $5 WHERE id = $6 AND "
		"state = $7",
		"iiiiiii", (int64_t)to, now, (int64_t)run_state_is_final(to), now, ledger, id.v,
		(int64_t)from);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_STALE, "run %lld is no longer %s", (long long)id.v,
			run_state_name(from));
	(void)snprintf(subject, sizeof(subject), "run %lld", (long long)id.v);
	return store_history(
		store, id.v, subject, run_state_name(from), run_state_name(to), why, err);
}

int store_run_set_prepared(struct store *store, struct run_id id, const char *base,
	const char *tree, const char *prepared, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE run SET base = $1, tree = $2, prepared = $3 WHERE id = $4", "sssi",
			base, tree, prepared, id.v);
	return store_found(r, err, "run", id.v);
}

int store_run_set_told(struct store *store, struct run_id id, const char *told, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(
			store->db, err, "UPDATE run SET told = $1 WHERE id = $2", "si", told, id.v);
	return store_found(r, err, "run", id.v);
}

int store_release_put(struct store *store, struct pull_id pull, const char *head,
	const char *commands_hash, const char *actor, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO released(pull, head, commands_hash, actor, at_ms)"
			" VALUES($1, $2, $3, $4, $5)",
			"isssi", pull.v, head, commands_hash, actor, store_now(store));
	return r < 0 ? r : 0;
}

int store_release_find(struct store *store, struct arena *arena, struct pull_id pull,
	const char *head, const char *commands_hash, const char **ret_actor, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT actor FROM released WHERE pull = $1 AND head = $2 AND commands_hash = $3"
		" ORDER BY id LIMIT 1",
		"iss", pull.v, head, commands_hash);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		*ret_actor = db_text(&rows, 0, arena);
	return store_found(r, err, "release of pull request", pull.v);
}

int store_run_set_failure(
	struct store *store, struct run_id id, const char *failure, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE run SET failure = $1 WHERE id = $2", "si",
			failure, id.v);
	return store_found(r, err, "run", id.v);
}

int store_run_list_pull(struct store *store, struct arena *arena, struct pull_id pull,
	bool only_active, struct run **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " RUN_COLUMNS "WHERE pull = $1 AND state < $2 ORDER BY id", "ii", pull.v,
		only_active ? (int64_t)RUN_DONE : (int64_t)1000);

	return r < 0 ? r : read_runs(&rows, arena, ret, ret_count);
}

int store_run_has_head(struct store *store, struct pull_id pull, const char *head, bool only_plans,
	int64_t above, int64_t below, bool *ret, struct err *err)
{
	int64_t has = 0;
	int r = db_number(store->db, err, &has,
		"SELECT EXISTS (SELECT 1 FROM run WHERE pull = $1 AND id > $2 AND id < $3 AND head "
		"= $4 AND (kind = 1 OR $5 = 0))",
		"iiisi", pull.v, above, below, head, (int64_t)only_plans);

	*ret = has != 0;
	return r;
}

int store_run_list_recent(struct store *store, struct arena *arena, int limit, struct run **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " RUN_COLUMNS "ORDER BY id DESC LIMIT $1",
		"i", (int64_t)limit);

	return r < 0 ? r : read_runs(&rows, arena, ret, ret_count);
}

int store_run_list_active(struct store *store, struct arena *arena, struct run **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(
		store->db, &rows, err, "SELECT " RUN_COLUMNS "WHERE state < 10 ORDER BY id", "");

	return r < 0 ? r : read_runs(&rows, arena, ret, ret_count);
}
