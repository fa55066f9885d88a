/* Results of checks as JSON, and what follows from their counts. */
#include "orchestrator/model/check_results.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COUNT_MAX = 1000000, LINE_MAX_NUMBER = 100000000 };

static const char *const severities[SEVERITY_COUNT] = { "unrated", "low", "medium", "high",
	"critical" };
static const char *const ages[FINDING_AGES] = { "new", "old", "skipped" };
static const char *const verdicts[] = { NULL, "passed", "soft failed", "failed", "error" };

const char *severity_name(enum severity severity)
{
	return (size_t)severity < countof(severities) ? severities[severity] : severities[0];
}

enum severity severity_read(const char *word)
{
	static const struct {
		const char *word;
		enum severity severity;
	} words[] = {
		{ "low", SEVERITY_LOW },
		{ "note", SEVERITY_LOW },
		{ "info", SEVERITY_LOW },
		{ "none", SEVERITY_LOW },
		{ "negligible", SEVERITY_LOW },
		{ "medium", SEVERITY_MEDIUM },
		{ "moderate", SEVERITY_MEDIUM },
		{ "warning", SEVERITY_MEDIUM },
		{ "high", SEVERITY_HIGH },
		{ "error", SEVERITY_HIGH },
		{ "critical", SEVERITY_CRITICAL },
	};

	for (size_t i = 0; word != NULL && i < countof(words); i++)
		if (strcasecmp(words[i].word, word) == 0)
			return words[i].severity;
	return SEVERITY_UNKNOWN;
}

bool severity_reaches(enum severity severity, const char *threshold)
{
	enum severity least = severity_read(threshold);

	return severity == SEVERITY_UNKNOWN || least == SEVERITY_UNKNOWN || severity >= least;
}

/* ---- judging ---- */

void check_result_add(struct check_result *result, const struct check_finding *finding)
{
	int *count = &result->counts[finding->age][finding->severity];

	if (*count < COUNT_MAX)
		(*count)++;
	if (result->finding_count < CHECK_FINDINGS_MAX)
		result->findings[result->finding_count++] = *finding;
}

int check_result_count(const struct check_result *result, enum finding_age age)
{
	int sum = 0;

	for (int i = 0; i < SEVERITY_COUNT; i++)
		sum += result->counts[age][i];
	return sum;
}

/* Unrated ones are shown before the low ones: nobody knows that they are less. */
static int rank_of(const struct check_finding *finding)
{
	int severity = finding->severity == SEVERITY_UNKNOWN ? SEVERITY_HIGH : finding->severity;

	return (int)finding->age * 10 - severity;
}

static int compare(const void *a, const void *b)
{
	const struct check_finding *x = a, *y = b;
	int order = rank_of(x) - rank_of(y);

	if (order == 0)
		order = strcmp(x->file, y->file);
	if (order == 0)
		order = x->line - y->line;
	if (order == 0)
		order = strcmp(x->id, y->id);
	return order != 0 ? order : strcmp(x->resource, y->resource);
}

void check_result_judge(struct check_result *result, const char *threshold)
{
	bool has_hard = false;

	if (result->finding_count > 0)
		qsort(result->findings, result->finding_count, sizeof(*result->findings), compare);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		has_hard = has_hard || (result->counts[FINDING_NEW][i] > 0 &&
					       severity_reaches((enum severity)i, threshold));
	if (result->verdict == CHECK_ERROR)
		return;
	result->verdict = has_hard					? CHECK_FAILED
			  : check_result_count(result, FINDING_NEW) > 0 ? CHECK_SOFT
									: CHECK_PASSED;
}

const struct check_result *check_results_find(const struct check_results *results, const char *name)
{
	for (size_t i = 0; i < results->count; i++)
		if (str_equal(results->list[i].name, name))
			return &results->list[i];
	return NULL;
}

