/* One loop over poll(): few tunnels, and the bytes themselves never enter this process (splice).
 *
 *     HEAD --CONNECT--> NAME --resolved, checked--> CONNECTING --> OPEN --> DEAD
 *       \----------------\-----------------------------\--> LAST_WORD (why not) --> DEAD
 *
 * The address that was checked is the one that is connected to, and it stays the address of that
 * name for the job: a name cannot be public while it is judged and inside while it is used. */
#include "runners/egress/proxy.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/list.h"
#include "runners/egress/address.h"
#include "runners/egress/resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
	HEAD_MS = 10000,
	CONNECT_MS = 10000,
	PIPE_BYTES = 256 << 10,
	PINS_MAX = 64,
	TUNNELS_MOST = 256,
	LAST_WORD_MAX = 600,
};

enum tunnel_state {
	TUNNEL_HEAD,
	TUNNEL_NAME,
	TUNNEL_CONNECTING,
	TUNNEL_OPEN,
	TUNNEL_LAST_WORD,
	TUNNEL_DEAD,
};

struct way { /* from one socket through a pipe to the other */
	int from, to, in, out;
	size_t waiting; /* in the pipe */
	bool has_ended; /* nothing more comes */
	bool is_shut;	/* and the other side was told */
	int64_t moved;
};

struct pin {
	char host[EGRESS_HOST_MAX + 1];
	struct resolved addresses;
};

struct proxy {
	const struct egress *egress;
	struct resolver *resolver;
	struct list tunnels;
	int tunnel_count;
	struct pin *pins;
	size_t pin_count;
	int64_t moved, now_ms;
};

struct tunnel {
	struct list in_proxy;
	struct proxy *proxy;
	enum tunnel_state state;
	int client, server;
	short client_ready, server_ready;
	char bytes[EGRESS_HEAD_MAX]; /* the request, then the last word */
	size_t length, sent;
	struct egress_target target;
	const struct egress_rule *rule;
	struct resolved addresses;
	size_t next_address;
	struct way up, down;
	int64_t began_ms, active_ms, deadline_ms;
};

const char *egress_verdict_name(enum egress_verdict verdict)
{
	static const char *const names[] = { NULL, "allowed", "refused", "failed", "cut",
		"closed" };

	return (size_t)verdict < countof(names) ? names[verdict] : NULL;
}

static void tell(struct tunnel *tunnel, enum egress_verdict verdict, const char *why)
{
	const struct egress *egress = tunnel->proxy->egress;

	egress->tell(
		egress->owner, &(struct egress_event){ .verdict = verdict,
				       .host = tunnel->target.host,
				       .port = tunnel->target.port,
				       .why = why,
				       .up_bytes = tunnel->up.moved,
				       .down_bytes = tunnel->down.moved,
				       .lasted_ms = tunnel->proxy->now_ms - tunnel->began_ms });
}

/* ---- ends ---- */

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void tunnel_free(struct tunnel *tunnel)
{
	const int fds[] = { tunnel->client, tunnel->server, tunnel->up.in, tunnel->up.out,
		tunnel->down.in, tunnel->down.out };

	close_all(fds, countof(fds));
	list_remove(&tunnel->in_proxy);
	tunnel->proxy->tunnel_count--;
	free(tunnel);
}

/* The client learns why as the answer to its CONNECT. The reason stands behind the number too:
 * tools written in Go show that line and nothing else. */
static void say_last_word(struct tunnel *tunnel, const char *status, const char *why)
{
	char text[LAST_WORD_MAX];
	int length = snprintf(text, sizeof(text), "sluice: %s\n", why);

	if (length < 0 || (size_t)length >= sizeof(text))
		length = (int)strlen(text);
	tunnel->length = (size_t)snprintf(tunnel->bytes, sizeof(tunnel->bytes),
		"HTTP/1.1 %.3s sluice: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
		"Connection: close\r\n\r\n%s",
		status, why, length, text);
	tunnel->sent = 0;
	tunnel->state = TUNNEL_LAST_WORD;
	tunnel->deadline_ms = tunnel->proxy->now_ms + HEAD_MS;
}

static void refuse(struct tunnel *tunnel, const char *why)
{
	char text[LAST_WORD_MAX];

	tell(tunnel, EGRESS_REFUSED, why);
	(void)snprintf(text, sizeof(text), "no connection to %s:%d: %s", tunnel->target.host,
		tunnel->target.port, why);
	say_last_word(tunnel, "403 Forbidden", text);
}

