/* The record, a page at a time: whoever wants more asks for what comes after the last of it. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/jsonx.h"

#include <stdlib.h>

/* So many are read without the server standing still for anybody else. */
enum { PAGE_ROWS = 1000, WALK_ROWS = 2000, MOMENT_ROWS = 1000 };

struct store *api_store(const struct http_call *call)
{
	return http_options(call->http)->store;
}

void api_fail(struct http_call *call, const struct err *err)
{
	http_fail(call, err->code == ERR_MISSING ? 404 : 503, "", "%s", err->text);
}

static int64_t query_number(const struct http_call *call, const char *name, int64_t fallback)
{
	const char *text = http_query(call, name);

	return str_empty(text) ? fallback : strtoll(text, NULL, 10);
}

static const char *query_text(const struct http_call *call, const char *name)
{
	const char *text = http_query(call, name);

	return text == NULL ? "" : text;
}

static json_t *row_json(const struct audit_row *row)
{
	json_t *json = json_pack("{s:I, s:I, s:s, s:o, s:I, s:I, s:o, s:o, s:s}", "id",
		(json_int_t)row->id, "at_ms", (json_int_t)row->at_ms, "kind", row->kind, "actor",
		jsonx_any(row->actor), "pull", (json_int_t)row->pull.v, "run",
		(json_int_t)row->run.v, "environment", jsonx_any(row->environment), "subject",
		jsonx_any(row->subject), "hash", row->hash);
	json_t *detail = json_loads(row->detail, 0, NULL);

	json_object_set_new(json, "detail", detail == NULL ? jsonx_any(row->detail) : detail);
	return json;
}

static json_t *rows_json(const struct audit_row *rows, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, row_json(&rows[i]));
	return list;
}

static struct audit_query read_query(const struct http_call *call)
{
	return (struct audit_query){ .from_ms = query_number(call, "from_ms", 0),
		.after = query_number(call, "after", 0),
		.to_ms = query_number(call, "to_ms", INT64_MAX),
		.environment = query_text(call, "environment"),
		.subject = query_text(call, "subject"),
		.limit = PAGE_ROWS };
}

void api_audit(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct audit_query query = read_query(call);
	struct audit_row *rows = NULL;
	struct err err;
	size_t count = 0;

	if (store_audit_list(api_store(call), &arena, &query, &rows, &count, &err) < 0)
		api_fail(call, &err);
	else
		http_json(call, rows_json(rows, count));
}

void api_audit_at(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct audit_query query = read_query(call);
	struct audit_moment moment = { 0 };
	struct err err;

	query.to_ms = query_number(call, "at_ms", INT64_MAX);
	query.limit = MOMENT_ROWS;
	if (store_audit_at(api_store(call), &arena, &query, &moment, &err) < 0)
		api_fail(call, &err);
	else
		http_json(call, json_pack("{s:o, s:o}", "running",
					rows_json(moment.running, moment.running_count),
					"in_effect", rows_json(moment.ended, moment.ended_count)));
}

/* Who goes on after a record vouches for those up to it: each answer says where it ended. */
void api_audit_verify(struct http_call *call)
{
	int64_t rows = query_number(call, "rows", WALK_ROWS);
	struct audit_walk walk;
	struct err err;

	if (rows < 1 || rows > WALK_ROWS)
		rows = WALK_ROWS;
	if (store_audit_verify(
		    api_store(call), query_number(call, "after", 0), rows, &walk, &err) == 0)
		http_json(call, json_pack("{s:b, s:I, s:I, s:b, s:s}", "valid", 1, "records",
					(json_int_t)walk.count, "last", (json_int_t)walk.last,
					"is_end", walk.is_end, "before", walk.before));
	else if (walk.bad != 0)
		http_json(call, json_pack("{s:b, s:I, s:s}", "valid", 0, "first_bad",
					(json_int_t)walk.bad, "error", err.text));
	else
		api_fail(call, &err);
}

/* What somebody did by hand, said by the operator: the record is not whole without it. */
void api_audit_external(struct http_call *call)
{
	_cleanup_json_ json_t *json = NULL;
	struct audit_row row = { .kind = AUDIT_EXTERNAL };
	_cleanup_free_ char *detail = NULL;
	struct jsonx reader;
	const char *reason;
	struct err err;

	if (jsonx_parse(call->body, call->length, 1 << 16, &json, &err) < 0) {
		http_fail(call, 400, "", "%s", err.text);
		return;
	}
	reader = jsonx_reader(json, "the change", &err);
	row.actor = jsonx_string(&reader, "actor");
	row.environment = jsonx_string(&reader, "environment");
	row.subject = "by hand";
	reason = jsonx_string(&reader, "reason");
	if (reader.failed == 0 && (str_empty(row.environment) || str_empty(reason)))
		reader.failed = err_user(&err, ERR_USAGE, "it needs an environment and a reason");
	if (reader.failed != 0) {
		http_fail(call, 400, "", "%s", err.text);
		return;
	}
	_cleanup_json_ json_t *said = json_pack("{s:s}", "text", reason);
	row.detail = detail = jsonx_text(said);
	if (store_audit_append(api_store(call), &row, &err) < 0) {
		api_fail(call, &err);
		return;
	}
	http_json(call, json_pack("{s:b}", "recorded", 1));
	engine_after_commit(http_options(call->http)->engine, http_accepted, http_wait(call));
}

/* What was applied by break-glass and waits for somebody else's word. */
void api_audit_follow_ups(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct follow_up_row *rows = NULL;
	json_t *list;
	struct err err;
	size_t count = 0;

	if (store_follow_up_list(api_store(call), &arena, (struct pull_id){ 0 }, INT64_MAX, &rows,
		    &count, &err) < 0) {
		api_fail(call, &err);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:I, s:o, s:o, s:I}", "run",
				(json_int_t)rows[i].run.v, "repository", jsonx_any(rows[i].repo),
				"number", (json_int_t)rows[i].number, "person",
				jsonx_any(rows[i].person), "reason", jsonx_any(rows[i].reason),
				"opened_ms", (json_int_t)rows[i].opened_ms));
	http_json(call, list);
}
