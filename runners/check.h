/* Checks of a plan: programs of the operator's, one after the other. Owns how each is called, and
 * what it means when one does not answer. Must not: decide what a finding holds up (the gate does).
 */
#pragma once
#include "runners/steps.h"

/* After the plan, and after everything of it is dead. Each check stands in a sandbox of its own,
 * which shows the plan as JSON, the work tree, and what the operator lets it read: no secret, no
 * network. Results are added to worker->checked; a check that gives no answer is a result too. */
_must_check_ int check_run(struct walk *walk);
