/* Which projects does a change touch, in which order, and why? Pure: what git said and the
 * effective configuration in, projects with their reasons out; also those that were not chosen,
 * with theirs.
 *
 * A project is configured (`projects`, whose `dir` may be a pattern), made by a rule (`discover`),
 * or found: every folder with Terraform files that no other folder uses as a module, unless
 * autodiscovery is off. The first of one folder and workspace is meant. A configured project
 * is touched by a file that its when_modified names, a found one by its own files; both, at any
 * depth, by the local modules they use. Of a rename both sides count. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/prepared.h"
#include "orchestrator/ports/config_reader.h"

struct project {
	const char *name; /* as configured, else the folder's path; "." is "root" where no folder
			     is called so */
	const char *dir;
	const char *workspace;
	const char *tool;    /* its kind */
	const char *because; /* "infra/data/main.tf changed", "uses modules/vpc, where main.tf
				changed" */
	const char *rule;    /* what in the configuration said so: "when_modified ../modules" */
	struct config_place at;
	const struct project_config *config; /* everything else; never NULL */
	/* of its jobs; set when the whole configuration was read */
	const char *recipe, *guard;
	int group;	      /* later groups wait for earlier ones */
	const size_t *before; /* indices of those of `projects` that it waits for */
	size_t before_count;
	const char *held;	    /* why its jobs wait for a person's word, or NULL */
	struct name_list waits_for; /* their names, and those of others that are not selected now */
};

struct skipped_project {
	const char *name, *dir, *workspace, *why;
	struct config_place at;
};

struct selection {
	struct project *projects; /* in the order in which they may begin */
	size_t project_count;
	struct skipped_project *skipped; /* sorted by dir */
	size_t skipped_count;
};

/* What somebody asked for by name; "" for what the change touches. A project that was asked for is
 * taken whether it was touched or not. */
struct selection_asked {
	const char *dir, *workspace, *project;
	const char *base_ref; /* the branch the pull request goes into */
	bool by_files_alone;  /* also what is not planned by itself is taken when its files say so
			       */
	bool is_everything;   /* also what no change touches */
};

enum { PROJECTS_MAX = 1000 };

/* ERR_LIMIT over PROJECTS_MAX; ERR_CONFIG: `problems` says what is wrong. */
_must_check_ int projects_select(const struct prepared *prepared, const struct repo_config *config,
	const struct selection_asked *asked, struct arena *arena, struct selection *ret,
	struct config_problems *problems, struct err *err);

bool selection_has(const struct selection *selection, const char *dir, const char *workspace);

/* Folders that held Terraform files before and hold none in the merged tree: what they made still
 * exists, and no plan will say so. Sorted, each once. A module that was taken out is among them. */
void projects_gone(
	const struct prepared *prepared, struct arena *arena, const char ***ret, size_t *ret_count);
