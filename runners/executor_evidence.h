/* What the folder of a job proves: its lock, its result, its beginning. */
#pragma once
#include "orchestrator/ports/executor.h"

/* Takes the lock, if nobody has it: *ret_fd is owned by the caller, or -1 when it is held. */
_must_check_ int evidence_try_lock(int dir_fd, int *ret_fd, struct err *err);
/* What the folder says. One in which nothing lives and nothing began is declared void under the
 * lock: a supervisor that is still on its way will find that and go. */
_must_check_ int evidence_find(int dir_fd, enum job_evidence *ret, struct err *err);
/* How a job ended of which nothing lives any more. One without a result ended in a way that nobody
 * knows, or never began; then *ret_why says why there is no result (its code is 0 otherwise). An
 * error: that cannot be seen now. dir_fd may be -1: the folder is gone. */
_must_check_ int evidence_end(int dir_fd, struct arena *arena, struct job_result *ret,
	struct err *ret_why, struct err *err);
