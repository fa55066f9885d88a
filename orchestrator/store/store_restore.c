/* A copy of the whole memory, and what must not be taken up again where a copy comes to life. */
#include "orchestrator/store/private.h"

#include <stdio.h>

int store_copy(const char *from, const char *to, struct err *err)
{
	return db_sqlite_copy(from, to, err);
}

/* Whether they were done after the copy was made nobody knows here. */
static int end_changes(struct store *store, struct err *err)
{
	static const char why[] = "the server was restored from a backup: whether this was done is "
				  "not known here, look and plan again";
	int r = db_run(store->db, err,
		"UPDATE job SET state = $1, failure = $2 WHERE op IN ($3, $4, $5) AND state < $6",
		"isiiii", (int64_t)JOB_INTERRUPTED, why, (int64_t)JOB_APPLY, (int64_t)JOB_IMPORT,
		(int64_t)JOB_STATE_RM, (int64_t)JOB_DONE);

	return r < 0 ? r
		     : db_run(store->db, err,
			       "UPDATE run SET state = $1, failure = $2, ended_ms = $3 WHERE kind "
			       "<> "
			       "$4 AND state < $5",
			       "isiii", (int64_t)RUN_INTERRUPTED, why, store_now(store),
			       (int64_t)RUN_PLAN, (int64_t)RUN_DONE);
}

struct ended {
	struct run_id run;
	struct pull_id pull;
};

static int list_ended(struct store *store, struct arena *arena, struct ended **ret,
	size_t *ret_count, struct err *err)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct ended *list = NULL;
	size_t count = 0;
	int r = db_begin(store->db, &rows, err,
		"SELECT id, pull FROM run WHERE state = $1 AND ended_ms = $2", "ii",
		(int64_t)RUN_INTERRUPTED, store_now(store));

	while (r >= 0 && (r = db_next(&rows)) == 1) {
		list = arena_push(arena, list, count, sizeof(*list));
		list[count++] = (struct ended){ { db_int(&rows, 0) }, { db_int(&rows, 1) } };
	}
	*ret = list;
	*ret_count = count;
	return r < 0 ? r : 0;
}

/* On their pull requests, where people look. */
static int say_ends(struct store *store, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct ended *list = NULL;
	size_t count = 0;
	int r = list_ended(store, &arena, &list, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = store_outbox_put(store,
			&(struct outbox_row){ .kind = EFFECT_COMMENT,
				.class = REPEAT_UPSERT,
				.key = arena_printf(
					&arena, "comment:run:%lld", (long long)list[i].run.v),
				.pull = list[i].pull,
				.run = list[i].run,
				.payload = "final",
				.is_urgent = true,
				.due_ms = store_now(store) },
			err);
	return r;
}

int store_after_restore(struct store *store, const char *made, struct err *err)
{
	_cleanup_free_ char *detail = mem_printf(
		"{\"text\":\"from a backup made at %.40s; applies that were begun or "
		"asked for are interrupted, merges are not asked for again\"}",
		made);
	int r = store_begin(store, err);

	if (r == 0)
		r = end_changes(store, err);
	if (r >= 0)
		r = db_run(store->db, err, "DELETE FROM outbox WHERE kind IN ($1, $2)", "ii",
			(int64_t)EFFECT_MERGE, (int64_t)EFFECT_BRANCH_DELETE);
	if (r >= 0)
		r = db_run(store->db, err, "DELETE FROM outbox WHERE kind = $1 AND class = $2",
			"ii", (int64_t)EFFECT_JOB_START, (int64_t)REPEAT_NEVER);
	if (r >= 0)
		r = say_ends(store, err);
	return r < 0 ? r
		     : store_audit_append(store,
			       &(struct audit_row){
				       .kind = "restored", .actor = "operator", .detail = detail },
			       err);
}
