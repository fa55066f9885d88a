/* links: config model lib */
/* server.yaml: what is read, what every broken file is told, and that the reference page is the
 * table. */
#include "config/server_config.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct settings *settings, struct strbuf *errors)
{
	struct err err = { 0 };

	server_config_defaults(settings);
	return server_config_parse("server.yaml", text, strlen(text), settings, errors, &err);
}

static void test_values(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf errors = STRBUF(64 << 10);
	struct settings settings;

	assert_int_equal(
		parse("listen: 0.0.0.0:80\nslots: 3\nlocal: false\ntool: opentofu\ntools: {tofu: "
		      "/opt/tofu}\n"
		      "limits: {step_timeout: 1h30m, body: 64KiB, comment_interval: 250ms}\n",
			&settings, &errors),
		0);
	assert_string_equal(settings.listen_host, "0.0.0.0");
	assert_int_equal(settings.listen_port, 80);
	assert_int_equal(settings.slots, 3);
	assert_false(settings.local_host);
	assert_string_equal(settings.tool, "opentofu");
	assert_string_equal(settings.tofu_path, "/opt/tofu");
	assert_int_equal(settings.step_timeout_ms, 5400000);
	assert_int_equal(settings.body_cap_bytes, 65536);
	assert_int_equal(settings.comment_interval_ms, 250);
	arena_release(&settings.arena);
}

static void test_broken_files(_unused_ void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "slot: 3", "server.yaml:1:1: unknown key \"slot\"; did you mean \"slots\"?" },
		{ "slots: many", "server.yaml:1:8: slots: expected a whole number" },
		{ "slots: 0", "server.yaml:1:8: slots: must lie between 1 and 1000" },
		{ "slots: [1]", "server.yaml:1:8: slots: expected one value" },
		{ "local: maybe", "server.yaml:1:8: local: expected true or false" },
		{ "local: \"true\"", "server.yaml:1:8: local: expected true or false" },
		{ "listen: 4141",
			"server.yaml:1:9: listen: expected ADDRESS:PORT, like 127.0.0.1:4141" },
		{ "listen: a:99999",
			"server.yaml:1:9: listen: expected ADDRESS:PORT, like 127.0.0.1:4141" },
		{ "data: here", "server.yaml:1:7: data: expected an absolute path" },
		{ "tool: pulumi", "server.yaml:1:7: tool: expected one of terraform, opentofu" },
		{ "tools: x", "server.yaml:1:8: tools: expected keys below it" },
		{ "tools: {tofuu: /x}",
			"server.yaml:1:9: unknown key \"tofuu\" in tools; did you mean \"tofu\"?" },
		{ "limits: {step_timeout: 10}", "server.yaml:1:24: limits.step_timeout: expected a "
						"duration like 90s, 10m or 1h" },
		{ "limits: {body: 1MB}",
			"server.yaml:1:16: limits.body: expected a size like 64KiB or 10MiB" },
		{ "limits: {body: 1}",
			"server.yaml:1:16: limits.body: must lie between 1024 and 67108864 bytes" },
		{ "slots: 1\nslots: 2", "server.yaml:2:1: the key \"slots\" is given twice" },
		{ "- a", "server.yaml:1:1: expected keys, like \"slots: 8\"" },
		{ "slots: *x", "server.yaml:1:8: aliases are not used in this file" },
		{ "a: 1\n---\nb: 2", "server.yaml:2:1: only one document is read" },
		{ "slots: x\nlocal: y", "server.yaml:1:8: slots: expected a whole "
					"number\nserver.yaml:2:8: local: expected true or false" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		_cleanup_strbuf_ struct strbuf errors = STRBUF(64 << 10);
		struct settings settings;

		assert_true(parse(cases[i].text, &settings, &errors) < 0);
		assert_string_equal(strbuf_text(&errors), cases[i].said);
		arena_release(&settings.arena);
	}
}

/* The library's own document loader needs over a minute for this. */
static void test_bombs_end_quickly(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf errors = STRBUF(64 << 10), text = STRBUF(1 << 20);
	struct settings settings;

	for (int i = 0; i < 200000; i++)
		strbuf_putc(&text, '[');
	assert_true(parse(strbuf_text(&text), &settings, &errors) < 0);
	assert_non_null(strstr(strbuf_text(&errors), "nested too deeply"));
	arena_release(&settings.arena);
}

static void test_reference_page(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf reference = STRBUF(64 << 10);
	char text[32768] = "";
	FILE *file = fopen("config/README.md", "r");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	server_config_reference(&reference);
	if (strstr(text, strbuf_text(&reference)) == NULL)
		fail_msg("config/README.md differs from `sluice validate --reference`; paste it "
			 "again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_bombs_end_quickly),
		cmocka_unit_test(test_reference_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
