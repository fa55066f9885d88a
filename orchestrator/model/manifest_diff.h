/* What a change makes of the resources that a folder stands for: added, changed field by field,
 * removed. Pure: two lists in, a plan summary out, already without the values of Secrets. */
#pragma once
#include "orchestrator/model/manifest_list.h"
#include "orchestrator/model/plan_summary.h"

/* A difference that is noise. It is counted and does not show; the resource still changes. */
struct manifest_ignore {
	const char *kind, *name; /* "" is any; a '*' at the end stands for any rest */
	const char *pointer;	 /* "/metadata/annotations/checksum~1*": '*' alone is any step */
};

struct manifest_sides {
	struct manifest_list before, after;    /* sorted */
	const struct manifest_ignore *ignores; /* besides what is generated everywhere */
	size_t ignore_count;
};

void manifest_diff(
	const struct manifest_sides *sides, struct arena *arena, struct plan_summary *ret);
