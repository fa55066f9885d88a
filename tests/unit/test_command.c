/* links: engine lib_regex lib */
/* The grammar of comments as a table: what is a command, what is not, what is meant and wrong. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/command.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

static const char *our_names[] = { "sluice", "atlantis", NULL };
static const struct command_words our_words = { our_names, "infra-bot", true };
static const struct command_words named_only = { our_names, "", false };

static const struct right {
	const char *name; /* the comment */
	enum command_kind kind;
	const char *dir, *workspace, *project, *arguments; /* NULL: none; arguments joined by | */
	bool is_verbose;
	bool releases_commands, clears_policies;
	const char *policy_set;
} rights[] = {
	/* the verbs, under each name */
	{ "sluice plan", COMMAND_PLAN },
	{ "sluice apply", COMMAND_APPLY },
	{ "sluice unlock", COMMAND_UNLOCK },
	{ "sluice cancel", COMMAND_CANCEL },
	{ "sluice help", COMMAND_HELP },
	{ "atlantis plan", COMMAND_PLAN },
	{ "atlantis apply", COMMAND_APPLY },
	{ "@infra-bot apply", COMMAND_APPLY },
	{ "@Infra-Bot Plan", COMMAND_PLAN },
	{ "plan", COMMAND_PLAN },
	{ "apply", COMMAND_APPLY },
	{ "unlock", COMMAND_UNLOCK },
	{ "cancel", COMMAND_CANCEL },
	{ "help", COMMAND_HELP },
	{ "sluice version", COMMAND_VERSION },
	{ "atlantis approve_policies", COMMAND_APPROVE_POLICIES },
	{ "sluice approve_policies -p a --policy-set cost", COMMAND_APPROVE_POLICIES,
		.project = "a", .policy_set = "cost" },
	{ "sluice approve_policies --policy-set=cost --clear-policy-approval",
		COMMAND_APPROVE_POLICIES, .policy_set = "cost", .clears_policies = true },
	/* what they are told */
	{ "sluice import aws_x.y i-1", COMMAND_IMPORT, .arguments = "aws_x.y|i-1" },
	{ "atlantis import -d infra 'aws_x.y[\"a b\"]' arn:aws:x", COMMAND_IMPORT, .dir = "infra",
		.arguments = "aws_x.y[\"a b\"]|arn:aws:x" },
	{ "sluice import a b -p network", COMMAND_IMPORT, .project = "network",
		.arguments = "a|b" },
	{ "sluice state rm a.b", COMMAND_STATE_RM, .arguments = "a.b" },
	{ "sluice state RM a.b -w blue c.d", COMMAND_STATE_RM, .workspace = "blue",
		.arguments = "a.b|c.d" },
	{ "sluice import --help", COMMAND_HELP },
	/* as a phone writes it */
	{ "Apply", COMMAND_APPLY },
	{ "APPLY", COMMAND_APPLY },
	{ "Sluice Apply", COMMAND_APPLY },
	{ "sluice apply ", COMMAND_APPLY },
	{ "\n\n  \n sluice apply\n\n \t\n", COMMAND_APPLY },
	{ "   apply", COMMAND_APPLY },
	{ "sluice  \t apply", COMMAND_APPLY },
	/* line ends of every kind */
	{ "sluice plan\r\n", COMMAND_PLAN },
	{ "\r\n\r\nsluice plan\r\n\r\n", COMMAND_PLAN },
	{ "sluice plan\r", COMMAND_PLAN },
	/* help as people ask for it */
	{ "sluice --help", COMMAND_HELP },
	{ "sluice -h", COMMAND_HELP },
	{ "sluice plan --help", COMMAND_HELP },
	{ "sluice apply -p x -h", COMMAND_HELP },
	/* flags */
	{ "sluice plan -d infra/data", COMMAND_PLAN, .dir = "infra/data" },
	{ "sluice plan --dir infra/data", COMMAND_PLAN, .dir = "infra/data" },
	{ "sluice plan -d=infra/data", COMMAND_PLAN, .dir = "infra/data" },
	{ "sluice plan --dir=infra/data", COMMAND_PLAN, .dir = "infra/data" },
	{ "sluice plan -w blue", COMMAND_PLAN, .workspace = "blue" },
	{ "sluice plan --workspace=blue", COMMAND_PLAN, .workspace = "blue" },
	{ "sluice apply -p network", COMMAND_APPLY, .project = "network" },
	{ "sluice apply --project network", COMMAND_APPLY, .project = "network" },
	{ "apply -p network", COMMAND_APPLY, .project = "network" },
	{ "apply --verbose", COMMAND_APPLY, .is_verbose = true },
	{ "plan --new-commands", COMMAND_PLAN, .releases_commands = true },
	{ "sluice plan -p a --new-commands", COMMAND_PLAN, .project = "a",
		.releases_commands = true },
	{ "plan --verbose --verbose", COMMAND_PLAN, .is_verbose = true },
	{ "sluice plan -d a -w b --verbose", COMMAND_PLAN, "a", "b", .is_verbose = true },
	{ "sluice plan -w b -d a", COMMAND_PLAN, "a", "b" },
	{ "sluice plan -p a/b*c", COMMAND_PLAN, .project = "a/b*c" },
	/* folders are one and the same however they are written */
	{ "plan -d ./infra/", COMMAND_PLAN, .dir = "infra" },
	{ "plan -d infra//data///", COMMAND_PLAN, .dir = "infra/data" },
	{ "plan -d infra/./data", COMMAND_PLAN, .dir = "infra/data" },
	{ "plan -d .", COMMAND_PLAN, .dir = "." },
	{ "plan -d ./", COMMAND_PLAN, .dir = "." },
	{ "plan -d ..a/b..", COMMAND_PLAN, .dir = "..a/b.." },
	{ "plan -d caf\xc3\xa9/eu", COMMAND_PLAN, .dir = "caf\xc3\xa9/eu" },
	/* quotes */
	{ "plan -d \"a b\"", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d 'a b'", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d a\\ b", COMMAND_PLAN, .dir = "a b" },
	{ "plan -d \"a\"' 'b", COMMAND_PLAN, .dir = "a b" },
	{ "plan -p \"it's\"", COMMAND_PLAN, .project = "it's" },
	{ "plan -p 'a\\b'", COMMAND_PLAN, .project = "a\\b" },
	{ "plan -p \"a\\\"b\"", COMMAND_PLAN, .project = "a\"b" },
	{ "plan -p \"a   b\"", COMMAND_PLAN, .project = "a   b" },
	/* what a shell would run is text */
	{ "plan -p $(reboot)", COMMAND_PLAN, .project = "$(reboot)" },
	{ "plan -p `reboot`", COMMAND_PLAN, .project = "`reboot`" },
	{ "plan -p a;reboot", COMMAND_PLAN, .project = "a;reboot" },
	{ "plan -p $HOME", COMMAND_PLAN, .project = "$HOME" },
	/* arguments: data for the engine to decide on */
	{ "plan -- -destroy", COMMAND_PLAN, .arguments = "-destroy" },
	{ "plan --", COMMAND_PLAN },
	{ "sluice plan -d a -- -target=x -var 'a=b c'", COMMAND_PLAN, .dir = "a",
		.arguments = "-target=x|-var|a=b c" },
	{ "plan -- -d b -- \"\"", COMMAND_PLAN, .arguments = "-d|b|--|" },
	{ "apply -- -auto-approve -lock=false; rm -rf /", COMMAND_APPLY,
		.arguments = "-auto-approve|-lock=false;|rm|-rf|/" },
	{ "plan -- --help", COMMAND_PLAN, .arguments = "--help" },
};

