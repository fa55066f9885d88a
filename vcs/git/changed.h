/* The files that a pull request changes: merge base against head. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

_must_check_ int changed_list(git_repository *repo, struct arena *arena, const git_oid *old_tree,
	const git_oid *new_tree, struct changed_file **ret, size_t *ret_count, struct err *err);
