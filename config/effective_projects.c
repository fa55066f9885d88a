/* Projects of both sides, each under the guards of its folder. */
#include "config/merge.h"
#include "orchestrator/model/project_kind.h"

#include <string.h>

static bool is_in(const struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->list[i], name))
			return true;
	}
	return false;
}

static void add_project(struct merge *merge, const struct project_config *project)
{
	struct repo_config *out = merge->out;

	out->projects = arena_push(
		merge->arena, out->projects, out->project_count, sizeof(*out->projects));
	out->projects[out->project_count++] = *project;
}

/* value "": one that is not a single word. */
static void keep(struct merge *merge, size_t number, const char *key, const char *value)
{
	const struct repo_file *head = merge->in->head;
	const char *quote = value[0] == '\0' ? "" : "\"";

	merge_note(merge, place_in(head, head->projects[number].node, key),
		arena_printf(merge->arena, "projects[%zu].%s", number, key),
		"stays %s%.60s%s; " UNTIL_MERGED, quote,
		value[0] == '\0' ? "as the base branch has it" : value, quote);
}

static bool is_terraform(const char *kind)
{
	return kind[0] == '\0' || kind_is_stack(kind);
}

static struct name_list join(
	struct arena *arena, const struct name_list *one, const struct name_list *other)
{
	struct name_list all = { 0 };

	for (size_t i = 0; i < one->count + other->count; i++) {
		const char *name = i < one->count ? one->list[i] : other->list[i - one->count];

		if (is_in(&all, name))
			continue;
		all.list = arena_push(arena, all.list, all.count, sizeof(*all.list));
		all.list[all.count++] = name;
	}
	return all;
}

static bool has_all(const struct name_list *list, const struct name_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (!is_in(list, wanted->list[i]))
			return false;
	}
	return true;
}

static void guard_requirements(
	struct merge *merge, size_t number, const char *key, unsigned guarded, unsigned *holds)
{
	if ((guarded & ~*holds) != 0)
		keep(merge, number, key, "");
	*holds |= guarded;
}

/* Plain values. A head may move one to the safe side: `safer` is the sign of that move, 0: none. */
static const struct {
	const char *key;
	size_t field, size;
	int safer;
} guarded[] = {
#define GUARDED(key, field, safer)                                                                 \
	{                                                                                          \
		key, offsetof(struct project_config, field),                                       \
			sizeof(((struct project_config *)0)->field), safer                         \
	}
	GUARDED("repo_locks", lock, -1),
	GUARDED("policy_check", policy_check, 1),
	GUARDED("custom_policy_check", custom_policy_check, 0),
	GUARDED("silence_pr_comments", silence_plan, -1),
	GUARDED("silence_pr_comments", silence_apply, -1),
	GUARDED("delete_source_branch_on_merge", delete_source_branch, -1),
};

static int value_of(const void *field, size_t size)
{
	return size == sizeof(bool) ? *(const bool *)field : *(const int *)field;
}

static void guard_values(struct merge *merge, size_t number, const struct project_config *ground,
	struct project_config *project)
{
	for (size_t i = 0; i < countof(guarded); i++) {
		char *now = (char *)project + guarded[i].field;
		const char *before = (const char *)ground + guarded[i].field;
		int move = value_of(now, guarded[i].size) - value_of(before, guarded[i].size);

		if (move == 0 || (move > 0 ? guarded[i].safer > 0 : guarded[i].safer < 0))
			continue;
		keep(merge, number, guarded[i].key, "");
		memcpy(now, before, guarded[i].size);
	}
}

static void guard_text(
	struct merge *merge, size_t number, const char *key, const char *before, const char **holds)
{
	if (!str_equal(before, *holds))
		keep(merge, number, key, before);
	*holds = before;
}

/* Checks may be added. Owners may not: of several any one is enough. */
static void guard_people(struct merge *merge, size_t number, const struct project_config *base,
	struct project_config *project)
{
	if (!has_all(&project->checks, &base->checks))
		keep(merge, number, "checks", "");
	project->checks = join(merge->arena, &base->checks, &project->checks);
	if (base->owners.count == 0)
		return;
	if (!has_all(&project->owners, &base->owners) || !has_all(&base->owners, &project->owners))
		keep(merge, number, "owners", "");
	project->owners = base->owners;
}

