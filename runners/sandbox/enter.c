/* The parent's side of a sandbox: makes the first process inside, gives it commands, ends it. */
#include "runners/sandbox.h"
#include "runners/sandbox/clone.h"
#include "runners/sandbox/keeper.h"
#include "runners/sandbox/root.h"
#include "runners/sandbox/setup.h"
#include "runners/site.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- the child, until it is the keeper ---- */

static _noreturn_ void become_keeper(struct setup *setup)
{
	struct keeper_head head = { .word = KEEPER_FAILED };
	const char *failed = setup_run(setup);

	if (failed == NULL)
		keeper_serve(
			setup->control, setup->listener, setup->spec->profile->outlives_supervisor);
	head.value = errno;
	snprintf(head.stage, sizeof(head.stage), "%s%s%s", failed, setup->detail != NULL ? " " : "",
		setup->detail != NULL ? setup->detail : "");
	send(setup->control, &head, sizeof(head), MSG_NOSIGNAL);
	_exit(1);
}

/* ---- the parent ---- */

/* The first word of the keeper: ready, perhaps with the door to the proxy, or what failed. */
static int await_ready(struct sandbox *box, struct err *err)
{
	struct keeper_head head;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { 0 };
	struct iovec part = { &head, sizeof(head) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	struct cmsghdr *cmsg;
	ssize_t got;

	do
		got = recvmsg(box->control, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	cmsg = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&box->listener, CMSG_DATA(cmsg), sizeof(box->listener));
	if (box->listener >= 0 && box->proxy_port == 0)
		box->proxy_port = SANDBOX_PROXY_PORT;
	if (got == (ssize_t)sizeof(head) && head.word == KEEPER_READY)
		return 0;
	if (got == (ssize_t)sizeof(head) && head.word == KEEPER_FAILED) {
		head.stage[sizeof(head.stage) - 1] = '\0';
		return err_sys(err, ERR_JOB, head.value, "sandbox: %s", head.stage);
	}
	return err_set(err, ERR_JOB, "sandbox: its first process died before it was ready");
}

/* Without a process namespace we are the one to whom orphans fall, and end them one by one. */
static size_t read_children(pid_t *out, size_t most)
{
	FILE *stream = fopen("/proc/thread-self/children", "re");
	size_t count = 0;

	while (stream != NULL && count < most && fscanf(stream, "%d", &out[count]) == 1)
		count++;
	if (stream != NULL)
		fclose(stream);
	return count;
}

static bool was_there(const struct sandbox *box, pid_t pid)
{
	for (size_t i = 0; i < SANDBOX_OTHERS_MAX; i++)
		if (box->others[i] == pid)
			return true;
	return false;
}

static void end_orphans(const struct sandbox *box)
{
	pid_t children[64];
	bool again = true;

	while (again) {
		size_t count = read_children(children, countof(children));

		again = false;
		for (size_t i = 0; i < count; i++) {
			if (was_there(box, children[i]))
				continue;
			again = true;
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, __WALL);
		}
	}
}

static bool fill_setup(const struct sandbox_spec *spec, struct setup *ret)
{
	const struct sandbox_support *support = spec->support;
	bool is_full = support->tier == SANDBOX_FULL;

	*ret = (struct setup){ .spec = spec, .control = -1, .listener = -1 };
	ret->has_users = is_full && !support->is_root;
	ret->identity = (struct identity){ .uid = sandbox_uid(support, spec->job),
		.gid = sandbox_gid(support),
		.changes = support->is_root,
		.has_rights = support->is_root || is_full,
		.kept = support->is_root && spec->reads_all ? CAP_DAC_READ_SEARCH : -1 };
	return !is_full || root_path_of(spec, ret->root, sizeof(ret->root));
}

/* Without a network of its own the job gets a port of the machine, the only one it may connect to.
 */
static int open_door(int *ret_port)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return -1;
	*ret_port = ntohs(address.sin_port);
	return steal_fd(&fd);
}

/* Where clone3 is said not to exist, the child begins in our group and is moved. */
static pid_t clone_in(const struct cgroup *group, uint64_t flags, int *ret_pidfd, bool *ret_inside)
{
	pid_t pid = group->v2_fd < 0 ? -1 : clone_process(flags, group->v2_fd, ret_pidfd);

	*ret_inside = pid >= 0;
	return pid >= 0 || (group->v2_fd >= 0 && errno != ENOSYS)
		       ? pid
		       : clone_process(flags, -1, ret_pidfd);
}

