/* links: runner model lib_regex lib */
/* Variables of a workflow, and the filters over what its commands print. */
#include "tests/lib/cases.h"

#include "orchestrator/model/job_spec.h"
#include "runners/step_env.h"
#include "runners/step_output.h"

#include <string.h>

/* ---- multienv ---- */

static const struct many {
	const char *name, *text, *want; /* NAME=value lines; NULL: an error */
	const char *says;
} manys[] = {
	{ "one", "A=1", "A=1\n", NULL },
	{ "two", "A=1,B=two words\n", "A=1\nB=two words\n", NULL },
	{ "nothing", " \n", "", NULL },
	{ "quotes", "A=\"1,2\",B='it\\'s'", "A=1,2\nB=it's\n", NULL },
	{ "escapes", "A=\"a\\\"b\\\\c\"", "A=a\"b\\c\n", NULL },
	{ "empty value", "A=,B=\"\"", "A=\nB=\n", NULL },
	{ "last word holds", "A=1,A=2", "A=2\n", NULL },
	{ "space after comma", "A=1, B=2", "A=1\nB=2\n", NULL },
	{ "equals in a value", "A=b=c", "A=b=c\n", NULL },
	{ "no equals", "A", NULL, "\"A\" is not NAME=value" },
	{ "no name", "=1", NULL, "\"\" cannot be the name" },
	{ "digit first", "1A=1", NULL, "\"1A\" cannot be the name" },
	{ "space in a name", "A B=1", NULL, "cannot be the name" },
	{ "two lines", "A=1\nB=2", NULL, "there must be a comma" },
	{ "open quote", "A=\"1", NULL, "a quote is not closed" },
	{ "text after a quote", "A=\"1\"2", NULL, "there must be a comma, not \"2\"" },
	{ "quote within", "A=1\"2\"", NULL, "there must be a comma" },
	{ "bad pair sets nothing", "A=1,B", NULL, "is not NAME=value" },
};

static void multienv(void **state)
{
	const struct many *row = *state;
	_cleanup_strvec_ struct strvec env = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	struct err err = { 0 };
	int r = step_env_read_many(&env, row->text, &err);

	if (row->want == NULL) {
		assert_true(r < 0);
		assert_contains(err.text, row->says);
		assert_int_equal(env.count, 0);
		return;
	}
	assert_ok(r, &err);
	for (size_t i = 0; i < env.count; i++)
		strbuf_printf(&text, "%s\n", env.items[i]);
	assert_string_equal(strbuf_text(&text), row->want);
}

static void variables_have_an_end(void **state)
{
	_cleanup_strvec_ struct strvec env = { 0 };
	_cleanup_free_ char *large = mem_alloc(STEP_ENV_VALUE_MAX + 2);
	struct err err = { 0 };
	char name[16];

	(void)state;
	memset(large, 'x', STEP_ENV_VALUE_MAX + 1);
	assert_err(step_env_set(&env, "A", large, &err), &err, ERR_LIMIT, "longer than 32 KiB");
	for (int i = 0; i < STEP_ENV_MAX; i++) {
		(void)snprintf(name, sizeof(name), "V%d", i);
		assert_ok(step_env_set(&env, name, "", &err), &err);
	}
	assert_err(step_env_set(&env, "A", "", &err), &err, ERR_LIMIT, "more than 256 variables");
}

/* ---- expansion ---- */

static const struct expansion {
	const char *name, *text, *want;
} expansions[] = {
	{ "plain", "-upgrade", "-upgrade" },
	{ "name", "-var-file=$WORKSPACE.tfvars", "-var-file=blue.tfvars" },
	{ "braces", "${WORKSPACE}x", "bluex" },
	{ "twice", "$WORKSPACE$WORKSPACE", "blueblue" },
	{ "not a name", "a$1 $ $$ ${ ${} ${1}", "a$1 $ $$ ${ ${} ${1}" },
	{ "open brace", "${WORKSPACE", "${WORKSPACE" },
	{ "never again", "$LOOP", "$WORKSPACE" },
	{ "no shell", "$(id) `id` ;", "$(id) `id` ;" },
	{ "not set", "-var-file=$WORKSPACES.tfvars", NULL },
	{ "not set in braces", "${NOPE}", NULL },
};

