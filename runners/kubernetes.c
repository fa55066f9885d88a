/* Kustomize, Helm and plain manifests: what is built, and never applied by us. They run where there
 * is no network and no program but the machine's; what could load a program of the pull request, or
 * a file outside of the project, is off. */
#include "runners/tool.h"

#include <ctype.h>
#include <string.h>

enum { RELEASE_NAME_MAX = 53 };

static const char *own_program(const struct tool_context *context, const char *machines)
{
	return context->program != NULL ? context->program : machines;
}

/* PATH leads nowhere: a base on another machine must not even find a git to ask for it. */
static void describe_env(const struct tool_context *context, struct strvec *env)
{
	static const char *const homes[] = { "HOME", "TMPDIR", "HELM_CACHE_HOME",
		"HELM_CONFIG_HOME", "HELM_DATA_HOME", "XDG_CONFIG_HOME" };

	strvec_push(env, "PATH=/nonexistent");
	strvec_push(env, "HELM_PLUGINS=/nonexistent");
	strvec_push(env, "KUSTOMIZE_PLUGIN_HOME=/nonexistent");
	strvec_push(env, "LANG=C.UTF-8");
	strvec_push(env, "TZ=UTC");
	for (size_t i = 0; i < countof(homes); i++)
		strvec_pushf(env, "%s=%s", homes[i], context->tmp);
}

static int refuse_arguments(const struct tool_context *context, struct err *err)
{
	return context->spec->extra_arg_count == 0
		       ? 0
		       : err_user(err, ERR_USAGE,
				 "a project of the kind %s takes no extra arguments: what it is "
				 "built with stands in the repository",
				 context->spec->tool);
}

/* ---- what ends badly, in words that help ---- */

/* What the tools say, and what to do; the first that is found. */
static const struct {
	const char *says, *hint;
} hints[] = {
	{ "is not in or below",
		"a file outside of the folder is not loaded: put it into a base, which is a folder "
		"with a kustomization.yaml of its own" },
	{ "no 'git' program on path",
		"a base on another machine is not fetched while a change is looked at: keep a copy "
		"of it in the repository" },
	{ "must specify --enable-helm", "charts are not rendered inside of kustomize: make the "
					"chart a project of its own" },
	{ "external plugins disabled",
		"plugins are programs, and none of a pull request is run: use what kustomize "
		"brings" },
	{ "unable to load external plugin",
		"plugins are programs, and none of a pull request is run: use what kustomize "
		"brings" },
	{ "missing in charts/ directory",
		"nothing is fetched while a change is looked at: run helm dependency build and "
		"commit the folder charts" },
};

/* The last lines that say something, without the place of the work tree. */
static void put_end(const char *text, const char *tree, struct strbuf *out)
{
	size_t prefix = str_empty(tree) ? 0 : strlen(tree);

	while (*text != '\0') {
		const char *at = prefix == 0 ? NULL : strstr(text, tree);

		if (at == NULL) {
			strbuf_puts(out, text);
			return;
		}
		strbuf_append(out, text, (size_t)(at - text));
		text = at + prefix;
		text += *text == '/';
	}
}

static void interpret(const struct tool_context *context, _unused_ enum tool_step step,
	int exit_code, const char *text, struct tool_verdict *ret, struct strbuf *failure)
{
	*ret = (struct tool_verdict){ .outcome = exit_code == 0 ? OUTCOME_OK
								: OUTCOME_TOOL_FAILED };
	if (exit_code == 0)
		return;
	put_end(text, context->tree, failure);
	if (failure->length == 0)
		strbuf_printf(failure, "%s ended with exit code %d and said nothing",
			context->spec->tool, exit_code);
	for (size_t i = 0; i < countof(hints); i++)
		if (strstr(text, hints[i].says) != NULL) {
			strbuf_printf(failure, "\n%s", hints[i].hint);
			return;
		}
}

/* ---- kustomize ---- */

static const char *kustomize_program(const struct site *site)
{
	return site->kustomize;
}

static int kustomize_describe(const struct tool_context *context, _unused_ enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	strvec_push(argv, own_program(context, context->site->kustomize));
	strvec_push(argv, "build");
	strvec_push(argv, "--load-restrictor=LoadRestrictionsRootOnly");
	strvec_push(argv, ".");
	describe_env(context, env);
	return refuse_arguments(context, err);
}

/* ---- helm ---- */

static const char *helm_program(const struct site *site)
{
	return site->helm;
}

/* What the release is called decides the names of what it makes: that of the project, as such a
 * name may be. */
static void push_release(struct strvec *argv, const char *project)
{
	char name[RELEASE_NAME_MAX + 1];
	size_t length = 0;

	for (; *project != '\0' && length < RELEASE_NAME_MAX; project++) {
		char c = (char)tolower((unsigned char)*project);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			name[length++] = c;
		else if (length > 0 && name[length - 1] != '-')
			name[length++] = '-';
	}
	while (length > 0 && name[length - 1] == '-')
		length--;
	name[length] = '\0';
	strvec_push(argv, length == 0 ? "release" : name);
}

static int helm_describe(const struct tool_context *context, _unused_ enum tool_step step,
	struct strvec *argv, struct strvec *env, struct err *err)
{
	strvec_push(argv, own_program(context, context->site->helm));
	strvec_push(argv, "template");
	push_release(argv, context->spec->project);
	strvec_push(argv, ".");
	strvec_push(argv, "--include-crds");
	describe_env(context, env);
	return refuse_arguments(context, err);
}

/* ---- plain manifests ---- */

static int manifests_describe(_unused_ const struct tool_context *context,
	_unused_ enum tool_step step, _unused_ struct strvec *argv, _unused_ struct strvec *env,
	struct err *err)
{
	return err_set(err, ERR_BUG, "plain manifests are read, not built");
}

const struct tool tool_kustomize = {
	.name = "kustomize",
	.command = "kustomize",
	.builds = true,
	.program = kustomize_program,
	.describe = kustomize_describe,
	.interpret = interpret,
};

const struct tool tool_helm = {
	.name = "helm",
	.command = "helm",
	.builds = true,
	.program = helm_program,
	.describe = helm_describe,
	.interpret = interpret,
};

const struct tool tool_manifests = {
	.name = "manifests",
	.command = "manifests",
	.builds = true,
	.describe = manifests_describe,
	.interpret = interpret,
};
