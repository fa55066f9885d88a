/* Bodies of webhooks for tests: recorded by others, or our own. */
#pragma once
#include "orchestrator/lib/base.h"

/* A file that others recorded, ended by a NUL; owned by the caller. Skips the case when there are
 * no corpora. */
char *hook_file(const char *path, size_t *ret_length);
/* Single quotes stand for double ones, also as %27 of a form; owned by the caller. */
char *hook_quoted(const char *text);
