/* The tools by name, and git, the simplest of them. */
#include "orchestrator/model/job_dir.h"
#include "runners/supervise.h"
#include "runners/tool.h"
#include <string.h>

static const struct tool *const tools[] = { &tool_terraform, &tool_opentofu, &tool_git,
	&tool_kustomize, &tool_helm, &tool_manifests };

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; i < countof(tools); i++)
		if (str_equal(tools[i]->name, name))
			return tools[i];
	return NULL;
}

const char *tool_step_name(enum tool_step step)
{
	switch (step) {
	case STEP_PREPARE:
		return "prepare";
	case STEP_INIT:
		return "init";
	case STEP_WORKSPACE:
		return "workspace";
	case STEP_PLAN:
		return "plan";
	case STEP_SHOW_JSON:
	case STEP_SHOW_TEXT:
		return "show";
	case STEP_APPLY:
		return "apply";
	case STEP_IMPORT:
		return "import";
	case STEP_STATE_RM:
		return "state rm";
	case STEP_VERSION:
		return "version";
	case STEP_BUILD:
		return "build";
	case STEP_COMMAND:
		return "run";
	}
	return "";
}

static const char *git_program(const struct site *site)
{
	return site->git;
}

static int git_describe(const struct tool_context *context, _unused_ enum tool_step step,
	struct strvec *argv, struct strvec *env, _unused_ struct err *err)
{
	strvec_push(argv, context->site->git);
	strvec_push(argv, context->layer == NULL ? "prepare" : "adopt");
	strvec_push(argv, "--job");
	strvec_push(argv, context->order);
	strvec_push(argv, "--data");
	strvec_push(argv, context->data);
	if (context->layer != NULL) {
		strvec_push(argv, "--view");
		strvec_push(argv, context->tree);
		strvec_push(argv, "--layer");
		strvec_push(argv, context->layer);
	}
	strvec_push(argv, "--answer");
	strvec_pushf(argv, "%s/%s", context->out, SUPERVISE_ANSWER);
	strvec_push(env, "PATH=" TOOL_PATH);
	strvec_pushf(env, "HOME=%s", context->tmp);
	strvec_pushf(env, "TMPDIR=%s", context->tmp);
	strvec_push(env, "LANG=C.UTF-8");
	return 0;
}

/* The answer file says more; see supervise.c. Exit 3: head and base cannot be merged. */
static void git_interpret(_unused_ const struct tool_context *context, _unused_ enum tool_step step,
	int exit_code, const char *text, struct tool_verdict *ret, struct strbuf *failure)
{
	ret->outcome = exit_code == 0	? OUTCOME_OK
		       : exit_code == 3 ? OUTCOME_CONFLICT
					: OUTCOME_TOOL_FAILED;
	if (ret->outcome == OUTCOME_TOOL_FAILED)
		strbuf_puts(failure, text);
}

const struct tool tool_git = {
	.name = "git",
	.command = "git",
	.program = git_program,
	.describe = git_describe,
	.interpret = git_interpret,
};
