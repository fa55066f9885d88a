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
#include "vcs/web/web_budget.h"
#include "vcs/web/web_dialect.h"
#include <jansson.h>

struct web_client;
struct rsa_key;

struct web_client_options { /* copied, but for the key, which is taken */
	const struct web_dialect *dialect;
	struct loop *loop;
	const struct clock *clock;
	const char *api_url;   /* without a slash at the end */
	const char *ca_bundle; /* or NULL */
	const char *proxy;     /* or NULL */
	const char *token;     /* of a person; or NULL: we are an App */
	int64_t app_id;
	struct rsa_key *app_key;
};

struct web_ask { /* copied */
	const char *method;
	const char *path; /* "/repos/acme/infra/pulls/3"; NULL: GraphQL */
	const char *repo; /* whose installation speaks; NULL: the App itself */
	const char *body; /* JSON, or NULL */
	enum web_priority priority;
	bool all_pages; /* of a list, as one array; more than can be taken is an error */
	bool may_lag;	/* 404 may mean "not yet": asked again a few times */
};

struct web_result {
	int status;	    /* 0: no answer */
	const json_t *json; /* borrowed; NULL when the body is none */
	int64_t retry_ms;   /* > 0: not before */
};

/* err is NULL when status is 2xx. Its class: TEMP, asking again can help, and nobody knows whether
 * it was done; CONFIG, the operator must act; PERM otherwise. May be called before
 * web_client_ask() returns. */
typedef void (*web_answer_cb)(void *owner, const struct web_result *result, const struct err *err);

_must_check_ int web_client_new(
	const struct web_client_options *options, struct web_client **ret, struct err *err);
/* Whatever was asked and not answered is answered with an error. */
void web_client_free(struct web_client *client);
/* Another token, copied, or another key of the App, which is taken: whichever it has. */
void web_client_change(struct web_client *client, const char *token, struct rsa_key *app_key);
void web_client_ask(
	struct web_client *client, const struct web_ask *ask, web_answer_cb cb, void *owner);

/* The token that git may use for this repository, now; or "" while none is there. For Apps it is
 * asked for beforehand by web_client_ready(). Borrowed. */
const char *web_client_token(struct web_client *client, const char *repo);
/* cb(result of no meaning, err) once a token for this repository is there. */
void web_client_ready(struct web_client *client, const char *repo, web_answer_cb cb, void *owner);
bool web_client_is_app(const struct web_client *client);