static void expand(void **state)
{
	const struct expansion *row = *state;
	_cleanup_strvec_ struct strvec env = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);
	struct err err = { 0 };
	int r;

	step_env_put(&env, "WORKSPACE=blue");
	step_env_put(&env, "LOOP=$WORKSPACE");
	r = step_env_expand(&env, row->text, &out, &err);
	if (row->want == NULL) {
		assert_err(r, &err, ERR_USAGE, "is not set");
		return;
	}
	assert_ok(r, &err);
	assert_string_equal(strbuf_text(&out), row->want);
}

/* ---- the table ---- */

static const char *args[] = { "-var=x=1", "-destroy" };
static const struct job_spec spec = { .op = JOB_PLAN,
	.tool = "terraform",
	.repo_name = "group/sub/infra",
	.number = 41,
	.head = "abc",
	.head_ref = "refs/heads/feature/x",
	.base_ref = "main",
	.dir = "live/a",
	.workspace = "",
	.project = "a",
	.author = "alice",
	.actor = "bob",
	.pull_url = "https://h/41",
	.is_approved = true,
	.command = "plan",
	.extra_args = args,
	.extra_arg_count = 2 };
static const struct step_places places = { .project = "/t/live/a",
	.plan_file = "/o/tfplan",
	.show_file = "/o/show.json",
	.policy_file = "/o/policy.json",
	.path = "/bin",
	.tool_version = "1.5.7" };

static const struct told {
	const char *name, *value; /* NULL: not set */
} tolds[] = {
	{ "ATLANTIS_TERRAFORM_DISTRIBUTION", "terraform" },
	{ "ATLANTIS_TERRAFORM_VERSION", "1.5.7" },
	{ "ATLANTIS_PR_APPROVED", "true" },
	{ "ATLANTIS_PR_MERGEABLE", "false" },
	{ "BASE_BRANCH_NAME", "main" },
	{ "BASE_REPO_NAME", "infra" },
	{ "BASE_REPO_OWNER", "group/sub" },
	{ "COMMENT_ARGS", "\\-\\v\\a\\r\\=\\x\\=\\1,\\-\\d\\e\\s\\t\\r\\o\\y" },
	{ "DIR", "/t/live/a" },
	{ "HEAD_BRANCH_NAME", "feature/x" },
	{ "HEAD_COMMIT", "abc" },
	{ "HEAD_REPO_NAME", "infra" },
	{ "HEAD_REPO_OWNER", "group/sub" },
	{ "PATH", "/bin" },
	{ "PLANFILE", "/o/tfplan" },
	{ "SHOWFILE", "/o/show.json" },
	{ "POLICYCHECKFILE", "/o/policy.json" },
	{ "PROJECT_NAME", "a" },
	{ "PULL_AUTHOR", "alice" },
	{ "PULL_NUM", "41" },
	{ "PULL_URL", "https://h/41" },
	{ "REPO_REL_DIR", "live/a" },
	{ "USER_NAME", "bob" },
	{ "WORKSPACE", "default" },
	{ "COMMAND_NAME", NULL },
	{ "OUTPUT_STATUS_FILE", NULL },
	{ "HOME", NULL },
};

static void table(void **state)
{
	const struct told *row = *state;
	_cleanup_strvec_ struct strvec env = { 0 };
	const char *value;

	step_env_table(&spec, &places, &env);
	value = step_env_get(&env, row->name);
	if (row->value == NULL)
		assert_null(value);
	else
		assert_string_equal(value, row->value);
	/* all but the last three, and each once */
	assert_int_equal(env.count, countof(tolds) - 3);
}

