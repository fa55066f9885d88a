/* links: model lib */
/* What a plan would do, in our own format: strict to read, whole when written, short in words. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/plan_summary.h"

#include <string.h>

static int read_text(
	const char *text, struct arena *arena, struct plan_summary *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &json, err);

	return r < 0 ? r : plan_summary_read(json, arena, ret, err);
}

#define RESOURCE(members) "{\"resources\":[{" members "}]}"
#define UPDATE		  "\"address\":\"a.b\",\"action\":\"update\""

static const struct wrong {
	const char *name, *json, *says;
} wrongs[] = {
	{ "not an object", "[]", "summary is not an object" },
	{ "count as text", "{\"create\":\"1\"}", "summary: create must be a whole number" },
	{ "count with a fraction", "{\"delete\":1.5}", "summary: delete must be a whole number" },
	{ "resources object", "{\"resources\":{}}", "summary: resources must be a list" },
	{ "resource of text", "{\"resources\":[\"a\"]}", "resources[0] is not an object" },
	{ "no address", RESOURCE("\"action\":\"create\""), "resources[0]: address must be given" },
	{ "no action", RESOURCE("\"address\":\"a.b\""), "resources[0]: action must be given" },
	{ "action unknown", RESOURCE("\"address\":\"a.b\",\"action\":\"explode\""),
		"resources[0]: action is none that we know" },
	{ "action number", RESOURCE("\"address\":\"a.b\",\"action\":3"),
		"resources[0]: action must be a string" },
	{ "moved from a number", RESOURCE(UPDATE ",\"moved_from\":3"),
		"resources[0]: moved_from must be a string" },
	{ "attributes text", RESOURCE(UPDATE ",\"attributes\":\"x\""),
		"resources[0]: attributes must be a list" },
	{ "attribute of text", RESOURCE(UPDATE ",\"attributes\":[\"x\"]"),
		"resources[0].attributes[0] is not an object" },
	{ "attribute without path", RESOURCE(UPDATE ",\"attributes\":[{\"after\":\"x\"}]"),
		"resources[0].attributes[0]: path must be given" },
	{ "attribute value object",
		RESOURCE(UPDATE ",\"attributes\":[{\"path\":\"p\",\"before\":{}}]"),
		"resources[0].attributes[0]: before must be a string" },
	{ "forces as text",
		RESOURCE(UPDATE ",\"attributes\":[{\"path\":\"p\",\"forces_replace\":\"no\"}]"),
		"forces_replace must be true or false" },
	{ "left out as text", RESOURCE(UPDATE ",\"attributes_left_out\":\"3\""),
		"resources[0]: attributes_left_out must be a whole number" },
	{ "constructs list", "{\"constructs\":[]}", "constructs is not an object" },
	{ "constructs text", "{\"constructs\":{\"list\":\"x\"}}", "list must be a list" },
	{ "construct number", "{\"constructs\":{\"list\":[1]}}", "constructs is not an object" },
	{ "construct of no kind",
		"{\"constructs\":{\"list\":[{\"kind\":\"x\",\"address\":\"a.b\"}]}}",
		"kind is none that we know" },
	{ "construct of nothing", "{\"constructs\":{\"list\":[{\"kind\":\"http\"}]}}",
		"address must be given" },
	{ "fewer than none left out", "{\"constructs\":{\"left_out\":-1}}",
		"left_out must be between 0 and" },
	{ "checks text", "{\"checks\":\"commit\"}", "checks is not an object" },
	{ "check number", "{\"checks\":{\"lock\":1}}", "checks: lock must be a string" },
	{ "check too long",
		"{\"checks\":{\"lock\":\"0123456789012345678901234567890123456789012345678901234567"
		"8901234+\"}}",
		"checks: lock is too long" },
	{ "version number", "{\"tool_version\":1}", "tool_version must be a string" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_summary summary;
	struct err err = { 0 };

	assert_err(read_text(row->json, &arena, &summary, &err), &err, ERR_SYNTAX, row->says);
}

static json_t *many(const char *key, int count, json_t *item)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
		json_array_append(list, item);
	json_decref(item);
	return json_pack("{s:o}", key, list);
}

static void has_caps(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *attributes = json_array();
	_cleanup_json_ json_t *resources = many("resources", PLAN_RESOURCES_MAX + 1,
		json_pack("{s:s,s:s}", "address", "a", "action", "create"));
	_cleanup_json_ json_t *wide = NULL;
	struct plan_summary summary;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i <= PLAN_ATTRIBUTES_MAX; i++)
		json_array_append_new(attributes, json_pack("{s:s}", "path", "p"));
	wide = many("resources", 1,
		json_pack("{s:s,s:s,s:o}", "address", "a", "action", "update", "attributes",
			attributes));
	assert_err(plan_summary_read(resources, &arena, &summary, &err), &err, ERR_LIMIT,
		"more than 500 resources");
	assert_err(plan_summary_read(wide, &arena, &summary, &err), &err, ERR_LIMIT,
		"resources[0] has more than 12 attributes");
}

/* What was cut may hold anything, so rules take it to match. */
static void constructs_that_were_cut(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *list = many("list", CONSTRUCTS_MAX,
				      json_pack("{s:s,s:s}", "kind", "module", "address", "m")),
			      *json = json_pack("{s:O}", "constructs", list);
	struct plan_summary summary;
	struct err err = { 0 };

	assert_ok(plan_summary_read(json, &arena, &summary, &err), &err);
	assert_true(plan_constructs_have(&summary.constructs, "module"));
	assert_false(plan_constructs_have(&summary.constructs, "provisioner"));
	assert_false(plan_constructs_run_code(&summary.constructs));
	assert_true(plan_constructs_have(&summary.constructs, "nobody knows this word"));
	json_array_append_new(json_object_get(list, "list"),
		json_pack("{s:s,s:s}", "kind", "module", "address", "m"));
	assert_ok(plan_summary_read(json, &arena, &summary, &err), &err);
	assert_int_equal(summary.constructs.count, CONSTRUCTS_MAX);
	assert_int_equal(summary.constructs.left_out, 1);
	assert_true(plan_constructs_have(&summary.constructs, "provisioner"));
	assert_true(plan_constructs_run_code(&summary.constructs));
}

