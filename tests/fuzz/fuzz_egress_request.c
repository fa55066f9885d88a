/* links: runner model lib */
/* Any bytes as a request to the proxy: a target that a resolver may be asked for, more bytes
 * wanted, or an error with a text; and never another answer when more bytes follow. The same bytes
 * as an address of a repository. */
#include "runners/egress/request.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool is_odd(const struct egress_target *target)
{
	return target->port < 1 || target->port > 65535 || target->host[0] == '\0' ||
	       strpbrk(target->host, " \r\n/@%[]") != NULL ||
	       strnlen(target->host, sizeof(target->host)) > EGRESS_HOST_MAX;
}

static void read_url(const char *text, size_t length)
{
	_cleanup_free_ char *url = mem_strndup(text, length);
	struct egress_target target = { .port = 0 };

	if (egress_target_of_url(url, &target) && is_odd(&target))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct egress_target target = { .port = 0 }, again = { .port = 0 };
	size_t head = 0;
	struct err err = { 0 };
	int r = egress_request_parse(text, length, &target, &head, &err);

	read_url(text, length);
	if (r < 0 && err.text[0] == '\0')
		abort();
	if (r <= 0)
		return 0;
	if (head > length || is_odd(&target))
		abort();
	if (egress_request_parse(text, head, &again, &head, &err) != 1 ||
		strcmp(again.host, target.host) != 0 || again.port != target.port)
		abort();
	return 0;
}
