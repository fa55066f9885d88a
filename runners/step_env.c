/* Variables of a workflow: the table, the syntax of what sets them, their expansion. */
#include "runners/step_env.h"

#include "orchestrator/model/job_spec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_name_start(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static size_t name_length(const char *text)
{
	size_t length = 0;

	if (!is_name_start(text[0]))
		return 0;
	while (is_name_start(text[length]) || (text[length] >= '0' && text[length] <= '9'))
		length++;
	return length;
}

static size_t find(const struct strvec *env, const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < env->count; i++)
		if (strncmp(env->items[i], name, length) == 0 && env->items[i][length] == '=')
			break;
	return i;
}

void step_env_put(struct strvec *env, const char *pair)
{
	size_t at = find(env, pair, strcspn(pair, "="));

	if (at == env->count) {
		strvec_push(env, pair);
		return;
	}
	free(env->items[at]);
	env->items[at] = mem_strdup(pair);
}

/* What decides which programs and settings the next steps run with; a * ends what is compared. The
 * author of a workflow may name most of them. What a command prints may be a pull request's own
 * word, so it names none. */
static const char *const nobodys[] = { "LD_*", "GCONV_PATH", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR",
	"TF_REATTACH_PROVIDERS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy",
	"https_proxy", "all_proxy", NULL };
static const char *const never_printed[] = { "TF_CLI_*", "TF_LOG*", "TF_PLUGIN_*", "TF_INPUT",
	"TF_WORKSPACE", "CHECKPOINT_*", "PATH", "HOME", "TMPDIR", "ENV", "BASH_*", "SHELLOPTS",
	"IFS", "PS4", "PYTHON*", "PERL*", "RUBY*", "NODE_*", "JAVA_*", "GIT_*", "SSL_CERT_*",
	"CURL_*", "NO_PROXY", "no_proxy", "PLANFILE", "SHOWFILE", "POLICYCHECKFILE", "ATLANTIS_*",
	NULL };

static bool is_in(const char *name, const char *const *list)
{
	for (; *list != NULL; list++) {
		size_t length = strcspn(*list, "*");

		if (strncmp(name, *list, length) == 0 &&
			((*list)[length] == '*' || name[length] == '\0'))
			return true;
	}
	return false;
}

static int refuse_name(const char *name, const char *who, struct err *err)
{
	return err_user(err, ERR_REFUSED,
		"%.60s cannot be set by %s: it decides which programs and settings later steps run "
		"with",
		name, who);
}

int step_env_set(struct strvec *env, const char *name, const char *value, struct err *err)
{
	_cleanup_free_ char *pair = NULL;
	size_t bytes = strlen(name) + strlen(value);

	if (name_length(name) == 0 || name_length(name) != strlen(name))
		return err_user(err, ERR_SYNTAX,
			"\"%.60s\" cannot be the name of a variable: letters, digits and _ only",
			name);
	if (is_in(name, nobodys))
		return refuse_name(name, "a step", err);
	if (strlen(value) > STEP_ENV_VALUE_MAX)
		return err_user(err, ERR_LIMIT, "the value of %.60s is longer than %d KiB", name,
			STEP_ENV_VALUE_MAX >> 10);
	for (size_t i = 0; i < env->count; i++)
		bytes += strlen(env->items[i]);
	if (env->count >= STEP_ENV_MAX || bytes > STEP_ENV_BYTES_MAX)
		return err_user(err, ERR_LIMIT,
			"%.60s cannot be set: more than %d variables, or more than %d KiB of them",
			name, STEP_ENV_MAX, STEP_ENV_BYTES_MAX >> 10);
	pair = mem_printf("%s=%s", name, value);
	step_env_put(env, pair);
	return 0;
}

const char *step_env_get(const struct strvec *env, const char *name)
{
	size_t length = strlen(name), at = find(env, name, length);

	return at == env->count ? NULL : env->items[at] + length + 1;
}

/* ---- the table ---- */

static void put(struct strvec *env, const char *name, const char *value)
{
	_cleanup_free_ char *pair = mem_printf("%s=%s", name, value == NULL ? "" : value);

	step_env_put(env, pair);
}

static const char *branch(const char *ref)
{
	static const char heads[] = "refs/heads/";

	return ref != NULL && str_starts(ref, heads) ? ref + sizeof(heads) - 1 : ref;
}

/* "group/sub/repo" belongs to "group/sub". */
static void put_repo(struct strvec *env, const char *repo)
{
	const char *slash = repo == NULL ? NULL : strrchr(repo, '/');
	_cleanup_free_ char *owner = slash == NULL ? mem_strdup("")
						   : mem_strndup(repo, (size_t)(slash - repo));
	const char *name = slash == NULL ? repo : slash + 1;

	put(env, "BASE_REPO_OWNER", owner);
	put(env, "BASE_REPO_NAME", name);
	put(env, "HEAD_REPO_OWNER", owner); /* jobs of a fork are refused before they are made */
	put(env, "HEAD_REPO_NAME", name);
}

/* Each character with a backslash before it, words joined by commas: what a shell reads back. */
static void put_comment_args(struct strvec *env, const struct job_spec *spec)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(STEP_ENV_VALUE_MAX);

	for (size_t i = 0; i < spec->extra_arg_count; i++) {
		if (i > 0)
			strbuf_putc(&text, ',');
		for (const char *at = spec->extra_args[i]; *at != '\0'; at++) {
			strbuf_putc(&text, '\\');
			strbuf_putc(&text, *at);
		}
	}
	put(env, "COMMENT_ARGS", strbuf_text(&text));
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static void put_hooks(struct strvec *env, const struct job_spec *spec)
{
	put(env, "COMMAND_NAME", spec->command);
	if (spec->is_after)
		put(env, "COMMAND_HAS_ERRORS", truth(spec->has_errors));
}

