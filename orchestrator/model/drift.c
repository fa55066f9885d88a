/* Reports of drift as JSON: one table of members for each struct drives reader and writer. */
#include "orchestrator/model/drift.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"

#include <limits.h>
#include <string.h>

enum { TEXT_MAX = 2000, ALARM_AFTER = 3 };

static const char *const outcome_names[] = { NULL, "clean", "drift", "pending", "drift+pending",
	"error", "skipped" };
static const char *const class_names[] = { NULL, "deleted", "changed", "unapplied", "check",
	"ignored", "output", "moved", "import" };
static const char *const action_names[] = { NULL, "update", "create", "delete", "replace", "none" };
static const char *const life_names[] = { NULL, "new", "changed", "resolved", "known",
	"acknowledged", "snoozed", "watched", "baseline" };

#define NAME(table, value)                                                                         \
	((size_t)(value) < countof(table) && (table)[value] != NULL ? (table)[value] : "unknown")

const char *drift_outcome_name(enum drift_outcome outcome)
{
	return NAME(outcome_names, outcome);
}

const char *drift_class_name(enum drift_class class)
{
	return NAME(class_names, class);
}

const char *drift_action_name(enum drift_action action)
{
	return NAME(action_names, action);
}

const char *drift_life_name(enum drift_life life)
{
	return NAME(life_names, life);
}

bool drift_project_is_news(const struct drift_project *project)
{
	bool fails = project->outcome == DRIFT_ERROR, failed = project->before == DRIFT_ERROR;

	/* one that was not looked at says nothing of an error before it */
	if (fails ? !failed || project->failures == ALARM_AFTER
		  : failed && project->outcome != DRIFT_SKIPPED)
		return true;
	for (size_t i = 0; i < project->items.count; i++)
		if (drift_is_news(&project->items.list[i]))
			return true;
	return false;
}

bool drift_report_is_news(const struct drift_report *report)
{
	if (report->is_partial || report->missed > 0 || !str_empty(report->text))
		return true;
	for (size_t i = 0; i < report->project_count; i++)
		if (drift_project_is_news(&report->projects[i]))
			return true;
	return false;
}

/* ---- members ---- */

enum form { FORM_TEXT, FORM_TIME, FORM_COUNT, FORM_FLAG, FORM_NAME, FORM_WORDS };

struct member {
	const char *key;
	enum form form;
	size_t offset;
	const char *const *names; /* FORM_NAME */
	size_t most; /* FORM_NAME: names, FORM_WORDS: words; FORM_NAME of 0 may be absent */
	size_t count_offset;
	bool may_be_absent;
};

#define OF(type, member) offsetof(struct type, member)
#define NAMED(table)	 .names = (table), .most = countof(table)

static const struct member item_members[] = {
	{ "id", FORM_TIME, OF(drift_item, id) },
	{ "address", FORM_TEXT, OF(drift_item, address) },
	{ "type", FORM_TEXT, OF(drift_item, type) },
	{ "class", FORM_NAME, OF(drift_item, class), NAMED(class_names) },
	{ "action", FORM_NAME, OF(drift_item, action), NAMED(action_names) },
	{ "paths", FORM_WORDS, OF(drift_item, paths), .most = DRIFT_PATHS_MAX,
		.count_offset = OF(drift_item, path_count) },
	{ "hashes", FORM_WORDS, OF(drift_item, hashes), .most = DRIFT_PATHS_MAX + 1,
		.count_offset = OF(drift_item, hash_count) },
	{ "paths_left_out", FORM_COUNT, OF(drift_item, paths_left_out) },
	{ "fingerprint", FORM_TEXT, OF(drift_item, fingerprint) },
	{ "life", FORM_NAME, OF(drift_item, life), NAMED(life_names), .may_be_absent = true },
	{ "first_ms", FORM_TIME, OF(drift_item, first_ms) },
	{ "last_ms", FORM_TIME, OF(drift_item, last_ms) },
	{ "ended_ms", FORM_TIME, OF(drift_item, ended_ms) },
	{ "until_ms", FORM_TIME, OF(drift_item, until_ms) },
	{ "runs", FORM_COUNT, OF(drift_item, runs) },
	{ "by", FORM_TEXT, OF(drift_item, by) },
	{ "reason", FORM_TEXT, OF(drift_item, reason) },
};

static const struct member project_members[] = {
	{ "name", FORM_TEXT, OF(drift_project, name) },
	{ "dir", FORM_TEXT, OF(drift_project, dir) },
	{ "workspace", FORM_TEXT, OF(drift_project, workspace) },
	{ "environment", FORM_TEXT, OF(drift_project, environment) },
	{ "outcome", FORM_NAME, OF(drift_project, outcome), NAMED(outcome_names) },
	{ "before", FORM_NAME, OF(drift_project, before), NAMED(outcome_names),
		.may_be_absent = true },
	{ "word", FORM_TEXT, OF(drift_project, word) },
	{ "text", FORM_TEXT, OF(drift_project, text) },
	{ "failures", FORM_COUNT, OF(drift_project, failures) },
	{ "duration_ms", FORM_TIME, OF(drift_project, duration_ms) },
	{ "last_clean_ms", FORM_TIME, OF(drift_project, last_clean_ms) },
	{ "hidden", FORM_COUNT, OF(drift_project, hidden) },
	{ "hiding_rules", FORM_COUNT, OF(drift_project, hiding_rules) },
	{ "informational", FORM_COUNT, OF(drift_project, informational) },
	{ "owners", FORM_WORDS, OF(drift_project, owners), .most = DRIFT_WORDS_MAX,
		.count_offset = OF(drift_project, owner_count) },
};

