/* Who owns what a pull request changes, as CODEOWNERS of the base branch says: a head that gives
 * itself other owners changes nothing. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

/* Fills the owners of `prepared`, whose list of changes must be there. A file that cannot be read
 * is told of in owners_problem. */
_must_check_ int owners_list(git_repository *repo, git_odb *odb, const git_oid *base_tree,
	struct arena *arena, struct prepared *prepared, struct err *err);
