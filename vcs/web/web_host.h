/* A host that speaks GitHub's API, or one like it, as a host of the engine. Owns: its
 * client, what it remembers of comments and statuses (only to send less). Must not: decide
 * anything.
 *
 * Start reading in web_host.c (the port), then web_comments.c, web_statuses.c and
 * web_reads.c (what each request becomes), web_client.c (how it is sent). */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/ports/vcs_host.h"
#include "vcs/web/web_dialect.h"

struct web_host;
struct web_verbs;

struct web_host_options {
	const struct web_dialect *dialect;
	const struct web_verbs *verbs;
	struct loop *loop;
	const struct clock *clock;
	const struct host_settings *settings;	       /* read here, not kept */
	void (*known)(void *owner, const char *login); /* who we are there; or NULL */
	/* For the operator's log: what the host refuses. */
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

/* Reads the files of the settings: secrets, token or key. ERR_CONFIG says what is missing. */
_must_check_ int web_host_new(
	const struct web_host_options *options, struct web_host **ret, struct err *err);
struct vcs_host *web_host_port(struct web_host *host); /* borrowed; its free() ends it */
/* Asks who we are and waits for the answer, for those who set it up; of `kind` it takes dialect,
 * verbs and settings. *ret_login is the caller's. */
_must_check_ int web_host_check(
	const struct web_host_options *kind, char **ret_login, struct err *err);