static void table_of_hooks(void **state)
{
	_cleanup_strvec_ struct strvec env = { 0 };
	struct job_spec hook = spec;
	struct step_places hook_places = { .path = "/bin", .status_file = "/o/status" };

	(void)state;
	hook.op = JOB_HOOKS;
	hook.is_after = true;
	hook.has_errors = true;
	step_env_table(&hook, &hook_places, &env);
	assert_string_equal(step_env_get(&env, "COMMAND_NAME"), "plan");
	assert_string_equal(step_env_get(&env, "COMMAND_HAS_ERRORS"), "true");
	assert_string_equal(step_env_get(&env, "OUTPUT_STATUS_FILE"), "/o/status");
	assert_null(step_env_get(&env, "PLANFILE"));
	assert_null(step_env_get(&env, "PROJECT_NAME"));
	assert_null(step_env_get(&env, "COMMENT_ARGS"));
}

/* ---- output ---- */

static const struct filter {
	const char *name, *first, *second, *text, *want;
} filters[] = {
	{ "one", "[0-9]+", NULL, "a 12 b 345\n", "a <redacted> b <redacted>\n" },
	{ "two, one after the other", "key=\\S+", "red", "key=1 red",
		"<<redacted>acted> <redacted>" },
	{ "nothing found", "zzz", NULL, "abc", "abc" },
	{ "all of it", "(?s).+", NULL, "a\nb", "<redacted>" },
	{ "over lines", "(?s)BEGIN.*END", NULL, "x BEGIN\nk\nEND y", "x <redacted> y" },
	{ "empty matches hide nothing", "x*", NULL, "a\xc3\xa4xb", "a\xc3\xa4<redacted>b" },
	{ "not characters", "b+", NULL,
		"a\xff"
		"bb\xc3",
		"a?<redacted>?" },
	{ "no text", "a", NULL, "", "" },
};

static void redact(void **state)
{
	const struct filter *row = *state;
	const char *patterns[] = { row->first, row->second };
	const struct step step = { .kind = STEP_KIND_RUN,
		.filters = patterns,
		.filter_count = row->second == NULL ? 1 : 2 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);
	struct err err = { 0 };

	assert_ok(step_output_check(&step, &err), &err);
	assert_ok(step_output_redact(&step, row->text, strlen(row->text), &out, &err), &err);
	assert_string_equal(strbuf_text(&out), row->want);
}

static void what_cannot_be_filtered_is_not_shown(void **state)
{
	static const char *bad[] = { "(" }, *slow[] = { "(a+)+$" };
	struct step step = { .filters = bad, .filter_count = 1 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	_cleanup_free_ char *text = mem_alloc(50001);
	struct err err = { 0 };

	(void)state;
	memset(text, 'a', 50000);
	text[49999] = 'b';
	assert_err(step_output_check(&step, &err), &err, ERR_SYNTAX, "the filter \"(\"");
	assert_true(step_output_redact(&step, "x", 1, &out, &err) < 0);
	step.filters = slow;
	assert_err(step_output_redact(&step, text, 50000, &out, &err), &err, ERR_LIMIT, "");
	assert_int_equal(out.length, 0);
}

static const struct refresh {
	const char *name, *text, *want;
} refreshes[] = {
	{ "none", "a\nb\n", "a\nb\n" },
	{ "last counts", "x: Refreshing state... [id=1]\ny: Refreshing state...\n\nPlan\n",
		"\nPlan\n" },
	{ "at the end", "x: Refreshing state...", "" },
	{ "empty", "", "" },
};

static void strip_refreshing(void **state)
{
	const struct refresh *row = *state;

	assert_string_equal(step_output_after_refresh(row->text), row->want);
}

int main(int argc, char **argv)
{
	CASES(manys, multienv);
	CASE(variables_have_an_end);
	CASES(expansions, expand);
	CASES(tolds, table);
	CASE(table_of_hooks);
	CASES(filters, redact);
	CASE(what_cannot_be_filtered_is_not_shown);
	CASES(refreshes, strip_refreshing);
	return cases_run(argc, argv);
}