static const struct source {
	const char *name; /* also the source */
	bool is_remote;
} sources[] = { { "./m", false }, { "../m", false }, { "..", false }, { "/srv/m", false },
	{ "", false }, { "github.com/o/r", true }, { "git::https://x/y.git//m", true },
	{ "ns/name/aws", true }, { ".m", true }, { "...", true } };

static void source_of_a_module(void **state)
{
	const struct source *row = *state;

	assert_int_equal(plan_source_is_remote(row->name), row->is_remote);
}

static void counts_are_kept_within_reason(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_summary summary;
	struct err err = { 0 };

	(void)state;
	assert_ok(
		read_text("{\"create\":-4,\"delete\":9223372036854775807}", &arena, &summary, &err),
		&err);
	assert_int_equal(summary.create, 0);
	assert_int_equal(summary.delete, 1000000);
}

static void comes_back_as_it_was_written(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_attribute attributes[] = { { "cidr_block", "10.0.1.0/24", "10.0.8.0/24", true },
		{ "tags[\"a.b\"]", NULL, "(known after apply)", false },
		{ "password", "(sensitive)", NULL, false } };
	struct plan_resource resources[] = {
		{ "aws_subnet.private[0]", NULL, PLAN_REPLACE, attributes, 3, 2 },
		{ "module.a[\"x\"].b.c", "b.c", PLAN_MOVE, NULL, 0, 0 },
		{ "data.x.y", NULL, PLAN_READ, NULL, 0, 0 },
	};
	struct plan_construct constructs[] = { { CONSTRUCT_PROVISIONER, "a.b", "local-exec" },
		{ CONSTRUCT_MODULE, "module.m", "github.com/o/r" } };
	struct plan_summary summary = { .replace = 1,
		.move = 1,
		.read = 1,
		.output_changes = 2,
		.resources = resources,
		.resource_count = 3,
		.resources_left_out = 4,
		.constructs = { constructs, 2, 3 },
		.tool_version = "1.8.5",
		.checks = { .configuration = "commit",
			.files = "f",
			.rendered = "r",
			.lock = "l",
			.program = "",
			.tier = "full" } };
	_cleanup_json_ json_t *json = plan_summary_write(&summary), *again = NULL;
	struct plan_summary got;
	struct err err = { 0 };

	(void)state;
	assert_ok(plan_summary_read(json, &arena, &got, &err), &err);
	again = plan_summary_write(&got);
	assert_true(json_equal(json, again));
	assert_null(got.resources[0].attributes[1].before);
	assert_null(got.resources[0].attributes[2].after);
	assert_true(got.resources[0].attributes[0].forces_replace);
	assert_int_equal(got.resources[0].attributes_left_out, 2);
	assert_int_equal(got.resources_left_out, 4);
	assert_string_equal(got.resources[1].moved_from, "b.c");
	assert_int_equal(got.constructs.left_out, 3);
	assert_string_equal(got.checks.lock, "l");
	assert_string_equal(got.checks.tier, "full");
}

static const struct words {
	const char *name; /* also the text */
	struct plan_summary summary;
	bool has_changes;
} words[] = {
	{ "no changes", { 0 }, false },
	{ "no changes", { .read = 3 }, false },
	{ "outputs only", { .output_changes = 1 }, true },
	{ "1 create", { .create = 1, .output_changes = 4 }, true },
	{ "1 replace, 2 create, 1 update", { .create = 2, .update = 1, .replace = 1 }, true },
	{ "3 destroy", { .delete = 3 }, true },
	{ "1 destroy, 1 replace, 1 create, 1 update, 1 import, 1 move, 1 forget",
		{ .create = 1,
			.update = 1,
			.delete = 1,
			.replace = 1,
			.read = 1,
			.forget = 1,
			.import = 1,
			.move = 1 },
		true },
	{ "1 import", { .import = 1 }, true },
	{ "2 move", { .move = 2 }, true },
	{ "1 forget", { .forget = 1 }, true },
};

static void in_words(void **state)
{
	const struct words *row = *state;
	char text[200], little[6];

	assert_string_equal(plan_summary_text(&row->summary, text, sizeof(text)), row->name);
	assert_int_equal(plan_summary_has_changes(&row->summary), row->has_changes);
	assert_true(strlen(plan_summary_text(&row->summary, little, sizeof(little))) <= 5);
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(has_caps);
	CASE(counts_are_kept_within_reason);
	CASE(constructs_that_were_cut);
	CASES(sources, source_of_a_module);
	CASE(comes_back_as_it_was_written);
	CASES(words, in_words);
	return cases_run(argc, argv);
}
