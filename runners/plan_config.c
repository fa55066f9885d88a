/* Copies the plan file for its reader, holds the reader's list against the work tree, and notes
 * what the plan was made with. */
#include "runners/plan_config.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/plan_file.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { TEXT_MAX = 4096, SHOWN_MAX = 10, LOCK_MAX = 1 << 20 };
static const size_t copy_max = 512U << 20;

int plan_config_start(struct plan_config *config, const struct sandbox_support *support, int job_fd,
	struct err *err)
{
	config->copy_fd = openat(job_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return config->copy_fd < 0 ? err_sys(err, ERR_JOB, errno, "cannot make a file of the job")
				   : confined_start(&config->reader, support, plan_file_list,
					     config->copy_fd, err);
}

int plan_config_take(struct plan_config *config, int out_fd, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		out_fd, "tfplan", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t left = copy_max;
	struct stat stat;
	ssize_t moved;

	if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_nlink != 1)
		return err_set(err, ERR_SYNTAX, "the plan file is no ordinary file");
	while (left > 0 && (moved = sendfile(config->copy_fd, fd, NULL, left)) != 0) {
		if (moved < 0)
			return err_sys(err, ERR_JOB, errno, "cannot copy the plan file");
		left -= (size_t)moved;
	}
	confined_go(&config->reader);
	return 0;
}

/* What init left of the project's folder: kept by itself, or among the files of this very job. */
static int open_layer(const struct worker *worker, const struct ground *ground)
{
	_cleanup_free_ char *path = ground->layer != NULL
					    ? mem_printf("%s/%s", ground->layer, worker->spec.dir)
					    : mem_printf("upper/%s", worker->spec.dir);

	return openat(worker->dir->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_tree(const struct worker *worker)
{
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);

	return open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void note_files(struct plan_config *config, struct worker *worker, const json_t *list)
{
	_cleanup_free_ char *text = jsonx_text(list);
	char sha[SHA256_HEX];

	codec_sha256_hex(text, strlen(text), sha);
	config->checks.files = arena_strdup(&worker->arena, sha);
}

static int compare(struct plan_config *config, struct worker *worker, const struct ground *ground,
	struct strvec *ret, struct err *err)
{
	_cleanup_fd_ int tree_fd = open_tree(worker);
	_cleanup_fd_ int layer_fd = open_layer(worker, ground);
	_cleanup_json_ json_t *list = NULL;
	int r = confined_answer(&config->reader, PLAN_FILE_LIST_MAX, &list, err);

	if (r < 0)
		return r;
	note_files(config, worker, list);
	return plan_file_check(list, tree_fd, worker->spec.dir, layer_fd, ret, err);
}

static bool runs_commands(const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (steps->list[i].kind == STEP_KIND_RUN ||
			steps->list[i].kind == STEP_KIND_MULTIENV ||
			steps->list[i].kind == STEP_KIND_ENV)
			return true;
	}
	return false;
}

/*~ 20. Something that ran beside the plan may have rewritten it. A file that holds other
 * configuration than the commit is no plan. */
int plan_config_judge(struct plan_config *config, struct walk *walk, const struct ground *ground)
{
	_cleanup_strvec_ struct strvec differences = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(TEXT_MAX);
	struct err err;
	int r = compare(config, walk->worker, ground, &differences, &err);

	if (r < 0)
		strbuf_puts(&text, err.text);
	for (size_t i = 0; i < differences.count && i < SHOWN_MAX; i++)
		strbuf_printf(&text, "%s%s", i > 0 ? "; " : "", differences.items[i]);
	if (differences.count > SHOWN_MAX)
		strbuf_printf(&text, "; and %zu more", differences.count - SHOWN_MAX);
	config->checks.configuration = text.length == 0 ? "commit" : "commands";
	if (text.length == 0)
		return 0;
	if (!runs_commands(&walk->steps))
		return worker_end(walk->worker, OUTCOME_BAD_RESULT, "plan",
			"the saved plan does not hold the configuration of this commit: %s. "
			"Something that ran during the plan wrote it; nothing of it can be "
			"applied",
			strbuf_text(&text));
	strbuf_printf(&walk->shown,
		"The commands of the workflow changed the configuration that is planned: %s\n",
		strbuf_text(&text));
	return 0;
}

/* ---- what it was made with ---- */

static const char *hash_of(struct worker *worker, int fd)
{
	char sha[SHA256_HEX];
	struct err unreadable;

	return codec_sha256_fd(fd, sha, &unreadable) == 0 ? arena_strdup(&worker->arena, sha) : "";
}

/* The lock file of the commit, or the one that init wrote; code of the pull request may have put
 * anything in its place. */
static const char *lock_of(struct worker *worker, const struct ground *ground)
{
	_cleanup_fd_ int tree_fd = open_tree(worker), layer_fd = open_layer(worker, ground);
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	struct stat stat;

	if (tree_join(worker->spec.dir, ".terraform.lock.hcl", path, sizeof(path)))
		fd = tree_open_inside(tree_fd, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 && layer_fd >= 0)
		fd = tree_open_inside(layer_fd, ".terraform.lock.hcl", O_RDONLY | O_NONBLOCK);
	return fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size <= LOCK_MAX
		       ? hash_of(worker, fd)
		       : "";
}

int plan_config_note(struct plan_config *config, struct worker *worker, const struct ground *ground,
	int json_fd, struct err *err)
{
	struct plan_checks *checks = &config->checks;

	if (lseek(json_fd, 0, SEEK_SET) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot read the plan as JSON");
	checks->rendered = hash_of(worker, json_fd);
	checks->lock = lock_of(worker, ground);
	checks->program = worker->spec.tool_sha256;
	checks->tier = sandbox_tier_name(worker->support->tier);
	return 0;
}

int plan_config_hold(struct worker *worker, const struct ground *ground)
{
	const struct job_spec *spec = &worker->spec;

	if (!str_empty(spec->plan_program) && !str_equal(spec->plan_program, spec->tool_sha256))
		return worker_end(worker, OUTCOME_PLAN_LOST, "apply",
			"%s is now another program than the one that made this plan; nothing was "
			"run: plan again",
			spec->tool);
	if (!str_empty(spec->plan_lock) && !str_equal(spec->plan_lock, lock_of(worker, ground)))
		return worker_end(worker, OUTCOME_PLAN_LOST, "apply",
			"the lock file of providers is not the one this plan was made with; "
			"nothing was run: plan again, or commit .terraform.lock.hcl so that init "
			"cannot choose others");
	return 0;
}

void plan_config_release(struct plan_config *config)
{
	confined_release(&config->reader);
	fd_closep(&config->copy_fd);
}
