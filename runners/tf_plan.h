/* From the plan JSON of Terraform or OpenTofu to our small, redacted summary. Pure; runs only in a
 * confined child. */
#pragma once
#include "orchestrator/model/plan_summary.h"

enum { TF_PLAN_MAX = 64 << 20 };

/* `hide`, which may be NULL, gets the text values that the plan marks as sensitive: the tool's own
 * text can show them at another place, where it has forgotten the mark. */
_must_check_ int tf_plan_summarise(const json_t *plan, struct arena *arena,
	struct plan_summary *ret, json_t *hide, struct err *err);
/* Work for a confined child: plan JSON in, {"summary": ..., "hide": [...]} out. */
int tf_plan_interpret(int in_fd, int out_fd);
/* The same, where `summary` also says what drifted: {"drift": drift_items}. */
int tf_plan_interpret_drift(int in_fd, int out_fd);
