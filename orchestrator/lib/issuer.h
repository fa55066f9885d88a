/* Identities of jobs: JSON Web Tokens signed with a key of our own, for clouds that ask us for its
 * public half instead of keeping a secret of theirs here. Owns the keys, <folder>/SECONDS.pem,
 * 0600: the newest signs, and those before it stay published until no token of theirs can be valid.
 *
 * Nothing is made or read before it is asked for. Must not: decide what a token says. */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include <jansson.h>

#define ISSUER_DISCOVERY "/.well-known/openid-configuration"
#define ISSUER_KEYS	 "/.well-known/jwks.json"

enum {
	ISSUER_TOKEN_MAX = 16 << 10,
	ISSUER_KEY_DAYS = 90, /* then a new one signs */
	ISSUER_OLD_DAYS = 7,  /* so long the one before it is still published */
};

struct issuer;

struct issuer *issuer_new(const char *folder, const struct clock *clock);
void issuer_free(struct issuer *issuer); /* NULL is fine */
/* There is a key that may sign: read, made when there is none, changed when it is old. */
_must_check_ int issuer_ready(struct issuer *issuer, struct err *err);
/* From now on a new key signs. */
_must_check_ int issuer_rotate(struct issuer *issuer, struct err *err);
/* RS256 over what `claims` says, appended. */
_must_check_ int issuer_sign(
	struct issuer *issuer, const json_t *claims, struct strbuf *ret, struct err *err);
/* The two documents that a cloud asks for; NULL while there is no key. Owned by the caller. */
json_t *issuer_keys(const struct issuer *issuer);
json_t *issuer_discovery(const struct issuer *issuer, const char *url);
