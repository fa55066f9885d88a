/* What is wrong between us and a host of GitHub's kind, for those who set it up: what the
 * credential may do, whether webhooks arrive, and whether rules of branches wait for statuses that
 * nobody sends. Asks with a loop of its own and waits; changes nothing there. */
#pragma once
#include "orchestrator/ports/vcs_host.h"
#include "vcs/web/web_dialect.h"

struct web_verbs;

struct host_finding {	  /* borrowed until the call-back returns */
	const char *what; /* "webhook", "acme/infra" */
	bool is_fine;
	const char *detail, *remedy;
};

typedef void (*host_finding_cb)(void *owner, const struct host_finding *finding);

struct web_doctor_options {
	const struct web_dialect *dialect;
	const struct web_verbs *verbs;
	const struct host_settings *settings;
	const char *status_prefix; /* "sluice" */
	const char *repo; /* "owner/name" to look at, or NULL: those that the allow list names */
	host_finding_cb cb;
	void *owner;
};

/* Every finding goes to the call-back. ERR_CONFIG: the settings do not even allow to ask. */
_must_check_ int web_doctor(const struct web_doctor_options *options, struct err *err);
