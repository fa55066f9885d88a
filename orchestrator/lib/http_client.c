/* libcurl's multi interface on our loop. Trap: finished transfers must be collected after every
 * action, sockets and time-outs alike, or an answer that arrives together with a time-out waits for
 * the next event. */
#include "orchestrator/lib/http_client.h"

#include "orchestrator/lib/list.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/strbuf.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

enum { HEADERS_MAX_BYTES = 128 << 10 };

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct list calls;
	struct list sockets;
	struct list kept;
};

struct http_call {
	struct list in_client;
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct strbuf body;
	size_t header_bytes;
	bool is_sent;
	bool is_read;	/* a GET: it may be sent again */
	bool met_stale; /* the connection it was to be sent on had more to say */
	char *sent_body;
	size_t body_length, body_at; /* of mail, which libcurl reads from us */
	struct curl_slist *to;	     /* mail */
	http_answer_cb cb;
	void *owner;
};

struct http_socket { /* libcurl's socket, owned by libcurl; the poll is ours */
	struct list in_client;
	struct http_client *client;
	curl_socket_t fd;
	struct loop_poll *poll;
};

/* A connection of HTTP/1 that has answered and is kept by libcurl for the next request. */
struct http_kept {
	struct list in_client;
	curl_socket_t fd;
	long port; /* ours: all that libcurl tells of a connection before it is used again */
};

static void collect(struct http_client *client);

static void call_free(struct http_call *call)
{
	list_remove(&call->in_client);
	curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->to);
	strbuf_release(&call->body);
	free(call->sent_body);
	free(call);
}

static void on_socket_ready(void *owner, bool readable, bool writable)
{
	struct http_socket *socket = owner;
	struct http_client *client = socket->client;
	int flags = (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0), running;

	curl_multi_socket_action(client->multi, socket->fd, flags, &running);
	collect(client);
}

static void on_timeout(void *owner)
{
	struct http_client *client = owner;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(client);
}

static int on_curl_timer(_unused_ CURLM *multi, long delay_ms, void *owner)
{
	struct http_client *client = owner;

	if (delay_ms < 0)
		loop_timer_disarm(client->timer);
	else
		loop_timer_arm(client->timer, delay_ms);
	return 0;
}

static void socket_free(struct http_socket *socket)
{
	list_remove(&socket->in_client);
	loop_poll_free(socket->poll);
	free(socket);
}

static int on_curl_socket(_unused_ CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct http_client *client = owner;
	struct http_socket *socket = known;

	if (what == CURL_POLL_REMOVE) {
		if (socket != NULL)
			socket_free(socket);
		return 0;
	}
	if (socket == NULL) {
		socket = mem_alloc(sizeof(*socket));
		socket->client = client;
		socket->fd = fd;
		socket->poll = loop_poll_new(client->loop, fd, on_socket_ready, socket);
		list_append(&client->sockets, &socket->in_client);
		curl_multi_assign(client->multi, fd, socket);
	}
	loop_poll_want(socket->poll, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
	return 0;
}

static void keep_connection(struct http_call *call)
{
	struct http_client *client = call->client;
	curl_socket_t fd = CURL_SOCKET_BAD;
	long version = 0, port = 0;
	struct http_kept *kept;

	curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(call->easy, CURLINFO_LOCAL_PORT, &port);
	curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD || version > CURL_HTTP_VERSION_1_1)
		return;
	list_for_each (item, &client->kept) {
		if (container_of(item, struct http_kept, in_client)->fd == fd)
			return;
	}
	kept = mem_alloc(sizeof(*kept));
	kept->fd = fd;
	kept->port = port;
	list_append(&client->kept, &kept->in_client);
}

static int on_curl_close(void *owner, curl_socket_t fd)
{
	struct http_client *client = owner;

	list_for_each (item, &client->kept) {
		struct http_kept *kept = container_of(item, struct http_kept, in_client);

		if (kept->fd == fd) {
			list_remove(item);
			free(kept);
		}
	}
	return close(fd);
}

/* Nobody has asked anything on it since it answered: what there is to read answers nothing. */
static bool has_more_to_say(const struct http_client *client, long port)
{
	list_for_each (item, &client->kept) {
		const struct http_kept *kept = container_of(item, struct http_kept, in_client);
		struct pollfd fd = { .fd = kept->fd, .events = POLLIN };

		if (kept->port == port && poll(&fd, 1, 0) > 0)
			return true;
	}
	return false;
}

