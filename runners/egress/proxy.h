/* The only way out of a job: tunnels to hosts that the operator named. Owns: the tunnels. Must not:
 * read what flows through them, know a job, log.
 *
 * The listener stands in the job's own network, where nothing else is; that it was this listener
 * that accepted is how we know whose connection it is. The proxy runs in a process of its own, so
 * that an apply keeps its network when everything around it is started anew. */
#pragma once
#include "runners/egress/request.h"

enum egress_verdict {
	EGRESS_ALLOWED = 1,
	EGRESS_REFUSED, /* no rule, or the name leads inside */
	EGRESS_FAILED,	/* allowed, but it could not be reached */
	EGRESS_CUT,	/* a limit ended it */
	EGRESS_CLOSED,	/* ended by itself; what flowed is counted */
};

struct egress_event {
	enum egress_verdict verdict;
	const char *host;
	int port;
	const char *why; /* or "" */
	int64_t up_bytes, down_bytes, lasted_ms;
};

struct egress {
	int listener_fd; /* non-blocking */
	int until_fd;	 /* the end: readable when nobody can need the proxy any more */
	const struct egress_rule *rules;
	size_t rule_count;
	const char *name_servers; /* for tests: "127.0.0.1:5353"; NULL: the machine's */
	int tunnels_max;	  /* more wait to be accepted */
	int64_t bytes_max;	  /* of all tunnels, both ways; 0: no limit */
	int64_t idle_ms;	  /* a tunnel in which nothing moves is cut */
	void (*tell)(void *owner, const struct egress_event *event);
	void *owner;
};

/* Serves until `until_fd` says so. */
_must_check_ int egress_serve(const struct egress *egress, struct err *err);
const char *egress_verdict_name(enum egress_verdict verdict);
