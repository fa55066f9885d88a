/* Recipes of projects. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/steps.h"

static const struct workflow *find_workflow(const struct repo_config *config, const char *name)
{
	for (size_t i = 0; i < config->workflow_count; i++) {
		if (str_equal(config->workflows[i].name, name))
			return &config->workflows[i];
	}
	return NULL;
}

static const struct environment *find_environment(
	const struct repo_config *config, const char *name)
{
	for (size_t i = 0; i < config->environment_count; i++) {
		if (str_equal(config->environments[i].name, name))
			return &config->environments[i];
	}
	return NULL;
}

/* secrets is git's work, conftest is policy_check. */
static void find_checks(const struct repo_config *config, const struct project_config *project,
	struct arena *arena, struct recipe *recipe)
{
	struct check_orders *orders = &recipe->checks;

	orders->list = arena_alloc(arena, (project->checks.count + 1) * sizeof(*orders->list));
	for (size_t i = 0; i < project->checks.count; i++) {
		const char *name = project->checks.list[i];
		struct check_order *order = &orders->list[orders->count];

		if (str_equal(name, "conftest"))
			recipe->checks_policies = true;
		if (str_equal(name, "conftest") || str_equal(name, "secrets"))
			continue;
		*order = (struct check_order){ .name = name, .threshold = "", .kind = "" };
		for (size_t k = 0; k < config->check_count; k++)
			if (str_equal(config->checks[k].name, name))
				order->threshold = config->checks[k].threshold;
		orders->count++;
	}
}

const char *recipe_of(const struct repo_config *config, const struct project_config *project,
	const char *version, const char *base_tree, struct arena *arena)
{
	const char *name = str_empty(project->workflow) ? "default" : project->workflow;
	const struct workflow *workflow = find_workflow(config, name);
	const struct environment *environment = find_environment(config, project->environment);
	struct recipe recipe = { .tool_version = version,
		.environment = str_empty(project->environment) ? "" : project->environment,
		.base_tree = base_tree,
		.credentials = environment == NULL ? "" : environment->credentials,
		.checks_policies = project->policy_check,
		.import_requires = guard_requires(config, project->import_requires),
		.silences_plan = project->silence_plan,
		.silences_apply = project->silence_apply,
		.lock = project->lock,
		.applies_together = config->parallel_apply,
		.automerges = config->automerge,
		.deletes_branch = config->automerge && project->delete_source_branch };

	if (workflow == NULL && !str_equal(name, "default"))
		return NULL;
	find_checks(config, project, arena, &recipe);
	if (workflow == NULL && str_empty(recipe.tool_version) && recipe.checks.count == 0 &&
		!recipe.checks_policies && recipe.import_requires == 0 && !recipe.automerges &&
		!recipe.silences_plan && !recipe.silences_apply && recipe.lock == LOCK_ON_PLAN &&
		!recipe.applies_together && str_empty(recipe.environment) && str_empty(base_tree))
		return "";
	for (enum stage stage = 0; workflow != NULL && stage < STAGE_COUNT; stage++)
		recipe.stages[stage] = workflow->stages[stage];
	if (project->custom_policy_check && recipe.stages[STAGE_POLICY_CHECK].is_given)
		recipe.checks_policies = true; /* the checks are the workflow's own */
	return recipe_write(&recipe, arena);
}

static enum stage stage_of(enum job_op op)
{
	switch (op) {
	case JOB_APPLY:
		return STAGE_APPLY;
	case JOB_IMPORT:
		return STAGE_IMPORT;
	case JOB_STATE_RM:
		return STAGE_STATE_RM;
	case JOB_PREPARE:
	case JOB_PLAN:
	case JOB_DRIFT:
	case JOB_HOOKS:
		break;
	}
	return STAGE_PLAN;
}

int recipe_spec(const struct job *job, struct arena *arena, struct job_spec *ret, struct err *err)
{
	struct recipe recipe;
	int r;

	if (job->op == JOB_PREPARE)
		return 0;
	r = recipe_read(job->recipe, arena, &recipe, err);
	if (r < 0)
		return r;
	ret->tool_version = recipe.tool_version;
	ret->environment = recipe.environment;
	ret->profile = recipe.credentials;
	ret->base_tree = recipe.base_tree;
	ret->steps = recipe.stages[stage_of(job->op)];
	if (job->op == JOB_APPLY)
		ret->plan_steps = recipe.stages[STAGE_PLAN];
	if (job->op == JOB_PLAN)
		ret->checks = recipe.checks;
	ret->checks_policies = job->op == JOB_PLAN && recipe.checks_policies;
	if (ret->checks_policies)
		ret->policy_steps = recipe.stages[STAGE_POLICY_CHECK];
	return 0;
}
