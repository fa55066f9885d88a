/* The only file that names c-ares. */
#include "runners/egress/resolve.h"
#include <ares.h>
#include <netdb.h>
#include <string.h>
#include <sys/time.h>

enum { TRY_MS = 2000, TRIES = 2 };

struct resolver {
	ares_channel channel;
};

struct question {
	void (*done)(void *owner, const struct resolved *answer, const char *why);
	void *owner;
};

int resolver_new(const char *servers, struct resolver **ret, struct err *err)
{
	struct resolver *resolver = mem_alloc(sizeof(*resolver));
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES };
	int status = ares_init_options(
		&resolver->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);

	if (status == ARES_SUCCESS && servers != NULL) {
		status = ares_set_servers_ports_csv(resolver->channel, servers);
		if (status != ARES_SUCCESS)
			ares_destroy(resolver->channel);
	}
	if (status != ARES_SUCCESS) {
		free(resolver);
		return err_class_set(err, ERR_NET, ERR_CLASS_CONFIG,
			"names cannot be resolved here: %s", ares_strerror(status));
	}
	*ret = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	ares_destroy(resolver->channel);
	free(resolver);
}

static void keep(struct resolved *answer, const struct ares_addrinfo_node *node)
{
	struct sockaddr_storage *slot = &answer->list[answer->count];

	if (answer->count == countof(answer->list) || node->ai_addrlen > sizeof(*slot))
		return;
	memset(slot, 0, sizeof(*slot));
	memcpy(slot, node->ai_addr, node->ai_addrlen);
	answer->count++;
}

static void on_answer(void *owner, int status, _unused_ int timeouts, struct ares_addrinfo *found)
{
	struct question *question = owner;
	struct resolved answer = { .count = 0 };

	if (status == ARES_SUCCESS) {
		for (const struct ares_addrinfo_node *node = found->nodes; node != NULL;
			node = node->ai_next)
			keep(&answer, node);
	}
	if (answer.count > 0)
		question->done(question->owner, &answer, NULL);
	else
		question->done(question->owner, NULL,
			status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status));
	if (found != NULL)
		ares_freeaddrinfo(found);
	free(question);
}

void resolver_ask(struct resolver *resolver, const char *host,
	void (*done)(void *owner, const struct resolved *answer, const char *why), void *owner)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT
	};
	struct question *question = mem_alloc(sizeof(*question));

	*question = (struct question){ .done = done, .owner = owner };
	ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_answer, question);
}

size_t resolver_polls(struct resolver *resolver, struct pollfd *ret, int *timeout_ms)
{
	ares_socket_t sockets[RESOLVE_POLLS_MAX];
	unsigned bits = (unsigned)ares_getsock(resolver->channel, sockets, RESOLVE_POLLS_MAX);
	struct timeval room, *wait = ares_timeout(resolver->channel, NULL, &room);
	size_t count = 0;

	for (unsigned i = 0; i < RESOLVE_POLLS_MAX; i++) {
		/* the library's own macros shift a signed 1 into the sign */
		bool may_read = bits >> i & 1U, may_write = bits >> (i + ARES_GETSOCK_MAXNUM) & 1U;
		short events = (short)((may_read ? POLLIN : 0) | (may_write ? POLLOUT : 0));

		if (events != 0)
			ret[count++] = (struct pollfd){ .fd = sockets[i], .events = events };
	}
	if (wait != NULL) {
		int64_t ms = (int64_t)wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1;

		if (*timeout_ms < 0 || ms < *timeout_ms)
			*timeout_ms = (int)ms;
	}
	return count;
}

void resolver_work(struct resolver *resolver, const struct pollfd *polls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (polls[i].revents != 0)
			ares_process_fd(resolver->channel,
				polls[i].revents & (POLLIN | POLLERR | POLLHUP) ? polls[i].fd
										: ARES_SOCKET_BAD,
				polls[i].revents & POLLOUT ? polls[i].fd : ARES_SOCKET_BAD);
	}
	/* what has waited for too long */
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}
