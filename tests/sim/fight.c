/* A hundred pull requests want twenty projects, one to four each. People look at theirs now and
 * then and do what is next: approve, apply, plan again what failed, merge what is applied. All of
 * them must come to their end. */
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

enum { LOOKS = 12, FIGHT_STEPS = 4000 };

/* The first signs of a head say which folders it touches: those that are odd. */
static void choose(struct world *world, struct fake_pull *pull)
{
	size_t wanted = 1 + roll(world, 4);

	for (size_t i = 0; i < DIRS_MAX; i++)
		pull->head[i] = "02468bdf"[roll(world, 8)];
	while (wanted-- > 0)
		pull->head[roll(world, DIRS_MAX)] = "13579ace"[roll(world, 8)];
}

enum next { NEXT_WAIT, NEXT_TELL, NEXT_PLAN, NEXT_APPLY, NEXT_MERGE };

static enum next next_of_plans(struct world *world, struct arena *arena, const struct run *run)
{
	struct job *jobs = NULL;
	size_t count = 0;
	bool is_left = false;
	struct err err;

	if (store_job_list_run(world->store, arena, run->id, &jobs, &count, &err) < 0)
		return NEXT_WAIT;
	for (size_t i = 0; i < count; i++) {
		enum job_state state = JOB_DONE;

		if (jobs[i].op != JOB_PLAN || !jobs[i].has_changes)
			continue;
		is_left = is_left || !jobs[i].is_applied;
		if (jobs[i].is_applied &&
			store_job_apply_state(world->store, &jobs[i], &state, &err) == 0 &&
			state != JOB_DONE)
			return job_state_is_final(state) ? NEXT_PLAN : NEXT_WAIT;
	}
	if (!is_left)
		return NEXT_MERGE;
	/* without a lock since the plan, the apply may be refused: somebody else was first */
	return roll(world, world->lock_mode == LOCK_ON_PLAN ? 20 : 3) == 0 ? NEXT_PLAN : NEXT_APPLY;
}

static enum next next_of(struct world *world, int64_t number)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct pull pull;
	struct run run;
	struct err err;

	if (store_pull_find(world->store, &arena, (struct repo_id){ 1 }, number, &pull, &err) < 0 ||
		!str_equal(pull.head, world->pulls[number].head) || pull.state != PULL_OPEN)
		return NEXT_TELL;
	if (pull.plan_run.v == 0)
		return NEXT_PLAN;
	if (store_run_load(world->store, &arena, pull.plan_run, &run, &err) < 0 ||
		!run_state_is_final(run.state))
		return NEXT_WAIT;
	return run.state == RUN_DONE ? next_of_plans(world, &arena, &run) : NEXT_PLAN;
}

static void look(struct world *world, int64_t number)
{
	static const char *const authors[] = { "bob", "carol" };
	struct fake_pull *pull = &world->pulls[number];
	const char *author = authors[number % 2];

	if (!pull->exists) {
		pull->exists = pull->open = true;
		snprintf(pull->author, sizeof(pull->author), "%s", author);
		snprintf(pull->pusher, sizeof(pull->pusher), "%s", author);
		memset(pull->head, '0', OID_HEX);
		snprintf(pull->head + DIRS_MAX, sizeof(pull->head) - DIRS_MAX, "%020lld",
			(long long)number);
		choose(world, pull);
		world_tell(world, VCS_PULL_OPENED, number, author, "");
		return;
	}
	if (!pull->open)
		return;
	if (roll(world, 400) == 0) { /* other folders */
		choose(world, pull);
		world_tell(world, VCS_PULL_PUSHED, number, author, "");
		return;
	}
	switch (next_of(world, number)) {
	case NEXT_TELL:
		world_tell(world, VCS_PULL_PUSHED, number, author, "");
		break;
	case NEXT_PLAN:
		world_tell(world, VCS_COMMENT, number, author, "plan");
		break;
	case NEXT_APPLY:
		world_tell(world, VCS_APPROVED, number, "dave", "");
		/* nobody told who pushed: one is not enough */
		world_tell(world, VCS_APPROVED, number, authors[(number + 1) % 2], "");
		world_tell(world, VCS_COMMENT, number, author, "apply");
		break;
	case NEXT_MERGE:
		pull->open = false;
		world_tell(world, VCS_PULL_MERGED, number, author, "");
		break;
	case NEXT_WAIT:
		break;
	}
}

static bool is_over(const struct world *world)
{
	for (int64_t i = 1; i <= world->pull_count; i++) {
		if (!world->pulls[i].exists || world->pulls[i].open)
			return false;
	}
	return true;
}

/* Who is next gives its place away: the oracle must see it. */
static void break_queue(struct world *world)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct lock_row *locks = NULL;
	struct pull_id next;
	size_t count = 0;
	struct err err;
	int place;

	if (!str_equal(world->breaks, "queue") ||
		store_lock_list(world->store, &arena, &locks, &count, &err) < 0)
		return;
	for (size_t i = 0; i + 1 < count; i++) {
		struct lock_row *one = &locks[i];

		if (one->place != 1 || locks[i + 1].place != 2)
			continue;
		if (store_lock_release(world->store, one->repo, one->dir, one->workspace, one->pull,
			    &next, &err) < 0 ||
			store_lock_take(world->store, one->repo, one->dir, one->workspace,
				one->pull, one->mode, &place, &err) < 0)
			return;
	}
}

void fight(struct world *world)
{
	for (int i = 0; i < FIGHT_STEPS && world->wrong == NULL && !is_over(world); i++) {
		for (int k = 0; k < LOOKS; k++)
			look(world, 1 + roll(world, (uint32_t)world->pull_count));
		world_step(world);
		break_queue(world);
	}
	for (int64_t i = 1; i <= world->pull_count; i++) {
		if (world->wrong == NULL && world->pulls[i].open)
			oracle_wrong(world, "pull %lld never came to its end", (long long)i);
	}
}
