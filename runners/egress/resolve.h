/* Names into addresses, without blocking, so that one loop serves all tunnels, and with all
 * addresses in our hands before one is used. Owns: the questions that are open. Must not: judge an
 * answer. */
#pragma once
#include "orchestrator/lib/err.h"
#include <poll.h>
#include <sys/socket.h>

enum { RESOLVE_ADDRESSES_MAX = 16, RESOLVE_POLLS_MAX = 16 };

struct resolver;
struct resolved {
	struct sockaddr_storage list[RESOLVE_ADDRESSES_MAX]; /* port 0 */
	size_t count;
};

/* `servers`: "address:port,..." instead of the machine's, or NULL. */
_must_check_ int resolver_new(const char *servers, struct resolver **ret, struct err *err);
void resolver_free(struct resolver *resolver); /* open questions are answered with an error */
/* `done` is called exactly once, perhaps before this returns; `answer` is borrowed, NULL with
 * `why` on failure. */
void resolver_ask(struct resolver *resolver, const char *host,
	void (*done)(void *owner, const struct resolved *answer, const char *why), void *owner);
/* Fills what to wait for; returns how many. Lowers *timeout_ms to when it wants to be called. */
size_t resolver_polls(struct resolver *resolver, struct pollfd *ret, int *timeout_ms);
void resolver_work(struct resolver *resolver, const struct pollfd *polls, size_t count);
