/* Locks: one row for each pull that holds or wants a project; the queue is the order of the rows.
 */
#include "orchestrator/store/private.h"

int store_lock_take(struct store *store, struct repo_id repo, const char *dir,
	const char *workspace, struct pull_id pull, enum lock_mode mode, int *ret_place,
	struct err *err)
{
	int64_t place = 0;
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"INSERT INTO lock(repo, dir, workspace, pull, mode, is_held, since_ms) "
			"VALUES($1, $2, $3, $4, $5,"
			" NOT EXISTS (SELECT 1 FROM lock WHERE repo = $6 AND dir = $7 AND "
			"workspace = $8), $9)"
			" ON CONFLICT(repo, dir, workspace, pull) DO UPDATE SET mode = "
			"excluded.mode",
			"issiiissi", repo.v, dir, workspace, pull.v, (int64_t)mode, repo.v, dir,
			workspace, store_now(store));
	if (r < 0)
		return r;
	r = db_number(store->db, err, &place,
		"SELECT CASE WHEN mine.is_held = 1 THEN 0 ELSE (SELECT count(*) FROM lock other "
		"WHERE other.repo = mine.repo"
		" AND other.dir = mine.dir AND other.workspace = mine.workspace AND other.is_held "
		"= 0 AND other.id <= mine.id)"
		" END FROM lock mine WHERE mine.repo = $1 AND mine.dir = $2 AND mine.workspace = "
		"$3 AND mine.pull = $4",
		"issi", repo.v, dir, workspace, pull.v);
	*ret_place = (int)place;
	return r;
}

int store_lock_release(struct store *store, struct repo_id repo, const char *dir,
	const char *workspace, struct pull_id pull, struct pull_id *ret_next, struct err *err)
{
	int64_t was_held = 0;
	int r = store_begin(store, err);

	ret_next->v = 0;
	if (r < 0)
		return r;
	r = db_number(store->db, err, &was_held,
		"DELETE FROM lock WHERE repo = $1 AND dir = $2 AND workspace = $3 AND pull = $4 "
		"RETURNING is_held",
		"issi", repo.v, dir, workspace, pull.v);
	if (r == -ERR_MISSING || (r == 0 && was_held == 0))
		return 0;
	if (r < 0)
		return r;
	r = db_number(store->db, err, &ret_next->v,
		"UPDATE lock SET is_held = 1, is_come = 1, since_ms = $1 WHERE id = (SELECT "
		"min(id) FROM lock "
		"WHERE repo = $2 AND dir = $3"
		" AND workspace = $4) RETURNING pull",
		"iiss", store_now(store), repo.v, dir, workspace);
	return r == -ERR_MISSING ? 0 : r;
}

int store_lock_came(struct store *store, struct pull_id pull, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE lock SET is_come = 0 WHERE pull = $1 AND is_come = 1", "i", pull.v);
	return r < 0 ? r : 0;
}

/* The holder's row is the oldest of its project: who stands before a row is waited for by it. */
int store_lock_in_circle(struct store *store, struct pull_id pull, bool *ret, struct err *err)
{
	int64_t is_in = 0;
	int r = db_number(store->db, err, &is_in,
		"WITH RECURSIVE before(pull) AS (SELECT other.pull FROM lock mine JOIN lock other "
		"ON other.repo = mine.repo AND other.dir = mine.dir AND other.workspace = "
		"mine.workspace AND other.id < mine.id WHERE mine.pull = $1"
		" UNION SELECT other.pull FROM before JOIN lock mine ON mine.pull = before.pull "
		"JOIN lock other ON other.repo = mine.repo AND other.dir = mine.dir AND "
		"other.workspace = mine.workspace AND other.id < mine.id)"
		" SELECT EXISTS (SELECT 1 FROM before WHERE pull = $2)",
		"ii", pull.v, pull.v);

	*ret = is_in != 0;
	return r;
}

/* Of the plans of a set, those that are neither without changes nor applied well. By bytes and
 * place: a plan that is kept is a job of a later run. */
