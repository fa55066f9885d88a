/* The environment of a workflow's commands, in the names of Atlantis, and what is done with its
 * variables. Pure; owns nothing but the list it is given. Nothing of the server's own environment
 * is ever in it.
 *
 * A list holds NAME=value, each name once: the newest value wins. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/strvec.h"

struct job_spec;

enum { STEP_ENV_MAX = 256, STEP_ENV_BYTES_MAX = 64 << 10, STEP_ENV_VALUE_MAX = 32 << 10 };

/* Where a job's files are, as its tools see them; any may be "". */
struct step_places {
	const char *project; /* the project's folder, absolute */
	const char *plan_file, *show_file, *policy_file, *status_file;
	const char *path; /* PATH */
	const char *tool_version;
};

/* Sets or replaces; `pair` is NAME=value. */
void step_env_put(struct strvec *env, const char *pair);
/* The same for a name and a value that a configuration or a command gave. */
_must_check_ int step_env_set(
	struct strvec *env, const char *name, const char *value, struct err *err);
const char *step_env_get(const struct strvec *env, const char *name); /* NULL: not set */

/* What each command of a workflow is told. */
void step_env_table(
	const struct job_spec *spec, const struct step_places *places, struct strvec *env);
/* What multienv printed: NAME=value,NAME="a, b",... ERR_SYNTAX sets nothing. */
_must_check_ int step_env_read_many(struct strvec *env, const char *text, struct err *err);
/* $NAME and ${NAME} in an argument; a name that is not set is an error, not a shorter argument. */
_must_check_ int step_env_expand(
	const struct strvec *env, const char *text, struct strbuf *out, struct err *err);
