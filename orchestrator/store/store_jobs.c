/* Jobs. */
#include "orchestrator/store/private.h"

#include <stdio.h>

#define JOB_COLUMNS                                                                                \
	"id, run, pull, op, state, attempt, project, dir, workspace, tool, position, step, "       \
	"outcome, failure, output,"                                                                \
	" summary, plan_blob, log_blob, plan_job, has_changes, is_applied, created_ms, "           \
	"started_ms, ended_ms, recipe, order_group, depends_on, aborts_with_group, guard, "        \
	"goes_alone, not_before_ms FROM job "

static void read_job(struct db_rows *rows, struct arena *arena, struct job *ret)
{
	ret->id.v = db_int(rows, 0);
	ret->run_id.v = db_int(rows, 1);
	ret->pull_id.v = db_int(rows, 2);
	ret->op = (enum job_op)db_int(rows, 3);
	ret->state = (enum job_state)db_int(rows, 4);
	ret->attempt = (int)db_int(rows, 5);
	ret->project = db_text(rows, 6, arena);
	ret->dir = db_text(rows, 7, arena);
	ret->workspace = db_text(rows, 8, arena);
	ret->tool = db_text(rows, 9, arena);
	ret->position = (int)db_int(rows, 10);
	ret->step = db_text(rows, 11, arena);
	ret->outcome = (enum job_outcome)db_int(rows, 12);
	ret->failure = db_text(rows, 13, arena);
	ret->output = db_text(rows, 14, arena);
	ret->summary = db_text(rows, 15, arena);
	ret->plan_blob = db_text(rows, 16, arena);
	ret->log_blob = db_text(rows, 17, arena);
	ret->plan_job.v = db_int(rows, 18);
	ret->has_changes = db_int(rows, 19) != 0;
	ret->is_applied = db_int(rows, 20) != 0;
	ret->created_ms = db_int(rows, 21);
	ret->started_ms = db_int(rows, 22);
	ret->ended_ms = db_int(rows, 23);
	ret->recipe = db_text(rows, 24, arena);
	ret->order_group = (int)db_int(rows, 25);
	ret->depends_on = db_text(rows, 26, arena);
	ret->aborts_with_group = db_int(rows, 27) != 0;
	ret->guard = db_text(rows, 28, arena);
	ret->goes_alone = db_int(rows, 29) != 0;
	ret->not_before_ms = db_int(rows, 30);
}

static int read_jobs(struct db_rows *rows, struct arena *arena, struct job **ret, size_t *ret_count)
{
	struct job *list = NULL;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		read_job(rows, arena, &list[count++]);
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_job_insert(
	struct store *store, const struct job *job, struct job_id *ret, struct err *err)
{
	int r = store_begin(store, err);

	if (r < 0)
		return r;
	return db_insert(store->db, err, &ret->v,
		"INSERT INTO job(run, pull, op, state, attempt, project, dir, workspace, tool, "
		"position, step, outcome,"
		" failure, output, summary, plan_blob, log_blob, plan_job, has_changes, "
		"is_applied, created_ms, started_ms,"
		" ended_ms, recipe, order_group, depends_on, aborts_with_group, guard, goes_alone, "
		"not_before_ms) VALUES($1, "
		"$2, $3, "
		"$4, $5, $6, $7, $8, $9, $10, '', 0, '', '', '', $11, '', $12, 0, 0, $13, 0, 0, "
		"$14, $15, $16, $17, $18, $19, $20)",
		"iiiiissssisiisisisii", job->run_id.v, job->pull_id.v, (int64_t)job->op,
		(int64_t)job->state, (int64_t)job->attempt, job->project, job->dir, job->workspace,
		job->tool, (int64_t)job->position, job->plan_blob, job->plan_job.v,
		store_now(store), job->recipe == NULL ? "" : job->recipe, (int64_t)job->order_group,
		job->depends_on == NULL ? "" : job->depends_on, (int64_t)job->aborts_with_group,
		job->guard == NULL ? "" : job->guard, (int64_t)job->goes_alone, job->not_before_ms);
}

int store_job_load(struct store *store, struct arena *arena, struct job_id id, struct job *ret,
	struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err, "SELECT " JOB_COLUMNS "WHERE id = $1", "i", id.v);

	if (r == 0)
		r = db_next(&rows);
	if (r == 1)
		read_job(&rows, arena, ret);
	return store_found(r, err, "job", id.v);
}

int store_job_move(struct store *store, const struct job *job, enum job_state to, const char *why,
	struct err *err)
{
	int64_t now = store_now(store);
	char subject[32];
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE job SET state = $1, started_ms = CASE WHEN $2 THEN $3 ELSE "
			"started_ms END, ended_ms = CASE WHEN $4 THEN $5 ELSE 0 END WHERE id = $6 "
			"AND state = $7",
			"iiiiiii", (int64_t)to, (int64_t)(to == JOB_STARTING), now,
			(int64_t)job_state_is_final(to), now, job->id.v, (int64_t)job->state);
	if (r == 0)
		return err_set(err, ERR_STALE, "job %lld is no longer %s", (long long)job->id.v,
			job_state_name(job->state));
	if (r < 0)
		return r;
	(void)snprintf(subject, sizeof(subject), "job %lld", (long long)job->id.v);
	return store_history(store, job->run_id.v, subject, job_state_name(job->state),
		job_state_name(to), why, err);
}

int store_job_set_step(struct store *store, struct job_id id, const char *step, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(
			store->db, err, "UPDATE job SET step = $1 WHERE id = $2", "si", step, id.v);
	return store_found(r, err, "job", id.v);
}

