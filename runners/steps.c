/* Built-in steps and commands of a workflow. A command is run by its shell with the workflow's
 * variables; nothing of a comment, a branch or a file name ever becomes part of its text. */
#include "runners/steps.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/steps.h"
#include "runners/diagnostic.h"
#include "runners/place.h"
#include "runners/policy.h"
#include "runners/step_env.h"
#include "runners/step_output.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FAILURE_MAX = 8 << 10,
	SHOWN_MAX = 1 << 20,
	VALUE_MAX = 48 << 10,
	FILTERED_MAX = 8 << 20,
	SHOW_MAX = 64 << 20,
	ARGUMENT_MAX = 32 << 10,
};

#define ALL_STAGES                                                                                 \
	(1U << STAGE_PLAN | 1U << STAGE_APPLY | 1U << STAGE_POLICY_CHECK | 1U << STAGE_IMPORT |    \
		1U << STAGE_STATE_RM)

typedef int (*step_cb)(struct walk *walk, const struct step *step);

static int end_setup(struct walk *walk, const struct step *step, const struct err *err)
{
	return worker_end_err(walk->worker, OUTCOME_SETUP_FAILED, step_kind_name(step->kind), err);
}

/* ---- built-in steps ---- */

int walk_expand(
	struct walk *walk, const struct step *step, struct strvec *ret_extra, struct err *err)
{
	for (size_t i = 0; i < step->extra_arg_count; i++) {
		_cleanup_strbuf_ struct strbuf arg = STRBUF(ARGUMENT_MAX);
		int r = step_env_expand(&walk->worker->env, step->extra_args[i], &arg, err);

		if (r < 0)
			return err_wrap(err, "extra_args of %s: \"%.80s\"",
				step_kind_name(step->kind), step->extra_args[i]);
		strvec_push(ret_extra, strbuf_text(&arg));
	}
	return 0;
}

static void show_tail(struct walk *walk)
{
	_cleanup_free_ char *tail = output_tail(&walk->worker->output, JOB_OUTPUT_MAX - 1);

	strbuf_puts(&walk->shown, tail);
}

static int run_tool(struct walk *walk, const struct step *step, enum tool_step word)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	_cleanup_strvec_ struct strvec extra = { 0 };
	struct worker *worker = walk->worker;
	struct tool_verdict verdict = { 0 };
	struct err err;
	int r;

	if (walk_expand(walk, step, &extra, &err) < 0)
		return end_setup(walk, step, &err);
	worker->context.extra = &extra;
	worker->context.timeout_ms = step->timeout_ms;
	r = worker_step(worker, word, &verdict, &failure);
	worker->context.extra = NULL;
	worker->context.timeout_ms = 0;
	walk->has_changes = walk->has_changes || verdict.has_changes;
	walk->wants_init = verdict.wants_init;
	return r;
}

static int do_init(struct walk *walk, const struct step *step)
{
	static const struct step select = { .kind = STEP_KIND_INIT };
	const char *workspace = walk->worker->spec.workspace;
	int r = run_tool(walk, step, STEP_INIT);

	if (r < 0 || str_empty(workspace) || str_equal(workspace, "default") ||
		walk->worker->context.without_backend)
		return r;
	return run_tool(walk, &select, STEP_WORKSPACE);
}

/* env/WORKSPACE.tfvars is given to a plan when the project has it. */
static void find_var_file(struct worker *worker)
{
	struct job_spec *spec = &worker->spec;
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)spec->repo.v, spec->tree);
	const char *workspace = str_empty(spec->workspace) ? "default" : spec->workspace;
	bool is_root = str_empty(spec->dir) || str_equal(spec->dir, ".");
	_cleanup_free_ char *folder = mem_printf(
		"%s%senv", is_root ? "" : spec->dir, is_root ? "" : "/");
	_cleanup_free_ char *name = mem_printf("%s.tfvars", workspace);
	struct err missing;
	_cleanup_fd_ int fd = tree_open_dir(tree, folder, &missing);
	struct stat st;

	worker->context.var_file = NULL;
	if (fd >= 0 && strchr(name, '/') == NULL &&
		fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		worker->context.var_file = arena_printf(&worker->arena, "env/%s", name);
}

