/* conftest over the plan. */
#include "runners/policy.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"
#include "orchestrator/model/policy_results.h"
#include "orchestrator/model/steps.h"
#include "runners/confined.h"
#include "runners/conftest.h"
#include "runners/place.h"
#include "runners/step_env.h"
#include "runners/toolbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define POLICY_FOLDER	"policy" /* in the job's directory; conftest stands in it */
#define POLICY_INPUT	"plan.json"
#define POLICY_RENDERED "rendered.yaml"
#define POLICY_FILE	"policy.json" /* below the job's out folder: $POLICYCHECKFILE */
#define CUSTOM_SET	"custom"

enum { PRINTED_MAX = 8 << 20, RESULTS_BYTES_MAX = 1 << 20, TOLD_MAX = 2000 };

static int end_with(struct walk *walk, enum job_outcome outcome, const struct err *err)
{
	return worker_end_err(walk->worker, outcome, "policy_check", err);
}

/* ---- what it is called with ---- */

/* What would change what is checked, or what the answer looks like, without a word to anybody. */
static int check_argument(const char *arg, struct err *err)
{
	static const char *const refused[] = { "-o", "--output", "--no-fail", "--quiet", "-u",
		"--update", "--help", "-h", "--stdin-filename" };

	for (size_t i = 0; i < countof(refused); i++) {
		size_t length = strlen(refused[i]);
		bool is_long = str_starts(refused[i], "--");

		if (strncmp(arg, refused[i], length) == 0 &&
			(!is_long || arg[length] == '\0' || arg[length] == '=') &&
			(is_long || arg[1] != '-'))
			return err_user(err, ERR_USAGE,
				"the argument \"%.80s\" is not allowed: sluice reads what conftest "
				"prints, and checks with what is there",
				arg);
	}
	return 0;
}

/* What every command is told of the change and the project. Neither the job's secrets, nor what
 * commands of the workflow have set: conftest can be turned round by its environment. */
static void describe_env(const struct worker *worker, struct strvec *env)
{
	static const struct step_places nowhere = { "", "", "", "", "", TOOL_PATH, "" };
	_cleanup_free_ char *home = mem_printf("HOME=%s", worker->context.tmp);
	_cleanup_free_ char *tmp = mem_printf("TMPDIR=%s", worker->context.tmp);

	step_env_table(&worker->spec, &nowhere, env);
	step_env_put(env, "PATH=" TOOL_PATH);
	step_env_put(env, "LANG=C.UTF-8");
	step_env_put(env, home);
	step_env_put(env, tmp);
}

/* conftest knows by the ending what it reads. */
static const char *input_name(const struct worker *worker)
{
	return worker->tool->builds ? POLICY_RENDERED : POLICY_INPUT;
}

static int describe(struct walk *walk, const struct step *step, const char *program,
	const struct policy_source *set, struct strvec *argv, struct strvec *env, struct err *err)
{
	_cleanup_strvec_ struct strvec extra = { 0 };
	struct worker *worker = walk->worker;
	int r = walk_expand(walk, step, &extra, err);

	strvec_push(argv, program);
	strvec_push(argv, "test");
	for (size_t i = 0; r == 0 && i < extra.count; i++) {
		r = check_argument(extra.items[i], err);
		strvec_push(argv, extra.items[i]);
	}
	strvec_push(argv, "--no-color");
	strvec_push(argv, "--output=json");
	strvec_pushf(argv, "--policy=%s", set->path);
	strvec_push(argv, "--");
	strvec_push(argv, input_name(worker));
	describe_env(worker, env);
	return r;
}

static bool fails_on_warnings(const struct step *step)
{
	for (size_t i = 0; i < step->extra_arg_count; i++)
		if (str_starts(step->extra_args[i], "--fail-on-warn"))
			return true;
	return false;
}

/* ---- what it is given ---- */

static int find_conftest(struct walk *walk, const char **ret)
{
	struct worker *worker = walk->worker;
	const struct job_spec *spec = &worker->spec;
	struct err err;

	if (!str_empty(spec->conftest_version))
		return toolbox_find(worker->site,
			       &(struct tool_wish){ "conftest", spec->conftest_version,
				       spec->conftest_sha256, spec->tool_mirror,
				       spec->conftest_archive },
			       &worker->arena, ret, &err) < 0
			       ? end_with(walk, OUTCOME_SETUP_FAILED, &err)
			       : 0;
	*ret = worker->site->conftest;
	if (str_empty(*ret) || access(*ret, X_OK) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
			"conftest is not on this machine, so nothing was checked; the operator of "
			"the server must install it, or pin a version "
			"(policies.conftest_version)");
	return 0;
}

