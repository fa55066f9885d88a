/* Makes the place in which a tool runs, from the parent's side and, up to the keeper's first word,
 * from the child's. Every step of the set-up has a name, and the first that fails is told by it: a
 * job whose set-up fails is an error, never a job with less around it.
 *
 * Order matters: the overlay is mounted while its layers can still be named, the box is cloned
 * before the data directory is hidden, capabilities go last. */
#include "runners/sandbox.h"
#include "runners/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATH_ROOM = 4096, FILES_MAX = 4096, PROCESSES_MAX = 4096 };
static const uint64_t file_bytes_max = 8ULL << 30;

static const struct {
	const char *name;
	unsigned long clone_flag;
} parts[] = {
	{ "user", CLONE_NEWUSER },
	{ "pid", CLONE_NEWPID },
	{ "mount", CLONE_NEWNS },
	{ "ipc", CLONE_NEWIPC },
	{ "net", CLONE_NEWNET },
	{ "proc", 0 },
	{ "overlay", 0 },
};

const char *sandbox_part_name(unsigned index)
{
	return index < countof(parts) ? parts[index].name : NULL;
}

static uint64_t clone_flags(unsigned wanted)
{
	uint64_t flags = 0;

	for (unsigned i = 0; i < countof(parts); i++)
		if (wanted & (1U << i))
			flags |= parts[i].clone_flag;
	return flags;
}

/* A fork with namespaces. clone3 is missing where an old container filter says it does not exist.
 */
static pid_t fork_into(unsigned wanted, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = clone_flags(wanted) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0 && errno == ENOSYS)
		pid = syscall(SYS_clone, clone_flags(wanted) | CLONE_PIDFD | SIGCHLD, NULL,
			ret_pidfd, NULL, NULL);
	return (pid_t)pid;
}

/* ---- the child, until it is the keeper ---- */

static int write_text(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text);

	if (fd < 0 || write(fd, text, (size_t)length) != length)
		return -1;
	return 0;
}

/* One id, the same inside and outside. The ids are those from before the clone: inside, before the
 * map is there, everybody is nobody. */
