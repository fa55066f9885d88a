/* links: model lib */
/* The order for a job and its result: read strictly, written whole. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_spec.h"

#include <string.h>

static int read_spec(const char *text, struct arena *arena, struct job_spec *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &json, err);

	return r < 0 ? r : job_spec_read(json, arena, ret, err);
}

static int read_result(
	const char *text, struct arena *arena, struct job_result *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &json, err);

	return r < 0 ? r : job_result_read(json, arena, ret, err);
}

static const struct wrong {
	const char *name, *json;
	bool is_result;
	const char *says;
} wrongs[] = {
	{ "list", "[]", false, "job is not an object" },
	{ "no op", "{\"attempt\":1}", false, "job: op must be given" },
	{ "op text", "{\"op\":\"plan\",\"attempt\":1}", false, "job: op must be a whole number" },
	{ "op 0", "{\"op\":0,\"attempt\":1}", false, "op is none that we know" },
	{ "op 8", "{\"op\":8,\"attempt\":1}", false, "op is none that we know" },
	{ "op beyond an int", "{\"op\":4294967298,\"attempt\":1}", false,
		"op is none that we know" },
	{ "no attempt", "{\"op\":2}", false, "job: attempt must be given" },
	{ "attempt below 0", "{\"op\":2,\"attempt\":-1}", false, "attempt must be between" },
	{ "attempt beyond an int", "{\"op\":2,\"attempt\":4294967297}", false,
		"attempt must be between" },
	{ "dir number", "{\"op\":2,\"attempt\":1,\"dir\":3}", false, "job: dir must be a string" },
	{ "timeout text", "{\"op\":2,\"attempt\":1,\"step_timeout_ms\":\"1\"}", false,
		"step_timeout_ms must be a whole number" },
	{ "args text", "{\"op\":2,\"attempt\":1,\"extra_args\":\"-x\"}", false,
		"extra_args must be a list" },
	{ "args number", "{\"op\":2,\"attempt\":1,\"extra_args\":[\"-x\",1]}", false,
		"extra_args[1] must be a string" },
	{ "result list", "[]", true, "result is not an object" },
	{ "no outcome", "{}", true, "result: outcome must be given" },
	{ "outcome none", "{\"outcome\":0}", true, "outcome is none that we know" },
	{ "outcome 15", "{\"outcome\":15}", true, "outcome is none that we know" },
	{ "outcome beyond an int", "{\"outcome\":4294967297}", true,
		"outcome is none that we know" },
	{ "outcome text", "{\"outcome\":\"ok\"}", true, "outcome must be a whole number" },
	{ "exit code 256", "{\"outcome\":1,\"exit_code\":256}", true, "exit_code or signal" },
	{ "exit code beyond", "{\"outcome\":1,\"exit_code\":4294967296}", true,
		"exit_code or signal" },
	{ "signal 65", "{\"outcome\":1,\"signal\":65}", true, "exit_code or signal" },
	{ "changes as text", "{\"outcome\":1,\"has_changes\":\"yes\"}", true,
		"has_changes must be true or false" },
	{ "output list", "{\"outcome\":1,\"output\":[]}", true, "output must be a string" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job_result result = { 0 };
	struct job_spec spec;
	struct err err = { 0 };

	if (row->is_result)
		assert_err(
			read_result(row->json, &arena, &result, &err), &err, ERR_SYNTAX, row->says);
	else
		assert_err(read_spec(row->json, &arena, &spec, &err), &err, ERR_SYNTAX, row->says);
	assert_null(result.json);
}

static void too_many_arguments(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *args = json_array();
	_cleanup_json_ json_t *json = NULL;
	struct job_spec spec;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 65; i++)
		json_array_append_new(args, json_string("-x"));
	json = json_pack("{s:i,s:i,s:o}", "op", 2, "attempt", 1, "extra_args", args);
	assert_err(job_spec_read(json, &arena, &spec, &err), &err, ERR_LIMIT,
		"more than 64 extra_args");
}

static void a_spec_comes_back(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *args[] = { "-target=a b", "" };
	struct step show = { .kind = STEP_KIND_SHOW };
	struct job_spec spec = { .job = { 7 },
		.attempt = 2,
		.op = JOB_APPLY,
		.tool = "terraform",
		.repo = { 3 },
		.repo_name = "team/infra",
		.number = 41,
		.head = "h",
		.tree = "t",
		.dir = "a \"b\"",
		.workspace = "default",
		.project = "p",
		.extra_args = args,
		.extra_arg_count = 2,
		.targets = &args[0],
		.target_count = 1,
		.steps = { .list = &show, .count = 1, .is_given = true },
		.actor = "bob",
		.is_approved = true,
		.plan_blob = "blob",
		.plan_job = { 6 },
		.step_timeout_ms = INT64_C(1) << 40,
		.stop_grace_ms = 1,
		.output_cap_bytes = 2 };
	_cleanup_json_ json_t *json = job_spec_write(&spec), *again = NULL;
	struct job_spec got;
	struct err err = { 0 };

	(void)state;
	assert_ok(job_spec_read(json, &arena, &got, &err), &err);
	again = job_spec_write(&got);
	assert_true(json_equal(json, again));
	assert_int_equal(got.job.v, 7);
	assert_int_equal(got.plan_job.v, 6);
	assert_int_equal(got.step_timeout_ms, spec.step_timeout_ms);
	assert_string_equal(got.extra_args[0], "-target=a b");
	assert_string_equal(got.clone_url, "");
	assert_string_equal(got.targets[0], "-target=a b");
	assert_int_equal(got.steps.list[0].kind, STEP_KIND_SHOW);
	assert_false(got.plan_steps.is_given);
	assert_true(got.is_approved);
	assert_false(got.is_mergeable);
}

/* Left out, the folder would read as "none given", and something else would be planned. */
static void what_is_no_text_leaves_a_mark(void **state)
{
	const char *args[] = { "-var=\xff", "-b" };
	struct job_spec spec = {
		.op = JOB_PLAN, .dir = "caf\xe9", .extra_args = args, .extra_arg_count = 2
	};
	_cleanup_json_ json_t *json = job_spec_write(&spec);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "dir")), "(not valid text)");
	assert_int_equal(json_array_size(json_object_get(json, "extra_args")), 2);
}

