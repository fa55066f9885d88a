/* UDP to a statsd: a timer, a socket that never blocks, and a lookup that nobody waits for. */
#include "orchestrator/lib/statsd.h"

#include "orchestrator/lib/strbuf.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOKUP_EVERY = 60, LINES_MAX = 64 << 10 };

/* Of glibc's own threads: it is freed by whoever comes last. */
struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	char *host, *port;
};

struct statsd {
	struct loop_timer *timer;
	struct lookup *lookup; /* that runs, or NULL */
	char *host, *port, *tags;
	int64_t every_ms;
	size_t (*gauges)(void *owner, struct gauge ret[GAUGES_MAX]);
	void *owner;
	int rounds; /* since the name was looked up */
	int fd;	    /* connected, or -1 */
};

static void lookup_free(struct lookup *lookup)
{
	if (lookup->request.ar_result != NULL)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup->host);
	free(lookup->port);
	free(lookup);
}

static void lookup_start(struct statsd *statsd)
{
	struct lookup *lookup = mem_alloc(sizeof(*lookup));
	struct gaicb *list[] = { &lookup->request };

	lookup->host = mem_strdup(statsd->host);
	lookup->port = mem_strdup(statsd->port);
	lookup->hints = (struct addrinfo){ .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
	lookup->request = (struct gaicb){
		.ar_name = lookup->host, .ar_service = lookup->port, .ar_request = &lookup->hints
	};
	statsd->rounds = 0;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
		statsd->lookup = lookup;
	else
		lookup_free(lookup);
}

/* One that cannot be stopped any more is left to itself: its thread still writes into it. */
static void lookup_stop(struct statsd *statsd)
{
	struct lookup *lookup = statsd->lookup;

	statsd->lookup = NULL;
	if (lookup != NULL && (gai_error(&lookup->request) != EAI_INPROGRESS ||
				      gai_cancel(&lookup->request) == EAI_CANCELED))
		lookup_free(lookup);
}

static int connected(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The older address stays where the name is not known any more. */
static void lookup_look(struct statsd *statsd)
{
	struct lookup *lookup = statsd->lookup;
	int fd = -1;

	if (lookup == NULL || gai_error(&lookup->request) == EAI_INPROGRESS)
		return;
	for (struct addrinfo *to = lookup->request.ar_result; to != NULL && fd < 0;
		to = to->ai_next)
		fd = connected(to);
	if (fd >= 0 && statsd->fd >= 0)
		close(statsd->fd);
	if (fd >= 0)
		statsd->fd = fd;
	lookup_stop(statsd);
}

size_t statsd_packet(const char *lines)
{
	size_t length = 0;

	for (;;) {
		size_t line = strcspn(lines + length, "\n");

		if (lines[length + line] != '\n' || length + line + 1 > STATSD_PACKET_MAX)
			return length;
		length += line + 1;
	}
}

static void push(struct statsd *statsd)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(LINES_MAX);
	struct gauge gauges[GAUGES_MAX];
	const char *at;
	size_t length;

	if (statsd->fd < 0)
		return;
	metrics_push(&lines, statsd->tags);
	metrics_push_gauges(&lines, statsd->tags, gauges, statsd->gauges(statsd->owner, gauges));
	for (at = strbuf_text(&lines); (length = statsd_packet(at)) > 0; at += length)
		(void)!send(statsd->fd, at, length - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_timer(void *owner)
{
	struct statsd *statsd = owner;

	lookup_look(statsd);
	push(statsd);
	if (statsd->lookup == NULL && (statsd->fd < 0 || ++statsd->rounds >= LOOKUP_EVERY))
		lookup_start(statsd);
	loop_timer_arm(statsd->timer, statsd->every_ms);
}

struct statsd *statsd_new(struct loop *loop, const struct statsd_options *options)
{
	struct statsd *statsd = mem_alloc(sizeof(*statsd));

	*statsd = (struct statsd){ .host = mem_strdup(options->host),
		.port = mem_strdup(options->port),
		.tags = mem_strdup(options->tags),
		.every_ms = options->every_ms,
		.gauges = options->gauges,
		.owner = options->owner,
		.fd = -1 };
	statsd->timer = loop_timer_new(loop, on_timer, statsd);
	lookup_start(statsd);
	loop_timer_arm(statsd->timer, options->every_ms);
	return statsd;
}

void statsd_free(struct statsd *statsd)
{
	if (statsd == NULL)
		return;
	lookup_look(statsd);
	push(statsd);
	lookup_stop(statsd);
	loop_timer_free(statsd->timer);
	if (statsd->fd >= 0)
		close(statsd->fd);
	free(statsd->host);
	free(statsd->port);
	free(statsd->tags);
	free(statsd);
}
