/* Base and head, built and compared. */
#include "runners/build.h"

#include "orchestrator/model/job_dir.h"
#include "orchestrator/model/steps.h"
#include "runners/confined.h"
#include "runners/manifests.h"
#include "runners/place.h"
#include "runners/plain.h"
#include "runners/policy.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { FAILURE_MAX = 8 << 10, FAILURE_TAIL = 4 << 10, SUMMARY_MAX = 4 << 20 };
static const int64_t rendered_max = MANIFESTS_BYTES_MAX;

struct side {
	const char *tree, *file;
	int fd;
	bool is_there;	 /* the tree has the folder */
	bool was_broken; /* base: it does not build, which is nobody's fault here */
};

static int open_side(struct worker *worker, struct side *side)
{
	const char *trees = arena_printf(&worker->arena, "%s/repos/%lld/trees/%s",
		worker->site->data_dir, (long long)worker->spec.repo.v, side->tree);
	_cleanup_fd_ int folder = -1;
	struct err err;

	if (str_empty(side->tree) || access(trees, F_OK) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "work tree",
			"the work tree %.12s is gone", side->tree);
	side->fd = openat(worker->dir->fd, side->file,
		O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (side->fd < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "job directory",
			"a file of the job cannot be made: %s", strerror(errno));
	folder = tree_open_dir(trees, worker->spec.dir, &err);
	side->is_there = folder >= 0;
	if (!side->is_there || worker->tool->program != NULL)
		return 0;
	return plain_copy(folder, side->fd, rendered_max, &err) < 0
		       ? worker_end_err(worker, OUTCOME_TOOL_FAILED, "build", &err)
		       : 0;
}

/* ---- one side ---- */

static int run_tool(struct worker *worker, const struct side *side)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	const struct worker_command command = { .name = "build",
		.argv = &argv,
		.env = &env,
		.output = side->fd,
		.errors = -1,
		.cap_bytes = rendered_max,
		.stop = STOP_HARDER };
	struct tool_verdict verdict;
	_cleanup_free_ char *tail = NULL;
	struct err err;
	int status = 0, r;

	if (worker_describe(worker, STEP_BUILD, &argv, &env, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "build", &err);
	r = worker_exec(worker, &command, &status);
	if (r < 0)
		return r;
	tail = output_tail(&worker->output, FAILURE_TAIL);
	worker->tool->interpret(&worker->context, STEP_BUILD, status, tail, &verdict, &failure);
	if (verdict.outcome == OUTCOME_OK)
		return 0;
	worker_keep_tail(worker);
	return worker_end(worker, verdict.outcome, "build", "%s", strbuf_text(&failure));
}

static int build_side(struct worker *worker, const struct side *side)
{
	int r;

	if (!side->is_there || worker->tool->program == NULL)
		return 0;
	r = place_enter_build(worker, side->tree);
	if (r == 0)
		r = run_tool(worker, side);
	worker_leave(worker);
	return r;
}

/* A base that does not build must not hold up the change that mends it. */
static int build_base(struct worker *worker, struct side *side)
{
	int r = build_side(worker, side);

	if (r == 0 || worker->result.outcome != OUTCOME_TOOL_FAILED)
		return r;
	side->was_broken = true;
	worker->result.outcome = OUTCOME_NONE;
	worker->result.failure = worker->result.output = worker->result.step = "";
	worker->result.exit_code = 0;
	return ftruncate(side->fd, 0) < 0 ? worker_end(worker, OUTCOME_SETUP_FAILED,
						    "job directory", "%s", strerror(errno))
					  : 0;
}

/* ---- both ---- */

/* Both sides behind each other, for the child that reads them. */
static int join(struct worker *worker, const struct side *base, const struct side *head, int *ret)
{
	const struct side *const sides[] = { base, head };
	_cleanup_fd_ int file = openat(worker->dir->fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char header[MANIFESTS_HEADER];
	struct stat st;
	bool is_fine = file >= 0 && fstat(base->fd, &st) == 0;

	if (is_fine) {
		manifests_header(header, (size_t)st.st_size, worker->tool->program == NULL);
		is_fine = write(file, header, sizeof(header)) == (ssize_t)sizeof(header);
	}
	for (size_t i = 0; is_fine && i < countof(sides); i++) {
		off_t at = 0;

		is_fine = fstat(sides[i]->fd, &st) == 0;
		while (is_fine && at < st.st_size)
			is_fine = sendfile(file, sides[i]->fd, &at, (size_t)(st.st_size - at)) > 0;
	}
	if (!is_fine)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "job directory",
			"a file of the job cannot be written: %s", strerror(errno));
	*ret = steal_fd(&file);
	return 0;
}

static int read_summary(struct worker *worker, int joined, struct err *err)
{
	struct confined reader;
	int r = confined_start(&reader, worker->support, manifests_interpret, joined, err);

	if (r == 0) {
		confined_go(&reader);
		r = confined_answer(&reader, SUMMARY_MAX, &worker->result.json, err);
	}
	confined_release(&reader);
	if (r < 0)
		return r;
	worker->result.json = mask_json(&worker->mask, worker->result.json);
	worker->result.summary = json_object_get(worker->result.json, "summary");
	r = policy_add_results(worker, worker->result.summary, err);
	if (r < 0)
		return r;
	return worker_read_summary(worker, err);
}

static int compare(struct worker *worker, const struct side *base, const struct side *head)
{
	_cleanup_fd_ int joined = -1;
	struct err err;
	int r = join(worker, base, head, &joined);

	if (r < 0)
		return r;
	return read_summary(worker, joined, &err) < 0
		       ? worker_end(worker, OUTCOME_TOOL_FAILED, "compare",
				 "it was built, but cannot be read: %s", err.text)
		       : 0;
}

/* ---- policies ---- */

/* Steps of a workflow are Terraform's, or commands: what cannot be done here is not passed over. */
static int check_steps(struct worker *worker, const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *step = &steps->list[i];
		bool is_known = step->kind == STEP_KIND_INIT || step->kind == STEP_KIND_PLAN ||
				step->kind == STEP_KIND_SHOW ||
				step->kind == STEP_KIND_POLICY_CHECK;

		if (is_known &&
			(step->extra_arg_count == 0 || step->kind == STEP_KIND_POLICY_CHECK))
			continue;
		return worker_end(worker, OUTCOME_SETUP_FAILED, step_kind_name(step->kind),
			"a project of the kind %s is built by sluice itself: its workflow may have "
			"the steps plan and policy_check, and no commands or arguments beside them",
			worker->spec.tool);
	}
	return 0;
}

