/* The hosts behind HTTP by their kind in server.yaml, for those who plug the parts together. */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/ports/vcs_host.h"
#include "vcs/web/web_doctor.h"

struct hosts_options {
	struct loop *loop;
	const struct clock *clock;
	/* For the operator's log: what the host refuses. */
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

/* Reads the files of the settings. ERR_CONFIG says what is missing, or that nobody knows the kind.
 * *ret ends with its own free(). */
_must_check_ int hosts_open(const struct host_settings *settings,
	const struct hosts_options *options, struct vcs_host **ret, struct err *err);
/* Asks the host who we are, and waits. *ret_login is the caller's. */
_must_check_ int hosts_check(
	const struct host_settings *settings, char **ret_login, struct err *err);
/* What is wrong between us and the host. */
_must_check_ int hosts_examine(const struct host_settings *settings, const char *status_prefix,
	const char *repo, host_finding_cb cb, void *owner, struct err *err);
