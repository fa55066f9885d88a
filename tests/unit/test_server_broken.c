/* links: config model lib_regex lib */
/* Broken server.yaml files, each with every word that is said about it:
 * tests/golden/server-broken.txt, whose answers UPDATE_GOLDEN=1 writes anew. */
#include "tests/lib/cases.h"

#include "config/server_config.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

#define GOLDEN	   "tests/golden/server-broken.txt"
#define CASE_BEGIN "=== "
#define SAID_BEGIN "--- said\n"

struct broken {
	const char *name;
	char *file, *said;
};

enum { BROKEN_MAX = 300 };

static struct broken all[BROKEN_MAX];
static size_t count;

static char *read_golden(void)
{
	FILE *file = fopen(GOLDEN, "r");
	char *text = mem_alloc(1 << 20);

	if (file == NULL || fread(text, 1, (1 << 20) - 1, file) == 0) {
		(void)fprintf(stderr, "%s cannot be read\n", GOLDEN);
		exit(1);
	}
	(void)fclose(file);
	return text;
}

/* The text is cut into pieces where it stands. */
static void split(char *text)
{
	char *at = strstr(text, CASE_BEGIN);

	while (at != NULL && count < BROKEN_MAX) {
		char *name = at + strlen(CASE_BEGIN), *body = strchr(name, '\n') + 1;
		char *said = strstr(body, SAID_BEGIN), *next = strstr(body, "\n" CASE_BEGIN);

		body[-1] = '\0';
		if (said == NULL) {
			(void)fprintf(stderr, "%s: %s has no answer\n", GOLDEN, name);
			exit(1);
		}
		*said = '\0';
		if (next != NULL)
			*next++ = '\0';
		all[count++] = (struct broken){ name, body, said + strlen(SAID_BEGIN) };
		at = next;
	}
}

/* "\0" and "\r" stand for the bytes that a golden file had better not hold. */
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

static void judge(const struct broken *one, struct strbuf *said)
{
	_cleanup_free_ char *bytes = mem_strdup(one->file);
	size_t length = unescape(bytes);
	struct config_errors errors = { 0 };
	struct settings settings;
	struct err err = { 0 };

	server_config_defaults(&settings);
	if (server_config_parse(bytes, length, &settings, &errors, &err) == 0)
		strbuf_puts(said, "nothing");
	config_errors_text(&errors, "server.yaml", said);
	strbuf_putc(said, '\n');
	config_errors_release(&errors);
	arena_release(&settings.arena);
}

static void test_said(void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	const struct broken *one = *state;

	judge(one, &said);
	assert_string_not_equal(strbuf_text(&said), "nothing\n");
	assert_string_equal(strbuf_text(&said), one->said);
}

static void update(void)
{
	FILE *file = fopen(GOLDEN, "w");

	for (size_t i = 0; i < count; i++) {
		_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);

		judge(&all[i], &said);
		(void)fprintf(file, "%s%s\n%s%s%s%s", CASE_BEGIN, all[i].name, all[i].file,
			SAID_BEGIN, strbuf_text(&said), i + 1 == count ? "" : "\n");
	}
	(void)fclose(file);
}

int main(int argc, char **argv)
{
	char *text = read_golden();
	int failed;

	split(text);
	if (getenv("UPDATE_GOLDEN") != NULL) {
		update();
		free(text);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		cases_add("test_said", all[i].name, test_said, &all[i]);
	failed = cases_run(argc, argv);
	free(text);
	return failed;
}