static void understood(void **state)
{
	const struct right *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf arguments = STRBUF(4096);
	struct command command;

	command_parse(&our_words, row->name, strlen(row->name), &arena, &command);
	if (command.kind == COMMAND_INVALID)
		fail_msg("refused: %s", command.problem);
	assert_int_equal(command.kind, row->kind);
	assert_string_equal(command.dir, row->dir == NULL ? "" : row->dir);
	assert_string_equal(command.workspace, row->workspace == NULL ? "" : row->workspace);
	assert_string_equal(command.project, row->project == NULL ? "" : row->project);
	assert_int_equal(command.is_verbose, row->is_verbose);
	assert_int_equal(command.releases_commands, row->releases_commands);
	assert_int_equal(command.clears_policies, row->clears_policies);
	assert_string_equal(command.policy_set, row->policy_set == NULL ? "" : row->policy_set);
	for (size_t i = 0; i < command.extra_arg_count; i++)
		strbuf_printf(&arguments, "%s%s", i == 0 ? "" : "|", command.extra_args[i]);
	for (size_t i = 0; i < command.target_count; i++)
		strbuf_printf(&arguments, "%s%s", i == 0 ? "" : "|", command.targets[i]);
	assert_string_equal(strbuf_text(&arguments), row->arguments == NULL ? "" : row->arguments);
}

