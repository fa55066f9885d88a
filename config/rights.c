/* What the server lets a repository say, and what holds where the repository says nothing. */
#include "config/merge.h"

#include <string.h>

static void refuse(struct merge *merge, const struct side *side, const struct yaml_node *node,
	const char *key, const char *path, const char *remedy)
{
	if (side->is_head)
		config_complain(merge->errors, repo_file_place(node, key), path,
			arena_printf(&merge->errors->arena,
				"the server's entry of `repos` needs %s", remedy),
			"the server does not let this repository say this");
	else
		merge_note(merge, place_in(side->file, node, key), path,
			"not heard: the server's entry of `repos` would need %s", remedy);
}

static bool is_listed(const struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->list[i], name))
			return true;
	}
	return false;
}

/* The workflow that a project of this side gets. */
const char *rights_workflow(struct merge *merge, const struct side *side,
	const struct yaml_node *node, const char *path, const char *wanted)
{
	const struct settings *settings = merge->in->settings;
	const struct server_rules *rules = merge->in->rules;
	bool is_own = side->may_have_workflows &&
		      find_workflow(side->file->workflows, side->file->workflow_count, wanted) !=
			      NULL;

	if (str_equal(wanted, rules->workflow))
		return wanted;
	if (!(rules->allowed_overrides & REPO_WORKFLOW)) {
		refuse(merge, side, node, "workflow", path, "allowed_overrides: [workflow]");
		return rules->workflow;
	}
	if (!is_own && rules->allowed_workflows.count > 0 &&
		!is_listed(&rules->allowed_workflows, wanted)) {
		refuse(merge, side, node, "workflow", path,
			arena_printf(merge->arena, "allowed_workflows: [%.60s]", wanted));
		return rules->workflow;
	}
	if (is_own || str_equal(wanted, "default") ||
		find_workflow(settings->workflows, settings->workflow_count, wanted) != NULL)
		return wanted;
	if (side->is_head) {
		struct config_nearest nearest = config_nearest(wanted);

		for (size_t i = 0; i < side->file->workflow_count; i++)
			config_nearest_offer(&nearest, side->file->workflows[i].name);
		for (size_t i = 0; i < settings->workflow_count; i++)
			config_nearest_offer(&nearest, settings->workflows[i].name);
		config_complain(merge->errors, repo_file_place(node, "workflow"), path,
			config_did_you_mean(merge->errors, nearest.best),
			"there is no workflow \"%.60s\"", wanted);
	}
	return rules->workflow;
}

/* One row for each restricted key that is a plain value. */
struct restricted {
	unsigned key; /* enum repo_key */
	size_t field; /* of struct project_config */
	size_t rule;  /* of struct server_rules */
	size_t size;
	bool may_add; /* bits: more of them needs no permission */
};

#define RESTRICTED(key, field, rule, may_add)                                                      \
	{                                                                                          \
		key, offsetof(struct project_config, field), offsetof(struct server_rules, rule),  \
			sizeof(((struct project_config *)0)->field), may_add                       \
	}

static const struct restricted restricted[] = {
	RESTRICTED(REPO_PLAN_REQUIREMENTS, plan_requires, plan_requires, true),
	RESTRICTED(REPO_APPLY_REQUIREMENTS, apply_requires, apply_requires, true),
	RESTRICTED(REPO_IMPORT_REQUIREMENTS, import_requires, import_requires, true),
	RESTRICTED(REPO_DELETE_SOURCE_BRANCH, delete_source_branch, delete_source_branch, false),
	RESTRICTED(REPO_LOCKS, lock, lock, false),
	RESTRICTED(REPO_POLICY_CHECK, policy_check, policy_check, false),
	RESTRICTED(REPO_CUSTOM_POLICY_CHECK, custom_policy_check, custom_policy_check, false),
	RESTRICTED(REPO_SILENCE, silence_plan, silence_plan, false),
	RESTRICTED(REPO_SILENCE, silence_apply, silence_apply, false),
};

