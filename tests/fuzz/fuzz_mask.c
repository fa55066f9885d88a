/* links: lib */
/* A secret and a text in which it stands, cut into pieces as the input says: the secret is never
 * in what comes out, and a text without it stays as it is. */
#include "orchestrator/lib/mask.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void hide(const struct mask *mask, const char *text, size_t step, struct strbuf *out)
{
	struct mask_flow flow = { 0 };
	size_t length = strlen(text), begin = 0, seen = 0;

	do {
		seen = seen + step < length ? seen + step : length;
		begin += mask_append(
			mask, &flow, text + begin, seen - begin, seen == length, out, NULL);
	} while (begin < length || seen < length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	_cleanup_free_ char *secret = NULL, *before = NULL, *text = NULL;
	struct mask mask = { 0 };
	size_t secret_length;

	if (length < 3 || length > 2000 || memchr(bytes, '\0', length) != NULL)
		return 0;
	secret_length = bytes[0] % 64U;
	if (secret_length + 2 > length)
		return 0;
	secret = mem_strndup((const char *)bytes + 2, secret_length);
	before = mem_strndup((const char *)bytes + 2 + secret_length, length - 2 - secret_length);
	text = mem_printf("%s%s%s", before, secret, before);
	mask_add(&mask, secret);
	hide(&mask, text, bytes[1] % 40U + 1, &out);
	if (secret_length >= MASK_SHORTEST && strpbrk(secret, "*\r\n") == NULL &&
		strstr(strbuf_text(&out), secret) != NULL)
		abort();
	if (secret_length < MASK_SHORTEST && strchr(secret, '\n') == NULL &&
		!str_equal(strbuf_text(&out), text))
		abort();
	mask_release(&mask);
	return 0;
}