static size_t on_body(char *bytes, size_t one, size_t length, void *owner)
{
	struct http_call *call = owner;

	strbuf_append(&call->body, bytes, one * length);
	return call->body.overflowed ? 0 : one * length;
}

/* libcurl keeps all headers, and this version sets no end to them. */
static size_t on_header(_unused_ char *bytes, size_t one, size_t length, void *owner)
{
	struct http_call *call = owner;

	call->header_bytes += one * length;
	return call->header_bytes > HEADERS_MAX_BYTES ? 0 : one * length;
}

static bool will_not_change(CURLcode code)
{
	return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
	       code == CURLE_PEER_FAILED_VERIFICATION;
}

static int status_of(const struct http_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* A mail server that says 4xx wants to be asked later; 5xx needs somebody who mends it. */
static void mail_failure(const struct http_call *call, CURLcode code, struct err *err)
{
	int status = status_of(call);

	if (status >= 400 && status < 600)
		err_class_set(err, ERR_NET, status < 500 ? ERR_CLASS_TEMP : ERR_CLASS_CONFIG,
			"the mail server says %d: %s", status, curl_easy_strerror(code));
	else
		err_class_set(err, ERR_NET,
			code == CURLE_USE_SSL_FAILED || will_not_change(code) ? ERR_CLASS_CONFIG
									      : ERR_CLASS_TEMP,
			"the mail server: %s", curl_easy_strerror(code));
}

static void answer_failure(struct http_call *call, CURLcode code)
{
	struct err err = { 0 };

	if (call->to != NULL)
		mail_failure(call, code, &err);
	else if (call->body.overflowed)
		err_set(&err, ERR_LIMIT, "the answer is larger than %zu bytes", call->body.cap);
	else if (call->header_bytes > HEADERS_MAX_BYTES)
		err_set(&err, ERR_LIMIT, "the headers of the answer are larger than %d bytes",
			HEADERS_MAX_BYTES);
	else
		err_class_set(&err, ERR_NET,
			will_not_change(code) ? ERR_CLASS_PERM : ERR_CLASS_TEMP, "%s",
			curl_easy_strerror(code));
	call->cb(call->owner, NULL, &err);
}

/* Nothing of it was sent. */
static void send_afresh(struct http_call *call)
{
	call->met_stale = false;
	curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_multi_add_handle(call->client->multi, call->easy);
}

static void answer(struct http_call *call, CURLcode code)
{
	struct http_answer reply = { .body = strbuf_text(&call->body),
		.length = call->body.length,
		.transfer = call->easy };
	curl_off_t retry_after = 0;

	if (code != CURLE_OK || call->body.overflowed) {
		answer_failure(call, code);
		return;
	}
	if (call->to == NULL)
		keep_connection(call);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	reply.status = status_of(call);
	reply.retry_after_s = retry_after;
	call->cb(call->owner, &reply, NULL);
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(answer->transfer, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
		       ? header->value
		       : NULL;
}

static void collect(struct http_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct http_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (call->met_stale) {
			send_afresh(call);
			continue;
		}
		answer(call, code);
		call_free(call);
	}
}

int http_client_new(struct loop *loop, struct http_client **ret, struct err *err)
{
	static bool is_ready;
	struct http_client *client;

	if (!is_ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_BUG, "libcurl cannot be initialised");
	is_ready = true;
	client = mem_alloc(sizeof(*client));
	client->loop = loop;
	client->multi = curl_multi_init();
	if (client->multi == NULL)
		abort();
	client->timer = loop_timer_new(loop, on_timeout, client);
	list_init(&client->calls);
	list_init(&client->sockets);
	list_init(&client->kept);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*ret = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	list_for_each (item, &client->calls) {
		call_free(container_of(item, struct http_call, in_client));
	}
	curl_multi_cleanup(client->multi);
	list_for_each (item, &client->sockets) {
		socket_free(container_of(item, struct http_socket, in_client));
	}
	loop_timer_free(client->timer);
	free(client);
}

/* Two traps. An answer that came twice waits on the connection, and libcurl of this age takes it
 * for the answer of the next request. And it sends a request again when a connection that was used
 * before breaks without an answer: what makes something may have been done by then. */
static int on_request(
	void *owner, _unused_ char *to, _unused_ char *from, _unused_ int to_port, int from_port)
{
	struct http_call *call = owner;

	call->met_stale = has_more_to_say(call->client, from_port);
	if (call->met_stale || (call->is_sent && !call->is_read))
		return CURL_PREREQFUNC_ABORT;
	call->is_sent = true;
	return CURL_PREREQFUNC_OK;
}

static size_t on_mail_read(char *to, size_t one, size_t room, void *owner)
{
	struct http_call *call = owner;
	size_t left = call->body_length - call->body_at;
	size_t length = left < one * room ? left : one * room;

	__builtin_memcpy(to, call->sent_body + call->body_at, length);
	call->body_at += length;
	return length;
}

static void set_mail(struct http_call *call, const struct http_request *request)
{
	const struct http_mail *mail = request->mail;
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
		mail->must_be_secret ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from);
	for (size_t i = 0; i < mail->to_count; i++)
		call->to = curl_slist_append(call->to, mail->to[i]);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, call->to);
	if (!str_empty(mail->user)) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, mail->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, mail->password);
	}
	call->sent_body = mem_grow(NULL, request->length + 1);
	__builtin_memcpy(call->sent_body, request->body, request->length);
	call->body_length = request->length;
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, call);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->length);
}

