/* The order for a job and its result, both ways. */
#include "orchestrator/model/job_spec.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/policy_results.h"
#include "orchestrator/model/steps.h"

#include <string.h>

static const struct {
	const char *key;
	size_t offset;
} spec_texts[] = {
	{ "tool", offsetof(struct job_spec, tool) },
	{ "repo_name", offsetof(struct job_spec, repo_name) },
	{ "clone_url", offsetof(struct job_spec, clone_url) },
	{ "head", offsetof(struct job_spec, head) },
	{ "head_ref", offsetof(struct job_spec, head_ref) },
	{ "base", offsetof(struct job_spec, base) },
	{ "base_ref", offsetof(struct job_spec, base_ref) },
	{ "near_tree", offsetof(struct job_spec, near_tree) },
	{ "tree", offsetof(struct job_spec, tree) },
	{ "base_tree", offsetof(struct job_spec, base_tree) },
	{ "dir", offsetof(struct job_spec, dir) },
	{ "workspace", offsetof(struct job_spec, workspace) },
	{ "project", offsetof(struct job_spec, project) },
	{ "plan_blob", offsetof(struct job_spec, plan_blob) },
	{ "plan_lock", offsetof(struct job_spec, plan_lock) },
	{ "plan_program", offsetof(struct job_spec, plan_program) },
	{ "tool_version", offsetof(struct job_spec, tool_version) },
	{ "tool_sha256", offsetof(struct job_spec, tool_sha256) },
	{ "tool_mirror", offsetof(struct job_spec, tool_mirror) },
	{ "tool_archive", offsetof(struct job_spec, tool_archive) },
	{ "conftest_archive", offsetof(struct job_spec, conftest_archive) },
	{ "conftest_version", offsetof(struct job_spec, conftest_version) },
	{ "conftest_sha256", offsetof(struct job_spec, conftest_sha256) },
	{ "command", offsetof(struct job_spec, command) },
	{ "author", offsetof(struct job_spec, author) },
	{ "actor", offsetof(struct job_spec, actor) },
	{ "pull_url", offsetof(struct job_spec, pull_url) },
};

static const struct {
	const char *key;
	size_t offset;
} spec_numbers[] = {
	{ "job", offsetof(struct job_spec, job) },
	{ "repo", offsetof(struct job_spec, repo) },
	{ "number", offsetof(struct job_spec, number) },
	{ "plan_job", offsetof(struct job_spec, plan_job) },
	{ "step_timeout_ms", offsetof(struct job_spec, step_timeout_ms) },
	{ "stop_grace_ms", offsetof(struct job_spec, stop_grace_ms) },
	{ "output_cap_bytes", offsetof(struct job_spec, output_cap_bytes) },
};

static const struct {
	const char *key;
	size_t offset;
} spec_flags[] = {
	{ "checks_policies", offsetof(struct job_spec, checks_policies) },
	{ "is_before", offsetof(struct job_spec, is_before) },
	{ "is_after", offsetof(struct job_spec, is_after) },
	{ "has_errors", offsetof(struct job_spec, has_errors) },
	{ "is_approved", offsetof(struct job_spec, is_approved) },
	{ "is_mergeable", offsetof(struct job_spec, is_mergeable) },
};

static const struct {
	const char *key;
	size_t list, count;
} spec_lists[] = {
	{ "extra_args", offsetof(struct job_spec, extra_args),
		offsetof(struct job_spec, extra_arg_count) },
	{ "targets", offsetof(struct job_spec, targets), offsetof(struct job_spec, target_count) },
	{ "config_files", offsetof(struct job_spec, config_files),
		offsetof(struct job_spec, config_file_count) },
};

static const struct {
	const char *key, *what;
	size_t offset;
} spec_steps[] = {
	{ "steps", "job: steps", offsetof(struct job_spec, steps) },
	{ "plan_steps", "job: plan_steps", offsetof(struct job_spec, plan_steps) },
	{ "policy_steps", "job: policy_steps", offsetof(struct job_spec, policy_steps) },
};

enum { LIST_MAX = 64, ATTEMPT_MAX = 1000000 };

#define FIELD(base, type, offset) (*(type *)(void *)((char *)(uintptr_t)(base) + (offset)))

