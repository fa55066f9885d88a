/* The order of the steps of each kind of job.
 *
 *     prepare:  git
 *     plan:     [init [workspace]] -> plan -> show (both forms) -> summary, plan blob
 *     apply:    the plan's bytes are checked -> [init [workspace]] -> started (durable) -> apply
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
#include "orchestrator/model/plan_summary.h"
#include "orchestrator/model/prepared.h"
#include "runners/blob.h"
#include "runners/confined.h"
#include "runners/diagnostic.h"
#include "runners/init_cache.h"
#include "runners/kept_state.h"
#include "runners/tf_plan.h"
#include "runners/tree.h"
#include "runners/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { SUMMARY_MAX = 4 << 20, PLAN_TEXT_MAX = 32 << 20, FAILURE_MAX = 8 << 10 };
static const int64_t plan_file_max = 1LL << 30, log_file_max = 8LL << 30;

/* ---- prepare ---- */

static void read_error_answer(struct worker *worker, const json_t *answer)
{
	struct err err;
	struct jsonx reader = jsonx_reader(answer, "the answer of git", &err);
	const char *text = jsonx_string_or(&reader, "error", "");

	if (!str_empty(text))
		worker->result.failure = arena_strdup(&worker->arena, text);
}

static int run_prepare(struct worker *worker)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct tool_verdict verdict;
	struct prepared prepared;
	json_t *answer = NULL;
	struct err err;
	int r, ended;

	ended = worker_enter_bare(worker);
	if (ended < 0)
		return ended;
	ended = worker_step(worker, STEP_PREPARE, &verdict, &failure);
	worker_leave(worker);
	if (ended < 0 && worker->result.outcome != OUTCOME_TOOL_FAILED &&
		worker->result.outcome != OUTCOME_CONFLICT)
		return ended;
	r = jsonx_read_at(worker->dir->fd, SUPERVISE_ANSWER, JOB_RESULT_MAX / 2, &answer, &err);
	if (r < 0)
		return ended < 0 ? ended
				 : worker_end_err(worker, OUTCOME_BAD_RESULT, "prepare", &err);
	worker->result.json = answer;
	if (worker->result.outcome == OUTCOME_TOOL_FAILED) {
		read_error_answer(worker, answer);
		return ended;
	}
	worker->result.prepared = json_object_get(answer, "prepared");
	r = prepared_read(worker->result.prepared, &worker->arena, &prepared, &err);
	if (r < 0) {
		worker->result.prepared = NULL;
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "prepare", &err);
	}
	return ended;
}

/* ---- init ---- */

struct layer {
	char *entry;
	char *path; /* entry/layer */
	struct backend backend;
	bool was_cached;
};

static void layer_release(struct layer *layer)
{
	free(layer->entry);
	free(layer->path);
	*layer = (struct layer){ 0 };
}

static char *tree_path(const struct worker *worker)
{
	return mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
}

