/* server.yaml as the server reads it: when it starts, and again on SIGHUP. Owns: the newest
 * generation, and the first, from which everything comes that cannot change while the server runs.
 * Must not: tell anybody about a new generation. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"

struct serve_settings {
	const char *file;      /* path of server.yaml, or NULL */
	const char *data_wish; /* the data folder of the command line, which wins; or NULL */
	struct settings *first, *current;
	char *refused; /* every error of the file that was not taken when it was last read; or NULL
			*/
};

/* Reads the file and makes the data folder. Failure: `refused` says why, unless it is not the
 * file's fault. */
_must_check_ int serve_settings_start(struct serve_settings *settings, struct err *err);
/* The file once more. *ret is a new generation, owned by the caller, or `refused` says why not. */
_must_check_ int serve_settings_next(
	struct serve_settings *settings, struct settings **ret, struct err *err);
/* The file is good, what it names is not: the error becomes what was refused. */
void serve_settings_refuse(struct serve_settings *settings, const struct err *err);
/* Takes the reference: this is the newest generation now. */
void serve_settings_take(struct serve_settings *settings, struct settings *next);
void serve_settings_release(struct serve_settings *settings);
