/* What sluice-git does in a job, and what it answers. Owns: the answer in the job's result.
 *
 * As in worker.h: 0 to go on, negative when the job has ended and worker->result says how. */
#pragma once
#include "runners/worker.h"

/* Fetch, merge, work tree: the whole of a prepare job. */
_must_check_ int git_prepare(struct worker *worker);
/* The work tree that a job of hooks has written to becomes one that others may have. */
_must_check_ int git_adopt(struct worker *worker);
