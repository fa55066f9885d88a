/* libmicrohttpd on our loop, in its external epoll mode: one daemon for TCP, one for the unix
 * socket.
 *
 * Trap: the library's time-out counts idle time only, so a client that sends a header a second
 * lives for ever. We keep the time since each connection last finished a request, and shut down the
 * socket when that is too long. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/lib/metrics.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	CONNECTIONS_MAX = 1000,
	CONNECTION_MEMORY = 24 << 10,
	BODIES_MAX = 32 << 20, /* of all requests that are not whole yet */
	SWALLOWED_BODIES = 16, /* so many times the cap are read to say 413 at the end */
	SWEEP_MS = 1000,
	GATHERINGS = 4
};

struct daemon {
	struct http *http;
	struct MHD_Daemon *mhd;
	struct loop_poll *poll;
	struct loop_timer *timer;
	enum http_where where;
	bool has_closed; /* a connection, since the library ran last */
};

struct http {
	struct http_options options;
	struct daemon tcp, local;
	struct list connections;
	struct loop_timer *sweep; /* armed while there are connections */
	size_t bodies_bytes;
	uint64_t suspended; /* requests, ever */
	char *socket_path;
	int port;
	struct MHD_Response *accepted, *repeated;
};

struct connection {
	struct list in_http;
	int fd;
	int64_t since_ms; /* it was made, or finished a request */
	bool waits;	  /* for a commit of ours: not its fault */
};

struct request {
	struct http *http;
	struct daemon *daemon;
	struct MHD_Connection *mhd;
	struct connection *connection;
	struct strbuf body;
	size_t received;
	size_t cap_bytes;    /* as it was when the request began: a reload may change it */
	bool is_crowded_out; /* no room for its body */
	struct http_call call;
	bool is_suspended, is_gone, is_answered;
	bool is_delivery; /* answered with one of two fixed responses */
	int late_status;  /* of a delivery, once committed */
	struct err late_err;
};

const struct http_options *http_options(const struct http *http)
{
	return &http->options;
}

