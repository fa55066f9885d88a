/* Bare repositories of the local host as folders: made, added, and their branches read. Files only;
 * no git library. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/ids.h"

/* <data>/local/<name>.git, whole or not there. ERR_EXISTS. ret_path is owned by the caller. */
_must_check_ int local_repo_make(
	const char *data_dir, const char *name, const char *hook, char **ret_path, struct err *err);
/* An existing bare repository. *ret_hook_set is false when it has a receive hook of its own. */
_must_check_ int local_repo_adopt(
	const char *path, const char *hook, bool *ret_hook_set, struct err *err);
/* The receive hook as a script; words are quoted for the shell. */
void local_repo_hook(
	const char *program, const char *data_dir, const char *name, struct strbuf *ret);

/* Where a branch stands. ERR_MISSING when there is none. */
_must_check_ int local_repo_branch(
	const char *path, const char *branch, char ret[OID_HEX + 1], struct err *err);
