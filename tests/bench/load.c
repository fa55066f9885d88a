/* links: lib */
/* A load generator for POST /events: keep-alive clients, each waits for its answer before it sends
 * the next event.
 *
 *   load PORT PATH SECRET CLIENTS SECONDS TEMPLATE
 *
 * TEMPLATE is the JSON of an event with the mark @N@ where a number makes each body its own; it is
 * padded inside the mark @PAD@ to 850 bytes. Prints one JSON object: events, seconds, rate,
 * latencies in milliseconds, answers by status. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { BODY_BYTES = 850, ANSWER_MAX = 4096, CLIENTS_MAX = 1024, SAMPLES_MAX = 4000000 };

struct client {
	int fd;
	double sent_at;
	char answer[ANSWER_MAX];
	size_t length;
};

struct load {
	const char *path, *secret, *template;
	int port;
	int64_t next;
	struct client clients[CLIENTS_MAX];
	float *samples;
	size_t sample_count;
	int64_t accepted, other;
	int first_other;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void put_mark(struct strbuf *out, const char *template, int64_t number)
{
	size_t fixed = strlen(template) - strlen("@N@") - strlen("@PAD@");
	char digits[24];
	int digit_count = snprintf(digits, sizeof(digits), "%lld", (long long)number);

	for (const char *at = template; *at != '\0'; at++) {
		if (strncmp(at, "@N@", 3) == 0) {
			strbuf_puts(out, digits);
			at += 2;
		} else if (strncmp(at, "@PAD@", 5) == 0) {
			for (size_t i = fixed + (size_t)digit_count; i < BODY_BYTES; i++)
				strbuf_putc(out, 'x');
			at += 4;
		} else {
			strbuf_putc(out, *at);
		}
	}
}

static void send_event(struct load *load, struct client *client)
{
	_cleanup_strbuf_ struct strbuf body = STRBUF(8192), request = STRBUF(16384);
	struct sha256 mac;
	char hex[SHA256_HEX];
	int64_t number = load->next++;

	put_mark(&body, load->template, number);
	codec_hmac_sha256(load->secret, strlen(load->secret), body.data, body.length, &mac);
	codec_hex(mac.bytes, SHA256_BYTES, hex);
	strbuf_printf(&request,
		"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		"application/json\r\nContent-Length: %zu\r\n"
		"X-Sluice-Delivery: load-%lld\r\nX-Sluice-Signature: sha256=%s\r\n\r\n%s",
		load->path, body.length, (long long)number, hex, strbuf_text(&body));
	client->length = 0;
	client->sent_at = now_ms();
	if (write(client->fd, request.data, request.length) != (ssize_t)request.length) {
		perror("load: write");
		exit(1);
	}
}

static bool answer_is_whole(const struct client *client)
{
	const char *end = strstr(client->answer, "\r\n\r\n");
	const char *length = strcasestr(client->answer, "content-length:");

	if (end == NULL)
		return false;
	return length == NULL || client->length >= (size_t)(end + 4 - client->answer) +
							   strtoul(length + 15, NULL, 10);
}

static void take_answer(struct load *load, struct client *client)
{
	int status = (int)strtol(client->answer + 9, NULL, 10);

	if (load->sample_count < SAMPLES_MAX)
		load->samples[load->sample_count++] = (float)(now_ms() - client->sent_at);
	if (status == 202) {
		load->accepted++;
	} else {
		load->other++;
		load->first_other = load->first_other == 0 ? status : load->first_other;
	}
}

static void read_answer(struct load *load, struct client *client, bool go_on)
{
	ssize_t got = read(
		client->fd, client->answer + client->length, ANSWER_MAX - 1 - client->length);

	if (got <= 0) {
		fprintf(stderr, "load: the server closed a connection\n");
		exit(1);
	}
	client->length += (size_t)got;
	client->answer[client->length] = '\0';
	if (!answer_is_whole(client))
		return;
	take_answer(load, client);
	if (go_on)
		send_event(load, client);
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void print_result(struct load *load, double seconds)
{
	size_t n = load->sample_count;

	qsort(load->samples, n, sizeof(float), compare);
	printf("{\"events\": %lld, \"seconds\": %.3f, \"rate\": %.0f, \"median_ms\": %.3f, "
	       "\"p99_ms\": %.3f, "
	       "\"max_ms\": %.3f, \"other\": %lld, \"first_other_status\": %d}\n",
		(long long)load->accepted, seconds, (double)load->accepted / seconds,
		(double)load->samples[n / 2], (double)load->samples[n * 99 / 100],
		(double)load->samples[n - 1], (long long)load->other, load->first_other);
}

static int connect_client(struct client *client, int port, int epoll_fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	int one = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
}

int main(int argc, char **argv)
{
	static struct load load;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	double begin, end;
	int count;

	if (argc != 7) {
		fprintf(stderr, "usage: load PORT PATH SECRET CLIENTS SECONDS TEMPLATE\n");
		return 2;
	}
	load.port = (int)strtol(argv[1], NULL, 10);
	load.path = argv[2];
	load.secret = argv[3];
	count = (int)strtol(argv[4], NULL, 10);
	load.template = argv[6];
	load.next = (int64_t)now_ms() * 1000;
	load.samples = mem_alloc(SAMPLES_MAX * sizeof(float));
	for (int i = 0; i < count && i < CLIENTS_MAX; i++) {
		if (connect_client(&load.clients[i], load.port, epoll_fd) < 0) {
			perror("load: connect");
			return 1;
		}
	}
	begin = now_ms();
	end = begin + strtod(argv[5], NULL) * 1e3;
	for (int i = 0; i < count; i++)
		send_event(&load, &load.clients[i]);
	while (now_ms() < end) {
		struct epoll_event events[64];
		int ready = epoll_wait(epoll_fd, events, countof(events), 1000);

		for (int i = 0; i < ready; i++)
			read_answer(&load, events[i].data.ptr, true);
	}
	if (load.sample_count == 0)
		return 1;
	print_result(&load, (now_ms() - begin) / 1e3);
	return 0;
}
