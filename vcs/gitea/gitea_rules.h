/* Would Gitea let a pull request be merged, once our own statuses are green? Pure: its answers in,
 * a verdict out.
 *
 * `mergeable` of a pull request speaks of conflicts alone, so the rules of the branch are looked at
 * one by one. What cannot be judged from here is not known, which opens no gate. */
#pragma once
#include "orchestrator/ports/vcs_host.h"
#include <jansson.h>

struct gitea_answers {
	const json_t *pull, *reviews; /* all of them, the oldest first */
	const json_t *branch;	      /* that it goes into */
	const json_t *protection;     /* of that branch; NULL: it has none */
	const json_t *statuses;	      /* the newest of each context; NULL: nobody asked */
	const char *own;	      /* contexts that begin with it are ours, and left out */
};

/* Must the statuses be known? */
bool gitea_needs_statuses(const struct gitea_answers *answers);
/* Into `approved`, `mergeable` and `mergeable_why`. */
void gitea_rules_judge(
	const struct gitea_answers *answers, struct arena *arena, struct host_facts *ret);
