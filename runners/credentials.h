/* The secrets of a job on its side: which step gets which, and the files of them. Owns the folder
 * of the files, which lies on the job's own /tmp: the shell of the sandbox writes it there, as the
 * job's user, before anything of the pull request runs. */
#pragma once
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/job_secrets.h"

struct worker;

/* Takes what job_dir_secrets() gave; values that are secret are masked from now on. */
_must_check_ int credentials_read(struct worker *worker, const char *text, struct err *err);
bool credentials_have(const struct worker *worker, enum secret_use use);
/* The variables that may be known in the sandbox that the worker stands in. */
void credentials_env(const struct worker *worker, struct strvec *env);
/* The files of those variables: after a sandbox was entered, and before init. */
_must_check_ int credentials_place(struct worker *worker, enum secret_use use);
/* Where /tmp outlives its sandbox, they must not. */
void credentials_forget(const struct worker *worker);