static int do_plan(struct walk *walk, const struct step *step)
{
	find_var_file(walk->worker);
	walk->has_planned = true;
	return run_tool(walk, step, STEP_PLAN);
}

static int do_effect(struct walk *walk, const struct step *step)
{
	static const enum tool_step words[] = { [STEP_KIND_APPLY] = STEP_APPLY,
		[STEP_KIND_IMPORT] = STEP_IMPORT,
		[STEP_KIND_STATE_RM] = STEP_STATE_RM };
	int r = run_tool(walk, step, words[step->kind]);

	if (r == 0)
		show_tail(walk);
	return r;
}

static int open_show_file(const struct worker *worker)
{
	_cleanup_fd_ int out = openat(
		worker->dir->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fd_ int fd = -1;

	if (out < 0)
		return -1;
	unlinkat(out, STEPS_SHOW_FILE, 0);
	fd = openat(out, STEPS_SHOW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* The commands read it, as the job's user. */
	return fd >= 0 && fchmod(fd, 0644) == 0 ? steal_fd(&fd) : -1;
}

int walk_show(struct walk *walk, const struct step *step, int file)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct worker *worker = walk->worker;
	const struct worker_command command = { .name = "show",
		.argv = &argv,
		.env = &env,
		.output = file,
		.errors = -1,
		.cap_bytes = SHOW_MAX,
		.timeout_ms = step->timeout_ms,
		.stop = walk->has_effects ? STOP_POLITE : STOP_HARDER };
	struct err err;
	int r, status = 0;

	if (worker_describe(worker, STEP_SHOW_JSON, &argv, &env, &err) < 0)
		return end_setup(walk, step, &err);
	r = worker_exec(worker, &command, &status);
	if (r < 0 || status == 0)
		return r;
	worker_keep_tail(worker);
	return worker_end(worker, OUTCOME_TOOL_FAILED, "show",
		"the plan cannot be shown (exit code %d)", status);
}

/* $SHOWFILE, for commands that read the plan. */
static int do_show(struct walk *walk, const struct step *step)
{
	_cleanup_fd_ int file = open_show_file(walk->worker);

	if (file < 0)
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, "show",
			"the file for the plan as JSON cannot be made: %s", strerror(errno));
	return walk_show(walk, step, file);
}

/* ---- commands ---- */

/* Which tool the commands find, and by which names: terraform, and terraform1.5.7. */
static void link_names(struct worker *worker, const char *version)
{
	_cleanup_free_ char *long_name = mem_printf("%s%s", worker->tool->command, version);
	_cleanup_fd_ int bin = -1;

	bin = openat(worker->dir->fd, JOB_BIN, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (bin < 0 || symlinkat(worker->program, bin, worker->tool->command) < 0 ||
		str_empty(version))
		return; /* then commands find what PATH has */
	if (symlinkat(worker->program, bin, long_name) < 0)
		return;
}

/* What the command prints, as text, owned by the caller; its errors go to the job's output unless
 * they are wanted too. */
static int capture(struct walk *walk, const struct worker_command *command, bool with_errors,
	size_t cap, char **ret, size_t *ret_length, int *ret_status)
{
	struct worker_command own = *command;
	_cleanup_fd_ int fd = openat(
		walk->worker->dir->fd, ".", O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
	struct err err;
	int r;

	*ret = NULL;
	if (fd < 0)
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, command->name,
			"a file of the job cannot be made: %s", strerror(errno));
	own.output = fd;
	own.errors = with_errors ? fd : -1;
	own.cap_bytes = (int64_t)cap;
	r = worker_exec(walk->worker, &own, ret_status);
	if (r < 0)
		return r;
	if (output_read_fd(fd, cap, ret, ret_length, &err) < 0)
		return worker_end_err(walk->worker, OUTCOME_OUTPUT_CAP, command->name, &err);
	return 0;
}

static int read_version(struct walk *walk, char version[32])
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const struct worker_command command = {
		.name = "version", .argv = &argv, .env = &env, .output = -1, .errors = -1
	};
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL;
	const char *found;
	size_t length = 0;
	struct err err;
	int r, status = 0;

	if (worker_describe(walk->worker, STEP_VERSION, &argv, &env, &err) < 0)
		return 0;
	r = capture(walk, &command, false, VALUE_MAX, &text, &length, &status);
	if (r < 0 || status != 0 || jsonx_parse(text, length, VALUE_MAX, &json, &err) < 0)
		return r;
	found = json_string_value(json_object_get(json, "terraform_version"));
	if (found != NULL && strlen(found) < 32 && strchr(found, '/') == NULL)
		(void)snprintf(version, 32, "%s", found);
	return 0;
}

