/* Between an init and whoever uses what it left: each provider becomes a link into the store
 * (provider_store.h). What the store does not have is fetched once more, in a sandbox without a
 * file of the pull request, because nobody else's job may run what a pull request could have put
 * there. Owns the choice of the store. */
#pragma once
#include "runners/worker.h"

/* Which store is this job's: that of all, or that of its repository when credentials of registries
 * are among its secrets. Owned by the caller. */
char *providers_store(const struct worker *worker);
/* What the tools are told of it, when the operator told them nothing of his own. */
_must_check_ int providers_begin(struct worker *worker, struct err *err);
/* After init, when everything in its sandbox is dead. 0, or the job has ended. */
_must_check_ int providers_settle(struct worker *worker);
