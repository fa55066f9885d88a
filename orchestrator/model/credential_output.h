/* What a program of the operator printed of credentials: NAME=VALUE lines, or a JSON object of
 * texts, or the object that AWS's `credential_process` is made of. Pure. */
#pragma once
#include "orchestrator/model/job_secrets.h"

/* Adds to `ret`. The error names the line or the key, never a value. */
_must_check_ int credential_output_read(
	const char *text, size_t length, struct job_secrets *ret, struct err *err);
