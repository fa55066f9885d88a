/* links: model lib */
/* Any JSON as results of checks: refused, or results that stay the same when written and read. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL, *once = NULL, *twice = NULL;
	struct check_results results, again;
	struct err err;

	if (jsonx_parse((const char *)data, size, 1 << 20, &json, &err) < 0 ||
		check_results_read(json, &arena, &results, &err) < 0)
		return 0;
	once = check_results_write(&results);
	if (check_results_read(once, &arena, &again, &err) < 0)
		abort();
	twice = check_results_write(&again);
	if (!json_equal(once, twice))
		abort();
	for (size_t i = 0; i < results.count; i++) {
		char text[100];

		check_result_judge(&results.list[i], "high");
		(void)check_result_text(&results.list[i], text, sizeof(text));
		if (strlen(text) == 0)
			abort();
	}
	return 0;
}
