/* What the commits of a pull request bring that the list of changed files does not tell: secrets in
 * plain text, in any of them, and notes that make checks pass over something. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

struct history_range {
	git_repository *repo;
	git_odb *odb;
	const git_oid *base, *head, *merge_base;
};

/* Into prepared->secrets: where and by which rule, never what. What stood in the file before is not
 * new; what a later commit removed can still be read by everybody. */
_must_check_ int history_secrets(const struct history_range *range, struct arena *arena,
	struct prepared *prepared, struct err *err);
/* Into prepared->skips: those of the head that the merge base has not. */
_must_check_ int history_skips(const struct history_range *range, struct arena *arena,
	struct prepared *prepared, struct err *err);
