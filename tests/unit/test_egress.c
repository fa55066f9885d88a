/* links: runner model lib */
/* The way out of a job: what is asked for, where a name leads, and real tunnels through a real
 * proxy to a real listener, with a name server of the test's own. */
#include "tests/lib/cases.h"

#include "runners/egress/address.h"
#include "runners/egress/proxy.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* ---- addresses ---- */

static const struct {
	const char *name;
	bool is_global;
} addresses[] = {
	{ "8.8.8.8", true },
	{ "1.1.1.1", true },
	{ "172.15.255.255", true },
	{ "172.32.0.1", true },
	{ "100.63.255.255", true },
	{ "100.128.0.1", true },
	{ "169.253.255.255", true },
	{ "192.167.1.1", true },
	{ "198.20.0.1", true },
	{ "223.255.255.255", true },
	{ "0.0.0.0", false },
	{ "10.0.0.1", false },
	{ "100.64.0.1", false },
	{ "100.100.100.200", false },
	{ "127.0.0.1", false },
	{ "127.255.255.254", false },
	{ "168.63.129.16", false },
	{ "169.254.169.254", false },
	{ "169.254.170.2", false },
	{ "172.16.0.1", false },
	{ "172.31.255.255", false },
	{ "192.0.0.192", false },
	{ "192.168.0.1", false },
	{ "198.19.255.255", false },
	{ "224.0.0.1", false },
	{ "255.255.255.255", false },
	{ "2606:4700::1111", true },
	{ "2a00:1450:4001::1", true },
	{ "::", false },
	{ "::1", false },
	{ "::ffff:10.0.0.1", false },
	{ "::ffff:8.8.8.8", true },
	{ "::127.0.0.1", false },
	{ "64:ff9b::a9fe:a9fe", false },
	{ "64:ff9b::808:808", true },
	{ "64:ff9b:1::1", false },
	{ "2002:7f00:1::", false },
	{ "2002:808:808::", true },
	{ "2001::1", false },
	{ "2001:db8::1", false },
	{ "fc00::1", false },
	{ "fd00:ec2::254", false },
	{ "fe80::1", false },
	{ "fec0::1", false },
	{ "ff02::1", false },
	{ "100::1", false },
};

