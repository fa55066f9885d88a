/* Repositories and pull requests. */
#include "orchestrator/store/private.h"

int store_repo_upsert(struct store *store, const char *host, const char *name,
	const char *clone_url, struct repo_id *ret, struct err *err)
{
	int r = db_number(store->db, err, &ret->v,
		"SELECT id FROM repo WHERE host = $1 AND name = $2 AND clone_url = $3", "sss", host,
		name, clone_url);

	if (r != -ERR_MISSING)
		return r;
	r = store_begin(store, err);
	if (r < 0)
		return r;
	return db_number(store->db, err, &ret->v,
		"INSERT INTO repo(host, name, clone_url) VALUES($1, $2, $3)"
		" ON CONFLICT(host, name) DO UPDATE SET clone_url = excluded.clone_url RETURNING "
		"id",
		"sss", host, name, clone_url);
}

static void read_repo(struct db_rows *rows, struct arena *arena, struct repo *ret)
{
	ret->id.v = db_int(rows, 0);
	ret->host = db_text(rows, 1, arena);
	ret->name = db_text(rows, 2, arena);
	ret->clone_url = db_text(rows, 3, arena);
}

int store_repo_load(struct store *store, struct arena *arena, struct repo_id id, struct repo *ret,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT id, host, name, clone_url FROM repo WHERE id = $1", "i", id.v);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_repo(&rows, arena, ret);
	return store_found(r, err, "repository", id.v);
}

int store_repo_list(struct store *store, struct arena *arena, struct repo **ret, size_t *ret_count,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct repo *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT id, host, name, clone_url FROM repo ORDER BY id", "");

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_repo(&rows, arena, &list[count++]);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

#define PULL_COLUMNS                                                                               \
	"pull.id, pull.repo, repo.host, repo.name, pull.number, pull.state, pull.author, "         \
	"pull.title, pull.head,"                                                                   \
	" pull.head_ref, pull.base_ref, pull.pusher, pull.head_ledger, pull.head_seen_ms, "        \
	"pull.from_fork, pull.plan_run"                                                            \
	" FROM pull JOIN repo ON repo.id = pull.repo "

static void read_pull(struct db_rows *rows, struct arena *arena, struct pull *ret)
{
	ret->id.v = db_int(rows, 0);
	ret->repo_id.v = db_int(rows, 1);
	ret->host = db_text(rows, 2, arena);
	ret->repo = db_text(rows, 3, arena);
	ret->number = db_int(rows, 4);
	ret->state = (enum pull_state)db_int(rows, 5);
	ret->author = db_text(rows, 6, arena);
	ret->title = db_text(rows, 7, arena);
	ret->head = db_text(rows, 8, arena);
	ret->head_ref = db_text(rows, 9, arena);
	ret->base_ref = db_text(rows, 10, arena);
	ret->pusher = db_text(rows, 11, arena);
	ret->head_ledger = db_int(rows, 12);
	ret->head_seen_ms = db_int(rows, 13);
	ret->from_fork = db_int(rows, 14) != 0;
	ret->plan_run.v = db_int(rows, 15);
}

int store_pull_insert(
	struct store *store, const struct pull *pull, struct pull_id *ret, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_insert(store->db, err, &ret->v,
		"INSERT INTO pull(repo, number, state, author, title, head, head_ref, base_ref, "
		"pusher, head_ledger,"
		" head_seen_ms, from_fork, plan_run) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, "
		"$10, $11, $12, 0)",
		"iiissssssiii", pull->repo_id.v, pull->number, (int64_t)pull->state, pull->author,
		pull->title, pull->head, pull->head_ref, pull->base_ref, pull->pusher,
		pull->head_ledger, store_now(store), (int64_t)pull->from_fork);
}

int store_pull_find(struct store *store, struct arena *arena, struct repo_id repo, int64_t number,
	struct pull *ret, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " PULL_COLUMNS "WHERE pull.repo = $1 AND pull.number = $2", "ii", repo.v,
		number);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_pull(&rows, arena, ret);
	return store_found(r, err, "pull request", number);
}

