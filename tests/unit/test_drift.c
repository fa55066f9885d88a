/* links: model lib */
/* A report of drift in our own format: whole when written, strict and bounded when read. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/drift.h"

#include <string.h>

static int read_text(
	const char *text, struct arena *arena, struct drift_report *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), DRIFT_REPORT_MAX, &json, err);

	return r < 0 ? r : drift_report_read(json, arena, ret, err);
}

#define PROJECT(members) "{\"projects\":[{\"outcome\":\"clean\"" members "}]}"
#define ITEM(members)	 PROJECT(",\"items\":{\"list\":[{" members "}]}")
#define KINDS		 "\"class\":\"changed\",\"action\":\"update\""

static const struct wrong {
	const char *name, *json, *says;
} wrongs[] = {
	{ "not an object", "[]", "drift report is not an object" },
	{ "projects text", "{\"projects\":\"x\"}", "projects must be a list" },
	{ "project of text", "{\"projects\":[\"x\"]}", "drift project is not an object" },
	{ "no outcome", "{\"projects\":[{}]}", "outcome must be given" },
	{ "outcome unknown", "{\"projects\":[{\"outcome\":\"fine\"}]}",
		"outcome is none that we know" },
	{ "before unknown", PROJECT(",\"before\":\"fine\""), "before is none that we know" },
	{ "name number", PROJECT(",\"name\":3"), "name must be a string" },
	{ "fewer than none", PROJECT(",\"hidden\":-1"), "hidden is out of range" },
	{ "too many", PROJECT(",\"failures\":4294967296"), "failures is out of range" },
	{ "time before all", "{\"slot_ms\":-1}", "slot_ms is out of range" },
	{ "flag as text", "{\"is_partial\":\"no\"}", "is_partial must be true or false" },
	{ "channel number", "{\"notify\":[1]}", "notify[0] must be a string" },
	{ "owners object", PROJECT(",\"owners\":{}"), "owners must be a list" },
	{ "items list", PROJECT(",\"items\":[]"), "drift items is not an object" },
	{ "left out as text", PROJECT(",\"items\":{\"left_out\":\"x\"}"),
		"left_out must be a whole number" },
	{ "fewer left out", PROJECT(",\"items\":{\"left_out\":-1}"), "left_out is out of range" },
	{ "item of text", PROJECT(",\"items\":{\"list\":[1]}"), "drift item is not an object" },
	{ "no class", ITEM("\"action\":\"update\""), "class must be given" },
	{ "class unknown", ITEM("\"class\":\"x\",\"action\":\"update\""),
		"class is none that we know" },
	{ "no action", ITEM("\"class\":\"changed\""), "action must be given" },
	{ "life unknown", ITEM(KINDS ",\"life\":\"x\""), "life is none that we know" },
	{ "path number", ITEM(KINDS ",\"paths\":[7]"), "paths[0] must be a string" },
	{ "too many paths",
		ITEM(KINDS ",\"paths\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\","
			   "\"\",\"\"]"),
		"more than 12 paths" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_report report;
	struct err err = { 0 };
	int r = read_text(row->json, &arena, &report, &err);

	assert_true(r == -ERR_SYNTAX || r == -ERR_LIMIT);
	assert_contains(err.text, row->says);
}

static json_t *repeated(int count, json_t *item)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
		json_array_append(list, item);
	json_decref(item);
	return list;
}

static void has_caps(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *projects = json_pack("{s:o}", "projects",
		repeated(DRIFT_PROJECTS_MAX + 1, json_pack("{s:s}", "outcome", "clean")));
	_cleanup_json_ json_t *items = json_pack("{s:o}", "list",
		repeated(DRIFT_ITEMS_MAX + 1,
			json_pack("{s:s,s:s}", "class", "changed", "action", "update")));
	struct drift_report report;
	struct drift_items list;
	struct err err = { 0 };

	assert_err(drift_report_read(projects, &arena, &report, &err), &err, ERR_LIMIT,
		"more than 5000 projects");
	assert_err(drift_items_read(items, &arena, &list, &err), &err, ERR_LIMIT, "more than 200");
}

static struct drift_item item_of(enum drift_class class, enum drift_life life)
{
	return (struct drift_item){ .id = 7,
		.address = "aws_s3_bucket.logs",
		.type = "aws_s3_bucket",
		.class = class,
		.action = DRIFT_UPDATE,
		.paths = (const char *[]){ "tags.owner" },
		.path_count = 0,
		.fingerprint = "0123",
		.life = life };
}

static void comes_back_as_it_was_written(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *paths[] = { "tags.owner", "a\"b" }, *owners[] = { "@acme/net" },
		   *channels[] = { "slack:#platform" };
	struct drift_item items[2] = { item_of(DRIFT_DELETED, DRIFT_NEW),
		item_of(DRIFT_OUTPUT, DRIFT_SNOOZED) };
	struct drift_project projects[] = {
		{ .name = "network",
			.dir = "net",
			.workspace = "default",
			.environment = "production",
			.outcome = DRIFT_BOTH,
			.before = DRIFT_ERROR,
			.word = "",
			.text = "",
			.failures = 2,
			.hidden = 3,
			.hiding_rules = 1,
			.informational = 1,
			.owners = owners,
			.owner_count = 1,
			.items = { items, 2, 4 } },
		{ .name = "dns", .outcome = DRIFT_SKIPPED, .word = "locked", .text = "by #12" },
	};
	struct drift_report report = { .id = 4,
		.host = "github",
		.repo = "acme/infra",
		.base_ref = "main",
		.environment = "production",
		.schedule = "0 8 * * 1-5",
		.slot_ms = 1700000000000,
		.missed = 1,
		.is_partial = true,
		.notify = channels,
		.notify_count = 1,
		.projects = projects,
		.project_count = 2 };
	_cleanup_json_ json_t *json = NULL, *again = NULL;
	struct drift_report got;
	struct err err = { 0 };

	items[0].paths = paths;
	items[0].path_count = 2;
	items[1].until_ms = 9;
	items[1].by = "bob";
	json = drift_report_write(&report);
	assert_ok(drift_report_read(json, &arena, &got, &err), &err);
	again = drift_report_write(&got);
	assert_true(json_equal(json, again));
	assert_int_equal(got.project_count, 2);
	assert_int_equal(got.projects[0].items.left_out, 4);
	assert_string_equal(got.projects[0].items.list[0].paths[1], "a\"b");
	assert_string_equal(got.projects[1].text, "by #12");
}

static const struct news {
	const char *name;
	struct drift_project project;
	bool is_news;
} news[] = {
	{ "clean as ever", { .outcome = DRIFT_CLEAN, .before = DRIFT_CLEAN }, false },
	{ "the first look, clean", { .outcome = DRIFT_CLEAN }, false },
	{ "a first error", { .outcome = DRIFT_ERROR, .before = DRIFT_CLEAN, .failures = 1 }, true },
	{ "an error at the first look", { .outcome = DRIFT_ERROR, .failures = 1 }, true },
	{ "the error of yesterday",
		{ .outcome = DRIFT_ERROR, .before = DRIFT_ERROR, .failures = 2 }, false },
	{ "the third in a row", { .outcome = DRIFT_ERROR, .before = DRIFT_ERROR, .failures = 3 },
		true },
	{ "the fourth", { .outcome = DRIFT_ERROR, .before = DRIFT_ERROR, .failures = 4 }, false },
	{ "an error is over", { .outcome = DRIFT_FOUND, .before = DRIFT_ERROR }, true },
	{ "not looked at after an error", { .outcome = DRIFT_SKIPPED, .before = DRIFT_ERROR },
		false },
	{ "skipped", { .outcome = DRIFT_SKIPPED, .before = DRIFT_CLEAN }, false },
};

static void which_projects_are_news(void **state)
{
	const struct news *row = *state;

	assert_int_equal(drift_project_is_news(&row->project), row->is_news);
}

static const struct item_news {
	const char *name;
	enum drift_class class;
	enum drift_life life;
	bool is_news;
} item_news[] = {
	{ "new", DRIFT_CHANGED, DRIFT_NEW, true },
	{ "another", DRIFT_UNAPPLIED, DRIFT_ALTERED, true },
	{ "gone", DRIFT_DELETED, DRIFT_RESOLVED, true },
	{ "known", DRIFT_DELETED, DRIFT_KNOWN, false },
	{ "acknowledged", DRIFT_CHANGED, DRIFT_ACKNOWLEDGED, false },
	{ "snoozed", DRIFT_CHANGED, DRIFT_SNOOZED, false },
	{ "not often enough", DRIFT_CHANGED, DRIFT_WATCHED, false },
	{ "accepted", DRIFT_CHANGED, DRIFT_BASELINE, false },
	{ "ignored", DRIFT_IGNORED, DRIFT_NEW, false },
	{ "an output", DRIFT_OUTPUT, DRIFT_NEW, false },
	{ "a check", DRIFT_CHECK, DRIFT_NEW, true },
};

static void which_items_are_news(void **state)
{
	const struct item_news *row = *state;
	struct drift_item item = item_of(row->class, row->life);
	struct drift_project project = {
		.outcome = DRIFT_FOUND, .before = DRIFT_FOUND, .items = { &item, 1, 0 }
	};
	struct drift_report report = { .projects = &project, .project_count = 1 };

	assert_int_equal(drift_is_news(&item), row->is_news);
	assert_int_equal(drift_project_is_news(&project), row->is_news);
	assert_int_equal(drift_report_is_news(&report), row->is_news);
	report.missed = 1;
	assert_true(drift_report_is_news(&report));
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(has_caps);
	CASE(comes_back_as_it_was_written);
	CASES(news, which_projects_are_news);
	CASES(item_news, which_items_are_news);
	return cases_run(argc, argv);
}
