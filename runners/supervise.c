/* The order of things in each kind of job. Its steps are those of its workflow (steps.c), on the
 * ground that init made for them (stage.c).
 *
 *     prepare:  git
 *     plan:     [init] -> steps -> show (both forms) -> summary, plan blob
 *               what is built (build.h): base and head -> difference
 *     apply:    the plan's bytes are checked -> [init] -> started (durable) -> steps
 *     import:   [init] -> started (durable) -> steps; likewise state rm
 *     hooks:    commands of the server -> [git], where projects are chosen after them
 *
 * Every path ends in result.json, or in no result at all when even that could not be written. The
 * order around an apply is the promise of this file: nothing of it is run before `started` and the
 * use of the plan are on disk, so that what was begun can never be taken for something that was
 * not. */
#include "runners/supervise.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"
#include "orchestrator/model/prepared.h"
#include "orchestrator/model/project_kind.h"
#include "runners/blob.h"
#include "runners/build.h"
#include "runners/check.h"
#include "runners/confined.h"
#include "runners/diagnostic.h"
#include "runners/git_work.h"
#include "runners/hooks.h"
#include "runners/place.h"
#include "runners/plan_config.h"
#include "runners/policy.h"
#include "runners/stage.h"
#include "runners/tf_plan.h"
#include "runners/toolbox.h"
#include "runners/way_out.h"
#include "runners/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SUMMARY_MAX = 4 << 20, PLAN_TEXT_MAX = 32 << 20, FAILURE_MAX = 8 << 10, RESULT_TRIES = 60 };
static const int64_t plan_file_max = 1LL << 30, log_file_max = 8LL << 30;

/* Who reads what a plan left. */
struct readers {
	struct confined summary; /* the plan as JSON, out of json_fd */
	struct plan_config config;
	int json_fd;
};

/* What the commands of the workflow printed for people, then the plan. */
static void keep_plan_text(struct walk *walk, const struct mask *hidden, int text_fd)
{
	_cleanup_free_ char *text = NULL, *masked = NULL, *whole = NULL, *shown = NULL, *cut = NULL;
	struct worker *worker = walk->worker;
	size_t length = 0;
	struct err err;

	if (output_read_fd(text_fd, PLAN_TEXT_MAX, &text, &length, &err) < 0)
		return;
	masked = mask_text(&worker->mask, text, NULL);
	whole = mem_printf("%s%s", strbuf_text(&walk->shown), masked);
	shown = mask_text(hidden, whole, NULL);
	cut = diagnostic_middle_cut(shown, strlen(shown), JOB_OUTPUT_MAX - 1);
	worker->result.output = arena_strdup(&worker->arena, cut);
}

/* What checks found quotes it too. */
static int add_checked(struct worker *worker, const struct mask *hidden, struct err *err)
{
	struct check_results results;
	int r;

	if (worker->checked == NULL)
		return 0;
	worker->checked = mask_json(&worker->mask, worker->checked);
	worker->checked = mask_json(hidden, worker->checked);
	r = check_results_read(worker->checked, &worker->arena, &results, err);
	if (r == 0)
		json_object_set_new((json_t *)(uintptr_t)worker->result.summary, "checked",
			check_results_write(&results));
	return r;
}

static int read_answer(
	struct worker *worker, struct confined *reader, struct mask *hidden, struct err *err)
{
	json_t *item;
	size_t i;
	int r;

	r = confined_answer(reader, SUMMARY_MAX, &worker->result.json, err);
	if (r < 0)
		return r;
	worker->result.json = mask_json(&worker->mask, worker->result.json);
	worker->result.summary = json_object_get(worker->result.json, "summary");
	json_array_foreach (json_object_get(worker->result.json, "hide"), i, item)
		if (json_is_string(item))
			mask_add_quoted(hidden, json_string_value(item));
	worker->policies = worker->policies == NULL ? NULL : mask_json(hidden, worker->policies);
	r = policy_add_results(worker, worker->result.summary, err);
	if (r == 0)
		r = add_checked(worker, hidden, err);
	if (r < 0)
		return r;
	return worker_read_summary(worker, err);
}

/*~ 21. The plan becomes a blob under its SHA-256; that name is what people approve and what an
 * apply asks for. */
/* The plan becomes a blob while the reader works. What the reader found to be secret is taken out
 * of the texts that the tool wrote; a text that cannot be cleaned is not kept. */
