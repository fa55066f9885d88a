/* links: config model lib_regex lib */
/* One file of a repository: the same verdict on each real file as its record says, and what every
 * key becomes. */
#include "tests/lib/cases.h"

#include "config/repo_file.h"
#include "config/server_config.h"
#include "config/workflow_file.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define CORPORA "../shared/corpora/atlantis-yaml"

enum { FILE_CAP = 1 << 20 };

static size_t read_file(const char *path, char *bytes)
{
	FILE *file = fopen(path, "r");
	size_t length = 0;

	if (file != NULL) {
		length = fread(bytes, 1, FILE_CAP - 1, file);
		(void)fclose(file);
	}
	bytes[length] = '\0';
	return length;
}

static int parse(const char *name, const char *bytes, size_t length, struct arena *arena,
	struct repo_file *file, struct strbuf *said)
{
	struct config_errors errors = { 0 };
	struct err err = { 0 };
	int r = repo_file_parse(name, bytes, length, arena, file, &errors, &err);

	config_errors_text(&errors, name, said);
	assert_int_equal(r, errors.found == 0 ? 0 : -ERR_CONFIG);
	config_errors_release(&errors);
	return r;
}

/* ---- files of strangers ---- */

/* Where each refused file is wrong: the record says only why. */
static const struct {
	const char *number;
	int line;
} places[] = { { "003", 19 }, { "029", 30 }, { "033", 12 }, { "053", 17 }, { "081", 3 },
	{ "105", 1 } };

static int expected_line(const char *name)
{
	for (size_t i = 0; i < countof(places); i++) {
		if (str_starts(name, places[i].number))
			return places[i].line;
	}
	return 0;
}

static void judge(const char *name, bool is_refused)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	_cleanup_free_ char *bytes = mem_alloc(FILE_CAP);
	_cleanup_free_ char *path = mem_printf(CORPORA "/%s", name);
	_cleanup_free_ char *begin = mem_printf("%s:%d:", name, expected_line(name));
	struct repo_file file;
	int r;

	r = parse(name, bytes, read_file(path, bytes), &arena, &file, &said);
	if (r == 0 && is_refused)
		fail_msg("%s was taken", name);
	if (r < 0 && (!is_refused || !str_starts(strbuf_text(&said), begin)))
		fail_msg("%s", strbuf_text(&said));
}

static void test_verdicts(_unused_ void **state)
{
	FILE *verdicts = fopen(CORPORA "/VERDICTS.tsv", "r");
	char line[1000], name[300], verdict[20];
	int count = 0, refused = 0;

	if (verdicts == NULL)
		cases_skip("corpora absent");
	while (fgets(line, sizeof(line), verdicts) != NULL) {
		if (sscanf(line, "%299[^\t]\t%*[^\t]\t%19s", name, verdict) != 2 ||
			str_equal(name, "file"))
			continue;
		judge(name, str_equal(verdict, "reject"));
		count++;
		refused += str_equal(verdict, "reject");
	}
	(void)fclose(verdicts);
	assert_true(count >= 53 && refused == countof(places));
}

static void test_generated(_unused_ void **state)
{
	DIR *folder = opendir(CORPORA "/generated");
	struct dirent *entry;
	int count = 0;

	if (folder == NULL)
		cases_skip("corpora absent");
	while ((entry = readdir(folder)) != NULL) {
		_cleanup_free_ char *name = mem_printf("generated/%s", entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		judge(name, false);
		count++;
	}
	(void)closedir(folder);
	assert_true(count >= 40);
}

/* ---- what is printed of the tables ---- */

static void must_equal(const char *path, const char *text)
{
	_cleanup_free_ char *bytes = mem_alloc(FILE_CAP);
	FILE *file;

	if (getenv("UPDATE_GOLDEN") != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	(void)read_file(path, bytes);
	if (!str_equal(bytes, text))
		fail_msg("%s differs from the tables; write it anew with UPDATE_GOLDEN=1", path);
}

static void test_schemas(_unused_ void **state)
{
	_cleanup_free_ char *repo = repo_file_schema(), *server = server_config_schema();

	must_equal("config/sluice.schema.json", repo);
	must_equal("config/server.schema.json", server);
}

static void test_reference_page(_unused_ void **state)
{
	_cleanup_free_ char *page = mem_alloc(FILE_CAP);
	_cleanup_strbuf_ struct strbuf rows = STRBUF(64 << 10);

	assert_true(read_file("config/README.md", page) > 0);
	repo_file_reference(&rows);
	assert_false(rows.overflowed);
	if (strstr(page, strbuf_text(&rows)) == NULL)
		fail_msg("config/README.md differs from `sluice validate --reference`; paste it "
			 "again");
}

int main(int argc, char **argv)
{
	CASE(test_verdicts);
	CASE(test_generated);
	CASE(test_schemas);
	CASE(test_reference_page);
	return cases_run(argc, argv);
}
