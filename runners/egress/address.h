/* Which addresses belong to the public network. Pure. Everything else is somebody's inside: this
 * machine, its neighbours, the metadata service of a cloud. */
#pragma once
#include "orchestrator/lib/base.h"
#include <sys/socket.h>

/* False for anything that is not an IPv4 or IPv6 address. An IPv4 address inside an IPv6 one is
 * judged as what it reaches. */
bool address_is_global(const struct sockaddr *address);
