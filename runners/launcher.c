/* Waits for requests and forks supervisors: no exec, so that a job starts in a fraction of a
 * millisecond. Small on purpose: it is there all the time, and every supervisor begins as its copy.
 *
 *     server -> {"data": ...}                 the settings, once, first; answer: {"ready": {...}},
 *                                                  what the sandbox is, or {"refused": "..."};
 *                                                  then the sandbox is attacked, and only when it
 *                                                  holds is a job started, else {"refused": "..."}
 *     server -> {"start": "17-1"}             answer: {"started": "17-1", "pid": 4711}, the line
 *                                                  to the supervisor, and a pidfd,
 *                                                  or {"failed": "17-1", "error": "..."}
 *     server -> {"remove": "<folder>"}        a trashed folder below the data directory; no answer
 *
 * It has no environment, no secrets, and no privilege that the server has not. */
#include "runners/launcher.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/sandbox/clone.h"
#include "runners/sandbox/selftest.h"
#include "runners/supervise.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PACKET_MAX = 64 << 10, REPORT_MAX = 1 << 20, OPEN_MAX = 400 };

struct launcher {
	int socket;
	int children_fd;
	struct site site;
	struct sandbox_support support;
	bool is_ready;
};

static void answer(const struct launcher *launcher, const json_t *json, const int *fds)
{
	_cleanup_free_ char *text = jsonx_text(json);
	struct iovec part = { text, strlen(text) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fds != NULL) {
		struct cmsghdr *cmsg;

		message.msg_control = room.bytes;
		message.msg_controllen = sizeof(room.bytes);
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, 2 * sizeof(int));
	}
	/* When the server is gone, it will find the job by its directory. */
	if (sendmsg(launcher->socket, &message, MSG_NOSIGNAL) < 0)
		return;
}

/* A session of its own: no terminal, no signal meant for the server. SIGUSR1 stays blocked and is
 * read from a descriptor. */
static void become_own(void)
{
	sigset_t blocked;
	int null;

	setsid();
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}

/* "<id>-<attempt>", nothing that could be a path. */
static bool is_job_name(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return digits > 0 && digits < 20 && name[digits] == '-' && name[digits + 1] != '\0' &&
	       name[digits + 1 + strspn(name + digits + 1, "0123456789")] == '\0';
}

/*~ 12. The only fork of a job. The launcher was started before there were secrets, so a job
 * cannot inherit one. */
static void start(struct launcher *launcher, const char *job)
{
	_cleanup_json_ json_t *reply = NULL;
	int line[2] = { -1, -1 }, fds[2] = { -1, -1 };
	pid_t pid = -1;

	if (!is_job_name(job)) {
		reply = json_pack(
			"{s:s, s:s}", "failed", job, "error", "this is not the name of a job");
		answer(launcher, reply, NULL);
		return;
	}
	fault_point("launcher.before_fork");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == 0)
		pid = clone_process(0, -1, &fds[1]);
	if (pid == 0) {
		become_own();
		close(launcher->socket);
		close(launcher->children_fd);
		close(line[0]); /* only the server has that end: it breaks when the server dies */
		_exit(supervise(&launcher->site, &launcher->support, job, line[1]));
	}
	if (pid < 0)
		reply = json_pack("{s:s, s:s}", "failed", job, "error", strerror(errno));
	else
		reply = json_pack("{s:s, s:i}", "started", job, "pid", (int)pid);
	fds[0] = line[0];
	answer(launcher, reply, pid < 0 ? NULL : fds);
	fd_closep(&fds[0]);
	fd_closep(&fds[1]);
	fd_closep(&line[1]);
	fault_point("launcher.forked");
}

