/* The server's end of the launcher's socket. Owns the launcher process and the packets it has not
 * taken yet; starts it again when it dies. Must not: know jobs. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/loop.h"
#include <jansson.h>

struct launcher_link;

struct launcher_events {
	/* One answer; *pidfd and *line are -1 or descriptors that may be taken with steal_fd(). */
	void (*answer)(void *owner, const json_t *packet, int *pidfd, int *line);
	/* It died with requests unanswered; a new one will be there soon. */
	void (*gone)(void *owner);
	void (*notice)(void *owner, const char *text);
	void *owner;
};

/* `settings` is its first packet. The process has an empty environment and nothing open but stdio
 * and the socket. */
_must_check_ int launcher_link_new(struct loop *loop, const char *program, const char *settings,
	const struct launcher_events *events, struct launcher_link **ret, struct err *err);
/* Waits until it says that it is ready, and of what kind its sandbox is; *ret is owned by the
 * caller. Fails with its reason when this machine gives less than is required. Call it once, before
 * the loop runs. */
_must_check_ int launcher_link_await(struct launcher_link *link, json_t **ret, struct err *err);
void launcher_link_send(struct launcher_link *link, const json_t *packet);
void launcher_link_free(struct launcher_link *link); /* NULL is fine */
