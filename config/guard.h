/* What the base branch says about a project of the head. Pure.
 *
 * A guard follows the folder, not the entry: an entry of another name, another pattern or none at
 * all over the same folder is guarded as the base's entry is. */
#pragma once
#include "config/repo_file.h"
#include "orchestrator/lib/glob.h"

struct guards {
	const struct repo_file *base;
	const struct project_config *projects; /* those of `base`, with the server's word */
	const struct project_config **by_folder, **by_name; /* sorted */
	size_t named_count;
	const struct project_config **patterns; /* those whose folder is one */
	size_t pattern_count;
	struct guard_rule { /* beside each discovery rule of the base */
		struct glob_list dirs, exclude;
	} * rules;
	long steps; /* left for comparing patterns */
	struct arena *arena;
};

struct guard {
	const struct project_config *project; /* the base's entry for it, or NULL */
	const char *environment;	      /* that holds, or "" when the base names none */
	unsigned plan_requires, apply_requires, import_requires;
	bool is_disputed; /* its folders belong to several environments */
};

/* base may be NULL: then nothing is guarded. */
void guards_init(struct guards *guards, const struct repo_file *base,
	const struct project_config *projects, struct arena *arena);
void guards_find(struct guards *guards, const struct project_config *head, struct guard *ret);
