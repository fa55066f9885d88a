/* What init makes, kept per fingerprint of everything it depends on, so that a second plan of the
 * same project needs none. Owns <data>/repos/<repo>/init/.
 *
 * An entry is a folder, complete by rename: `layer/` lies between the work tree and a job's own
 * files, `backend.json` says where the state is. It is made by a sandbox in which only init ran:
 * code of a pull request never writes to it. */
#pragma once
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/job_spec.h"
#include <jansson.h>

struct sandbox_support;
struct site;

/* program: the tool's executable; more: what else init is told. */
_must_check_ int init_cache_fingerprint(const struct site *site, const char *program,
	const struct job_spec *spec, const char *tree, const char *more, char ret[SHA256_HEX],
	struct err *err);
/* The absolute path of the entry, whether or not it is there; owned by the caller. */
char *init_cache_path(
	const struct site *site, const struct job_spec *spec, const char *fingerprint);
/* Asked for is used: the entry becomes young, and the broom leaves it. */
bool init_cache_has(const char *entry);
/* Takes .terraform and the lock file from job_fd/upper/<dir>; all jobs can read what is kept. */
_must_check_ int init_cache_save(const char *entry, int job_fd, const struct job_spec *spec,
	const json_t *backend, const struct sandbox_support *support, struct err *err);
void init_cache_drop(const char *entry, const struct job_spec *spec);

/* The next local module folder ("./x", "../x") named by Terraform text; *at moves on. False at the
 * end. *ret_floats is set when a source is met whose content can change under the same name. */
bool init_cache_next_source(
	const char *text, size_t length, size_t *at, char *ret, size_t size, bool *ret_floats);
