/* The effective configuration before and after, key by key. */
#include "orchestrator/engine/config_changes.h"

#include "orchestrator/engine/config_texts.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/steps.h"

#include <stdio.h>

enum key_type { KEY_TEXT, KEY_BOOL, KEY_INT, KEY_NAMES, KEY_REQUIRES, KEY_LOCK };

static const struct {
	const char *name;
	enum key_type type;
	size_t offset;
} keys[] = {
#define KEY(name, type, field)                                                                     \
	{                                                                                          \
		name, type, offsetof(struct project_config, field)                                 \
	}
	KEY("dir", KEY_TEXT, dir),
	KEY("workspace", KEY_TEXT, workspace),
	KEY("kind", KEY_TEXT, kind),
	KEY("terraform_version", KEY_TEXT, tool_version),
	KEY("branch", KEY_TEXT, branch),
	KEY("environment", KEY_TEXT, environment),
	KEY("workflow", KEY_TEXT, workflow),
	KEY("autoplan.enabled", KEY_BOOL, autoplan),
	KEY("autoplan.when_modified", KEY_NAMES, when_modified),
	KEY("execution_order_group", KEY_INT, order_group),
	KEY("depends_on", KEY_NAMES, depends_on),
	KEY("plan_requirements", KEY_REQUIRES, plan_requires),
	KEY("apply_requirements", KEY_REQUIRES, apply_requires),
	KEY("import_requirements", KEY_REQUIRES, import_requires),
	KEY("repo_locks.mode", KEY_LOCK, lock),
	KEY("policy_check", KEY_BOOL, policy_check),
	KEY("custom_policy_check", KEY_BOOL, custom_policy_check),
	KEY("silence_pr_comments: plan", KEY_BOOL, silence_plan),
	KEY("silence_pr_comments: apply", KEY_BOOL, silence_apply),
	KEY("delete_source_branch_on_merge", KEY_BOOL, delete_source_branch),
	KEY("checks", KEY_NAMES, checks),
	KEY("owners", KEY_NAMES, owners),
#undef KEY
};

static const char *value_text(const struct project_config *project, size_t key, struct arena *arena)
{
	static const char *const locks[] = { "on_plan", "on_apply", "disabled" };
	const char *at = (const char *)project + keys[key].offset;
	const char *text;

	switch (keys[key].type) {
	case KEY_TEXT:
		text = *(const char *const *)(const void *)at;
		return text == NULL ? "" : text;
	case KEY_BOOL:
		return *(const bool *)(const void *)at ? "true" : "false";
	case KEY_INT:
		return arena_printf(arena, "%d", *(const int *)(const void *)at);
	case KEY_NAMES:
		return text_of_names((const struct name_list *)(const void *)at, arena);
	case KEY_REQUIRES:
		return text_of_requirements(*(const unsigned *)(const void *)at, arena);
	case KEY_LOCK:
		return locks[*(const enum lock_mode *)(const void *)at];
	}
	return "";
}

static const char *shown_name(const struct project_config *project)
{
	return str_empty(project->name) ? project->dir : project->name;
}

/* The project of the same name; without a name, of the same folder and workspace. */
static const struct project_config *same(
	const struct repo_config *config, const struct project_config *project)
{
	for (size_t i = 0; i < config->project_count; i++) {
		const struct project_config *one = &config->projects[i];

		if (!str_empty(project->name)
				? str_equal(one->name, project->name)
				: str_empty(one->name) && str_equal(one->dir, project->dir) &&
					  str_equal(one->workspace, project->workspace))
			return one;
	}
	return NULL;
}

static void compare(const struct project_config *before, const struct project_config *after,
	struct arena *arena, struct told *told)
{
	for (size_t i = 0; i < countof(keys); i++) {
		const char *old = value_text(before, i, arena), *new = value_text(after, i, arena);

		if (!str_equal(old, new))
			told_add_change(told, arena, shown_name(after), keys[i].name, old, new);
	}
}

static const char *where(const struct project_config *project, struct arena *arena)
{
	return arena_printf(arena, "%s, workspace %s", project->dir,
		str_empty(project->workspace) ? "default" : project->workspace);
}

/* ---- what several projects share ---- */

enum { USERS_SHOWN = 5 };

typedef bool (*uses_cb)(const struct project_config *project, const char *name);

static bool uses_workflow(const struct project_config *project, const char *name)
{
	return str_equal(str_empty(project->workflow) ? "default" : project->workflow, name);
}

static bool uses_environment(const struct project_config *project, const char *name)
{
	return project->environment != NULL && str_equal(project->environment, name);
}

static bool uses_check(const struct project_config *project, const char *name)
{
	for (size_t i = 0; i < project->checks.count; i++)
		if (str_equal(project->checks.list[i], name))
			return true;
	return false;
}