void step_env_table(
	const struct job_spec *spec, const struct step_places *places, struct strvec *env)
{
	const char *workspace = str_empty(spec->workspace) ? "default" : spec->workspace;
	char number[24];
	const struct {
		const char *name, *value;
		bool is_of_project;
	} rows[] = {
		{ "ATLANTIS_TERRAFORM_DISTRIBUTION", spec->tool, true },
		{ "ATLANTIS_TERRAFORM_VERSION", places->tool_version, true },
		{ "ATLANTIS_PR_APPROVED", truth(spec->is_approved), true },
		{ "ATLANTIS_PR_MERGEABLE", truth(spec->is_mergeable), true },
		{ "BASE_BRANCH_NAME", branch(spec->base_ref), false },
		{ "DIR", places->project, false },
		{ "HEAD_BRANCH_NAME", branch(spec->head_ref), false },
		{ "HEAD_COMMIT", spec->head, false },
		{ "PATH", places->path, false },
		{ "PLANFILE", places->plan_file, true },
		{ "SHOWFILE", places->show_file, true },
		{ "POLICYCHECKFILE", places->policy_file, true },
		{ "OUTPUT_STATUS_FILE", places->status_file, false },
		{ "PROJECT_NAME", spec->project, true },
		{ "PULL_AUTHOR", spec->author, false },
		{ "PULL_NUM", number, false },
		{ "PULL_URL", spec->pull_url, false },
		{ "REPO_REL_DIR", spec->dir, true },
		{ "USER_NAME", spec->actor, false },
		{ "WORKSPACE", workspace, true },
	};

	(void)snprintf(number, sizeof(number), "%lld", (long long)spec->number);
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].value != NULL && (!rows[i].is_of_project || spec->op != JOB_HOOKS))
			put(env, rows[i].name, rows[i].value);
	}
	put_repo(env, spec->repo_name);
	if (spec->op == JOB_HOOKS)
		put_hooks(env, spec);
	else
		put_comment_args(env, spec);
}

/* ---- many at once ---- */

/* A value up to the next comma, or between quotes, where \ keeps the next character. */
static const char *read_value(const char *at, struct strbuf *out, struct err *err)
{
	char quote = *at == '"' || *at == '\'' ? *at : '\0';

	if (quote == '\0') {
		size_t length = strcspn(at, ",\"'\n");

		strbuf_append(out, at, length);
		at += length;
	} else {
		for (at++; *at != '\0' && *at != quote; at++) {
			if (*at == '\\' && at[1] != '\0')
				at++;
			strbuf_putc(out, *at);
		}
		if (*at != quote) {
			err_user(err, ERR_SYNTAX, "a quote is not closed");
			return NULL;
		}
		at++;
	}
	if (*at != '\0' && *at != ',') {
		err_user(err, ERR_SYNTAX, "after a value there must be a comma, not \"%.20s\"", at);
		return NULL;
	}
	return at;
}

static const char *read_pair(struct strvec *env, const char *at, struct err *err)
{
	_cleanup_strbuf_ struct strbuf value = STRBUF(STEP_ENV_BYTES_MAX);
	_cleanup_free_ char *name = mem_strndup(at, strcspn(at, "=,\n"));

	at += strlen(name);
	if (*at != '=') {
		err_user(err, ERR_SYNTAX, "\"%.60s\" is not NAME=value", name);
		return NULL;
	}
	at = read_value(at + 1, &value, err);
	if (is_in(name, never_printed)) {
		refuse_name(name, "what a command prints", err);
		return NULL;
	}
	if (at == NULL || step_env_set(env, name, strbuf_text(&value), err) < 0)
		return NULL;
	return at;
}

static const char *skip_space(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

int step_env_read_many(struct strvec *env, const char *text, struct err *err)
{
	_cleanup_strvec_ struct strvec fresh = { 0 };
	const char *at = skip_space(text);
	size_t length = strlen(at);

	while (length > 0 && isspace((unsigned char)at[length - 1]))
		length--;
	_cleanup_free_ char *line = mem_strndup(at, length);

	for (size_t i = 0; i < env->count; i++)
		strvec_push(&fresh, env->items[i]);
	for (at = line; *at != '\0';) {
		at = read_pair(&fresh, at, err);
		if (at == NULL)
			return -(int)err->code;
		if (*at == ',')
			at = skip_space(at + 1);
	}
	for (size_t i = 0; i < fresh.count; i++)
		step_env_put(env, fresh.items[i]);
	return 0;
}

/* ---- expansion ---- */

int step_env_expand(const struct strvec *env, const char *text, struct strbuf *out, struct err *err)
{
	while (*text != '\0') {
		bool is_braced = text[0] == '$' && text[1] == '{';
		const char *name = text + (is_braced ? 2 : 1);
		size_t length = text[0] == '$' ? name_length(name) : 0;
		size_t at;

		if (length == 0 || (is_braced && name[length] != '}')) {
			strbuf_putc(out, *text++);
			continue;
		}
		at = find(env, name, length);
		if (at == env->count)
			return err_user(err, ERR_USAGE, "$%.*s is not set", (int)length, name);
		strbuf_puts(out, env->items[at] + length + 1);
		text = name + length + (is_braced ? 1 : 0);
	}
	if (out->overflowed)
		return err_user(err, ERR_LIMIT, "an argument became too long");
	return 0;
}
