/* Base and head, built and compared. */
#include "runners/build.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/model/job_dir.h"
#include "runners/place.h"
#include "runners/plain.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { FAILURE_MAX = 8 << 10, FAILURE_TAIL = 4 << 10 };
static const int64_t rendered_max = 64LL << 20;

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

static int compare(struct worker *worker, const struct side *base, const struct side *head)
{
	char sha[2][SHA256_HEX];
	struct err err;

	if (lseek(base->fd, 0, SEEK_SET) < 0 || lseek(head->fd, 0, SEEK_SET) < 0)
		return worker_end(
			worker, OUTCOME_SETUP_FAILED, "job directory", "%s", strerror(errno));
	if (codec_sha256_fd(base->fd, sha[0], &err) < 0 ||
		codec_sha256_fd(head->fd, sha[1], &err) < 0)
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "build", &err);
	worker->result.has_changes = !str_equal(sha[0], sha[1]);
	return 0;
}

int build_run(struct worker *worker)
{
	struct side base = { worker->spec.base_tree, JOB_FILE_RENDERED_BASE, -1, false, false },
		    head = { worker->spec.tree, JOB_FILE_RENDERED_HEAD, -1, false, false };
	int r = open_side(worker, &base);

	if (r == 0)
		r = open_side(worker, &head);
	if (r == 0)
		r = build_side(worker, &head);
	if (r == 0)
		r = build_base(worker, &base);
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