/* Before the first command: workflows write terraform${ATLANTIS_TERRAFORM_VERSION}. */
static int know_version(struct walk *walk)
{
	struct worker *worker = walk->worker;
	char version[32] = "";
	int r = 0;

	if (walk->knows_version || worker->spec.op == JOB_HOOKS)
		return 0;
	walk->knows_version = true;
	if (str_empty(worker->spec.tool_version))
		r = read_version(walk, version);
	else
		(void)snprintf(version, sizeof(version), "%s", worker->spec.tool_version);
	if (r == 0 && version[0] != '\0') {
		_cleanup_free_ char *pair = mem_printf("ATLANTIS_TERRAFORM_VERSION=%s", version);

		step_env_put(&worker->env, pair);
	}
	if (r == 0)
		link_names(worker, version);
	return r;
}

static const char *find_shell(const char *name, const char *path, struct arena *arena)
{
	if (str_empty(name))
		name = "sh";
	if (strchr(name, '/') != NULL)
		return name;
	while (*path != '\0') {
		size_t length = strcspn(path, ":");
		const char *full = arena_printf(arena, "%.*s/%s", (int)length, path, name);

		if (length > 0 && path[0] == '/' && access(full, X_OK) == 0)
			return full;
		path += length + (path[length] == ':');
	}
	return NULL;
}

static int describe_command(struct walk *walk, const struct step *step, struct strvec *argv,
	struct strvec *env, struct err *err)
{
	_cleanup_strvec_ struct strvec none = { 0 };
	struct worker *worker = walk->worker;
	/* what the job itself made is not asked for a shell */
	const char *shell = find_shell(step->shell, TOOL_PATH, &worker->arena);

	if (shell == NULL)
		return err_user(
			err, ERR_USAGE, "there is no shell %.60s on this machine", step->shell);
	strvec_push(argv, shell);
	for (size_t i = 0; i < step->shell_arg_count; i++)
		strvec_push(argv, step->shell_args[i]);
	if (step->shell_arg_count == 0)
		strvec_push(argv, "-c");
	strvec_push(argv, step->command);
	return worker_describe(worker, STEP_COMMAND, &none, env, err);
}

static int fail_command(
	struct walk *walk, const struct step *step, const char *name, const char *text, int status)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct worker *worker = walk->worker;
	int line = (int)strcspn(step->command, "\n");

	if (step->output & OUTPUT_HIDE)
		return worker_end(worker, OUTCOME_TOOL_FAILED, name,
			"the command \"%.*s\" ended with exit code %d; the workflow hides what it "
			"printed",
			line < 200 ? line : 200, step->command, status);
	diagnostic_extract(text, worker->context.tree, &failure);
	if (failure.length == 0)
		strbuf_printf(&failure, "the command \"%.*s\" ended with exit code %d",
			line < 200 ? line : 200, step->command, status);
	worker->result.output = arena_strndup(
		&worker->arena, text, codec_utf8_prefix(text, strlen(text)));
	return worker_end(worker, OUTCOME_TOOL_FAILED, name, "%s", strbuf_text(&failure));
}

/* What a filter must see first goes to a file of its own and reaches the log only afterwards. */
static int run_filtered(struct walk *walk, const struct step *step,
	const struct worker_command *command, int *ret_status)
{
	_cleanup_strbuf_ struct strbuf clean = STRBUF(4 * FILTERED_MAX);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	struct err err;
	int r;

	r = capture(walk, command, true, FILTERED_MAX, &text, &length, ret_status);
	if (r < 0)
		return r;
	if (step_output_redact(step, text, length, &clean, &err) < 0)
		return worker_end(walk->worker, OUTCOME_TOOL_FAILED, command->name,
			"what the command printed cannot be filtered, so it is not shown: %s",
			err.text);
	if (write(walk->worker->output.raw_fd, strbuf_text(&clean), clean.length) < 0)
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, command->name,
			"the output of the job cannot be written: %s", strerror(errno));
	output_pump(&walk->worker->output, true);
	return 0;
}

