/* What a gate asks about a pull request of the local host. */
#pragma once
#include "vcs/local/local_pulls.h"

/* HOST_FACTS; everything in `ret` lives in the arena, or is the request's. */
_must_check_ int local_facts_read(struct local_host *host, const struct host_request *request,
	struct arena *arena, struct host_facts *ret, struct err *err);
