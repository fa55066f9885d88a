/* What the engine wants from whoever carries its words to people who look at no pull request. A
 * notifier carries; it decides neither what is said nor to whom, nor whether it is tried again. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"

struct notifier_request {
	const struct notification *to;
	const char *key;   /* of this message, the same for ever: a receiver knows a repeat by it */
	const char *event; /* "drift", "apply": for receivers that are programs */
	const char *subject; /* of mail */
	const char *body;    /* Slack: {"text", "blocks"}; webhook: JSON; mail: text; ping: "" */
	const char *thread;  /* what the first message of this notice was answered with, or "" */
	int64_t since_ms;    /* when it was asked for first */
	int64_t now_ms;
	bool is_repeat; /* it may have arrived: look for it first, where that can be done */
};

struct notifier_answer {
	const char *thread; /* of a message that others may follow, or "" */
	int64_t retry_ms;   /* of a failure: do not ask again before; or 0 */
};

/* Called exactly once for each request, also in the same turn. err is NULL when it has
 * arrived; its class says whether asking again can help: TEMP soon, CONFIG when somebody mended it.
 */
typedef void (*notifier_done_cb)(
	void *owner, const struct notifier_answer *answer, const struct err *err);

struct notifier {
	void (*send)(struct notifier *notifier, const struct notifier_request *request,
		notifier_done_cb done, void *owner);
};
