/* Programs of the operator.
 *
 * The end is that of the process itself, not of its output: a daemon that it leaves behind keeps
 * the pipe, and is killed with the session. */
#include "orchestrator/lib/program.h"

#include "orchestrator/lib/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct stream {
	struct program *program;
	struct strbuf text;
	int fd;
	struct loop_poll *poll;
};

struct program {
	pid_t pid; /* 0: reaped */
	int pidfd;
	struct loop_poll *end;
	struct loop_timer *timeout;
	struct stream out, errors;
	char *name;
	int64_t timeout_ms;
	bool is_late;
	program_cb cb;
	void *owner;
};

static void stop(struct program *program)
{
	if (program->pid > 0)
		kill(-program->pid, SIGKILL);
}

static void stream_read(struct stream *stream)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(stream->fd, bytes, sizeof(bytes))) > 0)
		strbuf_append(&stream->text, bytes, (size_t)got);
	explicit_bzero(bytes, sizeof(bytes));
	if (got == 0 || errno != EAGAIN)
		loop_poll_want(stream->poll, false, false);
}

static void on_output(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct stream *stream = owner;

	stream_read(stream);
	if (stream == &stream->program->out && stream->text.overflowed)
		stop(stream->program);
}

static void on_timeout(void *owner)
{
	struct program *program = owner;

	program->is_late = true;
	stop(program);
}

static int judge(const struct program *program, int status, struct err *err)
{
	const char *name = program->name;

	if (program->is_late)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s took longer than %g s and was stopped", name,
			(double)program->timeout_ms / 1000);
	if (program->out.text.overflowed)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s printed more than %d KiB and was stopped", name,
			PROGRAM_OUTPUT_MAX >> 10);
	if (WIFSIGNALED(status))
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s was killed by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s ended with exit code %d", name, WEXITSTATUS(status));
	return 0;
}

static void on_end(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct program *program = owner;
	struct program_end end;
	struct err err;
	siginfo_t info = { 0 };
	int status = 0;

	if (waitid(P_PID, (id_t)program->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		info.si_pid != program->pid)
		return;
	stop(program); /* what it left behind, while the number is still its own */
	waitpid(program->pid, &status, 0);
	program->pid = 0;
	loop_poll_want(program->end, false, false);
	loop_timer_disarm(program->timeout);
	stream_read(&program->out);
	stream_read(&program->errors);
	end = (struct program_end){ .output = strbuf_text(&program->out.text),
		.length = program->out.text.length,
		.errors = strbuf_text(&program->errors.text) };
	program->cb(program->owner, &end, judge(program, status, &err) < 0 ? &err : NULL);
}

/* ---- starting ---- */

static int spawn(struct program *program, const struct program_order *order, int out, int errors,
	struct err *err)
{
	const struct strvec *argv = order->argv;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int failed;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, errors, 2);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	failed = posix_spawn(&program->pid, argv->items[0], &actions, &attributes,
		strvec_argv(argv), strvec_argv(order->env));
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (failed == 0)
		return 0;
	program->pid = 0;
	return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG, "%.100s cannot be started: %s",
		argv->items[0], strerror(failed));
}

/* The reading end does not block; *ret_other is what the program writes into. */
static int open_pipe(struct stream *stream, int *ret_other, struct err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make a pipe");
	stream->fd = pair[0];
	/* not 0 to 2: a descriptor onto itself would stay close-on-exec */
	*ret_other = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	close(pair[1]);
	if (*ret_other < 0 || fcntl(stream->fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make a pipe");
	return 0;
}

static void watch_stream(struct loop *loop, struct program *program, struct stream *stream)
{
	stream->program = program;
	stream->poll = loop_poll_new(loop, stream->fd, on_output, stream);
	loop_poll_want(stream->poll, true, false);
}

int program_start(struct loop *loop, const struct program_order *order, program_cb cb, void *owner,
	struct program **ret, struct err *err)
{
	struct program *program = mem_alloc(sizeof(*program));
	_cleanup_fd_ int out = -1, errors = -1;
	int r;

	program->pidfd = program->out.fd = program->errors.fd = -1;
	program->name = mem_strdup(order->argv->items[0]);
	program->timeout_ms = order->timeout_ms;
	program->cb = cb;
	program->owner = owner;
	strbuf_init(&program->out.text, PROGRAM_OUTPUT_MAX);
	strbuf_init(&program->errors.text, PROGRAM_ERRORS_MAX);
	r = open_pipe(&program->out, &out, err);
	if (r == 0)
		r = open_pipe(&program->errors, &errors, err);
	if (r == 0)
		r = spawn(program, order, out, errors, err);
	if (r == 0) {
		program->pidfd = (int)syscall(SYS_pidfd_open, program->pid, 0);
		if (program->pidfd < 0)
			r = err_sys(err, ERR_SYSTEM, errno, "cannot watch a program");
	}
	if (r < 0) {
		program_free(program);
		return r;
	}
	fcntl(program->pidfd, F_SETFD, FD_CLOEXEC);
	watch_stream(loop, program, &program->out);
	watch_stream(loop, program, &program->errors);
	program->end = loop_poll_new(loop, program->pidfd, on_end, program);
	loop_poll_want(program->end, true, false);
	program->timeout = loop_timer_new(loop, on_timeout, program);
	loop_timer_arm(program->timeout, order->timeout_ms);
	*ret = program;
	return 0;
}

static void stream_release(struct stream *stream)
{
	loop_poll_free(stream->poll);
	fd_closep(&stream->fd);
	if (stream->text.data != NULL)
		explicit_bzero(stream->text.data, stream->text.length);
	strbuf_release(&stream->text);
}

void program_free(struct program *program)
{
	if (program == NULL)
		return;
	stop(program);
	if (program->pid > 0)
		waitpid(program->pid, NULL, 0);
	loop_poll_free(program->end);
	fd_closep(&program->pidfd);
	loop_timer_free(program->timeout);
	stream_release(&program->out);
	stream_release(&program->errors);
	free(program->name);
	free(program);
}
