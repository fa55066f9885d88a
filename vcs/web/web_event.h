/* Webhooks of GitHub, and of those who speak its API: checked and translated. Pure.
 *
 * Real bodies of several years differ from today's description, so only what is used is required,
 * and any other field may be absent, null or of another type. What a body says of permissions is
 * not believed (author_association is none): such events are partial, see vcs_event.h. Clone
 * addresses are made here, never taken from a body: they decide where a credential goes. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "vcs/web/web_dialect.h"

enum { WEB_EVENT_MAX = 25 << 20, WEB_SECRET_MIN = 8 };

struct web_site { /* what the translation must know of our side */
	const struct web_dialect *dialect;
	const char *host;    /* our name for the host */
	const char *web_url; /* "https://github.com", without a slash at the end */
	const char *login;   /* who we are there, or "" while that is not known */
};

/* `header` is the one that `signature` came in, NULL when it did not. `secrets` is NULL-ended; any
 * of them may have signed, so that they can be changed one after the other. Takes the same time
 * whichever fits. ERR_REFUSED. */
_must_check_ int web_event_verify(const char *const *secrets,
	const struct web_signature_header *header, const char *signature, const char *body,
	size_t length, struct err *err);

/* The body may be JSON, or a form with the JSON as "payload". ERR_SYNTAX, ERR_LIMIT. */
_must_check_ int web_event_read(const struct web_site *site, const char *topic, const char *body,
	size_t length, struct arena *arena, struct vcs_event *ret, struct err *err);

/* The pull request as the API and webhooks both describe it, into the fields of an event. */
_must_check_ int web_pull_read(const struct web_site *site, const json_t *pull, struct arena *arena,
	struct vcs_event *ret, struct err *err);

/* The value at "a.b.c", or NULL; its text, or "" when it is none; its number, or 0. */
const json_t *web_at(const json_t *json, const char *path);
const char *web_text(const json_t *json, const char *path);
int64_t web_number(const json_t *json, const char *path);
