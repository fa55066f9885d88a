/* What the engine wants to know of a repository's own configuration. Pure; the engine never sees
 * YAML. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"

struct repo_config {	  /* effective: server and repository together */
	const char *tool; /* for projects that name none */
	const char *workspace;
};

struct config_reader {
	int (*read)(const struct config_reader *reader, const struct settings *settings,
		struct arena *arena, struct repo_config *ret, struct err *err);
};
