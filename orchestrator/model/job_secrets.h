/* What a job may know and job.json may not say: variables and small files, each for those of its
 * sandboxes that have a use for it. It travels in one file, read once and unlinked. Owns the values
 * and wipes them. */
#pragma once
#include "orchestrator/lib/err.h"
#include <jansson.h>

enum secret_use { /* written numbers: they stand in a file between two programs */
	SECRET_OF_GIT = 1,
	SECRET_OF_INIT = 2,  /* registries and module sources */
	SECRET_OF_TOOLS = 3, /* plan, apply, and what changes a state */
};

/* In a value: the folder of the files, as the tool sees it. */
#define SECRET_FOLDER "\001"

enum { SECRETS_BYTES_MAX = 256 << 10, SECRET_VALUE_MAX = 96 << 10, SECRETS_COUNT_MAX = 128 };

struct job_secret {
	enum secret_use use;
	char *name; /* of a variable, or of a file: letters, digits and ._- */
	char *value;
	bool is_file;
	bool is_public; /* need not be masked */
};

struct job_secrets {
	struct job_secret *list;
	size_t count, bytes;
};

void job_secrets_release(struct job_secrets *secrets);
/* ERR_LIMIT, or ERR_SYNTAX for what can be no name. */
_must_check_ int job_secrets_add(
	struct job_secrets *secrets, const struct job_secret *secret, struct err *err);
/* Both ways; what is written is owned by the caller. */
_must_check_ int job_secrets_read(const json_t *json, struct job_secrets *ret, struct err *err);
json_t *job_secrets_write(const struct job_secrets *secrets);