/* Where the state is, says a file that init wrote from what the pull request says. */
static int read_backend(struct worker *worker, json_t **ret, struct err *err)
{
	_cleanup_free_ char *name = mem_printf(
		"upper/%s/.terraform/terraform.tfstate", worker->spec.dir);
	_cleanup_fd_ int fd = openat(
		worker->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct confined reader;
	int r;

	if (fd < 0) {
		*ret = json_pack("{s:b}", "local", 1);
		return 0;
	}
	r = confined_start(&reader, worker->support->parts, kept_state_scan, fd, err);
	if (r == 0) {
		confined_go(&reader);
		r = confined_answer(&reader, 64 << 10, ret, err);
	}
	confined_release(&reader);
	return r < 0 ? err_wrap(err, "the backend of the project") : 0;
}

/* Init in a sandbox of its own, so that nothing but init has written what is kept of it. */
static int run_init(struct worker *worker, struct layer *layer)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	bool is_default = str_empty(worker->spec.workspace) ||
			  str_equal(worker->spec.workspace, "default");
	const struct backend guess = { .is_local = true, .path = "", .workspace_dir = "" };
	_cleanup_json_ json_t *backend = NULL;
	struct kept_state state;
	struct tool_verdict verdict;
	struct err err;
	int r;

	r = kept_state_find(
		worker->site->data_dir, &worker->spec, &guess, &worker->arena, &state, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "state", &err);
	r = worker_enter(worker, NULL, &state, false);
	if (r == 0)
		r = worker_step(worker, STEP_INIT, &verdict, &failure);
	if (r == 0 && !is_default)
		r = worker_step(worker, STEP_WORKSPACE, &verdict, &failure);
	worker_leave(worker);
	if (r < 0)
		return r;
	if (read_backend(worker, &backend, &err) < 0 ||
		init_cache_save(layer->entry, worker->dir->fd, &worker->spec, backend, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "init", &err);
	return 0;
}

static int open_layer(struct worker *worker, struct layer *layer)
{
	_cleanup_json_ json_t *backend = NULL;
	_cleanup_fd_ int entry = -1;
	struct err err;

	entry = open(layer->entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "init",
			"the init cache is gone: %s", strerror(errno));
	if (jsonx_read_at(entry, "backend.json", 64 << 10, &backend, &err) < 0 ||
		kept_state_backend(backend, &worker->arena, &layer->backend, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "init", &err);
	free(layer->path);
	layer->path = mem_printf("%s/layer", layer->entry);
	return 0;
}

static int find_layer(struct worker *worker, struct layer *layer)
{
	_cleanup_free_ char *tree = tree_path(worker);
	char fingerprint[SHA256_HEX];
	struct err err;
	int r, folder;

	folder = tree_open_dir(tree, worker->spec.dir, &err);
	if (folder < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "work tree", &err);
	close(folder);
	r = init_cache_fingerprint(worker->site, worker->tool->program(worker->site), &worker->spec,
		tree, fingerprint, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "work tree", &err);
	layer->entry = init_cache_path(worker->site, &worker->spec, fingerprint);
	layer->was_cached = init_cache_has(layer->entry);
	r = layer->was_cached ? 0 : run_init(worker, layer);
	return r < 0 ? r : open_layer(worker, layer);
}

/* ---- plan ---- */

static int plan_once(struct worker *worker, struct layer *layer, struct tool_verdict *verdict)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct kept_state state;
	struct err err;
	int r;

	r = kept_state_find(worker->site->data_dir, &worker->spec, &layer->backend, &worker->arena,
		&state, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "state", &err);
	r = worker_enter(worker, layer->path, &state, false);
	return r < 0 ? r : worker_step(worker, STEP_PLAN, verdict, &failure);
}

/* What was kept of init may not fit any more (the state asks for another provider, a folder it
 * links to is gone): then it is made again, once. */
static int plan_with_layer(struct worker *worker, struct layer *layer, struct tool_verdict *verdict)
{
	int r = plan_once(worker, layer, verdict);

	if (r == 0 || !verdict->wants_init || !layer->was_cached)
		return r;
	worker_leave(worker);
	init_cache_drop(layer->entry, &worker->spec);
	worker->result.outcome = OUTCOME_NONE;
	worker->result.failure = worker->result.output = "";
	layer->was_cached = false;
	r = run_init(worker, layer);
	if (r == 0)
		r = open_layer(worker, layer);
	return r < 0 ? r : plan_once(worker, layer, verdict);
}

static void keep_plan_text(struct worker *worker, const struct mask *hidden, int text_fd)
{
	_cleanup_free_ char *text = NULL, *masked = NULL, *shown = NULL, *cut = NULL;
	size_t length = 0;
	struct err err;

	if (output_read_fd(text_fd, PLAN_TEXT_MAX, &text, &length, &err) < 0)
		return;
	masked = mask_text(&worker->mask, text, NULL);
	shown = mask_text(hidden, masked, NULL);
	cut = diagnostic_middle_cut(shown, strlen(shown), JOB_OUTPUT_MAX - 1);
	worker->result.output = arena_strdup(&worker->arena, cut);
}

static int read_answer(
	struct worker *worker, struct confined *reader, struct mask *hidden, struct err *err)
{
	struct plan_summary summary;
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
	r = plan_summary_read(worker->result.summary, &worker->arena, &summary, err);
	if (r < 0)
		worker->result.summary = NULL;
	return r;
}

/* The plan becomes a blob while the reader works. What the reader found to be secret is taken out
 * of the texts that the tool wrote; a text that cannot be cleaned is not kept. */
static int keep_plan(struct worker *worker, struct confined *reader, int text_fd)
{
	_cleanup_fd_ int out = openat(worker->dir->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mask hidden = { 0 };
	char sha[SHA256_HEX];
	struct err err;
	int r;

	confined_go(reader);
	r = blob_put(worker->site->data_dir, out, "tfplan", plan_file_max, BLOB_MOVE, sha, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "plan", &err);
	r = read_answer(worker, reader, &hidden, &err);
	if (r == 0)
		r = output_mask_again(&worker->output, worker->dir->fd, &hidden, &err);
	if (r == 0)
		keep_plan_text(worker, &hidden, text_fd);
	mask_release(&hidden);
	if (r < 0)
		return worker_end(worker, OUTCOME_BAD_RESULT, "show",
			"the plan was made, but cannot be read: %s", err.text);
	worker->result.plan_blob = arena_strdup(&worker->arena, sha);
	return 0;
}

static int run_plan(struct worker *worker, struct confined *reader, int json_fd)
{
	struct tool_verdict verdict = { 0 };
	_cleanup_fd_ int text_fd = -1;
	struct layer layer = { 0 };
	int r;

	text_fd = openat(worker->dir->fd, "out", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (text_fd < 0)
		return worker_end(
			worker, OUTCOME_SETUP_FAILED, "job directory", "%s", strerror(errno));
	r = find_layer(worker, &layer);
	if (r == 0)
		r = plan_with_layer(worker, &layer, &verdict);
	if (r == 0)
		r = worker_show(worker, json_fd, text_fd);
	worker_leave(worker);
	if (r == 0)
		r = keep_plan(worker, reader, text_fd);
	if (r == 0) {
		worker->result.outcome = OUTCOME_OK;
		worker->result.has_changes = verdict.has_changes;
	}
	layer_release(&layer);
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

static void keep_output(struct worker *worker)
{
	_cleanup_free_ char *tail = output_tail(&worker->output, JOB_OUTPUT_MAX - 1);

	worker->result.output = arena_strndup(
		&worker->arena, tail, codec_utf8_prefix(tail, strlen(tail)));
}

static int run_apply(struct worker *worker)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct tool_verdict verdict;
	struct layer layer = { 0 };
	struct kept_state state;
	struct err err;
	int r;

	r = take_plan(worker);
	if (r == 0)
		r = find_layer(worker, &layer);
	if (r == 0 && kept_state_find(worker->site->data_dir, &worker->spec, &layer.backend,
			      &worker->arena, &state, &err) < 0)
		r = worker_end_err(worker, OUTCOME_SETUP_FAILED, "state", &err);
	if (r == 0)
		r = worker_enter(worker, layer.path, &state, true);
	if (r == 0)
		r = begin_apply(worker);
	if (r == 0)
		r = worker_step(worker, STEP_APPLY, &verdict, &failure);
	worker_leave(worker);
	if (r == 0) {
		keep_output(worker);
		worker->result.outcome = OUTCOME_OK;
	}
	layer_release(&layer);
	return r;
}

/* ---- the life of a supervisor ---- */

static json_t *isolation_json(const struct worker *worker)
{
	json_t *names = json_array();

	for (unsigned i = 0; sandbox_part_name(i) != NULL; i++)
		if (worker->parts_used & (1U << i))
			json_array_append_new(names, json_string(sandbox_part_name(i)));
	return names;
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

static int check_machine(struct worker *worker)
{
	const char *program = worker->tool->program(worker->site);

	if (worker->support->parts == 0 && !worker->site->may_run_bare)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "sandbox",
			"this machine forbids namespaces (%s); allow them, or run without "
			"isolation",
			worker->support->why_not);
	if (str_empty(program) || access(program, X_OK) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "tool",
			"%s is not on this machine%s%s", worker->spec.tool,
			str_empty(program) ? "" : " at ", program);
	return 0;
}

static void run_job(struct worker *worker, struct confined *reader, int json_fd)
{
	int r = check_machine(worker);

	if (r == 0 && worker_is_cancelled(worker))
		r = worker_end(worker, OUTCOME_CANCELLED, "", "cancelled before it began");
	if (r < 0)
		return;
	switch (worker->spec.op) {
	case JOB_PREPARE:
		r = run_prepare(worker);
		break;
	case JOB_PLAN:
		r = run_plan(worker, reader, json_fd);
		break;
	case JOB_APPLY:
		r = run_apply(worker);
		break;
	case JOB_IMPORT:
	case JOB_STATE_RM:
	case JOB_HOOKS:
		r = worker_end(worker, OUTCOME_SETUP_FAILED, "", "this runner has no job %s",
			job_op_name(worker->spec.op));
		break;
	}
	if (r == 0)
		worker->result.outcome = OUTCOME_OK;
}

/* The reader of the plan is forked first: before there are secrets, and so that it is ready when
 * there is something to read. */
static int supervise_in(const struct site *site, const struct sandbox_support *support,
	struct job_dir *dir, struct err *err)
{
	struct confined reader = { .pidfd = -1, .go_fd = -1, .answer_fd = -1 };
	_cleanup_fd_ int json_fd = -1;
	struct worker worker = { .wake_fd = -1 };
	struct arena arena = { 0 };
	struct job_spec spec;
	int r;

	r = job_dir_spec(dir, &arena, &spec, err);
	if (r == 0 && spec.op == JOB_PLAN) {
		json_fd = openat(dir->fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		r = json_fd < 0 ? err_sys(err, ERR_JOB, errno, "cannot make a file of the job")
				: confined_start(
					  &reader, support->parts, tf_plan_interpret, json_fd, err);
	}
	arena_release(&arena);
	if (r == 0) {
		r = worker_open(&worker, site, support, dir, err);
		if (r == 0)
			run_job(&worker, &reader, json_fd);
		else if (worker.spec.job.v != 0)
			r = worker_end_err(&worker, OUTCOME_SETUP_FAILED, "job directory", err);
		if (worker.spec.job.v != 0)
			r = write_result(&worker, err);
		json_decref(worker.result.json);
		worker_release(&worker);
	}
	confined_release(&reader);
	return r;
}

int supervise(const struct site *site, const struct sandbox_support *support, const char *job)
{
	_cleanup_free_ char *path = mem_printf("%s/jobs/%s", site->data_dir, job);
	struct job_dir dir;
	struct err err;
	int r;

	r = job_dir_claim(&dir, path, &err);
	if (r == 0)
		r = supervise_in(site, support, &dir, &err);
	if (r < 0 && err.code != ERR_REFUSED && err.code != ERR_BUSY)
		dprintf(STDERR_FILENO, "job %s: %s\n", job, err.text);
	job_dir_release(&dir);
	return r < 0 ? 1 : 0;
}