const char *http_header(const struct http_call *call, const char *name)
{
	struct request *request = call->request;

	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

const char *http_query(const struct http_call *call, const char *name)
{
	struct request *request = call->request;

	return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

void http_json(struct http_call *call, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	strbuf_clear(&call->answer);
	strbuf_puts(&call->answer, text == NULL ? "{}" : text);
	strbuf_putc(&call->answer, '\n');
	free(text);
	call->type = "application/json";
}

/* What comes from a request may be any bytes; what goes out is text. */
static void make_text(char *text)
{
	while (*(text += codec_utf8_prefix(text, strlen(text))) != '\0')
		*text = '?';
}

void http_fail(struct http_call *call, int status, const char *hint, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_text(text);
	call->status = status;
	http_json(call, json_pack("{s:s, s:s}", "error", text, "hint", hint));
}

/* ---- answering ---- */

static enum MHD_Result send_answer(struct request *request)
{
	struct http_call *call = &request->call;
	struct MHD_Response *response = MHD_create_response_from_buffer(call->answer.length,
		(void *)(uintptr_t)strbuf_text(&call->answer), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result sent;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
		call->type == NULL ? "text/plain; charset=utf-8" : call->type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	sent = MHD_queue_response(request->mhd, (unsigned)call->status, response);
	MHD_destroy_response(response);
	request->is_answered = true;
	return sent;
}

static enum MHD_Result send_late(struct request *request)
{
	if (request->late_err.code != ERR_NONE) {
		http_fail(&request->call, 503, "send it again later", "it could not be stored: %s",
			request->late_err.text);
		return send_answer(request);
	}
	if (!request->is_delivery)
		return send_answer(request);
	request->is_answered = true;
	return MHD_queue_response(request->mhd, (unsigned)request->late_status,
		request->late_status == 200 ? request->http->repeated : request->http->accepted);
}

void *http_wait(struct http_call *call)
{
	call->waits = true;
	return call->request;
}

static void body_drop(struct request *request)
{
	request->http->bodies_bytes -= request->body.length;
	strbuf_release(&request->body);
}

static void request_free(struct request *request)
{
	body_drop(request);
	strbuf_release(&request->call.answer);
	free(request);
}

/* After the commit that holds what this request brought. */
void http_accepted(void *owner, bool is_repeat, const struct err *err)
{
	struct request *request = owner;

	request->call.waits = false;
	if (err != NULL)
		request->late_err = *err;
	request->late_status = is_repeat ? 200 : 202;
	if (request->is_gone) {
		request_free(request);
		return;
	}
	if (request->connection != NULL)
		request->connection->waits = false;
	if (request->is_suspended) {
		request->is_suspended = false;
		MHD_resume_connection(request->mhd);
		loop_timer_arm(request->daemon->timer, 0);
	}
}

/* ---- requests ---- */

/* The one door whose path the operator may choose, for others: our own commands know it. */
static const char *path_of(const struct request *request, const struct http_route *route)
{
	return request->daemon->where == ON_TCP && str_equal(route->path, HTTP_METRICS)
		       ? request->http->options.settings->metrics.prometheus_path
		       : route->path;
}

static const struct http_route *find_route(
	struct request *request, const char *method, const char *path)
{
	struct http_call *call = &request->call;
	bool path_is_known = false;

	for (size_t i = 0; i < http_route_count; i++) {
		const struct http_route *route = &http_routes[i];
		const char *expected = path_of(request, route);
		size_t length = strlen(expected);
		bool is_open = expected[length - 1] == '*';

		if ((route->where & request->daemon->where) == 0)
			continue;
		if (is_open ? strncmp(path, expected, length - 1) != 0 : !str_equal(path, expected))
			continue;
		path_is_known = true;
		if (!str_equal(method, route->method))
			continue;
		call->rest = is_open ? path + length - 1 : "";
		return route;
	}
	http_fail(call, path_is_known ? 405 : 404, "",
		path_is_known ? "this path does not take %s" : "there is nothing here%.0s", method);
	return NULL;
}

static const struct http_door *find_door(const struct request *request, const char *path)
{
	const struct http_door *door = request->http->options.doors;

	for (; request->daemon->where == ON_UNIX && door != NULL && door->prefix != NULL; door++) {
		if (str_starts(path, door->prefix))
			return door;
	}
	return NULL;
}

/* The library has taken the query off the path; doors want it back. Values of ours are plain words.
 */
static enum MHD_Result add_query(
	void *owner, _unused_ enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct strbuf *path = owner;

	strbuf_printf(path, "%c%s=%s", strchr(strbuf_text(path), '?') == NULL ? '?' : '&', key,
		value == NULL ? "" : value);
	return MHD_YES;
}

static void call_door(struct request *request, const struct http_door *door)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF(16 << 10);
	struct http_call *call = &request->call;
	struct err err = { 0 };

	strbuf_puts(&path, call->path);
	(void)MHD_get_connection_values(request->mhd, MHD_GET_ARGUMENT_KIND, add_query, &path);
	call->status = 200;
	call->type = "application/json";
	if (door->handle(door->owner, call->method, strbuf_text(&path), call->body, call->length,
		    &call->answer, &call->status, &err) < 0) {
		http_fail(call,
			call->status >= 400				       ? call->status
			: err.class == ERR_CLASS_TEMP || err.code == ERR_STORE ? 503
			: err.code == ERR_MISSING			       ? 404
									       : 400,
			"", "%s", err.text);
		return;
	}
	if (!str_equal(call->method, "GET"))
		engine_after_commit(request->http->options.engine, http_accepted, http_wait(call));
}

/* Somebody who was told that a run ended must not find it running after a crash. */
static void wait_for_rows(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);

	if (store_is_dirty(options->store))
		engine_after_commit(options->engine, http_accepted, http_wait(call));
}

static enum MHD_Result handle_whole(struct request *request, const char *method, const char *path)
{
	const struct http_door *door = find_door(request, path);
	const struct http_route *route;

	request->call.method = method;
	request->call.path = path;
	request->call.body = strbuf_text(&request->body);
	request->call.length = request->body.length;
	if (door != NULL) {
		call_door(request, door);
	} else {
		route = find_route(request, method, path);
		if (route != NULL) {
			request->is_delivery = str_starts(path, "/events");
			request->call.status = 200;
			route->handle(&request->call);
			if (route->tells_rows)
				wait_for_rows(&request->call);
		}
	}
	if (!request->call.waits)
		return send_answer(request);
	request->is_suspended = true;
	request->http->suspended++;
	if (request->connection != NULL)
		request->connection->waits = true;
	MHD_suspend_connection(request->mhd);
	return MHD_YES;
}

static enum MHD_Result refuse_large(struct request *request)
{
	metrics_add(METRIC_REQUESTS_CUT, 1);
	http_fail(&request->call, 413, "", "the body is larger than %lld bytes",
		(long long)request->cap_bytes);
	return send_answer(request);
}

static enum MHD_Result refuse_crowd(struct request *request)
{
	metrics_add(METRIC_REQUESTS_CUT, 1);
	http_fail(&request->call, 503, "send it again later",
		"too many large requests arrive at the same time");
	return send_answer(request);
}

/* False: this one would send for ever. What is too large is read on for a while all the same,
 * because in the middle of a body the library takes no answer. */
static bool take_body(struct request *request, const char *bytes, size_t length)
{
	struct http *http = request->http;
	size_t cap = request->cap_bytes;

	request->received += length;
	if (request->received > cap || request->is_crowded_out) {
		body_drop(request);
		return request->received <= cap * SWALLOWED_BODIES;
	}
	if (length > BODIES_MAX - http->bodies_bytes) {
		request->is_crowded_out = true;
		body_drop(request);
		return true;
	}
	strbuf_append(&request->body, bytes, length);
	http->bodies_bytes += length;
	return true;
}

static struct request *request_new(struct daemon *daemon, struct MHD_Connection *mhd)
{
	struct request *request = mem_alloc(sizeof(*request));
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	request->http = daemon->http;
	request->daemon = daemon;
	request->mhd = mhd;
	request->connection = info == NULL ? NULL : info->socket_context;
	request->call.http = daemon->http;
	request->call.request = request;
	request->cap_bytes = (size_t)daemon->http->options.settings->body_cap_bytes;
	strbuf_init(&request->body, request->cap_bytes);
	strbuf_init(&request->call.answer, ANSWER_MAX);
	return request;
}

struct framing { /* what the headers say of where the body ends */
	int lengths, codings;
	const char *length, *coding;
};

static enum MHD_Result see_header(
	void *owner, _unused_ enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct framing *framing = owner;

	if (strcasecmp(key, "Content-Length") == 0) {
		framing->lengths++;
		framing->length = value;
	} else if (strcasecmp(key, "Transfer-Encoding") == 0) {
		framing->codings++;
		framing->coding = value;
	}
	return MHD_YES;
}

/* Trap: a proxy in front may believe the other of two ways to say where a body ends; then what
 * follows is a request to us that it never saw. */
static enum MHD_Result check_head(struct request *request)
{
	struct framing framing = { 0 };

	(void)MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, see_header, &framing);
	if (framing.lengths + framing.codings > 1 ||
		(framing.coding != NULL && strcasecmp(framing.coding, "chunked") != 0)) {
		http_fail(&request->call, 400, "send one Content-Length, or chunks",
			"the headers do not say clearly where the body ends");
		return send_answer(request);
	}
	if (framing.length != NULL &&
		strtoll(framing.length, NULL, 10) > (long long)request->cap_bytes)
		return refuse_large(request);
	return MHD_YES;
}