const struct check_result *check_results_against(const struct check_results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->list[i].verdict >= CHECK_FAILED)
			return &results->list[i];
	return NULL;
}

/* "1 critical, 2 high" */
static void put_counts(struct strbuf *out, const int counts[SEVERITY_COUNT])
{
	static const enum severity order[] = { SEVERITY_CRITICAL, SEVERITY_HIGH, SEVERITY_UNKNOWN,
		SEVERITY_MEDIUM, SEVERITY_LOW };

	for (size_t i = 0; i < countof(order); i++)
		if (counts[order[i]] > 0)
			strbuf_printf(out, "%s%d %s", out->length == 0 ? "" : ", ",
				counts[order[i]], severities[order[i]]);
}

const char *check_result_text(const struct check_result *result, char *buf, size_t size)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(400);

	put_counts(&out, result->counts[FINDING_NEW]);
	(void)snprintf(buf, size, "%s",
		result->verdict == CHECK_ERROR	  ? "no answer"
		: out.length > 0		  ? strbuf_text(&out)
		: result->verdict == CHECK_FAILED ? "failed"
						  : "passed");
	return buf;
}

/* ---- reading ---- */

static const char *text_of(struct jsonx *reader, const char *key, struct arena *arena)
{
	const char *text = jsonx_string_or(reader, key, "");

	return arena_strndup(arena, text, codec_utf8_prefix(text, strnlen(text, CHECK_TEXT_MAX)));
}

static int word_of(struct jsonx *reader, const char *key, const char *const *words, int count)
{
	const char *word = jsonx_string(reader, key);

	for (int i = 0; i < count; i++)
		if (words[i] != NULL && str_equal(words[i], word))
			return i;
	if (reader->failed == 0)
		reader->failed = err_set(
			reader->err, ERR_SYNTAX, "%s: %s is none that we know", reader->what, key);
	return 0;
}

static int read_finding(
	const json_t *json, struct arena *arena, struct check_finding *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "checked: finding", err);
	int64_t line = jsonx_int_or(&reader, "line", 0);

	*ret = (struct check_finding){
		.severity = (enum severity)word_of(&reader, "severity", severities, SEVERITY_COUNT),
		.age = (enum finding_age)word_of(&reader, "age", ages, FINDING_AGES),
		.id = text_of(&reader, "id", arena),
		.title = text_of(&reader, "title", arena),
		.resource = text_of(&reader, "resource", arena),
		.file = text_of(&reader, "file", arena),
		.line = line < 0 || line > LINE_MAX_NUMBER ? 0 : (int)line,
	};
	return reader.failed;
}

static int read_findings(
	struct jsonx *reader, struct arena *arena, struct check_result *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, "findings");
	int r = reader->failed;

	ret->finding_count = json_array_size(list);
	if (r == 0 && ret->finding_count > CHECK_FINDINGS_MAX)
		return err_set(
			err, ERR_LIMIT, "checked: more than %d findings", CHECK_FINDINGS_MAX);
	ret->findings = arena_alloc(arena, (ret->finding_count + 1) * sizeof(*ret->findings));
	for (size_t i = 0; r == 0 && i < ret->finding_count; i++)
		r = read_finding(json_array_get(list, i), arena, &ret->findings[i], err);
	return r;
}

static int read_counts(struct jsonx *reader, struct check_result *ret, struct err *err)
{
	for (int age = 0; age < FINDING_AGES; age++) {
		const json_t *list = jsonx_array_or(reader, ages[age]);

		if (json_array_size(list) > SEVERITY_COUNT)
			return err_set(
				err, ERR_SYNTAX, "checked: %s has too many numbers", ages[age]);
		for (size_t i = 0; i < json_array_size(list); i++) {
			json_int_t count = json_integer_value(json_array_get(list, i));

			if (!json_is_integer(json_array_get(list, i)) || count < 0 ||
				count > COUNT_MAX)
				return err_set(err, ERR_SYNTAX,
					"checked: %s must be numbers between 0 and %d", ages[age],
					COUNT_MAX);
			ret->counts[age][i] = (int)count;
		}
	}
	return reader->failed;
}

