/* Finds the local modules that one Terraform file uses. Pure and lenient: whatever is not
 * understood is skipped, never an error, because Terraform itself will say it better. */
#pragma once
#include "orchestrator/lib/strbuf.h"

/* Appends each local source ("./x", "../x") as it is written, with a NUL behind it. */
void module_scan(const char *bytes, size_t length, struct strbuf *out);
void module_scan_json(const char *bytes, size_t length, struct strbuf *out);
