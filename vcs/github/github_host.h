/* GitHub, github.com or an Enterprise server, and who speaks its API, as a host of the engine.
 * Owns: its client, what it remembers of comments and statuses (only to send less). Must not:
 * decide anything.
 *
 * Start reading in github_host.c (the port), then github_comments.c, github_statuses.c and
 * github_reads.c (what each request becomes), github_client.c (how it is sent). */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/ports/vcs_host.h"
#include "vcs/github/github_dialect.h"

struct github_host;
struct github_verbs;
extern const struct github_verbs github_verbs;

struct github_host_options {
	const struct github_dialect *dialect;
	const struct github_verbs *verbs;
	struct loop *loop;
	const struct clock *clock;
	const struct host_settings *settings;	       /* read here, not kept */
	void (*known)(void *owner, const char *login); /* who we are there; or NULL */
	/* For the operator's log: what the host refuses. */
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

/* Reads the files of the settings: secrets, token or key. ERR_CONFIG says what is missing. */
_must_check_ int github_host_new(
	const struct github_host_options *options, struct github_host **ret, struct err *err);
struct vcs_host *github_host_port(struct github_host *host); /* borrowed; its free() ends it */
/* Asks who we are and waits for the answer, for those who set it up; of `kind` it takes dialect,
 * verbs and settings. *ret_login is the caller's. */
_must_check_ int github_host_check(
	const struct github_host_options *kind, char **ret_login, struct err *err);
