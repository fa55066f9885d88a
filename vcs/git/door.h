/* Every connection of libgit2 through the door of its job: a proxy on this loopback that takes
 * CONNECT and leads to one host. Below TLS and below a proxy that the operator has, so both are as
 * they would be without it. Owns the connections. */
#pragma once
#include "orchestrator/lib/err.h"

/* `proxy` as the job is told of it, "http://127.0.0.1:PORT"; NULL or "": there is no door, and
 * connections are libgit2's own. Once, after libgit_start(). */
_must_check_ int door_use(const char *proxy, struct err *err);
