/* Private to the notifier. A kind of channel is one function that makes a call of a request, and
 * perhaps one that reads its answer. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/notify/notify.h"

enum { CALL_MS = 30000, ANSWER_MAX = 4 << 20, HEADERS_MAX = 8 };

struct notify;

/* One request on its way, perhaps in several calls. */
struct errand {
	struct list in_notify;
	struct notify *notify;
	struct notifier_request request; /* strings in the arena */
	struct arena arena;
	const struct channel_kind *kind;
	const char *secret; /* read for this errand alone, or "" */
	bool is_unsure;	    /* it may have arrived, and nobody can look */
	int step;
	notifier_done_cb done;
	void *owner;
};

struct channel_kind {
	const char *name;
	/* Fills in the call of this step; strings in the arena. */
	int (*make)(struct errand *errand, struct http_request *ret, struct err *err);
	/* Reads an answer of status 2xx; NULL: that is enough. 1: another step comes. */
	int (*read)(struct errand *errand, const struct http_answer *answer,
		const char **ret_thread, struct err *err);
};

extern const struct channel_kind notify_slack, notify_webhook, notify_mail, notify_ping;

/* A file with one secret, read anew each time so that it can be changed; known to the mask from
 * then on. */
_must_check_ int errand_secret(struct errand *errand, const char *path, const char *what,
	const char **ret, struct err *err);
/* "Name: value" lines, NULL-ended, in the errand's arena. */
const char **errand_headers(struct errand *errand, size_t count, ...);
