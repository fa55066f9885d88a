/* The plan of what is built: base and head, each in a sandbox with nothing but its tree, side by
 * side as files of the job. Owns: these files and what becomes of them; the
 * policies are asked about that of the head. Must not: parse what a tool
 * printed; a confined child does.
 *
 * As in worker.h: 0 to go on, negative when the job has ended and worker->result says how. */
#pragma once
#include "runners/worker.h"

/* JOB_FILE_RENDERED_BASE and JOB_FILE_RENDERED_HEAD are there when it goes well. */
_must_check_ int build_run(struct worker *worker);
