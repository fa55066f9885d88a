/* clone3, and clone where an old container filter says that clone3 does not exist. */
#include "runners/sandbox/clone.h"
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

pid_t clone_process(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | (ret_pidfd != NULL ? CLONE_PIDFD : 0) |
			 (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	/* Which cgroup cannot be said to clone; the caller must not think that it was. */
	if (pid < 0 && errno == ENOSYS && cgroup_fd < 0)
		pid = syscall(SYS_clone, args.flags | SIGCHLD, NULL, ret_pidfd, NULL, NULL);
	return (pid_t)pid;
}
