/* From the plan JSON of Terraform or OpenTofu to what it says of the world: which resources are not
 * as they were left, and what the configuration wants beside that. Pure; runs only in a confined
 * child.
 *
 * Each attribute comes with a hash of its two values, never with the values. */
#pragma once
#include "orchestrator/model/drift.h"

_must_check_ int tf_drift_find(
	const json_t *plan, struct arena *arena, struct drift_items *ret, struct err *err);
