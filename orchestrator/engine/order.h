/* In which order may the projects of a selection begin? Pure. Groups ascend; a project waits for
 * those it depends on, and goes no earlier than their group. Names that nobody has, and circles,
 * are problems of the configuration: overlooked, they would be a guard that is none. */
#pragma once
#include "orchestrator/engine/projects.h"

/* Sorts the projects and fills group and before. What a project depends on and is not selected
 * holds it up no more. */
_must_check_ int order_projects(const struct repo_config *config, struct arena *arena,
	struct selection *selection, struct config_problems *problems, struct err *err);
