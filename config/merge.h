/* What the parts of the merge share. */
#pragma once
#include "config/effective.h"
#include "config/guard.h"

struct merge {
	const struct effective_input *in;
	struct arena *arena;
	struct repo_config *out;
	struct config_errors *errors; /* of the head's file */
	struct guards guards;
	bool is_base_alone; /* nothing changed, or there is no head */
};

#define UNTIL_MERGED "until the pull request is merged the base branch's word holds"

struct side { /* one file and who speaks in it */
	const struct repo_file *file;
	bool is_head; /* what it may not say is an error; in the base it is only not heard */
	bool may_have_workflows;
};

/* effective.c */
_printf_(4, 5) void merge_note(
	struct merge *merge, struct config_place at, const char *path, const char *format, ...);
struct config_place place_in(
	const struct repo_file *file, const struct yaml_node *node, const char *key);
const struct workflow *find_workflow(const struct workflow *list, size_t count, const char *name);

/* rights.c: what a repository may say at all. */
struct project_config *rights_resolve(struct merge *merge, struct side *side);
const char *rights_workflow(struct merge *merge, const struct side *side,
	const struct yaml_node *node, const char *path, const char *wanted);
void rights_defaults(const struct server_rules *rules, struct project_config *ret);

/* effective_projects.c */
void merge_projects(struct merge *merge, const struct project_config *base_projects,
	const struct project_config *head_projects);
