/* Files with one secret of the operator: read when it is needed, its end trimmed. */
#pragma once
#include "orchestrator/lib/err.h"

/* `path` is absolute, or the name of a credential that systemd hands to the service. `what` is for
 * the error: "the token". ERR_CONFIG also when there is nothing in it. Owned by the caller, who
 * gives it to secret_file_free(). */
_must_check_ int secret_file_read(
	const char *path, const char *what, char **ret, size_t *ret_length, struct err *err);
void secret_file_free(char *text); /* wipes it; NULL is fine */
