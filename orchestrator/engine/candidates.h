/* Private to the selection: what could be a project, before anybody looks at what changed. */
#pragma once
#include "orchestrator/engine/module_graph.h"
#include "orchestrator/engine/projects.h"

enum candidate_from { FROM_CONFIG, FROM_PATTERN, FROM_RULE, FROM_FILES };

struct candidate {
	enum candidate_from from;
	const char *name, *dir, *workspace, *kind;
	const struct project_config *config;
	struct config_place at;
	const char *ignored; /* the pattern of ignore_paths that takes it out, or NULL */
	size_t number;	     /* in the order of the configuration */
};

struct candidates {
	struct candidate *list; /* as configured, then by rules, then found */
	size_t count;
};

/* Every project that there could be; with ERR_CONFIG `problems` has what is wrong with patterns. */
_must_check_ int candidates_find(const struct prepared *prepared, const struct repo_config *config,
	const struct module_graph *graph, struct arena *arena, struct candidates *ret,
	struct config_problems *problems, struct err *err);

/* The folder that a changed file counts for when projects are found by their files: its own one;
 * the one above env/; the one above modules/; for what is not Terraform itself the nearest one that
 * holds some. NULL when there is none. */
struct graph_folder *candidate_folder(const struct module_graph *graph, const char *path);
bool candidate_is_below_modules(const char *dir);