static const struct member report_members[] = {
	{ "id", FORM_TIME, OF(drift_report, id) },
	{ "host", FORM_TEXT, OF(drift_report, host) },
	{ "repo", FORM_TEXT, OF(drift_report, repo) },
	{ "base_ref", FORM_TEXT, OF(drift_report, base_ref) },
	{ "base", FORM_TEXT, OF(drift_report, base) },
	{ "environment", FORM_TEXT, OF(drift_report, environment) },
	{ "schedule", FORM_TEXT, OF(drift_report, schedule) },
	{ "asked_by", FORM_TEXT, OF(drift_report, asked_by) },
	{ "slot_ms", FORM_TIME, OF(drift_report, slot_ms) },
	{ "began_ms", FORM_TIME, OF(drift_report, began_ms) },
	{ "ended_ms", FORM_TIME, OF(drift_report, ended_ms) },
	{ "missed", FORM_COUNT, OF(drift_report, missed) },
	{ "is_partial", FORM_FLAG, OF(drift_report, is_partial) },
	{ "text", FORM_TEXT, OF(drift_report, text) },
	{ "notify", FORM_WORDS, OF(drift_report, notify), .most = DRIFT_WORDS_MAX,
		.count_offset = OF(drift_report, notify_count) },
};

/* A member of whatever type the row of the table says it has. */
#define AT(type, record, offset) (*(type *)(void *)((char *)(record) + (offset)))
#define IN(type, record, offset) (*(const type *)(const void *)((const char *)(record) + (offset)))

static const char *short_text(struct arena *arena, const char *text, size_t most)
{
	return arena_strndup(arena, text, codec_utf8_prefix(text, strnlen(text, most)));
}

static int read_words(struct jsonx *reader, const struct member *member, struct arena *arena,
	void *record, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, member->key);
	size_t count = json_array_size(list);
	const char **words;

	if (reader->failed != 0)
		return reader->failed;
	if (count > member->most)
		return err_set(err, ERR_LIMIT, "%s: more than %zu %s", reader->what, member->most,
			member->key);
	words = arena_alloc(arena, (count + 1) * sizeof(*words));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		const char *text = json_string_value(item);

		if (text == NULL || strlen(text) != json_string_length(item))
			return err_set(err, ERR_SYNTAX, "%s: %s[%zu] must be a string without NUL",
				reader->what, member->key, i);
		words[i] = short_text(arena, text, TEXT_MAX);
	}
	AT(const char **, record, member->offset) = words;
	AT(size_t, record, member->count_offset) = count;
	return 0;
}

static int read_name(
	struct jsonx *reader, const struct member *member, void *record, struct err *err)
{
	const char *text = member->may_be_absent ? jsonx_string_or(reader, member->key, "")
						 : jsonx_string(reader, member->key);

	if (reader->failed != 0 || (member->may_be_absent && text[0] == '\0'))
		return reader->failed;
	for (size_t i = 1; i < member->most; i++) {
		if (str_equal(member->names[i], text)) {
			AT(int, record, member->offset) = (int)i;
			return 0;
		}
	}
	return err_set(err, ERR_SYNTAX, "%s: %s is none that we know", reader->what, member->key);
}

static int read_number(
	struct jsonx *reader, const struct member *member, void *record, struct err *err)
{
	int64_t value = jsonx_int_or(reader, member->key, 0);

	if (reader->failed == 0 && (value < 0 || (member->form == FORM_COUNT && value > INT_MAX)))
		return err_set(
			err, ERR_SYNTAX, "%s: %s is out of range", reader->what, member->key);
	if (member->form == FORM_COUNT)
		AT(int, record, member->offset) = (int)value;
	else
		AT(int64_t, record, member->offset) = value;
	return reader->failed;
}

static int read_members(struct jsonx *reader, const struct member *members, size_t count,
	struct arena *arena, void *record, struct err *err)
{
	int r = reader->failed;

	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct member *member = &members[i];

		switch (member->form) {
		case FORM_TEXT:
			AT(const char *, record, member->offset) = short_text(
				arena, jsonx_string_or(reader, member->key, ""), TEXT_MAX);
			r = reader->failed;
			break;
		case FORM_TIME:
		case FORM_COUNT:
			r = read_number(reader, member, record, err);
			break;
		case FORM_FLAG:
			AT(bool, record, member->offset) = jsonx_bool_or(
				reader, member->key, false);
			r = reader->failed;
			break;
		case FORM_NAME:
			r = read_name(reader, member, record, err);
			break;
		case FORM_WORDS:
			r = read_words(reader, member, arena, record, err);
			break;
		}
	}
	return r;
}

