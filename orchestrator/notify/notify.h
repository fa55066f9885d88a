/* Slack, signed webhooks, mail and pings behind the port of notices. */
#pragma once
#include "orchestrator/ports/notifier.h"

struct loop;

_must_check_ int notify_new(struct loop *loop, struct notifier **ret, struct err *err);
void notify_free(
	struct notifier *notifier); /* NULL is fine; what is on its way is answered with an error */
