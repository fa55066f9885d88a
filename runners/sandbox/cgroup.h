/* Control groups around a sandbox, where this machine lets us make some: limits that the kernel
 * keeps for all of its processes together, and an end that reaches every one of them.
 *
 * Of version 2 where it was delegated to us, of version 1 where we may write to it, both on a
 * machine that has both. Where there is neither, limits are kept by rlimits and by looking
 * (usage.c). */
#pragma once
#include "orchestrator/lib/base.h"
#include <sys/types.h>

enum cgroup_use { CGROUP_MEMORY, CGROUP_PROCESSES, CGROUP_KILL, CGROUP_USES };
enum { CGROUP_PATH = 256, CGROUP_TEXT = 96 };

/* What there is here; found once. */
struct cgroup_support {
	struct cgroup_place {
		char folder[CGROUP_PATH]; /* groups are made in it; "": there is none for this */
		bool is_v2;
	} places[CGROUP_USES];
};

/* The groups of one sandbox. */
struct cgroup {
	const struct cgroup_support *support;
	char name[48]; /* below each place; "": none */
	int v2_fd;     /* to begin in; or -1 */
};

/* `can_move`: it may move itself and its parent into a group below the one they are in, as version
 * 2 wants; for the launcher alone. Also removes what supervisors that were killed left behind. */
void cgroup_find(struct cgroup_support *ret, bool can_move);
/* "memory by version 1, processes by version 1, end by version 2", or "none". */
void cgroup_describe(const struct cgroup_support *support, char *text, size_t size);

/* 0, or -1 with errno and nothing made. Without support there is nothing to make, and that is 0. */
_must_check_ int cgroup_make(const struct cgroup_support *support, int64_t memory_bytes,
	int64_t processes, struct cgroup *ret);
/* For what could not begin in it: version 2 without clone3. */
_must_check_ int cgroup_join(const struct cgroup *group, pid_t pid, bool began_in_v2);
/* The caller itself, which has one thread, into what is of version 1. */
_must_check_ int cgroup_join_self(const struct cgroup *group);
/* Has the kernel killed something of it for its memory? */
bool cgroup_was_out_of_memory(const struct cgroup *group);
/* Ends everything in it, waits until nothing is, and removes it. False: something lives on. */
bool cgroup_end(struct cgroup *group);
