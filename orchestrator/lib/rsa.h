/* Signatures with a private RSA key: the only wrapper of OpenSSL's keys. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

struct rsa_key;

enum { RSA_SIGNATURE_MAX = 1024 };

/* PEM, PKCS#1 or PKCS#8, without a pass phrase, 2048 bits or more. The bytes are not kept. */
_must_check_ int rsa_key_read(
	const char *pem, size_t length, struct rsa_key **ret, struct err *err);
void rsa_key_free(struct rsa_key *key); /* NULL is fine */
/* RS256: RSASSA-PKCS1-v1_5 over SHA-256. `ret` holds RSA_SIGNATURE_MAX. */
_must_check_ int rsa_sign_sha256(const struct rsa_key *key, const void *bytes, size_t length,
	uint8_t *ret, size_t *ret_length, struct err *err);
/* A new one of 2048 bits; *ret_pem is owned by the caller, who wipes it. */
_must_check_ int rsa_key_make(struct rsa_key **ret, char **ret_pem, struct err *err);
/* The numbers that everybody may know, in base64url, as JSON Web Keys write them; owned by the
 * caller, also on failure. */
_must_check_ int rsa_key_public(
	const struct rsa_key *key, char **ret_n, char **ret_e, struct err *err);
