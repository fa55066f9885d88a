/* How the jobs of a project are done: from the effective configuration into the row of a job, and
 * from there into its order. Pure. An apply follows the recipe of its plan. */
#pragma once
#include "orchestrator/model/job_spec.h"
#include "orchestrator/model/repo_config.h"

/* The text for struct job: "" where the configuration says nothing; NULL when the project names a
 * workflow that there is not. `version` is that of the tool, or "". `base_tree` is what a project
 * that is built is compared with; "" for others. */
const char *recipe_of(const struct repo_config *config, const struct project_config *project,
	const char *version, const char *base_tree, struct arena *arena);
/* The steps of this job's stage, its version of the tool, the names of its environment and of the
 * profile that this one names. */
_must_check_ int recipe_spec(
	const struct job *job, struct arena *arena, struct job_spec *ret, struct err *err);
