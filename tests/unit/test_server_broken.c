/* links: config model lib_regex lib_yaml lib */
/* Broken server.yaml files, each with every word that is said about it:
 * tests/golden/server-broken.txt, whose answers UPDATE_GOLDEN=1 writes anew. */
#include "tests/lib/golden_cases.h"

#include "config/server_config.h"

static void judge(const char *bytes, size_t length, struct strbuf *said)
{
	struct config_errors errors = { 0 };
	struct settings settings;
	struct err err = { 0 };
	int r;

	server_config_defaults(&settings);
	r = server_config_parse(bytes, length, &settings, &errors, &err);
	config_errors_text(&errors, "server.yaml", said);
	strbuf_putc(said, '\n');
	config_errors_release(&errors);
	arena_release(&settings.arena);
	assert_int_equal(r, -ERR_CONFIG);
}

int main(int argc, char **argv)
{
	return golden_cases_run("tests/golden/server-broken.txt", judge, argc, argv);
}
