/* One git tree, walked once: its folders and files in the order in which they are written out.
 * Owns: its arena's arrays. Everything that is wrong with a tree as such is found here. */
#pragma once
#include "vcs/git/libgit.h"
#include "vcs/git/warnings.h"

struct manifest_file {
	const char *name;
	git_oid oid;
	bool is_link;
	bool is_executable;
	bool is_near; /* the near tree has the same file at the same place */
};

struct manifest_dir {	  /* a folder stands before the folders in it */
	const char *path; /* "." for the root */
	const char *name;
	int depth;    /* 0 for the root */
	bool is_near; /* the near tree has a folder at the same place */
	size_t first_file, file_count;
};

struct manifest {
	struct arena *arena;
	struct manifest_dir *dirs;
	size_t dir_count;
	struct manifest_file *files;
	size_t file_count;
	struct warnings *warnings;
	git_repository *repo;
};

/* near: an existing tree to compare with, or NULL. */
_must_check_ int manifest_read(
	struct manifest *manifest, const git_oid *tree, const git_oid *near, struct err *err);

/* Only counts and checks names: before somebody else's code walks the tree. */
_must_check_ int manifest_check(git_repository *repo, const git_oid *tree, struct err *err);
