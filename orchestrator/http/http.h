/* The doors: one router on TCP and on a unix socket. Owns connections and requests; decides
 * nothing.
 *
 * Every request has a body cap, checked before the body is read, and a total deadline; a peer may
 * hold only so many connections. A delivery is answered after the commit that holds it. */
#pragma once
#include "orchestrator/engine/engine.h"
#include "orchestrator/lib/issuer.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/metrics.h"
#include "orchestrator/lib/strbuf.h"

struct http;

/* Answers every request on the unix socket whose path begins with `prefix`; the answer goes out
 * after the commit of what it wrote. */
struct http_door {
	const char *prefix;
	int (*handle)(void *owner, const char *method, const char *path, const char *body,
		size_t length, struct strbuf *answer, int *ret_status, struct err *err);
	void *owner;
};

struct http_options {
	struct loop *loop;
	struct engine *engine;
	struct store *store;
	const struct settings *settings; /* borrowed until http_reload() brings others */
	const struct http_door *doors;	 /* prefix NULL ends */
	struct issuer *issuer;		 /* borrowed: whose public keys are shown */
	/* NULL when all is well, else why not: for /readyz. */
	const char *(*why_not_ready)(void *owner);
	/* What the operator should know although all is well; NULL: nothing. */
	const char *(*warning)(void *owner);
	/* What keeps jobs apart on this machine: 0 nothing, 1 Landlock, 2 everything. */
	int (*sandbox_tier)(void *owner);
	/* Reads the configuration again. ERR_CONFIG: the warning says every error. */
	int (*reload)(void *owner, int64_t *ret_generation, struct err *err);
	void *owner;
};

_must_check_ int http_new(const struct http_options *options, struct http **ret, struct err *err);
/* What there is now: 0 when the store cannot say. */
size_t http_gauges(const struct http *http, struct gauge ret[GAUGES_MAX]);
int http_port(const struct http *http); /* the one that was really taken */
void http_reload(struct http *http, const struct settings *settings);
void http_free(struct http *http);
