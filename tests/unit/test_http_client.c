/* links: lib_http lib_loop lib */
/* The HTTP client against a server of a few lines that does what real ones do wrong. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/strbuf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- the other side ---- */

struct page {
	const char *path, *answer;
};

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"

static const struct page pages[] = {
	{ "/hello", OK_HEAD "X-Answer: forty-two\r\nContent-Length: 5\r\n\r\nhello" },
	{ "/chunks", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" },
	{ "/until-close", OK_HEAD "\r\nno length" },
	{ "/later", "HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n" },
	{ "/missing", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno" },
	{ "/redirect", "HTTP/1.1 302 Away\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n" },
	{ "/short", OK_HEAD "Content-Length: 100\r\n\r\nnot a hundred" },
	{ "/nonsense", "220 mail.example.org ESMTP\r\n\r\n" },
	{ "/nothing", "" },
};

static void send_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		length -= (size_t)sent;
	}
}

/* Sends what never ends: a body, or headers. */
static void flood(int fd, const char *begin, const char *again)
{
	send_all(fd, begin, strlen(begin));
	for (int i = 0; i < 2000000; i++) {
		if (send(fd, again, strlen(again), MSG_NOSIGNAL) < 0)
			return;
	}
}

static size_t body_length(const char *request)
{
	const char *header = strcasestr(request, "\r\nContent-Length:");

	return header == NULL ? 0 : strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
}

static bool is_whole(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n");

	return body != NULL && strlen(body + 4) >= body_length(request);
}

