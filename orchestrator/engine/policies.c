/* What policies hold up. Facts come from the summary of the plan, which never changes. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/plan_summary.h"

const char *policies_against(const struct job *plan, struct arena *arena)
{
	const struct policy_result *against;
	_cleanup_json_ json_t *json = NULL;
	struct plan_summary summary;
	struct err err;

	if (str_empty(plan->summary))
		return NULL;
	if (jsonx_parse(plan->summary, strlen(plan->summary), 16 << 20, &json, &err) < 0 ||
		plan_summary_read(json, arena, &summary, &err) < 0)
		return arena_printf(
			arena, "what the policies said of %s cannot be read", plan->project);
	against = policy_results_against(&summary.policies);
	return against == NULL ? NULL
			       : arena_printf(arena, "the policy set %s fails for %s",
					 against->name, plan->project);
}
