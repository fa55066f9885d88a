/* What a job may know and job.json may not say: one file, 0600, that the supervisor reads once and
 * unlinks. */
#pragma once
#include "orchestrator/model/job_secrets.h"

/* No file where there is nothing to say. The process's mask knows each value from now on, until
 * secrets_return(job). */
_must_check_ int executor_write_secrets(
	int dir, int64_t job, const struct job_secrets *secrets, struct err *err);
