/* Spawns the launcher, speaks packets with it, spawns it again. */
#include "runners/executor_launcher.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strvec.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { READY_MS = 30000, RESTART_MS = 100, RESTART_AGAIN_MS = 1000, ANSWER_MAX = 4096 };

struct launcher_link {
	struct loop *loop;
	struct launcher_events events;
	char *program, *settings;
	pid_t pid;
	int socket;
	struct loop_poll *poll;
	struct loop_timer *restart;
	struct strvec waiting; /* packets for a launcher that cannot take them now; sent in order */
	size_t sent;
};

static void flush(struct launcher_link *link)
{
	while (link->socket >= 0 && link->sent < link->waiting.count) {
		const char *packet = link->waiting.items[link->sent];

		if (send(link->socket, packet, strlen(packet), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		link->sent++;
	}
	if (link->sent == link->waiting.count) {
		strvec_release(&link->waiting);
		link->waiting = (struct strvec){ 0 };
		link->sent = 0;
	}
	if (link->poll != NULL)
		loop_poll_want(link->poll, true, link->waiting.count > 0);
}

void launcher_link_send(struct launcher_link *link, const json_t *packet)
{
	_cleanup_free_ char *text = jsonx_text(packet);

	strvec_push(&link->waiting, text);
	flush(link);
}

static void hang_up(struct launcher_link *link)
{
	loop_poll_free(link->poll);
	link->poll = NULL;
	fd_closep(&link->socket);
	/* What was not sent is part of what was not answered. */
	strvec_release(&link->waiting);
	link->waiting = (struct strvec){ 0 };
	link->sent = 0;
}

static void bury(struct launcher_link *link)
{
	if (link->pid > 0)
		waitpid(link->pid, NULL, 0);
	link->pid = 0;
}

static void gone(struct launcher_link *link)
{
	hang_up(link);
	kill(link->pid, SIGKILL);
	bury(link);
	link->events.notice(link->events.owner,
		"the launcher of jobs died; starting it again (jobs that run are not affected)");
	loop_timer_arm(link->restart, RESTART_MS);
	link->events.gone(link->events.owner);
}

/* One answer of the launcher. False: there is none now, or there will be none any more. */
static bool read_answer(struct launcher_link *link)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	char bytes[ANSWER_MAX];
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	_cleanup_json_ json_t *json = NULL;
	int fds[2] = { -1, -1 }; /* when there are no numbers left, fewer come */
	struct cmsghdr *cmsg;
	ssize_t length;
	struct err err;

	length = recvmsg(link->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		gone(link);
		return false;
	}
	cmsg = CMSG_FIRSTHDR(&message);
	if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	if (jsonx_parse(bytes, (size_t)length, sizeof(bytes), &json, &err) == 0)
		link->events.answer(link->events.owner, json, &fds[1], &fds[0]);
	fd_closep(&fds[0]);
	fd_closep(&fds[1]);
	return true;
}

static void on_socket(void *owner, bool readable, bool writable)
{
	struct launcher_link *link = owner;

	while (readable && link->socket >= 0 && read_answer(link))
		;
	if (writable)
		flush(link);
}

/* An empty environment, nothing open but stdio and the socket as descriptor 3. */
static int spawn(struct launcher_link *link, struct err *err)
{
	static char *const no_environment[] = { NULL };
	char verb[] = "launcher";
	char *const argv[] = { link->program, verb, NULL };
	_cleanup_fd_ int ours = -1, theirs = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t ignored;
	int pair[2], failed;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make the launcher's socket");
	ours = pair[0];
	theirs = fcntl(
		pair[1], F_DUPFD_CLOEXEC, 10); /* not 3: a dup onto itself would stay CLOEXEC */
	close(pair[1]);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, theirs, 3);
	posix_spawn_file_actions_addclosefrom_np(&actions, 4);
	/* What the server ignores, or whoever started it in the background, must not be ignored by
	 * the tools that come of its launcher. */
	sigfillset(&ignored);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &ignored);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	failed = posix_spawn(
		&link->pid, link->program, &actions, &attributes, argv, no_environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (failed != 0)
		return err_sys(err, ERR_CONFIG, failed, "cannot start %s", link->program);
	link->socket = steal_fd(&ours);
	if (send(link->socket, link->settings, strlen(link->settings), MSG_NOSIGNAL) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot speak to the launcher");
	link->poll = loop_poll_new(link->loop, link->socket, on_socket, link);
	flush(link);
	return 0;
}

static void on_restart(void *owner)
{
	struct launcher_link *link = owner;
	struct err err;

	if (link->socket >= 0 || spawn(link, &err) == 0)
		return;
	link->events.notice(link->events.owner, err.text);
	hang_up(link);
	bury(link);
	loop_timer_arm(link->restart, RESTART_AGAIN_MS);
}

int launcher_link_await(struct launcher_link *link, json_t **ret, struct err *err)
{
	struct pollfd socket = { .fd = link->socket, .events = POLLIN };
	_cleanup_json_ json_t *json = NULL;
	char bytes[ANSWER_MAX];
	const char *why;
	ssize_t length;

	if (poll(&socket, 1, READY_MS) != 1)
		return err_set(err, ERR_CONFIG, "the launcher of jobs does not answer");
	length = recv(link->socket, bytes, sizeof(bytes), 0);
	if (length <= 0)
		return err_set(err, ERR_CONFIG, "the launcher of jobs died when it started");
	if (jsonx_parse(bytes, (size_t)length, sizeof(bytes), &json, err) < 0)
		return -(int)err->code;
	why = json_string_value(json_object_get(json, "refused"));
	if (why != NULL)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG, "%s", why);
	*ret = json_incref(json_object_get(json, "ready"));
	return 0;
}

int launcher_link_new(struct loop *loop, const char *program, const char *settings,
	const struct launcher_events *events, struct launcher_link **ret, struct err *err)
{
	struct launcher_link *link = mem_alloc(sizeof(*link));
	int r;

	link->loop = loop;
	link->events = *events;
	link->program = mem_strdup(program);
	link->settings = mem_strdup(settings);
	link->socket = -1;
	link->restart = loop_timer_new(loop, on_restart, link);
	r = spawn(link, err);
	if (r < 0) {
		launcher_link_free(link);
		return r;
	}
	*ret = link;
	return 0;
}

void launcher_link_free(struct launcher_link *link)
{
	if (link == NULL)
		return;
	hang_up(link); /* the launcher ends by this */
	bury(link);
	loop_timer_free(link->restart);
	free(link->program);
	free(link->settings);
	free(link);
}
