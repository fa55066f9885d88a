/* What the base branch would hold after the merge, without a work tree. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "vcs/git/libgit.h"

struct merge {
	git_oid base, head, merge_base;
	git_oid tree; /* valid without conflicts */
	const char **conflicts;
	size_t conflict_count;
};

/* Fills merge_base, and tree or conflicts. New trees are written to the repository. ERR_REFUSED: no
 * common commit. */
_must_check_ int merge_compute(
	git_repository *repo, struct arena *arena, struct merge *merge, struct err *err);