static void fail(struct tunnel *tunnel, const char *status, const char *why)
{
	char text[LAST_WORD_MAX];

	tell(tunnel, EGRESS_FAILED, why);
	(void)snprintf(text, sizeof(text), "no connection to %s:%d: %s", tunnel->target.host,
		tunnel->target.port, why);
	say_last_word(tunnel, status, text);
}

static void cut(struct tunnel *tunnel, const char *why)
{
	tell(tunnel, EGRESS_CUT, why);
	tunnel->state = TUNNEL_DEAD;
}

/* ---- to the server ---- */

static void connect_next(struct tunnel *tunnel)
{
	while (tunnel->next_address < tunnel->addresses.count) {
		struct sockaddr_storage address = tunnel->addresses.list[tunnel->next_address++];
		bool is_four = address.ss_family == AF_INET;
		in_port_t port = htons((uint16_t)tunnel->target.port);

		if (is_four)
			((struct sockaddr_in *)&address)->sin_port = port;
		else
			((struct sockaddr_in6 *)&address)->sin6_port = port;
		if (tunnel->server >= 0)
			close(tunnel->server);
		tunnel->server = socket(
			address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		tunnel->state = TUNNEL_CONNECTING;
		tunnel->deadline_ms = tunnel->proxy->now_ms + CONNECT_MS;
		if (tunnel->server >= 0 &&
			(connect(tunnel->server, (const struct sockaddr *)&address,
				 is_four ? sizeof(struct sockaddr_in)
					 : sizeof(struct sockaddr_in6)) == 0 ||
				errno == EINPROGRESS))
			return;
	}
	fail(tunnel, "502 Bad Gateway", "none of its addresses can be reached");
}

/* Every address of the name must be fit: one that leads inside makes the name a trap. */
static void judge_addresses(struct tunnel *tunnel, const struct resolved *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		if (!tunnel->rule->may_be_inside &&
			!address_is_global((const struct sockaddr *)&answer->list[i])) {
			refuse(tunnel, "its address is not a public one");
			return;
		}
	}
	tunnel->addresses = *answer;
	tunnel->next_address = 0;
	connect_next(tunnel);
}

static void on_resolved(void *owner, const struct resolved *answer, const char *why)
{
	struct tunnel *tunnel = owner;
	struct proxy *proxy = tunnel->proxy;

	if (answer == NULL) {
		fail(tunnel, "502 Bad Gateway", why);
		return;
	}
	if (proxy->pin_count < PINS_MAX) {
		struct pin *pin = &proxy->pins[proxy->pin_count++];

		memcpy(pin->host, tunnel->target.host, sizeof(pin->host));
		pin->addresses = *answer;
	}
	judge_addresses(tunnel, answer);
}

static const struct resolved *pinned(const struct proxy *proxy, const char *host)
{
	for (size_t i = 0; i < proxy->pin_count; i++) {
		if (str_equal(proxy->pins[i].host, host))
			return &proxy->pins[i].addresses;
	}
	return NULL;
}

static void find_way(struct tunnel *tunnel)
{
	struct proxy *proxy = tunnel->proxy;
	const struct resolved *known = pinned(proxy, tunnel->target.host);

	tunnel->rule = egress_rule_find(
		proxy->egress->rules, proxy->egress->rule_count, &tunnel->target);
	if (tunnel->rule == NULL) {
		refuse(tunnel, "this host and port are not on the list of this step");
		return;
	}
	tunnel->state = TUNNEL_NAME;
	if (known != NULL)
		judge_addresses(tunnel, known);
	else
		resolver_ask(proxy->resolver, tunnel->target.host, on_resolved, tunnel);
}

/* ---- bytes ---- */

static bool way_open(struct way *way, int from, int to)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* smaller works too */
	*way = (struct way){ .from = from, .to = to, .in = ends[1], .out = ends[0] };
	return true;
}

/* One piece in, one piece out: no tunnel keeps the others waiting. */
static int64_t way_pump(struct way *way)
{
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	ssize_t got = 0, put = 0;

	if (!way->has_ended && way->waiting < PIPE_BYTES) {
		got = splice(way->from, NULL, way->in, NULL, PIPE_BYTES - way->waiting, flags);
		if (got > 0)
			way->waiting += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			way->has_ended = true;
	}
	if (way->waiting > 0) {
		put = splice(way->out, NULL, way->to, NULL, way->waiting, flags);
		if (put > 0)
			way->waiting -= (size_t)put;
		else if (put < 0 && errno != EAGAIN) {
			way->waiting = 0;
			way->has_ended = true;
		}
	}
	if (way->has_ended && way->waiting == 0 && !way->is_shut) {
		way->is_shut = true;
		shutdown(way->to, SHUT_WR);
	}
	way->moved += put > 0 ? put : 0;
	return put > 0 ? put : 0;
}