int store_pull_load(struct store *store, struct arena *arena, struct pull_id id, struct pull *ret,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(
		store->db, &rows, err, "SELECT " PULL_COLUMNS "WHERE pull.id = $1", "i", id.v);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_pull(&rows, arena, ret);
	return store_found(r, err, "pull", id.v);
}

int store_pull_list(struct store *store, struct arena *arena, enum pull_state state, int limit,
	struct pull **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct pull *list = NULL;
	size_t count = 0;
	int r = state == 0 ? db_begin(store->db, &rows, err,
				     "SELECT " PULL_COLUMNS
				     "WHERE pull.state < 4 ORDER BY pull.id DESC LIMIT $1",
				     "i", (int64_t)limit)
			   : db_begin(store->db, &rows, err,
				     "SELECT " PULL_COLUMNS
				     "WHERE pull.state = $1 ORDER BY pull.id DESC LIMIT $2",
				     "ii", (int64_t)state, (int64_t)limit);

	if (r < 0)
		return r;
	while ((r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_pull(&rows, arena, &list[count++]);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_pull_set_head(struct store *store, struct pull_id id, const char *head,
	const char *pusher, int64_t head_ledger, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE pull SET head = $1, pusher = $2, head_ledger = $3, head_seen_ms = "
			"$4 WHERE id = $5",
			"ssiii", head, pusher, head_ledger, store_now(store), id.v);
	return store_found(r, err, "pull", id.v);
}

int store_pull_set_pusher(
	struct store *store, struct pull_id id, const char *pusher, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE pull SET pusher = $1 WHERE id = $2", "si",
			pusher, id.v);
	return store_found(r, err, "pull", id.v);
}

int store_pull_set_base(
	struct store *store, struct pull_id id, const char *base_ref, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE pull SET base_ref = $1 WHERE id = $2", "si",
			base_ref, id.v);
	return store_found(r, err, "pull", id.v);
}

int store_pull_set_state(struct store *store, struct pull_id id, enum pull_state from,
	enum pull_state to, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE pull SET state = $1 WHERE id = $2 AND state = $3", "iii",
			(int64_t)to, id.v, (int64_t)from);
	if (r == 0)
		return err_set(err, ERR_STALE, "pull %lld is no longer %s", (long long)id.v,
			pull_state_name(from));
	return r < 0 ? r : 0;
}

int store_pull_set_plan_run(
	struct store *store, struct pull_id id, struct run_id run, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE pull SET plan_run = $1 WHERE id = $2", "ii",
			run.v, id.v);
	return store_found(r, err, "pull", id.v);
}

int store_pull_find_standing(struct store *store, struct repo_id repo, const char *base_ref,
	struct pull_id *ret, struct err *err)
{
	ret->v = 0;
	return db_number(store->db, err, &ret->v,
		"SELECT id FROM pull WHERE repo = $1 AND number < 0 AND base_ref = $2", "is",
		repo.v, base_ref);
}

int store_pull_standing(struct store *store, struct arena *arena, struct repo_id repo,
	const char *base_ref, struct pull *ret, struct err *err)
{
	struct pull_id id;
	int r = store_pull_find_standing(store, repo, base_ref, &id, err);

	if (r == -ERR_MISSING)
		r = store_begin(store, err);
	if (r == 0 && id.v == 0)
		r = db_number(store->db, err, &id.v,
			"INSERT INTO pull(repo, number, state, author, title, head, head_ref, "
			"base_ref, pusher, head_ledger, head_seen_ms, from_fork, plan_run) "
			"SELECT $1, min(0, coalesce(min(number), 0)) - 1, 4, '', '', '', $2, $3, "
			"'', "
			"0, $4, 0, 0 FROM pull WHERE repo = $5 RETURNING id",
			"issii", repo.v, base_ref, base_ref, store_now(store), repo.v);
	return r < 0 ? r : store_pull_load(store, arena, id, ret, err);
}