/* What was built of the change, as it was printed. */
static int copy_rendered(struct worker *worker, int file)
{
	_cleanup_fd_ int from = openat(
		worker->dir->fd, JOB_FILE_RENDERED_HEAD, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	off_t at = 0;
	bool is_fine = from >= 0 && fstat(from, &st) == 0;

	while (is_fine && at < st.st_size)
		is_fine = sendfile(file, from, &at, (size_t)(st.st_size - at)) > 0;
	return is_fine ? 0
		       : worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
				 "what was built cannot be given to the policies: %s",
				 strerror(errno));
}

/* The plan as JSON, made where only the tool and what init left are; or what was built. */
int policy_make_input(
	struct walk *walk, const struct step *step, const char *folder_name, const char *name)
{
	struct worker *worker = walk->worker;
	_cleanup_fd_ int folder = -1, file = -1;
	struct err err;
	int r;

	if (!worker->tool->builds &&
		faccessat(worker->dir->fd, "out/tfplan", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return worker_end(worker, OUTCOME_BAD_RESULT, step_kind_name(step->kind),
			"there is no plan to check: the step stands before the plan");
	if (place_fresh_folder(worker, folder_name, &err) < 0)
		return end_with(walk, OUTCOME_SETUP_FAILED, &err);
	folder = openat(
		worker->dir->fd, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	file = folder < 0 ? -1
			  : openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0 || fchmod(file, 0644) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
			"the file for the plan as JSON cannot be made: %s", strerror(errno));
	if (worker->tool->builds)
		return copy_rendered(worker, file);
	r = place_enter_render(worker);
	if (r == 0)
		r = walk_show(walk, step, file);
	worker_leave(worker);
	return r;
}

/* ---- what it answered ---- */

static json_t *all_results(struct worker *worker)
{
	if (worker->policies == NULL)
		worker->policies = json_array();
	return worker->policies;
}

void policy_note_commands(struct worker *worker, const char *failure)
{
	json_t *failures = json_array();

	if (failure != NULL)
		json_array_append_new(failures, jsonx_any(failure));
	json_array_append_new(all_results(worker),
		json_pack("{s:s, s:i, s:i, s:o}", "name", CUSTOM_SET, "passed", failure == NULL,
			"failed", failure != NULL, "failures", failures));
}

static int interpret(struct walk *walk, int printed, json_t **ret, struct err *err)
{
	struct confined reader;
	int r = confined_start(&reader, walk->worker->support, conftest_interpret, printed, err);

	if (r == 0) {
		confined_go(&reader);
		r = confined_answer(&reader, RESULTS_BYTES_MAX, ret, err);
	}
	confined_release(&reader);
	return r;
}

static int end_broken(struct walk *walk, const char *set, const char *why)
{
	struct worker *worker = walk->worker;
	_cleanup_free_ char *tail = NULL;

	worker_keep_tail(worker);
	tail = output_tail(&worker->output, TOLD_MAX);
	return worker_end(worker, OUTCOME_TOOL_FAILED, "policy_check",
		"the policy set %s was not checked: %s%s%s", set, why, str_empty(tail) ? "" : "\n",
		tail);
}

static json_int_t count_of(const json_t *result, const char *key)
{
	return json_integer_value(json_object_get(result, key));
}

/* Exit code and answer must agree, and something must have been asked. */
static int judge(struct walk *walk, const struct step *step, const struct policy_source *set,
	json_t *result, int status)
{
	_cleanup_free_ char *why = NULL;

	if (count_of(result, "failed") == 0 && count_of(result, "warned") > 0 && status != 0 &&
		fails_on_warnings(step)) {
		json_object_set(result, "failed", json_object_get(result, "warned"));
		json_object_set(result, "failures", json_object_get(result, "warnings"));
		json_object_set_new(result, "warned", json_integer(0));
		json_object_set_new(result, "warnings", json_array());
	}
	if (status != 0 && count_of(result, "failed") == 0) {
		why = mem_printf("conftest ended with exit code %d and names no failure", status);
		return end_broken(walk, set->name, why);
	}
	if (count_of(result, "passed") + count_of(result, "failed") + count_of(result, "warned") +
			count_of(result, "excepted") ==
		0)
		return end_broken(walk, set->name,
			"it has no rule that was asked; rules stand in the package main, else name "
			"theirs with extra_args: [--namespace, NAME] or [--all-namespaces]");
	json_object_set_new(result, "name", jsonx_any(set->name));
	json_array_append(all_results(walk->worker), result);
	return 0;
}

static int take_answer(struct walk *walk, const struct step *step, const struct policy_source *set,
	int printed, int status)
{
	_cleanup_json_ json_t *result = NULL;
	_cleanup_free_ char *why = NULL;
	struct err err;

	if (interpret(walk, printed, &result, &err) == 0)
		return judge(walk, step, set, result, status);
	why = status == 0 ? mem_strdup(err.text)
			  : mem_printf("conftest ended with exit code %d", status);
	return end_broken(walk, set->name, why);
}

/* What policies said quotes what they were given, so it is masked like that. */
int policy_add_results(struct worker *worker, const json_t *summary, struct err *err)
{
	struct policy_results results;
	int r;

	if (worker->policies == NULL)
		return 0;
	worker->policies = mask_json(&worker->mask, worker->policies);
	r = policy_results_read(worker->policies, &worker->arena, &results, err);
	if (r == 0)
		json_object_set_new(
			(json_t *)(uintptr_t)summary, "policies", policy_results_write(&results));
	return r;
}

/* ---- one set, all sets ---- */

static int check_set(struct walk *walk, const struct step *step, const char *program,
	const struct policy_source *set)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct worker *worker = walk->worker;
	_cleanup_fd_ int printed = openat(
		worker->dir->fd, ".", O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
	const struct worker_command command = { .name = "policy_check",
		.argv = &argv,
		.env = &env,
		.output = printed,
		.errors = -1,
		.cap_bytes = PRINTED_MAX,
		.timeout_ms = step->timeout_ms,
		.stop = STOP_HARDER };
	struct err err;
	int r, status = 0;

	if (printed < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
			"a file of the job cannot be made: %s", strerror(errno));
	r = place_enter_policy(worker, POLICY_FOLDER, set->path);
	if (r < 0)
		return r;
	if (describe(walk, step, program, set, &argv, &env, &err) < 0)
		r = end_with(walk, OUTCOME_SETUP_FAILED, &err);
	if (r == 0)
		r = worker_exec(worker, &command, &status);
	worker_leave(worker);
	return r < 0 ? r : take_answer(walk, step, set, printed, status);
}

/* For commands that come after it, which may read it and write it: nobody asks it later. */
static int write_results(struct walk *walk)
{
	_cleanup_fd_ int out = openat(
		walk->worker->dir->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_json_ json_t *masked = json_deep_copy(all_results(walk->worker));
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int file = -1;

	masked = mask_json(&walk->worker->mask, masked);
	text = jsonx_text(masked);
	if (out >= 0) {
		unlinkat(out, POLICY_FILE, 0);
		file = openat(out, POLICY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (file < 0 || fchmod(file, 0644) < 0 ||
		write(file, text, strlen(text)) != (ssize_t)strlen(text))
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, "policy_check",
			"the results cannot be written: %s", strerror(errno));
	return 0;
}

int policy_check(struct walk *walk, const struct step *step)
{
	struct worker *worker = walk->worker;
	const struct job_spec *spec = &worker->spec;
	const char *program = NULL;
	int r;

	if (spec->policy_set_count == 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
			"the server has no policy sets, so nothing was checked; the operator "
			"writes "
			"them below policies.policy_sets in server.yaml, or switches policy_check "
			"off");
	r = find_conftest(walk, &program);
	worker_leave(worker); /* whatever of the plan still lives ends here */
	walk->stands_in = 0;
	if (r == 0)
		r = policy_make_input(walk, step, POLICY_FOLDER, input_name(worker));
	for (size_t i = 0; r == 0 && i < spec->policy_set_count; i++)
		r = check_set(walk, step, program, &spec->policy_sets[i]);
	return r < 0 ? r : write_results(walk);
}