static int do_run(struct walk *walk, const struct step *step)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const struct worker_command command = { .name = "run",
		.argv = &argv,
		.env = &env,
		.output = -1,
		.errors = -1,
		.timeout_ms = step->timeout_ms,
		.stop = walk->has_effects ? STOP_NOT : STOP_ALL };
	_cleanup_free_ char *tail = NULL;
	const char *text;
	struct err err;
	int status = 0, r = know_version(walk);

	if (r < 0)
		return r;
	if (describe_command(walk, step, &argv, &env, &err) < 0)
		return end_setup(walk, step, &err);
	r = step->filter_count > 0 ? run_filtered(walk, step, &command, &status)
				   : worker_exec(walk->worker, &command, &status);
	if (r < 0)
		return r;
	tail = output_tail(&walk->worker->output, JOB_OUTPUT_MAX - 1);
	text = step->output & OUTPUT_STRIP_REFRESHING ? step_output_after_refresh(tail) : tail;
	if (status != 0)
		return fail_command(walk, step, "run", text, status);
	if (!(step->output & OUTPUT_HIDE))
		strbuf_puts(&walk->shown, text);
	return 0;
}

/* stdout is the value, stderr the job's output. */
static int run_for_value(struct walk *walk, const struct step *step, char **ret, size_t *ret_length)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const char *name = step_kind_name(step->kind);
	const struct worker_command command = { .name = name,
		.argv = &argv,
		.env = &env,
		.output = -1,
		.errors = -1,
		.timeout_ms = step->timeout_ms,
		.stop = walk->has_effects ? STOP_NOT : STOP_ALL };
	_cleanup_free_ char *tail = NULL;
	struct err err;
	int status = 0, r = know_version(walk);

	if (r < 0)
		return r;
	if (describe_command(walk, step, &argv, &env, &err) < 0)
		return end_setup(walk, step, &err);
	r = capture(walk, &command, false, VALUE_MAX, ret, ret_length, &status);
	if (r < 0 || status == 0)
		return r;
	tail = output_tail(&walk->worker->output, JOB_OUTPUT_MAX - 1);
	return fail_command(walk, step, name, tail, status);
}

static int do_env(struct walk *walk, const struct step *step)
{
	_cleanup_free_ char *printed = NULL;
	const char *value = step->value;
	struct err err;
	size_t length = 0;
	int r;

	if (value == NULL) {
		r = run_for_value(walk, step, &printed, &length);
		if (r < 0)
			return r;
		while (length > 0 && (printed[length - 1] == '\n' || printed[length - 1] == '\r'))
			printed[--length] = '\0';
		value = printed;
	}
	if (step_env_set(&walk->worker->env, step->name, value, &err) < 0)
		return end_setup(walk, step, &err);
	return 0;
}

static int do_multienv(struct walk *walk, const struct step *step)
{
	_cleanup_free_ char *printed = NULL;
	size_t length = 0;
	struct err err;
	int r = run_for_value(walk, step, &printed, &length);

	if (r < 0)
		return r;
	if (step_env_read_many(&walk->worker->env, printed, &err) < 0)
		return worker_end(walk->worker, OUTCOME_TOOL_FAILED, "multienv",
			"the command must print NAME=value,NAME=value,...: %s", err.text);
	return 0;
}

/* ---- what was checked ---- */

struct digests {
	char plan[SHA256_HEX], shown[SHA256_HEX];
};

/* Zeros: there is no such file, or it is none that anybody would take. */
static void digest_of(const struct worker *worker, const char *name, char ret[SHA256_HEX])
{
	_cleanup_fd_ int fd = openat(
		worker->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	struct err ignored;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		codec_sha256_fd(fd, ret, &ignored) < 0)
		memset(ret, 0, SHA256_HEX);
}

static void digests_of(const struct worker *worker, struct digests *ret)
{
	memset(ret, 0, sizeof(*ret));
	digest_of(worker, "out/tfplan", ret->plan);
	digest_of(worker, "out/" STEPS_SHOW_FILE, ret->shown);
}

/* ---- the walk ---- */

