/* links: lib */
/* One line, one write, always valid JSON, and never a secret in it. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/log.h"
#include "orchestrator/lib/secrets.h"

#include <string.h>

struct line_case {
	const char *name, *text, *shown;
};

static void write_value(void *owner)
{
	const struct line_case *row = owner;

	log_info("said", log_str("what", row->text), log_int("n", -7));
}

/* The line is one line of JSON; the caller owns it. */
static json_t *read_line(const char *line)
{
	size_t length = strlen(line);
	json_t *json = NULL;
	struct err err;

	assert_true(length > 0);
	assert_ptr_equal(strchr(line, '\n'), line + length - 1);
	assert_ok(jsonx_parse(line, length, 1 << 20, &json, &err), &err);
	return json;
}

static const struct line_case value_cases[] = {
	{ "plain", "plan", "plan" },
	{ "nothing", NULL, "" },
	{ "quotes", "say \"no\" \\ twice", "say \"no\" \\ twice" },
	{ "lines stay one line", "a\nb\r\tc", "a\nb\r\tc" },
	{ "control characters", "\x01\x1b[31m\x7f", "\x01\x1b[31m\x7f" },
	{ "UTF-8", "caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80" },
	{ "bytes that are not UTF-8",
		"a\xff"
		"b\xc3",
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd" },
	{ "a secret", "token-one", "***" },
	{ "a secret inside", "https://user:token-one@host/x", "https://user:***@host/x" },
	{ "a secret twice", "token-one,token-one", "***,***" },
	{ "side by side they are one", "token-onetoken-one", "***" },
	{ "a secret with a quote", "is se\"cr\net!", "is ***!" },
	{ "one secret holds another", "token-one-and-more", "***" },
	{ "secrets that overlap", "abcdefghi", "***" },
	{ "the end of a text cuts a secret", "header: token-o", "header: ***" },
	{ "a cut of less than six bytes is any word", "header: token", "header: token" },
	{ "too short to be masked", "pwd", "pwd" },
};

static void writes_one_line(void **state)
{
	struct line_case row = *(const struct line_case *)*state;
	_cleanup_free_ char *line = cases_stderr_of(write_value, &row);
	_cleanup_json_ json_t *json = read_line(line);

	assert_string_equal(json_string_value(json_object_get(json, "message")), "said");
	assert_string_equal(json_string_value(json_object_get(json, "level")), "info");
	assert_string_equal(json_string_value(json_object_get(json, "what")), row.shown);
	assert_int_equal(json_integer_value(json_object_get(json, "n")), -7);
	assert_int_equal(strlen(json_string_value(json_object_get(json, "time"))), 20);
}

static void write_as_text(void *owner)
{
	log_open(LOG_INFO, true);
	write_value(owner);
	log_open(LOG_INFO, false);
}

static const struct line_case text_cases[] = {
	{ "plain", "plan", " info  said what=plan n=-7\n" },
	{ "no new line", "a\nb", " what=a?b n" },
	{ "no escape sequence", "\x1b[31mred", " what=?[31mred n" },
	{ "a secret", "x token-one y", " what=x *** y n" },
};

static void writes_text(void **state)
{
	struct line_case row = *(const struct line_case *)*state;
	_cleanup_free_ char *line = cases_stderr_of(write_as_text, &row);

	assert_contains(line, row.shown);
}

static void write_all_levels(_unused_ void *owner)
{
	log_debug("one");
	log_info("two");
	log_warn("three");
	log_error("four");
}

static void says_only_what_matters(_unused_ void **state)
{
	char *lines;

	log_open(LOG_WARN, false);
	lines = cases_stderr_of(write_all_levels, NULL);
	assert_null(strstr(lines, "one"));
	assert_null(strstr(lines, "two"));
	assert_contains(lines, "\"warn\",\"message\":\"three\"");
	assert_contains(lines, "\"error\",\"message\":\"four\"");
	free(lines);
	log_open(LOG_DEBUG, false);
	lines = cases_stderr_of(write_all_levels, NULL);
	assert_contains(lines, "\"debug\",\"message\":\"one\"");
	free(lines);
	log_open(LOG_INFO, false);
}

static void write_error(_unused_ void *owner)
{
	struct err err;

	err_set(&err, ERR_NET, "POST with token-one: refused");
	log_error("token-one did not help", log_err(&err));
}

static void masks_messages_and_errors(_unused_ void **state)
{
	_cleanup_free_ char *line = cases_stderr_of(write_error, NULL);

	assert_null(strstr(line, "token-one"));
	assert_contains(line, "\"message\":\"*** did not help\"");
	assert_contains(line, "\"error\":\"POST with ***: refused\"");
}

enum { LARGE = 100000 };

static void write_large(void *owner)
{
	const char *text = owner;

	log_info("large", log_str("a", text), log_str("b", text), log_str("c", text),
		log_str("d", text), log_str("e", text), log_str("f", text));
}

/* The worst bytes: each becomes six. */
static void a_large_line_is_cut_and_stays_json(_unused_ void **state)
{
	_cleanup_free_ char *text = mem_alloc(LARGE), *line = NULL;
	_cleanup_json_ json_t *json = NULL;

	memset(text, 1, LARGE - 1);
	line = cases_stderr_of(write_large, text);
	assert_true(strlen(line) < 64 << 10);
	json = read_line(line);
	assert_int_equal(json_string_length(json_object_get(json, "a")), 2000);
	assert_true(json_is_true(json_object_get(json, "cut")));
	assert_null(json_object_get(json, "f"));
}

/* The cap must not cut a secret in two and show its first half. */
static void masks_before_it_cuts(_unused_ void **state)
{
	_cleanup_free_ char *text = mem_alloc(LARGE), *line = NULL;

	memset(text, 'x', 1995);
	memcpy(text + 1995, "token-one-and-more", 18);
	line = cases_stderr_of(write_large, text);
	assert_null(strstr(line, "xtoke"));
	assert_contains(line, "x***");
}

int main(int argc, char **argv)
{
	secrets_add("token-one");
	secrets_add("token-one-and-more");
	secrets_add("se\"cr\net");
	secrets_add("abcdef");
	secrets_add("defghi");
	secrets_add("pwd");
	secrets_add("");
	secrets_add(NULL);
	CASES(value_cases, writes_one_line);
	CASES(text_cases, writes_text);
	CASE(says_only_what_matters);
	CASE(masks_messages_and_errors);
	CASE(a_large_line_is_cut_and_stays_json);
	CASE(masks_before_it_cuts);
	return cases_run(argc, argv);
}
