/* Terraform and OpenTofu: the same words, two executables. */
#include "runners/diagnostic.h"
#include "runners/tool.h"
#include <string.h>

/* What sluice says itself, what would send the tool to other files than those of the job, and what
 * would change a state before an apply. */
static const char *const refused_args[] = { "-chdir", "-out", "-state", "-state-out", "-backup",
	"-input", "-json", "-detailed-exitcode", "-lock", "-help", "-h", "-version", "-from-module",
	"-plugin-dir", "-migrate-state", "-force-copy", "-generate-config-out" };
/* A workflow is the operator's word, or the base branch's: these it may say. */
static const char *const workflow_args[] = { "-input=false", "-detailed-exitcode", "-lock" };

/* Is `arg` the option `name`, with one dash or two, with or without a value? */
static bool is_option(const char *arg, const char *name)
{
	size_t length;

	if (strncmp(arg, "--", 2) == 0)
		arg++;
	length = strchr(name, '=') != NULL ? strlen(arg) : strcspn(arg, "=");
	return strlen(name) == length && strncmp(arg, name, length) == 0;
}

static bool is_among(const char *arg, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_option(arg, names[i]))
			return true;
	return false;
}

static int check_extra(const char *arg, struct err *err)
{
	if (arg[0] != '-')
		return err_user(err, ERR_USAGE,
			"the argument \"%.80s\" is not an option (write -name=value)", arg);
	if (is_among(arg, refused_args, countof(refused_args)))
		return err_user(err, ERR_USAGE,
			"the argument \"%.80s\" is not allowed: sluice sets it", arg);
	return 0;
}

/* "-var-file" "x" is two arguments in many a workflow. */
int terraform_check_argument(const char *arg, const char *before, struct err *err)
{
	bool is_value = before != NULL && before[0] == '-' && strchr(before, '=') == NULL;

	if (is_among(arg, workflow_args, countof(workflow_args)) || (arg[0] != '-' && is_value))
		return 0;
	return check_extra(arg, err);
}

static void describe_env(
	const struct tool_context *context, enum tool_step step, struct strvec *env)
{
	strvec_push(env, "PATH=" TOOL_PATH);
	strvec_pushf(env, "HOME=%s", context->tmp);
	strvec_pushf(env, "TMPDIR=%s", context->tmp);
	strvec_push(env, "LANG=C.UTF-8");
	strvec_push(env, "TZ=UTC");
	strvec_push(env, "TF_IN_AUTOMATION=1");
	strvec_push(env, "TF_INPUT=0");
	strvec_push(env, "CHECKPOINT_DISABLE=1");
	if (!str_empty(context->site->cli_config))
		strvec_pushf(env, "TF_CLI_CONFIG_FILE=%s", context->site->cli_config);
	else if (step == STEP_INIT && context->providers != NULL)
		strvec_pushf(env, "TF_CLI_CONFIG_FILE=%s", context->providers);
}

enum { TAKES_EXTRA = 1, TAKES_COMMENT = 2, TAKES_TARGETS = 4, READS_PLAN = 8, WRITES_PLAN = 16 };

/* One row for each step: the words, and what follows them. */
static const struct verb {
	enum tool_step step;
	unsigned takes;
	const char *words[6];
} verbs[] = {
	{ STEP_INIT, TAKES_EXTRA, { "init", "-input=false", "-no-color" } },
	{ STEP_WORKSPACE, 0, { "workspace", "select", "-or-create=true" } },
	{ STEP_PLAN, TAKES_EXTRA | TAKES_COMMENT | WRITES_PLAN,
		{ "plan", "-input=false", "-no-color", "-detailed-exitcode",
			"-lock-timeout=60s" } },
	{ STEP_SHOW_JSON, READS_PLAN, { "show", "-no-color", "-json" } },
	{ STEP_SHOW_TEXT, READS_PLAN, { "show", "-no-color" } },
	{ STEP_APPLY, TAKES_EXTRA | READS_PLAN,
		{ "apply", "-input=false", "-no-color", "-lock-timeout=60s" } },
	{ STEP_IMPORT, TAKES_EXTRA | TAKES_TARGETS,
		{ "import", "-input=false", "-no-color", "-lock-timeout=60s" } },
	{ STEP_STATE_RM, TAKES_EXTRA | TAKES_TARGETS, { "state", "rm", "-lock-timeout=60s" } },
	{ STEP_VERSION, 0, { "version", "-json" } },
};

static int push_targets(const struct job_spec *spec, struct strvec *argv, struct err *err)
{
	for (size_t i = 0; i < spec->target_count; i++) {
		if (str_empty(spec->targets[i]) || spec->targets[i][0] == '-')
			return err_user(err, ERR_USAGE, "\"%.80s\" is neither an address nor an id",
				spec->targets[i]);
		strvec_push(argv, spec->targets[i]);
	}
	return spec->target_count > 0 ? 0 : err_user(err, ERR_USAGE, "there is no address");
}

