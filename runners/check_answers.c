/* checkov's JSON (an object, or a list of them), SARIF 2.1, and any JSON about money. */
#include "runners/check_answers.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"
#include "runners/output.h"

#include <stdio.h>
#include <string.h>

enum {
	ANSWER_MAX = 16 << 20,
	PLAN_MAX = 64 << 20,
	FOUND_MAX = 20000,
	LONGEST = 8 * CHECK_TEXT_MAX
};

struct answer {
	struct arena arena;
	struct check_finding kept[CHECK_FINDINGS_MAX];
	struct check_result result;
};

static void begin(struct answer *answer)
{
	*answer = (struct answer){
		.result = { .name = "", .tool = "", .message = "", .verdict = CHECK_PASSED }
	};
	answer->result.findings = answer->kept;
}

static int refuse(struct answer *answer, int out_fd, const char *why)
{
	arena_release(&answer->arena);
	dprintf(out_fd, "%s", why);
	return 1;
}

static int finish(struct answer *answer, int out_fd)
{
	const struct check_results all = { &answer->result, 1 };
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL;

	check_result_judge(&answer->result, "");
	json = check_results_write(&all);
	text = jsonx_text(json);
	arena_release(&answer->arena);
	return dprintf(out_fd, "%s", text) < 0 ? 2 : 0;
}

static int read_json(int in_fd, size_t cap, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r = output_read_fd(in_fd, cap, &text, &length, err);

	return r < 0 ? r : jsonx_parse(text, length, cap, ret, err);
}

/* One line, whatever it was; "" when it is no text. */
static const char *line_of(struct answer *answer, const json_t *value)
{
	const char *text = json_string_value(value);
	char *line;
	size_t length;

	if (text == NULL)
		return "";
	length = codec_utf8_prefix(text, strnlen(text, LONGEST));
	line = arena_strndup(&answer->arena, text, length);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	return line;
}

static int number_of(const json_t *value)
{
	json_int_t number = json_integer_value(value);

	return number > 0 && number < 100000000 ? (int)number : 0;
}

/* Relative to the work tree; "" for what is not in it. */
static const char *place_of(const char *path)
{
	size_t source = strlen(CHECK_SOURCE);

	if (str_starts(path, "file://"))
		path += strlen("file://");
	if (strncmp(path, CHECK_SOURCE "/", source + 1) == 0)
		path += source + 1;
	while (str_starts(path, "./"))
		path += 2;
	if (path[0] == '/' || strstr(path, "://") != NULL || strstr(path, "/../") != NULL ||
		str_starts(path, "../") || str_equal(path, "..") ||
		(strlen(path) >= 3 && str_equal(path + strlen(path) - 3, "/..")))
		return "";
	return path;
}

/* ---- checkov ---- */

static bool is_of(const json_t *found, const char *name)
{
	const char *path = json_string_value(json_object_get(found, "file_abs_path"));
	size_t length = path == NULL ? 0 : strlen(path), size = strlen(name);

	return length > size && path[length - size - 1] == '/' &&
	       str_equal(path + length - size, name);
}

static bool is_same(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "check_id"), json_object_get(b, "check_id")) &&
	       json_equal(json_object_get(a, "resource"), json_object_get(b, "resource"));
}

static bool was_there(const json_t *list, const json_t *found)
{
	const json_t *other;
	size_t i;

	json_array_foreach (list, i, other)
		if (is_of(other, CHECK_BEFORE) && is_same(other, found))
			return true;
	return false;
}

static void add_checkov(struct answer *answer, const json_t *found, enum finding_age age)
{
	const json_t *lines = json_object_get(found, "file_line_range");
	const char *raw = line_of(answer, json_object_get(found, "file_path"));
	/* it writes "/main.tf" for a file of the folder that it was told of */
	const char *path = place_of(raw[0] == '/' ? raw + 1 : raw);
	bool is_source = !str_equal(path, CHECK_AFTER) && *path != '\0';

	check_result_add(&answer->result,
		&(struct check_finding){ .age = age,
			.severity = severity_read(
				json_string_value(json_object_get(found, "severity"))),
			.id = line_of(answer, json_object_get(found, "check_id")),
			.title = line_of(answer, json_object_get(found, "check_name")),
			.resource = line_of(answer, json_object_get(found, "resource")),
			.file = is_source ? path : "",
			.line = is_source ? number_of(json_array_get(lines, 0)) : 0 });
}

