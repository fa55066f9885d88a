/* links: model lib */
/* Steps and recipes: read strictly, written whole. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/steps.h"

#include <string.h>

static int read_text(const char *text, struct arena *arena, struct steps *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &json, err);

	return r < 0 ? r : steps_read(json, "job: steps", arena, ret, err);
}

static const struct wrong {
	const char *name, *json;
	enum err_code code;
	const char *says;
} wrongs[] = {
	{ "object", "{}", ERR_SYNTAX, "job: steps must be a list" },
	{ "not objects", "[1]", ERR_SYNTAX, "job: steps[0] is not an object" },
	{ "no kind", "[{}]", ERR_SYNTAX, "job: steps[0]: kind must be given" },
	{ "kind 0", "[{\"kind\":0}]", ERR_SYNTAX, "steps[0]: kind is none that we know" },
	{ "kind 11", "[{\"kind\":1},{\"kind\":11}]", ERR_SYNTAX,
		"steps[1]: kind is none that we know" },
	{ "kind beyond an int", "[{\"kind\":4294967297}]", ERR_SYNTAX, "kind is none" },
	{ "output 8", "[{\"kind\":1,\"output\":8}]", ERR_SYNTAX, "output is none" },
	{ "timeout", "[{\"kind\":1,\"timeout_ms\":86400001}]", ERR_SYNTAX, "timeout_ms must" },
	{ "run without command", "[{\"kind\":8}]", ERR_SYNTAX, "a step run needs a command" },
	{ "multienv without", "[{\"kind\":10}]", ERR_SYNTAX, "a step multienv needs a command" },
	{ "env without both", "[{\"kind\":9,\"name\":\"X\"}]", ERR_SYNTAX,
		"a step env needs a command" },
	{ "env with both", "[{\"kind\":9,\"name\":\"X\",\"value\":\"\",\"command\":\"ls\"}]",
		ERR_SYNTAX, "a step env takes no command" },
	{ "env without name", "[{\"kind\":9,\"value\":\"x\"}]", ERR_SYNTAX, "needs a name" },
	{ "init with command", "[{\"kind\":1,\"command\":\"ls\"}]", ERR_SYNTAX,
		"a step init takes no command" },
	{ "args text", "[{\"kind\":1,\"extra_args\":\"-x\"}]", ERR_SYNTAX,
		"steps[0]: extra_args must be a list" },
	{ "args number", "[{\"kind\":1,\"extra_args\":[1]}]", ERR_SYNTAX, "extra_args[0] must be" },
	{ "value number", "[{\"kind\":9,\"name\":\"X\",\"value\":1}]", ERR_SYNTAX,
		"value must be a string" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct steps steps;
	struct err err = { 0 };

	assert_err(read_text(row->json, &arena, &steps, &err), &err, row->code, row->says);
	assert_int_equal(steps.count, 0);
}

static void too_many(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *list = json_array();
	struct steps steps;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < STEPS_MAX; i++)
		json_array_append_new(list, json_pack("{s:i}", "kind", STEP_KIND_INIT));
	assert_ok(steps_read(list, "steps", &arena, &steps, &err), &err);
	assert_int_equal(steps.count, STEPS_MAX);
	json_array_append_new(list, json_pack("{s:i}", "kind", STEP_KIND_INIT));
	assert_err(steps_read(list, "steps", &arena, &steps, &err), &err, ERR_LIMIT,
		"more than 100 steps");
}

/* No list is the default of the stage; an empty one does nothing. */
static void none_and_empty_differ(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct steps steps;
	struct err err = { 0 };

	(void)state;
	assert_ok(read_text("[]", &arena, &steps, &err), &err);
	assert_true(steps.is_given);
	assert_ok(steps_read(NULL, "steps", &arena, &steps, &err), &err);
	assert_false(steps.is_given);
}

static void a_recipe_comes_back(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *args[] = { "-var-file", "$WORKSPACE.tfvars", "" };
	const char *shell_args[] = { "-e", "-c" };
	const char *filters[] = { "[0-9]+" };
	struct step list[] = {
		{ .kind = STEP_KIND_INIT, .extra_args = args, .extra_arg_count = 3 },
		{ .kind = STEP_KIND_RUN,
			.command = "echo \"a\"\n",
			.shell = "bash",
			.shell_args = shell_args,
			.shell_arg_count = 2,
			.output = OUTPUT_STRIP_REFRESHING | OUTPUT_FILTER_REGEX,
			.filters = filters,
			.filter_count = 1,
			.timeout_ms = 1000 },
		{ .kind = STEP_KIND_ENV, .name = "X", .value = "" },
	};
	struct recipe recipe = { .tool_version = "1.5.7", .checks_policies = true }, got;
	const char *text;
	struct err err = { 0 };

	(void)state;
	recipe.import_requires = 3;
	recipe.stages[STAGE_PLAN] = (struct steps){ .list = list, .count = 3, .is_given = true };
	recipe.stages[STAGE_IMPORT].is_given = true;
	text = recipe_write(&recipe, &arena);
	assert_ok(recipe_read(text, &arena, &got, &err), &err);
	assert_string_equal(recipe_write(&got, &arena), text);
	assert_string_equal(got.tool_version, "1.5.7");
	assert_true(got.checks_policies);
	assert_int_equal(got.import_requires, 3);
	assert_false(got.stages[STAGE_APPLY].is_given);
	assert_true(got.stages[STAGE_IMPORT].is_given);
	list[0] = got.stages[STAGE_PLAN].list[1];
	assert_string_equal(list[0].command, "echo \"a\"\n");
	assert_string_equal(list[0].shell_args[1], "-c");
	assert_string_equal(list[0].filters[0], "[0-9]+");
	assert_int_equal(list[0].timeout_ms, 1000);
	assert_string_equal(got.stages[STAGE_PLAN].list[2].value, "");
	assert_null(got.stages[STAGE_PLAN].list[1].value);
}

static void nothing_is_a_recipe_too(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct recipe got;
	struct err err = { 0 };

	(void)state;
	assert_ok(recipe_read("", &arena, &got, &err), &err);
	assert_string_equal(got.tool_version, "");
	for (int i = 0; i < STAGE_COUNT; i++)
		assert_false(got.stages[i].is_given);
	assert_err(recipe_read("{\"plan\":1}", &arena, &got, &err), &err, ERR_SYNTAX,
		"plan must be a list");
	assert_err(recipe_read("{", &arena, &got, &err), &err, ERR_SYNTAX, "the recipe of a job");
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(too_many);
	CASE(none_and_empty_differ);
	CASE(a_recipe_comes_back);
	CASE(nothing_is_a_recipe_too);
	return cases_run(argc, argv);
}
