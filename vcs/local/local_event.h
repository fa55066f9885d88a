/* The events of the local host: written, signed, checked and read. Pure.
 *
 *     {"event": "opened", "delivery": "9f..", "at_ms": 1795..., "repo": "team/infra",
 *      "clone_url": "<path of the bare repository>", "number": 3,
 *      "actor": "alice", "actor_is_bot": false, "actor_may_write": true,
 *      "pull": {"author": "alice", "title": "...", "head": "<40 hex>", "head_ref": "feature",
 *               "base_ref": "main"},
 *      "comment": {"id": "c12", "body": "..."},          event comment
 *      "review": {"author": "bob", "head": "<40 hex>", "body": "..."}}   approved,
 *                                                         changes_requested, dismissed
 *
 * Events: opened pushed reopened closed merged comment approved changes_requested dismissed ping.
 * Of "dismissed" the actor is, after parsing, the person whose word no longer counts. Others, and
 * "push" (which only the host itself can resolve to pulls), are ignored with a reason. Unknown
 * members are skipped; known members of another type or form are errors.
 *
 * A delivery over HTTP is signed: X-Sluice-Signature: sha256=<hex of HMAC-SHA256(secret, body)>,
 * and names itself: X-Sluice-Delivery. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/vcs_event.h"
#include <jansson.h>

enum { LOCAL_EVENT_MAX = 1 << 20 };

#define LOCAL_SIGNATURE_HEADER "X-Sluice-Signature"
#define LOCAL_DELIVERY_HEADER  "X-Sluice-Delivery"

struct local_review {
	const char *author;
	const char *head;
	const char *body;
};

/* Owned by the caller. review is NULL when there is none. */
json_t *local_event_write(const struct vcs_event *event, const struct local_review *review,
	const char *delivery, int64_t at_ms);
_must_check_ int local_event_read(const char *bytes, size_t length, struct arena *arena,
	struct vcs_event *ret, struct err *err);

enum { LOCAL_SIGNATURE_MAX = 72 }; /* "sha256=" and 64 digits and a NUL */
void local_event_sign(const char *secret, const char *body, size_t length, char *ret);
_must_check_ int local_event_verify(const char *secret, const char *signature, const char *body,
	size_t length, struct err *err); /* ERR_REFUSED */
