/* Can two patterns over folders mean the same folder? Pure. */
#pragma once
#include "orchestrator/lib/base.h"

/* Exact for *, ?, ** and letters; a [class] counts as any character and {a,b} as any text, so that
 * the answer errs on the side of yes. Also yes when it would take too long to tell. *steps counts
 * down over many calls; begin with OVERLAP_STEPS. */
bool overlap_of(const char *a, const char *b, long *steps);

enum { OVERLAP_STEPS = 3000000 };
