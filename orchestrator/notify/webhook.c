/* Programs: a signed POST, and a ping that only says that all is well. A receiver checks the
 * signature over "TIMESTAMP.BODY", refuses what is older than a few minutes, and knows a repeat by
 * the delivery. */
#include "orchestrator/notify/private.h"

#include "orchestrator/lib/codec.h"

#include <string.h>

static const char *signature_of(struct errand *errand, const char *key, const char *stamp)
{
	const char *text = arena_printf(&errand->arena, "%s.%s", stamp, errand->request.body);
	char hex[SHA256_HEX];
	struct sha256 mac;

	codec_hmac_sha256(key, strlen(key), text, strlen(text), &mac);
	codec_hex(mac.bytes, sizeof(mac.bytes), hex);
	return arena_strdup(&errand->arena, hex);
}

static int make_webhook(struct errand *errand, struct http_request *ret, struct err *err)
{
	struct arena *arena = &errand->arena;
	const char *key,
		*stamp = arena_printf(arena, "%lld", (long long)errand->request.now_ms / 1000);
	int r = errand_secret(errand, errand->request.to->secret_file,
		"the key that signs the webhook", &key, err);

	if (r < 0)
		return r;
	ret->method = "POST";
	ret->url = errand->request.to->url;
	ret->body = errand->request.body;
	ret->length = strlen(errand->request.body);
	ret->headers = errand_headers(errand, 5, "Content-Type: application/json",
		arena_printf(arena, "X-Sluice-Event: %s", errand->request.event),
		arena_printf(arena, "X-Sluice-Delivery: %s", errand->request.key),
		arena_printf(arena, "X-Sluice-Timestamp: %s", stamp),
		arena_printf(
			arena, "X-Sluice-Signature: sha256=%s", signature_of(errand, key, stamp)));
	return 0;
}

static int make_ping(struct errand *errand, struct http_request *ret, struct err *err)
{
	ret->method = "GET";
	return errand_secret(
		errand, errand->request.to->url_file, "the address of the ping", &ret->url, err);
}

const struct channel_kind notify_webhook = { .name = "webhook", .make = make_webhook };
const struct channel_kind notify_ping = { .name = "ping", .make = make_ping };
