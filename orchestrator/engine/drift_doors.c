/* What people ask for and say about drift, from the command line and the interface. */
#include "orchestrator/engine/drift.h"

static int find_repo(struct engine *engine, struct arena *arena, const struct drift_asked *asked,
	struct repo_id *ret, struct err *err)
{
	struct repo *repos = NULL;
	size_t count = 0, found = 0;
	int r = store_repo_list(engine->store, arena, &repos, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if ((!str_empty(asked->repo) && !str_equal(asked->repo, repos[i].name)) ||
			(!str_empty(asked->host) && !str_equal(asked->host, repos[i].host)))
			continue;
		*ret = repos[i].id;
		found++;
	}
	if (r < 0 || found == 1)
		return r;
	return err_user(err, ERR_USAGE,
		found == 0 ? "no pull request of %s was ever seen here"
			   : "several repositories are known here, %s among "
			     "them: say --repo and --host",
		str_empty(asked->repo) ? repos == NULL ? "any repository" : repos[0].name
				       : asked->repo);
}

static int begin(struct engine *engine, struct arena *arena, const struct drift_asked *asked,
	struct run_id *ret, struct err *err)
{
	struct drift_slot_row slot = { .base_ref = str_empty(asked->base_ref) ? "main"
									      : asked->base_ref,
		.environment = asked->environment,
		.slot_ms = engine_now(engine),
		.schedule = "",
		.asked_by = asked->actor,
		.project = asked->project };
	int r = find_repo(engine, arena, asked, &slot.repo, err);

	return r < 0 ? r : drift_request(engine, arena, &slot, 0, ret, err);
}

/* One savepoint, like any event: what fails leaves nothing. */
static int end_door(
	struct engine *engine, int r, engine_accepted_cb accepted, void *owner, struct err *err)
{
	if (r == 0)
		r = store_keep(engine->store, err);
	else
		store_undo(engine->store);
	if (r == 0)
		engine_after_commit(engine, accepted, owner);
	return r;
}

int engine_drift_run(struct engine *engine, const struct drift_asked *asked,
	engine_accepted_cb accepted, void *owner, struct run_id *ret, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int r = store_mark(engine->store, err);

	if (r < 0)
		return r;
	return end_door(engine, begin(engine, &arena, asked, ret, err), accepted, owner, err);
}

static int say(struct engine *engine, struct arena *arena, int64_t id,
	const struct drift_said *said, struct err *err)
{
	static const char *const words[] = { [DRIFT_WORD_ACK] = "drift acknowledged",
		[DRIFT_WORD_SNOOZE] = "drift snoozed",
		[DRIFT_WORD_WAKE] = "drift woken",
		[DRIFT_WORD_BASELINE] = "drift accepted" };
	struct drift_item item;
	int64_t subject = 0;
	int r = store_drift_item_load(engine->store, arena, id, &subject, &item, err);

	if (r < 0)
		return r;
	drift_say(&item, said);
	r = store_drift_item_put(engine->store, subject, &item, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, words[said->word], said->by,
			       (struct pull_id){ 0 }, (struct run_id){ 0 }, err, "d%lld %s: %s",
			       (long long)id, item.address, said->reason);
}

int engine_drift_say(struct engine *engine, int64_t item, const struct drift_said *said,
	engine_accepted_cb accepted, void *owner, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int r = store_mark(engine->store, err);

	return r < 0 ? r
		     : end_door(engine, say(engine, &arena, item, said, err), accepted, owner, err);
}