/* Counts are never less than what is listed, nor a verdict kinder than they are. */
static void believe_the_worst(struct check_result *result)
{
	int listed[FINDING_AGES][SEVERITY_COUNT] = { 0 };

	for (size_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *one = &result->findings[i];

		if (++listed[one->age][one->severity] > result->counts[one->age][one->severity])
			result->counts[one->age][one->severity] = listed[one->age][one->severity];
	}
	if (result->verdict == CHECK_PASSED && check_result_count(result, FINDING_NEW) > 0)
		result->verdict = CHECK_FAILED;
}

static int read_one(
	const json_t *json, struct arena *arena, struct check_result *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "checked", err);
	int r;

	*ret = (struct check_result){
		.name = arena_strdup(arena, jsonx_string(&reader, "name")),
		.tool = text_of(&reader, "tool", arena),
		.message = text_of(&reader, "message", arena),
		.verdict = (enum check_verdict)word_of(
			&reader, "verdict", verdicts, countof(verdicts)),
	};
	if (reader.failed == 0 && strlen(ret->name) > CHECK_NAME_MAX)
		return err_set(err, ERR_SYNTAX, "checked: a name is too long");
	r = read_counts(&reader, ret, err);
	if (r == 0)
		r = read_findings(&reader, arena, ret, err);
	if (r == 0)
		believe_the_worst(ret);
	return r < 0 ? r : reader.failed;
}

int check_results_read(
	const json_t *json, struct arena *arena, struct check_results *ret, struct err *err)
{
	int r = 0;

	*ret = (struct check_results){ 0 };
	if (json == NULL || json_is_null(json))
		return 0;
	if (!json_is_array(json) || json_array_size(json) > CHECKS_MAX)
		return err_set(err, ERR_SYNTAX, "checked must be a list of at most %d", CHECKS_MAX);
	ret->count = json_array_size(json);
	ret->list = arena_alloc(arena, (ret->count + 1) * sizeof(*ret->list));
	for (size_t i = 0; r == 0 && i < ret->count; i++)
		r = read_one(json_array_get(json, i), arena, &ret->list[i], err);
	return r;
}

/* ---- writing ---- */

static json_t *finding_json(const struct check_finding *finding)
{
	json_t *json = json_pack("{s:s, s:s, s:o, s:o}", "severity",
		severity_name(finding->severity), "age", ages[finding->age], "id",
		jsonx_any(finding->id), "title", jsonx_any(finding->title));

	if (!str_empty(finding->resource))
		json_object_set_new(json, "resource", jsonx_any(finding->resource));
	if (!str_empty(finding->file))
		json_object_set_new(json, "file", jsonx_any(finding->file));
	if (finding->line > 0)
		json_object_set_new(json, "line", json_integer(finding->line));
	return json;
}

static json_t *result_json(const struct check_result *result)
{
	json_t *findings = json_array();
	json_t *json = json_pack("{s:o, s:o, s:s, s:o}", "name", jsonx_any(result->name), "tool",
		jsonx_any(result->tool), "verdict", verdicts[result->verdict], "message",
		jsonx_any(result->message));

	for (int age = 0; age < FINDING_AGES; age++) {
		json_t *counts = json_array();

		for (int i = 0; i < SEVERITY_COUNT; i++)
			json_array_append_new(counts, json_integer(result->counts[age][i]));
		json_object_set_new(json, ages[age], counts);
	}
	for (size_t i = 0; i < result->finding_count; i++)
		json_array_append_new(findings, finding_json(&result->findings[i]));
	json_object_set_new(json, "findings", findings);
	return json;
}

json_t *check_results_write(const struct check_results *results)
{
	json_t *list = json_array();

	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(list, result_json(&results->list[i]));
	return list;
}
