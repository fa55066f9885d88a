/* Finds the local modules that one Terraform file uses, and the workspace that it names. Pure and
 * lenient: whatever is not understood is skipped, never an error, because Terraform itself will say
 * it better. */
#pragma once
#include "orchestrator/lib/strbuf.h"

enum { MODULE_SCAN_WORKSPACE = '=' }; /* stands before a workspace's name; sources begin with '.' */

/* Appends each local source ("./x", "../x") as it is written, with a NUL behind it; likewise the
 * name of the workspace that `cloud` gives, if it is a name. */
void module_scan(const char *bytes, size_t length, struct strbuf *out);
void module_scan_json(const char *bytes, size_t length, struct strbuf *out);