/*~ 1. A webhook arrives, head first: who connects too often, says too much or drips is turned
 * away here, before a byte of it is kept. */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *mhd, const char *path,
	const char *method, _unused_ const char *version, const char *bytes, size_t *length,
	void **context)
{
	struct daemon *daemon = owner;
	struct request *request = *context;

	if (request == NULL) {
		*context = request = request_new(daemon, mhd);
		return check_head(request);
	}
	if (request->is_answered)
		return MHD_YES;
	if (*length > 0) {
		bool goes_on = take_body(request, bytes, *length);

		*length = 0;
		return goes_on ? MHD_YES : MHD_NO;
	}
	if (request->late_status != 0)
		return send_late(request);
	if (request->received > request->cap_bytes)
		return refuse_large(request);
	if (request->is_crowded_out)
		return refuse_crowd(request);
	return handle_whole(request, method, path);
}

static void on_completed(_unused_ void *owner, _unused_ struct MHD_Connection *mhd, void **context,
	_unused_ enum MHD_RequestTerminationCode how)
{
	struct request *request = *context;

	if (request == NULL)
		return;
	*context = NULL;
	if (request->connection != NULL) {
		request->connection->since_ms = clock_monotonic_ms(&clock_system);
		request->connection->waits = false;
	}
	if (request->call.waits)
		request->is_gone = true; /* freed when the engine answers */
	else
		request_free(request);
}

/* ---- connections ---- */

