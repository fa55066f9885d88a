/* links: runner model lib */
/* Any bytes as plan JSON: a summary that can be read back, or an error. */
#include "orchestrator/lib/jsonx.h"
#include "runners/tf_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_summary summary, again;
	struct arena arena = { 0 };
	json_t *plan = NULL, *text;
	struct err err;

	if (jsonx_parse((const char *)data, size, 1 << 20, &plan, &err) == 0 &&
		tf_plan_summarise(plan, &arena, &summary, NULL, &err) == 0) {
		text = plan_summary_write(&summary);
		if (text == NULL || plan_summary_read(text, &arena, &again, &err) < 0)
			abort();
		json_decref(text);
	}
	json_decref(plan);
	arena_release(&arena);
	return 0;
}
