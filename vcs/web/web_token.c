/* JSON Web Tokens of an App, and times. */
#include "vcs/web/web_token.h"
#include "orchestrator/lib/codec.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

static void append_encoded(struct strbuf *out, const void *bytes, size_t length)
{
	_cleanup_free_ char *text = mem_alloc((length + 2) / 3 * 4 + 1);

	codec_base64url(bytes, length, text);
	strbuf_puts(out, text);
}

int web_jwt(const struct rsa_key *key, int64_t app_id, int64_t now_s, struct strbuf *ret,
	struct err *err)
{
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	_cleanup_free_ char *payload = mem_printf("{\"iat\":%" PRId64 ",\"exp\":%" PRId64
						  ",\"iss\":\"%" PRId64 "\"}",
		now_s - WEB_JWT_BACK_S, now_s + WEB_JWT_LIFE_S, app_id);
	uint8_t signature[RSA_SIGNATURE_MAX];
	size_t length = 0;
	int r;

	append_encoded(ret, header, strlen(header));
	strbuf_putc(ret, '.');
	append_encoded(ret, payload, strlen(payload));
	r = rsa_sign_sha256(key, strbuf_text(ret), ret->length, signature, &length, err);
	if (r < 0)
		return r;
	strbuf_putc(ret, '.');
	append_encoded(ret, signature, length);
	return ret->overflowed ? err_set(err, ERR_LIMIT, "the token is too long") : 0;
}

int64_t web_time(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S%z", &tm);
	int64_t east_s = tm.tm_gmtoff;

	return end != NULL && *end == '\0' ? (int64_t)timegm(&tm) - east_s : 0;
}
