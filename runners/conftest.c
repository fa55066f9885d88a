/* Answers of conftest: a list with an element for each namespace. */
#include "runners/conftest.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/policy_results.h"
#include "runners/output.h"

#include <stdio.h>
#include <string.h>

/* Secrets are masked before a message gets its last, shorter length. */
enum { ANSWER_MAX = 8 << 20, RESULTS_MAX = 100000, MESSAGE_MAX = 8 * POLICY_WORD_BYTES_MAX };

struct tally {
	json_int_t passed, failed, warned, excepted;
	json_t *failures, *warnings; /* messages, the first few */
};

/* A line or two of text, whatever it was; control characters would only confuse readers. */
static json_t *message(const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "msg"));
	char line[MESSAGE_MAX + 1];
	size_t length;

	if (text == NULL || *text == '\0')
		text = "(without a message)";
	length = codec_utf8_prefix(text, strnlen(text, MESSAGE_MAX));
	memcpy(line, text, length);
	line[length] = '\0';
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	return json_string(line);
}

static int add_results(const json_t *one, const char *key, json_int_t *count, json_t *messages)
{
	const json_t *list = json_object_get(one, key), *item;
	size_t i;

	if (list != NULL && !json_is_null(list) && !json_is_array(list))
		return -1;
	json_array_foreach (list, i, item) {
		if (!json_is_object(item))
			return -1;
		if (messages != NULL && json_array_size(messages) < POLICY_WORDS_MAX)
			json_array_append_new(messages, message(item));
	}
	*count += (json_int_t)json_array_size(list);
	return *count > RESULTS_MAX ? -1 : 0;
}

static int add_namespace(const json_t *one, struct tally *tally)
{
	const json_t *passed = json_object_get(one, "successes");

	if (!json_is_object(one) || !json_is_integer(passed) || json_integer_value(passed) < 0 ||
		json_integer_value(passed) > RESULTS_MAX)
		return -1;
	tally->passed += json_integer_value(passed);
	if (add_results(one, "failures", &tally->failed, tally->failures) < 0 ||
		add_results(one, "warnings", &tally->warned, tally->warnings) < 0 ||
		add_results(one, "exceptions", &tally->excepted, NULL) < 0)
		return -1;
	return tally->passed > RESULTS_MAX ? -1 : 0;
}

static int read_all(const json_t *json, struct tally *tally)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(json))
		return -1;
	json_array_foreach (json, i, one)
		if (add_namespace(one, tally) < 0)
			return -1;
	return 0;
}

int conftest_interpret(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *json = NULL, *answer = NULL;
	_cleanup_free_ char *text = NULL, *out = NULL;
	struct tally tally = { .failures = json_array(), .warnings = json_array() };
	size_t length = 0;
	struct err err;

	answer = json_object();
	json_object_set_new(answer, "failures", tally.failures);
	json_object_set_new(answer, "warnings", tally.warnings);
	if (output_read_fd(in_fd, ANSWER_MAX, &text, &length, &err) < 0 ||
		jsonx_parse(text, length, ANSWER_MAX, &json, &err) < 0) {
		dprintf(out_fd, "what it printed is no JSON: %s", err.text);
		return 1;
	}
	if (read_all(json, &tally) < 0) {
		dprintf(out_fd, "what it printed is JSON, but not that of conftest");
		return 1;
	}
	json_object_set_new(answer, "passed", json_integer(tally.passed));
	json_object_set_new(answer, "failed", json_integer(tally.failed));
	json_object_set_new(answer, "warned", json_integer(tally.warned));
	json_object_set_new(answer, "excepted", json_integer(tally.excepted));
	out = jsonx_text(answer);
	return dprintf(out_fd, "%s", out) < 0 ? 2 : 0;
}