static void only_public_addresses_are_global(_unused_ void **state)
{
	for (size_t i = 0; i < countof(addresses); i++) {
		struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
		struct sockaddr_in four = { .sin_family = AF_INET };
		const struct sockaddr *address = (const struct sockaddr *)&four;

		if (inet_pton(AF_INET, addresses[i].name, &four.sin_addr) != 1) {
			assert_int_equal(inet_pton(AF_INET6, addresses[i].name, &six.sin6_addr), 1);
			address = (const struct sockaddr *)&six;
		}
		if (address_is_global(address) != addresses[i].is_global)
			fail_msg("%s", addresses[i].name);
	}
	assert_false(address_is_global(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

/* ---- requests ---- */

static const struct request_case {
	const char *name;
	const char *bytes;
	const char *host; /* NULL: refused */
	int port;
	bool is_address;
} requests[] = {
	{ "a name", "CONNECT a.example:443 HTTP/1.1\r\n\r\n", "a.example", 443 },
	{ "headers are passed over",
		"CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:1\r\nProxy-Auth: x\r\n\r\n",
		"a.example", 443 },
	{ "capitals and the last dot", "CONNECT A.Example.:443 HTTP/1.0\r\n\r\n", "a.example",
		443 },
	{ "an address", "CONNECT 10.0.0.1:80 HTTP/1.1\r\n\r\n", "10.0.0.1", 80, true },
	{ "a long address", "CONNECT [::1]:65535 HTTP/1.1\r\n\r\n", "::1", 65535, true },
	{ "plain http", "GET http://a.example/ HTTP/1.1\r\n\r\n" },
	{ "lower case method", "connect a.example:443 HTTP/1.1\r\n\r\n" },
	{ "no port", "CONNECT a.example HTTP/1.1\r\n\r\n" },
	{ "port 0", "CONNECT a.example:0 HTTP/1.1\r\n\r\n" },
	{ "port too large", "CONNECT a.example:65536 HTTP/1.1\r\n\r\n" },
	{ "port with a sign", "CONNECT a.example:+443 HTTP/1.1\r\n\r\n" },
	{ "no version", "CONNECT a.example:443\r\n\r\n" },
	{ "another version", "CONNECT a.example:443 HTTP/2.0\r\n\r\n" },
	{ "two spaces", "CONNECT  a.example:443 HTTP/1.1\r\n\r\n" },
	{ "no host", "CONNECT :443 HTTP/1.1\r\n\r\n" },
	{ "only dots", "CONNECT ..:443 HTTP/1.1\r\n\r\n" },
	{ "an empty label", "CONNECT a..b:443 HTTP/1.1\r\n\r\n" },
	{ "user info", "CONNECT a.example@b.example:443 HTTP/1.1\r\n\r\n" },
	{ "a path", "CONNECT a.example/x:443 HTTP/1.1\r\n\r\n" },
	{ "a line end in the name", "CONNECT a\nb:443 HTTP/1.1\r\n\r\n" },
	{ "a name in brackets", "CONNECT [a.example]:443 HTTP/1.1\r\n\r\n" },
	{ "an address without brackets", "CONNECT ::1:443 HTTP/1.1\r\n\r\n" },
	{ "a zone", "CONNECT [fe80::1%eth0]:443 HTTP/1.1\r\n\r\n" },
	{ "an open bracket", "CONNECT [::1:443 HTTP/1.1\r\n\r\n" },
	{ "not ASCII", "CONNECT caf\xc3\xa9.example:443 HTTP/1.1\r\n\r\n" },
};

static void requests_are_read(void **state)
{
	const struct request_case *row = *state;
	struct egress_target target = { .port = 0 };
	size_t length = 0;
	struct err err = { 0 };
	int r = egress_request_parse(row->bytes, strlen(row->bytes), &target, &length, &err);

	if (row->host == NULL) {
		assert_int_equal(r, -ERR_SYNTAX);
		return;
	}
	assert_int_equal(r, 1);
	assert_string_equal(target.host, row->host);
	assert_int_equal(target.port, row->port);
	assert_int_equal(target.is_address, row->is_address);
	assert_int_equal(length, strlen(row->bytes));
	for (size_t cut = 0; cut < strlen(row->bytes); cut++)
		assert_int_equal(egress_request_parse(row->bytes, cut, &target, &length, &err), 0);
}

static void a_request_has_an_end(_unused_ void **state)
{
	char bytes[EGRESS_HEAD_MAX];
	struct egress_target target;
	size_t length;
	struct err err;

	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "CONNECT ", 8);
	assert_err(egress_request_parse(bytes, sizeof(bytes), &target, &length, &err), &err,
		ERR_LIMIT, "longer than");
}

static const struct rule_case {
	const char *name;
	struct egress_rule rule;
	struct egress_target target;
	bool is_let_out;
} rules[] = {
	{ "the same host", { "a.example" }, { "a.example", 443 }, true },
	{ "written in capitals", { "A.Example" }, { "a.example", 443 }, true },
	{ "another port", { "a.example" }, { "a.example", 80 }, false },
	{ "a port of its own", { "a.example", 8443 }, { "a.example", 8443 }, true },
	{ "not its default then", { "a.example", 8443 }, { "a.example", 443 }, false },
	{ "below", { "*.example" }, { "a.b.example", 443 }, true },
	{ "not itself", { "*.example" }, { "example", 443 }, false },
	{ "not an ending of another word", { "*.example" }, { "counterexample", 443 }, false },
	{ "not a beginning", { "a.example" }, { "a.example.evil", 443 }, false },
	{ "not what stands below", { "a.example" }, { "x.a.example", 443 }, false },
	{ "a pattern is not for addresses", { "*.1" }, { "10.0.0.1", 443, true }, false },
	{ "an address by itself", { "10.0.0.1" }, { "10.0.0.1", 443, true }, true },
};

static void rules_let_out(void **state)
{
	const struct rule_case *row = *state;

	assert_int_equal(egress_rule_find(&row->rule, 1, &row->target) != NULL, row->is_let_out);
	assert_null(egress_rule_find(NULL, 0, &row->target));
}

/* ---- a real proxy ---- */

enum { EVENTS_MAX = 8 << 10 };

struct lab {
	pid_t proxy, servers;
	int port, until, events;
	uint16_t upstream_port, dns_port;
};

static int listen_on(int type, uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if ((type & ~SOCK_NONBLOCK) == SOCK_STREAM)
		assert_int_equal(listen(fd, 512), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Answers A questions: "inside.*" is this machine, "metadata.*" the metadata service, "two.*" a
 * public address and this machine; everything else has no such name. */
static void answer_name(int fd)
{
	static const uint8_t inside[] = { 127, 0, 0, 1 }, metadata[] = { 169, 254, 169, 254 },
			     outside[] = { 93, 184, 216, 34 };
	const uint8_t *found[2] = { NULL, NULL };
	uint8_t packet[512];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t length = recvfrom(fd, packet, 400, 0, (struct sockaddr *)&from, &size);
	size_t end = 12, count = 0;

	if (length < 17)
		return;
	while (packet[end] != 0)
		end += packet[end] + 1U;
	end += 5;
	if (packet[end - 3] == 1) { /* A */
		if (memcmp(packet + 13, "inside", 6) == 0)
			found[0] = inside;
		else if (memcmp(packet + 13, "metadata", 8) == 0)
			found[0] = metadata;
		else if (memcmp(packet + 13, "two", 3) == 0) {
			found[0] = outside;
			found[1] = inside;
		}
	}
	packet[2] = 0x81;
	packet[3] = found[0] == NULL ? 0x83 : 0x80;
	memset(packet + 6, 0, 6);
	for (; count < 2 && found[count] != NULL; count++) {
		const uint8_t head[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4 };

		memcpy(packet + end, head, sizeof(head));
		memcpy(packet + end + sizeof(head), found[count], 4);
		end += sizeof(head) + 4;
	}
	packet[7] = (uint8_t)count;
	(void)sendto(fd, packet, end, 0, (struct sockaddr *)&from, size);
}

/* Reads to the end, then sends everything back twice: a tunnel must carry an end in one direction
 * while the other goes on. */
static void echo(int fd)
{
	static char all[4 << 20];
	size_t length = 0;
	ssize_t got;

	while (length < sizeof(all) && (got = read(fd, all + length, sizeof(all) - length)) > 0)
		length += (size_t)got;
	for (int twice = 0; twice < 2; twice++) {
		for (size_t put = 0; put < length;) {
			got = write(fd, all + put, length - put);
			if (got <= 0)
				return;
			put += (size_t)got;
		}
	}
}

static void serve_others(int dns, int upstream)
{
	struct pollfd polls[] = { { dns, POLLIN, 0 }, { upstream, POLLIN, 0 } };

	signal(SIGCHLD, SIG_IGN);
	while (poll(polls, 2, 20000) > 0) {
		if (polls[0].revents)
			answer_name(dns);
		if (polls[1].revents) {
			int fd = accept(upstream, NULL, NULL);

			if (fork() == 0) {
				echo(fd);
				_exit(0);
			}
			close(fd);
		}
	}
}

static void write_event(void *owner, const struct egress_event *event)
{
	const int *fd = owner;

	dprintf(*fd, "%s %s:%d %lld/%lld %s\n", egress_verdict_name(event->verdict), event->host,
		event->port, (long long)event->up_bytes, (long long)event->down_bytes, event->why);
}

static void lab_start(struct lab *lab, struct egress *egress)
{
	int until[2], events[2];
	uint16_t port;
	int listener = listen_on(SOCK_STREAM | SOCK_NONBLOCK, &port);
	int dns = listen_on(SOCK_DGRAM, &lab->dns_port),
	    upstream = listen_on(SOCK_STREAM, &lab->upstream_port);
	char servers[40];
	struct err err;

	assert_int_equal(pipe2(until, O_CLOEXEC), 0);
	assert_int_equal(pipe2(events, O_CLOEXEC), 0);
	lab->port = port;
	lab->until = until[1];
	lab->events = events[0];
	lab->servers = fork();
	if (lab->servers == 0) {
		close(listener);
		close(until[1]);
		serve_others(dns, upstream);
		_exit(0);
	}
	close(dns);
	close(upstream);
	lab->proxy = fork();
	if (lab->proxy == 0) {
		struct egress_rule *own = (struct egress_rule *)egress->rules;

		close(until[1]);
		for (size_t i = 0; i < egress->rule_count; i++)
			own[i].port = own[i].port == 0 ? lab->upstream_port : own[i].port;
		(void)snprintf(servers, sizeof(servers), "127.0.0.1:%d", lab->dns_port);
		egress->name_servers = servers;
		egress->listener_fd = listener;
		egress->until_fd = until[0];
		egress->tell = write_event;
		egress->owner = &events[1];
		_exit(egress_serve(egress, &err) == 0 ? 0 : 1);
	}
	close(listener);
	close(until[0]);
	close(events[1]);
}

/* Ends the proxy and returns what it told, owned by the caller. */
static char *lab_end(struct lab *lab)
{
	char *told = mem_alloc(EVENTS_MAX + 1);
	size_t length = 0;
	ssize_t got;
	int status;

	close(lab->until);
	assert_int_equal(waitpid(lab->proxy, &status, 0), lab->proxy);
	assert_int_equal(status, 0);
	kill(lab->servers, SIGKILL);
	waitpid(lab->servers, NULL, 0);
	while (length < EVENTS_MAX &&
		(got = read(lab->events, told + length, EVENTS_MAX - length)) > 0)
		length += (size_t)got;
	close(lab->events);
	return told;
}

static int dial(const struct lab *lab)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)lab->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void read_all(int fd, char *into, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while (length + 1 < size && (got = read(fd, into + length, size - 1 - length)) > 0)
		length += (size_t)got;
	into[length] = '\0';
}

/* The whole answer to a request that is not let through. */
static void ask(const struct lab *lab, const char *request, char *answer, size_t size)
{
	int fd = dial(lab);

	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	read_all(fd, answer, size);
	close(fd);
}

static int tunnel_open(const struct lab *lab, const char *host, int port)
{
	static const char welcome[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	char text[200];
	int fd = dial(lab);

	dprintf(fd, "CONNECT %s:%d HTTP/1.1\r\n\r\n", host, port);
	memset(text, 0, sizeof(text));
	assert_int_equal(recv(fd, text, strlen(welcome), MSG_WAITALL), (ssize_t)strlen(welcome));
	assert_string_equal(text, welcome);
	return fd;
}

static void a_tunnel_carries_both_ways(_unused_ void **state)
{
	struct egress_rule rule[] = { { "inside.example", 0, true } };
	struct egress egress = {
		.rules = rule, .rule_count = 1, .tunnels_max = 8, .idle_ms = 10000
	};
	enum { LENGTH = 3 << 20 };
	char *sent = mem_alloc(LENGTH), *got = mem_alloc(2 * LENGTH + 1);
	_cleanup_free_ char *told = NULL;
	struct lab lab;
	size_t put = 0;
	int fd;

	for (size_t i = 0; i < LENGTH; i++)
		sent[i] = (char)(i * 2654435761U >> 13 | 1);
	lab_start(&lab, &egress);
	fd = tunnel_open(&lab, "inside.example", lab.upstream_port);
	while (put < LENGTH) {
		ssize_t n = write(fd, sent + put, LENGTH - put);

		assert_true(n > 0);
		put += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	assert_int_equal(recv(fd, got, (size_t)2 * LENGTH, MSG_WAITALL), 2 * LENGTH);
	assert_memory_equal(got, sent, LENGTH);
	assert_memory_equal(got + LENGTH, sent, LENGTH);
	close(fd);
	told = lab_end(&lab);
	assert_contains(told, "allowed inside.example:");
	assert_contains(told, "closed inside.example:");
	assert_contains(told, " 3145728/6291456 ");
	free(sent);
	free(got);
}

static void many_tunnels_at_once(_unused_ void **state)
{
	struct egress_rule rule[] = { { "*.example", 0, true } };
	struct egress egress = {
		.rules = rule, .rule_count = 1, .tunnels_max = 16, .idle_ms = 10000
	};
	_cleanup_free_ char *told = NULL;
	struct lab lab;
	int fds[60];
	char text[64];

	lab_start(&lab, &egress);
	for (size_t i = 0; i < countof(fds); i++) { /* more than may be open: the rest waits */
		fds[i] = dial(&lab);
		dprintf(fds[i], "CONNECT inside.example:%d HTTP/1.1\r\n\r\n", lab.upstream_port);
	}
	for (size_t i = 0; i < countof(fds); i++) {
		assert_int_equal(recv(fds[i], text, 39, MSG_WAITALL), 39);
		dprintf(fds[i], "%02zu", i);
		shutdown(fds[i], SHUT_WR);
		read_all(fds[i], text, sizeof(text));
		assert_int_equal(strlen(text), 4);
		assert_int_equal((int)strtol(text, NULL, 10), (int)(i * 100 + i));
		close(fds[i]);
	}
	told = lab_end(&lab);
	assert_null(strstr(told, "failed"));
}

static const struct no_case {
	const char *name, *request, *status, *why, *told;
} no_cases[] = {
	{ "no rule", "CONNECT other.example:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 403 ",
		"not on the list", "refused other.example:443" },
	{ "the metadata service by name", "CONNECT metadata.example:1 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 403 ", "not a public one", "refused metadata.example:1" },
	{ "this machine by name", "CONNECT inside.example:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 403 ",
		"not a public one", "refused inside.example:1" },
	{ "one of two addresses leads inside", "CONNECT two.example:1 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 403 ", "not a public one", "refused two.example:1" },
	{ "an address that no rule names", "CONNECT 169.254.169.254:1 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 403 ", "not on the list", "refused 169.254.169.254:1" },
	{ "an address that a rule names, inside", "CONNECT 127.0.0.2:1 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 403 ", "not a public one", "refused 127.0.0.2:1" },
	{ "no such name", "CONNECT nobody.example:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 502 ",
		"nobody.example:1", "failed nobody.example:1" },
	{ "nobody listens", "CONNECT inside.trusted:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 502 ",
		"can be reached", "failed inside.trusted:1" },
	{ "plain http", "GET http://a.example/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "only CONNECT",
		"refused :0" },
	{ "bytes behind the request", "CONNECT inside.trusted:1 HTTP/1.1\r\n\r\nGET /",
		"HTTP/1.1 400 ", "unasked", "refused inside.trusted:1" },
};

static const struct url_case {
	const char *name; /* also the address */
	const char *host; /* NULL: it is none */
	int port;
} urls[] = {
	{ "https://Git.Example", "git.example", 443 },
	{ "https://git.example/o/r.git", "git.example", 443 },
	{ "http://git.example/o/r.git", "git.example", 80 },
	{ "https://git.example:8443?x", "git.example", 8443 },
	{ "https://me:se/cret@evil.example/x", NULL, 0 },
	{ "https://me:secret@git.example:8443/x@y", "git.example", 8443 },
	{ "https://a@b@git.example", "git.example", 443 },
	{ "https://[::1]/x", "::1", 443 },
	{ "https://[::1]:444/x", "::1", 444 },
	{ "https://10.0.0.1", "10.0.0.1", 443 },
	{ "ssh://git.example/x", NULL, 0 },
	{ "https://", NULL, 0 },
	{ "https:///x", NULL, 0 },
	{ "https://git.example:0", NULL, 0 },
	{ "https://git.example:", NULL, 0 },
	{ "https://gi t.example", NULL, 0 },
	{ "/srv/git", NULL, 0 },
};

static void whom_an_address_means(void **state)
{
	const struct url_case *row = *state;
	struct egress_target target = { 0 };

	assert_int_equal(egress_target_of_url(row->name, &target), row->host != NULL);
	if (row->host != NULL) {
		assert_string_equal(target.host, row->host);
		assert_int_equal(target.port, row->port);
	}
}

static void what_is_not_let_out(void **state)
{
	const struct no_case *row = *state;
	struct egress_rule own[] = { { "*.example", 1, false }, { "127.0.0.2", 1, false },
		{ "inside.trusted", 1, true } };
	struct egress egress = {
		.rules = own, .rule_count = countof(own), .tunnels_max = 8, .idle_ms = 10000
	};
	_cleanup_free_ char *told = NULL;
	struct lab lab;
	char answer[1000];

	lab_start(&lab, &egress);
	ask(&lab, row->request, answer, sizeof(answer));
	assert_int_equal(strncmp(answer, row->status, strlen(row->status)), 0);
	assert_contains(answer, row->why);
	told = lab_end(&lab);
	assert_contains(told, row->told);
	assert_null(strstr(told, "allowed"));
}

static void the_job_may_move_so_many_bytes(_unused_ void **state)
{
	struct egress_rule rule[] = { { "inside.example", 0, true } };
	struct egress egress = { .rules = rule,
		.rule_count = 1,
		.tunnels_max = 8,
		.idle_ms = 10000,
		.bytes_max = 100000 };
	_cleanup_free_ char *told = NULL;
	char bytes[4096] = { 1 };
	struct lab lab;
	int fd;

	lab_start(&lab, &egress);
	fd = tunnel_open(&lab, "inside.example", lab.upstream_port);
	for (int i = 0; i < 1000 && send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0; i++)
		;
	assert_true(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) < 0 ||
		    recv(fd, bytes, sizeof(bytes), 0) <= 0);
	close(fd);
	told = lab_end(&lab);
	assert_contains(told, "cut inside.example:");
}

static void a_silent_tunnel_is_cut(_unused_ void **state)
{
	struct egress_rule rule[] = { { "inside.example", 0, true } };
	struct egress egress = { .rules = rule, .rule_count = 1, .tunnels_max = 8, .idle_ms = 100 };
	_cleanup_free_ char *told = NULL;
	struct lab lab;
	char byte;
	int fd;

	lab_start(&lab, &egress);
	fd = tunnel_open(&lab, "inside.example", lab.upstream_port);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	told = lab_end(&lab);
	assert_contains(told, "nothing moved");
}

int main(int argc, char **argv)
{
	CASE(only_public_addresses_are_global);
	CASES(requests, requests_are_read);
	CASE(a_request_has_an_end);
	CASES(rules, rules_let_out);
	CASE(a_tunnel_carries_both_ways);
	CASE(many_tunnels_at_once);
	CASES(urls, whom_an_address_means);
	CASES(no_cases, what_is_not_let_out);
	CASE(the_job_may_move_so_many_bytes);
	CASE(a_silent_tunnel_is_cut);
	return cases_run(argc, argv);
}