static void on_connection(void *owner, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct daemon *daemon = owner;
	struct connection *connection = *context;
	const union MHD_ConnectionInfo *info;
	int one = 1;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		daemon->has_closed = true;
		if (connection != NULL)
			list_remove(&connection->in_http);
		free(connection);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	connection = mem_alloc(sizeof(*connection));
	connection->fd = info == NULL ? -1 : info->connect_fd;
	connection->since_ms = clock_monotonic_ms(&clock_system);
	if (daemon->where == ON_TCP)
		(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* Not at every connection: a steady stream of them would put the sweep off for ever. */
	if (list_empty(&daemon->http->connections))
		loop_timer_arm(daemon->http->sweep, SWEEP_MS);
	list_append(&daemon->http->connections, &connection->in_http);
	*context = connection;
}

static void on_sweep(void *owner)
{
	struct http *http = owner;
	int64_t now = clock_monotonic_ms(&clock_system);

	list_for_each (item, &http->connections) {
		struct connection *connection = container_of(item, struct connection, in_http);

		if (connection->waits ||
			now - connection->since_ms < http->options.settings->request_deadline_ms)
			continue;
		metrics_add(METRIC_REQUESTS_CUT, 1);
		(void)shutdown(connection->fd, SHUT_RDWR);
	}
	if (!list_empty(&http->connections))
		loop_timer_arm(http->sweep, SWEEP_MS);
}

/* ---- daemons ---- */

/* While deliveries were read others came: they are read too, and share the commit. */
static void gather(struct daemon *daemon)
{
	uint64_t before;
	int times = 0;

	do {
		before = daemon->http->suspended;
		MHD_run(daemon->mhd);
	} while (daemon->http->suspended != before && ++times < GATHERINGS);
}

/* Trap: at its limit the library stops listening, and listens again at the start of the run that
 * follows the one which cleaned a connection away. When the last ones go together nothing else
 * would wake it, and nobody would ever be served again; so what closed is followed by a run. */
static void run_daemon(struct daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	daemon->has_closed = false;
	gather(daemon);
	if (daemon->has_closed)
		loop_timer_arm(daemon->timer, 0);
	else if (MHD_get_timeout(daemon->mhd, &timeout) == MHD_YES)
		loop_timer_arm(daemon->timer, (int64_t)timeout);
	else
		loop_timer_disarm(daemon->timer);
}

static void on_readable(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	run_daemon(owner);
}

static void on_timer(void *owner)
{
	run_daemon(owner);
}

static int daemon_start(
	struct http *http, struct daemon *daemon, enum http_where where, int fd, struct err *err)
{
	const union MHD_DaemonInfo *info;
	unsigned per_peer = where == ON_TCP ? (unsigned)http->options.settings->connections_per_peer
					    : 0;

	daemon->http = http;
	daemon->where = where;
	daemon->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, daemon, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_peer, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, daemon,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, daemon, MHD_OPTION_END);
	if (daemon->mhd == NULL) {
		close(fd);
		return err_set(err, ERR_NET, "the HTTP server cannot be started");
	}
	info = MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	daemon->timer = loop_timer_new(http->options.loop, on_timer, daemon);
	daemon->poll = loop_poll_new(http->options.loop, info->epoll_fd, on_readable, daemon);
	loop_poll_want(daemon->poll, true, false);
	return 0;
}

static void daemon_stop(struct daemon *daemon)
{
	if (daemon->mhd == NULL)
		return;
	loop_poll_free(daemon->poll);
	loop_timer_free(daemon->timer);
	MHD_stop_daemon(daemon->mhd);
	daemon->mhd = NULL;
}

static struct MHD_Response *fixed(const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		abort();
	MHD_add_response_header(response, "Content-Type", "application/json");
	return response;
}

int http_new(const struct http_options *options, struct http **ret, struct err *err)
{
	struct http *http = mem_alloc(sizeof(*http));
	int fd = -1, r;

	http->options = *options;
	list_init(&http->connections);
	http->sweep = loop_timer_new(options->loop, on_sweep, http);
	http->accepted = fixed("{\"accepted\":true}\n");
	http->repeated = fixed("{\"accepted\":true,\"repeated\":true}\n");
	http->socket_path = mem_printf("%s/sluice.sock", options->settings->data_dir);
	r = http_listen_tcp(options->settings, &fd, &http->port, err);
	if (r == 0)
		r = daemon_start(http, &http->tcp, ON_TCP, fd, err);
	if (r == 0)
		r = http_listen_unix(http->socket_path, &fd, err);
	if (r == 0)
		r = daemon_start(http, &http->local, ON_UNIX, fd, err);
	if (r < 0) {
		http_free(http);
		return r;
	}
	*ret = http;
	return 0;
}

int http_port(const struct http *http)
{
	return http->port;
}

void http_reload(struct http *http, const struct settings *settings)
{
	http->options.settings = settings;
}

/* Trap: a suspended connection cannot be stopped; requests that still wait for a commit are resumed
 * first. */
void http_free(struct http *http)
{
	if (http == NULL)
		return;
	daemon_stop(&http->tcp);
	daemon_stop(&http->local);
	loop_timer_free(http->sweep);
	MHD_destroy_response(http->accepted);
	MHD_destroy_response(http->repeated);
	if (http->local.http != NULL) /* else it may be another server's */
		(void)unlink(http->socket_path);
	free(http->socket_path);
	free(http);
}
