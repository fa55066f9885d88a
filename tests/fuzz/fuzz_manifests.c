/* links: runner model lib_yaml lib_regex lib */
/* Any two streams as what a tool printed: refused with a reason, or a summary that can be written
 * and read again, that is empty for two that are the same. The first NUL stands between the two. */
#include "runners/manifests.h"

#include "orchestrator/lib/jsonx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void look_at(const struct plan_summary *summary, struct arena *arena)
{
	_cleanup_json_ json_t *json = plan_summary_write(summary);
	struct plan_summary again;
	struct err err;

	if (plan_summary_read(json, arena, &again, &err) < 0 ||
		again.resource_count != summary->resource_count)
		abort();
	for (size_t i = 0; i < summary->resource_count; i++)
		for (const char *c = summary->resources[i].address; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20)
				abort(); /* it could begin a line of its own */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *text = (const char *)bytes;
	size_t first = strnlen(text, length), rest = first < length ? first + 1 : length;
	struct manifests_input input = { text, text + rest, first, length - rest,
		length > 0 && bytes[length - 1] == ' ' };
	struct plan_summary summary;
	struct err err = { 0 };

	if (manifests_summarise(&input, &arena, &summary, &err) == 0)
		look_at(&summary, &arena);
	else if (err.text[0] == '\0')
		abort();
	input.before = input.after;
	input.before_length = input.after_length;
	if (manifests_summarise(&input, &arena, &summary, &err) == 0 && summary.resource_count > 0)
		abort();
	return 0;
}
