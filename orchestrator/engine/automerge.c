/* A pull request of which everything is applied is merged, where the configuration says so, and its
 * branch deleted. Both are effects that look for what stands there first: a reply that was lost, or
 * a crash, makes no second merge. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/steps.h"

enum { REFUSED_TRIES = 3 }; /* a host may see our status a moment later */

/* What the recipes of a plan set say together: one project that does not want it is enough. */
struct wishes {
	bool merges, deletes;
};

static int wishes_read(const struct job *jobs, size_t count, struct arena *arena,
	struct wishes *ret, struct err *err)
{
	*ret = (struct wishes){ .merges = count > 0, .deletes = count > 0 };
	for (size_t i = 0; i < count; i++) {
		struct recipe recipe;
		int r = 0;

		if (jobs[i].op != JOB_PLAN)
			continue;
		r = recipe_read(jobs[i].recipe, arena, &recipe, err);
		if (r < 0)
			return r;
		ret->merges = ret->merges && recipe.automerges;
		ret->deletes = ret->deletes && recipe.deletes_branch;
	}
	return 0;
}

/* Nothing newer came: what was applied is what the pull request is. */
static bool is_newest(const struct pull *pull, const struct run *run)
{
	return pull->state == PULL_OPEN && str_equal(pull->head, run->head) &&
	       pull->plan_run.v == run->plan_run.v;
}

int automerge_consider(
	struct engine *engine, struct arena *arena, struct run_id id, struct err *err)
{
	struct wishes wishes = { 0 };
	struct merges merges = { 0 };
	struct job *jobs = NULL;
	size_t count = 0, left = 0;
	struct run run, plan_run;
	struct pull pull;
	int r = store_run_load(engine->store, arena, id, &run, err);

	if (r < 0 || run.kind != RUN_APPLY || run.state != RUN_DONE)
		return r;
	r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	if (r == 0)
		r = store_job_list_run(engine->store, arena, run.plan_run, &jobs, &count, err);
	if (r == 0)
		r = wishes_read(jobs, count, arena, &wishes, err);
	if (r == 0 && wishes.merges)
		r = apply_left(engine, jobs, count, &left, err);
	if (r == 0 && wishes.merges && left == 0)
		r = store_run_load(engine->store, arena, run.plan_run, &plan_run, err);
	if (r == 0 && wishes.merges && left == 0)
		r = merges_read(engine, arena, &pull, &plan_run, jobs, count, &merges, err);
	if (r < 0 || !wishes.merges || left > 0 || !merges.is_open || !is_newest(&pull, &run))
		return r;
	return effect_put(engine, EFFECT_MERGE, REPEAT_UPSERT,
		arena_printf(arena, "merge:%lld:%s", (long long)pull.id.v, run.head), &pull, run.id,
		(struct job_id){ 0 }, "", 0, err);
}

/* Only what was applied is merged: the head goes with the call, and the host compares. */
int automerge_request(struct engine *engine, struct arena *arena, const struct outbox_row *row,
	const struct pull *pull, struct host_request *ret, struct err *err)
{
	struct run run;
	int r = store_run_load(engine->store, arena, row->run, &run, err);

	if (r < 0)
		return r;
	*ret = (struct host_request){ .call = row->kind == EFFECT_MERGE ? HOST_MERGE
									: HOST_BRANCH_DELETE,
		.repo = pull->repo,
		.number = pull->number,
		.head = run.head,
		.method = engine_settings(engine, run.id)->defaults.merge_method };
	return 0;
}

/* ---- answers ---- */

static int merged(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct run *run, struct err *err)
{
	struct wishes wishes = { 0 };
	struct job *jobs = NULL;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, run->plan_run, &jobs, &count, err);

	if (r == 0)
		r = wishes_read(jobs, count, arena, &wishes, err);
	if (r == 0 && wishes.deletes && !pull->from_fork)
		r = effect_put(engine, EFFECT_BRANCH_DELETE, REPEAT_UPSERT,
			arena_printf(arena, "branch:%lld:%s", (long long)pull->id.v, run->head),
			pull, run->id, (struct job_id){ 0 }, "", 0, err);
	if (r < 0 || pull->state != PULL_OPEN)
		return r; /* the host's own word was quicker */
	return pull_close(engine, arena, pull, PULL_MERGED, "sluice", err);
}

static int not_merged(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct err *why, struct err *err)
{
	struct reply reply = { .asked = "merge",
		.actor = run->actor,
		.is_unguarded = engine_is_unguarded(engine),
		.why = arena_strdup(arena, why->text),
		.next = why->code == ERR_STALE
				? "What was applied is not what would be merged now: review the "
				  "newer push, and comment `sluice plan`."
				: "Everything is applied: when that is mended, merge it by hand.",
		.marker = arena_printf(
			arena, "sluice:merge:%lld:%.12s", (long long)pull->id.v, run->head) };
	int r = effect_put(engine, EFFECT_REPLY, REPEAT_UPSERT, reply.marker, pull, run->id,
		(struct job_id){ 0 }, render_reply(&reply, arena), 0, err);

	return r < 0 ? r
		     : engine_audit(engine, arena, "merge refused", "sluice", pull->id, run->id,
			       err, "%s#%lld at %s: %s", pull->repo, (long long)pull->number,
			       run->head, why->text);
}

bool automerge_tries_again(const struct posted *posted)
{
	return posted->effect == EFFECT_MERGE && posted->err.code == ERR_REFUSED &&
	       posted->tries < REFUSED_TRIES;
}

int automerge_answered(struct engine *engine, const struct posted *posted, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct pull pull;
	struct run run;
	int r;

	if (posted->effect == EFFECT_STATUS)
		return automerge_consider(engine, &arena, posted->run, err);
	if (posted->effect != EFFECT_MERGE)
		return 0;
	r = store_run_load(engine->store, &arena, posted->run, &run, err);
	if (r == 0)
		r = store_pull_load(engine->store, &arena, run.pull_id, &pull, err);
	if (r < 0)
		return r;
	return posted->failed ? not_merged(engine, &arena, &pull, &run, &posted->err, err)
			      : merged(engine, &arena, &pull, &run, err);
}
