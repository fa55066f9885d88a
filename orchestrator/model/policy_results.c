/* Results of policies as JSON. */
#include "orchestrator/model/policy_results.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { COUNT_MAX = 1000000 };

static const struct {
	const char *key;
	size_t offset;
} counts[] = {
	{ "passed", offsetof(struct policy_result, passed) },
	{ "failed", offsetof(struct policy_result, failed) },
	{ "warned", offsetof(struct policy_result, warned) },
	{ "excepted", offsetof(struct policy_result, excepted) },
};

static int *count_at(const struct policy_result *result, size_t i)
{
	return (int *)(void *)((char *)(uintptr_t)result + counts[i].offset);
}

static int read_words(struct jsonx *reader, const char *key, struct arena *arena, const char ***ret,
	size_t *ret_count, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, key);

	if (reader->failed != 0)
		return reader->failed;
	*ret_count = json_array_size(list);
	if (*ret_count > POLICY_WORDS_MAX)
		return err_set(err, ERR_LIMIT, "policies: more than %d %s", POLICY_WORDS_MAX, key);
	*ret = arena_alloc(arena, (*ret_count + 1) * sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		const json_t *item = json_array_get(list, i);
		const char *text = json_string_value(item);

		if (text == NULL || strlen(text) != json_string_length(item))
			return err_set(err, ERR_SYNTAX,
				"policies: %s[%zu] must be a string without NUL", key, i);
		(*ret)[i] = arena_strndup(
			arena, text, codec_utf8_prefix(text, strnlen(text, POLICY_WORD_BYTES_MAX)));
	}
	return 0;
}

static int read_one(
	const json_t *json, struct arena *arena, struct policy_result *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "policies", err);
	int r;

	*ret = (struct policy_result){ .name = arena_strdup(arena, jsonx_string(&reader, "name")) };
	for (size_t i = 0; i < countof(counts); i++) {
		int64_t value = jsonx_int_or(&reader, counts[i].key, 0);

		if (reader.failed == 0 && (value < 0 || value > COUNT_MAX))
			return err_set(err, ERR_SYNTAX, "policies: %s must be between 0 and %d",
				counts[i].key, COUNT_MAX);
		*count_at(ret, i) = (int)value;
	}
	if (reader.failed != 0)
		return reader.failed;
	r = read_words(&reader, "failures", arena, &ret->failures, &ret->failure_count, err);
	if (r == 0)
		r = read_words(
			&reader, "warnings", arena, &ret->warnings, &ret->warning_count, err);
	if (r == 0 && (size_t)ret->failed < ret->failure_count) /* never kinder than its words */
		ret->failed = (int)ret->failure_count;
	return r;
}

int policy_results_read(
	const json_t *json, struct arena *arena, struct policy_results *ret, struct err *err)
{
	int r = 0;

	*ret = (struct policy_results){ 0 };
	if (json == NULL || json_is_null(json))
		return 0;
	if (!json_is_array(json) || json_array_size(json) > POLICY_SETS_MAX)
		return err_set(
			err, ERR_SYNTAX, "policies must be a list of at most %d", POLICY_SETS_MAX);
	ret->count = json_array_size(json);
	ret->list = arena_alloc(arena, (ret->count + 1) * sizeof(*ret->list));
	for (size_t i = 0; r == 0 && i < ret->count; i++)
		r = read_one(json_array_get(json, i), arena, &ret->list[i], err);
	return r;
}

static json_t *words_json(const char *const *words, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, jsonx_any(words[i]));
	return list;
}

json_t *policy_results_write(const struct policy_results *results)
{
	json_t *list = json_array();

	for (size_t i = 0; i < results->count; i++) {
		const struct policy_result *one = &results->list[i];
		json_t *json = json_object();

		json_object_set_new(json, "name", jsonx_any(one->name));
		for (size_t k = 0; k < countof(counts); k++)
			json_object_set_new(json, counts[k].key, json_integer(*count_at(one, k)));
		json_object_set_new(
			json, "failures", words_json(one->failures, one->failure_count));
		json_object_set_new(
			json, "warnings", words_json(one->warnings, one->warning_count));
		json_array_append_new(list, json);
	}
	return list;
}

const struct policy_result *policy_results_against(const struct policy_results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->list[i].failed > 0)
			return &results->list[i];
	return NULL;
}
