/* links: engine model lib_regex lib */
/* Any bytes as a time zone, and any text as a line of cron: read or refused, and every answer is
 * within a day and a bit of UTC. */
#include "orchestrator/engine/gates/freeze.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int64_t moments[] = { INT32_MIN, -1, 0, INT32_MAX, 1795000000, 4733510400 };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct freeze_state state;
	struct cron cron;
	struct zone zone;
	struct err err;

	if (zone_read(bytes, length, &arena, &zone, &err) < 0)
		zone = (struct zone){ 0 };
	for (size_t i = 0; i < countof(moments); i++) {
		if (abs(zone_offset(&zone, moments[i])) > 27 * 3600)
			abort();
		(void)zone_utc(&zone, moments[i]);
	}
	if (cron_parse(arena_strndup(&arena, (const char *)bytes, length), &cron, &err) < 0 &&
		cron_parse("7 3 * * 2", &cron, &err) < 0)
		abort();
	freeze_look(&cron, &zone, 1000000, 1795000000000, &state);
	if (state.is_on != (state.until_ms > 1795000000000))
		abort();
	return 0;
}