static const struct none {
	const char *name; /* the comment */
} nones[] = {
	{ "import" },
	{ "import a b" },
	{ "state" },
	{ "state rm a.b" },
	{ "" },
	{ " " },
	{ "\n\r\n\t\n" },
	{ "LGTM" },
	{ "thanks, please apply" },
	{ "apply now please" },
	{ "apply, then merge" },
	{ "apply." },
	{ "plan - what do you think?" },
	{ "plan -> apply" },
	{ "plan b" },
	{ "-h" },
	{ "--help" },
	{ "applying" },
	{ "re-plan" },
	{ "version" },
	{ "/apply" },
	{ "!apply" },
	{ "please sluice apply" },
	{ "sluices apply" },
	{ "sluice: apply" },
	{ "sluice, apply" },
	{ "sluice/apply" },
	{ "https://sluice/apply" },
	{ "@sluice apply" },
	{ "@infra-bot-2 apply" },
	{ "@ apply" },
	{ "@infra apply" },
	{ "terraform apply" },
	/* quotes, code, comments of HTML, lists, headings */
	{ "> sluice apply" },
	{ ">sluice apply" },
	{ "> > apply" },
	{ "`sluice apply`" },
	{ "```\nsluice apply\n```" },
	{ "```sluice apply```" },
	{ "~~~\nsluice apply\n~~~" },
	{ "    sluice apply" },
	{ "\tsluice apply" },
	{ "\n\n    sluice apply" },
	{ "<!-- sluice apply -->" },
	{ "<!--\nsluice apply\n-->" },
	{ "<details>\n\nsluice apply\n</details>" },
	{ "- sluice apply" },
	{ "* apply" },
	{ "1. apply" },
	{ "# sluice apply" },
	{ "**sluice apply**" },
	{ "[sluice apply](x)" },
	{ "| sluice apply |" },
	{ "\"sluice apply\"" },
	{ "'apply'" },
	/* in company */
	{ "Looks good.\nsluice apply" },
	{ "> sluice apply\n\nwhy did this fail?" },
	{ "apply\n\nplease" },
	{ "apply\nplan" },
	{ "plan\n<!-- hidden -->" },
	{ "sluice is down\nsince noon, see the log" },
	/* what only looks like it */
	{ "\xd1\x95luice apply" },		      /* a Cyrillic letter */
	{ "\xef\xbc\xa1\xef\xbd\x90\xef\xbd\x90ly" }, /* full width */
	{ "a\xd1\x80\xd1\x80ly" },		      /* Cyrillic in the middle */
	{ "\xe2\x80\x8bsluice apply" },		      /* zero width in front */
	{ "\xef\xbb\xbfsluice apply" },		      /* byte order mark */
	{ "apply\xe2\x80\x8b" },		      /* zero width behind a bare verb */
	{ "apply\xc2\xa0" },			      /* a space that is none */
	{ "\xe2\x80\xaeylppa eciuls" },		      /* turned around */
	{ "sluice\xc3\xa9 apply" },
	{ "apply\xc3\xa9" },
	{ "app''ly" },
	{ "app\\ly" },
	{ "sl\xc2\xaduice apply" }, /* a soft hyphen */
	{ "apply\x01" },
	{ "apply \xff" },
};

