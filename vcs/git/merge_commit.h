/* A merge as commits on the base branch: what a person asks for, with that person's rights, or the
 * embedded host for a pull request of which everything is applied. */
#pragma once
#include "vcs/git/libgit.h"

enum merge_method { MERGE_COMMIT = 0, MERGE_SQUASH, MERGE_REBASE };

struct merge_order {
	enum merge_method method;
	const char *repo;    /* path */
	const char *base;    /* branch */
	const char *head;    /* object id: exactly this is merged */
	const char *author;  /* name */
	const char *message; /* or NULL */
};

/* Moves the branch only if it is still where the merge began (ERR_STALE). ERR_CONFLICT: nothing was
 * changed. */
_must_check_ int merge_commit(
	const struct merge_order *order, char ret[GIT_OID_HEXSZ + 1], struct err *err);
/* The branch goes if it still stands there, and is not where HEAD points at: else it stays, which
 * is success. */
_must_check_ int merge_drop_branch(
	const char *repo, const char *branch, const char *head, bool *ret_gone, struct err *err);