#define IS_LEFT(k)                                                                                 \
	"NOT (" k ".state = 10 AND (" k ".has_changes = 0 OR (SELECT done.state FROM job done "    \
	"WHERE done.pull = " k ".pull AND done.op = 3 AND done.plan_blob = " k ".plan_blob AND "   \
	"done.dir = " k ".dir AND done.workspace = " k ".workspace ORDER BY done.id DESC LIMIT 1)" \
	" IS 10))"

int store_lock_is_needed(struct store *store, const struct lock_row *lock, int64_t planned_since_ms,
	bool *ret, struct err *err)
{
	int64_t needed = 0, pull = lock->pull.v;
	const char *dir = lock->dir, *workspace = lock->workspace;
	int r = db_number(store->db, err, &needed,
		/* something is to be done, or is chosen just now */
		"SELECT EXISTS (SELECT 1 FROM job WHERE pull = $1 AND dir = $2 AND workspace = $3 "
		"AND state < 10 AND op <> 1)"
		" OR EXISTS (SELECT 1 FROM run WHERE pull = $4 AND state < 10 AND state <> 3)"
		/* it is kept at all */
		" OR ((SELECT mode FROM lock WHERE pull = $5 AND dir = $6 AND workspace = $7)"
		" IS NOT 2 AND ("
		/* a plan with changes, until everything of its set is applied or it is too old */
		"EXISTS (SELECT 1 FROM pull p JOIN run r ON r.id = p.plan_run JOIN job j ON "
		"j.run = r.id WHERE p.id = $8"
		" AND p.state = 1 AND r.head = p.head AND r.state NOT IN (12, 13)"
		" AND (r.ended_ms = 0 OR r.ended_ms > $9) AND j.dir = $10 "
		"AND j.workspace = $11 AND j.op = 2 AND j.state = 10 AND j.has_changes = 1"
		" AND EXISTS (SELECT 1 FROM job k WHERE k.run = r.id AND k.op = 2 AND " IS_LEFT(
			"k") "))"
			     /* an apply that failed, or of which nobody knows the end */
			     " OR EXISTS (SELECT 1 FROM pull p JOIN run r ON r.pull = p.id AND "
			     "r.plan_run = "
			     "p.plan_run AND r.kind = 2"
			     " JOIN job j ON j.run = r.id WHERE p.id = $12 AND p.state = 1 AND "
			     "p.plan_run <> 0 "
			     "AND j.dir = $13"
			     " AND j.workspace = $14 AND j.state IN (11, 13))"
			     " OR EXISTS (SELECT 1 FROM pull p JOIN run r ON r.id = p.plan_run AND "
			     "r.kind IN "
			     "(3, 4) JOIN job j ON"
			     " j.run = r.id WHERE p.id = $15 AND p.state = 1 AND j.dir = $16 AND "
			     "j.workspace = "
			     "$17 AND j.state = 13)))",
		"issiissiissississ", pull, dir, workspace, pull, pull, dir, workspace, pull,
		planned_since_ms, dir, workspace, pull, dir, workspace, pull, dir, workspace);

	*ret = needed != 0;
	return r;
}

/* Since the plan began to read the state: what ended before that it has seen. Clocks jump, but rows
 * of the history come one after the other. By bytes: a plan that was kept is a later job. */
int store_project_changed(struct store *store, struct repo_id repo, const struct job *plan,
	int64_t *ret_number, struct err *err)
{
	int r = db_number(store->db, err, ret_number,
		"SELECT p.number FROM pull p JOIN job j ON j.pull = p.id WHERE p.repo = $1 AND "
		"p.id <> $2 AND j.dir = $3 AND j.workspace = $4 AND j.op IN (3, 4, 5)"
		" AND j.started_ms > 0 AND EXISTS (SELECT 1 FROM history h WHERE h.run = j.run "
		"AND h.subject = 'job ' || j.id AND h.id > (SELECT coalesce(max(s.id), 0) FROM "
		"job k JOIN history s ON s.run = k.run AND s.subject = 'job ' || k.id AND "
		"s.to_state = 'starting' WHERE k.plan_blob = $5 AND k.op = 2 AND k.pull = $6))"
		" ORDER BY j.id DESC LIMIT 1",
		"iisssi", repo.v, plan->pull_id.v, plan->dir, plan->workspace, plan->plan_blob,
		plan->pull_id.v);

	if (r == -ERR_MISSING)
		*ret_number = 0;
	return r == -ERR_MISSING ? 0 : r;
}