static int keep_plan(
	struct walk *walk, const struct ground *ground, struct readers *readers, int text_fd)
{
	struct worker *worker = walk->worker;
	_cleanup_fd_ int out = openat(worker->dir->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mask hidden = { 0 };
	char sha[SHA256_HEX];
	struct err err;
	int r;

	confined_go(&readers->summary);
	if (plan_config_take(&readers->config, out, &err) < 0 ||
		plan_config_note(&readers->config, worker, ground, readers->json_fd, &err) < 0)
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "plan", &err);
	r = blob_put(worker->site->data_dir, out, "tfplan", plan_file_max, BLOB_MOVE, sha, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "plan", &err);
	r = plan_config_judge(&readers->config, walk, ground);
	if (r < 0)
		return r;
	r = read_answer(worker, &readers->summary, &hidden, &err);
	if (r == 0)
		json_object_set_new((json_t *)(uintptr_t)worker->result.summary, "checks",
			plan_checks_write(&readers->config.checks));
	if (r == 0)
		r = output_mask_again(&worker->output, worker->dir->fd, &hidden, &err);
	if (r == 0)
		keep_plan_text(walk, &hidden, text_fd);
	mask_release(&hidden);
	if (r < 0)
		return worker_end(worker, OUTCOME_BAD_RESULT, "show",
			"the plan was made, but cannot be read: %s", err.text);
	worker->result.plan_blob = arena_strdup(&worker->arena, sha);
	return 0;
}

/* What was kept of init may not fit any more (the state asks for another provider, a folder it
 * links to is gone): then it is made again, once. */
static int plan_on_ground(struct walk *walk, struct ground *ground)
{
	int r = ground_prepare(walk, ground);

	if (r == 0)
		r = ground_enter(walk, ground, false);
	if (r == 0)
		r = walk_steps(walk, ground->next, walk->steps.count);
	if (r == 0 || !walk->wants_init || !ground->was_cached)
		return r;
	worker_leave(walk->worker);
	strbuf_clear(&walk->shown);
	r = ground_renew(walk, ground);
	if (r == 0)
		r = ground_enter(walk, ground, false);
	return r < 0 ? r : walk_steps(walk, ground->next, walk->steps.count);
}

/* A command that says no by its exit code has judged the plan; the plan itself was made. */
static int judged_by_command(struct worker *worker, int r)
{
	struct job_result *result = &worker->result;

	if (result->outcome != OUTCOME_TOOL_FAILED || !str_equal(result->step, "run"))
		return r;
	policy_note_commands(worker, result->failure);
	result->outcome = OUTCOME_NONE;
	result->failure = result->output = result->step = "";
	result->exit_code = 0;
	return 0;
}

static bool has_commands(const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		if (steps->list[i].kind == STEP_KIND_RUN)
			return true;
	return false;
}

/* Checks that come with the plan. What they say goes with its summary; what cannot be asked fails
 * the plan. */
static int run_policies(struct walk *walk)
{
	struct steps steps = walk->worker->spec.policy_steps;
	struct walk checks = { 0 };
	int r;

	if (!walk->worker->spec.checks_policies)
		return 0;
	r = walk_open(&checks, walk->worker, STAGE_POLICY_CHECK, &steps);
	checks.stand = walk->stand;
	checks.ground = walk->ground;
	checks.tool_profile = walk->tool_profile;
	checks.knows_version = walk->knows_version;
	if (r == 0)
		r = walk_steps(&checks, 0, checks.steps.count);
	if (r == 0 && has_commands(&checks.steps))
		policy_note_commands(walk->worker, NULL);
	else if (r < 0)
		r = judged_by_command(walk->worker, r);
	if (r == 0)
		strbuf_append(&walk->shown, strbuf_text(&checks.shown), checks.shown.length);
	walk_release(&checks);
	return r;
}