/* "a, b and 3 more": whom a change of what is called `name` meets. */
static const char *users(
	const struct repo_config *config, uses_cb uses, const char *name, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(64 << 10);
	size_t count = 0;

	for (size_t i = 0; i < config->project_count; i++) {
		if (!uses(&config->projects[i], name))
			continue;
		if (count++ < USERS_SHOWN)
			strbuf_printf(&out, "%s%s", out.length == 0 ? "" : ", ",
				shown_name(&config->projects[i]));
	}
	if (count > USERS_SHOWN)
		strbuf_printf(&out, " and %zu more", count - USERS_SHOWN);
	return count == 0 ? "(found or later ones)" : arena_strdup(arena, strbuf_text(&out));
}

static void tell(struct told *told, struct arena *arena, const char *who, const char *key,
	const char *before, const char *after)
{
	if (!str_equal(before, after))
		told_add_change(told, arena, who, key, before, after);
}

/* Finds by name in a list of one kind. */
#define FINDER(kind, type, list, count)                                                            \
	static const struct type *find_##kind(const struct repo_config *config, const char *name)  \
	{                                                                                          \
		for (size_t i = 0; i < config->count; i++)                                         \
			if (str_equal(config->list[i].name, name))                                 \
				return &config->list[i];                                           \
		return NULL;                                                                       \
	}
FINDER(workflow, workflow, workflows, workflow_count)
FINDER(environment, environment, environments, environment_count)
FINDER(check, check_config, checks, check_count)
#undef FINDER

static void compare_workflow(const struct repo_config *before, const struct repo_config *after,
	const char *name, struct arena *arena, struct told *told)
{
	const struct workflow *old = find_workflow(before, name), *new = find_workflow(after, name);
	const char *who = users(after, uses_workflow, name, arena);

	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		tell(told, arena, who,
			arena_printf(arena, "workflow %s: %s", name, stage_name(stage)),
			text_of_stage(old, stage, arena), text_of_stage(new, stage, arena));
}

static void compare_environment(const struct repo_config *before, const struct repo_config *after,
	const char *name, struct arena *arena, struct told *told)
{
	static const struct environment none = { .credentials = "", .drift = { .schedule = "" } };
	const struct environment *old = find_environment(before, name),
				 *new = find_environment(after, name);
	const char *who = users(after, uses_environment, name, arena);
	const struct {
		const char *key;
		const char *(*text)(const struct environment *environment, struct arena *arena);
	} parts[] = {
		{ "approvals", text_of_approvals },
		{ "freeze", text_of_freezes },
		{ "drift", text_of_drift },
	};

	old = old == NULL ? &none : old;
	new = new == NULL ? &none : new;
	for (size_t i = 0; i < countof(parts); i++)
		tell(told, arena, who,
			arena_printf(arena, "environment %s: %s", name, parts[i].key),
			parts[i].text(old, arena), parts[i].text(new, arena));
	tell(told, arena, who, arena_printf(arena, "environment %s: credentials", name),
		old->credentials, new->credentials);
}

static void compare_check(const struct repo_config *before, const struct repo_config *after,
	const char *name, struct arena *arena, struct told *told)
{
	static const struct check_config none = { .threshold = "" };
	const struct check_config *old = find_check(before, name), *new = find_check(after, name);
	const char *who = users(after, uses_check, name, arena);

	old = old == NULL ? &none : old;
	new = new == NULL ? &none : new;
	tell(told, arena, who, arena_printf(arena, "check %s: threshold", name), old->threshold,
		new->threshold);
	tell(told, arena, who, arena_printf(arena, "check %s: skip_needs", name),
		text_of_people(&old->skip_needs, arena), text_of_people(&new->skip_needs, arena));
}

