/* What was found true of a saved plan before anybody saw it. It goes with the plan's summary into
 * the plan set, under the server's seal, and the apply holds it against what it finds then. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

struct plan_checks { /* "": not known */
	const char
		*configuration; /* "commit", or "commands" where those of the workflow wrote it */
	const char *files;	/* SHA-256 of the list of configuration files in the plan file */
	const char *rendered;	/* and of the plan as JSON, rendered after all its code was dead */
	const char *lock;	/* and of the lock file of providers */
	const char *program;	/* and of a pinned tool */
	const char *tier;	/* of the sandbox */
};

/* NULL: nothing was checked. */
_must_check_ int plan_checks_read(
	const json_t *json, struct arena *arena, struct plan_checks *ret, struct err *err);
json_t *plan_checks_write(const struct plan_checks *checks); /* owned by the caller */
