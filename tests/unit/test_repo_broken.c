/* links: config model lib_regex lib_yaml lib */
/* Broken files of repositories, each with every word that is said about it:
 * tests/golden/repo-broken.txt, whose answers UPDATE_GOLDEN=1 writes anew. */
#include "tests/lib/golden_cases.h"

#include "config/repo_file.h"

static void judge(const char *bytes, size_t length, struct strbuf *said)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct config_errors errors = { 0 };
	struct repo_file file;
	struct err err = { 0 };
	int r = repo_file_parse("sluice.yaml", bytes, length, &arena, &file, &errors, &err);

	config_errors_text(&errors, "sluice.yaml", said);
	strbuf_putc(said, '\n');
	config_errors_release(&errors);
	assert_int_equal(r, -ERR_CONFIG);
}

int main(int argc, char **argv)
{
	return golden_cases_run("tests/golden/repo-broken.txt", judge, argc, argv);
}
