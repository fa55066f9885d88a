/* links: runner model lib */
/* Plan JSON -> summary: actions, order, differences, and what must not be told. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "runners/tf_plan.h"
#include <string.h>

static struct arena arena;

static struct plan_summary summarise(const char *text)
{
	struct plan_summary summary;
	json_t *plan = NULL;
	struct err err;

	assert_int_equal(jsonx_parse(text, strlen(text), TF_PLAN_MAX, &plan, &err), 0);
	if (tf_plan_summarise(plan, &arena, &summary, NULL, &err) < 0)
		fail_msg("%s", err.text);
	json_decref(plan);
	return summary;
}

#define PLAN(changes)                                                                              \
	"{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"resource_changes\":"       \
	"[" changes "]}"
#define CHANGE(address, actions, rest)                                                             \
	"{\"address\":\"" address "\",\"change\":{\"actions\":[" actions "]" rest "}}"

static const struct action_case {
	const char *actions, *rest, *before_change;
	enum plan_action want;
} action_cases[] = {
	{ "\"no-op\"", "", "", PLAN_NO_OP },
	{ "\"create\"", "", "", PLAN_CREATE },
	{ "\"read\"", "", "", PLAN_READ },
	{ "\"update\"", "", "", PLAN_UPDATE },
	{ "\"delete\"", "", "", PLAN_DELETE },
	{ "\"delete\",\"create\"", "", "", PLAN_REPLACE },
	{ "\"create\",\"delete\"", "", "", PLAN_REPLACE },
	{ "\"forget\"", "", "", PLAN_FORGET },
	{ "\"no-op\"", ",\"importing\":{\"id\":\"i\"}", "", PLAN_IMPORT },
	{ "\"no-op\"", "", "\"previous_address\":\"a.old\",", PLAN_MOVE },
	{ "\"surprise\"", "", "", PLAN_NO_OP },
};

static void actions(_unused_ void **state)
{
	for (size_t i = 0; i < countof(action_cases); i++) {
		const struct action_case *c = &action_cases[i];
		char *text = mem_printf(
			"{\"format_version\":\"1\",\"resource_changes\":[{\"address\":"
			"\"a.b\",%s\"change\":{\"actions\":[%s]%s}}]}",
			c->before_change, c->actions, c->rest);
		struct plan_summary summary = summarise(text);

		assert_int_equal(summary.resource_count, c->want != PLAN_NO_OP);
		if (c->want != PLAN_NO_OP)
			assert_int_equal(summary.resources[0].action, c->want);
		free(text);
	}
}

static void most_dangerous_first(_unused_ void **state)
{
	static const char *const want[] = { "d.1", "r.1", "u.1", "c.1", "c.2" };
	struct plan_summary summary = summarise(PLAN(CHANGE("c.1", "\"create\"", "") "," CHANGE(
		"u.1", "\"update\"", "") "," CHANGE("c.2", "\"create\"", "") "," CHANGE("d.1",
		"\"delete\"", "") "," CHANGE("r.1", "\"delete\",\"create\"", "")));

	assert_int_equal(summary.resource_count, countof(want));
	for (size_t i = 0; i < countof(want); i++)
		assert_string_equal(summary.resources[i].address, want[i]);
	assert_int_equal(summary.create, 2);
	assert_string_equal(summary.tool_version, "1.11.4");
}

static const struct value_case {
	const char *change, *path, *before, *after;
	bool forces;
} value_cases[] = {
	{ "\"before\":{\"a\":\"x\"},\"after\":{\"a\":\"y\"}", "a", "x", "y", false },
	{ "\"before\":{\"a\":1},\"after\":{\"a\":2}", "a", "1", "2", false },
	{ "\"before\":{\"a\":null},\"after\":{\"a\":true}", "a", NULL, "true", false },
	{ "\"before\":{\"a\":\"x\"},\"after\":{}", "a", "x", NULL, false },
	{ "\"before\":{\"a\":\"x\"},\"after\":{},\"after_unknown\":{\"a\":true}", "a", "x",
		"(known after apply)", false },
	{ "\"before\":{},\"after\":{},\"after_unknown\":{\"a\":true}", "a", NULL,
		"(known after apply)", false },
	{ "\"before\":{\"a\":\"x\"},\"after\":{\"a\":\"y\"},\"before_sensitive\":{\"a\":true},"
	  "\"after_sensitive\":{\"a\":true}",
		"a", "(sensitive)", "(sensitive)", false },
	{ "\"before\":{\"a\":\"x\"},\"after\":{\"a\":\"y\"},\"before_sensitive\":true,"
	  "\"after_sensitive\":true",
		"a", "(sensitive)", "(sensitive)", false },
	{ "\"before\":{\"a\":[\"x\"]},\"after\":{\"a\":[\"x\",\"y\"]},\"after_sensitive\":{\"a\":["
	  "false,true]}",
		"a", "[\"x\"]", "(sensitive)", false },
	{ "\"before\":{\"db_password\":\"x\"},\"after\":{\"db_password\":\"y\"}", "db_password",
		"(sensitive)", "(sensitive)", false },
	{ "\"before\":{\"user_data\":\"x\"},\"after\":{\"user_data\":\"y\"}", "user_data",
		"(sensitive)", "(sensitive)", false },
	{ "\"before\":{\"c\":[{\"env\":{\"A\":\"x\"}}]},\"after\":{\"c\":[{\"env\":{\"A\":\"y\"}}]"
	  "}",
		"c[0].env.A", "(sensitive)", "(sensitive)", false },
	{ "\"before\":{\"a\":[{\"b\":\"x\"}]},\"after\":{\"a\":[{\"b\":\"y\"}]},\"replace_paths\":["
	  "[\"a\","
	  "0,\"b\"]]",
		"a[0].b", "x", "y", true },
	{ "\"before\":{\"a\":\"x\\ny\"},\"after\":{\"a\":\"x\"}", "a", "x\\ny", "x", false },
};

static void values(_unused_ void **state)
{
	for (size_t i = 0; i < countof(value_cases); i++) {
		const struct value_case *c = &value_cases[i];
		char *text = mem_printf(
			"{\"format_version\":\"1\",\"resource_changes\":[{\"address\":"
			"\"a.b\",\"change\":{\"actions\":[\"update\"],%s}}]}",
			c->change);
		struct plan_summary summary = summarise(text);
		const struct plan_attribute *found = summary.resources[0].attributes;

		assert_int_equal(summary.resources[0].attribute_count, 1);
		assert_string_equal(found->path, c->path);
		if (!str_equal(found->before, c->before) || !str_equal(found->after, c->after))
			fail_msg("case %zu: %s -> %s", i, found->before, found->after);
		assert_int_equal(found->forces_replace, c->forces);
		free(text);
	}
}

static void marked_value_is_hidden_where_the_mark_is_lost(_unused_ void **state)
{
	struct plan_summary summary = summarise(PLAN(CHANGE("a.b", "\"update\"",
		",\"before\":{\"in\":\"correct-horse\",\"out\":\"correct-horse\",\"all\":\"url?k="
		"correct-horse-battery\"},"
		"\"after\":{\"in\":\"x\",\"out\":\"y\",\"all\":\"z\"},\"before_sensitive\":{\"in\":"
		"true}")));

	assert_int_equal(summary.resources[0].attribute_count, 3);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(summary.resources[0].attributes[i].before, "(sensitive)");
}

static void what_forces_comes_first_and_is_never_left_out(_unused_ void **state)
{
	struct strbuf text = STRBUF(1 << 20);

	strbuf_puts(&text,
		"{\"format_version\":\"1\",\"resource_changes\":[{\"address\":\"a.b\",\"change\":{"
		"\"actions\":[\"delete\",\"create\"],\"replace_paths\":[[\"z\"]],\"before\":{");
	for (int i = 0; i < 30; i++)
		strbuf_printf(&text, "\"k%02d\":1,", i);
	strbuf_puts(&text, "\"z\":1},\"after\":{");
	for (int i = 0; i < 30; i++)
		strbuf_printf(&text, "\"k%02d\":2,", i);
	strbuf_puts(&text, "\"z\":2}}}]}");
	struct plan_summary summary = summarise(strbuf_text(&text));

	assert_int_equal(summary.resources[0].attribute_count, PLAN_ATTRIBUTES_MAX);
	assert_int_equal(summary.resources[0].attributes_left_out, 31 - PLAN_ATTRIBUTES_MAX);
	assert_string_equal(summary.resources[0].attributes[0].path, "z");
	strbuf_release(&text);
}

#define RESOURCE(address, mode, type, more)                                                        \
	"{\"address\":\"" address "\",\"mode\":\"" mode "\",\"type\":\"" type "\"" more "}"
#define PROVISIONERS(type) ",\"provisioners\":[{\"type\":\"" type "\"}]"

static const struct found {
	enum plan_construct_kind kind;
	const char *address, *detail;
} found[] = {
	{ CONSTRUCT_PROGRAM, "data.external.e", "" },
	{ CONSTRUCT_HTTP, "data.http.h", "" },
	{ CONSTRUCT_HTTP, "ephemeral.http.h", "" },
	{ CONSTRUCT_PROVISIONER, "terraform_data.t", "local-exec" },
	{ CONSTRUCT_PROVISIONER, "terraform_data.t", "file" },
	{ CONSTRUCT_PROGRAM, "shell_script.s", "" },
	{ CONSTRUCT_PROVISIONER, "module.m.x.y", "remote-exec" },
	{ CONSTRUCT_MODULE, "module.m.module.far", "github.com/o/r//m" },
	{ CONSTRUCT_PROGRAM, "module.m.module.far.data.external.e", "" },
	{ CONSTRUCT_ACTION, "action.aws_lambda_invoke.a", "" },
};

/* What stays as it is runs nothing, and a module beside it is no stranger. */
static void what_runs_code(_unused_ void **state)
{
	struct plan_summary summary = summarise(
		"{\"format_version\":\"1\",\"resource_changes\":[" CHANGE(
			"module.m[\\\"k\\\"].x.y[0]", "\"create\"", "") "," CHANGE("x.still",
			"\"no-op\"", "") "," CHANGE("shell_script.s", "\"delete\"",
			"") "," CHANGE("shell_script.still", "\"no-op\"",
			"") "," CHANGE("terraform_data.t", "\"delete\",\"create\"",
			"") "],"
			    "\"configuration\":{\"root_module\":{\"resources\":[" RESOURCE(
				    "data.external.e", "data", "external",
				    "") "," RESOURCE("data.http.h", "data", "http",
				    "") "," RESOURCE("ephemeral.http.h", "ephemeral", "http",
				    "") "," RESOURCE("x.still", "managed", "x",
				    PROVISIONERS("local-exec")) "," RESOURCE("terraform_data.t",
				    "managed", "terraform_data",
				    ",\"provisioners\":[{\"type\":\"local-exec\"},{\"type\":"
				    "\"file\"}]") "," RESOURCE("shell_script.s", "managed",
				    "shell_script", "") "," RESOURCE("shell_script.still",
				    "managed", "shell_script",
				    "") "],\"module_calls\":{\"m\":{\"source\":\"../"
					"m\",\"module\":{\"resources\":[" RESOURCE("x.y", "managed",
						"x",
						PROVISIONERS(
							"remote-exec")) "],\"module_calls\":{"
									"\"far\":{\"source\":"
									"\"github.com/o/r//"
									"m\",\"module\":{"
									"\"resources\":[" RESOURCE(
										"data.external.e",
										"data", "external",
										"") "]}}}}}}}},"
										    "\"action_"
										    "invocations\":"
										    "[{\"address\":"
										    "\"action.aws_"
										    "lambda_invoke."
										    "a\"}]}");

	assert_int_equal(summary.constructs.count, countof(found));
	for (size_t i = 0; i < countof(found); i++) {
		assert_int_equal(summary.constructs.list[i].kind, found[i].kind);
		assert_string_equal(summary.constructs.list[i].address, found[i].address);
		assert_string_equal(summary.constructs.list[i].detail, found[i].detail);
	}
}

static void not_a_plan(_unused_ void **state)
{
	static const char *const texts[] = { "{}", "[]", "{\"format_version\":1}",
		"{\"format_version\":\"1\",\"resource_changes\":[{\"change\":{\"actions\":["
		"\"create\"]}}]}" };
	struct plan_summary summary;
	struct err err;

	for (size_t i = 0; i < countof(texts); i++) {
		json_t *plan = json_loads(texts[i], 0, NULL);

		assert_int_equal(
			tf_plan_summarise(plan, &arena, &summary, NULL, &err), -ERR_SYNTAX);
		json_decref(plan);
	}
}

int main(int argc, char **argv)
{
	CASE(actions);
	CASE(most_dangerous_first);
	CASE(values);
	CASE(marked_value_is_hidden_where_the_mark_is_lost);
	CASE(what_forces_comes_first_and_is_never_left_out);
	CASE(what_runs_code);
	CASE(not_a_plan);

	int failed = cases_run(argc, argv);

	arena_release(&arena);
	return failed;
}