static void relay(struct tunnel *tunnel)
{
	struct proxy *proxy = tunnel->proxy;
	int64_t moved = 0;

	if (tunnel->up.waiting > 0 || (tunnel->client_ready & ~POLLOUT) != 0)
		moved += way_pump(&tunnel->up);
	if (tunnel->down.waiting > 0 || (tunnel->server_ready & ~POLLOUT) != 0)
		moved += way_pump(&tunnel->down);
	proxy->moved += moved;
	if (moved > 0)
		tunnel->active_ms = proxy->now_ms;
	if (tunnel->up.is_shut && tunnel->down.is_shut) {
		tell(tunnel, EGRESS_CLOSED, "");
		tunnel->state = TUNNEL_DEAD;
	} else if (proxy->egress->bytes_max > 0 && proxy->moved > proxy->egress->bytes_max) {
		cut(tunnel, "the job has moved as many bytes as it may");
	}
}

static void finish_connect(struct tunnel *tunnel)
{
	static const char welcome[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	const int yes = 1;
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(tunnel->server, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
		connect_next(tunnel);
		return;
	}
	setsockopt(tunnel->server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (!way_open(&tunnel->up, tunnel->client, tunnel->server) ||
		!way_open(&tunnel->down, tunnel->server, tunnel->client)) {
		fail(tunnel, "503 Service Unavailable", "this machine has no more descriptors");
		return;
	}
	/* the first bytes on an empty socket always fit */
	if (send(tunnel->client, welcome, strlen(welcome), MSG_NOSIGNAL | MSG_DONTWAIT) !=
		(ssize_t)strlen(welcome)) {
		tunnel->state = TUNNEL_DEAD;
		return;
	}
	tell(tunnel, EGRESS_ALLOWED, "");
	tunnel->state = TUNNEL_OPEN;
	tunnel->active_ms = tunnel->proxy->now_ms;
}

static void read_head(struct tunnel *tunnel)
{
	ssize_t got = recv(tunnel->client, tunnel->bytes + tunnel->length,
		sizeof(tunnel->bytes) - tunnel->length, MSG_DONTWAIT);
	size_t head_length = 0;
	struct err err;
	int r;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			tunnel->state = TUNNEL_DEAD;
		return;
	}
	tunnel->length += (size_t)got;
	r = egress_request_parse(
		tunnel->bytes, tunnel->length, &tunnel->target, &head_length, &err);
	if (r < 0) {
		tell(tunnel, EGRESS_REFUSED, err.text);
		say_last_word(tunnel, "400 Bad Request", err.text);
	} else if (r > 0 && head_length != tunnel->length) {
		/* the tunnel is not there yet: these bytes were meant for somebody else */
		tell(tunnel, EGRESS_REFUSED, "bytes behind the request");
		say_last_word(tunnel, "400 Bad Request", "nothing may follow CONNECT unasked");
	} else if (r > 0) {
		find_way(tunnel);
	}
}

static void write_last_word(struct tunnel *tunnel)
{
	ssize_t put = send(tunnel->client, tunnel->bytes + tunnel->sent,
		tunnel->length - tunnel->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (put > 0)
		tunnel->sent += (size_t)put;
	if ((put < 0 && errno != EAGAIN) || tunnel->sent == tunnel->length)
		tunnel->state = TUNNEL_DEAD;
}

/* ---- the loop ---- */

static void advance(struct tunnel *tunnel)
{
	switch (tunnel->state) {
	case TUNNEL_HEAD:
		if (tunnel->client_ready)
			read_head(tunnel);
		return;
	case TUNNEL_CONNECTING:
		if (tunnel->client_ready & (POLLHUP | POLLERR))
			tunnel->state = TUNNEL_DEAD;
		else if (tunnel->server_ready)
			finish_connect(tunnel);
		return;
	case TUNNEL_OPEN:
		if (tunnel->client_ready || tunnel->server_ready)
			relay(tunnel);
		return;
	case TUNNEL_LAST_WORD:
		write_last_word(tunnel);
		return;
	case TUNNEL_NAME: /* the resolver calls; until then the tunnel must stay */
	case TUNNEL_DEAD:
		return;
	}
}

static void enforce_time(struct tunnel *tunnel)
{
	int64_t now = tunnel->proxy->now_ms;

	if (tunnel->state == TUNNEL_OPEN) {
		if (now - tunnel->active_ms > tunnel->proxy->egress->idle_ms)
			cut(tunnel, "nothing moved for too long");
	} else if (tunnel->state == TUNNEL_CONNECTING && now > tunnel->deadline_ms) {
		connect_next(tunnel);
	} else if (tunnel->state != TUNNEL_NAME && now > tunnel->deadline_ms) {
		tunnel->state = TUNNEL_DEAD;
	}
}

static void accept_one(struct proxy *proxy)
{
	const int yes = 1;
	int fd = accept4(proxy->egress->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct tunnel *tunnel;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	tunnel = mem_alloc(sizeof(*tunnel));
	*tunnel = (struct tunnel){ .proxy = proxy,
		.client = fd,
		.server = -1,
		.up = { .in = -1, .out = -1 },
		.down = { .in = -1, .out = -1 },
		.began_ms = proxy->now_ms,
		.deadline_ms = proxy->now_ms + HEAD_MS };
	list_append(&proxy->tunnels, &tunnel->in_proxy);
	proxy->tunnel_count++;
}

/* A socket is read while its pipe has room and written while there is something to write; a side
 * of which nothing is wanted is not asked about, or its end would wake us for ever. */
static short wants(const struct way *from_here, const struct way *to_here)
{
	return (short)((!from_here->has_ended && from_here->waiting == 0 ? POLLIN : 0) |
		       (to_here->waiting > 0 ? POLLOUT : 0));
}

static size_t add(struct pollfd *polls, size_t count, int fd, short events)
{
	polls[count] = (struct pollfd){ .fd = events != 0 ? fd : -1, .events = events };
	return count + 1;
}

/* Two places for each tunnel: its client, its server. */
static size_t add_tunnel(const struct tunnel *tunnel, struct pollfd *polls, size_t count)
{
	short client = 0, server = 0;

	if (tunnel->state == TUNNEL_OPEN) {
		client = wants(&tunnel->up, &tunnel->down);
		server = wants(&tunnel->down, &tunnel->up);
	} else if (tunnel->state == TUNNEL_CONNECTING) {
		client = POLLRDHUP;
		server = POLLOUT;
	} else if (tunnel->state == TUNNEL_HEAD) {
		client = POLLIN;
	} else if (tunnel->state == TUNNEL_LAST_WORD) {
		client = POLLOUT;
	}
	count = add(polls, count, tunnel->client, client);
	return add(polls, count, tunnel->server, server);
}

static bool serve_once(struct proxy *proxy)
{
	struct pollfd polls[2 + RESOLVE_POLLS_MAX + 2 * TUNNELS_MOST];
	int timeout_ms = 1000;
	bool has_room = proxy->tunnel_count < proxy->egress->tunnels_max &&
			proxy->tunnel_count < TUNNELS_MOST;
	size_t count = add(polls, 0, proxy->egress->until_fd, POLLIN), names, at;

	count = add(polls, count, proxy->egress->listener_fd, has_room ? POLLIN : 0);
	names = resolver_polls(proxy->resolver, polls + count, &timeout_ms);
	at = count += names;
	list_for_each (item, &proxy->tunnels)
		count = add_tunnel(container_of(item, struct tunnel, in_proxy), polls, count);
	if (poll(polls, count, timeout_ms) < 0 && errno != EINTR)
		return false;
	proxy->now_ms = clock_monotonic_ms(&clock_system);
	/* first the tunnels, as they stand in the array; then what may add or change some */
	list_for_each (item, &proxy->tunnels) {
		struct tunnel *tunnel = container_of(item, struct tunnel, in_proxy);

		tunnel->client_ready = polls[at++].revents;
		tunnel->server_ready = polls[at++].revents;
		advance(tunnel);
		enforce_time(tunnel);
	}
	resolver_work(proxy->resolver, polls + 2, names);
	list_for_each (item, &proxy->tunnels) {
		struct tunnel *tunnel = container_of(item, struct tunnel, in_proxy);

		if (tunnel->state == TUNNEL_DEAD)
			tunnel_free(tunnel);
	}
	if (polls[1].revents)
		accept_one(proxy);
	return polls[0].revents == 0;
}

int egress_serve(const struct egress *egress, struct err *err)
{
	struct proxy proxy = { .egress = egress };
	int r = resolver_new(egress->name_servers, &proxy.resolver, err);

	if (r < 0)
		return r;
	signal(SIGPIPE, SIG_IGN); /* a splice into a closed socket is an ordinary end */
	list_init(&proxy.tunnels);
	proxy.pins = mem_alloc(PINS_MAX * sizeof(*proxy.pins));
	proxy.now_ms = clock_monotonic_ms(&clock_system);
	while (serve_once(&proxy))
		;
	resolver_free(proxy.resolver); /* answers what is open, while its tunnels still stand */
	list_for_each (item, &proxy.tunnels)
		tunnel_free(container_of(item, struct tunnel, in_proxy));
	free(proxy.pins);
	return 0;
}