static void set_request(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	call->is_read = strcmp(request->method, "GET") == 0;
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_curl_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, call->client);
	if (!str_empty(request->ca_bundle)) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_bundle);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (!str_empty(request->proxy))
		curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy);
	if (request->unix_socket != NULL) {
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	}
	if (request->mail != NULL) {
		set_mail(call, request);
		return;
	}
	if (request->body != NULL) {
		call->sent_body = mem_grow(NULL, request->length + 1);
		__builtin_memcpy(call->sent_body, request->body, request->length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->sent_body);
	}
	call->headers = curl_slist_append(NULL, "Expect:"); /* no pause before a large body */
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
		call->headers = curl_slist_append(call->headers, request->headers[i]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
}

int http_client_send(struct http_client *client, const struct http_request *request,
	http_answer_cb cb, void *owner, struct http_call **ret, struct err *err)
{
	struct http_call *call = mem_alloc(sizeof(*call));

	call->client = client;
	call->cb = cb;
	call->owner = owner;
	strbuf_init(&call->body, request->cap_bytes);
	call->easy = curl_easy_init();
	if (call->easy == NULL)
		abort();
	list_append(&client->calls, &call->in_client);
	set_request(call, request);
	if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return err_set(err, ERR_NET, "the request cannot be sent");
	}
	if (ret != NULL)
		*ret = call;
	return 0;
}

void http_call_cancel(struct http_call *call)
{
	call_free(call);
}

struct waiting {
	struct loop *loop;
	int status;
	char *body;
	size_t length;
	int result;
	struct err *err;
};

static void on_waited(void *owner, const struct http_answer *reply, const struct err *err)
{
	struct waiting *waiting = owner;

	if (err != NULL) {
		*waiting->err = *err;
		waiting->result = -(int)err->code;
	} else {
		waiting->status = reply->status;
		waiting->length = reply->length;
		waiting->body = mem_alloc(reply->length + 1);
		memcpy(waiting->body, reply->body, reply->length + 1);
	}
	loop_stop(waiting->loop);
}

static int call_and_wait(
	const struct http_request *request, struct waiting *waiting, struct err *err)
{
	struct http_client *client = NULL;
	int r;

	*waiting = (struct waiting){ .loop = loop_new(), .err = err };
	r = http_client_new(waiting->loop, &client, err);
	if (r == 0)
		r = http_client_send(client, request, on_waited, waiting, NULL, err);
	if (r == 0) {
		loop_run(waiting->loop);
		r = waiting->result;
	}
	http_client_free(client);
	loop_free(waiting->loop);
	return r;
}

int http_client_call(
	const struct http_request *request, int *ret_status, char **ret_body, struct err *err)
{
	struct waiting waiting;
	int r = call_and_wait(request, &waiting, err);

	if (r == 0) {
		*ret_status = waiting.status;
		*ret_body = waiting.body;
	}
	return r;
}

int http_client_download(const struct http_request *request, int fd, struct err *err)
{
	struct waiting waiting;
	int r = call_and_wait(request, &waiting, err);

	if (r == 0 && waiting.status != 200)
		r = err_class_set(
			err, ERR_NET, ERR_CLASS_PERM, "the answer is status %d", waiting.status);
	for (size_t done = 0; r == 0 && done < waiting.length;) {
		ssize_t written = write(fd, waiting.body + done, waiting.length - done);

		if (written < 0)
			r = err_sys(err, ERR_SYSTEM, errno, "it cannot be written");
		else
			done += (size_t)written;
	}
	free(waiting.body);
	return r;
}
