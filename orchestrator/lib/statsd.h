/* The figures of the process, sent to a statsd over UDP every so often. Nothing waits for it: a
 * name is looked up beside the loop, and what cannot be sent at once is lost. */
#pragma once
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/metrics.h"

struct statsd;

enum { STATSD_PACKET_MAX = 1400 }; /* goes through every network in one piece */

struct statsd_options {
	const char *host, *port, *tags; /* "a:b,c:d", or "" */
	int64_t every_ms;
	size_t (*gauges)(void *owner, struct gauge ret[GAUGES_MAX]); /* asked before each push */
	void *owner;
};

struct statsd *statsd_new(struct loop *loop, const struct statsd_options *options);
void statsd_free(struct statsd *statsd); /* sends what is there; NULL is fine */
/* How much of these lines goes into one packet: whole lines, or 0 when the first is too long. */
size_t statsd_packet(const char *lines);
