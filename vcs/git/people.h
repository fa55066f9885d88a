/* Who wrote the commits of a pull request: they may not be the ones who approve it. */
#pragma once
#include "orchestrator/model/prepared.h"
#include "vcs/git/libgit.h"

/* Authors, committers and Co-authored-by of every commit that head has and base has not; each once.
 */
_must_check_ int people_list(git_repository *repo, struct arena *arena, const git_oid *base,
	const git_oid *head, struct identity **ret, size_t *ret_count, struct err *err);

/* One line of a commit message; pure. */
bool people_trailer(const char *line, size_t length, struct arena *arena, struct identity *ret);
