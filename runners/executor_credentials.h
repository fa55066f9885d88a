/* Where the secrets of a job come from: git's of the moment, files of the operator, tokens that we
 * sign, and programs that the operator has for it. Everything is made for one job when it starts,
 * and known to the process's mask until the job is forgotten. */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/issuer.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/model/job_secrets.h"
#include "orchestrator/model/job_spec.h"

/* All that needs nobody else. ERR_CONFIG names the file that cannot be read. `issuer` may be NULL
 * where no profile has an identity. */
_must_check_ int credentials_collect(const struct job_spec *spec, struct issuer *issuer,
	const struct clock *clock, struct job_secrets *ret, struct err *err);

/* The operator's program for this job, if its profile has one (*ret is NULL otherwise). What it
 * prints is added to `secrets`, which must outlive it; `cb` says whether that went well. `said`
 * gets what it wrote to stderr, for the log. */
struct minting;
typedef void (*minting_cb)(void *owner, const char *said, const struct err *err);
_must_check_ int minting_start(struct loop *loop, const struct job_spec *spec,
	struct job_secrets *secrets, minting_cb cb, void *owner, struct minting **ret,
	struct err *err);
void minting_free(struct minting *minting); /* NULL is fine */