static int map_user(uid_t uid, gid_t gid)
{
	char map[64];

	/* A process that is not dumpable does not own its own /proc files. */
	prctl(PR_SET_DUMPABLE, 1);
	if (write_text("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (write_text("/proc/self/gid_map", map) < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	return write_text("/proc/self/uid_map", map);
}

static bool join_path(char *out, const char *folder, const char *name)
{
	return snprintf(out, PATH_ROOM, "%s/%s", folder, name) < PATH_ROOM;
}

/* Overlay options are separated by commas and layers by colons; both, and the backslash itself, are
 * escaped. */
static void append_escaped(char *out, size_t size, const char *path)
{
	size_t length = strlen(out);

	for (; *path != '\0' && length + 2 < size; path++) {
		if (strchr(",:\\", *path) != NULL)
			out[length++] = '\\';
		out[length++] = *path;
	}
	out[length] = '\0';
}

static int mount_tree(const struct sandbox_spec *spec, const char *target)
{
	char options[PATH_ROOM] = "lowerdir=", path[PATH_ROOM];
	size_t size = sizeof(options);

	if (!(spec->parts & SANDBOX_OVERLAY)) { /* a copy was made */
		if (!join_path(path, spec->job_dir, "upper"))
			return -1;
		return mount(path, target, NULL, MS_BIND, NULL);
	}
	if (spec->layer != NULL) {
		append_escaped(options, size, spec->layer);
		strncat(options, ":", size - strlen(options) - 1);
	}
	append_escaped(options, size, spec->tree);
	strncat(options, ",upperdir=", size - strlen(options) - 1);
	append_escaped(options, size, spec->job_dir);
	strncat(options, "/upper,workdir=", size - strlen(options) - 1);
	append_escaped(options, size, spec->job_dir);
	strncat(options, "/work,volatile", size - strlen(options) - 1);
	strncat(options, spec->parts & SANDBOX_USER ? ",userxattr" : "",
		size - strlen(options) - 1);
	if (strlen(options) + 2 >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mount("sluice", target, "overlay", MS_NODEV, options);
}

static int bind_into(const char *source, const char *folder, const char *name)
{
	char target[PATH_ROOM];

	if (!join_path(target, folder, name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mount(source, target, NULL, MS_BIND, NULL);
}

/* Tree, tmp and out under their fixed names. */
static const char *fill_box(const struct sandbox_spec *spec, const char *box)
{
	char path[PATH_ROOM];

	if (!join_path(path, box, "tree") || mount_tree(spec, path) < 0)
		return "work tree";
	for (size_t i = 0; i < spec->bind_count; i++)
		if (bind_into(spec->binds[i].source, path, spec->binds[i].target) < 0)
			return "state";
	if (!join_path(path, spec->job_dir, "tmp") || bind_into(path, box, "tmp") < 0)
		return "tmp";
	if (!join_path(path, spec->job_dir, "out") || bind_into(path, box, "out") < 0)
		return "out";
	return NULL;
}

/* The data directory is covered by an empty one that holds the box and nothing else. */
static const char *hide_data(const struct sandbox_spec *spec, const char *box)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int held = (int)syscall(
		SYS_open_tree, AT_FDCWD, box, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (held < 0)
		return "box";
	if (syscall(SYS_mount_setattr, held, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		return "read-only box";
	if (mount("sluice", spec->data_dir, "tmpfs", MS_NOSUID | MS_NODEV,
		    "size=64k,nr_inodes=16,mode=755") < 0)
		return "hidden data";
	if (mkdir(box, 0755) < 0 ||
		syscall(SYS_move_mount, held, "", AT_FDCWD, box, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return "box in place";
	if (syscall(SYS_mount_setattr, AT_FDCWD, spec->data_dir, 0, &read_only, sizeof(read_only)) <
		0)
		return "read-only data";
	close(held);
	return NULL;
}

static int limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return -1;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
		most = now.rlim_max;
	now.rlim_cur = now.rlim_max = most;
	return setrlimit(what, &now);
}

static const char *set_limits(void)
{
	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, FILES_MAX) < 0 ||
		limit(RLIMIT_NPROC, PROCESSES_MAX) < 0 || limit(RLIMIT_FSIZE, file_bytes_max) < 0)
		return "limits";
	return NULL;
}

static const char *drop_rights(unsigned used)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (used & SANDBOX_USER) {
		for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
			if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
				return "capability bounds";
		if (syscall(SYS_capset, &head, none) < 0)
			return "capabilities";
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return "privileges";
	umask(077);
	return NULL;
}

/* Only stdio and the two descriptors that the keeper needs; they stay where they are. */
static void close_others(int one, int two)
{
	unsigned low = (unsigned)(one < two ? one : two), high = (unsigned)(one < two ? two : one);

	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

/* NULL when everything stands, else the name of the step that failed; errno says why. */
static const char *set_up(const struct sandbox_spec *spec, uid_t uid, gid_t gid)
{
	char box[PATH_ROOM], cwd[2 * PATH_ROOM];
	const char *failed = NULL;

	if (!join_path(box, spec->data_dir, SANDBOX_BOX))
		return "path";
	if ((spec->parts & SANDBOX_USER) && map_user(uid, gid) < 0)
		return "user map";
	if ((spec->parts & SANDBOX_MOUNT) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "private mounts";
	if (spec->tree != NULL && (spec->parts & SANDBOX_MOUNT)) {
		failed = fill_box(spec, box);
		if (failed == NULL)
			failed = hide_data(spec, box);
	}
	if (failed == NULL && (spec->parts & SANDBOX_PROC) &&
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		failed = "proc";
	if (failed != NULL)
		return failed;
	if (spec->tree == NULL)
		snprintf(cwd, sizeof(cwd), "%s", spec->cwd);
	else if (spec->parts & SANDBOX_MOUNT)
		snprintf(cwd, sizeof(cwd), "%s/tree/%s", box, spec->cwd);
	else
		snprintf(cwd, sizeof(cwd), "%s/upper/%s", spec->job_dir, spec->cwd);
	if (chdir(cwd) < 0)
		return "project folder";
	failed = set_limits();
	return failed != NULL ? failed : drop_rights(spec->parts);
}

static _noreturn_ void become_keeper(
	const struct sandbox_spec *spec, int control, uid_t uid, gid_t gid)
{
	struct keeper_head head = { .word = KEEPER_FAILED };
	const char *failed;

	close_others(control, spec->lock_fd >= 0 ? spec->lock_fd : control);
	failed = set_up(spec, uid, gid);
	if (failed == NULL)
		keeper_serve(control, spec->outlives_us);
	head.value = errno;
	snprintf(head.stage, sizeof(head.stage), "%s", failed);
	send(control, &head, sizeof(head), MSG_NOSIGNAL);
	_exit(1);
}

/* ---- the parent ---- */

int sandbox_prepare(const char *data_dir, struct err *err)
{
	static const char *const folders[] = { "", "/tree", "/tmp", "/out" };
	char path[PATH_ROOM];

	for (size_t i = 0; i < countof(folders); i++) {
		if (snprintf(path, sizeof(path), "%s/%s%s", data_dir, SANDBOX_BOX, folders[i]) >=
			(int)sizeof(path))
			return err_set(
				err, ERR_CONFIG, "the path of the data directory is too long");
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return err_sys(
				err, ERR_SYSTEM, errno, "cannot make the folder of the sandbox");
	}
	return 0;
}

/* The first word of the keeper: ready, or what failed. */
static int await_ready(struct sandbox *box, struct err *err)
{
	struct keeper_head head;
	ssize_t got;

	do
		got = recv(box->control, &head, sizeof(head), 0);
	while (got < 0 && errno == EINTR);
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

int sandbox_enter(const struct sandbox_spec *spec, struct sandbox *ret, struct err *err)
{
	int pair[2], pidfd = -1, r;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid, others[SANDBOX_OTHERS_MAX] = { 0 };

	if (!(spec->parts & SANDBOX_PID)) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		read_children(others, countof(others));
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "sandbox: control socket");
	pid = fork_into(spec->parts, &pidfd);
	if (pid == 0)
		become_keeper(spec, pair[1], uid, gid);
	close(pair[1]);
	if (pid < 0) {
		r = err_sys(err, ERR_JOB, errno, "sandbox: namespaces");
		close(pair[0]);
		return r;
	}
	*ret = (struct sandbox){
		.keeper = pid, .pidfd = pidfd, .control = pair[0], .parts = spec->parts
	};
	memcpy(ret->others, others, sizeof(others));
	r = await_ready(ret, err);
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

void sandbox_signal(struct sandbox *box, int signal)
{
	struct keeper_head head = { .word = KEEPER_SIGNAL, .value = signal };

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
	if (!(box->parts & SANDBOX_PID))
		end_orphans(box);
	fd_closep(&box->pidfd);
	fd_closep(&box->control);
	box->keeper = 0;
}

pid_t sandbox_fork_confined(unsigned wanted, int *ret_pidfd)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	wanted &= SANDBOX_USER | SANDBOX_PID | SANDBOX_IPC | SANDBOX_NET;
	pid = fork_into(wanted, ret_pidfd);
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (((wanted & SANDBOX_USER) && map_user(uid, gid) < 0) || set_limits() != NULL ||
		limit(RLIMIT_CPU, 60) < 0 || limit(RLIMIT_NPROC, 0) < 0 ||
		drop_rights(wanted) != NULL)
		_exit(70);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (limit(RLIMIT_AS, 2ULL << 30) < 0)
		_exit(70);
#endif
	return 0;
}

/* ---- what this machine can do ---- */

/* Tries one combination in a child. Returns 0 or the errno, with the step in *stage. */
static int try_parts(unsigned wanted, char stage[32])
{
	int pair[2], pidfd = -1, value = 0;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct keeper_head head = { 0 };
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return errno;
	pid = fork_into(wanted, &pidfd);
	if (pid == 0) {
		const char *failed = NULL;

		if ((wanted & SANDBOX_USER) && map_user(uid, gid) < 0)
			failed = "user map";
		else if ((wanted & SANDBOX_MOUNT) &&
			 mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			failed = "private mounts";
		else if ((wanted & SANDBOX_PROC) && mount("proc", "/proc", "proc", 0, NULL) < 0)
			failed = "proc";
		else if ((wanted & SANDBOX_OVERLAY) &&
			 (mount("sluice", "/tmp", "tmpfs", 0, "size=64k") < 0 ||
				 mkdir("/tmp/a", 0700) < 0 || mkdir("/tmp/b", 0700) < 0 ||
				 mkdir("/tmp/c", 0700) < 0 || mkdir("/tmp/d", 0700) < 0 ||
				 mount("sluice", "/tmp/d", "overlay", 0,
					 wanted & SANDBOX_USER
						 ? "lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/"
						   "c,userxattr"
						 : "lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/"
						   "c") < 0))
			failed = "overlay";
		head.value = failed == NULL ? 0 : errno;
		snprintf(head.stage, sizeof(head.stage), "%s", failed == NULL ? "" : failed);
		_exit(write(pair[1], &head, sizeof(head)) == (ssize_t)sizeof(head) ? 0 : 1);
	}
	value = pid < 0 ? errno : 0;
	snprintf(stage, 32, "%s", pid < 0 ? "namespaces" : "");
	close(pair[1]);
	if (pid > 0) {
		if (read(pair[0], &head, sizeof(head)) == (ssize_t)sizeof(head)) {
			value = head.value;
			snprintf(stage, 32, "%s", head.stage);
		} else {
			value = ECHILD;
		}
		waitpid(pid, NULL, __WALL);
		close(pidfd);
	}
	close(pair[0]);
	return value;
}

static bool is_named(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

static void probe(struct sandbox_support *ret)
{
	const unsigned base = SANDBOX_PID | SANDBOX_MOUNT | SANDBOX_IPC;
	char stage[32];
	int failed;

	*ret = (struct sandbox_support){ .parts = base | SANDBOX_USER };
	failed = try_parts(ret->parts, stage);
	if (failed != 0 && geteuid() == 0) {
		ret->parts = base;
		failed = try_parts(ret->parts, stage);
	}
	if (failed != 0) {
		ret->parts = 0;
		snprintf(ret->why_not, sizeof(ret->why_not), "%s: %s", stage, strerror(failed));
		return;
	}
	static const unsigned extras[] = { SANDBOX_PROC, SANDBOX_OVERLAY, SANDBOX_NET };

	for (size_t i = 0; i < countof(extras); i++) {
		failed = try_parts(
			(ret->parts & ~(SANDBOX_PROC | SANDBOX_OVERLAY)) | extras[i], stage);
		if (failed == 0)
			ret->parts |= extras[i];
		else
			snprintf(ret->why_not, sizeof(ret->why_not), "%s: %s", stage,
				strerror(failed));
	}
}

void sandbox_probe(const char *without, struct sandbox_support *ret)
{
	probe(ret);
	for (unsigned i = 0; i < countof(parts); i++)
		if (is_named(without, parts[i].name))
			ret->parts &= ~(1U << i);
	if (!(ret->parts & SANDBOX_MOUNT)) /* an overlay and an own /proc are mounts */
		ret->parts &= ~(SANDBOX_OVERLAY | SANDBOX_PROC);
	if (!(ret->parts & SANDBOX_PID))
		ret->parts &= ~SANDBOX_PROC;
	if (ret->parts == 0 && ret->why_not[0] == '\0')
		snprintf(ret->why_not, sizeof(ret->why_not), "switched off");
}