static int read_list(struct jsonx *reader, const char *key, struct arena *arena, const char ***ret,
	size_t *ret_count, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, key);

	*ret_count = json_array_size(list);
	if (*ret_count > LIST_MAX)
		return err_set(err, ERR_LIMIT, "job: more than %d %s", LIST_MAX, key);
	*ret = arena_alloc(arena, (*ret_count + 1) * sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_string(item) ||
			strlen(json_string_value(item)) != json_string_length(item))
			return err_set(err, ERR_SYNTAX, "job: %s[%zu] must be a string without NUL",
				key, i);
		(*ret)[i] = arena_strdup(arena, json_string_value(item));
	}
	return 0;
}

/* [{"name", "path"}] */
static int read_policies(
	struct jsonx *reader, struct arena *arena, struct job_spec *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, "policy_sets");

	ret->policy_set_count = json_array_size(list);
	if (ret->policy_set_count > POLICY_SETS_MAX)
		return err_set(err, ERR_LIMIT, "job: more than %d policy_sets", POLICY_SETS_MAX);
	ret->policy_sets = arena_alloc(
		arena, (ret->policy_set_count + 1) * sizeof(*ret->policy_sets));
	for (size_t i = 0; i < ret->policy_set_count; i++) {
		struct jsonx set = jsonx_reader(json_array_get(list, i), "job: policy_sets", err);

		ret->policy_sets[i].name = arena_strdup(arena, jsonx_string(&set, "name"));
		ret->policy_sets[i].path = arena_strdup(arena, jsonx_string(&set, "path"));
		if (set.failed != 0)
			return set.failed;
	}
	return 0;
}

static int read_lists(const json_t *json, struct jsonx *reader, struct arena *arena,
	struct job_spec *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < countof(spec_lists); i++)
		r = read_list(reader, spec_lists[i].key, arena,
			&FIELD(ret, const char **, spec_lists[i].list),
			&FIELD(ret, size_t, spec_lists[i].count), err);
	for (size_t i = 0; r == 0 && i < countof(spec_steps); i++)
		r = steps_read(json_object_get(json, spec_steps[i].key), spec_steps[i].what, arena,
			&FIELD(ret, struct steps, spec_steps[i].offset), err);
	if (r == 0)
		r = check_orders_read(json_object_get(json, "checks"), arena, &ret->checks, err);
	return r < 0 ? r : read_policies(reader, arena, ret, err);
}

int job_spec_read(const json_t *json, struct arena *arena, struct job_spec *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "job", err);
	int64_t op = jsonx_int(&reader, "op"), attempt = jsonx_int(&reader, "attempt");
	int r;

	*ret = (struct job_spec){ .op = (enum job_op)op, .attempt = (int)attempt };
	for (size_t i = 0; i < countof(spec_texts); i++)
		FIELD(ret, const char *, spec_texts[i].offset) = arena_strdup(
			arena, jsonx_string_or(&reader, spec_texts[i].key, ""));
	for (size_t i = 0; i < countof(spec_numbers); i++)
		FIELD(ret, int64_t, spec_numbers[i].offset) = jsonx_int_or(
			&reader, spec_numbers[i].key, 0);
	for (size_t i = 0; i < countof(spec_flags); i++)
		FIELD(ret, bool, spec_flags[i].offset) = jsonx_bool_or(
			&reader, spec_flags[i].key, false);
	r = reader.failed != 0 ? reader.failed : read_lists(json, &reader, arena, ret, err);
	if (r < 0 || reader.failed != 0)
		return r < 0 ? r : reader.failed;
	if (op < JOB_PREPARE || op > JOB_DRIFT)
		return err_set(err, ERR_SYNTAX, "job: op is none that we know");
	if (attempt < 0 || attempt > ATTEMPT_MAX)
		return err_set(
			err, ERR_SYNTAX, "job: attempt must be between 0 and %d", ATTEMPT_MAX);
	return 0;
}

static json_t *policies_json(const struct job_spec *spec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < spec->policy_set_count; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:o}", "name", jsonx_any(spec->policy_sets[i].name),
				      "path", jsonx_any(spec->policy_sets[i].path)));
	return list;
}

