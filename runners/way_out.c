/* Forked early, given doors later. */
#include "runners/way_out.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/egress/proxy.h"
#include "runners/sandbox/landlock.h"
#include "runners/site.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum {
	RULES_MAX = 256,
	TUNNELS_MAX = 64,
	IDLE_MS = 10 * 60 * 1000,
	EVENTS_MAX = 500,
	NAME_ROOM = 300,
	FIRST_KEPT = 1000, /* descriptors that stay have numbers from here on */
};
static const int64_t job_bytes_max = 32LL << 30;

/* One door: what it belongs to; the listener and the keeper come along as descriptors. */
struct door {
	enum profile_id profile;
	struct way_only only;
};

struct out {
	const struct site *site;
	int control, events_fd;
	int told;
};

/* When the operator names none: where providers and modules come from. NULL-ended. */
static const char *const *default_hosts(enum profile_id profile)
{
	static const char *const registries[] = { "registry.terraform.io", "releases.hashicorp.com",
		"registry.opentofu.org", "get.opentofu.org", "github.com", "codeload.github.com",
		"objects.githubusercontent.com", "release-assets.githubusercontent.com", NULL };
	static const char *const none[] = { NULL };

	return profile == PROFILE_INIT ? registries : none;
}

/* ---- inside the process ---- */

static void tell(void *owner, const struct egress_event *event)
{
	struct out *out = owner;
	_cleanup_json_ json_t *line = NULL;
	_cleanup_free_ char *text = NULL;

	if (out->told++ >= EVENTS_MAX)
		return;
	line = json_pack("{s:{s:s, s:s, s:i, s:s, s:I, s:I, s:I}}", "network", "verdict",
		egress_verdict_name(event->verdict), "host", event->host, "port", event->port,
		"why", event->why, "up", (json_int_t)event->up_bytes, "down",
		(json_int_t)event->down_bytes, "ms", (json_int_t)event->lasted_ms);
	text = line == NULL ? NULL : jsonx_text(line);
	if (text != NULL && dprintf(out->events_fd, "%s\n", text) < 0)
		out->told = EVENTS_MAX;
}

/* "host", "host:port", "[address]:port" */
static struct egress_rule rule_of(const char *text, bool may_be_inside, char room[NAME_ROOM])
{
	struct egress_rule rule = { .host = room, .may_be_inside = may_be_inside };
	const char *colon = strrchr(text, ':');
	bool has_port = colon != NULL && strchr(text, ':') == colon;

	if (text[0] == '[')
		has_port = colon != NULL && colon[-1] == ']';
	if (has_port)
		rule.port = (int)strtol(colon + 1, NULL, 10);
	snprintf(room, NAME_ROOM, "%.*s",
		(int)((has_port ? (size_t)(colon - text) : strlen(text)) - 2 * (text[0] == '[')),
		text + (text[0] == '['));
	return rule;
}

static size_t add_rules(const struct strvec *hosts, bool may_be_inside, struct egress_rule *rules,
	char (*names)[NAME_ROOM], size_t count)
{
	for (size_t i = 0; i < hosts->count && count < RULES_MAX; i++, count++)
		rules[count] = rule_of(hosts->items[i], may_be_inside, names[count]);
	return count;
}

/* The operator named it as the host of a repository, or as the proxy before it. */
static size_t only_rule(const struct way_only *only, struct egress_rule *ret)
{
	*ret = (struct egress_rule){
		.host = only->target.host, .port = only->target.port, .may_be_inside = true
	};
	return 1;
}

static size_t site_rules(const struct out *out, enum profile_id profile, struct egress_rule *rules)
{
	static char names[RULES_MAX][NAME_ROOM];
	const struct site_grant *grant = site_grant(out->site, profile);
	const char *const *defaults = default_hosts(profile);
	size_t count = add_rules(&grant->inside, true, rules, names, 0);

	count = add_rules(&grant->hosts, false, rules, names, count);
	for (; !grant->has_network && *defaults != NULL && count < RULES_MAX; defaults++, count++)
		rules[count] = rule_of(*defaults, false, names[count]);
	return count;
}

