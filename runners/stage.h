/* Where the steps of a stage stand: the sandbox with what init made. Owns: which init is kept, for
 * whom, and for how long.
 *
 *     init plainly first:   what it makes is kept for every job that asks for the same
 *     init after commands:  these run in a sandbox of their own, the rest in a second one over it
 *     no init:              everything runs in one sandbox
 *
 * Of the last two nothing is kept but for the apply of that very plan. */
#pragma once
#include "runners/kept_state.h"
#include "runners/steps.h"

struct ground {
	char *entry; /* of the init cache, or what a plan left; NULL: none */
	char *layer;
	struct backend backend;
	bool was_cached;
	bool is_own;	/* made by this job's own steps */
	bool has_upper; /* and still lies there */
	bool is_begun;	/* a sandbox stood on it: the next one goes on with what that left */
	bool has_state; /* its sandboxes work on the kept state itself */
	size_t next;	/* the first step that is still to be done */
};

void ground_release(struct ground *ground);
/* Makes ready what comes before the first step that may have an effect. */
_must_check_ int ground_prepare(struct walk *walk, struct ground *ground);
/* For an apply: the same ground as that of its plan. */
_must_check_ int ground_of_plan(struct walk *walk, struct ground *ground);
/* Into the sandbox of the tool; `for_apply`: with the kept state itself, and outliving us. Commands
 * among the steps get sandboxes of their own, over the same ground. */
_must_check_ int ground_enter(struct walk *walk, struct ground *ground, bool for_apply);
/* What was kept of init does not serve: once more, from the beginning. */
_must_check_ int ground_renew(struct walk *walk, struct ground *ground);
/* After a plan, outside of its sandbox: for its apply. */
_must_check_ int ground_keep(struct walk *walk, struct ground *ground);
