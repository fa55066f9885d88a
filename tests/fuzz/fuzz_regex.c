/* links: lib_regex lib */
/* Any pattern on any text, a line between them: refused with a reason, or an answer that lies
 * inside of the text, and each in bounded time. */
#include "orchestrator/lib/regex.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *pattern = (const char *)bytes, *end = memchr(pattern, '\n', length), *text;
	_cleanup_regex_ struct regex *regex = NULL;
	size_t text_length, from = 0, to = 0;
	struct err err = { 0 };
	bool found;
	int r;

	if (end == NULL)
		return 0;
	text = end + 1;
	text_length = (size_t)(pattern + length - text);
	r = regex_compile(pattern, (size_t)(end - pattern), &regex, &err);
	if (r < 0) {
		if (err.text[0] == '\0' || regex != NULL)
			abort();
		return 0;
	}
	r = regex_find(regex, text, text_length, 0, &found, &from, &to, &err);
	if (r < 0 ? err.text[0] == '\0' : found && (from > to || to > text_length))
		abort();
	return 0;
}
