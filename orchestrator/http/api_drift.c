/* Drift: what is open, the reports, and what people ask for and say. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/jsonx.h"

#include <stdlib.h>
#include <string.h>

enum { REPORTS_SHOWN = 20, BODY_MAX = 1 << 16 };

static json_t *subject_json(const struct drift_subject_row *row, const struct drift_items *items)
{
	json_t *json = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "outcome",
		row->outcome == 0 ? "" : drift_outcome_name(row->outcome), "project",
		jsonx_any(row->project), "dir", jsonx_any(row->dir), "workspace",
		jsonx_any(row->workspace), "environment", jsonx_any(row->environment), "base_ref",
		jsonx_any(row->base_ref), "word", jsonx_any(row->word), "text",
		jsonx_any(row->text), "failures", row->failures);

	json_object_set_new(json, "last_ms", json_integer(row->last_ms));
	json_object_set_new(json, "last_clean_ms", json_integer(row->last_clean_ms));
	json_object_set_new(json, "items", drift_items_write(items));
	return json;
}

static int put_subjects(struct http_call *call, struct arena *arena, json_t *list, struct err *err)
{
	struct drift_subject_row *rows = NULL;
	size_t count = 0;
	int r = store_drift_subject_list(api_store(call), arena, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct drift_items items;
		struct repo repo;
		json_t *json;

		r = store_drift_item_list(api_store(call), arena, rows[i].id, &items, err);
		if (r == 0)
			r = store_repo_load(api_store(call), arena, rows[i].repo, &repo, err);
		if (r < 0)
			break;
		json = subject_json(&rows[i], &items);
		json_object_set_new(json, "host", jsonx_any(repo.host));
		json_object_set_new(json, "repo", jsonx_any(repo.name));
		json_array_append_new(list, json);
	}
	return r;
}

static int put_reports(struct http_call *call, struct arena *arena, json_t *list, struct err *err)
{
	struct drift_slot_row *rows = NULL;
	size_t count = 0;
	int r = store_drift_slot_list(api_store(call), arena, REPORTS_SHOWN, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:b, s:i}", "id",
				(json_int_t)rows[i].id, "environment",
				jsonx_any(rows[i].environment), "schedule",
				jsonx_any(rows[i].schedule), "slot_ms", (json_int_t)rows[i].slot_ms,
				"ended_ms", (json_int_t)rows[i].ended_ms, "run",
				(json_int_t)rows[i].run.v, "is_partial", rows[i].is_partial,
				"missed", rows[i].missed));
	return r;
}

void api_drift(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *projects = json_array(), *reports = json_array();
	struct err err;
	int r = put_subjects(call, &arena, projects, &err);

	if (r == 0)
		r = put_reports(call, &arena, reports, &err);
	if (r == 0) {
		http_json(call, json_pack("{s:o, s:o}", "projects", projects, "reports", reports));
		return;
	}
	json_decref(projects);
	json_decref(reports);
	api_fail(call, &err);
}

void api_drift_report(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_slot_row slot;
	json_t *report = NULL;
	struct err err;
	int r = store_drift_slot_load(
		api_store(call), &arena, strtoll(call->rest, NULL, 10), &slot, &err);

	if (r == 0 && str_empty(slot.report))
		r = err_set(&err, ERR_MISSING, "this slot has no report yet");
	if (r == 0)
		r = jsonx_parse(slot.report, strlen(slot.report), ANSWER_MAX, &report, &err);
	if (r < 0)
		api_fail(call, &err);
	else
		http_json(call, report);
}

static void refuse(struct http_call *call, const struct err *err)
{
	call->waits = false;
	http_fail(call,
		err->code == ERR_MISSING       ? 404
		: err->class == ERR_CLASS_TEMP ? 503
					       : 400,
		"", "%s", err->text);
}

void api_drift_run(struct http_call *call)
{
	_cleanup_json_ json_t *json = NULL;
	struct drift_asked asked;
	struct run_id run = { 0 };
	struct err err = { 0 };
	struct jsonx reader;

	if (jsonx_parse(call->body, call->length, BODY_MAX, &json, &err) < 0) {
		refuse(call, &err);
		return;
	}
	reader = jsonx_reader(json, "the command", &err);
	asked = (struct drift_asked){ .host = jsonx_string_or(&reader, "host", ""),
		.repo = jsonx_string_or(&reader, "repo", ""),
		.base_ref = jsonx_string_or(&reader, "base_ref", ""),
		.environment = jsonx_string_or(&reader, "environment", ""),
		.project = jsonx_string_or(&reader, "project", ""),
		.actor = jsonx_string(&reader, "actor") };
	call->status = 202;
	if (reader.failed != 0 || engine_drift_run(http_options(call->http)->engine, &asked,
					  http_accepted, http_wait(call), &run, &err) < 0)
		refuse(call, &err);
	else
		http_json(call, json_pack("{s:I}", "run", (json_int_t)run.v));
}

void api_drift_say(struct http_call *call)
{
	static const char *const words[] = { "", "ack", "snooze", "unsnooze", "baseline" };
	_cleanup_json_ json_t *json = NULL;
	struct drift_said said = { 0 };
	struct err err = { 0 };
	struct jsonx reader;
	const char *word;
	int64_t id;

	if (jsonx_parse(call->body, call->length, BODY_MAX, &json, &err) < 0) {
		refuse(call, &err);
		return;
	}
	reader = jsonx_reader(json, "the word", &err);
	id = jsonx_int(&reader, "id");
	word = jsonx_string(&reader, "word");
	said.until_ms = jsonx_int_or(&reader, "until_ms", 0);
	said.by = jsonx_string(&reader, "actor");
	said.reason = jsonx_string_or(&reader, "reason", "");
	for (size_t i = 1; reader.failed == 0 && i < countof(words); i++)
		if (str_equal(words[i], word))
			said.word = (enum drift_word)i;
	if (reader.failed == 0 && said.word == 0)
		reader.failed = err_user(
			&err, ERR_USAGE, "a word is ack, snooze, unsnooze or baseline");
	call->status = 202;
	http_json(call, json_pack("{s:b}", "accepted", 1));
	if (reader.failed != 0 || engine_drift_say(http_options(call->http)->engine, id, &said,
					  http_accepted, http_wait(call), &err) < 0)
		refuse(call, &err);
}
