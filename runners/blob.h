/* Files named by what is in them: <data>/blobs/ab/<sha256>. Owns that naming and the mark of a plan
 * that was used. */
#pragma once
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/err.h"

enum blob_move { BLOB_MOVE, BLOB_LINK };

/* Hashes the regular file dir_fd/name (one link, at most cap bytes) and gives it its blob name.
 * A log is linked. A plan is moved, and its writing to the disk begins at once, but nobody waits
 * for it: a plan that a loss of power takes is known by its hash, is not applied, and can be made
 * again. */
_must_check_ int blob_put(const char *data_dir, int dir_fd, const char *name, int64_t cap,
	enum blob_move how, char ret_sha[SHA256_HEX], struct err *err);
/* A private copy at dir_fd/name, whose own bytes have the hash. ERR_MISSING when it is gone,
 * ERR_STALE when it is something else. */
_must_check_ int blob_copy(
	const char *data_dir, const char *sha, int dir_fd, const char *name, struct err *err);
/* Durably notes that this plan, made by `plan_job`, was used; ERR_EXISTS when it was before. Two
 * jobs can make plans of the same bytes, and each may be used once. `witness` is a file that says
 * by whom. */
_must_check_ int blob_use_once(const char *data_dir, const char *sha, int64_t plan_job, int dir_fd,
	const char *witness, struct err *err);
bool blob_is_used(const char *data_dir, const char *sha, int64_t plan_job);
