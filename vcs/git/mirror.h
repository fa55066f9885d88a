/* The bare copy of one repository: <data>/repos/<id>/mirror.git. Owns: its folder, its lock, what
 * is fetched into it. Must not: know pull requests' contents. */
#pragma once
#include "orchestrator/model/ids.h"
#include "vcs/git/libgit.h"

struct mirror {
	int dir_fd; /* <data>/repos/<id> */
	git_repository *repo;
	git_repository
		*source; /* the repository itself when it stands on this machine, else NULL */
	git_odb *odb;
};

/* Makes the mirror on first use. */
_must_check_ int mirror_open(struct mirror *mirror, const char *data_dir, struct repo_id repo,
	const char *clone_url, struct err *err);
void mirror_close(struct mirror *mirror);

/* Fetches what is missing and nothing else. Afterwards `head` is here and *ret_base is the tip of
 * base_ref. */
/* head NULL: only the base is wanted. */
_must_check_ int mirror_update(struct mirror *mirror, const char *clone_url, const git_oid *head,
	const char *head_ref, const char *base_ref, git_oid *ret_base, struct err *err);

/* "main" -> "refs/heads/main"; full names stay. Refuses what is not a branch or a reference of a
 * pull request. */
_must_check_ int mirror_ref_name(const char *ref, char *buf, size_t size, struct err *err);

static inline void mirror_closep(struct mirror *mirror)
{
	mirror_close(mirror);
}
