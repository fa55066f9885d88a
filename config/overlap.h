/* Can two patterns over folders mean the same folder? Pure. */
#pragma once
#include "orchestrator/lib/base.h"

/* Paths as a file has them once it is read: no "./", no "//". Errs on the side of yes. *steps
 * counts down over many calls; begin with OVERLAP_STEPS. */
bool overlap_of(const char *a, const char *b, long *steps);

enum { OVERLAP_STEPS = 3000000 };
