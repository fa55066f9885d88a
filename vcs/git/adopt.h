/* What the hooks of the server left over a work tree becomes a tree of git's: from there on it is
 * read, checked and written out like any other. Everything of it is as hostile as the pull request
 * that the hooks read: links that leave it, things that are no files, and more than LIMIT_ADOPT_*
 * are refused. */
#pragma once
#include "vcs/git/libgit.h"

struct adopted {
	git_oid tree;
	size_t count; /* files and links that were written, changed or removed; a folder that is
			 gone is one */
};

/* `view`: the work tree as the hooks saw it at last. `layer`: a folder with what they wrote, at the
 * same places; or `view` itself, where there are no layers. `merged`: the tree below it. */
_must_check_ int adopt_tree(git_repository *repo, git_odb *odb, const git_oid *merged,
	const char *view, const char *layer, struct adopted *ret, struct err *err);