/* conftest over what was built of the change. */
static int check_policies(struct worker *worker, const struct side *head)
{
	struct walk walk = { 0 };
	struct stat st;
	int r;

	if (!worker->spec.checks_policies || (fstat(head->fd, &st) == 0 && st.st_size == 0))
		return 0;
	r = walk_open(&walk, worker, STAGE_POLICY_CHECK, &worker->spec.policy_steps);
	for (size_t i = 0; r == 0 && i < walk.steps.count; i++)
		if (walk.steps.list[i].kind == STEP_KIND_POLICY_CHECK)
			r = policy_check(&walk, &walk.steps.list[i]);
	worker_leave(worker);
	walk_release(&walk);
	return r;
}

int build_run(struct worker *worker)
{
	struct side base = { worker->spec.base_tree, JOB_FILE_RENDERED_BASE, -1, false, false },
		    head = { worker->spec.tree, JOB_FILE_RENDERED_HEAD, -1, false, false };
	int r = check_steps(worker, &worker->spec.steps);

	if (r == 0)
		r = check_steps(worker, &worker->spec.policy_steps);
	if (r == 0)
		r = open_side(worker, &base);
	if (r == 0)
		r = open_side(worker, &head);
	if (r == 0)
		r = build_side(worker, &head);
	if (r == 0)
		r = build_base(worker, &base);
	if (r == 0)
		r = check_policies(worker, &head);
	worker_give_slot(worker);
	if (r == 0)
		r = compare(worker, &base, &head);
	if (r == 0 && base.was_broken)
		worker->result.output = "The base branch does not build here, so there is nothing "
					"to compare with: all of it is shown as new.\n";
	fd_closep(&base.fd);
	fd_closep(&head.fd);
	return r;
}