int sandbox_enter(const struct sandbox_spec *spec, struct sandbox *ret, struct err *err)
{
	pid_t pid, others[SANDBOX_OTHERS_MAX] = { 0 };
	_cleanup_fd_ int door = -1;
	int pair[2], pidfd = -1, r;
	struct cgroup group;
	struct setup setup;
	bool is_inside;

	if (!fill_setup(spec, &setup))
		return err_set(err, ERR_CONFIG, "the path of the data directory is too long");
	if (spec->support->tier != SANDBOX_FULL) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		read_children(others, countof(others));
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "sandbox: control socket");
	setup.control = pair[1];
	if (spec->support->tier == SANDBOX_LANDLOCK &&
		spec->profile->network == PROFILE_NETWORK_PROXY &&
		(door = open_door(&setup.proxy_port)) < 0) {
		close(pair[0]);
		close(pair[1]);
		return err_sys(err, ERR_SYSTEM, errno, "sandbox: door to the proxy");
	}
	if (cgroup_make(&spec->support->cgroups, spec->profile->memory_bytes,
		    spec->profile->processes, &group) < 0) {
		r = err_sys(err, ERR_JOB, errno, "sandbox: control group");
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	setup.group = &group;
	pid = clone_in(&group, setup_namespaces(spec->support, spec->profile), &pidfd, &is_inside);
	if (pid == 0)
		become_keeper(&setup);
	close(pair[1]);
	if (pid < 0) {
		r = err_sys(err, ERR_JOB, errno, "sandbox: namespaces");
		close(pair[0]);
		cgroup_end(&group);
		return r;
	}
	*ret = (struct sandbox){ .keeper = pid,
		.group = group,
		.pidfd = pidfd,
		.control = pair[0],
		.listener = steal_fd(&door),
		.proxy_port = setup.proxy_port,
		.tier = spec->support->tier,
		.profile = spec->profile };
	memcpy(ret->others, others, sizeof(others));
	r = cgroup_join(&group, pid, is_inside) < 0
		    ? err_sys(err, ERR_JOB, errno, "sandbox: control group")
		    : await_ready(ret, err);
	if (r < 0)
		sandbox_leave(ret);
	return r;
}

static bool pack(char *packet, size_t *length, char *const *words, unsigned *ret_count)
{
	for (*ret_count = 0; *words != NULL; words++, ++*ret_count) {
		size_t bytes = strlen(*words) + 1;

		if (*length + bytes > KEEPER_PACKET_MAX - 1)
			return false;
		memcpy(packet + *length, *words, bytes);
		*length += bytes;
	}
	return true;
}

int sandbox_run(
	struct sandbox *box, int slot, const struct sandbox_command *command, struct err *err)
{
	_cleanup_free_ char *packet = mem_alloc(KEEPER_PACKET_MAX);
	struct keeper_head head = { .word = KEEPER_RUN, .slot = slot };
	int fds[2] = { command->output, command->errors };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} room = { 0 };
	size_t length = sizeof(head);
	struct iovec part = { .iov_base = packet };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	if (!pack(packet, &length, strvec_argv(command->argv), &head.argc) ||
		!pack(packet, &length, strvec_argv(command->env), &head.envc))
		return err_set(err, ERR_LIMIT, "arguments and environment are larger than %d KiB",
			KEEPER_PACKET_MAX >> 10);
	memcpy(packet, &head, sizeof(head));
	part.iov_len = length;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	if (sendmsg(box->control, &message, MSG_NOSIGNAL) < 0)
		return err_sys(err, ERR_JOB, errno, "the sandbox takes no command");
	return 0;
}

int sandbox_wait(
	struct sandbox *box, int wake_fd, int timeout_ms, struct sandbox_exit *ret, struct err *err)
{
	struct pollfd polls[] = { { .fd = box->control, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN } };
	struct keeper_head head;
	ssize_t got;

	if (poll(polls, 2, timeout_ms) < 0 && errno != EINTR)
		return err_sys(err, ERR_SYSTEM, errno, "cannot wait for the sandbox");
	if (polls[0].revents == 0)
		return 0;
	got = recv(box->control, &head, sizeof(head), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got != (ssize_t)sizeof(head))
		return err_set(err, ERR_JOB, "the first process of the sandbox was killed");
	if (head.word != KEEPER_EXITED)
		return 0;
	*ret = (struct sandbox_exit){ .slot = head.slot,
		.status = head.value,
		.by_signal = head.by_signal == 1,
		.exec_errno = head.by_signal < 0 ? head.value : 0 };
	return 1;
}

void sandbox_signal(struct sandbox *box, int signal, bool whole_group)
{
	struct keeper_head head = {
		.word = KEEPER_SIGNAL, .value = signal, .by_signal = whole_group
	};

	if (send(box->control, &head, sizeof(head), MSG_NOSIGNAL) < 0)
		return; /* it is gone, and so is what the signal was for */
}

void sandbox_leave(struct sandbox *box)
{
	if (box->keeper <= 0)
		return;
	if (syscall(SYS_pidfd_send_signal, box->pidfd, SIGKILL, NULL, 0) < 0)
		kill(box->keeper, SIGKILL);
	while (waitpid(box->keeper, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (box->tier != SANDBOX_FULL)
		end_orphans(box);
	if (!cgroup_end(&box->group))
		dprintf(STDERR_FILENO, "something of a sandbox cannot be killed and lives on\n");
	fd_closep(&box->listener);
	fd_closep(&box->pidfd);
	fd_closep(&box->control);
	box->keeper = 0;
}
