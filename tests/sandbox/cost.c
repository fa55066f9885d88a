/* What a step costs before it is a step: a program that does nothing, started plainly and in a
 * sandbox, in turns. Prints the medians in milliseconds: "PLAIN SANDBOX". */
#include "orchestrator/lib/jsonx.h"
#include "runners/sandbox.h"
#include "runners/site.h"
#include "runners/tree.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { TURNS = 120 };
static const char program[] = "/bin/true";

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list)
{
	qsort(list, TURNS, sizeof(list[0]), by_size);
	return list[TURNS / 2];
}

static void plain(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void fresh(const struct sandbox_support *support, int dir_fd, const char *name)
{
	_cleanup_fd_ int fd = -1;
	struct err err;

	tree_remove(dir_fd, name);
	(void)!mkdirat(dir_fd, name, 0700);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)!sandbox_give(support, 1, fd, &err);
}

static int in_sandbox(
	const struct sandbox_spec *spec, const struct sandbox_command *command, struct err *err)
{
	struct sandbox_exit end = { 0 };
	struct sandbox box;
	int r = sandbox_enter(spec, &box, err);

	if (r < 0)
		return r;
	r = sandbox_run(&box, 0, command, err);
	while (r == 0)
		r = sandbox_wait(&box, -1, 1000, &end, err);
	sandbox_leave(&box);
	return r < 0 || end.status != 0 || end.exec_errno != 0 ? -1 : 0;
}

static int measure(const struct site *site, const struct sandbox_support *support, struct err *err)
{
	static const char *const folders[] = { "tree", "layer", "upper", "work", "tmp", "out" };
	_cleanup_free_ char *dir = mem_printf("%s/job", site->data_dir);
	_cleanup_free_ char *tree = mem_printf("%s/tree", dir),
			    *layer = mem_printf("%s/layer", dir);
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	_cleanup_fd_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC), dir_fd = -1;
	struct sandbox_command command = {
		.argv = &argv, .env = &env, .output = null, .errors = null
	};
	struct sandbox_spec spec = { .support = support,
		.profile = profile_of(PROFILE_PLAN),
		.site = site,
		.job = 1,
		.job_dir = dir,
		.tree = tree,
		.layer = layer,
		.cwd = ".",
		.lock_fd = -1 };
	static double alone[TURNS], kept[TURNS];

	(void)!chmod(site->data_dir, 0711); /* as the launcher does where there are no mounts */
	(void)!mkdir(dir, 0711);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	strvec_push(&argv, program);
	for (size_t i = 0; i < countof(folders); i++)
		fresh(support, dir_fd, folders[i]);
	for (int turn = 0; turn < TURNS; turn++) {
		double began;

		fresh(support, dir_fd, "upper");
		fresh(support, dir_fd, "work");
		began = now_ms();
		plain();
		alone[turn] = now_ms() - began;
		began = now_ms();
		if (in_sandbox(&spec, &command, err) < 0)
			return -1;
		kept[turn] = now_ms() - began;
	}
	printf("%.3f %.3f\n", median(alone), median(kept));
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_json_ json_t *json = argc == 2 ? json_load_file(argv[1], 0, NULL) : NULL;
	struct sandbox_support support;
	struct err err = { 0 };
	struct site site;
	int r;

	if (json == NULL)
		return 2;
	r = site_read(json, &site, &err);
	if (r == 0)
		r = sandbox_probe(&site, &support, &err);
	if (r == 0)
		r = sandbox_prepare(&site, &support, &err);
	if (r == 0)
		r = measure(&site, &support, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	return r < 0;
}