static const struct doer {
	unsigned stages;
	step_cb run;
} doers[] = {
	[STEP_KIND_INIT] = { ALL_STAGES, do_init },
	[STEP_KIND_PLAN] = { 1U << STAGE_PLAN, do_plan },
	[STEP_KIND_SHOW] = { 1U << STAGE_PLAN | 1U << STAGE_APPLY | 1U << STAGE_POLICY_CHECK,
		do_show },
	[STEP_KIND_POLICY_CHECK] = { 1U << STAGE_PLAN | 1U << STAGE_POLICY_CHECK, policy_check },
	[STEP_KIND_APPLY] = { 1U << STAGE_APPLY, do_effect },
	[STEP_KIND_IMPORT] = { 1U << STAGE_IMPORT, do_effect },
	[STEP_KIND_STATE_RM] = { 1U << STAGE_STATE_RM, do_effect },
	[STEP_KIND_RUN] = { ALL_STAGES, do_run },
	[STEP_KIND_ENV] = { ALL_STAGES, do_env },
	[STEP_KIND_MULTIENV] = { ALL_STAGES, do_multienv },
};

static struct step default_steps[STAGE_COUNT][2] = {
	[STAGE_PLAN] = { { .kind = STEP_KIND_INIT }, { .kind = STEP_KIND_PLAN } },
	[STAGE_APPLY] = { { .kind = STEP_KIND_APPLY } },
	[STAGE_POLICY_CHECK] = { { .kind = STEP_KIND_SHOW }, { .kind = STEP_KIND_POLICY_CHECK } },
	[STAGE_IMPORT] = { { .kind = STEP_KIND_INIT }, { .kind = STEP_KIND_IMPORT } },
	[STAGE_STATE_RM] = { { .kind = STEP_KIND_INIT }, { .kind = STEP_KIND_STATE_RM } },
};

void walk_default(enum stage stage, struct steps *ret)
{
	ret->list = default_steps[stage];
	ret->count = stage == STAGE_APPLY ? 1 : 2;
	ret->is_given = true;
}

static int check_step(const struct walk *walk, const struct step *step, struct err *err)
{
	if (!(doers[step->kind].stages & 1U << walk->stage))
		return err_user(err, ERR_USAGE, "the step %s cannot be done in the stage %s",
			step_kind_name(step->kind), stage_name(walk->stage));
	return step_output_check(step, err);
}

void walk_forget_values(struct walk *walk)
{
	struct worker *worker = walk->worker;
	const struct steps *steps = &walk->steps;
	struct arena *arena = &worker->arena;
	const struct tool_context *context = &worker->context;
	const struct job_spec *spec = &worker->spec;
	struct step_places places = { .project = str_empty(spec->dir) || str_equal(spec->dir, ".")
							 ? context->tree
							 : arena_printf(arena, "%s/%s",
								   context->tree, spec->dir),
		.plan_file = arena_printf(arena, "%s/tfplan", context->out),
		.show_file = arena_printf(arena, "%s/" STEPS_SHOW_FILE, context->out),
		.policy_file = arena_printf(arena, "%s/policy.json", context->out),
		.path = TOOL_PATH };

	if (spec->op == JOB_HOOKS)
		places.status_file = arena_printf(arena, "%s/" STEPS_STATUS_FILE, context->out);
	else if (!str_empty(spec->tool_version))
		places.tool_version = spec->tool_version;
	for (size_t i = 0; i < steps->count; i++)
		if (step_runs_command(&steps->list[i]) && spec->op != JOB_HOOKS)
			places.path = arena_printf(arena, "%s:%s", context->bin, TOOL_PATH);
	strvec_release(&worker->env);
	step_env_table(spec, &places, &worker->env);
}

int walk_open(struct walk *walk, struct worker *worker, enum stage stage, const struct steps *steps)
{
	struct err err;

	*walk = (struct walk){
		.worker = worker, .stage = stage, .steps = *steps, .shown = STRBUF(SHOWN_MAX)
	};
	if (!steps->is_given)
		walk_default(stage, &walk->steps);
	for (size_t i = 0; i < walk->steps.count; i++)
		if (check_step(walk, &walk->steps.list[i], &err) < 0)
			return end_setup(walk, &walk->steps.list[i], &err);
	walk_forget_values(walk);
	return 0;
}

