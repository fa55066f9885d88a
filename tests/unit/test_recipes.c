/* links: engine model lib_regex lib */
/* From the effective configuration to the order of a job, and what an apply keeps of its plan. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/recipes.h"

#include <string.h>

static struct step plan_list[] = { { .kind = STEP_KIND_INIT }, { .kind = STEP_KIND_PLAN } };
static struct step apply_list[] = { { .kind = STEP_KIND_RUN, .command = "make apply" } };
static struct step check_list[] = { { .kind = STEP_KIND_SHOW } };
static struct workflow workflows[] = {
	{ .name = "own",
		.stages = { [STAGE_PLAN] = { plan_list, 2, true },
			[STAGE_APPLY] = { apply_list, 1, true },
			[STAGE_POLICY_CHECK] = { check_list, 1, true } } },
};
static const struct repo_config config = { .workflows = workflows, .workflow_count = 1 };

static const struct spec_case {
	const char *name;
	struct project_config project;
	enum job_op op;
	bool has_recipe;
	const char *version;
	size_t steps, plan_steps, policy_steps; /* 99: the default of the stage */
	bool checks;
} spec_cases[] = {
	{ "nothing said", { .workflow = "default" }, JOB_PLAN, false, "", 99, 99, 99, false },
	{ "no name", { .workflow = "" }, JOB_APPLY, false, "", 99, 99, 99, false },
	{ "a version", { .workflow = "default", .tool_version = "1.5.7" }, JOB_PLAN, true, "1.5.7",
		99, 99, 99, false },
	{ "plan", { .workflow = "own" }, JOB_PLAN, true, "", 2, 99, 99, false },
	{ "plan with checks", { .workflow = "own", .policy_check = true }, JOB_PLAN, true, "", 2,
		99, 1, true },
	{ "own checks", { .workflow = "own", .custom_policy_check = true }, JOB_PLAN, true, "", 2,
		99, 1, true },
	{ "checks without steps", { .workflow = "default", .policy_check = true }, JOB_PLAN, true,
		"", 99, 99, 99, true },
	{ "apply knows its plan", { .workflow = "own", .policy_check = true }, JOB_APPLY, true, "",
		1, 2, 99, false },
	{ "import by default", { .workflow = "own" }, JOB_IMPORT, true, "", 99, 99, 99, false },
	{ "state rm by default", { .workflow = "own" }, JOB_STATE_RM, true, "", 99, 99, 99, false },
	{ "git has none", { .workflow = "own" }, JOB_PREPARE, true, NULL, 99, 99, 99, false },
};

static size_t count_of(const struct steps *steps)
{
	return steps->is_given ? steps->count : 99;
}

static void specs(void **state)
{
	const struct spec_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job job = { .op = row->op };
	struct job_spec spec = { 0 };
	struct err err = { 0 };

	job.recipe = recipe_of(&config, &row->project,
		row->project.tool_version == NULL ? "" : row->project.tool_version, "", &arena);
	assert_non_null(job.recipe);
	assert_int_equal(job.recipe[0] != '\0', row->has_recipe);
	assert_ok(recipe_spec(&job, &arena, &spec, &err), &err);
	assert_true(str_equal(spec.tool_version, row->version));
	assert_int_equal(count_of(&spec.steps), row->steps);
	assert_int_equal(count_of(&spec.plan_steps), row->plan_steps);
	assert_int_equal(count_of(&spec.policy_steps), row->policy_steps);
	assert_int_equal(spec.checks_policies, row->checks);
}

static void a_workflow_that_is_not_there(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct project_config project = { .workflow = "other" };

	(void)state;
	assert_null(recipe_of(&config, &project, "", "", &arena));
}

static void a_row_that_cannot_be_read(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct job job = { .op = JOB_APPLY, .recipe = "{\"plan\":3}" };
	struct job_spec spec = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_err(recipe_spec(&job, &arena, &spec, &err), &err, ERR_SYNTAX, "plan must be a list");
}

int main(int argc, char **argv)
{
	CASES(spec_cases, specs);
	CASE(a_workflow_that_is_not_there);
	CASE(a_row_that_cannot_be_read);
	return cases_run(argc, argv);
}
