/* May a job begin, as far as the projects before it go? Pure. It waits for those it depends on and
 * for every earlier group of its run. One it depends on that did not end well holds it up for good;
 * one of an earlier group only where the configuration says so. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/job.h"

enum precedence { PRECEDENCE_GO = 0, PRECEDENCE_WAIT, PRECEDENCE_SKIP };

/* jobs: all of the run. *ret_why is set for PRECEDENCE_SKIP, for people. */
enum precedence precedence_of(const struct job *job, const struct job *jobs, size_t count,
	struct arena *arena, const char **ret_why);

/* Is this one of the names in `list`, one on each line? */
bool precedence_names(const char *list, const char *name);
