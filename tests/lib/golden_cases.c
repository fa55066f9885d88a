/* Cut into pieces where it stands. */
#include "tests/lib/golden_cases.h"

#include <stdio.h>
#include <string.h>

#define CASE_BEGIN "=== "
#define SAID_BEGIN "--- said\n"

enum { CASES_MAX = 1000, FILE_MAX = 1 << 20, SAID_MAX = 64 << 10 };

struct golden_case {
	const char *name;
	char *text, *said;
};

static struct golden_case all[CASES_MAX];
static size_t count;
static golden_judge judge_of_all;

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = mem_alloc(FILE_MAX);

	if (file == NULL || fread(text, 1, FILE_MAX - 1, file) == 0) {
		(void)fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	(void)fclose(file);
	return text;
}

static void split(const char *path, char *text)
{
	char *at = strstr(text, CASE_BEGIN);

	while (at != NULL && count < CASES_MAX) {
		char *name = at + strlen(CASE_BEGIN), *body = strchr(name, '\n') + 1;
		char *said = strstr(body, SAID_BEGIN), *next = strstr(body, "\n" CASE_BEGIN);

		body[-1] = '\0';
		if (said == NULL) {
			(void)fprintf(stderr, "%s: %s has no answer\n", path, name);
			exit(1);
		}
		*said = '\0';
		if (next != NULL)
			*next++ = '\0';
		all[count++] = (struct golden_case){ name, body, said + strlen(SAID_BEGIN) };
		at = next;
	}
}

static size_t unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && (from[1] == '0' || from[1] == 'r'))
			*to++ = *++from == '0' ? '\0' : '\r';
		else
			*to++ = *from;
	}
	return (size_t)(to - text);
}

static void judge(const struct golden_case *one, struct strbuf *said)
{
	_cleanup_free_ char *bytes = mem_strdup(one->text);
	size_t length = unescape(bytes);

	judge_of_all(bytes, length, said);
}

static void test_said(void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(SAID_MAX);
	const struct golden_case *one = *state;

	judge(one, &said);
	assert_string_equal(strbuf_text(&said), one->said);
}

static void update(const char *path)
{
	FILE *file = fopen(path, "w");

	for (size_t i = 0; file != NULL && i < count; i++) {
		_cleanup_strbuf_ struct strbuf said = STRBUF(SAID_MAX);

		judge(&all[i], &said);
		(void)fprintf(file, "%s%s\n%s%s%s%s", CASE_BEGIN, all[i].name, all[i].text,
			SAID_BEGIN, strbuf_text(&said), i + 1 == count ? "" : "\n");
	}
	if (file == NULL || fclose(file) != 0) {
		(void)fprintf(stderr, "%s cannot be written\n", path);
		exit(1);
	}
}

int golden_cases_run(const char *path, golden_judge judge_one, int argc, char **argv)
{
	char *text = read_file(path);
	int failed = 0;

	judge_of_all = judge_one;
	split(path, text);
	if (getenv("UPDATE_GOLDEN") != NULL) {
		update(path);
	} else {
		for (size_t i = 0; i < count; i++)
			cases_add("test_said", all[i].name, test_said, &all[i]);
		failed = cases_run(argc, argv);
	}
	free(text);
	return failed;
}
