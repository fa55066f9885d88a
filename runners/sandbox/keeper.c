/* pid 1 of a sandbox: starts tools, reaps everything, passes signals on. When it ends, the kernel
 * ends everything in its process namespace; that is how a job is killed and why nothing survives
 * one.
 *
 * It must not allocate after its start, read files or decide: the supervisor does that. */
#include "runners/sandbox/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ARGS_MAX = 4096, GROUP_LOOK_MS = 20 };

struct keeper {
	int control;
	pid_t tools[SANDBOX_SLOTS];
	/* A tool that was signalled with its group has ended when the group has: a shell dies of
	 * what the program in it only makes ready for its end. */
	bool has_group[SANDBOX_SLOTS];
	pid_t groups[SANDBOX_SLOTS]; /* of tools that ended; 0: none */
	struct keeper_head ends[SANDBOX_SLOTS];
	char packet[KEEPER_PACKET_MAX];
	char *args[ARGS_MAX + 2];
};

static void answer(const struct keeper *keeper, const struct keeper_head *head)
{
	/* The supervisor may be dead; then nobody needs the answer. */
	if (send(keeper->control, head, sizeof(*head), MSG_NOSIGNAL) < 0)
		return;
}

/* The child shares our memory until it execs, so a failed exec is known at once and costs no pipe.
 */
static pid_t spawn(char *const *argv, char *const *envp, int output, int errors, int *ret_errno)
{
	static volatile int failed;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	pid_t pid;

	failed = null < 0 ? errno : 0;
	pid = failed == 0 ? vfork() : -1;
	if (pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		if (dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
			dup2(errors, STDERR_FILENO) >= 0)
			execve(argv[0], argv, envp);
		failed = errno;
		_exit(127);
	}
	if (pid < 0 && failed == 0)
		failed = errno;
	if (null >= 0)
		close(null);
	*ret_errno = failed;
	return pid;
}

static void run(struct keeper *keeper, const struct keeper_head *head, size_t length, int output,
	int errors)
{
	char *at = keeper->packet + sizeof(*head), *end = keeper->packet + length;
	size_t total = (size_t)head->argc + head->envc, i, slot = (size_t)head->slot;
	struct keeper_head reply = { .word = KEEPER_EXITED, .slot = head->slot };
	char **next = keeper->args;

	if (total > ARGS_MAX || slot >= SANDBOX_SLOTS)
		return;
	for (i = 0; i < total && at < end; i++) {
		*next++ = at;
		if (i + 1 == head->argc)
			*next++ = NULL;
		at += strlen(at) + 1;
	}
	*next = NULL;
	keeper->has_group[slot] = false;
	keeper->groups[slot] = 0;
	keeper->tools[slot] = spawn(
		keeper->args, keeper->args + head->argc + 1, output, errors, &reply.value);
	if (reply.value == 0)
		return;
	if (keeper->tools[slot] > 0)
		waitpid(keeper->tools[slot], NULL, 0);
	keeper->tools[slot] = 0;
	reply.by_signal = -1;
	answer(keeper, &reply);
}

static bool has_held(const struct keeper *keeper)
{
	for (int slot = 0; slot < SANDBOX_SLOTS; slot++)
		if (keeper->groups[slot] != 0)
			return true;
	return false;
}

static void answer_held(struct keeper *keeper)
{
	for (int slot = 0; slot < SANDBOX_SLOTS; slot++) {
		if (keeper->groups[slot] == 0 || kill(-keeper->groups[slot], 0) == 0)
			continue;
		keeper->groups[slot] = 0;
		answer(keeper, &keeper->ends[slot]);
	}
}

static void signal_tools(const struct keeper_head *head, struct keeper *keeper)
{
	for (int slot = 0; slot < SANDBOX_SLOTS; slot++) {
		pid_t pid = keeper->tools[slot] > 0 ? keeper->tools[slot] : keeper->groups[slot];

		if (pid <= 0)
			continue;
		keeper->has_group[slot] = head->by_signal != 0;
		kill(keeper->has_group[slot] ? -pid : pid, head->value);
	}
}

