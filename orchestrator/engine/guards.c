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

/* Those of the project, as the base branch configures them. conftest has sets and owners of its own
 * (policies.c). */
static void find_checks(const struct repo_config *config, const struct project_config *project,
	struct arena *arena, struct project_guard *guard)
{
	const struct name_list *names = &project->checks;

	guard->checks = arena_alloc(arena, (names->count + 1) * sizeof(*guard->checks));
	for (size_t i = 0; i < names->count; i++) {
		struct guard_check *check = &guard->checks[guard->check_count];

		if (str_equal(names->list[i], "conftest"))
			continue;
		*check = (struct guard_check){ .name = names->list[i] };
		for (size_t k = 0; k < config->check_count; k++)
			if (str_equal(config->checks[k].name, check->name))
				check->skip_needs = config->checks[k].skip_needs;
		guard->check_count++;
	}
}

/* ---- owners ---- */

static void add_name(struct name_list *names, const char *name, struct arena *arena)
{
	for (size_t i = 0; i < names->count; i++) {
		if (str_equal(names->list[i], name))
			return;
	}
	names->list = arena_push(arena, names->list, names->count, sizeof(*names->list));
	names->list[names->count++] = name;
}

/* "@org/team" is a team, "@user" a person; a mail address is nobody whom a host knows. */
static void add_owners(
	struct people_rule *people, const struct code_owners *line, struct arena *arena)
{
	for (size_t i = 0; i < line->name_count; i++) {
		bool is_login = line->names[i][0] == '@';
		bool is_team = is_login && strchr(line->names[i], '/') != NULL;

		add_name(is_team ? &people->teams : &people->users, line->names[i] + is_login,
			arena);
	}
}

static struct people_rule people_copy(const struct people_rule *from, struct arena *arena)
{
	struct people_rule copy = { .count = from->count };

	for (size_t i = 0; i < from->teams.count; i++)
		add_name(&copy.teams, from->teams.list[i], arena);
	for (size_t i = 0; i < from->users.count; i++)
		add_name(&copy.users, from->users.list[i], arena);
	return copy;
}

static void add_part(
	struct approval_rule *rule, const struct people_rule *part, struct arena *arena)
{
	rule->including = arena_push(
		arena, rule->including, rule->including_count, sizeof(*rule->including));
	rule->including[rule->including_count++] = *part;
}

/* A part for each line of the file that speaks of what is changed: one of its owners must be among
 * those who approve, or one of those who are named beside them. */
static void add_lines(struct approval_rule *rule, const struct people_rule *named,
	const struct prepared *prepared, int count, struct arena *arena)
{
	for (size_t i = 0; i < prepared->owner_count; i++) {
		struct people_rule part = people_copy(named, arena);

		part.count = count;
		part.source = arena_printf(
			arena, "line %d of %s", prepared->owners[i].line, prepared->owners_file);
		add_owners(&part, &prepared->owners[i], arena);
		add_part(rule, &part, arena);
	}
}

/* Who the owners are is settled with the plan, as its rules are. What has no owner needs none. */
static struct approval_rule with_owners(
	const struct approval_rule *from, const struct prepared *prepared, struct arena *arena)
{
	struct approval_rule rule = *from;
	bool asks = from->require.has_owners;

	rule.including = NULL;
	rule.including_count = 0;
	for (size_t i = 0; i < from->including_count; i++) {
		const struct people_rule *part = &from->including[i];

		asks = asks || part->has_owners;
		if (part->has_owners)
			add_lines(&rule, part, prepared, part->count, arena);
		else
			add_part(&rule, part, arena);
	}
	if (from->require.has_owners) {
		rule.require = people_copy(&from->require, arena);
		add_lines(&rule, &from->require, prepared, 1, arena);
		for (size_t i = 0; i < prepared->owner_count; i++)
			add_owners(&rule.require, &prepared->owners[i], arena);
	}
	if (asks && prepared->owner_count > GUARD_OWNERS_MAX) {
		rule.including_count = 0;
		rule.problem = arena_printf(arena, "more than %d lines of %s speak of it",
			GUARD_OWNERS_MAX, prepared->owners_file);
	} else if (asks && prepared->owners_problem != NULL) {
		rule.problem = arena_printf(arena, "nobody can say who owns what is changed: %s %s",
			prepared->owners_file, prepared->owners_problem);
	} else if (asks && prepared->owners_file == NULL) {
		rule.problem = "it asks for code owners, and the base branch has no CODEOWNERS";
	}
	return rule;
}

/* ---- the guard ---- */

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

	find_checks(config, project, arena, &guard);
	if (str_empty(guard.environment) && guard.check_count == 0 && guard.owners.count == 0 &&
		guard.plan_requires == 0 && guard.apply_requires == 0)
		return "";
	if (environment != NULL) {
		guard.break_glass = environment->break_glass;
		guard.freezes = environment->freezes;
		guard.freeze_count = environment->freeze_count;
		guard.rule_count = environment->approval_count;
		guard.rules = arena_alloc(arena, (guard.rule_count + 1) * sizeof(*guard.rules));
	}
	for (size_t i = 0; i < guard.rule_count; i++) {
		guard.rules[i] = with_owners(&environment->approvals[i], prepared, arena);
		if (touches(prepared, &guard.rules[i].if_paths, arena))
			guard.rules[i].if_paths = (struct name_list){ 0 };
	}
	return project_guard_write(&guard, arena);
}