int store_job_set_attempt(struct store *store, struct job_id id, int attempt, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "UPDATE job SET attempt = $1 WHERE id = $2", "ii",
			(int64_t)attempt, id.v);
	return store_found(r, err, "job", id.v);
}

int store_job_set_result(struct store *store, const struct job *job, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE job SET outcome = $1, failure = $2, output = $3, summary = $4, "
			"plan_blob = $5, log_blob = $6,"
			" has_changes = $7, step = $8 WHERE id = $9",
			"isssssisi", (int64_t)job->outcome, job->failure, job->output, job->summary,
			job->plan_blob, job->log_blob, (int64_t)job->has_changes, job->step,
			job->id.v);
	return store_found(r, err, "job", job->id.v);
}

int store_job_set_applied(struct store *store, struct job_id plan_job, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err,
			"UPDATE job SET is_applied = 1 WHERE id = $1 AND is_applied = 0", "i",
			plan_job.v);
	if (r == 0)
		return err_set(err, ERR_STALE, "the plan of job %lld was used before",
			(long long)plan_job.v);
	return r < 0 ? r : 0;
}

int store_job_apply_state(
	struct store *store, const struct job *plan, enum job_state *ret, struct err *err)
{
	int64_t state = 0;
	/* by its bytes and place, not its job: a plan that is kept is a job of a later run */
	int r = db_number(store->db, err, &state,
		"SELECT state FROM job WHERE pull = $1 AND op = 3 AND plan_blob = $2 AND dir = $3"
		" AND workspace = $4 ORDER BY id DESC LIMIT 1",
		"isss", plan->pull_id.v, plan->plan_blob, plan->dir, plan->workspace);

	*ret = (enum job_state)state;
	return r;
}

int store_job_list_run(struct store *store, struct arena *arena, struct run_id run,
	struct job **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " JOB_COLUMNS "WHERE run = $1 ORDER BY position, id", "i", run.v);

	return r < 0 ? r : read_jobs(&rows, arena, ret, ret_count);
}

#define STATE_COLUMNS                                                                              \
	"id, run, pull, op, state, attempt, project, dir, workspace, order_group, depends_on, "    \
	"aborts_with_group, position, goes_alone FROM job "

static int read_states(
	struct db_rows *rows, struct arena *arena, struct job **ret, size_t *ret_count)
{
	struct job *list = NULL, *job;
	size_t count = 0;
	int r;

	while ((r = db_next(rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		job = &list[count++];
		*job = (struct job){ 0 };
		job->id.v = db_int(rows, 0);
		job->run_id.v = db_int(rows, 1);
		job->pull_id.v = db_int(rows, 2);
		job->op = (enum job_op)db_int(rows, 3);
		job->state = (enum job_state)db_int(rows, 4);
		job->attempt = (int)db_int(rows, 5);
		job->project = db_text(rows, 6, arena);
		job->dir = db_text(rows, 7, arena);
		job->workspace = db_text(rows, 8, arena);
		job->order_group = (int)db_int(rows, 9);
		job->depends_on = db_text(rows, 10, arena);
		job->aborts_with_group = db_int(rows, 11) != 0;
		job->position = (int)db_int(rows, 12);
		job->goes_alone = db_int(rows, 13) != 0;
	}
	*ret = list;
	*ret_count = count;
	return r;
}

int store_job_list_states(struct store *store, struct arena *arena, struct run_id run,
	struct job **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " STATE_COLUMNS "WHERE run = $1 ORDER BY position, id", "i", run.v);

	return r < 0 ? r : read_states(&rows, arena, ret, ret_count);
}

int store_job_list_open(struct store *store, struct arena *arena, enum job_state state, int limit,
	struct job **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = db_begin(store->db, &rows, err,
		"SELECT " STATE_COLUMNS "WHERE state = $1 AND state < 10 ORDER BY id LIMIT $2",
		"ii", (int64_t)state, (int64_t)limit);

	return r < 0 ? r : read_states(&rows, arena, ret, ret_count);
}

int store_job_list_state(struct store *store, struct arena *arena, enum job_state state, int limit,
	struct job **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r;

	if (job_state_is_final(state))
		return err_set(err, ERR_BUG, "jobs that ended are not listed by their state");
	r = db_begin(store->db, &rows, err,
		"SELECT " JOB_COLUMNS "WHERE state = $1 AND state < 10 ORDER BY id LIMIT $2", "ii",
		(int64_t)state, (int64_t)limit);
	return r < 0 ? r : read_jobs(&rows, arena, ret, ret_count);
}

int store_job_list_waiting(struct store *store, struct arena *arena, bool is_drift, int limit,
	struct job **ret, size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	int r = is_drift ? db_begin(store->db, &rows, err,
				   "SELECT " STATE_COLUMNS "WHERE state = 2 AND op = 7 AND "
				   "not_before_ms <= $1 ORDER BY id LIMIT $2",
				   "ii", store_now(store), (int64_t)limit)
			 : db_begin(store->db, &rows, err,
				   "SELECT " STATE_COLUMNS "WHERE state = 2 AND op < 7 ORDER BY id "
				   "LIMIT $1",
				   "i", (int64_t)limit);

	return r < 0 ? r : read_states(&rows, arena, ret, ret_count);
}

int store_job_next_waiting(struct store *store, int64_t after_ms, int64_t *ret_ms, struct err *err)
{
	return db_number(store->db, err, ret_ms,
		"SELECT not_before_ms FROM job WHERE state = 2 AND op = 7 AND not_before_ms > $1 "
		"ORDER BY not_before_ms LIMIT 1",
		"i", after_ms);
}
