/* Private to the doors. */
#pragma once
#include "orchestrator/http/http.h"
#include "orchestrator/store/store.h"

#include <jansson.h>

enum { ANSWER_MAX = 32 << 20 };

#define HTTP_METRICS "/metrics" /* unless metrics.prometheus.endpoint says another */

struct http_call { /* one request, while a handler works on it */
	struct http *http;
	void *request; /* server.c's */
	const char *method, *path;
	const char *rest; /* what stands where the route has "*" */
	const char *body;
	size_t length;
	struct strbuf answer;
	const char *type;
	int status;
	bool waits; /* answered later by http_answer_later() */
};

enum http_where { ON_TCP = 1, ON_UNIX = 2, ON_BOTH = 3 };

struct http_route {
	const char *method, *path; /* a "*" at the end matches the rest */
	enum http_where where;
	void (*handle)(struct http_call *call);
	bool tells_rows; /* answered when the rows that it read are stored */
};

extern const struct http_route http_routes[];
extern const size_t http_route_count;

const struct http_options *http_options(const struct http *http);
const char *http_header(const struct http_call *call, const char *name);
const char *http_query(const struct http_call *call, const char *name);
/* The call's answer goes out when the engine has committed. The owner for engine_accepted_cb. */
void *http_wait(struct http_call *call);
void http_accepted(void *owner, bool is_repeat, const struct err *err);

_printf_(4, 5) void http_fail(
	struct http_call *call, int status, const char *hint, const char *format, ...);
void http_json(struct http_call *call, json_t *json); /* takes the reference */

/* listen.c */
_must_check_ int http_listen_tcp(
	const struct settings *settings, int *ret_fd, int *ret_port, struct err *err);
_must_check_ int http_listen_unix(const char *path, int *ret_fd, struct err *err);

/* api.c */
void api_pulls(struct http_call *call);
void api_runs(struct http_call *call);
void api_run(struct http_call *call);
void api_gates(struct http_call *call); /* the id of a pull; approve=bob,carol */
void api_locks(struct http_call *call);
void api_queue(struct http_call *call);
struct store *api_store(const struct http_call *call);
void api_fail(struct http_call *call, const struct err *err);
void api_audit(struct http_call *call);
void api_audit_at(struct http_call *call);
void api_audit_external(struct http_call *call);
void api_audit_follow_ups(struct http_call *call);
void api_audit_verify(struct http_call *call);
void api_drift(struct http_call *call);
void api_drift_report(struct http_call *call);
void api_drift_run(struct http_call *call);
void api_drift_say(struct http_call *call);
void api_command(struct http_call *call);
void api_reload(struct http_call *call);