/* Each name of either side once, in the order of the newer one. */
#define COMPARE_ALL(kind, list, count)                                                             \
	do {                                                                                       \
		for (size_t i = 0; i < after->count; i++)                                          \
			compare_##kind(before, after, after->list[i].name, arena, told);           \
		for (size_t i = 0; i < before->count; i++)                                         \
			if (find_##kind(after, before->list[i].name) == NULL)                      \
				compare_##kind(before, after, before->list[i].name, arena, told);  \
	} while (0)

/* ---- rules of discovery: they have no names; one of the same kind and folders is the same ---- */

struct rules {
	const struct discover_rule *list;
	const char **ids;
	size_t count;
};

static struct rules rules_of(const struct repo_config *config, struct arena *arena)
{
	struct rules rules = { .list = config->discover_rules,
		.ids = arena_alloc(arena, (config->discover_rule_count + 1) * sizeof(char *)),
		.count = config->discover_rule_count };

	for (size_t i = 0; i < rules.count; i++)
		rules.ids[i] = arena_printf(arena, "discover %s %s", rules.list[i].kind,
			text_of_names(&rules.list[i].dirs, arena));
	return rules;
}

static const char *rule_text(const struct discover_rule *rule, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(64 << 10);
	const struct {
		const char *key, *value;
	} parts[] = {
		{ "name", rule->name },
		{ "environment", rule->environment },
		{ "workflow", rule->workflow },
		{ "exclude", text_of_names(&rule->exclude, arena) },
	};

	for (size_t i = 0; i < countof(parts); i++)
		if (!str_empty(parts[i].value))
			strbuf_printf(&out, "%s%s %s", out.length == 0 ? "" : "; ", parts[i].key,
				parts[i].value);
	return out.length == 0 ? "as it is" : arena_strdup(arena, strbuf_text(&out));
}

/* Also where a file says one twice: the n-th of one side is that of the other. */
static const struct discover_rule *same_rule(
	const struct rules *from, size_t index, const struct rules *to)
{
	size_t nth = 0;

	for (size_t i = 0; i < index; i++)
		nth += str_equal(from->ids[i], from->ids[index]);
	for (size_t i = 0; i < to->count; i++)
		if (str_equal(to->ids[i], from->ids[index]) && nth-- == 0)
			return &to->list[i];
	return NULL;
}

static const char *order_of_rules(const struct rules *rules, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(64 << 10);

	for (size_t i = 0; i < rules->count; i++)
		strbuf_printf(&out, "%s%s", i == 0 ? "" : ", then ",
			text_of_names(&rules->list[i].dirs, arena));
	return arena_strdup(arena, strbuf_text(&out));
}

/* Of two rules that find one folder the first decides, so their order counts. */
static void compare_rules(const struct repo_config *before, const struct repo_config *after,
	struct arena *arena, struct told *told)
{
	const struct rules old = rules_of(before, arena), new = rules_of(after, arena);
	bool are_same = old.count == new.count;

	for (size_t i = 0; i < new.count; i++) {
		const struct discover_rule *was = same_rule(&new, i, &old);

		are_same = are_same && was != NULL;
		tell(told, arena, "", new.ids[i], was == NULL ? "" : rule_text(was, arena),
			rule_text(&new.list[i], arena));
	}
	for (size_t i = 0; i < old.count; i++)
		if (same_rule(&old, i, &new) == NULL)
			tell(told, arena, "", old.ids[i], rule_text(&old.list[i], arena), "");
	if (are_same)
		tell(told, arena, "", "order of discover", order_of_rules(&old, arena),
			order_of_rules(&new, arena));
}

static void compare_whole(const struct repo_config *before, const struct repo_config *after,
	struct arena *arena, struct told *told)
{
	static const char *const discover_names[] = { "auto", "enabled", "disabled" };
	const struct {
		const char *key;
		bool old, new;
	} switches[] = {
		{ "automerge", before->automerge, after->automerge },
		{ "delete_source_branch_on_merge", before->delete_source_branch,
			after->delete_source_branch },
		{ "parallel_plan", before->parallel_plan, after->parallel_plan },
		{ "parallel_apply", before->parallel_apply, after->parallel_apply },
		{ "abort_on_execution_order_fail", before->abort_on_failure,
			after->abort_on_failure },
		{ "follow_modules", before->follow_modules, after->follow_modules },
	};

	tell(told, arena, "", "autodiscover.mode", discover_names[before->discover],
		discover_names[after->discover]);
	tell(told, arena, "", "autodiscover.ignore_paths",
		text_of_names(&before->discover_ignore, arena),
		text_of_names(&after->discover_ignore, arena));
	tell(told, arena, "", "allowed_regexp_prefixes",
		text_of_names(&before->project_patterns, arena),
		text_of_names(&after->project_patterns, arena));
	for (size_t i = 0; i < countof(switches); i++)
		tell(told, arena, "", switches[i].key, switches[i].old ? "true" : "false",
			switches[i].new ? "true" : "false");
}

void config_changes(const struct repo_config *before, const struct repo_config *after,
	struct arena *arena, struct told *told)
{
	compare_whole(before, after, arena, told);
	compare_rules(before, after, arena, told);
	COMPARE_ALL(environment, environments, environment_count);
	COMPARE_ALL(workflow, workflows, workflow_count);
	COMPARE_ALL(check, checks, check_count);
	for (size_t i = 0; i < after->project_count; i++) {
		const struct project_config *project = &after->projects[i],
					    *old = same(before, project);

		if (old == NULL)
			told_add_change(told, arena, shown_name(project), "added", "",
				where(project, arena));
		else
			compare(old, project, arena, told);
	}
	for (size_t i = 0; i < before->project_count; i++) {
		const struct project_config *project = &before->projects[i];

		if (same(after, project) == NULL)
			told_add_change(told, arena, shown_name(project), "removed",
				where(project, arena), "");
	}
}
