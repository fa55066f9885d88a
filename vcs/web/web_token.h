/* Who we are for GitHub: a token of a person, or an App with its key. Pure but for the key. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/rsa.h"
#include "orchestrator/lib/strbuf.h"

enum {
	WEB_JWT_LIFE_S = 540,	/* GitHub takes ten minutes at most */
	WEB_JWT_BACK_S = 60,	/* its clock may be behind ours */
	WEB_TOKEN_EARLY_S = 600 /* tokens live an hour; git may still need one that we gave */
};

/* "header.payload.signature" for this moment. */
_must_check_ int web_jwt(const struct rsa_key *key, int64_t app_id, int64_t now_s,
	struct strbuf *ret, struct err *err);
/* "2026-11-17T14:03:22Z", "2026-11-17T15:03:22+01:00" -> seconds since 1970, or 0. */
int64_t web_time(const char *text);
