/* What a job may know and job.json may not say: one file, 0600, that the supervisor reads once and
 * unlinks. Lines KEY=value, for the tool's environment. */
#pragma once
#include "orchestrator/model/job_spec.h"

/* No file where there is nothing to say. */
_must_check_ int executor_write_secrets(int dir, const struct job_spec *spec, struct err *err);
