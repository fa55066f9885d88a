/* What a process of a sandbox may use and may be. For good: hard limits, no way back. Owns nothing.
 */
#pragma once
#include "runners/sandbox/profile.h"
#include <sys/types.h>

/* 0, or -1 with errno. A limit that is lower already stays. `processes`: 0 leaves the system's. */
_must_check_ int limits_set(const struct profile *profile, int64_t processes);
/* A child that computes: no file larger than `memory`, no process, a minute of the processor. */
_must_check_ int limits_set_computing(uint64_t memory_bytes);

struct identity {
	uid_t uid;
	gid_t gid;
	bool changes;	 /* uid and gid are not what we are */
	bool has_rights; /* we are root, or in a user namespace of our own: there is something to
			  * drop
			  */
	int kept;	 /* one capability to keep, or -1 */
};

/* Becomes this user with no group but this one, and without any right. Afterwards no new privileges
 * by any exec. */
_must_check_ int rights_drop(const struct identity *identity);
