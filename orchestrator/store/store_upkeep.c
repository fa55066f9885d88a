/* What rows still need, and old rows that nobody needs. */
#include "orchestrator/store/private.h"

enum { PRUNE_ROWS = 500, PRUNE_LOOK = 5000 };

int store_blob_is_needed(
	struct store *store, const char *sha, int64_t logs_ms, bool *ret, struct err *err)
{
	int64_t needed = 0;
	int r = db_number(store->db, err, &needed,
		"SELECT EXISTS (SELECT 1 FROM job j JOIN pull p ON p.id = j.pull WHERE j.plan_blob "
		"= $1"
		" AND j.plan_blob <> '' AND (j.state < 10"
		" OR (p.state = 1 AND p.plan_run = j.run AND j.op = 2 AND j.is_applied = 0)"
		" OR EXISTS (SELECT 1 FROM run r WHERE r.state < 10 AND r.plan_run = j.run)))"
		" OR EXISTS (SELECT 1 FROM job WHERE log_blob = $2 AND log_blob <> ''"
		" AND (state < 10 OR ended_ms >= $3))",
		"ssi", sha, sha, logs_ms);

	*ret = needed != 0;
	return r;
}

int store_tree_is_needed(
	struct store *store, struct repo_id repo, const char *tree, bool *ret, struct err *err)
{
	int64_t needed = 0;
	int r = db_number(store->db, err, &needed,
		"SELECT EXISTS (SELECT 1 FROM run r JOIN pull p ON p.id = r.pull WHERE r.tree = $1"
		" AND r.tree <> '' AND p.repo = $2 AND (r.state < 10"
		" OR (p.state = 1 AND p.plan_run = r.id)"
		" OR EXISTS (SELECT 1 FROM job j WHERE j.run = r.id AND j.state < 10)))",
		"si", tree, repo.v);

	*ret = needed != 0;
	return r;
}

int store_job_dir_is_needed(struct store *store, struct job_id job, int attempt, int64_t logs_ms,
	bool *ret, struct err *err)
{
	int64_t needed = 0;
	int r = db_number(store->db, err, &needed,
		"SELECT EXISTS (SELECT 1 FROM job WHERE id = $1 AND (state < 10"
		" OR (state = 13 AND attempt = $2 AND ended_ms >= $3)))",
		"iii", job.v, (int64_t)attempt, logs_ms);

	*ret = needed != 0;
	return r;
}

/* Only the oldest rows are looked at: those that were handled late wait for another round. */
int store_prune(struct store *store, int64_t before_ms, int *ret_count, struct err *err)
{
	int inbox = 0, outbox = 0, r = store_begin_due(store, &store->outbox_next, err);

	if (r == 0)
		r = inbox = db_run(store->db, err,
			"DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id <"
			" (SELECT min(id) FROM inbox) + $1 AND state = 1 AND received_ms < $2"
			" ORDER BY id LIMIT $3)",
			"iii", (int64_t)PRUNE_LOOK, before_ms, (int64_t)PRUNE_ROWS);
	if (r >= 0)
		r = db_run(store->db, err,
			"DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 1"
			" AND due_ms < $1 LIMIT $2)",
			"ii", before_ms, (int64_t)PRUNE_ROWS);
	if (r >= 0) {
		outbox = r;
		r = db_run(store->db, err,
			"DELETE FROM notice WHERE key IN (SELECT n.key FROM notice n WHERE"
			" n.created_ms < $1 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE"
			" o.state = 0 AND o.kind = $2 AND o.key = n.key) LIMIT $3)",
			"iii", before_ms, (int64_t)EFFECT_NOTICE, (int64_t)PRUNE_ROWS);
	}
	if (r < 0)
		return r;
	*ret_count = inbox + outbox + r;
	return 0;
}