static json_t *words_json(const char *const *words, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, jsonx_any(words[i]));
	return list;
}

/* What is empty is left out: most of a report would be nothing. */
static void write_members(
	json_t *json, const struct member *members, size_t count, const void *record)
{
	for (size_t i = 0; i < count; i++) {
		const struct member *member = &members[i];
		size_t at = member->offset;
		json_t *value = NULL;

		switch (member->form) {
		case FORM_TEXT:
			if (!str_empty(IN(char *, record, at)))
				value = jsonx_any(IN(char *, record, at));
			break;
		case FORM_TIME:
			if (IN(int64_t, record, at) != 0)
				value = json_integer(IN(int64_t, record, at));
			break;
		case FORM_COUNT:
			if (IN(int, record, at) != 0)
				value = json_integer(IN(int, record, at));
			break;
		case FORM_FLAG:
			if (IN(bool, record, at))
				value = json_true();
			break;
		case FORM_NAME:
			if (IN(int, record, at) != 0)
				value = json_string(member->names[IN(int, record, at)]);
			break;
		case FORM_WORDS:
			if (IN(size_t, record, member->count_offset) > 0)
				value = words_json(IN(char **, record, at),
					IN(size_t, record, member->count_offset));
			break;
		}
		if (value != NULL)
			json_object_set_new(json, member->key, value);
	}
}

/* ---- items ---- */

static int read_item(
	const json_t *json, struct arena *arena, struct drift_item *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "drift item", err);

	*ret = (struct drift_item){ .address = "" };
	return read_members(&reader, item_members, countof(item_members), arena, ret, err);
}

int drift_items_read(
	const json_t *json, struct arena *arena, struct drift_items *ret, struct err *err)
{
	_cleanup_json_ json_t *none = json_object();
	struct jsonx reader = jsonx_reader(json == NULL ? none : json, "drift items", err);
	const json_t *list = jsonx_array_or(&reader, "list");
	int64_t left_out = jsonx_int_or(&reader, "left_out", 0);
	int r = reader.failed;

	*ret = (struct drift_items){ .count = json_array_size(list) };
	if (r == 0 && (left_out < 0 || left_out > INT_MAX))
		return err_set(err, ERR_SYNTAX, "drift items: left_out is out of range");
	if (r == 0 && ret->count > DRIFT_ITEMS_MAX)
		return err_set(err, ERR_LIMIT, "drift items: more than %d", DRIFT_ITEMS_MAX);
	ret->left_out = (int)left_out;
	ret->list = arena_alloc(arena, (ret->count + 1) * sizeof(*ret->list));
	for (size_t i = 0; r == 0 && i < ret->count; i++)
		r = read_item(json_array_get(list, i), arena, &ret->list[i], err);
	return r;
}

json_t *drift_items_write(const struct drift_items *items)
{
	json_t *json = json_object(), *list = json_array();

	for (size_t i = 0; i < items->count; i++) {
		json_t *item = json_object();

		write_members(item, item_members, countof(item_members), &items->list[i]);
		json_array_append_new(list, item);
	}
	json_object_set_new(json, "list", list);
	if (items->left_out > 0)
		json_object_set_new(json, "left_out", json_integer(items->left_out));
	return json;
}

/* ---- reports ---- */

static int read_project(
	const json_t *json, struct arena *arena, struct drift_project *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "drift project", err);
	int r;

	*ret = (struct drift_project){ .name = "" };
	r = read_members(&reader, project_members, countof(project_members), arena, ret, err);
	return r < 0 ? r
		     : drift_items_read(json_object_get(json, "items"), arena, &ret->items, err);
}

int drift_report_read(
	const json_t *json, struct arena *arena, struct drift_report *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "drift report", err);
	const json_t *list = jsonx_array_or(&reader, "projects");
	int r;

	*ret = (struct drift_report){ .project_count = json_array_size(list) };
	if (ret->project_count > DRIFT_PROJECTS_MAX)
		return err_set(
			err, ERR_LIMIT, "drift report: more than %d projects", DRIFT_PROJECTS_MAX);
	ret->projects = arena_alloc(arena, (ret->project_count + 1) * sizeof(*ret->projects));
	r = read_members(&reader, report_members, countof(report_members), arena, ret, err);
	for (size_t i = 0; r == 0 && i < ret->project_count; i++)
		r = read_project(json_array_get(list, i), arena, &ret->projects[i], err);
	return r;
}

json_t *drift_report_write(const struct drift_report *report)
{
	json_t *json = json_object(), *list = json_array();

	write_members(json, report_members, countof(report_members), report);
	for (size_t i = 0; i < report->project_count; i++) {
		const struct drift_project *project = &report->projects[i];
		json_t *one = json_object();

		write_members(one, project_members, countof(project_members), project);
		if (project->items.count > 0 || project->items.left_out > 0)
			json_object_set_new(one, "items", drift_items_write(&project->items));
		json_array_append_new(list, one);
	}
	json_object_set_new(json, "projects", list);
	return json;
}