static void serve_one(int fd)
{
	struct strbuf request = STRBUF(1 << 20), answer = STRBUF(1 << 20);
	char chunk[4096];
	ssize_t got;

	while (!is_whole(strbuf_text(&request)) && (got = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		strbuf_append(&request, chunk, (size_t)got);
	if (strstr(strbuf_text(&request), " /echo ") != NULL) {
		strbuf_printf(&answer, OK_HEAD "Content-Length: %zu\r\n\r\n%s", request.length,
			strbuf_text(&request));
	} else if (strstr(strbuf_text(&request), " /sleep ") != NULL) {
		pause();
	} else if (strstr(strbuf_text(&request), " /flood ") != NULL) {
		flood(fd, OK_HEAD "\r\n", "0123456789abcdef0123456789abcdef");
	} else if (strstr(strbuf_text(&request), " /headers ") != NULL) {
		flood(fd, OK_HEAD, "X-Header: 0123456789abcdef0123456789abcdef\r\n");
	}
	for (size_t i = 0; i < countof(pages); i++) {
		_cleanup_free_ char *wanted = mem_printf(" %s ", pages[i].path);

		if (strstr(strbuf_text(&request), wanted) != NULL)
			strbuf_puts(&answer, pages[i].answer);
	}
	send_all(fd, strbuf_text(&answer), answer.length);
	strbuf_release(&request);
	strbuf_release(&answer);
}

static struct {
	pid_t child;
	char path[108];
	char url[64];
} server;

static int listen_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(listen(fd, 16), 0);
	(void)snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

static int listen_unix(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(server.path, sizeof(server.path), "%s/http.sock", cases_folder());
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", server.path);
	(void)unlink(server.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void serve(int listener)
{
	server.child = fork();
	assert_true(server.child >= 0);
	while (server.child == 0) {
		int fd = accept(listener, NULL, NULL);

		serve_one(fd);
		close(fd);
	}
	close(listener);
}

static void end_server(void)
{
	kill(server.child, SIGKILL);
	waitpid(server.child, NULL, 0);
}

/* ---- our side ---- */

struct said {
	struct loop *loop;
	struct http_client *client;
	int wanted; /* answers until the loop stops */
	int answers;
	int status;
	size_t length;
	int64_t retry_after_s;
	char body[4096], header[64];
	bool has_failed;
	struct err err;
};

static void on_answer(void *owner, const struct http_answer *answer, const struct err *err)
{
	struct said *said = owner;

	if (++said->answers >= said->wanted)
		loop_stop(said->loop);
	said->has_failed = err != NULL;
	if (err != NULL) {
		assert_null(answer);
		said->err = *err;
		return;
	}
	said->status = answer->status;
	said->length = answer->length;
	said->retry_after_s = answer->retry_after_s;
	assert_int_equal(answer->body[answer->length], '\0');
	(void)snprintf(said->body, sizeof(said->body), "%s", answer->body);
	(void)snprintf(said->header, sizeof(said->header), "%s",
		http_answer_header(answer, "x-answer") == NULL
			? "none"
			: http_answer_header(answer, "x-answer"));
}

static void begin(struct said *said)
{
	struct err err;

	*said = (struct said){ .loop = loop_new(), .wanted = 1 };
	assert_ok(http_client_new(said->loop, &said->client, &err), &err);
}

static void end(struct said *said)
{
	http_client_free(said->client);
	loop_free(said->loop);
	end_server();
}

static struct http_call *ask(struct said *said, struct http_request request, const char *path)
{
	_cleanup_free_ char *url = mem_printf(
		"%s%s", request.unix_socket == NULL ? server.url : "http://localhost", path);
	struct http_call *call = NULL;
	struct err err;

	if (request.method == NULL)
		request.method = "GET";
	if (request.timeout_ms == 0)
		request.timeout_ms = 20000;
	if (request.cap_bytes == 0)
		request.cap_bytes = 3000;
	request.url = url;
	assert_ok(http_client_send(said->client, &request, on_answer, said, &call, &err), &err);
	return call;
}

static void get(struct said *said, const char *path)
{
	ask(said, (struct http_request){ 0 }, path);
	loop_run(said->loop);
	assert_int_equal(said->answers, 1);
}

struct answer_case {
	const char *name, *path;
	int status;
	const char *body;
};

static const struct answer_case answer_cases[] = {
	{ "a body with its length", "/hello", 200, "hello" },
	{ "a body in chunks", "/chunks", 200, "abcde" },
	{ "a body until the end", "/until-close", 200, "no length" },
	{ "not found is an answer", "/missing", 404, "no" },
	{ "later is an answer", "/later", 503, "" },
	{ "a redirect is not followed", "/redirect", 302, "" },
};

static void answers(void **state)
{
	const struct answer_case *row = *state;
	struct said said;

	serve(listen_tcp());
	begin(&said);
	get(&said, row->path);
	assert_false(said.has_failed);
	assert_int_equal(said.status, row->status);
	assert_string_equal(said.body, row->body);
	assert_int_equal(said.length, strlen(row->body));
	assert_int_equal(said.retry_after_s, row->status == 503 ? 7 : 0);
	assert_string_equal(said.header, strcmp(row->path, "/hello") == 0 ? "forty-two" : "none");
	end(&said);
}

struct failure_case {
	const char *name, *path;
	int64_t timeout_ms;
	size_t cap_bytes;
	enum err_code code;
	enum err_class class;
	const char *part;
};

static const struct failure_case failure_cases[] = {
	{ "it ends in the middle", "/short", 0, 0, ERR_NET, ERR_CLASS_TEMP, "" },
	{ "it speaks another protocol", "/nonsense", 0, 0, ERR_NET, ERR_CLASS_PERM, "" },
	{ "it says nothing", "/nothing", 0, 0, ERR_NET, ERR_CLASS_TEMP, "" },
	{ "it takes too long", "/sleep", 100, 0, ERR_NET, ERR_CLASS_TEMP, "imeout" },
	{ "the body never ends", "/flood", 0, 100000, ERR_LIMIT, ERR_CLASS_PERM,
		"larger than 100000 bytes" },
	{ "the body has one byte too many", "/hello", 0, 4, ERR_LIMIT, ERR_CLASS_PERM,
		"larger than 4 bytes" },
	{ "the headers never end", "/headers", 0, 0, ERR_LIMIT, ERR_CLASS_PERM, "headers" },
};

static void fails(void **state)
{
	const struct failure_case *row = *state;
	struct said said;

	serve(listen_tcp());
	begin(&said);
	ask(&said,
		(struct http_request){ .timeout_ms = row->timeout_ms, .cap_bytes = row->cap_bytes },
		row->path);
	loop_run(said.loop);
	assert_true(said.has_failed);
	assert_err(-(int)said.err.code, &said.err, row->code, row->part);
	assert_int_equal(said.err.class, row->class);
	end(&said);
}

static void the_cap_is_reached_exactly(_unused_ void **state)
{
	struct said said;

	serve(listen_tcp());
	begin(&said);
	ask(&said, (struct http_request){ .cap_bytes = 5 }, "/hello");
	loop_run(said.loop);
	assert_string_equal(said.body, "hello");
	end(&said);
}

static void sends_method_headers_and_body(_unused_ void **state)
{
	static const char *const headers[] = { "X-One: 1", "Content-Type: application/json", NULL };
	char body[] = "{\"a\":1}";
	struct said said;

	serve(listen_tcp());
	begin(&said);
	ask(&said,
		(struct http_request){ .method = "PATCH",
			.headers = headers,
			.body = body,
			.length = strlen(body) },
		"/echo");
	memset(body, 'x', sizeof(body) - 1); /* the request was copied */
	loop_run(said.loop);
	assert_contains(said.body, "PATCH /echo HTTP/1.1\r\n");
	assert_contains(said.body, "X-One: 1\r\n");
	assert_contains(said.body, "Content-Type: application/json\r\n");
	assert_contains(said.body, "\r\n\r\n{\"a\":1}");
	assert_null(strcasestr(said.body, "Expect:"));
	end(&said);
}

static void speaks_over_a_unix_socket(_unused_ void **state)
{
	struct said said;

	serve(listen_unix());
	begin(&said);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* a socket of our own needs no proxy */
	ask(&said, (struct http_request){ .unix_socket = server.path }, "/hello");
	loop_run(said.loop);
	unsetenv("http_proxy");
	assert_string_equal(said.body, "hello");
	end(&said);
}

static void asks_many_things_at_once(_unused_ void **state)
{
	struct said said;

	serve(listen_tcp());
	begin(&said);
	said.wanted = 20;
	for (int i = 0; i < said.wanted; i++)
		ask(&said, (struct http_request){ 0 }, "/hello");
	loop_run(said.loop);
	assert_int_equal(said.answers, 20);
	assert_false(said.has_failed);
	end(&said);
}

/* The call-back of a cancelled call must not be called, and the loop goes on. */
static void cancels(_unused_ void **state)
{
	struct http_call *call;
	struct said said;

	serve(listen_tcp());
	begin(&said);
	call = ask(&said, (struct http_request){ 0 }, "/hello");
	http_call_cancel(call);
	call = ask(&said, (struct http_request){ 0 }, "/sleep");
	end_server();
	serve(listen_tcp());
	ask(&said, (struct http_request){ 0 }, "/hello");
	http_call_cancel(call);
	loop_run(said.loop);
	assert_int_equal(said.answers, 1);
	assert_string_equal(said.body, "hello");
	end(&said);
}

static void freeing_the_client_cancels(_unused_ void **state)
{
	struct said said;

	serve(listen_tcp());
	begin(&said);
	ask(&said, (struct http_request){ 0 }, "/sleep");
	ask(&said, (struct http_request){ 0 }, "/hello");
	end(&said);
	assert_int_equal(said.answers, 0);
}

/* A server that says what it said once more, in a packet of its own, when the client has long taken
 * the answer: `line` is told to, and tells when that is done. It keeps both connections open. */
static void serve_again(int listener, int line)
{
	static const char first[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
	static const char second[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
	char request[4096], word;
	int fd;

	server.child = fork();
	assert_true(server.child >= 0);
	if (server.child > 0) {
		close(listener);
		return;
	}
	fd = accept(listener, NULL, NULL);
	if (recv(fd, request, sizeof(request), 0) > 0)
		send_all(fd, first, strlen(first));
	if (read(line, &word, 1) == 1)
		send_all(fd, first, strlen(first));
	if (write(line, "d", 1) == 1)
		fd = accept(listener, NULL, NULL);
	if (recv(fd, request, sizeof(request), 0) > 0)
		send_all(fd, second, strlen(second));
	pause();
}

struct again_case {
	const char *name, *method;
};

static const struct again_case again_cases[] = {
	{ "what comes twice answers nothing that is read", "GET" },
	{ "what comes twice answers nothing that is done", "POST" },
};

static void answers_nothing_else(void **state)
{
	const struct again_case *row = *state;
	struct said said;
	int line[2];
	char word;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
	serve_again(listen_tcp(), line[1]);
	begin(&said);
	get(&said, "/first");
	assert_string_equal(said.body, "first");
	assert_int_equal(write(line[0], "a", 1), 1);
	assert_int_equal(read(line[0], &word, 1), 1);
	ask(&said, (struct http_request){ .method = row->method }, "/second");
	loop_run(said.loop);
	assert_int_equal(said.answers, 2);
	assert_false(said.has_failed);
	assert_string_equal(said.body, "second");
	end(&said);
	close(line[0]);
	close(line[1]);
}

static void nobody_listens(_unused_ void **state)
{
	struct said said;

	close(listen_tcp());
	server.child = fork();
	if (server.child == 0) {
		pause();
		_exit(0);
	}
	begin(&said);
	get(&said, "/hello");
	assert_err(-(int)said.err.code, &said.err, ERR_NET, "connect");
	assert_int_equal(said.err.class, ERR_CLASS_TEMP);
	end(&said);
}

struct scheme_case {
	const char *name, *url;
};

static const struct scheme_case scheme_cases[] = {
	{ "a file", "file:///etc/passwd" },
	{ "ftp", "ftp://127.0.0.1/x" },
	{ "gopher", "gopher://127.0.0.1/x" },
	{ "no URL", "http://" },
};

static void speaks_only_http(void **state)
{
	const struct scheme_case *row = *state;
	struct http_request request = {
		.method = "GET", .url = row->url, .timeout_ms = 5000, .cap_bytes = 1000
	};
	char *body = NULL;
	struct err err;
	int status;

	assert_err(http_client_call(&request, &status, &body, &err), &err, ERR_NET, "");
	assert_int_equal(err.class, ERR_CLASS_PERM);
	assert_null(strstr(err.text, "127.0.0.1")); /* URLs may be credentials */
	assert_null(body);
}

static void waits_for_one_answer(_unused_ void **state)
{
	struct http_request request = { .method = "GET",
		.url = "http://localhost/missing",
		.unix_socket = server.path,
		.timeout_ms = 20000,
		.cap_bytes = 1000 };
	_cleanup_free_ char *body = NULL;
	struct err err;
	int status = 0;

	serve(listen_unix());
	assert_ok(http_client_call(&request, &status, &body, &err), &err);
	assert_int_equal(status, 404);
	assert_string_equal(body, "no");
	end_server();
}

int main(int argc, char **argv)
{
	CASES(answer_cases, answers);
	CASES(failure_cases, fails);
	CASE(the_cap_is_reached_exactly);
	CASE(sends_method_headers_and_body);
	CASE(speaks_over_a_unix_socket);
	CASE(asks_many_things_at_once);
	CASE(cancels);
	CASE(freeing_the_client_cancels);
	CASES(again_cases, answers_nothing_else);
	CASE(nobody_listens);
	CASES(scheme_cases, speaks_only_http);
	CASE(waits_for_one_answer);
	return cases_run(argc, argv);
}
