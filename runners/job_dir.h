/* The supervisor's side of a job directory. Owns: its descriptors and the lock. Must not: know what
 * the job does.
 *
 * The lock is the only proof of life, the result the only truth about the end. Both survive the
 * server; every write that an apply rests on is durable before the next thing happens. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/job_spec.h"

struct job_dir {
	char *path; /* absolute */
	int fd;
	int lock_fd;
	int events_fd;
};

enum { JOB_SPEC_MAX = 1 << 20, JOB_SECRETS_MAX = 1 << 20 };

/* Opens the directory and takes its lock. ERR_BUSY: somebody has it; ERR_REFUSED: it is void or has
 * a result. */
_must_check_ int job_dir_claim(struct job_dir *dir, const char *path, struct err *err);
void job_dir_release(struct job_dir *dir);
/* Why there will be no result. It goes into the lock, behind the pid: a disk that has no room for
 * one more file can still take a line in one that is there. */
void job_dir_say_last(const struct job_dir *dir, const char *why);

_must_check_ int job_dir_spec(
	const struct job_dir *dir, struct arena *arena, struct job_spec *ret, struct err *err);
/* The secrets file, unlinked before this returns; *ret is NULL when there is none, else owned by
 * the caller: what job_secrets_write() made. */
_must_check_ int job_dir_secrets(const struct job_dir *dir, char **ret, struct err *err);
bool job_dir_is_cancelled(const struct job_dir *dir);
/* `started`, on disk with its name when this returns. */
_must_check_ int job_dir_mark_started(const struct job_dir *dir, struct err *err);
void job_dir_step(const struct job_dir *dir, const char *step, int64_t at_ms);
/* result.json by rename; durable for work that must not be done twice. */
_must_check_ int job_dir_result(
	const struct job_dir *dir, const json_t *result, bool durable, struct err *err);
