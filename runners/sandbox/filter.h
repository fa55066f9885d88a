/* Which system calls a sandbox may make, as programs of the kernel. Owns the lists. They are
 * compiled once, by the launcher; what a job installs are bytes that it inherited. */
#pragma once
#include "orchestrator/lib/err.h"

enum filter_kind {
	FILTER_FULL,	 /* inside namespaces */
	FILTER_LANDLOCK, /* without them: also what namespaces would have kept apart */
	FILTER_COMPUTE,	 /* a child that only computes on bytes */
	FILTER_COUNT,
};

struct filter {
	void *program; /* struct sock_filter[] */
	unsigned short count;
};

_must_check_ int filter_make(enum filter_kind kind, struct filter *ret, struct err *err);
void filter_release(struct filter *filter);
/* For good, for this thread and all that it starts. 0, or -1 with errno. Needs no_new_privs. */
_must_check_ int filter_install(const struct filter *filter);
