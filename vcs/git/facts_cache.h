/* What was found in a whole tree, by its object id: a few small files beside modules.cache. A cache
 * only: what cannot be read, or is of another tree, is not there. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

/* Fills folders, workspaces and uses of `prepared`; false when they are not known. */
bool facts_cache_get(
	int dir_fd, const git_oid *tree, struct arena *arena, struct prepared *prepared);
/* A failure only costs time later. */
void facts_cache_put(int dir_fd, const git_oid *tree, const struct prepared *prepared);
