/* The hooks of the server: its own commands over the whole work tree. Before the projects of a plan
 * are chosen what they write is kept, as the tree that the run goes on with; else it is thrown
 * away, but for the line that they leave for the status.
 *
 * As in worker.h: 0 to go on, negative when the job has ended and worker->result says how. */
#pragma once
#include "runners/worker.h"

_must_check_ int hooks_run(struct worker *worker);
