/* What the repository of the simulation says: an order of its projects, or what guards them. */
#include "tests/sim/world.h"

#include <string.h>

/* In which order the projects go: each history has one of these. */
static struct project_config ordered[ORDERS][DIRS] = {
	{ { .name = "a", .dir = "a" }, { .name = "b", .dir = "b" }, { .name = "c", .dir = "c" } },
	{ { .name = "a", .dir = "a" }, { .name = "b", .dir = "b" }, { .name = "c", .dir = "c" } },
	{ { .name = "a", .dir = "a" }, { .name = "b", .dir = "b", .order_group = 1 },
		{ .name = "c", .dir = "c", .order_group = 2 } },
	{ { .name = "a", .dir = "a" }, { .name = "b", .dir = "b", .order_group = 1 },
		{ .name = "c", .dir = "c", .order_group = 1 } },
};

static void guard_config(struct world *world, struct repo_config *config)
{
	static const char *team[] = { "team" };
	static struct people_rule one = { .count = 1, .teams = { team, 1 } };
	static struct approval_rule rule = { .name = "two",
		.if_more_than = -1,
		.require = { .count = 2 },
		.including = &one,
		.including_count = 1,
		.exclude = EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_INITIATOR | EXCLUDE_BOTS,
		.binds_to_plan = true };
	static const char *brave[] = { "carol", "dave" };
	static struct environment live = { .name = "live",
		.approvals = &rule,
		.approval_count = 1,
		.break_glass = {
			.people = { .count = 1, .users = { brave, 2 } }, .needs_second = true } };

	live.break_glass.needs_second = !str_equal(world->breaks, "glass");
	config->environments = &live;
	config->environment_count = 1;
	for (size_t i = 0; i < config->project_count; i++)
		config->projects[i].environment = world->is_guarded && i < GUARDED ? "live" : "";
}

int world_read_config(_unused_ const struct config_reader *reader,
	_unused_ const struct settings *settings, _unused_ const struct config_request *request,
	_unused_ struct arena *arena, struct repo_config *ret,
	_unused_ struct config_problems *problems, _unused_ struct err *err)
{
	static const char *on_a[] = { "a" };
	static struct hook hooks[] = { { .command = "true", .shell = "sh" } };
	struct project_config *projects = ordered[the_world->order];

	bool goes_together = the_world->goes_together || str_equal(the_world->breaks, "alone");

	*ret = (struct repo_config){ .file = "",
		.pre_hooks = hooks,
		.pre_hook_count = the_world->has_hooks,
		.post_hooks = hooks,
		.post_hook_count = the_world->has_hooks,
		.default_kind = "terraform",
		.default_workspace = "default",
		.fallback = { .lock = the_world->lock_mode },
		.parallel_plan = goes_together,
		.parallel_apply = goes_together,
		.abort_on_failure = the_world->order == ORDER_ABORTS };
	if (!the_world->is_guarded &&
		(the_world->order == ORDER_NONE || str_equal(the_world->breaks, "order")))
		return 0; /* the engine is told of no order */
	for (size_t i = 0; i < DIRS; i++) {
		projects[i].autoplan = true;
		projects[i].lock = the_world->lock_mode;
	}
	if (the_world->order == ORDER_DEPENDS || the_world->order == ORDER_ABORTS)
		projects[2].depends_on = (struct name_list){ on_a, 1 };
	ret->projects = projects;
	ret->project_count = DIRS;
	guard_config(the_world, ret);
	return 0;
}

void world_no_files(_unused_ const struct config_reader *reader,
	_unused_ const struct settings *settings, _unused_ const char *host,
	_unused_ const char *repo, _unused_ struct arena *arena, struct name_list *ret)
{
	*ret = (struct name_list){ 0 };
}
