/* What this machine can give, held against what the operator requires. A tier is believed when a
 * child has really been made in it: the launcher's self-test does that, profile by profile; here
 * only what can be known without one. */
#include "runners/sandbox/clone.h"
#include "runners/sandbox/landlock.h"
#include "runners/sandbox/root.h"
#include "runners/sandbox/setup.h"
#include "runners/site.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const uint64_t computing_memory = 2ULL << 30;
enum { NO_PROC = 250 }; /* no errno */

const char *sandbox_tier_name(enum sandbox_tier tier)
{
	static const char *const names[] = { "", "none", "landlock", "full" };

	return names[tier];
}

uid_t sandbox_uid(const struct sandbox_support *support, int64_t job)
{
	if (!support->is_root || support->tier == SANDBOX_NONE)
		return geteuid();
	return job == 0 ? support->first_uid
			: support->first_uid + 1 + (uid_t)(job % (support->uid_count - 1));
}

gid_t sandbox_gid(const struct sandbox_support *support)
{
	return support->is_root && support->tier != SANDBOX_NONE ? support->first_uid : getegid();
}

int sandbox_give(const struct sandbox_support *support, int64_t job, int dir_fd, struct err *err)
{
	if (!support->is_root || support->tier == SANDBOX_NONE)
		return 0;
	return tree_give(dir_fd, sandbox_uid(support, job), sandbox_gid(support), err);
}

/* ---- what the kernel has ---- */

/* On the data folder's own file system: some cannot lie above, an overlay of a container among
 * them.
 */
static bool make_ground(const char *box)
{
	static const char *const folders[] = { "", "/overlay", "/overlay/a", "/overlay/b",
		"/overlay/c", "/overlay/d" };

	for (size_t i = 0; i < countof(folders); i++) {
		_cleanup_free_ char *path = mem_printf("%s%s", box, folders[i]);

		if (mkdir(path, i == 0 ? 0755 : 0700) < 0 && errno != EEXIST)
			return false;
	}
	return true;
}

/* By its path: a descriptor from before would lead to the mounts that were left. */
static _noreturn_ void try_overlay(const char *box, bool has_users)
{
	_cleanup_free_ char *ground = mem_printf("%s/overlay", box);
	int failed = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(ground) < 0 ||
		     mount("sluice", "d", "overlay", 0,
			     has_users ? "lowerdir=a,upperdir=b,workdir=c,userxattr"
				       : "lowerdir=a,upperdir=b,workdir=c") < 0;

	if (failed)
		_exit(errno);
	/* A user may show of the processes of its own no more than the machine shows of all. */
	_exit(mount("proc", "a", "proc", 0, NULL) < 0 ? NO_PROC : 0);
}

static void write_map(const char *name, unsigned id)
{
	_cleanup_free_ char *path = mem_printf("/proc/self/%s", name);
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "%u %u 1", id, id);
}

