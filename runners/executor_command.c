/* Programs of the operator.
 *
 * The end is that of the process itself, not of its output: a daemon that it leaves behind keeps
 * the pipe, and is killed with the session. */
#include "runners/executor_command.h"

#include "orchestrator/lib/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct stream {
	struct command *command;
	struct strbuf text;
	int fd;
	struct loop_poll *poll;
};

struct command {
	pid_t pid; /* 0: reaped */
	int pidfd;
	struct loop_poll *end;
	struct loop_timer *timeout;
	struct stream out, errors;
	char *name;
	int64_t timeout_ms;
	bool is_late;
	command_cb cb;
	void *owner;
};

static void stop(struct command *command)
{
	if (command->pid > 0)
		kill(-command->pid, SIGKILL);
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
	if (stream == &stream->command->out && stream->text.overflowed)
		stop(stream->command);
}

static void on_timeout(void *owner)
{
	struct command *command = owner;

	command->is_late = true;
	stop(command);
}

static int judge(const struct command *command, int status, struct err *err)
{
	const char *name = command->name;

	if (command->is_late)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s took longer than %g s and was stopped", name,
			(double)command->timeout_ms / 1000);
	if (command->out.text.overflowed)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s printed more than %d KiB and was stopped", name,
			COMMAND_OUTPUT_MAX >> 10);
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
	struct command *command = owner;
	struct command_end end;
	struct err err;
	siginfo_t info = { 0 };
	int status = 0;

	if (waitid(P_PID, (id_t)command->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		info.si_pid != command->pid)
		return;
	stop(command); /* what it left behind, while the number is still its own */
	waitpid(command->pid, &status, 0);
	command->pid = 0;
	loop_poll_want(command->end, false, false);
	loop_timer_disarm(command->timeout);
	stream_read(&command->out);
	stream_read(&command->errors);
	end = (struct command_end){ .output = strbuf_text(&command->out.text),
		.length = command->out.text.length,
		.errors = strbuf_text(&command->errors.text) };
	command->cb(command->owner, &end, judge(command, status, &err) < 0 ? &err : NULL);
}

/* ---- starting ---- */

static int spawn(struct command *command, const struct command_order *order, int out, int errors,
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
	failed = posix_spawn(&command->pid, argv->items[0], &actions, &attributes,
		strvec_argv(argv), strvec_argv(order->env));
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (failed == 0)
		return 0;
	command->pid = 0;
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

static void watch_stream(struct loop *loop, struct command *command, struct stream *stream)
{
	stream->command = command;
	stream->poll = loop_poll_new(loop, stream->fd, on_output, stream);
	loop_poll_want(stream->poll, true, false);
}

int command_start(struct loop *loop, const struct command_order *order, command_cb cb, void *owner,
	struct command **ret, struct err *err)
{
	struct command *command = mem_alloc(sizeof(*command));
	_cleanup_fd_ int out = -1, errors = -1;
	int r;

	command->pidfd = command->out.fd = command->errors.fd = -1;
	command->name = mem_strdup(order->argv->items[0]);
	command->timeout_ms = order->timeout_ms;
	command->cb = cb;
	command->owner = owner;
	strbuf_init(&command->out.text, COMMAND_OUTPUT_MAX);
	strbuf_init(&command->errors.text, COMMAND_ERRORS_MAX);
	r = open_pipe(&command->out, &out, err);
	if (r == 0)
		r = open_pipe(&command->errors, &errors, err);
	if (r == 0)
		r = spawn(command, order, out, errors, err);
	if (r == 0) {
		command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
		if (command->pidfd < 0)
			r = err_sys(err, ERR_SYSTEM, errno, "cannot watch a program");
	}
	if (r < 0) {
		command_free(command);
		return r;
	}
	fcntl(command->pidfd, F_SETFD, FD_CLOEXEC);
	watch_stream(loop, command, &command->out);
	watch_stream(loop, command, &command->errors);
	command->end = loop_poll_new(loop, command->pidfd, on_end, command);
	loop_poll_want(command->end, true, false);
	command->timeout = loop_timer_new(loop, on_timeout, command);
	loop_timer_arm(command->timeout, order->timeout_ms);
	*ret = command;
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

void command_free(struct command *command)
{
	if (command == NULL)
		return;
	stop(command);
	if (command->pid > 0)
		waitpid(command->pid, NULL, 0);
	loop_poll_free(command->end);
	fd_closep(&command->pidfd);
	loop_timer_free(command->timeout);
	stream_release(&command->out);
	stream_release(&command->errors);
	free(command->name);
	free(command);
}
