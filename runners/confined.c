/* Children that read foreign bytes and answer in our own words. */
#include "runners/confined.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/output.h"
#include "runners/sandbox.h"
#include "runners/sandbox/clone.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Three descriptors stay, under numbers of their own. */
static bool keep_only(int *in_fd, int *out_fd, int *go_fd)
{
	int *const kept[] = { in_fd, out_fd, go_fd };

	for (int i = 0; i < 3; i++) {
		*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 1000 + i);
		if (*kept[i] < 0)
			return false;
	}
	return close_range(0, 999, 0) == 0 && close_range((unsigned)*go_fd + 1, ~0U, 0) == 0;
}

static _noreturn_ void work_in_child(
	const struct sandbox_support *support, confined_cb work, int in_fd, int out_fd, int go_fd)
{
	char go;

	if (!keep_only(&in_fd, &out_fd, &go_fd) || sandbox_only_compute(support) < 0)
		_exit(70);
	if (read(go_fd, &go, 1) != 1)
		_exit(0);
	_exit(work(in_fd, out_fd));
}

int confined_start(struct confined *child, const struct sandbox_support *support, confined_cb work,
	int in_fd, struct err *err)
{
	_cleanup_fd_ int answer = -1, go_read = -1, go_write = -1;
	int pair[2];

	*child = (struct confined){ .go_fd = -1, .answer_fd = -1 };
	answer = memfd_create("answer", MFD_CLOEXEC);
	if (answer < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot prepare a reader");
	go_read = pair[0];
	go_write = pair[1];
	child->pid = clone_process(0, -1, NULL);
	if (child->pid < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot fork a reader");
	if (child->pid == 0)
		work_in_child(support, work, in_fd, answer, go_read);
	child->go_fd = steal_fd(&go_write);
	child->answer_fd = steal_fd(&answer);
	return 0;
}

void confined_go(struct confined *child)
{
	if (write(child->go_fd, "g", 1) == 1)
		fd_closep(&child->go_fd);
}

static int wait_for_text(
	struct confined *child, size_t cap, char **ret, size_t *ret_length, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int status, r;

	while (waitpid(child->pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return err_sys(err, ERR_SYSTEM, errno, "cannot wait for a reader");
	child->pid = 0;
	r = output_read_fd(child->answer_fd, cap, &text, &length, err);
	if (r < 0)
		return err_wrap(err, "the answer of the reader");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && length > 0)
			return err_set(err, ERR_SYNTAX, "%.300s", text);
		return WIFSIGNALED(status)
			       ? err_set(err, ERR_LIMIT, "the reader was killed by signal %d",
					 WTERMSIG(status))
			       : err_set(err, ERR_SYSTEM, "the reader ended with code %d",
					 WEXITSTATUS(status));
	}
	*ret = steal_ptr(text);
	*ret_length = length;
	return 0;
}

int confined_answer(struct confined *child, size_t cap, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r = wait_for_text(child, cap, &text, &length, err);

	return r < 0 ? r : jsonx_parse(text, length, cap, ret, err);
}

int confined_save(struct confined *child, size_t cap, int file, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0, written = 0;
	int r = wait_for_text(child, cap, &text, &length, err);

	while (r == 0 && written < length) {
		ssize_t n = write(file, text + written, length - written);

		if (n < 0 && errno != EINTR)
			r = err_sys(err, ERR_JOB, errno, "cannot write a file of the job");
		written += n > 0 ? (size_t)n : 0;
	}
	return r;
}

void confined_release(struct confined *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		child->pid = 0;
	}
	fd_closep(&child->go_fd);
	fd_closep(&child->answer_fd);
}