static bool add_framework(struct answer *answer, const json_t *one)
{
	const json_t *results = json_object_get(one, "results"), *found;
	const json_t *failed = json_object_get(results, "failed_checks"),
		     *skipped = json_object_get(results, "skipped_checks");
	size_t i;

	if (!json_is_array(failed) || json_array_size(failed) > FOUND_MAX ||
		json_array_size(skipped) > FOUND_MAX)
		return false;
	json_array_foreach (failed, i, found)
		if (!is_of(found, CHECK_BEFORE))
			add_checkov(answer, found,
				was_there(failed, found) ? FINDING_OLD : FINDING_NEW);
	json_array_foreach (skipped, i, found)
		if (!is_of(found, CHECK_BEFORE))
			add_checkov(answer, found, FINDING_SKIPPED);
	return true;
}

/* Without anything to look at it prints the numbers alone. */
static const char *add_checkov_object(struct answer *answer, const json_t *one)
{
	const json_t *summary = json_object_get(one, "summary");
	const json_t *numbers = summary == NULL ? one : summary;
	const char *version = line_of(answer, json_object_get(numbers, "checkov_version"));

	if (!json_is_object(one) || *version == '\0')
		return "what it printed is JSON, but not that of checkov";
	answer->result.tool = arena_printf(&answer->arena, "checkov %s", version);
	if (json_integer_value(json_object_get(numbers, "parsing_errors")) > 0)
		return "checkov could not read what it was given";
	if (summary == NULL)
		return json_integer_value(json_object_get(one, "resource_count")) == 0
			       ? NULL
			       : "what it printed is JSON, but not that of checkov";
	return add_framework(answer, one) ? NULL
					  : "what it printed is JSON, but not that of checkov";
}

int checkov_interpret(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *json = NULL;
	const char *why = NULL;
	struct answer answer;
	const json_t *one;
	struct err err;
	size_t i;

	begin(&answer);
	if (read_json(in_fd, ANSWER_MAX, &json, &err) < 0)
		return refuse(&answer, out_fd, "what it printed is no JSON");
	if (!json_is_array(json))
		why = add_checkov_object(&answer, json);
	else if (json_array_size(json) == 0)
		why = "what it printed is an empty list";
	json_array_foreach (json_is_array(json) ? json : NULL, i, one)
		if (why == NULL)
			why = add_checkov_object(&answer, one);
	return why != NULL ? refuse(&answer, out_fd, why) : finish(&answer, out_fd);
}

/* ---- the plan as it is before ---- */

static void undo_changes(json_t *plan)
{
	const json_t *changes = json_object_get(plan, "resource_changes");
	json_t *kept = json_array(), *one;
	size_t i;

	json_array_foreach (changes, i, one) {
		json_t *change = json_object_get(one, "change"), *before;

		before = json_object_get(change, "before");
		if (!json_is_object(before))
			continue;
		json_object_set(change, "after", before);
		json_object_set_new(change, "after_unknown", json_object());
		json_object_set_new(change, "actions", json_pack("[s]", "no-op"));
		json_array_append(kept, one);
	}
	json_object_set_new(plan, "resource_changes", kept);
}

int checkov_before(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *plan = NULL;
	const json_t *prior;
	struct err err;

	if (read_json(in_fd, PLAN_MAX, &plan, &err) < 0) {
		dprintf(out_fd, "the plan is no JSON");
		return 1;
	}
	prior = json_object_get(json_object_get(plan, "prior_state"), "values");
	if (!json_is_object(prior))
		return 0;
	json_object_set(plan, "planned_values", (json_t *)(uintptr_t)prior);
	undo_changes(plan);
	json_object_del(plan, "prior_state");
	return json_dumpfd(plan, out_fd, JSON_COMPACT) < 0 ? 2 : 0;
}

/* ---- SARIF ---- */

static const json_t *rule_of(const json_t *rules, const json_t *result)
{
	const char *id = json_string_value(json_object_get(result, "ruleId"));
	const json_t *index = json_object_get(result, "ruleIndex"), *rule;
	size_t i;

	if (json_is_integer(index) && json_integer_value(index) >= 0)
		return json_array_get(rules, (size_t)json_integer_value(index));
	json_array_foreach (rules, i, rule)
		if (str_equal(json_string_value(json_object_get(rule, "id")), id))
			return rule;
	return NULL;
}

static enum severity by_score(const json_t *rule)
{
	const json_t *value = json_object_get(
		json_object_get(rule, "properties"), "security-severity");
	double score = json_is_string(value) ? 0 : json_number_value(value);

	if (json_is_string(value) && sscanf(json_string_value(value), "%lf", &score) != 1)
		score = 0;
	return score >= 9   ? SEVERITY_CRITICAL
	       : score >= 7 ? SEVERITY_HIGH
	       : score >= 4 ? SEVERITY_MEDIUM
	       : score > 0  ? SEVERITY_LOW
			    : SEVERITY_UNKNOWN;
}

