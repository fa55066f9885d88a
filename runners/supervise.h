/* One job from its directory to its result. Owns the order of the steps. */
#pragma once
#include "runners/sandbox.h"
#include "runners/site.h"

#define SUPERVISE_ANSWER "answer.json" /* what sluice-git leaves in the job's folder `out` */

/* Runs the job of `job` ("<id>-<attempt>"), when a slot is given to it over `line` (-1: at once);
 * returns the exit code of the supervisor: 0 when a result was written, whatever it says. */
int supervise(
	const struct site *site, const struct sandbox_support *support, const char *job, int line);