static void serve(struct out *out, const struct door *door, int listener, int keeper)
{
	static struct egress_rule rules[RULES_MAX];
	struct egress egress = { .listener_fd = listener,
		.until_fd = keeper,
		.rules = rules,
		.tunnels_max = TUNNELS_MAX,
		.bytes_max = job_bytes_max,
		.idle_ms = IDLE_MS,
		.tell = tell,
		.owner = out };
	struct err err;

	egress.rule_count = door->only.is_set ? only_rule(&door->only, rules)
					      : site_rules(out, door->profile, rules);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	if (egress_serve(&egress, &err) < 0)
		dprintf(out->events_fd, "{\"network\":{\"verdict\":\"failed\"}}\n");
}

static bool receive(int control, struct door *ret, int fds[2])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	const struct cmsghdr *cmsg;

	if (recvmsg(control, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*ret))
		return false;
	cmsg = CMSG_FIRSTHDR(&message);
	if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS ||
		cmsg->cmsg_len != CMSG_LEN(2 * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(cmsg), 2 * sizeof(int));
	return true;
}

/* It reads what hostile code sends it, so it keeps nothing that would be worth having. */
static bool give_up_rights(const struct sandbox_support *support)
{
	static const struct landlock_rule readable[] = { { "/etc", LANDLOCK_READ, false },
		{ "/run", LANDLOCK_READ, true } };
	const struct landlock_policy policy = { .rules = readable, .count = countof(readable) };
	uid_t uid = sandbox_uid(support, 0);
	gid_t gid = sandbox_gid(support);

	if (support->is_root && support->tier != SANDBOX_NONE &&
		(setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
			setresuid(uid, uid, uid) < 0))
		return false;
	prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	return support->tier == SANDBOX_NONE ||
	       landlock_enforce(&policy, support->landlock_abi) == 0;
}

static bool keep_only(struct out *out)
{
	out->control = fcntl(out->control, F_DUPFD_CLOEXEC, FIRST_KEPT);
	out->events_fd = fcntl(out->events_fd, F_DUPFD_CLOEXEC, FIRST_KEPT);
	return out->control >= 0 && out->events_fd >= 0 && close_range(0, FIRST_KEPT - 1, 0) == 0 &&
	       open("/dev/null", O_RDWR) == STDIN_FILENO && dup(STDIN_FILENO) == STDOUT_FILENO &&
	       dup(STDIN_FILENO) == STDERR_FILENO;
}

static _noreturn_ void live(struct out *out, const struct sandbox_support *support)
{
	struct door door;
	int fds[2];

	if (!keep_only(out) || !give_up_rights(support))
		_exit(1);
	while (receive(out->control, &door, fds)) {
		serve(out, &door, fds[0], fds[1]);
		close(fds[0]);
		close(fds[1]);
	}
	_exit(0);
}

/* ---- the supervisor's side ---- */

int way_out_start(struct way_out *way, const struct site *site,
	const struct sandbox_support *support, int events_fd, struct err *err)
{
	struct out out = { .site = site, .events_fd = events_fd };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make the way out of the job");
	pid = fork();
	if (pid == 0) {
		out.control = pair[1];
		live(&out, support);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_sys(err, ERR_SYSTEM, errno, "cannot make the way out of the job");
	}
	way->control = pair[0];
	return 0;
}

int way_out_open(struct way_out *way, struct sandbox *box, struct err *err)
{
	struct door door = { .profile = box->profile->id, .only = way->only };
	const int fds[2] = { box->listener, box->pidfd };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} room = { 0 };
	struct iovec part = { &door, sizeof(door) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
	int r = 0;

	if (box->listener < 0 || way->control < 0)
		return 0;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	if (sendmsg(way->control, &message, MSG_NOSIGNAL) < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "the way out of the job is gone");
	fd_closep(&box->listener);
	return r;
}

void way_out_release(struct way_out *way)
{
	fd_closep(&way->control);
}
