/* links: lib */
/* Any text as a line of cron, behind one byte that chooses the zone's distance: refused with a
 * reason, or it comes, later than asked and never twice. */
#include "orchestrator/lib/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* clocks jump over an hour, show one twice, and lose a day */
	static struct zone_change changes[] = { { 1774746000, 7200 }, { 1792890000, 3600 },
		{ 1800000000, -43200 }, { 1800172800, 43200 } };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct zone zone = { .changes = changes, .change_count = countof(changes) };
	int64_t at = 1774600000000;
	struct cron cron;
	struct err err = { 0 };

	if (length == 0)
		return 0;
	zone.first_s = (bytes[0] - 128) * 300;
	if (cron_parse(arena_strndup(&arena, (const char *)bytes + 1, length - 1), &cron, &err) <
		0) {
		if (err.code != ERR_SYNTAX || err.text[0] == '\0')
			abort();
		return 0;
	}
	for (int i = 0; i < 8; i++) {
		int64_t next = cron_next(&cron, &zone, at);

		if (next == CRON_NEVER || next <= at || cron_last(&cron, &zone, next) != next ||
			cron_last(&cron, &zone, next - 1) >= next)
			abort();
		at = next;
	}
	return 0;
}
