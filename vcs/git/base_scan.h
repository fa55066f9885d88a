/* Finds what a kustomization.yaml is made of, as far as it lies in the repository. Pure and
 * lenient: what is not understood is skipped, because Kustomize itself will say it better. */
#pragma once
#include "orchestrator/lib/strbuf.h"

enum { BASE_SCAN_PATH = '/' }; /* stands before a path; beside what module_scan.h finds */

/* Appends each path that is not of another machine, a mark before it and a NUL behind it. */
void base_scan(const char *bytes, size_t length, struct strbuf *out);
