/* The configuration as each side has it. */
#pragma once
#include "orchestrator/model/job_spec.h"
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

/* The first of the spec's names that is in the tree. What stands there and is no regular file, or
 * is too large, is told of in `problem`: a file that guards must not be overlooked. */
_must_check_ int config_file_find(git_repository *repo, git_odb *odb, const git_oid *tree,
	const struct job_spec *spec, struct arena *arena, struct config_file *ret, struct err *err);
