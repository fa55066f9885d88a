/* Which projects does a change touch, in which order, and why? Pure. Without any configuration:
 * every folder that holds .tf files and was touched (a file in it, or below it with no such folder
 * between; either side of a rename), or uses, through local modules at any depth, a module folder
 * that was touched, even one that is gone. A folder that others use as a module is no project
 * itself. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/prepared.h"
#include "orchestrator/ports/config_reader.h"

struct project {
	const char *name; /* "infra/data"; the folder's path, "." is "root" where no folder is
			     called so */
	const char *dir;
	const char *workspace;
	const char *tool;
	const char *because; /* "infra/data/main.tf changed", "uses modules/vpc, where main.tf
				changed" */
};

enum { PROJECTS_MAX = 1000 };

/* ERR_LIMIT over PROJECTS_MAX. Sorted by dir. */
_must_check_ int projects_select(const struct prepared *prepared, const struct repo_config *config,
	struct arena *arena, struct project **ret, size_t *ret_count, struct err *err);

/* Folders that held .tf files before and hold none in the merged tree: what they made still exists,
 * and no plan will say so. Sorted, each once. A module that was taken out is among them. */
void projects_gone(
	const struct prepared *prepared, struct arena *arena, const char ***ret, size_t *ret_count);
