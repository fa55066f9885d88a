/* links: runner model lib */
#include "orchestrator/lib/jsonx.h"
#include "runners/sandbox/profile.h"
#include "runners/site.h"
#include "tests/lib/cases.h"
#include <string.h>

static void rows_stand_in_the_order_of_their_ids(_unused_ void **state)
{
	for (int id = 1; id <= PROFILE_COUNT; id++) {
		assert_int_equal(profile_of((enum profile_id)id)->id, id);
		assert_ptr_equal(profile_find(profile_of((enum profile_id)id)->name),
			profile_of((enum profile_id)id));
	}
	assert_null(profile_find("nothing"));
	assert_null(profile_find(""));
}

/* What a pull request can run and what holds secrets has no way out but the operator's proxy; what
 * reads foreign bytes only has neither secrets nor a way out. */
static void no_profile_has_secrets_and_an_open_network(_unused_ void **state)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		const struct profile *row = &profiles[i];

		assert_int_not_equal(row->network, PROFILE_NETWORK_HOST);
		if (row->tree == PROFILE_TREE_NONE || row->tree == PROFILE_TREE_READ) {
			assert_int_equal(row->network, PROFILE_NETWORK_NONE);
			assert_int_equal(row->secrets, PROFILE_SECRETS_NONE);
		}
		if (row->secrets == PROFILE_SECRETS_APPLY)
			assert_int_equal(row->id, PROFILE_APPLY);
		assert_int_equal(row->outlives_supervisor, row->id == PROFILE_APPLY);
	}
}

static void every_limit_is_set(_unused_ void **state)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		const struct profile *row = &profiles[i];

		assert_true(row->memory_bytes > 0 && row->tmp_bytes > 0);
		assert_true(row->tmp_bytes < row->memory_bytes);
		assert_true(row->disk_bytes > 0 && row->disk_files > 0);
		assert_true(row->output_bytes > 0 && row->wall_ms > 0);
		assert_true(row->processes >= 64);
	}
}

