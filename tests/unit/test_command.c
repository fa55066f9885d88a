/* links: engine store model lib_loop lib */
/* Comments -> commands: what is one, what looks like one, and what was meant to be one. */
#include "orchestrator/engine/command.h"
#include "orchestrator/lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct command_case {
	const char *comment;
	enum command_kind kind;
	const char *dir, *workspace, *project, *hint;
	size_t arguments;
};

static const char *names[] = { "sluice", "atlantis", NULL };
static const struct command_words words = { .names = names, .bot = "sluice-bot", .bare = true };

static const struct command_case cases[] = {
	/* commands */
	{ "plan", COMMAND_PLAN },
	{ "apply", COMMAND_APPLY },
	{ "unlock", COMMAND_UNLOCK },
	{ "cancel", COMMAND_CANCEL },
	{ "help", COMMAND_HELP },
	{ "sluice plan", COMMAND_PLAN },
	{ "atlantis apply", COMMAND_APPLY },
	{ "@sluice-bot apply", COMMAND_APPLY },
	{ "Sluice Apply", COMMAND_APPLY },
	{ "APPLY", COMMAND_APPLY },
	{ "\n\nsluice plan\n\n", COMMAND_PLAN },
	{ "sluice plan\r\n", COMMAND_PLAN },
	{ "sluice plan   \t ", COMMAND_PLAN },
	{ "sluice  plan", COMMAND_PLAN },
	{ "sluice plan -d infra/data", COMMAND_PLAN, .dir = "infra/data" },
	{ "plan -d infra/data/", COMMAND_PLAN, .dir = "infra/data" },
	{ "plan -d ./infra", COMMAND_PLAN, .dir = "infra" },
	{ "plan -d .", COMMAND_PLAN, .dir = "." },
	{ "plan --dir infra", COMMAND_PLAN, .dir = "infra" },
	{ "plan --dir=infra", COMMAND_PLAN, .dir = "infra" },
	{ "plan -w blue", COMMAND_PLAN, .workspace = "blue" },
	{ "plan --workspace blue", COMMAND_PLAN, .workspace = "blue" },
	{ "apply -p network", COMMAND_APPLY, .project = "network" },
	{ "apply --project=network", COMMAND_APPLY, .project = "network" },
	{ "plan -d a -w b", COMMAND_PLAN, .dir = "a", .workspace = "b" },
	{ "plan -d \"a b\"", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d 'a b'", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d a\\ b", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d '$(reboot)'", COMMAND_PLAN, .dir = "$(reboot)" },
	{ "plan --verbose", COMMAND_PLAN },
	{ "plan -- -destroy", COMMAND_PLAN, .arguments = 1 },
	{ "plan -- -target=a -target=b", COMMAND_PLAN, .arguments = 2 },
	{ "plan -d x -- -out=/etc/passwd", COMMAND_PLAN, .dir = "x", .arguments = 1 },
	{ "apply -- -auto-approve", COMMAND_APPLY, .arguments = 1 },
	{ "plan --", COMMAND_PLAN },
	/* no commands */
	{ "", COMMAND_NONE },
	{ "   \n  ", COMMAND_NONE },
	{ "looks good", COMMAND_NONE },
	{ "please apply", COMMAND_NONE },
	{ "apply now please", COMMAND_NONE },
	{ "apply.", COMMAND_NONE },
	{ "apply!", COMMAND_NONE },
	{ "apply this change to production", COMMAND_NONE },
	{ "plan is fine", COMMAND_NONE },
	{ "> sluice apply", COMMAND_NONE },
	{ ">sluice apply", COMMAND_NONE },
	{ "> apply", COMMAND_NONE },
	{ "```\nsluice apply\n```", COMMAND_NONE },
	{ "`sluice apply`", COMMAND_NONE },
	{ "    sluice apply", COMMAND_NONE },
	{ "\tsluice apply", COMMAND_NONE },
	{ " apply", COMMAND_NONE },
	{ "sluice apply\nthank you", COMMAND_NONE },
	{ "thank you\nsluice apply", COMMAND_NONE },
	{ "sluice plan\nsluice apply", COMMAND_NONE },
	{ "<!-- x -->\nsluice apply", COMMAND_NONE },
	{ "<!-- sluice apply -->", COMMAND_NONE },
	{ "- sluice apply", COMMAND_NONE },
	{ "1. apply", COMMAND_NONE },
	{ "**apply**", COMMAND_NONE },
	{ "/apply", COMMAND_NONE },
	{ "@someone apply", COMMAND_NONE },
	{ "@sluice apply", COMMAND_NONE },
	{ "sluiceapply", COMMAND_NONE },
	{ "appply", COMMAND_NONE },
	{ "sluice\xc2\xa0"
	  "apply",
		COMMAND_NONE },			      /* a space that is none */
	{ "sluice apply\xe2\x80\x8b", COMMAND_NONE }, /* nothing that is something */
	{ "\xef\xbb\xbfsluice apply", COMMAND_NONE }, /* byte order mark */
	{ "sluice \xd0\xb0pply", COMMAND_NONE },      /* a Cyrillic letter */
	{ "sluice apply\x01", COMMAND_NONE },
	{ "sluice apply\x1b[2K", COMMAND_NONE },
	{ "sluice apply\xff", COMMAND_NONE },
	{ "sluice\x0b"
	  "apply",
		COMMAND_NONE },
	/* meant for us, and wrong */
	{ "sluice aply", COMMAND_INVALID, .hint = "apply" },
	{ "sluice plann", COMMAND_INVALID, .hint = "plan" },
	{ "sluice unlok", COMMAND_INVALID, .hint = "unlock" },
	{ "sluice deploy everything", COMMAND_INVALID },
	{ "sluice", COMMAND_INVALID, .hint = "help" },
	{ "sluice apply; reboot", COMMAND_INVALID },
	{ "sluice apply && true", COMMAND_INVALID },
	{ "sluice apply now", COMMAND_INVALID },
	{ "sluice plan -x", COMMAND_INVALID },
	{ "sluice plan -d", COMMAND_INVALID },
	{ "sluice plan -d -w", COMMAND_INVALID },
	{ "sluice plan -d \"\"", COMMAND_INVALID },
	{ "sluice plan -d a -d b", COMMAND_INVALID },
	{ "sluice plan -d /etc", COMMAND_INVALID },
	{ "sluice plan -d ..", COMMAND_INVALID },
	{ "sluice plan -d ../../etc", COMMAND_INVALID },
	{ "sluice plan -d a/../../b", COMMAND_INVALID },
	{ "sluice plan -d a/..", COMMAND_INVALID },
	{ "sluice plan -w ../x", COMMAND_INVALID },
	{ "sluice plan -w a/b", COMMAND_INVALID },
	{ "sluice plan -p x -d y", COMMAND_INVALID },
	{ "sluice plan -p x -w y", COMMAND_INVALID },
	{ "sluice plan -d \"open", COMMAND_INVALID },
	{ "sluice unlock -d a", COMMAND_INVALID },
	{ "sluice help me", COMMAND_INVALID },
	{ "apply -x", COMMAND_INVALID },
};

static void test_table(_unused_ void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		const struct command_case *row = &cases[i];
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct command command;

		command_parse(&words, row->comment, strlen(row->comment), &arena, &command);
		if (command.kind != row->kind)
			fail_msg("\"%s\" is %s (%d), not %s", row->comment,
				command_kind_name(command.kind), (int)command.kind,
				command_kind_name(row->kind));
		assert_string_equal(command.dir, row->dir == NULL ? "" : row->dir);
		assert_string_equal(
			command.workspace, row->workspace == NULL ? "" : row->workspace);
		assert_string_equal(command.project, row->project == NULL ? "" : row->project);
		assert_int_equal(command.extra_arg_count, row->arguments);
		if (row->hint != NULL)
			assert_string_equal(command.hint, row->hint);
		if (command.kind == COMMAND_INVALID)
			assert_true(!str_empty(command.problem));
	}
}

