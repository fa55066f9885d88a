/* Copies the plan file for its reader, and holds the reader's list against the work tree. */
#include "runners/plan_config.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/plan_file.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { TEXT_MAX = 4096, SHOWN_MAX = 10 };
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

static int compare(struct plan_config *config, const struct worker *worker,
	const struct ground *ground, struct strvec *ret, struct err *err)
{
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	_cleanup_fd_ int tree_fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int layer_fd = open_layer(worker, ground);
	_cleanup_json_ json_t *list = NULL;
	int r = confined_answer(&config->reader, PLAN_FILE_LIST_MAX, &list, err);

	return r < 0 ? r : plan_file_check(list, tree_fd, worker->spec.dir, layer_fd, ret, err);
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

void plan_config_release(struct plan_config *config)
{
	confined_release(&config->reader);
	fd_closep(&config->copy_fd);
}
