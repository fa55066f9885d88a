/* The steps, in the order in which they must be. Each row is a step and a name; the first that
 * fails ends the set-up and is told by its name.
 *
 * Why this order: mounts while their sources can be named; the limits of memory and users while
 * /proc may be written; user and capabilities after everything that needs them; the death signal of
 * the parent after the last change of user, which would clear it; Landlock after the mounts, which
 * it forbids; the filter last, because it forbids most of the above. */
#include "runners/sandbox/setup.h"
#include "runners/sandbox/keeper.h"
#include "runners/sandbox/landlock.h"
#include "runners/sandbox/root.h"
#include "runners/site.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

uint64_t setup_namespaces(const struct sandbox_support *support, const struct profile *profile)
{
	uint64_t flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	if (support->tier != SANDBOX_FULL)
		return 0;
	if (!support->is_root)
		flags |= CLONE_NEWUSER;
	if (profile->network != PROFILE_NETWORK_HOST)
		flags |= CLONE_NEWNET;
	return flags;
}

/* ---- both tiers ---- */

/* Only stdio and the two descriptors that the keeper needs; they stay where they are. */
static int close_others(struct setup *setup)
{
	int lock = setup->spec->lock_fd >= 0 ? setup->spec->lock_fd : setup->control;
	unsigned low = (unsigned)(lock < setup->control ? lock : setup->control);
	unsigned high = (unsigned)(lock < setup->control ? setup->control : lock);

	if (low > 3 && close_range(3, low - 1, 0) < 0)
		return -1;
	if (high > low + 1 && close_range(low + 1, high - 1, 0) < 0)
		return -1;
	return close_range(high + 1, ~0U, 0);
}

static int set_limits(struct setup *setup)
{
	const struct sandbox_support *support = setup->spec->support;
	/* The kernel counts by user: without a user namespace or a user of its own, processes of
	 * others would count too. All git work is one user's; it is watched (usage.c). */
	bool has_own_count = support->is_root ? setup->spec->job != 0
					      : support->tier == SANDBOX_FULL;

	return limits_set(
		setup->spec->profile, has_own_count ? setup->spec->profile->processes : 0);
}

static int become_user(struct setup *setup)
{
	return rights_drop(&setup->identity);
}

/* A supervisor that is killed takes with it what may be done again. */
static int die_with_parent(struct setup *setup)
{
	return setup->spec->profile->outlives_supervisor
		       ? 0
		       : prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static int install_filter(struct setup *setup)
{
	const struct sandbox_support *support = setup->spec->support;

	return filter_install(
		&support->filters[support->tier == SANDBOX_FULL ? FILTER_FULL : FILTER_LANDLOCK]);
}

/* ---- tier full ---- */

static int write_text(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text);

	return fd >= 0 && write(fd, text, (size_t)length) == length ? 0 : -1;
}

