/* What guards the plan and the apply of a project: from the effective configuration into the row of
 * its plan. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/glob.h"
#include "orchestrator/model/project_guard.h"

static const struct environment *find_environment(
	const struct repo_config *config, const char *name)
{
	for (size_t i = 0; i < config->environment_count; i++) {
		if (str_equal(config->environments[i].name, name))
			return &config->environments[i];
	}
	return NULL;
}

/* A pattern that is none is taken to match: the rule is asked. */
static bool touches(
	const struct prepared *prepared, const struct name_list *paths, struct arena *arena)
{
	struct glob_list list;
	struct err ignored;

	if (paths->count == 0 || glob_list_compile(GLOB_IGNORE, "", paths->list, paths->count,
					 arena, &list, &ignored) < 0)
		return true;
	for (size_t i = 0; i < prepared->changed_count; i++) {
		const struct changed_file *file = &prepared->changed[i];

		if (glob_list_find(&list, file->path) != NULL ||
			(file->old_path != NULL && glob_list_find(&list, file->old_path) != NULL))
			return true;
	}
	return false;
}

unsigned guard_requires(const struct repo_config *config, unsigned requires)
{
	return requires != 0 && config->reads_as_atlantis ? requires | REQUIRE_AS_ATLANTIS
							  : requires;
}

const char *guard_of(const struct repo_config *config, const struct prepared *prepared,
	const struct project_config *project, struct arena *arena)
{
	const struct environment *environment = find_environment(config, project->environment);
	struct project_guard guard = { .environment = project->environment,
		.owners = project->owners,
		.plan_requires = guard_requires(config, project->plan_requires),
		.apply_requires = guard_requires(config, project->apply_requires) };

	if (str_empty(guard.environment) && guard.owners.count == 0 && guard.plan_requires == 0 &&
		guard.apply_requires == 0)
		return "";
	if (environment != NULL) {
		guard.break_glass = environment->break_glass;
		guard.freezes = environment->freezes;
		guard.freeze_count = environment->freeze_count;
		guard.rule_count = environment->approval_count;
		guard.rules = arena_alloc(arena, (guard.rule_count + 1) * sizeof(*guard.rules));
	}
	for (size_t i = 0; i < guard.rule_count; i++) {
		guard.rules[i] = environment->approvals[i];
		if (touches(prepared, &guard.rules[i].if_paths, arena))
			guard.rules[i].if_paths = (struct name_list){ 0 };
	}
	return project_guard_write(&guard, arena);
}
