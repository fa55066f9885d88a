/* Policies over a plan: conftest, one policy set after the other. Owns how it is called, and what
 * its answer means. Must not: decide what a failure holds up (the gate does). */
#pragma once
#include "runners/steps.h"

/* The step policy_check. The plan is shown anew where nothing of the pull request lives, or what
 * was built of the change given, and conftest sees nothing but that and the operator's folder:
 * neither the work tree nor any secret. Afterwards the job stands in no sandbox. Results are added
 * to worker->policies. */
_must_check_ int policy_check(struct walk *walk, const struct step *step);
/* The plan as JSON in a fresh folder of the job, shown where nothing of the pull request lives. */
_must_check_ int policy_make_input(
	struct walk *walk, const struct step *step, const char *folder, const char *name);
/* Commands of the stage policy_check are a set of their own; `failure` is NULL when they passed. */
void policy_note_commands(struct worker *worker, const char *failure);
/* What was said goes into the summary of the plan, masked. */
_must_check_ int policy_add_results(struct worker *worker, const json_t *summary, struct err *err);
