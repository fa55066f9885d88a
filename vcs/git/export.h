/* A merged tree as files: <data>/repos/<id>/trees/<tree oid>/, whole or not there. */
#pragma once
#include "vcs/git/manifest.h"

/* An existing tree to link unchanged files from: `wish` when it is there, else the newest. False:
 * none that is whole. */
bool export_near(git_repository *repo, git_odb *odb, int dir_fd, const char *wish,
	char ret[GIT_OID_HEXSZ + 1]);
/* near: as above or NULL; the manifest was read with it. Nothing to do when the tree is there
 * already, and whole. */
_must_check_ int export_tree(const struct manifest *manifest, git_odb *odb, int dir_fd,
	const char *tree, const char *near, struct err *err);
