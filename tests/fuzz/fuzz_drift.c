/* links: model lib */
/* Any bytes as a report of drift. What was read is written again and read as the same. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/drift.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL, *first = NULL, *second = NULL;
	struct drift_report report, again;
	struct err err;

	if (jsonx_parse((const char *)data, size, 1 << 20, &json, &err) < 0 ||
		drift_report_read(json, &arena, &report, &err) < 0)
		return 0;
	(void)drift_report_is_news(&report);
	first = drift_report_write(&report);
	if (drift_report_read(first, &arena, &again, &err) < 0)
		abort();
	second = drift_report_write(&again);
	if (!json_equal(first, second))
		abort();
	return 0;
}