/* "profiles" of the settings, the profile, a secret of the job: is it told? */
static void secrets_go_where_the_operator_said(_unused_ void **state)
{
	static const struct {
		const char *given;
		enum profile_id profile;
		const char *secret;
		bool is_told;
	} rows[] = {
		{ "{}", PROFILE_PLAN, "AWS_KEY=x", true },
		{ "{}", PROFILE_APPLY, "AWS_KEY=x", true },
		{ "{}", PROFILE_RUN, "AWS_KEY=x", false },
		{ "{}", PROFILE_POLICY, "AWS_KEY=x", false },
		{ "{}", PROFILE_RENDER, "AWS_KEY=x", false },
		{ "{\"run\": {\"environment\": [\"AWS_KEY\"]}}", PROFILE_RUN, "AWS_KEY=x", true },
		{ "{\"run\": {\"environment\": [\"AWS_KEY\"]}}", PROFILE_RUN, "AWS_KEYS=x", false },
		{ "{\"run\": {\"environment\": [\"AWS_KEY\"]}}", PROFILE_RUN, "AWS_KE=x", false },
		{ "{\"plan\": {\"environment\": [\"A\"]}}", PROFILE_PLAN, "AWS_KEY=x", false },
		{ "{\"plan\": {\"environment\": [\"A\"]}}", PROFILE_APPLY, "AWS_KEY=x", true },
		{ "{\"policy\": {\"environment\": [\"A\"]}}", PROFILE_POLICY, "A=x", false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_json_ json_t *all = json_loads(rows[i].given, 0, NULL);
		_cleanup_json_ json_t *json = json_pack(
			"{s:s, s:O}", "data", "/nowhere", "profiles", all);
		const char *secret = rows[i].secret;
		struct site site;
		struct err err;

		assert_int_equal(site_read(json, &site, &err), 0);
		if (site_tells(&site, rows[i].profile, secret, strcspn(secret, "=")) !=
			rows[i].is_told)
			fail_msg("row %zu: %s", i, rows[i].given);
		site_release(&site);
	}
}

static void hosts_open_a_network_only_for_their_profile(_unused_ void **state)
{
	_cleanup_json_ json_t *json = json_pack("{s:s, s:{s:{s:[s]}, s:{s:i}}}", "data", "/nowhere",
		"profiles", "run", "hosts", "example.org", "policy", "output", 4096);
	struct site site;
	struct err err;

	assert_int_equal(site_read(json, &site, &err), 0);
	assert_int_equal(site_profile(&site, PROFILE_RUN)->network, PROFILE_NETWORK_PROXY);
	assert_int_equal(site_profile(&site, PROFILE_POLICY)->network, PROFILE_NETWORK_NONE);
	assert_int_equal(site_profile(&site, PROFILE_POLICY)->output_bytes, 4096);
	assert_int_equal(site_profile(&site, PROFILE_PLAN)->output_bytes, 32 << 20);
	site_release(&site);
}

static void every_step_has_the_profile_of_its_name(_unused_ void **state)
{
	static const struct {
		enum tool_step step;
		const char *name;
	} rows[] = {
		{ STEP_PREPARE, "fetch" },
		{ STEP_INIT, "init" },
		{ STEP_WORKSPACE, "init" },
		{ STEP_PLAN, "plan" },
		{ STEP_SHOW_JSON, "render" },
		{ STEP_SHOW_TEXT, "render" },
		{ STEP_APPLY, "apply" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_string_equal(profile_of_step(rows[i].step)->name, rows[i].name);
}

static void operators_limits_hold_instead(_unused_ void **state)
{
	static const char text[] = "{\"data\":\"/nowhere\",\"profiles\":{\"plan\":{\"memory\":7,"
				   "\"processes\":3,\"disk\":0},\"odd\":{\"memory\":1}}}";
	json_t *json = json_loads(text, 0, NULL);
	struct site site;
	struct err err;

	assert_ok(site_read(json, &site, &err), &err);
	assert_int_equal(site_profile(&site, PROFILE_PLAN)->memory_bytes, 7);
	assert_int_equal(site_profile(&site, PROFILE_PLAN)->processes, 3);
	assert_int_equal(site_profile(&site, PROFILE_PLAN)->disk_bytes,
		profile_of(PROFILE_PLAN)->disk_bytes);
	assert_int_equal(site_profile(&site, PROFILE_APPLY)->memory_bytes,
		profile_of(PROFILE_APPLY)->memory_bytes);
	site_release(&site);
	json_decref(json);
}

/* What would show the data to jobs, or is no place at all. */
static void paths_that_cannot_be_shown(_unused_ void **state)
{
	static const char *const paths[] = { "/", "/tmp", "relative", "/tmp/data",
		"/tmp/data/jobs" };

	for (size_t i = 0; i < countof(paths); i++) {
		json_t *json = json_pack("{s:s, s:[s]}", "data", "/tmp/data", "write", paths[i]);
		struct site site;
		struct err err = { 0 };
		int r = site_read(json, &site, &err);

		/* What is not there is not shown, and is no error. */
		if (r == 0) {
			assert_int_equal(site.write.count, 0);
			site_release(&site);
		} else {
			assert_err(r, &err, ERR_CONFIG, "cannot show");
		}
		assert_true(r < 0 || access(paths[i], F_OK) < 0);
		json_decref(json);
	}
}

static void everything_has_a_word(_unused_ void **state)
{
	assert_string_equal(profile_tree_name(PROFILE_TREE_REPO), "repository");
	assert_string_equal(profile_network_name(PROFILE_NETWORK_HOST), "host");
	assert_string_equal(profile_secrets_name(PROFILE_SECRETS_APPLY), "apply");
}

int main(int argc, char **argv)
{
	CASE(rows_stand_in_the_order_of_their_ids);
	CASE(no_profile_has_secrets_and_an_open_network);
	CASE(every_limit_is_set);
	CASE(secrets_go_where_the_operator_said);
	CASE(hosts_open_a_network_only_for_their_profile);
	CASE(every_step_has_the_profile_of_its_name);
	CASE(operators_limits_hold_instead);
	CASE(paths_that_cannot_be_shown);
	CASE(everything_has_a_word);
	return cases_run(argc, argv);
}