static void remove_folder(struct launcher *launcher, const char *name)
{
	_cleanup_fd_ int data = -1;

	if (!tree_path_is_safe(name) || str_equal(name, ".") || clone_process(0, -1, NULL) != 0)
		return;
	become_own();
	data = open(launcher->site.data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (data >= 0)
		tree_remove(data, name);
	_exit(0);
}

static void tell_ready(const struct launcher *launcher)
{
	const struct sandbox_support *support = &launcher->support;
	_cleanup_json_ json_t *reply = NULL;
	char groups[CGROUP_TEXT];

	cgroup_describe(&support->cgroups, groups, sizeof(groups));
	reply = json_pack("{s:{s:s, s:i, s:s, s:s}}", "ready", "tier",
		sandbox_tier_name(support->tier), "landlock", support->landlock_abi, "missing",
		support->why_not, "groups", groups);
	answer(launcher, reply, NULL);
}

static void tell_refused(const struct launcher *launcher, const char *why)
{
	_cleanup_json_ json_t *reply = json_pack("{s:s}", "refused", why);

	answer(launcher, reply, NULL);
}

static void name_open(const char *report, struct strbuf *out)
{
	for (const char *at = report, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		const char *tab = memchr(at, '\t', (size_t)(end - at));

		if (tab != NULL && str_starts(tab, "\topen\t"))
			strbuf_printf(out, "%s%.*s: %.*s", out->length > 0 ? "; " : "",
				(int)(tab - at), at, (int)(end - tab - 6), tab + 6);
	}
}

/* Every attack of the list in every profile. Requests wait meanwhile. */
static int test_sandbox(const struct launcher *launcher, struct err *err)
{
	_cleanup_strbuf_ struct strbuf report = STRBUF(REPORT_MAX), open = STRBUF(OPEN_MAX);
	size_t count = 0;
	int r;

	/* Who asks for faults tests something else, many times over. */
	if (launcher->support.tier == SANDBOX_NONE || !str_empty(launcher->site.fault_spec))
		return 0;
	r = selftest_run(&launcher->site, &launcher->support, &report, &count, err);
	if (r < 0 || count == 0)
		return r;
	name_open(strbuf_text(&report), &open);
	return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
		"the sandbox does not hold on this machine, %zu attacks succeed: %s", count,
		strbuf_text(&open));
}

static int read_settings(struct launcher *launcher, const json_t *packet, struct err *err)
{
	int r = site_read(packet, &launcher->site, err);

	launcher->site.is_launcher = true;
	if (r == 0)
		r = sandbox_probe(&launcher->site, &launcher->support, err);
	if (r < 0)
		return r;
	fault_init(launcher->site.fault_spec, launcher->site.fault_log);
	tell_ready(launcher); /* what follows takes time, and only jobs must wait for it */
	r = sandbox_prepare(&launcher->site, &launcher->support, err);
	if (r == 0)
		r = test_sandbox(launcher, err);
	launcher->is_ready = r == 0;
	return r;
}

/* False: the server is gone. */
static bool serve_packet(struct launcher *launcher)
{
	_cleanup_free_ char *bytes = mem_alloc(PACKET_MAX);
	_cleanup_json_ json_t *packet = NULL;
	ssize_t length = recv(launcher->socket, bytes, PACKET_MAX, 0);
	const char *job, *folder;
	struct err err;

	if (length <= 0)
		return length < 0 && (errno == EINTR || errno == EAGAIN);
	if (jsonx_parse(bytes, (size_t)length, PACKET_MAX, &packet, &err) < 0 ||
		(!launcher->is_ready && read_settings(launcher, packet, &err) < 0)) {
		if (!launcher->is_ready)
			tell_refused(launcher, err.text);
		return launcher->is_ready;
	}
	job = json_string_value(json_object_get(packet, "start"));
	folder = json_string_value(json_object_get(packet, "remove"));
	if (job != NULL)
		start(launcher, job);
	if (folder != NULL)
		remove_folder(launcher, folder);
	return true;
}

int launcher_serve(int socket)
{
	struct launcher launcher = { .socket = socket };
	struct signalfd_siginfo info;
	sigset_t children, all;

	/* A terminal's signals are for the server; this process ends when the server does. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	launcher.children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	fcntl(socket, F_SETFD, FD_CLOEXEC);
	/* One memory pool that gives back what it does not need. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 << 10);
	prctl(PR_SET_NAME, "sluice-launcher");
	for (;;) {
		struct pollfd polls[] = { { .fd = socket, .events = POLLIN },
			{ .fd = launcher.children_fd, .events = POLLIN } };

		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (polls[1].revents != 0) {
			while (read(launcher.children_fd, &info, sizeof(info)) > 0)
				;
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		}
		if (polls[0].revents != 0 && !serve_packet(&launcher))
			break;
	}
	sandbox_support_release(&launcher.support);
	site_release(&launcher.site);
	return 0;
}