static void a_result_comes_back(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *summary = json_pack("{s:i}", "create", 1), *json = NULL,
			      *again = NULL;
	struct job_result result = { .outcome = OUTCOME_TOOL_FAILED,
		.step = "plan",
		.exit_code = 1,
		.failure = "it failed",
		.output = "caf\xe9",
		.plan_blob = "p",
		.log_blob = "l",
		.has_changes = true,
		.summary = summary,
		.started_ms = 5,
		.ended_ms = 6 };
	struct job_result got = { 0 };
	struct err err = { 0 };

	(void)state;
	json = job_result_write(&result);
	assert_ok(job_result_read(json, &arena, &got, &err), &err);
	again = job_result_write(&got);
	assert_true(json_equal(json, again));
	assert_string_equal(got.output, "(not valid text)");
	assert_int_equal(json_integer_value(json_object_get(got.summary, "create")), 1);
	assert_null(got.prepared);
	job_result_release(&got);
	assert_null(got.json);
	assert_null(got.summary);
	job_result_release(&got);
}

static void null_parts_are_absent(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job_result got = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_ok(read_result(
			  "{\"outcome\":1,\"summary\":null,\"prepared\":null}", &arena, &got, &err),
		&err);
	assert_null(got.summary);
	assert_null(got.prepared);
	job_result_release(&got);
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(too_many_arguments);
	CASE(a_spec_comes_back);
	CASE(what_is_no_text_leaves_a_mark);
	CASE(a_result_comes_back);
	CASE(null_parts_are_absent);
	return cases_run(argc, argv);
}
