/* What a pull request changes in the effective configuration, project by project. Pure. */
#pragma once
#include "orchestrator/model/told.h"

void config_changes(const struct repo_config *before, const struct repo_config *after,
	struct arena *arena, struct told *told);
