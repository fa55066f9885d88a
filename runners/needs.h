/* What a project takes from elsewhere, held against what the operator lets in
 * (`sandbox.providers.allow`, `sandbox.modules.allow`): by the files of its tree before init
 * reaches out, and by what init left afterwards. Owns nothing. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/job_spec.h"

struct site;

/* required_providers, the lock file and the sources of modules, in the project's folder and in each
 * folder of the tree that it uses. */
_must_check_ int needs_check_tree(
	const struct site *site, const struct job_spec *spec, const char *tree, struct err *err);
/* folder_fd: the project's folder as init left it. Modules of modules are in here, too. */
_must_check_ int needs_check_made(
	const struct site *site, const struct job_spec *spec, int folder_fd, struct err *err);
/* What stands in the fingerprint of an init that is kept. */
void needs_facts(const struct site *site, struct strbuf *facts);