int store_lock_is_in_use(struct store *store, struct pull_id pull, const char *dir,
	const char *workspace, bool *ret, struct err *err)
{
	int64_t in_use = 0;
	int r = db_number(store->db, err, &in_use,
		"SELECT EXISTS (SELECT 1 FROM job WHERE pull = $1 AND dir = $2 AND workspace = $3 "
		"AND state < 10 AND op NOT IN (1, 2))",
		"iss", pull.v, dir, workspace);

	*ret = in_use != 0;
	return r;
}

#define LOCK_COLUMNS                                                                               \
	"lock.repo, lock.dir, lock.workspace, lock.pull, pull.number, repo.name, pull.author, "    \
	"lock.since_ms, lock.is_come, lock.id, lock.mode"
#define LOCK_TABLES " FROM lock JOIN pull ON pull.id = lock.pull JOIN repo ON repo.id = lock.repo "
#define PLACE                                                                                      \
	", (SELECT count(*) FROM lock other WHERE other.repo = lock.repo AND other.dir = lock.dir" \
	" AND other.workspace = lock.workspace AND other.id < lock.id)"

static bool is_same_project(const struct lock_row *a, const struct lock_row *b)
{
	return a->repo.v == b->repo.v && str_equal(a->dir, b->dir) &&
	       str_equal(a->workspace, b->workspace);
}

/* The holder's row is the oldest of its project. Without PLACE among the columns whole queues are
 * read, one after the other. */
static int read_locks(struct db_rows *rows, struct arena *arena, bool has_place,
	struct lock_row **ret, size_t *ret_count)
{
	struct lock_row *list = NULL;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		struct lock_row *row;

		list = arena_push(arena, list, count, sizeof(*list));
		row = &list[count++];
		row->repo.v = db_int(rows, 0);
		row->dir = db_text(rows, 1, arena);
		row->workspace = db_text(rows, 2, arena);
		row->pull.v = db_int(rows, 3);
		row->pull_number = db_int(rows, 4);
		row->repo_name = db_text(rows, 5, arena);
		row->author = db_text(rows, 6, arena);
		row->since_ms = db_int(rows, 7);
		row->is_come = db_int(rows, 8) != 0;
		row->id = db_int(rows, 9);
		row->mode = (enum lock_mode)db_int(rows, 10);
		row->place = has_place					  ? (int)db_int(rows, 11)
			     : count > 1 && is_same_project(row, row - 1) ? row[-1].place + 1
									  : 0;
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_lock_list_pull(struct store *store, struct arena *arena, struct pull_id pull,
	struct lock_row **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " LOCK_COLUMNS PLACE LOCK_TABLES "WHERE lock.pull = $1 ORDER BY lock.id",
		"i", pull.v);

	return r < 0 ? r : read_locks(&rows, arena, true, ret, ret_count);
}

int store_lock_list_project(struct store *store, struct arena *arena, struct repo_id repo,
	const char *dir, const char *workspace, struct lock_row **ret, size_t *ret_count,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " LOCK_COLUMNS LOCK_TABLES
		"WHERE lock.repo = $1 AND lock.dir = $2 AND lock.workspace "
		"= $3 ORDER BY lock.id",
		"iss", repo.v, dir, workspace);

	return r < 0 ? r : read_locks(&rows, arena, false, ret, ret_count);
}

int store_lock_list(struct store *store, struct arena *arena, struct lock_row **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " LOCK_COLUMNS LOCK_TABLES
		"ORDER BY lock.repo, lock.dir, lock.workspace, lock.id",
		"");

	return r < 0 ? r : read_locks(&rows, arena, false, ret, ret_count);
}
