/* Calls to an API of GitHub's kind, for one host of the configuration. Owns: credentials, limits,
 * what was remembered of answers. Must not: know what a call is for.
 *
 * A call that may not be sent now is answered at once, with how long to wait: the queue is the
 * engine's outbox, which survives a restart. Nothing is sent twice by itself, but for a call that
 * GitHub refused because of an expired token, and reads of things that are too new to be found. */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/loop.h"
#include "vcs/github/github_budget.h"
#include "vcs/github/github_dialect.h"
#include <jansson.h>

struct github_client;
struct rsa_key;

struct github_client_options { /* copied, but for the key, which is taken */
	const struct github_dialect *dialect;
	struct loop *loop;
	const struct clock *clock;
	const char *api_url;   /* without a slash at the end */
	const char *ca_bundle; /* or NULL */
	const char *proxy;     /* or NULL */
	const char *token;     /* of a person; or NULL: we are an App */
	int64_t app_id;
	struct rsa_key *app_key;
};

struct github_ask { /* copied */
	const char *method;
	const char *path; /* "/repos/acme/infra/pulls/3"; NULL: GraphQL */
	const char *repo; /* whose installation speaks; NULL: the App itself */
	const char *body; /* JSON, or NULL */
	enum github_priority priority;
	bool all_pages; /* of a list, as one array; more than can be taken is an error */
	bool may_lag;	/* 404 may mean "not yet": asked again a few times */
};

struct github_result {
	int status;	    /* 0: no answer */
	const json_t *json; /* borrowed; NULL when the body is none */
	int64_t retry_ms;   /* > 0: not before */
};

/* err is NULL when status is 2xx. Its class: TEMP, asking again can help, and nobody knows whether
 * it was done; CONFIG, the operator must act; PERM otherwise. May be called before
 * github_client_ask() returns. */
typedef void (*github_answer_cb)(
	void *owner, const struct github_result *result, const struct err *err);

_must_check_ int github_client_new(
	const struct github_client_options *options, struct github_client **ret, struct err *err);
/* Whatever was asked and not answered is answered with an error. */
void github_client_free(struct github_client *client);
/* Another token, copied, or another key of the App, which is taken: whichever it has. */
void github_client_change(struct github_client *client, const char *token, struct rsa_key *app_key);
void github_client_ask(struct github_client *client, const struct github_ask *ask,
	github_answer_cb cb, void *owner);

/* The token that git may use for this repository, now; or "" while none is there. For Apps it is
 * asked for beforehand by github_client_ready(). Borrowed. */
const char *github_client_token(struct github_client *client, const char *repo);
/* cb(result of no meaning, err) once a token for this repository is there. */
void github_client_ready(
	struct github_client *client, const char *repo, github_answer_cb cb, void *owner);
bool github_client_is_app(const struct github_client *client);