static void nobodys(void **state)
{
	const struct none *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct command command;

	command_parse(&our_words, row->name, strlen(row->name), &arena, &command);
	assert_int_equal(command.kind, COMMAND_NONE);
	assert_string_equal(command.dir, "");
	assert_string_equal(command.project, "");
}

#define HIDDEN	  "a character that shows nothing, or a space that is none"
#define ALONE	  "a command stands alone in its comment"
#define OUTSIDE	  "the folder after -d must be inside the repository"
#define WORKSPACE "the workspace after -w must be a plain name"

static const struct wrong {
	const char *name; /* the comment */
	const char *problem, *hint;
} wrongs[] = {
	{ "sluice", "the word that says what to do is missing", "help" },
	{ "@infra-bot", "the word that says what to do is missing", "help" },
	{ "sluice aply", "there is no command \"aply\"", "apply" },
	{ "sluice APLY", "there is no command \"APLY\"", "apply" },
	{ "sluice plna", "there is no command \"plna\"", "plan" },
	{ "sluice unlcok", "there is no command", "unlock" },
	{ "sluice destroy", "there is no command \"destroy\"", "" },
	{ "sluice sluice plan", "there is no command \"sluice\"", "" },
	{ "sluice import", "it is `import ADDRESS ID`, and something is missing", "" },
	{ "sluice import a", "something is missing", "" },
	{ "sluice import a b c", "it is `import ADDRESS ID`, and \"c\" is too much", "" },
	{ "sluice import a \"\"", "\"\" cannot be an address or an id", "" },
	{ "sluice import a -help", "import does not know \"-help\"", "" },
	{ "sluice import a b -- -var=x=1", "import does not know \"--\"", "" },
	{ "sluice state", "state knows only `state rm ADDRESS...`", "" },
	{ "sluice state list", "state knows only `state rm ADDRESS...`", "" },
	{ "sluice state rm", "something is missing", "" },
	{ "sluice state rm a b c d e f g h i j k l m n o p q r s t u", "is too much", "" },
	{ "sluice version 3", "version does not know \"3\"", "" },
	{ "sluice is a fine thing", "there is no command \"is\"", "" },
	{ "sluice \xd0\xb0pply", "there is no command", "apply" }, /* a Cyrillic letter */
	{ "sluice apply please", "apply does not know \"please\"", "" },
	{ "sluice apply plan", "apply does not know \"plan\"", "" },
	{ "sluice apply && reboot", "apply does not know \"&&\"", "" },
	{ "sluice apply <!-- hidden -->", "apply does not know \"<!--\"", "" },
	{ "sluice apply # now", "apply does not know \"#\"", "" },
	{ "sluice apply -x", "apply does not know \"-x\"", "" },
	{ "apply -x", "apply does not know \"-x\"", "" },
	{ "apply --auto-approve", "apply does not know \"--auto-approve\"", "" },
	{ "sluice plan --policy-set a", "only approve_policies takes --policy-set", "" },
	{ "sluice apply --clear-policy-approval", "only approve_policies takes --clear", "" },
	{ "sluice approve_policies --policy-set", "--policy-set needs a value", "" },
	{ "sluice approve_policies --policy-set a --policy-set b", "--policy-set is given twice",
		"" },
	{ "apply --new-commands", "only plan takes --new-commands", "" },
	{ "plan --new-commands=1", "plan does not know \"--new-commands=1\"", "--new-commands" },
	{ "apply --verbos", "apply does not know \"--verbos\"", "--verbose" },
	{ "apply --pro ject", "apply does not know \"--pro\"", "" },
	{ "apply --verbose=1", "apply does not know \"--verbose=1\"", "--verbose" },
	{ "apply -dinfra", "apply does not know \"-dinfra\"", "" },
	{ "sluice plan \xe2\x80\x94verbose", "write two short ones", "" },
	{ "sluice plan \xe2\x80\x94 -destroy", "write two short ones", "" },
	{ "sluice unlock -d infra", "unlock takes nothing more", "" },
	{ "sluice unlock everything", "unlock takes nothing more, and there is \"everything\"",
		"" },
	{ "sluice cancel --", "cancel takes nothing more", "" },
	{ "help -p x", "help takes nothing more", "" },
	/* values */
	{ "plan -d", "-d needs a value", "" },
	{ "plan -d=", "-d needs a value", "" },
	{ "plan -d ''", "-d needs a value", "" },
	{ "plan -d -w", "-d needs a value", "" },
	{ "plan -p --verbose", "-p needs a value", "" },
	{ "plan -w=", "-w needs a value", "" },
	{ "plan -d a -d b", "-d is given twice", "" },
	{ "plan -d a --dir a", "-d is given twice", "" },
	{ "plan -p a -p b", "-p is given twice", "" },
	{ "plan -w a -w b", "-w is given twice", "" },
	{ "plan -p a -d b", "-p names a project by itself", "" },
	{ "plan -d b -p a", "-p names a project by itself", "" },
	{ "plan -p a -w b", "-p names a project by itself", "" },
	{ "plan -d ../../etc", OUTSIDE, "" },
	{ "plan -d ..", OUTSIDE, "" },
	{ "plan -d a/../../b", OUTSIDE, "" },
	{ "plan -d a/..", OUTSIDE, "" },
	{ "plan -d \"..\"/x", OUTSIDE, "" },
	{ "plan -d .\\./x", OUTSIDE, "" },
	{ "plan -d /etc", OUTSIDE, "" },
	{ "plan -d //etc", OUTSIDE, "" },
	{ "plan -d a/[bc", "the pattern \"a/[bc\" has a [ that is never closed", "" },
	{ "plan -d {a,b", "has a { that is never closed", "" },
	{ "plan -d */../../b", OUTSIDE, "" },
	{ "plan -w ../x", WORKSPACE, "" },
	{ "plan -w a/b", WORKSPACE, "" },
	{ "plan -w 'a b'", WORKSPACE, "" },
	{ "plan -w $HOME", WORKSPACE, "" },
	{ "plan -w ~root", WORKSPACE, "" },
	{ "plan -w .", WORKSPACE, "" },
	{ "plan -w 'a\\b'", WORKSPACE, "" },
	/* quotes */
	{ "sluice plan -d \"a", "a quote is not closed", "" },
	{ "sluice plan -d 'a b", "a quote is not closed", "" },
	{ "sluice plan -p a\\", "", NULL },
	/* in company, and with what cannot be seen */
	{ "sluice apply\nsluice plan", ALONE, "" },
	{ "sluice plan -p a\r\nsluice plan -p b", ALONE, "" },
	{ "sluice apply\n\nplease", ALONE, "" },
	{ "sluice apply\n> quoted", ALONE, "" },
	{ "sluice apply\n<!-- hidden -->", ALONE, "" },
	{ "sluice apply\xe2\x80\x8b", HIDDEN, "" },
	{ "sluice apply\xc2\xa0", HIDDEN, "" },
	{ "sluice \xe2\x80\x8b"
	  "apply",
		HIDDEN, "" },
	{ "sluice plan -d \xe2\x80\xae"
	  "abc",
		HIDDEN, "" },
	{ "sluice\xc2\xa0"
	  "apply",
		HIDDEN, "" },
	{ "sluice\x1b[31m apply", HIDDEN, "" },
	{ "sluice apply \x07", HIDDEN, "" },
	{ "sluice apply \xc3", HIDDEN, "" },
	{ "sluice apply \xed\xa0\x80", HIDDEN, "" },
};

