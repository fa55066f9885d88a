/* The effective configuration before and after, key by key. */
#include "orchestrator/engine/config_changes.h"

#include "orchestrator/lib/strbuf.h"

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
	KEY("checks", KEY_NAMES, checks),
	KEY("owners", KEY_NAMES, owners),
#undef KEY
};

static const struct {
	unsigned bit;
	const char *name;
} requirements[] = {
	{ REQUIRE_APPROVED, "approved" },
	{ REQUIRE_MERGEABLE, "mergeable" },
	{ REQUIRE_UNDIVERGED, "undiverged" },
	{ REQUIRE_POLICIES_PASSED, "policies_passed" },
};

static void put_word(struct strbuf *out, const char *word)
{
	strbuf_printf(out, "%s%s", out->length == 0 ? "" : ", ", word);
}

static void put_names(struct strbuf *out, const struct name_list *names)
{
	for (size_t i = 0; i < names->count; i++)
		put_word(out, names->list[i]);
}

static void put_requirements(struct strbuf *out, unsigned bits)
{
	for (size_t i = 0; i < countof(requirements); i++) {
		if ((bits & requirements[i].bit) != 0)
			put_word(out, requirements[i].name);
	}
}

static const char *value_text(const struct project_config *project, size_t key, struct arena *arena)
{
	static const char *const locks[] = { "on_plan", "on_apply", "disabled" };
	_cleanup_strbuf_ struct strbuf out = STRBUF(64 << 10);
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
		put_names(&out, (const struct name_list *)(const void *)at);
		break;
	case KEY_REQUIRES:
		put_requirements(&out, *(const unsigned *)(const void *)at);
		break;
	case KEY_LOCK:
		return locks[*(const enum lock_mode *)(const void *)at];
	}
	return arena_strdup(arena, strbuf_text(&out));
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

static const char *const discover_names[] = { "auto", "enabled", "disabled" };

void config_changes(const struct repo_config *before, const struct repo_config *after,
	struct arena *arena, struct told *told)
{
	if (before->discover != after->discover)
		told_add_change(told, arena, "", "autodiscover.mode",
			discover_names[before->discover], discover_names[after->discover]);
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
