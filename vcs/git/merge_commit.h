/* A merge as a commit on the base branch: what a person asks for, with that person's rights. */
#pragma once
#include "vcs/git/libgit.h"

struct merge_order {
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
