/* A fork with a descriptor of the child, and with namespaces. Owns nothing. */
#pragma once
#include "orchestrator/lib/base.h"
#include <sys/types.h>

/* `flags`: CLONE_NEW*. `cgroup_fd`: the child begins in this cgroup; -1: in ours. ret_pidfd may be
 * NULL. As fork(): 0 in the child, -1 with errno. No handler of libc runs. */
_must_check_ pid_t clone_process(uint64_t flags, int cgroup_fd, int *ret_pidfd);
