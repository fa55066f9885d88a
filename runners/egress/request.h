/* What a client of the proxy asks for, and whether its job may have it. Pure.
 *
 * Only CONNECT is understood: the bytes that follow are between the tool and the host, and a proxy
 * that reads no more cannot be made to say more. */
#pragma once
#include "orchestrator/lib/err.h"

enum { EGRESS_HEAD_MAX = 8 << 10, EGRESS_HOST_MAX = 253 };

struct egress_target {
	char host[EGRESS_HOST_MAX + 1]; /* lower case, no dot at the end, no brackets */
	int port;
	bool is_address; /* numbers, not a name */
};

struct egress_rule {
	const char *host;   /* "registry.example", "*.example" (any depth below), or an address */
	int port;	    /* 0: 443 */
	bool may_be_inside; /* the operator vouches for an address that is not public */
};

/* 0: the head is not whole yet. 1: *ret is set. ERR_SYNTAX: it will never be a request that we
 * take; ERR_LIMIT: it is too long. `*ret_length` counts the bytes of a whole head. */
_must_check_ int egress_request_parse(const char *bytes, size_t length, struct egress_target *ret,
	size_t *ret_length, struct err *err);
/* Whom an address of http or https means, "https://[user@]host[:port][/...]". */
bool egress_target_of_url(const char *url, struct egress_target *ret);
/* The rule that lets it out, or NULL. */
const struct egress_rule *egress_rule_find(
	const struct egress_rule *rules, size_t count, const struct egress_target *target);
