/* One check after the other over a plan. */
#include "runners/check.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"
#include "runners/check_answers.h"
#include "runners/confined.h"
#include "runners/place.h"
#include "runners/policy.h"
#include "runners/step_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_FOLDER "check" /* in the job's directory */

enum { PRINTED_MAX = 16 << 20, RESULT_MAX = 1 << 20 };
static const size_t plan_max = 64U << 20;

/* What is told of the end of a command, by its kind. */
static const struct check_kind {
	const char *name;
	confined_cb interpret;
	int codes;	/* exit codes 0 to this one are an answer */
	bool has_words; /* it tells something, and judges nothing */
} kinds[] = {
	{ "checkov", checkov_interpret, 1, false },
	{ "sarif", sarif_interpret, 2, false },
	{ "cost", cost_interpret, 0, true },
};

static const struct check_kind *kind_called(const char *name)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_equal(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static int end_setup(struct walk *walk, const struct err *err)
{
	return worker_end_err(walk->worker, OUTCOME_SETUP_FAILED, "checks", err);
}

/* ---- what they are given ---- */

/* From a child that only computes into a file of the checks' folder. */
static int write_before(struct walk *walk, int folder)
{
	_cleanup_fd_ int after = openat(folder, CHECK_AFTER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fd_ int before = openat(
		folder, CHECK_BEFORE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct confined child;
	struct err err;
	int r;

	if (after < 0 || before < 0 || fchmod(before, 0644) < 0)
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, "checks",
			"a file of the job cannot be made: %s", strerror(errno));
	r = confined_start(&child, walk->worker->support, checkov_before, after, &err);
	if (r == 0) {
		confined_go(&child);
		r = confined_save(&child, plan_max, before, &err);
	}
	confined_release(&child);
	return r < 0 ? end_setup(walk, &err) : 0;
}

static int make_inputs(struct walk *walk)
{
	static const struct step show = { .kind = STEP_KIND_SHOW };
	_cleanup_fd_ int folder = -1;
	int r = policy_make_input(walk, &show, CHECK_FOLDER, CHECK_AFTER);

	if (r < 0)
		return r;
	folder = openat(walk->worker->dir->fd, CHECK_FOLDER,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return write_before(walk, folder);
}

/* ---- how they are called ---- */

/* "{source}" and "{plan}" in an argument are where these stand. */
static void push_argument(struct worker *worker, const char *argument, struct strvec *argv)
{
	const char *source = strstr(argument, "{source}"), *plan = strstr(argument, "{plan}");

	if (source != NULL)
		strvec_pushf(argv, "%.*s%s/%s%s", (int)(source - argument), argument,
			place_source(worker), worker->spec.dir, source + strlen("{source}"));
	else if (plan != NULL)
		strvec_pushf(argv, "%.*s" CHECK_AFTER "%s", (int)(plan - argument), argument,
			plan + strlen("{plan}"));
	else
		strvec_push(argv, argument);
}

static bool has_before(const struct worker *worker)
{
	struct stat st;

	return fstatat(worker->dir->fd, CHECK_FOLDER "/" CHECK_BEFORE, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       st.st_size > 0;
}

/* Whatever the configuration says of these is what the answer depends on, so they come last. */
static void push_checkov(struct worker *worker, struct strvec *argv)
{
	strvec_push(argv, "--framework");
	strvec_push(argv, "terraform_plan");
	strvec_push(argv, "--output");
	strvec_push(argv, "json");
	strvec_push(argv, "--compact");
	strvec_push(argv, "--skip-download"); /* nobody is asked, and nobody is told */
	strvec_push(argv, "--repo-root-for-plan-enrichment");
	strvec_pushf(argv, "%s/%s", place_source(worker), worker->spec.dir);
	strvec_push(argv, "--file");
	strvec_push(argv, CHECK_AFTER);
	if (has_before(worker))
		strvec_push(argv, CHECK_BEFORE);
}

static void describe(struct worker *worker, const struct check_order *order, struct strvec *argv,
	struct strvec *env)
{
	_cleanup_free_ char *home = mem_printf("HOME=%s", worker->context.tmp);
	_cleanup_free_ char *tmp = mem_printf("TMPDIR=%s", worker->context.tmp);

	for (size_t i = 0; i < order->command.count; i++)
		push_argument(worker, order->command.list[i], argv);
	if (str_equal(order->kind, "checkov"))
		push_checkov(worker, argv);
	step_env_put(env, "PATH=" TOOL_PATH);
	step_env_put(env, "LANG=C.UTF-8");
	step_env_put(env, "PYTHONDONTWRITEBYTECODE=1");
	step_env_put(env, home);
	step_env_put(env, tmp);
}

/* ---- what they answered ---- */

static void put_result(
	struct worker *worker, const struct check_order *order, struct check_result *result)
{
	const struct check_results all = { result, 1 };
	_cleanup_json_ json_t *list = NULL;

	result->name = order->name;
	list = check_results_write(&all);
	if (worker->checked == NULL)
		worker->checked = json_array();
	json_array_extend(worker->checked, list);
}

/* Nothing is known. What judges holds up the apply then; what only tells does not. */
_printf_(3, 4) static void put_no_answer(
	struct worker *worker, const struct check_order *order, const char *format, ...)
{
	const struct check_kind *kind = kind_called(order->kind);
	struct check_result result = { .tool = "",
		.verdict = kind != NULL && kind->has_words ? CHECK_SOFT : CHECK_ERROR };
	char text[CHECK_TEXT_MAX + 1];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	result.message = text;
	put_result(worker, order, &result);
}

static const char *with_dir(struct worker *worker, const char *file)
{
	bool is_root = str_empty(worker->spec.dir) || str_equal(worker->spec.dir, ".");

	return is_root || str_empty(file)
		       ? file
		       : arena_printf(&worker->arena, "%s/%s", worker->spec.dir, file);
}

static void take_result(struct worker *worker, const struct check_order *order,
	const struct check_kind *kind, struct check_result *result, int status)
{
	int found = check_result_count(result, FINDING_NEW) +
		    check_result_count(result, FINDING_OLD);

	/* checkov names files from the folder that it was told of */
	for (size_t i = 0; str_equal(kind->name, "checkov") && i < result->finding_count; i++)
		result->findings[i].file = with_dir(worker, result->findings[i].file);
	if (status > kind->codes || (status != 0 && found == 0)) {
		put_no_answer(worker, order, "it ended with exit code %d%s", status,
			found == 0 ? " and names no finding" : "");
		return;
	}
	check_result_judge(result, order->threshold);
	put_result(worker, order, result);
}

static int interpret(struct worker *worker, const struct check_kind *kind, int printed,
	struct check_results *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct confined reader;
	int r = confined_start(&reader, worker->support, kind->interpret, printed, err);

	if (r == 0) {
		confined_go(&reader);
		r = confined_answer(&reader, RESULT_MAX, &json, err);
	}
	confined_release(&reader);
	if (r == 0)
		r = check_results_read(json, &worker->arena, ret, err);
	return r == 0 && ret->count != 1 ? err_set(err, ERR_SYNTAX, "there is no result") : r;
}

/* ---- one of them ---- */

/* An end that is the check's own says nothing about the plan, which was made. */
static int absorb(struct worker *worker, const struct check_order *order, int r)
{
	struct job_result *result = &worker->result;

	if (result->outcome == OUTCOME_CANCELLED || worker->is_left)
		return r;
	put_no_answer(worker, order, "%s", result->failure);
	result->outcome = OUTCOME_NONE;
	result->failure = result->output = result->step = "";
	result->exit_code = result->signal = 0;
	worker->stop = OUTCOME_NONE; /* it was the check that was stopped */
	worker->stop_stage = 0;
	return 0;
}

static int run_program(
	struct worker *worker, const struct check_order *order, int printed, int *ret_status)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const struct worker_command command = { .name = order->name,
		.argv = &argv,
		.env = &env,
		.output = printed,
		.errors = -1,
		.cap_bytes = PRINTED_MAX,
		.stop = STOP_HARDER };
	int r = place_enter_check(worker, CHECK_FOLDER, &order->read);

	if (r < 0)
		return r;
	describe(worker, order, &argv, &env);
	r = worker_exec(worker, &command, ret_status);
	worker_leave(worker);
	return r;
}

static int check_one(struct walk *walk, const struct check_order *order)
{
	struct worker *worker = walk->worker;
	const struct check_kind *kind = kind_called(order->kind);
	_cleanup_fd_ int printed = openat(
		worker->dir->fd, ".", O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
	struct check_results results;
	struct err err;
	int r, status = 0;

	if (printed < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "checks",
			"a file of the job cannot be made: %s", strerror(errno));
	if (kind == NULL || order->command.count == 0) {
		put_no_answer(worker, order,
			"the server has no check of this name; its operator writes it below "
			"`checks` in server.yaml");
		return 0;
	}
	r = run_program(worker, order, printed, &status);
	if (r < 0)
		return absorb(worker, order, r);
	if (interpret(worker, kind, printed, &results, &err) == 0)
		take_result(worker, order, kind, &results.list[0], status);
	else if (status != 0)
		put_no_answer(
			worker, order, "it ended with exit code %d, and %s", status, err.text);
	else
		put_no_answer(worker, order, "%s", err.text);
	return 0;
}

int check_run(struct walk *walk)
{
	const struct check_orders *orders = &walk->worker->spec.checks;
	int r = 0;

	if (orders->count == 0 || walk->worker->spec.op != JOB_PLAN)
		return 0;
	worker_leave(walk->worker); /* whatever of the plan still lives ends here */
	walk->stands_in = 0;
	r = make_inputs(walk);
	for (size_t i = 0; r == 0 && i < orders->count; i++)
		r = check_one(walk, &orders->list[i]);
	return r;
}
