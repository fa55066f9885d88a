/* links: runner model lib */
/* The terraform tool as tables: step -> arguments, end -> verdict, output -> what a person reads.
 */
#include "tests/lib/cases.h"

#include "runners/diagnostic.h"
#include "runners/tool.h"
#include <string.h>

static const struct site site = {
	.terraform = "/bin/tf", .opentofu = "/bin/tofu", .cli_config = "/etc/rc"
};
static const char *extra[] = { "-target=a.b" };
static const struct job_spec spec = {
	.workspace = "blue", .dir = "p", .extra_args = extra, .extra_arg_count = 1
};
static const struct tool_context context = {
	.site = &site, .spec = &spec, .tree = "/tree", .tmp = "/t", .out = "/o"
};

static const struct {
	const struct tool *tool;
	enum tool_step step;
	const char *want;
} describe_cases[] = {
	{ &tool_terraform, STEP_INIT, "/bin/tf init -input=false -no-color" },
	{ &tool_opentofu, STEP_INIT, "/bin/tofu init -input=false -no-color" },
	{ &tool_terraform, STEP_WORKSPACE, "/bin/tf workspace select -or-create=true blue" },
	{ &tool_terraform, STEP_PLAN,
		"/bin/tf plan -input=false -no-color -detailed-exitcode -lock-timeout=60s "
		"-target=a.b -out=/o/tfplan" },
	{ &tool_terraform, STEP_SHOW_JSON, "/bin/tf show -no-color -json /o/tfplan" },
	{ &tool_terraform, STEP_SHOW_TEXT, "/bin/tf show -no-color /o/tfplan" },
	{ &tool_terraform, STEP_APPLY,
		"/bin/tf apply -input=false -no-color -lock-timeout=60s /o/tfplan" },
};

/* To look holds nobody up, whatever the workflow says. */
static void a_look_takes_no_lock(_unused_ void **state)
{
	struct strvec workflow = { 0 }, argv = { 0 }, env = { 0 };
	struct job_spec look = *context.spec;
	struct tool_context looking = context;
	struct err err;
	size_t locks = 0, last = 0;

	strvec_push(&workflow, "-lock=true");
	look.op = JOB_DRIFT;
	looking.spec = &look;
	looking.extra = &workflow;
	assert_ok(tool_terraform.describe(&looking, STEP_PLAN, &argv, &env, &err), &err);
	for (size_t i = 0; i < argv.count; i++) {
		if (str_starts(argv.items[i], "-lock=")) {
			locks++;
			last = i;
		}
	}
	assert_int_equal(locks, 2);
	assert_string_equal(argv.items[last], "-lock=false");
	strvec_release(&workflow);
	strvec_release(&argv);
	strvec_release(&env);
}

/* With a lock file in the repository init may not choose, unless the workflow says so. */
static void lock_file_is_kept(_unused_ void **state)
{
	struct strvec upgrade = { 0 };
	struct tool_context locked = context;

	strvec_push(&upgrade, "-upgrade");
	locked.has_lock = true;
	for (int i = 0; i < 2; i++) {
		struct strvec argv = { 0 }, env = { 0 };
		struct err err;

		locked.extra = i == 0 ? NULL : &upgrade;
		assert_int_equal(tool_terraform.describe(&locked, STEP_INIT, &argv, &env, &err), 0);
		assert_string_equal(
			argv.items[argv.count - 1], i == 0 ? "-lockfile=readonly" : "-upgrade");
		assert_int_equal(argv.count, 5);
		strvec_release(&argv);
		strvec_release(&env);
	}
	strvec_release(&upgrade);
}

static void describe(_unused_ void **state)
{
	for (size_t i = 0; i < countof(describe_cases); i++) {
		struct strvec argv = { 0 }, env = { 0 };
		struct strbuf line = STRBUF(4096);
		struct err err;

		assert_int_equal(describe_cases[i].tool->describe(
					 &context, describe_cases[i].step, &argv, &env, &err),
			0);
		for (size_t k = 0; k < argv.count; k++)
			strbuf_printf(&line, "%s%s", k > 0 ? " " : "", argv.items[k]);
		assert_string_equal(strbuf_text(&line), describe_cases[i].want);
		assert_string_equal(env.items[0], "PATH=" TOOL_PATH);
		assert_string_equal(env.items[env.count - 1], "TF_CLI_CONFIG_FILE=/etc/rc");
		strbuf_release(&line);
		strvec_release(&argv);
		strvec_release(&env);
	}
}