static int push_arguments(const struct tool_context *context, const struct verb *verb,
	struct strvec *argv, struct err *err)
{
	const struct job_spec *spec = context->spec;
	const struct strvec *extra = verb->takes & TAKES_EXTRA ? context->extra : NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && extra != NULL && i < extra->count; i++) {
		r = terraform_check_argument(
			extra->items[i], i > 0 ? extra->items[i - 1] : NULL, err);
		strvec_push(argv, extra->items[i]);
	}
	if (verb->step == STEP_PLAN && context->var_file != NULL)
		strvec_pushf(argv, "-var-file=%s", context->var_file);
	for (size_t i = 0; r == 0 && (verb->takes & TAKES_COMMENT) && i < spec->extra_arg_count;
		i++) {
		r = check_extra(spec->extra_args[i], err);
		strvec_push(argv, spec->extra_args[i]);
	}
	if (r == 0 && (verb->takes & TAKES_TARGETS))
		r = push_targets(spec, argv, err);
	return r;
}

/* The operator's workflow may ask for newer providers than the lock file has. */
static bool may_change_lock(const struct strvec *extra)
{
	for (size_t i = 0; extra != NULL && i < extra->count; i++)
		if (str_starts(extra->items[i], "-upgrade") ||
			str_starts(extra->items[i], "-lockfile"))
			return true;
	return false;
}

static int describe(const char *program, const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	const struct verb *verb = NULL;
	int r;

	describe_env(context, step, env);
	if (step == STEP_COMMAND)
		return 0;
	for (size_t i = 0; i < countof(verbs); i++)
		if (verbs[i].step == step)
			verb = &verbs[i];
	if (verb == NULL)
		return err_set(err, ERR_BUG, "terraform has no step %d", (int)step);
	strvec_push(argv, program);
	for (size_t i = 0; i < countof(verb->words) && verb->words[i] != NULL; i++)
		strvec_push(argv, verb->words[i]);
	if (step == STEP_WORKSPACE)
		strvec_push(argv, context->spec->workspace);
	if (step == STEP_INIT && context->without_backend)
		strvec_push(argv, "-backend=false");
	if (step == STEP_INIT && context->has_lock && !may_change_lock(context->extra))
		strvec_push(argv, "-lockfile=readonly");
	r = push_arguments(context, verb, argv, err);
	/* last, so that no workflow says otherwise: to look holds nobody up */
	if (step == STEP_PLAN && context->spec->op == JOB_DRIFT) {
		strvec_push(argv, "-lock=false");
		strvec_push(argv, "-refresh=true");
	}
	if (verb->takes & WRITES_PLAN)
		strvec_pushf(argv, "-out=%s/tfplan", context->out);
	if (verb->takes & READS_PLAN)
		strvec_pushf(argv, "%s/tfplan", context->out);
	return r;
}

static bool wants_init(const char *text)
{
	return strstr(text, "terraform init") != NULL || strstr(text, "tofu init") != NULL;
}

static void tf_interpret(const struct tool_context *context, enum tool_step step, int exit_code,
	const char *text, struct tool_verdict *ret, struct strbuf *failure)
{
	bool is_fine = exit_code == 0 || (step == STEP_PLAN && exit_code == 2);

	*ret = (struct tool_verdict){ .outcome = is_fine ? OUTCOME_OK : OUTCOME_TOOL_FAILED,
		.has_changes = step == STEP_PLAN && exit_code == 2,
		.wants_init = step == STEP_PLAN && !is_fine && wants_init(text) };
	if (!is_fine)
		diagnostic_extract(text, context->tree, failure);
	if (!is_fine && failure->length == 0)
		strbuf_printf(
			failure, "%s ended with exit code %d", tool_step_name(step), exit_code);
}

static const char *terraform_program(const struct site *site)
{
	return site->terraform;
}

static const char *opentofu_program(const struct site *site)
{
	return site->opentofu;
}

static const char *own_program(const struct tool_context *context, const char *machines)
{
	return context->program != NULL ? context->program : machines;
}

static int terraform_describe(const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	return describe(
		own_program(context, context->site->terraform), context, step, argv, env, err);
}

static int opentofu_describe(const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	return describe(
		own_program(context, context->site->opentofu), context, step, argv, env, err);
}

const struct tool tool_terraform = {
	.name = "terraform",
	.command = "terraform",
	.program = terraform_program,
	.describe = terraform_describe,
	.interpret = tf_interpret,
};

const struct tool tool_opentofu = {
	.name = "opentofu",
	.command = "tofu",
	.program = opentofu_program,
	.describe = opentofu_describe,
	.interpret = tf_interpret,
};