void walk_keep_output(struct walk *walk)
{
	const char *text = strbuf_text(&walk->shown);
	struct worker *worker = walk->worker;

	if (walk->shown.length > JOB_OUTPUT_MAX - 1) {
		const char *line;

		text += walk->shown.length - (JOB_OUTPUT_MAX - 1);
		line = strchr(text, '\n');
		text = line != NULL && line[1] != '\0' ? line + 1 : text;
	}
	worker->result.output = arena_strndup(
		&worker->arena, text, codec_utf8_prefix(text, strlen(text)));
}

void walk_release(struct walk *walk)
{
	strbuf_release(&walk->shown);
}

size_t walk_init_end(const struct steps *steps, bool *ret_is_plain)
{
	*ret_is_plain = true;
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *step = &steps->list[i];

		if (step->kind == STEP_KIND_INIT)
			return i + 1;
		*ret_is_plain = *ret_is_plain && step->kind == STEP_KIND_ENV && step->value != NULL;
	}
	*ret_is_plain = false;
	return 0;
}

int walk_ready_init(struct walk *walk, const struct steps *steps, struct strvec *ret_extra)
{
	bool is_plain;
	size_t end = walk_init_end(steps, &is_plain);
	struct err err;
	int r = 0;

	for (size_t i = 0; r == 0 && i + 1 < end; i++)
		r = do_env(walk, &steps->list[i]);
	if (r == 0 && walk_expand(walk, &steps->list[end - 1], ret_extra, &err) < 0)
		r = end_setup(walk, &steps->list[end - 1], &err);
	return r;
}

static bool is_command(const struct step *step)
{
	return step_runs_command(step) || step->kind == STEP_KIND_POLICY_CHECK;
}

/* Commands run code of the pull request more easily than a tool does: they are told no credentials,
 * reach nobody, and find nothing alive of the step before. */
int walk_stand(struct walk *walk, size_t index)
{
	const struct step *step = index < walk->steps.count ? &walk->steps.list[index] : NULL;
	enum profile_id wanted = walk->tool_profile;
	bool wants_fresh = step != NULL && is_command(step);
	int r;

	if (wants_fresh)
		wanted = walk->stage == STAGE_POLICY_CHECK ? PROFILE_POLICY : PROFILE_RUN;
	if (walk->stand == NULL || (walk->stands_in == wanted && !(wants_fresh && walk->is_used)))
		return 0;
	r = walk->stand(walk, wanted);
	walk->stands_in = wanted;
	walk->is_used = false;
	return r;
}

static bool needs_no_place(const struct step *step)
{
	return step->kind == STEP_KIND_POLICY_CHECK || /* it makes its own */
	       (step->kind == STEP_KIND_ENV && step->value != NULL);
}

/* What a check reads must be what the next check reads, and what is applied. */
static int run_check(struct walk *walk, const struct step *step)
{
	struct worker *worker = walk->worker;
	struct digests before, after;
	int r;

	digests_of(worker, &before);
	r = doers[step->kind].run(walk, step);
	if (r < 0)
		return r;
	/* What it left running must not have the last word after we have looked. */
	worker_leave(worker);
	walk->stands_in = (enum profile_id)0;
	digests_of(worker, &after);
	return memcmp(&before, &after, sizeof(before)) == 0
		       ? 0
		       : worker_end(worker, OUTCOME_BAD_RESULT, step_kind_name(step->kind),
				 "the saved plan, or the plan as JSON, was changed while it was "
				 "checked; nothing of this plan is kept");
}

/*~ 19. The steps of the workflow, one after the other: init and plan in the sandbox of the plan,
 * what the operator allowed in one of its own. */
int walk_steps(struct walk *walk, size_t from, size_t to)
{
	int r = 0;

	for (size_t i = from; r == 0 && i < to; i++) {
		const struct step *step = &walk->steps.list[i];

		r = needs_no_place(step) ? 0 : walk_stand(walk, i);
		if (r < 0)
			break;
		walk->is_used = true;
		r = walk->stage == STAGE_POLICY_CHECK && is_command(step)
			    ? run_check(walk, step)
			    : doers[step->kind].run(walk, step);
	}
	return r;
}
