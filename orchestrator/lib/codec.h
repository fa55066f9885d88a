/* Hex, base64, SHA-256, HMAC, random bytes. The only wrapper of OpenSSL's hashes. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 65 };

struct sha256 {
	uint8_t bytes[SHA256_BYTES];
};

void codec_hex(const uint8_t *bytes, size_t length, char *out); /* out: 2 * length + 1 */
/* out: (length + 2) / 3 * 4 + 1 */
void codec_base64(const uint8_t *bytes, size_t length, char *out);
/* As in URLs: - and _ for + and /, nothing at the end. */
void codec_base64url(const uint8_t *bytes, size_t length, char *out);
char *codec_url_word(const char *text); /* percent-encoded; owned by the caller */
_must_check_ bool codec_unhex(const char *hex, size_t hex_length, uint8_t *out);
void codec_sha256(const void *bytes, size_t length, struct sha256 *ret);
void codec_sha256_hex(const void *bytes, size_t length, char ret[SHA256_HEX]);
/* Streams the descriptor from its current offset to the end. */
_must_check_ int codec_sha256_fd(int fd, char ret[SHA256_HEX], struct err *err);
void codec_hmac_sha256(
	const void *key, size_t key_length, const void *bytes, size_t length, struct sha256 *ret);
bool codec_equal(const void *a, const void *b, size_t length); /* constant time */
void codec_random(void *out, size_t length);	     /* aborts when the kernel gives none */
void codec_random_hex(char *out, size_t hex_length); /* hex_length characters and a NUL */
bool codec_is_hex(
	const char *text, size_t length); /* exactly length lower-case hex digits, then NUL */
/* Length of the longest prefix of text that is whole, valid UTF-8. */
size_t codec_utf8_prefix(const char *text, size_t length);
