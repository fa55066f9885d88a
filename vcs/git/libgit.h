/* The door to libgit2: how it is started, how its failures become ours, how its objects are
 * released. */
#pragma once
#include "orchestrator/lib/err.h"
#include <git2.h>

/* libgit2 without any of this machine's configuration, caches sized for one call. */
_must_check_ int libgit_start(struct err *err);
/* Loads the certificates of one file; NULL or "": those of this machine. Start leaves them out
 * because reading them takes longer than most calls. */
_must_check_ int libgit_trust(const char *bundle, struct err *err);

/* "what: reason" with the class that fits; paths of this machine and credentials in addresses are
 * taken out. */
_printf_(3, 4) int libgit_fail(struct err *err, int code, const char *what, ...);

#define LIBGIT_CLEANUP(type)                                                                       \
	static inline void git_##type##_freep(git_##type **object)                                 \
	{                                                                                          \
		git_##type##_free(*object);                                                        \
	}
LIBGIT_CLEANUP(repository)
LIBGIT_CLEANUP(object)
LIBGIT_CLEANUP(odb)
LIBGIT_CLEANUP(odb_object)
LIBGIT_CLEANUP(commit)
LIBGIT_CLEANUP(diff)
LIBGIT_CLEANUP(tree)
LIBGIT_CLEANUP(tree_entry)
LIBGIT_CLEANUP(treebuilder)
LIBGIT_CLEANUP(index)
LIBGIT_CLEANUP(revwalk)
LIBGIT_CLEANUP(remote)
LIBGIT_CLEANUP(reference)
LIBGIT_CLEANUP(signature)
LIBGIT_CLEANUP(annotated_commit)
LIBGIT_CLEANUP(rebase)
LIBGIT_CLEANUP(index_conflict_iterator)
#undef LIBGIT_CLEANUP

/* The bytes of a blob that is at most cap bytes large; ERR_LIMIT when larger, without reading it.
 */
_must_check_ int libgit_blob(
	git_odb *odb, const git_oid *oid, size_t cap, git_odb_object **ret, struct err *err);