/* A result without a level has its rule's, and that of a rule that says none is "warning". */
static enum severity sarif_severity(const json_t *result, const json_t *rule)
{
	const char *level = json_string_value(json_object_get(result, "level"));
	enum severity severity = by_score(rule);

	if (level == NULL)
		level = json_string_value(
			json_object_get(json_object_get(rule, "defaultConfiguration"), "level"));
	return severity != SEVERITY_UNKNOWN ? severity
					    : severity_read(level == NULL ? "warning" : level);
}

static void add_sarif(struct answer *answer, const json_t *rules, const json_t *result)
{
	const char *kind = json_string_value(json_object_get(result, "kind"));
	const json_t *rule = rule_of(rules, result);
	const json_t *place = json_object_get(
		json_array_get(json_object_get(result, "locations"), 0), "physicalLocation");
	const json_t *file = json_object_get(json_object_get(place, "artifactLocation"), "uri");

	if (kind != NULL && !str_equal(kind, "fail"))
		return;
	check_result_add(&answer->result,
		&(struct check_finding){
			.age = json_array_size(json_object_get(result, "suppressions")) > 0
				       ? FINDING_SKIPPED
				       : FINDING_NEW,
			.severity = sarif_severity(result, rule),
			.id = line_of(answer, json_object_get(result, "ruleId")),
			.title = line_of(answer,
				json_object_get(json_object_get(result, "message"), "text")),
			.resource = "",
			.file = place_of(line_of(answer, file)),
			.line = number_of(
				json_object_get(json_object_get(place, "region"), "startLine")) });
}

static const char *add_sarif_run(struct answer *answer, const json_t *run)
{
	const json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
	const json_t *results = json_object_get(run, "results"), *one;
	const char *name = line_of(answer, json_object_get(driver, "name"));
	const char *version = line_of(answer, json_object_get(driver, "version"));
	size_t i;

	json_array_foreach (json_object_get(run, "invocations"), i, one)
		if (json_is_false(json_object_get(one, "executionSuccessful")))
			return "the tool says itself that it did not succeed";
	if (*name == '\0' || !json_is_array(results) || json_array_size(results) > FOUND_MAX)
		return "what it printed is JSON, but no SARIF with results";
	answer->result.tool = arena_printf(
		&answer->arena, "%s%s%s", name, *version == '\0' ? "" : " ", version);
	json_array_foreach (results, i, one)
		add_sarif(answer, json_object_get(driver, "rules"), one);
	return NULL;
}

int sarif_interpret(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *json = NULL;
	const json_t *runs, *run;
	const char *why = NULL;
	struct answer answer;
	struct err err;
	size_t i;

	begin(&answer);
	if (read_json(in_fd, ANSWER_MAX, &json, &err) < 0)
		return refuse(&answer, out_fd, "what it printed is no JSON");
	runs = json_object_get(json, "runs");
	if (!json_is_array(runs) || json_array_size(runs) == 0)
		why = "what it printed is JSON, but no SARIF";
	json_array_foreach (runs, i, run)
		if (why == NULL)
			why = add_sarif_run(&answer, run);
	return why != NULL ? refuse(&answer, out_fd, why) : finish(&answer, out_fd);
}

/* ---- cost ---- */

static const char *amount_of(struct answer *answer, const json_t *value)
{
	if (json_is_string(value))
		return line_of(answer, value);
	return json_is_number(value)
		       ? arena_printf(&answer->arena, "%.2f", json_number_value(value))
		       : "";
}

/* {"summary": "..."}, or what Infracost prints. */
int cost_interpret(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *json = NULL;
	const char *summary, *difference, *total, *currency;
	struct answer answer;
	struct err err;

	begin(&answer);
	if (read_json(in_fd, ANSWER_MAX, &json, &err) < 0 || !json_is_object(json))
		return refuse(&answer, out_fd, "what it printed is no JSON object");
	summary = line_of(&answer, json_object_get(json, "summary"));
	difference = amount_of(&answer, json_object_get(json, "diffTotalMonthlyCost"));
	total = amount_of(&answer, json_object_get(json, "totalMonthlyCost"));
	currency = line_of(&answer, json_object_get(json, "currency"));
	if (*summary == '\0' && *total == '\0')
		return refuse(&answer, out_fd,
			"what it printed has neither a summary nor totalMonthlyCost");
	answer.result.message = *summary != '\0'
					? summary
					: arena_printf(&answer.arena, "%s%s%s a month, %s in all",
						  *difference == '\0' ? "0" : difference,
						  *currency == '\0' ? "" : " ", currency, total);
	return finish(&answer, out_fd);
}