static const struct {
	enum tool_step step;
	int exit_code;
	const char *text;
	enum job_outcome outcome;
	bool has_changes, wants_init;
	const char *failure;
} interpret_cases[] = {
	{ STEP_PLAN, 0, "", OUTCOME_OK, false, false, "" },
	{ STEP_PLAN, 2, "", OUTCOME_OK, true, false, "" },
	{ STEP_PLAN, 1, "", OUTCOME_TOOL_FAILED, false, false, "plan ended with exit code 1" },
	{ STEP_PLAN, 1, "Error: Required plugins\n\nrun: terraform init\n", OUTCOME_TOOL_FAILED,
		false, true, "Error: Required plugins\n\nrun: terraform init" },
	{ STEP_APPLY, 0, "", OUTCOME_OK, false, false, "" },
	{ STEP_APPLY, 2, "", OUTCOME_TOOL_FAILED, false, false, "apply ended with exit code 2" },
	{ STEP_INIT, 1, "Error: no\n", OUTCOME_TOOL_FAILED, false, false, "Error: no" },
};

static void interpret(_unused_ void **state)
{
	for (size_t i = 0; i < countof(interpret_cases); i++) {
		struct strbuf failure = STRBUF(8192);
		struct tool_verdict verdict;

		tool_terraform.interpret(&context, interpret_cases[i].step,
			interpret_cases[i].exit_code, interpret_cases[i].text, &verdict, &failure);
		assert_int_equal(verdict.outcome, interpret_cases[i].outcome);
		assert_int_equal(verdict.has_changes, interpret_cases[i].has_changes);
		assert_int_equal(verdict.wants_init, interpret_cases[i].wants_init);
		assert_string_equal(strbuf_text(&failure), interpret_cases[i].failure);
		strbuf_release(&failure);
	}
}

#define BAR  "\xe2\x94\x82"
#define OPEN "\xe2\x95\xb7"
#define SHUT "\xe2\x95\xb5"

static const struct {
	const char *text, *want;
} diagnostic_cases[] = {
	{ "nothing\n", "" },
	{ "Refreshing\n" OPEN "\n" BAR " Error: A\n" BAR " \n" BAR
	  "   on /tree/p/main.tf line 3:\n" SHUT "\nmore\n",
		"Error: A\n\n  on p/main.tf line 3:" },
	{ OPEN "\n" BAR " Warning: W\n" BAR " text\n" SHUT "\n" OPEN "\n" BAR " Error: E\n" SHUT
	       "\n",
		"Error: E" },
	{ "Error: A\nx\nWarning: W\ny\nError: B\nz\n", "Error: A\nx\n\nError: B\nz" },
};

static void diagnostics(_unused_ void **state)
{
	for (size_t i = 0; i < countof(diagnostic_cases); i++) {
		struct strbuf out = STRBUF(8192);

		diagnostic_extract(diagnostic_cases[i].text, "/tree", &out);
		assert_string_equal(strbuf_text(&out), diagnostic_cases[i].want);
		strbuf_release(&out);
	}
}

static void middle_cut(_unused_ void **state)
{
	struct strbuf text = STRBUF(1 << 20);
	char *cut;

	for (int i = 0; i < 1000; i++)
		strbuf_printf(&text, "line %d\n", i);
	cut = diagnostic_middle_cut(strbuf_text(&text), text.length, text.length);
	assert_string_equal(cut, strbuf_text(&text));
	free(cut);
	for (size_t most = 100; most < 2000; most += 7) {
		cut = diagnostic_middle_cut(strbuf_text(&text), text.length, most);
		assert_true(strlen(cut) <= most);
		assert_non_null(strstr(cut, "lines left out"));
		assert_true(str_starts(cut, "line 0\n"));
		assert_true(str_ends(cut, "line 999\n"));
		free(cut);
	}
	strbuf_release(&text);
}

int main(int argc, char **argv)
{
	CASE(describe);
	CASE(a_look_takes_no_lock);
	CASE(lock_file_is_kept);
	CASE(interpret);
	CASE(diagnostics);
	CASE(middle_cut);
	return cases_run(argc, argv);
}
