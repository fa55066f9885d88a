/* Packages of providers, one copy of each for all jobs: what a registry gave to a sandbox without a
 * pull request in it, under the hash that it had then. Owns <data>/providers/, and for what came
 * with the credentials of a repository <data>/repos/ID/providers/.
 *
 *     HOST/NAMESPACE/TYPE/VERSION/PLATFORM/...     as a mirror in the file system has it
 *     HOST/NAMESPACE/TYPE/VERSION/hashes.json      {"h1": "h1:...", "zh": ["zh:..."]}
 *
 * A version appears whole, by one rename, and is never written to again. Jobs see the store
 * read-only. Whoever will need a version later keeps a second name of its hashes.json: one that
 * has no second name and is old goes (executor_sweep.c). */
#pragma once
#include "orchestrator/lib/err.h"
#include "runners/dirhash.h"
#include "runners/installed.h"
#include <jansson.h>

#define PROVIDER_STORE	   "/providers" /* as jobs of tier full see it */
#define PROVIDER_HELD	   "held" /* in a job's folder: the second names of what its init found */
#define PROVIDER_STORE_CLI "sluice.tfrc" /* in it: the tools look here first */

/* Makes the folder, and the CLI configuration for tools that see it as `shown`. */
_must_check_ int provider_store_prepare(const char *store, const char *shown, struct err *err);
/* 1: *ret is what is known of this package, owned by the caller; 0: it is not there. */
_must_check_ int provider_store_find(
	const char *store, const struct installed *package, json_t **ret, struct err *err);
/* Takes from_fd/<path of the package> away; `zh` are the signed sums of its archives. Who comes
 * second with the same content has brought nothing; with another, it is an error. */
_must_check_ int provider_store_keep(const char *store, const struct installed *package,
	int from_fd, const json_t *zh, const char *fresh, struct err *err);
/* A second name for the record of its version: `name` in folder_fd. It is young again with it. */
_must_check_ int provider_store_hold(const char *store, const struct installed *package,
	int folder_fd, const char *name, struct err *err);
/* Is the folder what the store has? */
_must_check_ int provider_store_compare(
	const struct installed *package, const json_t *known, int package_fd, struct err *err);
/* Does the lock file of the tree, when it has this version, mean this package? */
_must_check_ int provider_store_locked(const struct installed *package, const json_t *known,
	const char *lock, size_t length, const char *lock_name, struct err *err);
/* {"SOURCE": ["zh:...", ...]} of a lock file. */
json_t *provider_store_sums(const char *lock, size_t length);
