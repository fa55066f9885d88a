/* Terraform and OpenTofu: the same words, two executables. */
#include "runners/diagnostic.h"
#include "runners/tool.h"
#include <string.h>

/* What sluice says itself, or what would send the tool to other files than those of the job. */
static const char *const refused_args[] = { "-chdir", "-out", "-state", "-state-out", "-backup",
	"-input", "-json", "-detailed-exitcode", "-lock", "-help" };

static int check_extra(const char *arg, struct err *err)
{
	size_t length = strcspn(arg, "=");
	const char *bare = strncmp(arg, "--", 2) == 0 ? arg + 1 : arg;

	if (arg[0] != '-')
		return err_user(err, ERR_USAGE,
			"the argument \"%.80s\" is not an option (write -name=value)", arg);
	length -= (size_t)(bare - arg);
	for (size_t i = 0; i < countof(refused_args); i++)
		if (strlen(refused_args[i]) == length &&
			strncmp(bare, refused_args[i], length) == 0)
			return err_user(err, ERR_USAGE,
				"the argument \"%.80s\" is not allowed: sluice sets it", arg);
	return 0;
}

static void describe_env(const struct tool_context *context, struct strvec *env)
{
	strvec_pushf(env, "PATH=%s", context->site->path);
	strvec_pushf(env, "HOME=%s", context->tmp);
	strvec_pushf(env, "TMPDIR=%s", context->tmp);
	strvec_push(env, "LANG=C.UTF-8");
	strvec_push(env, "TZ=UTC");
	strvec_push(env, "TF_IN_AUTOMATION=1");
	strvec_push(env, "TF_INPUT=0");
	strvec_push(env, "CHECKPOINT_DISABLE=1");
	if (!str_empty(context->site->cli_config))
		strvec_pushf(env, "TF_CLI_CONFIG_FILE=%s", context->site->cli_config);
}

static int describe(const char *program, const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	const struct job_spec *spec = context->spec;
	int r;

	describe_env(context, env);
	strvec_push(argv, program);
	switch (step) {
	case STEP_INIT:
		strvec_push(argv, "init");
		strvec_push(argv, "-input=false");
		strvec_push(argv, "-no-color");
		return 0;
	case STEP_WORKSPACE:
		strvec_push(argv, "workspace");
		strvec_push(argv, "select");
		strvec_push(argv, "-or-create=true");
		strvec_push(argv, spec->workspace);
		return 0;
	case STEP_PLAN:
		strvec_push(argv, "plan");
		strvec_push(argv, "-input=false");
		strvec_push(argv, "-no-color");
		strvec_push(argv, "-detailed-exitcode");
		strvec_push(argv, "-lock-timeout=60s");
		for (size_t i = 0; i < spec->extra_arg_count; i++) {
			r = check_extra(spec->extra_args[i], err);
			if (r < 0)
				return r;
			strvec_push(argv, spec->extra_args[i]);
		}
		strvec_pushf(argv, "-out=%s/tfplan", context->out);
		return 0;
	case STEP_SHOW_JSON:
		strvec_push(argv, "show");
		strvec_push(argv, "-no-color");
		strvec_push(argv, "-json");
		strvec_pushf(argv, "%s/tfplan", context->out);
		return 0;
	case STEP_SHOW_TEXT:
		strvec_push(argv, "show");
		strvec_push(argv, "-no-color");
		strvec_pushf(argv, "%s/tfplan", context->out);
		return 0;
	case STEP_APPLY:
		strvec_push(argv, "apply");
		strvec_push(argv, "-input=false");
		strvec_push(argv, "-no-color");
		strvec_push(argv, "-lock-timeout=60s");
		strvec_pushf(argv, "%s/tfplan", context->out);
		return 0;
	case STEP_PREPARE:
		break;
	}
	return err_set(err, ERR_BUG, "terraform has no step %d", (int)step);
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

static int terraform_describe(const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	return describe(context->site->terraform, context, step, argv, env, err);
}

static int opentofu_describe(const struct tool_context *context, enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	return describe(context->site->opentofu, context, step, argv, env, err);
}

const struct tool tool_terraform = {
	.name = "terraform",
	.program = terraform_program,
	.describe = terraform_describe,
	.interpret = tf_interpret,
};

const struct tool tool_opentofu = {
	.name = "opentofu",
	.program = opentofu_program,
	.describe = opentofu_describe,
	.interpret = tf_interpret,
};
