/* Is an exported tree still what its name says, after the machine went down? */
#pragma once
#include "vcs/git/manifest.h"

/* True at once for a tree made since the machine started. An older one is compared with git once;
 * if files are missing or cut short, it is taken away. trees_fd: the folder of trees. */
bool tree_check(git_repository *repo, git_odb *odb, int trees_fd, const char *name);