static void told_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct command command;

	command_parse(&our_words, row->name, strlen(row->name), &arena, &command);
	if (row->hint == NULL) { /* a last backslash is a letter */
		assert_int_equal(command.kind, COMMAND_PLAN);
		return;
	}
	assert_int_equal(command.kind, COMMAND_INVALID);
	assert_contains(command.problem, row->problem);
	assert_string_equal(command.hint, row->hint);
}

static void bytes_that_no_text_has(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum command_kind kind;
	} rows[] = {
		{ "sluice apply\0", 13, COMMAND_INVALID },
		{ "sluice apply\0\nx", 15, COMMAND_NONE },
		{ "\0sluice apply", 13, COMMAND_NONE },
		{ "sluice\0apply", 12, COMMAND_INVALID },
		{ "apply\0", 6, COMMAND_NONE },
		{ "apply\n\0", 7, COMMAND_NONE },
		{ "sluice applyGARBAGE", 12, COMMAND_APPLY },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct command command;

		command_parse(&our_words, rows[i].bytes, rows[i].length, &arena, &command);
		if (command.kind != rows[i].kind)
			fail_msg("row %zu: %d", i, command.kind);
	}
}

static void what_is_long(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	struct command command;

	(void)state;
	strbuf_puts(&text, "sluice apply");
	while (text.length < COMMAND_TEXT_MAX)
		strbuf_putc(&text, ' ');
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_int_equal(command.kind, COMMAND_APPLY);
	strbuf_putc(&text, ' ');
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_int_equal(command.kind, COMMAND_NONE);

	strbuf_clear(&text);
	strbuf_puts(&text, "sluice plan -d ");
	for (int i = 0; i < 513; i++)
		strbuf_putc(&text, 'x');
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_int_equal(command.kind, COMMAND_INVALID);
	assert_contains(command.problem, "the value of -d is too long");

	strbuf_clear(&text);
	strbuf_puts(&text, "sluice plan --");
	for (int i = 0; i < COMMAND_ARGS_MAX; i++)
		strbuf_puts(&text, " -x");
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_int_equal(command.kind, COMMAND_PLAN);
	assert_int_equal(command.extra_arg_count, COMMAND_ARGS_MAX);
	strbuf_puts(&text, " -x");
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_contains(command.problem, "too many arguments");
	for (int i = 0; i < 64; i++)
		strbuf_puts(&text, " -x");
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_contains(command.problem, "too many words");

	strbuf_clear(&text);
	strbuf_puts(&text, "sluice ");
	for (int i = 0; i < 40; i++)
		strbuf_puts(&text, "\xc3\xa9");
	command_parse(&our_words, strbuf_text(&text), text.length, &arena, &command);
	assert_contains(command.problem, "\xc3\xa9...\"");
}

