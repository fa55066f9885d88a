/* The base branch of the simulation: now and then somebody else's change is merged into it, and the
 * oracle knows which folders that touched. */
#include "tests/sim/world.h"

#include "orchestrator/model/prepared.h"

#include <string.h>

enum { MARKED = OID_HEX - 2 }; /* the last digits of a tree say which tip it is of */

static const char first_tip[] = "0123456789012345678901234567890123456789";

void base_init(struct world *world)
{
	memcpy(world->tips[0].oid, first_tip, sizeof(first_tip));
	world->tip_count = 1;
}

const char *base_tip(const struct world *world)
{
	return world->tips[world->tip_count - 1].oid;
}

static size_t find(const struct world *world, const char *oid)
{
	size_t i = world->tip_count;

	while (i > 0 && !str_equal(world->tips[i - 1].oid, oid))
		i--;
	return i; /* one more than its place; 0: there is no such tip */
}

void base_move(struct world *world)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct fake_tip *tip = &world->tips[world->tip_count];
	struct run *runs = NULL;
	size_t count = 0;
	struct err err;

	if (world->tip_count == TIPS_MAX ||
		store_run_list_recent(world->store, &arena, 1, &runs, &count, &err) < 0)
		return;
	for (int i = 0; i < OID_HEX; i++)
		tip->oid[i] = "0123456789abcdef"[roll(world, 16)];
	tip->dirs = 1 + roll(world, (1 << DIRS) - 1);
	tip->after_run = count == 0 ? 0 : runs[0].id.v;
	world->tip_count++;
	world_note(world, "the base moves to %.7s, folders %x", tip->oid, tip->dirs);
}

size_t base_moved(
	const struct world *world, const char *from, const char *to, struct changed_file *ret)
{
	static const char *const files[DIRS] = { "a/main.tf", "b/main.tf", "c/main.tf" };
	unsigned dirs = 0;
	size_t count = 0;

	if (str_empty(from) || str_equal(world->breaks, "base"))
		return 0;
	for (size_t i = find(world, from); i < find(world, to); i++)
		dirs |= world->tips[i].dirs;
	for (size_t i = 0; i < DIRS; i++) {
		if ((dirs & 1u << i) != 0)
			ret[count++] = (struct changed_file){ .path = files[i], .status = 'M' };
	}
	return count;
}

/* Both sides are in it: the same head on another tip is another tree. */
void base_name_tree(const struct world *world, const char *head, char tree[OID_HEX + 1])
{
	memmove(tree, head, OID_HEX + 1);
	tree[MARKED] = "0123456789abcdef"[world->tip_count / 16 % 16];
	tree[MARKED + 1] = "0123456789abcdef"[world->tip_count % 16];
}

bool base_is_tree(const char *tree, const char *head)
{
	return strncmp(tree, head, MARKED) == 0;
}

/* Of what the base branch became before the apply was asked for, nothing is what was planned. */
void oracle_base(struct world *world, const struct job_spec *spec, const struct fake_job *planner)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job job, plan;
	struct run run;
	struct err err;

	if (planner == NULL || store_job_load(world->store, &arena, spec->job, &job, &err) < 0 ||
		store_job_load(world->store, &arena, (struct job_id){ planner->id }, &plan, &err) <
			0 ||
		store_run_load(world->store, &arena, plan.run_id, &run, &err) < 0)
		return; /* a disk that fails for a moment */
	for (size_t i = find(world, run.base); i < world->tip_count; i++) {
		const struct fake_tip *tip = &world->tips[i];

		if (tip->after_run < job.run_id.v && (tip->dirs & 1u << (spec->dir[0] - 'a')) != 0)
			oracle_wrong(world,
				"%s is applied as it was planned on %.7s, and %.7s changed it",
				spec->dir, run.base, tip->oid);
	}
}