/* In a child with mounts of its own; 0, or the errno. */
static int overlay_errno(const char *data_dir, bool is_root)
{
	_cleanup_free_ char *box = mem_printf("%s/box", data_dir);
	unsigned uid = geteuid(), gid = getegid();
	int status, pidfd = -1;
	pid_t pid = !make_ground(box) ? -1
				      : clone_process(CLONE_NEWNS | CLONE_NEWPID |
							      (is_root ? 0 : CLONE_NEWUSER),
						-1, &pidfd);

	if (pid == 0) {
		_cleanup_fd_ int fd = -1;

		prctl(PR_SET_DUMPABLE, 1);
		if (!is_root) {
			fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
			if (fd >= 0)
				dprintf(fd, "deny");
			write_map("gid_map", gid);
			write_map("uid_map", uid);
		}
		try_overlay(box, !is_root);
	}
	if (pid < 0)
		return errno;
	close(pidfd);
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* Why tier full cannot be, or "". Everything else of it is shown by the self-test. */
static const char *why_not_full(const struct site *site, struct sandbox_support *support)
{
	int failed = overlay_errno(site->data_dir, support->is_root);

	support->has_overlay = failed == 0 || failed == NO_PROC;
	if (support->landlock_abi < LANDLOCK_FOR_FULL)
		return "this kernel has no Landlock, or one that is too old (tier full needs "
		       "interface 2, Linux 5.19)";
	if (failed == EPERM || failed == ENOSYS || failed == ENOSPC || failed == EUSERS)
		return "this machine forbids namespaces";
	if (failed == NO_PROC)
		return "a user has no /proc of its own here, because parts of the machine's are "
		       "covered, as in a container";
	return "";
}

static const char *why_not_landlock(const struct sandbox_support *support)
{
	return support->landlock_abi < LANDLOCK_ALONE
		       ? "Landlock is not there or too old (without namespaces, interface 6 is "
			 "needed: Linux 6.12)"
		       : "";
}

static int make_filters(struct sandbox_support *support, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < FILTER_COUNT && r == 0; i++)
		r = filter_make((enum filter_kind)i, &support->filters[i], err);
	return r;
}

static int refuse(const struct site *site, const struct sandbox_support *support, struct err *err)
{
	return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
		"sandbox: tier %s is required, and this machine gives %s: %s",
		sandbox_tier_name((enum sandbox_tier)site->require),
		support->tier == SANDBOX_LANDLOCK ? "only landlock" : "none", support->why_not);
}

static bool use(struct sandbox_support *support, enum sandbox_tier tier, const char *why_not)
{
	if (why_not[0] == '\0') {
		support->tier = tier;
		return true;
	}
	if (support->why_not[0] == '\0')
		snprintf(support->why_not, sizeof(support->why_not), "%s", why_not);
	return false;
}

int sandbox_probe(const struct site *site, struct sandbox_support *ret, struct err *err)
{
	int r;

	*ret = (struct sandbox_support){ .tier = SANDBOX_NONE,
		.landlock_abi = landlock_abi(),
		.is_root = geteuid() == 0,
		.first_uid = (uid_t)site->first_uid,
		.uid_count = (unsigned)site->uid_count };
	r = make_filters(ret, err);
	if (r < 0)
		return r;
	if (site->tier == SANDBOX_NONE)
		return 0;
	if (site->tier == SANDBOX_FULL)
		use(ret, SANDBOX_FULL, why_not_full(site, ret));
	if (ret->tier != SANDBOX_FULL && site->require != SANDBOX_FULL)
		use(ret, SANDBOX_LANDLOCK, why_not_landlock(ret));
	if (site->may_group)
		cgroup_find(&ret->cgroups, site->is_launcher);
	if (!site->may_overlay)
		ret->has_overlay = false;
	if (ret->tier != SANDBOX_FULL)
		ret->has_overlay = false;
	if ((int)ret->tier < site->require)
		return refuse(site, ret, err);
	return 0;
}

int sandbox_prepare(const struct site *site, const struct sandbox_support *support, struct err *err)
{
	return support->tier == SANDBOX_FULL ? root_prepare(site, err) : 0;
}

void sandbox_support_release(struct sandbox_support *support)
{
	for (unsigned i = 0; i < FILTER_COUNT; i++)
		filter_release(&support->filters[i]);
}

int sandbox_only_compute(const struct sandbox_support *support)
{
	const struct identity nobody = { .uid = sandbox_uid(support, 0),
		.gid = sandbox_gid(support),
		.changes = support->is_root && support->tier != SANDBOX_NONE,
		.has_rights = support->is_root,
		.kept = -1 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		limits_set_computing(computing_memory) < 0 || rights_drop(&nobody) < 0)
		return -1;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	return filter_install(&support->filters[FILTER_COMPUTE]);
#else
	return 0; /* the sanitizers make calls of their own */
#endif
}