json_t *job_spec_write(const struct job_spec *spec)
{
	json_t *json = json_object();

	json_object_set_new(json, "op", json_integer(spec->op));
	json_object_set_new(json, "attempt", json_integer(spec->attempt));
	for (size_t i = 0; i < countof(spec_texts); i++)
		json_object_set_new(json, spec_texts[i].key,
			jsonx_any(FIELD(spec, const char *, spec_texts[i].offset)));
	for (size_t i = 0; i < countof(spec_numbers); i++)
		json_object_set_new(json, spec_numbers[i].key,
			json_integer(FIELD(spec, int64_t, spec_numbers[i].offset)));
	for (size_t i = 0; i < countof(spec_flags); i++)
		json_object_set_new(json, spec_flags[i].key,
			json_boolean(FIELD(spec, bool, spec_flags[i].offset)));
	for (size_t i = 0; i < countof(spec_lists); i++) {
		json_t *list = json_array();

		for (size_t k = 0; k < FIELD(spec, size_t, spec_lists[i].count); k++)
			json_array_append_new(
				list, jsonx_any(FIELD(spec, const char **, spec_lists[i].list)[k]));
		json_object_set_new(json, spec_lists[i].key, list);
	}
	for (size_t i = 0; i < countof(spec_steps); i++)
		json_object_set_new(json, spec_steps[i].key,
			steps_write(&FIELD(spec, const struct steps, spec_steps[i].offset)));
	json_object_set_new(json, "policy_sets", policies_json(spec));
	if (spec->checks.count > 0)
		json_object_set_new(json, "checks", check_orders_write(&spec->checks));
	return json;
}

/* null is as good as absent */
static const json_t *part(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	return json_is_null(value) ? NULL : value;
}

int job_result_read(json_t *json, struct arena *arena, struct job_result *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "result", err);
	int64_t outcome = jsonx_int(&reader, "outcome");
	int64_t exit_code = jsonx_int_or(&reader, "exit_code", 0);
	int64_t signal = jsonx_int_or(&reader, "signal", 0);

	*ret = (struct job_result){ .outcome = (enum job_outcome)outcome,
		.step = arena_strdup(arena, jsonx_string_or(&reader, "step", "")),
		.exit_code = (int)exit_code,
		.signal = (int)signal,
		.failure = arena_strdup(arena, jsonx_string_or(&reader, "failure", "")),
		.output = arena_strdup(arena, jsonx_string_or(&reader, "output", "")),
		.plan_blob = arena_strdup(arena, jsonx_string_or(&reader, "plan_blob", "")),
		.log_blob = arena_strdup(arena, jsonx_string_or(&reader, "log_blob", "")),
		.has_changes = jsonx_bool_or(&reader, "has_changes", false),
		.started_ms = jsonx_int_or(&reader, "started_ms", 0),
		.ended_ms = jsonx_int_or(&reader, "ended_ms", 0) };
	if (reader.failed != 0)
		return reader.failed;
	if (outcome <= OUTCOME_NONE || outcome > OUTCOME_DISK_CAP)
		return err_set(err, ERR_SYNTAX, "result: outcome is none that we know");
	if (exit_code < -1 || exit_code > 255 || signal < 0 || signal > 64)
		return err_set(err, ERR_SYNTAX,
			"result: exit_code or signal is none that a "
			"process can have");
	ret->summary = part(json, "summary");
	ret->prepared = part(json, "prepared");
	ret->json = json_incref(json);
	return 0;
}

json_t *job_result_write(const struct job_result *result)
{
	json_t *json = json_object();

	json_object_set_new(json, "outcome", json_integer(result->outcome));
	json_object_set_new(json, "step", jsonx_any(result->step));
	json_object_set_new(json, "exit_code", json_integer(result->exit_code));
	json_object_set_new(json, "signal", json_integer(result->signal));
	json_object_set_new(json, "failure", jsonx_any(result->failure));
	json_object_set_new(json, "output", jsonx_any(result->output));
	json_object_set_new(json, "plan_blob", jsonx_any(result->plan_blob));
	json_object_set_new(json, "log_blob", jsonx_any(result->log_blob));
	json_object_set_new(json, "has_changes", json_boolean(result->has_changes));
	json_object_set_new(json, "started_ms", json_integer(result->started_ms));
	json_object_set_new(json, "ended_ms", json_integer(result->ended_ms));
	if (result->summary != NULL)
		json_object_set(json, "summary", (json_t *)(uintptr_t)result->summary);
	if (result->prepared != NULL)
		json_object_set(json, "prepared", (json_t *)(uintptr_t)result->prepared);
	return json;
}

void job_result_release(struct job_result *result)
{
	json_decref(result->json);
	result->json = NULL;
	result->summary = result->prepared = NULL;
}
