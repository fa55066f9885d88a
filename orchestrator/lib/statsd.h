/* The figures of the process, sent to a statsd over UDP every so often. Nothing waits for it: a
 * name is looked up beside the loop, and what cannot be sent at once is lost. */
#pragma once
#include "orchestrator/lib/loop.h"

struct statsd;

enum { STATSD_PACKET_MAX = 1400 }; /* goes through every network in one piece */

/* `tags`: "a:b,c:d", or "". */
struct statsd *statsd_new(
	struct loop *loop, const char *host, const char *port, const char *tags, int64_t every_ms);
void statsd_free(struct statsd *statsd); /* sends what is there; NULL is fine */
/* How much of these lines goes into one packet: whole lines, or 0 when the first is too long. */
size_t statsd_packet(const char *lines);