/* The head's entry of a project that the base has. */
static void guard_known(struct merge *merge, size_t number, const struct project_config *base,
	struct project_config *project)
{
	guard_text(merge, number, "workflow", base->workflow, &project->workflow);
	guard_text(merge, number, "branch", base->branch, &project->branch);
	if (!is_terraform(project->kind) || !is_terraform(base->kind))
		guard_text(merge, number, "kind", base->kind, &project->kind);
	guard_people(merge, number, base, project);
}

/* taken: beside each entry of the base, 1 + the place of what became of it. */
static void merge_head_project(
	struct merge *merge, size_t number, struct project_config project, size_t *taken)
{
	const struct repo_file *head = merge->in->head;
	const struct project_config *ground; /* the base's entry, or what the server says of all */
	struct guard guard;
	size_t *mine = NULL;

	guards_find(&merge->guards, &project, &guard);
	if (guard.is_disputed) {
		merge_note(merge, place_in(head, head->projects[number].node, "dir"),
			arena_printf(merge->arena, "projects[%zu].dir", number),
			"not taken: folders of \"%.60s\" belong to several "
			"environments; " UNTIL_MERGED,
			project.dir);
		return;
	}
	if (guard.environment[0] != '\0')
		guard_text(merge, number, "environment", guard.environment, &project.environment);
	ground = guard.project == NULL ? &merge->out->fallback : guard.project;
	guard_requirements(merge, number, "plan_requirements",
		guard.plan_requires | ground->plan_requires, &project.plan_requires);
	guard_requirements(merge, number, "apply_requirements",
		guard.apply_requires | ground->apply_requires, &project.apply_requires);
	guard_requirements(merge, number, "import_requirements",
		guard.import_requires | ground->import_requires, &project.import_requires);
	guard_values(merge, number, ground, &project);
	if (guard.project != NULL) {
		guard_known(merge, number, guard.project, &project);
		if (str_equal(guard.project->dir, project.dir) &&
			str_equal(guard.project->workspace, project.workspace)) {
			mine = &taken[guard.project - merge->guards.projects];
			project.origin = ORIGIN_BASE;
		}
	}
	add_project(merge, &project);
	if (mine != NULL && *mine == 0)
		*mine = merge->out->project_count;
}

/* An entry that is gone still guards its folder, which something else might now find. */
static void keep_removed_project(struct merge *merge, size_t number, struct project_config project)
{
	const struct repo_file *base = merge->in->base;

	merge_note(merge, place_in(base, base->projects[number].node, "dir"),
		arena_printf(merge->arena, "projects[%zu]", number),
		"%.100s (workspace %.60s) is gone from the file; " UNTIL_MERGED, project.dir,
		project.workspace);
	for (size_t i = 0; i < merge->out->project_count; i++) {
		if (str_equal(merge->out->projects[i].name, project.name))
			project.name = ""; /* now the name of another */
	}
	project.depends_on = (struct name_list){ 0 };
	add_project(merge, &project);
}

/* What the base has comes first and in its order: of two patterns over one folder the first holds.
 */
static void order_like_base(struct merge *merge, const size_t *taken, size_t base_count)
{
	struct repo_config *out = merge->out;
	struct project_config *all = arena_alloc(
		merge->arena, (out->project_count + 1) * sizeof(*all));
	bool *is_placed = arena_alloc(merge->arena, out->project_count + 1);
	size_t count = 0;

	for (size_t i = 0; i < base_count; i++) {
		all[count++] = out->projects[taken[i] - 1];
		is_placed[taken[i] - 1] = true;
	}
	for (size_t i = 0; i < out->project_count; i++) {
		if (!is_placed[i])
			all[count++] = out->projects[i];
	}
	out->projects = all;
	out->project_count = count;
}

void merge_projects(struct merge *merge, const struct project_config *base_projects,
	const struct project_config *head_projects)
{
	const struct repo_file *base = merge->in->base, *head = merge->in->head;
	size_t base_count = base == NULL ? 0 : base->project_count;
	size_t *taken = arena_alloc(merge->arena, (base_count + 1) * sizeof(*taken));

	if (merge->is_base_alone) {
		for (size_t i = 0; i < base_count; i++)
			add_project(merge, &base_projects[i]);
		return;
	}
	for (size_t i = 0; i < head->project_count; i++)
		merge_head_project(merge, i, head_projects[i], taken);
	for (size_t i = 0; i < base_count; i++) {
		if (taken[i] != 0)
			continue;
		keep_removed_project(merge, i, base_projects[i]);
		taken[i] = merge->out->project_count;
	}
	order_like_base(merge, taken, base_count);
}