static const char *key_word(unsigned key)
{
	return repo_key_words[__builtin_ctz(key)];
}

static bool asks_for_more(const struct restricted *row, const void *field, const void *rule)
{
	return row->may_add && (*(const unsigned *)rule & ~*(const unsigned *)field) == 0;
}

/* What the file says for all its projects, where the project says nothing. */
static void take_file_words(
	const struct repo_file *file, unsigned *given, struct project_config *config)
{
	unsigned missing = file->given & ~*given;

	if (missing & REPO_LOCKS && !(*given & REPO_LOCKING))
		config->lock = file->lock;
	if (missing & REPO_SILENCE) {
		config->silence_plan = (file->silence & SILENCE_PLAN) != 0;
		config->silence_apply = (file->silence & SILENCE_APPLY) != 0;
	}
	if (missing & REPO_DELETE_SOURCE_BRANCH)
		config->delete_source_branch = file->delete_source_branch;
	*given |= missing & (REPO_LOCKS | REPO_SILENCE | REPO_DELETE_SOURCE_BRANCH);
	if (*given & REPO_LOCKING)
		*given |= REPO_LOCKS;
}

/* A project with every value that holds for it as long as nobody guards it. */
static void resolve_project(
	struct merge *merge, const struct side *side, size_t number, struct project_config *ret)
{
	const struct project_file *project = &side->file->projects[number];
	const struct server_rules *rules = merge->in->rules;
	unsigned given = project->given, refused = 0;

	*ret = project->config;
	ret->origin = side->is_head ? ORIGIN_HEAD : ORIGIN_BASE;
	ret->autoplan = ret->autoplan && merge->in->settings->defaults.autoplan;
	take_file_words(side->file, &given, ret);
	for (size_t i = 0; i < countof(restricted); i++) {
		const struct restricted *row = &restricted[i];
		void *field = (char *)ret + row->field;
		const void *rule = (const char *)rules + row->rule;
		bool is_allowed = (rules->allowed_overrides & row->key) != 0 ||
				  (row->key == REPO_LOCKS &&
					  rules->allowed_overrides & REPO_LOCKING);

		if ((given & row->key) && (is_allowed || memcmp(field, rule, row->size) == 0 ||
						  asks_for_more(row, field, rule)))
			continue;
		if ((given & row->key) && !(refused & row->key))
			refuse(merge, side, project->node, key_word(row->key),
				arena_printf(merge->arena, "projects[%zu].%s", number,
					key_word(row->key)),
				arena_printf(merge->arena, "allowed_overrides: [%s]",
					key_word(row->key)));
		refused |= given & row->key;
		memcpy(field, rule, row->size);
	}
	ret->workflow = (given & REPO_WORKFLOW) ? rights_workflow(merge, side, project->node,
							  arena_printf(merge->arena,
								  "projects[%zu].workflow", number),
							  ret->workflow)
						: rules->workflow;
}

struct project_config *rights_resolve(struct merge *merge, struct side *side)
{
	struct project_config *projects;
	const struct yaml_node *workflows;

	if (side->file == NULL)
		return NULL;
	workflows = side->file->root == NULL ? NULL : yaml_get(side->file->root, "workflows");
	side->may_have_workflows = merge->in->rules->allow_custom_workflows;
	if (side->file->workflow_count > 0 && !side->may_have_workflows && workflows != NULL)
		refuse(merge, side, side->file->root, "workflows", "workflows",
			"allow_custom_workflows: true");
	projects = arena_alloc(merge->arena, (side->file->project_count + 1) * sizeof(*projects));
	for (size_t i = 0; i < side->file->project_count; i++)
		resolve_project(merge, side, i, &projects[i]);
	return projects;
}

void rights_defaults(const struct server_rules *rules, struct project_config *ret)
{
	ret->workflow = rules->workflow;
	for (size_t i = 0; i < countof(restricted); i++)
		memcpy((char *)ret + restricted[i].field, (const char *)rules + restricted[i].rule,
			restricted[i].size);
}