/* One id, the same inside and outside. */
static int map_user(struct setup *setup)
{
	char map[64];

	if (!setup->has_users)
		return 0;
	/* A process that is not dumpable does not own its own /proc files. */
	prctl(PR_SET_DUMPABLE, 1);
	if (write_text("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1", setup->identity.gid, setup->identity.gid);
	if (write_text("/proc/self/gid_map", map) < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1", setup->identity.uid, setup->identity.uid);
	return write_text("/proc/self/uid_map", map);
}

static int own_mounts(_unused_ struct setup *setup)
{
	umask(022); /* mount points are for everybody inside */
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int name_host(_unused_ struct setup *setup)
{
	return sethostname("sandbox", strlen("sandbox"));
}

/* The one interface of the own network, and in it the door to the job's proxy. */
static int raise_loopback(struct setup *setup)
{
	_cleanup_fd_ int fd = -1;
	struct ifreq request = { .ifr_name = "lo" };

	if (setup->spec->profile->network == PROFILE_NETWORK_HOST)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
}

static int open_proxy_door(struct setup *setup)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(SANDBOX_PROXY_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (setup->spec->profile->network != PROFILE_NETWORK_PROXY)
		return 0;
	setup->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (setup->listener < 0 ||
		bind(setup->listener, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return listen(setup->listener, SOMAXCONN);
}

static int enter_folder(struct setup *setup)
{
	const struct sandbox_spec *spec = setup->spec;
	char path[SETUP_PATH];

	if (spec->profile->tree == PROFILE_TREE_REPO)
		return chdir(SANDBOX_OUT);
	if (snprintf(path, sizeof(path), "%s/%s", SANDBOX_TREE, spec->cwd) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return chdir(path);
}

/* Inside the private root a second guard of the same line. */
static int guard_root(struct setup *setup)
{
	enum { FIXED = 5, MOST = FIXED + SANDBOX_BINDS_MAX + SITE_SHOWN_MAX };
	const struct sandbox_spec *spec = setup->spec;
	struct landlock_rule rules[MOST] = {
		{ "/", LANDLOCK_READ, false },
		{ SANDBOX_TMP, LANDLOCK_WRITE, false },
		{ "/dev", LANDLOCK_DEVICE, false },
		{ SANDBOX_OUT,
			spec->profile->tree == PROFILE_TREE_NONE ? LANDLOCK_READ : LANDLOCK_WRITE,
			false },
		{ SANDBOX_TREE,
			spec->profile->tree == PROFILE_TREE_OVERLAY ? LANDLOCK_WRITE
								    : LANDLOCK_READ,
			false },
	};
	size_t count = FIXED;

	for (size_t i = 0; i < spec->bind_count; i++)
		if (spec->binds[i].may_write)
			rules[count++] = (struct landlock_rule){ spec->binds[i].target,
				LANDLOCK_WRITE, false };
	for (size_t i = 0; i < spec->site->write.count && count < MOST; i++)
		rules[count++] = (struct landlock_rule){ spec->site->write.items[i], LANDLOCK_WRITE,
			false };
	return landlock_enforce(&(struct landlock_policy){ .rules = rules, .count = count },
		spec->support->landlock_abi);
}

/* ---- tier landlock ---- */

static int raise_memory_score(_unused_ struct setup *setup)
{
	return write_text("/proc/self/oom_score_adj", "1000");
}

/* Signals to the supervisor's group must not come here, nor ours there. */
static int own_session(_unused_ struct setup *setup)
{
	return setsid() < 0 ? -1 : 0;
}

/* Where the work tree, or what init left, or nothing is. */
static int enter_copy(struct setup *setup)
{
	const struct sandbox_spec *spec = setup->spec;
	char path[SETUP_PATH];
	int length;

	if (spec->tree != NULL)
		length = snprintf(path, sizeof(path), "%s/upper/%s", spec->job_dir, spec->cwd);
	else if (spec->layer != NULL)
		length = snprintf(path, sizeof(path), "%s/%s", spec->layer, spec->cwd);
	else
		length = snprintf(path, sizeof(path), "%s/out", spec->job_dir);
	if (length >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return chdir(path);
}

static const char *below(const struct setup *setup, const char *name, char out[SETUP_PATH])
{
	snprintf(out, SETUP_PATH, "%s/%s", setup->spec->job_dir, name);
	return out;
}

static int guard_machine(struct setup *setup)
{
	static const struct landlock_rule machine[] = {
		{ "/usr", LANDLOCK_READ, false },
		{ "/bin", LANDLOCK_READ, true },
		{ "/sbin", LANDLOCK_READ, true },
		{ "/lib", LANDLOCK_READ, true },
		{ "/lib64", LANDLOCK_READ, true },
		{ "/etc/ssl/certs", LANDLOCK_READ, true },
		{ "/etc/ssl/openssl.cnf", LANDLOCK_READ, true },
		{ "/etc/pki", LANDLOCK_READ, true },
		{ "/etc/alternatives", LANDLOCK_READ, true },
		{ "/etc/ld.so.cache", LANDLOCK_READ, true },
		{ "/etc/nsswitch.conf", LANDLOCK_READ, true },
		{ "/etc/localtime", LANDLOCK_READ, true },
		{ "/etc/hosts", LANDLOCK_READ, true },
		{ "/etc/resolv.conf", LANDLOCK_READ, true },
		{ "/dev/null", LANDLOCK_DEVICE, false },
		{ "/dev/zero", LANDLOCK_DEVICE, false },
		{ "/dev/full", LANDLOCK_DEVICE, false },
		{ "/dev/random", LANDLOCK_DEVICE, false },
		{ "/dev/urandom", LANDLOCK_DEVICE, false },
	};
	const struct sandbox_spec *spec = setup->spec;
	const struct strvec *own = &site_grant(spec->site, (int)spec->profile->id)->read;
	struct landlock_rule rules[countof(machine) + 3 * SITE_SHOWN_MAX + 3 + SANDBOX_BINDS_MAX];
	char upper[SETUP_PATH], tmp[SETUP_PATH], out[SETUP_PATH];
	size_t count = countof(machine);

	memcpy(rules, machine, sizeof(machine));
	rules[count++] = (struct landlock_rule){ below(setup, "tmp", tmp), LANDLOCK_WRITE, false };
	rules[count++] = (struct landlock_rule){ below(setup, "out", out),
		spec->profile->tree == PROFILE_TREE_NONE ? LANDLOCK_READ : LANDLOCK_WRITE, false };
	if (spec->tree != NULL)
		rules[count++] = (struct landlock_rule){ below(setup, "upper", upper),
			spec->profile->tree == PROFILE_TREE_OVERLAY ? LANDLOCK_WRITE
								    : LANDLOCK_READ,
			false };
	else if (spec->layer != NULL)
		rules[count++] = (struct landlock_rule){ spec->layer, LANDLOCK_READ, false };
	for (size_t i = 0; i < spec->bind_count; i++)
		rules[count++] = (struct landlock_rule){ spec->binds[i].source,
			spec->binds[i].may_write ? LANDLOCK_WRITE : LANDLOCK_READ, false };
	for (size_t i = 0; i < spec->site->read.count && count < countof(rules); i++)
		rules[count++] = (struct landlock_rule){ spec->site->read.items[i], LANDLOCK_READ,
			false };
	for (size_t i = 0; i < own->count && count < countof(rules); i++)
		rules[count++] = (struct landlock_rule){ own->items[i], LANDLOCK_READ, false };
	for (size_t i = 0; i < spec->site->write.count && count < countof(rules); i++)
		rules[count++] = (struct landlock_rule){ spec->site->write.items[i], LANDLOCK_WRITE,
			false };
	return landlock_enforce(
		&(struct landlock_policy){ .rules = rules,
			.count = count,
			.guards_network = spec->profile->network != PROFILE_NETWORK_HOST,
			.port = (unsigned short)setup->proxy_port },
		spec->support->landlock_abi);
}

static int join_group(struct setup *setup)
{
	return cgroup_join_self(setup->group);
}

/* ---- the tables ---- */

struct setup_stage {
	const char *name;
	int (*run)(struct setup *setup);
};

static const struct setup_stage full[] = {
	{ "descriptors", close_others },
	{ "control group", join_group },
	{ "user map", map_user },
	{ "own mounts", own_mounts },
	{ "mount", root_mounts },
	{ "read-only root", root_seal },
	{ "device", root_devices },
	{ "proc", root_proc },
	{ "root", root_enter },
	{ "host name", name_host },
	{ "loopback", raise_loopback },
	{ "door to the proxy", open_proxy_door },
	{ "project folder", enter_folder },
	{ "limits", set_limits },
	{ "rights", become_user },
	{ "death of the parent", die_with_parent },
	{ "landlock", guard_root },
	{ "system calls", install_filter },
};

static const struct setup_stage landlock[] = {
	{ "descriptors", close_others },
	{ "control group", join_group },
	{ "session", own_session },
	{ "memory score", raise_memory_score },
	{ "project folder", enter_copy },
	{ "limits", set_limits },
	{ "rights", become_user },
	{ "death of the parent", die_with_parent },
	{ "landlock", guard_machine },
	{ "system calls", install_filter },
};

/* What is left when the operator wants no sandbox: limits, and no secret descriptor. */
static const struct setup_stage none[] = {
	{ "descriptors", close_others },
	{ "control group", join_group },
	{ "session", own_session },
	{ "project folder", enter_copy },
	{ "limits", set_limits },
};

static const char *run_table(struct setup *setup, const struct setup_stage *stages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stages[i].run(setup) < 0)
			return stages[i].name;
	return NULL;
}

const char *setup_run(struct setup *setup)
{
	switch (setup->spec->support->tier) {
	case SANDBOX_FULL:
		return run_table(setup, full, countof(full));
	case SANDBOX_LANDLOCK:
		return run_table(setup, landlock, countof(landlock));
	case SANDBOX_NONE:
		return run_table(setup, none, countof(none));
	}
	return "tier";
}