static void test_bytes_after_a_nul_are_seen(_unused_ void **state)
{
	static const char comment[] = "sluice apply\0 not really";
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct command command;

	command_parse(&words, comment, sizeof(comment) - 1, &arena, &command);
	assert_int_equal(command.kind, COMMAND_NONE);
}

static void test_long_comments_are_no_commands(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(2 << 20);
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct command command;

	strbuf_puts(&text, "sluice apply");
	for (int i = 0; i < 1 << 20; i++)
		strbuf_putc(&text, '\n');
	command_parse(&words, strbuf_text(&text), text.length, &arena, &command);
	assert_int_equal(command.kind, COMMAND_NONE);
}

static void test_bare_words_can_be_switched_off(_unused_ void **state)
{
	struct command_words named = words;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct command command;

	named.bare = false;
	command_parse(&named, "apply", 5, &arena, &command);
	assert_int_equal(command.kind, COMMAND_NONE);
	command_parse(&named, "sluice apply", 12, &arena, &command);
	assert_int_equal(command.kind, COMMAND_APPLY);
}

static void test_help_names_every_verb(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf help = STRBUF(16 << 10);

	command_help(&help);
	for (int kind = COMMAND_PLAN; kind <= COMMAND_HELP; kind++)
		assert_non_null(
			strstr(strbuf_text(&help), command_kind_name((enum command_kind)kind)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bytes_after_a_nul_are_seen),
		cmocka_unit_test(test_long_comments_are_no_commands),
		cmocka_unit_test(test_bare_words_can_be_switched_off),
		cmocka_unit_test(test_help_names_every_verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
