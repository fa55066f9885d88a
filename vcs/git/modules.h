/* What the folders of a tree hold, and which local modules they use; what each file says is
 * remembered by its object id. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/manifest.h"

/* Fills folders, workspaces and uses of `prepared`. dir_fd: the folder of modules.cache. */
_must_check_ int modules_list(const struct manifest *manifest, const git_oid *tree, git_odb *odb,
	int dir_fd, struct prepared *prepared, struct err *err);