static void reap(struct keeper *keeper)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		for (int slot = 0; slot < SANDBOX_SLOTS; slot++) {
			if (keeper->tools[slot] != pid)
				continue;
			keeper->tools[slot] = 0;
			keeper->ends[slot] = (struct keeper_head){ .word = KEEPER_EXITED,
				.slot = slot,
				.by_signal = WIFSIGNALED(status),
				.value = WIFSIGNALED(status) ? WTERMSIG(status)
							     : WEXITSTATUS(status) };
			if (keeper->has_group[slot])
				keeper->groups[slot] = pid;
			else
				answer(keeper, &keeper->ends[slot]);
		}
	}
}

/* One packet. False: the supervisor is gone. */
static bool serve_packet(struct keeper *keeper)
{
	struct keeper_head head;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	struct iovec part = { keeper->packet, sizeof(keeper->packet) - 1 };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	ssize_t length = recvmsg(keeper->control, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[2] = { -1, -1 };

	if (length <= 0)
		return length < 0 && errno == EINTR;
	if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(cmsg), sizeof(fds));
	if ((size_t)length >= sizeof(head)) {
		keeper->packet[length] = '\0';
		memcpy(&head, keeper->packet, sizeof(head));
		if (head.word == KEEPER_RUN && fds[0] >= 0 && fds[1] >= 0)
			run(keeper, &head, (size_t)length, fds[0], fds[1]);
		if (head.word == KEEPER_SIGNAL)
			signal_tools(&head, keeper);
	}
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return true;
}

static bool is_idle(const struct keeper *keeper)
{
	for (int slot = 0; slot < SANDBOX_SLOTS; slot++)
		if (keeper->tools[slot] != 0 || keeper->groups[slot] != 0)
			return false;
	return true;
}

/* The set-up is done. Whoever has the listener has the other end of the sandbox's only way out. */
static void tell_ready(int control, int listener)
{
	struct keeper_head head = { .word = KEEPER_READY };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { 0 };
	struct iovec part = { &head, sizeof(head) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (listener >= 0) {
		struct cmsghdr *cmsg;

		message.msg_control = room.bytes;
		message.msg_controllen = sizeof(room.bytes);
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &listener, sizeof(listener));
	}
	if (sendmsg(control, &message, MSG_NOSIGNAL) < 0)
		_exit(1);
	if (listener >= 0)
		close(listener);
}

void keeper_serve(int control, int listener, bool outlives_us)
{
	static struct keeper keeper;
	struct signalfd_siginfo info;
	bool alone = false;
	sigset_t children;
	int children_fd;

	keeper.control = control;
	sigfillset(&children);
	sigprocmask(SIG_SETMASK, &children, NULL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children_fd < 0)
		_exit(1);
	tell_ready(control, listener);
	for (;;) {
		struct pollfd polls[] = { { .fd = alone ? -1 : control, .events = POLLIN },
			{ .fd = children_fd, .events = POLLIN } };

		if (alone && is_idle(&keeper))
			_exit(0);
		/* the last of a group may be nobody's child of ours */
		if (poll(polls, 2, has_held(&keeper) ? GROUP_LOOK_MS : -1) < 0 && errno != EINTR)
			_exit(1);
		if (polls[1].revents != 0) {
			while (read(children_fd, &info, sizeof(info)) > 0)
				;
			reap(&keeper);
		}
		answer_held(&keeper);
		if (polls[0].revents != 0 && !serve_packet(&keeper)) {
			/* Nobody is left to write a result. What may be repeated ends here; an
			 * apply runs to its end, because half an apply helps nobody. */
			if (!outlives_us)
				_exit(0);
			alone = true;
		}
	}
}