static void bare_verbs_can_be_switched_off(void **state)
{
	static const struct {
		const char *text;
		enum command_kind kind;
	} rows[] = { { "plan", COMMAND_NONE }, { "apply -p x", COMMAND_NONE },
		{ "sluice plan", COMMAND_PLAN }, { "@ plan", COMMAND_NONE },
		{ "@infra-bot plan", COMMAND_NONE } };

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct command command;

		command_parse(&named_only, rows[i].text, strlen(rows[i].text), &arena, &command);
		assert_int_equal(command.kind, rows[i].kind);
	}
}

/* The table that the parser uses is the one that people read. */
static void help_shows_what_is_parsed(void **state)
{
	_cleanup_strbuf_ struct strbuf help = STRBUF(1 << 16);

	(void)state;
	command_help(&help);
	for (int kind = COMMAND_PLAN; kind < COMMAND_INVALID; kind++) {
		_cleanup_free_ char *row = mem_printf(
			"\n| `sluice %s", command_kind_name((enum command_kind)kind));

		assert_contains(strbuf_text(&help), row);
	}
	assert_contains(strbuf_text(&help), "| `-d DIR` | ");
	assert_contains(strbuf_text(&help), "| `-w NAME` | ");
	assert_contains(strbuf_text(&help), "| `-p NAME` | ");
	assert_contains(strbuf_text(&help), "| `--verbose` | ");
	assert_string_equal(command_kind_name(COMMAND_NONE), "");
	assert_string_equal(command_kind_name(COMMAND_INVALID), "");
}

int main(int argc, char **argv)
{
	CASES(rights, understood);
	CASES(nones, nobodys);
	CASES(wrongs, told_what_is_wrong);
	CASE(bytes_that_no_text_has);
	CASE(what_is_long);
	CASE(bare_verbs_can_be_switched_off);
	CASE(help_shows_what_is_parsed);
	return cases_run(argc, argv);
}
