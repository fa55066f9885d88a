/* links: runner model lib */
/* Any bytes as plan JSON: a summary that can be read back, or an error. */
#include "orchestrator/lib/jsonx.h"
#include "runners/tf_drift.h"
#include "runners/tf_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_for_drift(const json_t *plan, struct arena *arena)
{
	_cleanup_json_ json_t *text = NULL;
	struct drift_items items, again;
	struct err err;

	if (tf_drift_find(plan, arena, &items, &err) < 0)
		return;
	text = drift_items_write(&items);
	if (drift_items_read(text, arena, &again, &err) < 0 || again.count != items.count)
		abort();
}

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
	if (plan != NULL)
		look_for_drift(plan, &arena);
	json_decref(plan);
	arena_release(&arena);
	return 0;
}
