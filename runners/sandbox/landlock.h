/* Rules of the kernel's Landlock on files, ports, signals and abstract sockets, by raw system
 * calls. Owns nothing. */
#pragma once
#include "orchestrator/lib/base.h"

enum { LANDLOCK_FOR_FULL = 2, LANDLOCK_ALONE = 6 }; /* the oldest interface that serves a tier */

enum landlock_kind {
	LANDLOCK_READ = 1, /* and execute */
	LANDLOCK_WRITE,	   /* everything */
	LANDLOCK_DEVICE,   /* a device node: read and write, nothing else */
};

struct landlock_rule {
	const char *path; /* what is not there is left out when is_optional */
	enum landlock_kind kind;
	bool is_optional;
};

struct landlock_policy {
	const struct landlock_rule *rules;
	size_t count;
	bool guards_network; /* no TCP but to `port` (0: none at all), no abstract socket and no
				signal beyond the sandbox */
	unsigned short port;
};

int landlock_abi(void); /* 0: not there */
/* For good, for this thread and all that it starts. 0, or -1 with errno; `abi` is what
 * landlock_abi() said. Needs no_new_privs. */
_must_check_ int landlock_enforce(const struct landlock_policy *policy, int abi);