static int check_plan_file(struct worker *worker)
{
	if (faccessat(worker->dir->fd, "out/tfplan", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return worker_end(worker, OUTCOME_BAD_RESULT, "plan",
		"the workflow's stage plan left no plan in $PLANFILE: add the step plan, or write "
		"the plan there (-out $PLANFILE)");
}

/* What drift is looked for with is no plan: nothing of it stays that an apply could take. */
static int keep_drift(struct walk *walk, struct readers *readers)
{
	struct worker *worker = walk->worker;
	struct mask hidden = { 0 };
	struct err err;
	int r;

	confined_go(&readers->summary);
	(void)unlinkat(worker->dir->fd, "out/tfplan", 0);
	r = read_answer(worker, &readers->summary, &hidden, &err);
	if (r == 0)
		r = output_mask_again(&worker->output, worker->dir->fd, &hidden, &err);
	mask_release(&hidden);
	return r < 0 ? worker_end(worker, OUTCOME_BAD_RESULT, "show",
			       "what the tool found cannot be read: %s", err.text)
		     : 0;
}

static int make_plan(struct walk *walk, struct ground *ground, int json_fd, int text_fd)
{
	int r = plan_on_ground(walk, ground);

	if (r == 0)
		r = check_plan_file(walk->worker);
	if (r == 0)
		r = run_policies(walk);
	if (r == 0)
		r = check_run(walk);
	if (r == 0)
		r = worker_show(walk->worker, json_fd, text_fd);
	worker_give_slot(walk->worker);
	worker_leave(walk->worker);
	return r == 0 && ground->is_own && walk->worker->spec.op == JOB_PLAN
		       ? ground_keep(walk, ground)
		       : r;
}

static int run_plan(struct worker *worker, struct readers *readers)
{
	_cleanup_fd_ int text_fd = -1;
	struct ground ground = { 0 };
	struct walk walk;
	int r = walk_open(&walk, worker, STAGE_PLAN, &worker->spec.steps);

	text_fd = openat(worker->dir->fd, "out", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (r == 0 && text_fd < 0)
		r = worker_end(
			worker, OUTCOME_SETUP_FAILED, "job directory", "%s", strerror(errno));
	if (r == 0)
		r = make_plan(&walk, &ground, readers->json_fd, text_fd);
	if (r == 0)
		r = worker->spec.op == JOB_DRIFT ? keep_drift(&walk, readers)
						 : keep_plan(&walk, &ground, readers, text_fd);
	if (r == 0) {
		worker->result.outcome = OUTCOME_OK;
		if (walk.has_planned) /* the tool's own word; else the summary's */
			worker->result.has_changes = walk.has_changes;
	}
	ground_release(&ground);
	walk_release(&walk);
	return r;
}

/* ---- apply ---- */

static int take_plan(struct worker *worker)
{
	_cleanup_fd_ int out = openat(worker->dir->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *sha = worker->spec.plan_blob, *data = worker->site->data_dir;
	struct err err;
	int r;

	if (blob_is_used(data, sha, worker->spec.plan_job.v))
		return worker_end(worker, OUTCOME_PLAN_LOST, "apply",
			"this plan has been applied before; nothing was run");
	r = blob_copy(data, sha, out, "tfplan", &err);
	if (r == 0)
		r = sandbox_give(worker->support, worker->spec.job.v, out, &err);
	if (r == -ERR_MISSING)
		return worker_end(worker, OUTCOME_PLAN_LOST, "apply",
			"the saved plan is gone; nothing was run");
	if (r == -ERR_STALE)
		return worker_end(worker, OUTCOME_PLAN_LOST, "apply",
			"the saved plan is not the one that was shown; nothing was run");
	if (r < 0)
		return worker_end_err(worker, OUTCOME_PLAN_LOST, "apply", &err);
	worker->result.plan_blob = sha;
	return 0;
}

/* The point of no return. Afterwards this attempt, and this plan, can never be begun again. */
static int begin_apply(struct worker *worker)
{
	struct err err;
	int r = worker_take_slot(worker, "apply", SLOT_ASK);

	if (r < 0)
		return r;
	if (worker_is_cancelled(worker))
		return worker_end(
			worker, OUTCOME_CANCELLED, "apply", "apply was cancelled before it began");
	if (job_dir_mark_started(worker->dir, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "apply", &err);
	if (blob_use_once(worker->site->data_dir, worker->spec.plan_blob, worker->spec.plan_job.v,
		    worker->dir->fd, JOB_FILE_STARTED, &err) < 0)
		return worker_end(worker,
			err.code == ERR_EXISTS ? OUTCOME_PLAN_LOST : OUTCOME_SETUP_FAILED, "apply",
			"%s; nothing was run", err.text);
	return 0;
}

static int run_apply(struct worker *worker)
{
	struct ground ground = { 0 };
	struct walk walk;
	int r = walk_open(&walk, worker, STAGE_APPLY, &worker->spec.steps);

	if (r == 0)
		r = take_plan(worker);
	if (r == 0)
		r = ground_of_plan(&walk, &ground);
	if (r == 0)
		r = plan_config_hold(worker, &ground);
	if (r == 0)
		r = ground_enter(&walk, &ground, true);
	if (r == 0)
		r = begin_apply(worker);
	walk.has_effects = true;
	if (r == 0)
		r = walk_steps(&walk, 0, walk.steps.count);
	worker_leave(worker);
	if (r == 0)
		walk_keep_output(&walk);
	ground_release(&ground);
	walk_release(&walk);
	return r;
}

/* ---- import, state rm ---- */

/* Without a plan: `started` comes before the first step that may change anything. */
static int run_change(struct worker *worker, enum stage stage)
{
	struct ground ground = { 0 };
	struct walk walk;
	struct err err;
	int r = walk_open(&walk, worker, stage, &worker->spec.steps);

	if (r == 0)
		r = ground_prepare(&walk, &ground);
	if (r == 0)
		r = ground_enter(&walk, &ground, true);
	if (r == 0)
		r = worker_take_slot(worker, job_op_name(worker->spec.op), SLOT_ASK);
	if (r == 0 && worker_is_cancelled(worker))
		r = worker_end(worker, OUTCOME_CANCELLED, job_op_name(worker->spec.op),
			"cancelled before it began");
	if (r == 0 && job_dir_mark_started(worker->dir, &err) < 0)
		r = worker_end_err(
			worker, OUTCOME_SETUP_FAILED, job_op_name(worker->spec.op), &err);
	walk.has_effects = true;
	if (r == 0)
		r = walk_steps(&walk, ground.next, walk.steps.count);
	worker_leave(worker);
	if (r == 0)
		walk_keep_output(&walk);
	ground_release(&ground);
	walk_release(&walk);
	return r;
}

/* ---- the life of a supervisor ---- */

static json_t *isolation_json(const struct worker *worker)
{
	return json_pack("{s:s, s:i}", "tier", sandbox_tier_name(worker->support->tier), "landlock",
		worker->support->landlock_abi);
}

static int write_result(struct worker *worker, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	char sha[SHA256_HEX];
	struct err ignored;

	output_pump(&worker->output, true);
	worker->result.log_blob = "";
	if (blob_put(worker->site->data_dir, worker->dir->fd, JOB_FILE_OUTPUT, log_file_max,
		    BLOB_LINK, sha, &ignored) == 0)
		worker->result.log_blob = sha;
	worker->result.ended_ms = clock_wall_ms(&clock_system);
	json = job_result_write(&worker->result);
	json_object_set_new(json, "isolation", isolation_json(worker));
	return job_dir_result(
		worker->dir, json, job_repeat_class(worker->spec.op) == REPEAT_NEVER, err);
}

/* What was done is not forgotten because there is no room to write it down: it waits for room, and
 * the lock shows meanwhile that the job is not over. What can be done again does not wait for ever.
 */
static int keep_result(struct worker *worker, struct err *err)
{
	const struct timespec rest = { .tv_sec = 1 };
	bool is_precious = job_repeat_class(worker->spec.op) == REPEAT_NEVER;
	int r = write_result(worker, err);

	if (r < 0 && err->class == ERR_CLASS_TEMP)
		dprintf(STDERR_FILENO,
			"job %lld-%d: its result cannot be written yet, and is tried again: %s\n",
			(long long)worker->spec.job.v, worker->spec.attempt, err->text);
	for (int tries = 0;
		r < 0 && err->class == ERR_CLASS_TEMP && (is_precious || tries < RESULT_TRIES);
		tries++) {
		nanosleep(&rest, NULL);
		r = write_result(worker, err);
	}
	return r;
}

/* The version that the project asks for, or the one this machine has. */
static int find_program(struct worker *worker)
{
	const struct job_spec *spec = &worker->spec;
	struct err err;

	worker->program = worker->tool->program == NULL ? NULL
							: worker->tool->program(worker->site);
	if (str_empty(spec->tool_version) || worker->tool == &tool_git)
		return 0;
	if (toolbox_find(worker->site,
		    &(struct tool_wish){ spec->tool, spec->tool_version, spec->tool_sha256,
			    spec->tool_mirror, spec->tool_archive },
		    &worker->arena, &worker->program, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "tool", &err);
	worker->context.program = worker->program;
	return 0;
}

static int check_machine(struct worker *worker)
{
	const char *program;
	struct stat st;

	if (find_program(worker) < 0)
		return -ERR_JOB;
	program = worker->program;
	if (worker->tool->program == NULL)
		return 0;
	if (str_empty(program))
		return worker_end(worker, OUTCOME_SETUP_FAILED, "tool",
			"%s is not on this machine; the operator of the server must install it",
			worker->spec.tool);
	if (stat(program, &st) < 0 || access(program, X_OK) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "tool",
			"%s cannot be run: %s; the operator of the server must mend it", program,
			strerror(errno));
	if (!S_ISREG(st.st_mode))
		return worker_end(worker, OUTCOME_SETUP_FAILED, "tool",
			"%s is not a program; the operator of the server must mend it", program);
	return 0;
}

static void run_job(struct worker *worker, struct readers *readers)
{
	int r = check_machine(worker);

	if (r == 0 && worker_is_cancelled(worker))
		r = worker_end(worker, OUTCOME_CANCELLED, "", "cancelled before it began");
	if (r < 0)
		return;
	switch (worker->spec.op) {
	case JOB_PREPARE:
		r = git_prepare(worker);
		break;
	case JOB_PLAN:
	case JOB_DRIFT:
		r = worker->tool->builds ? build_run(worker) : run_plan(worker, readers);
		break;
	case JOB_APPLY:
		r = run_apply(worker);
		break;
	case JOB_IMPORT:
		r = run_change(worker, STAGE_IMPORT);
		break;
	case JOB_STATE_RM:
		r = run_change(worker, STAGE_STATE_RM);
		break;
	case JOB_HOOKS:
		r = hooks_run(worker);
		break;
	}
	if (r == 0)
		worker->result.outcome = OUTCOME_OK;
}

/* The readers of the plan are forked first: before there are secrets, and so that they are ready
 * when there is something to read. */
static int readers_start(struct readers *readers, enum job_op op,
	const struct sandbox_support *support, int job_fd, struct err *err)
{
	int r;

	readers->json_fd = openat(job_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (readers->json_fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot make a file of the job");
	r = confined_start(&readers->summary, support,
		op == JOB_DRIFT ? tf_plan_interpret_drift : tf_plan_interpret, readers->json_fd,
		err);
	return r < 0 || op == JOB_DRIFT ? r
					: plan_config_start(&readers->config, support, job_fd, err);
}

static void readers_release(struct readers *readers)
{
	confined_release(&readers->summary);
	plan_config_release(&readers->config);
	fd_closep(&readers->json_fd);
}

/*~ 13. A supervisor in a session of its own, which lives on when server and launcher die. Its
 * lock in the folder is the proof that it lives. */
static int supervise_in(const struct site *site, const struct sandbox_support *support,
	struct job_dir *dir, int line, struct err *err)
{
	struct readers readers = {
		.summary = { .go_fd = -1, .answer_fd = -1 }, .config = PLAN_CONFIG, .json_fd = -1
	};
	struct way_out way_out = { .control = -1 };
	struct worker worker = { .wake_fd = -1 };
	struct arena arena = { 0 };
	struct job_spec spec;
	int r;

	r = job_dir_spec(dir, &arena, &spec, err);
	if (r == 0 && job_op_plans(spec.op) && kind_is_stack(spec.tool))
		r = readers_start(&readers, spec.op, support, dir->fd, err);
	if (r == 0 && !place_is_near(&spec))
		r = way_out_start(&way_out, site, support, dir->events_fd, err);
	arena_release(&arena);
	if (r == 0) {
		r = worker_open(&worker, site, support, dir, err);
		worker.way_out = &way_out;
		worker.line = line;
		if (r == 0)
			run_job(&worker, &readers);
		else if (worker.spec.job.v != 0)
			r = worker_end_err(&worker, OUTCOME_SETUP_FAILED, "job directory", err);
		/* Without a result and without a first tool it is an attempt that never began. */
		if (worker.spec.job.v != 0 && !worker.is_left)
			r = keep_result(&worker, err);
		json_decref(worker.result.json);
		worker_release(&worker);
	}
	readers_release(&readers);
	way_out_release(&way_out);
	return r;
}

int supervise(
	const struct site *site, const struct sandbox_support *support, const char *job, int line)
{
	_cleanup_free_ char *path = mem_printf("%s/jobs/%s", site->data_dir, job);
	struct job_dir dir;
	struct err err;
	int r;

	r = job_dir_claim(&dir, path, &err);
	if (r == 0)
		r = supervise_in(site, support, &dir, line, &err);
	if (r < 0 && err.code != ERR_REFUSED && err.code != ERR_BUSY) {
		dprintf(STDERR_FILENO, "job %s: %s\n", job, err.text);
		job_dir_say_last(&dir, err.text);
	}
	job_dir_release(&dir);
	return r < 0 ? 1 : 0;
}
