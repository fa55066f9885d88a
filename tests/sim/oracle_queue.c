/* What must hold of the queues before projects. */
#include "tests/sim/world.h"

#include <string.h>

/* The rows stand by project, the holder first. */
static bool is_first(const struct lock_row *locks, size_t i)
{
	return i == 0 || !str_equal(locks[i - 1].dir, locks[i].dir);
}

static void check_places(struct world *world, const struct lock_row *locks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_first(locks, i) && locks[i].place > 0)
			oracle_wrong(world, "pull requests wait for %s, which nobody holds",
				locks[i].dir);
		if (!is_first(locks, i) && locks[i].place == 0)
			oracle_wrong(world, "two pull requests hold the lock of %s", locks[i].dir);
		if (!is_first(locks, i) && locks[i].place != locks[i - 1].place + 1)
			oracle_wrong(world, "the queue before %s has a gap", locks[i].dir);
	}
}

static const struct fake_place *last_seen(const struct world *world, const struct lock_row *lock)
{
	for (size_t i = 0; i < world->place_count; i++) {
		if (world->places[i].id == lock->id &&
			world->places[i].number == lock->pull_number &&
			str_equal(world->places[i].dir, lock->dir))
			return &world->places[i];
	}
	return NULL;
}

/* Who stayed is before those who stayed behind them, and before those who came since. */
static void check_order(struct world *world, const struct lock_row *locks, size_t count)
{
	const struct fake_place *before = NULL;
	bool is_new = false;

	for (size_t i = 0; i < count; i++) {
		const struct fake_place *seen = last_seen(world, &locks[i]);

		if (is_first(locks, i)) {
			before = NULL;
			is_new = false;
		}
		if (seen != NULL && (is_new || (before != NULL && before->place > seen->place)))
			oracle_wrong(world, "pull %lld was overtaken before %s",
				(long long)locks[i].pull_number, locks[i].dir);
		is_new = is_new || seen == NULL;
		before = seen == NULL ? before : seen;
	}
}

/* A place is given up only by who waits elsewhere too: nobody comes and goes in one step of a
 * fight. */
static void check_kept(struct world *world, const struct lock_row *locks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool was_there = false, waits_elsewhere = false;

		if (locks[i].place == 0 || last_seen(world, &locks[i]) != NULL)
			continue;
		for (size_t k = 0; k < world->place_count; k++)
			was_there = was_there ||
				    (world->places[k].number == locks[i].pull_number &&
					    str_equal(world->places[k].dir, locks[i].dir));
		for (size_t k = 0; k < count; k++)
			waits_elsewhere = waits_elsewhere ||
					  (k != i && locks[k].place > 0 &&
						  locks[k].pull_number == locks[i].pull_number);
		if (was_there && !waits_elsewhere)
			oracle_wrong(world, "pull %lld lost its place before %s",
				(long long)locks[i].pull_number, locks[i].dir);
	}
}

/* A change that runs can give nothing away until it ends. */
static bool changes(struct world *world, int64_t number)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct run *runs = NULL;
	size_t count = 0;
	struct pull pull;
	struct err err;
	bool is_found = store_pull_find(world->store, &arena, (struct repo_id){ 1 }, number, &pull,
				&err) == 0 &&
			store_run_list_pull(
				world->store, &arena, pull.id, true, &runs, &count, &err) == 0;

	for (size_t i = 0; is_found && i < count; i++) {
		if (runs[i].kind != RUN_PLAN)
			return true;
	}
	return !is_found;
}

/* Takes away whoever waits for nobody, again and again: who is left waits in a circle. */
static void check_circles(struct world *world, const struct lock_row *locks, size_t count)
{
	bool is_gone[PULLS_MAX + 1] = { false }, goes_on = true;

	while (goes_on) {
		bool waits[PULLS_MAX + 1] = { false };
		bool is_behind = false;

		for (size_t i = 0; i < count; i++) {
			int64_t number = locks[i].pull_number;

			is_behind = !is_first(locks, i) && is_behind;
			waits[number] = waits[number] || is_behind;
			is_behind = is_behind || !is_gone[number];
		}
		goes_on = false;
		for (int64_t i = 1; i <= world->pull_count; i++) {
			goes_on = goes_on || (!waits[i] && !is_gone[i]);
			is_gone[i] = is_gone[i] || !waits[i];
		}
	}
	for (int64_t i = 1; i <= world->pull_count; i++) {
		if (!is_gone[i] && changes(world, i))
			return;
	}
	for (int64_t i = 1; i <= world->pull_count; i++) {
		if (!is_gone[i])
			oracle_wrong(
				world, "pull %lld and others wait for each other", (long long)i);
	}
}

static void remember(struct world *world, const struct lock_row *locks, size_t count)
{
	world->place_count = 0;
	for (size_t i = 0; i < count && i < countof(world->places); i++) {
		struct fake_place *place = &world->places[world->place_count++];

		*place = (struct fake_place){
			.id = locks[i].id, .number = locks[i].pull_number, .place = locks[i].place
		};
		memcpy(place->dir, locks[i].dir, strnlen(locks[i].dir, sizeof(place->dir) - 1) + 1);
	}
}

void oracle_queues(struct world *world, const struct lock_row *locks, size_t count)
{
	check_places(world, locks, count);
	check_order(world, locks, count);
	if (world->is_fight)
		check_kept(world, locks, count);
	check_circles(world, locks, count);
	remember(world, locks, count);
}
