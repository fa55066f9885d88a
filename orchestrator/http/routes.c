/* Every door in one table. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/metrics.h"

#include <string.h>
#include <strings.h>

static const char *delivery_header(const struct delivery *delivery, const char *name)
{
	return http_header(delivery->owner, name);
}

static bool is_type(const char *type, const char *expected)
{
	size_t length = strlen(expected);

	return strncasecmp(type, expected, length) == 0 && strchr("; \t", type[length]) != NULL;
}

/* Real hosts may be set to send forms; the embedded one is only ever ours. */
static bool is_event_type(const char *type, const char *host)
{
	return str_empty(type) || is_type(type, "application/json") ||
	       (!str_equal(host, "local") && is_type(type, "application/x-www-form-urlencoded"));
}

/*~ 2. The door /events/HOST. What it answers is said by the commit, not by us: 202 means that
 * the row is on disk. */
static void post_event(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);
	struct delivery delivery = {
		.header = delivery_header, .owner = call, .body = call->body, .length = call->length
	};
	const char *host = str_empty(call->rest) ? "local" : call->rest;
	struct err err = { 0 };
	int r;

	if (!is_event_type(http_header(call, "Content-Type"), host)) {
		http_fail(call, 415, "choose application/json where the webhook is set up",
			"a delivery must be application/json");
		return;
	}
	r = engine_intake(options->engine, host, &delivery, http_accepted, http_wait(call), &err);
	if (r == 0)
		return;
	call->waits = false;
	if (r == -ERR_REFUSED)
		http_fail(call, 401, "look at the secret on both sides",
			"the signature does not fit: %s", err.text);
	else if (r == -ERR_MISSING)
		http_fail(call, 404, "", "%s", err.text);
	else if (r == -ERR_STORE || err.class == ERR_CLASS_TEMP)
		http_fail(call, 503, "send it again later", "%s", err.text);
	else
		http_fail(call, 400, "", "%s", err.text);
}

static void post_event_plain(struct http_call *call)
{
	call->rest = "";
	post_event(call);
}

static void get_healthz(struct http_call *call)
{
	strbuf_puts(&call->answer, "ok\n");
}

static void get_readyz(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);
	const char *why = options->why_not_ready(options->owner);

	if (why != NULL)
		call->status = 503;
	strbuf_printf(&call->answer, "%s\n", why == NULL ? "ready" : why);
	why = options->warning(options->owner);
	if (why != NULL)
		strbuf_printf(&call->answer, "%s\n", why);
}

static void get_metrics(struct http_call *call)
{
	struct gauge gauges[GAUGES_MAX];
	size_t count = http_gauges(call->http, gauges);

	metrics_print(&call->answer);
	metrics_print_gauges(&call->answer, gauges, count);
	if (count == 0)
		call->status = 503;
}

/* ---- who vouches for jobs ---- */

static void give_document(struct http_call *call, json_t *document)
{
	if (document == NULL)
		http_fail(call, 404, "", "this server vouches for nobody");
	else
		http_json(call, document);
}

static void get_discovery(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);

	give_document(call, issuer_discovery(options->issuer, options->settings->url));
}

static void get_keys(struct http_call *call)
{
	give_document(call, issuer_keys(http_options(call->http)->issuer));
}

static void post_rotate(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);
	struct err err = { 0 };

	if (!settings_use_identities(options->settings))
		http_fail(call, 422, "", "no profile of credentials has an identity");
	else if (issuer_rotate(options->issuer, &err) < 0)
		http_fail(call, 503, "", "%s", err.text);
	else
		give_document(call, issuer_keys(options->issuer));
}

const struct http_route http_routes[] = {
	{ "POST", "/events", ON_BOTH, post_event_plain },
	{ "POST", "/events/*", ON_BOTH, post_event },
	{ "GET", "/healthz", ON_BOTH, get_healthz },
	{ "GET", "/readyz", ON_BOTH, get_readyz },
	{ "GET", HTTP_METRICS, ON_BOTH, get_metrics, true },
	{ "GET", "/api/pulls", ON_UNIX, api_pulls, true },
	{ "GET", "/api/runs", ON_UNIX, api_runs, true },
	{ "GET", "/api/runs/*", ON_UNIX, api_run, true },
	{ "GET", "/api/gates/*", ON_UNIX, api_gates, true },
	{ "GET", "/api/locks", ON_UNIX, api_locks, true },
	{ "GET", "/api/queue", ON_UNIX, api_queue, true },
	{ "GET", "/api/audit", ON_UNIX, api_audit, true },
	{ "GET", "/api/audit/at", ON_UNIX, api_audit_at, true },
	{ "GET", "/api/audit/verify", ON_UNIX, api_audit_verify, true },
	{ "GET", "/api/audit/follow-ups", ON_UNIX, api_audit_follow_ups, true },
	{ "POST", "/api/audit/external", ON_UNIX, api_audit_external },
	{ "GET", "/api/drift", ON_UNIX, api_drift, true },
	{ "GET", "/api/drift/reports/*", ON_UNIX, api_drift_report, true },
	{ "POST", "/api/drift/run", ON_UNIX, api_drift_run },
	{ "POST", "/api/drift/say", ON_UNIX, api_drift_say },
	{ "POST", "/api/commands", ON_UNIX, api_command },
	{ "POST", "/api/reload", ON_UNIX, api_reload },
	{ "POST", "/api/rotate-key", ON_UNIX, post_rotate },
	{ "GET", ISSUER_DISCOVERY, ON_BOTH, get_discovery },
	{ "GET", ISSUER_KEYS, ON_BOTH, get_keys },
};

const size_t http_route_count = countof(http_routes);
