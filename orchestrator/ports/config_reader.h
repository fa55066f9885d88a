/* What the engine wants to know of a repository's own configuration: bytes of files in, effective
 * configuration or errors with their places out. Pure; the engine never sees YAML. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/repo_config.h"
#include "orchestrator/model/settings.h"

struct config_blob { /* a file of one side; name NULL: that side has none */
	const char *name;
	const char *bytes;
	size_t length;
};

struct config_request {
	const char *host;     /* "github.com", "local" */
	const char *repo;     /* "team/infra" */
	const char *base_ref; /* the branch the pull request goes into */
	struct config_blob base, head;
};

struct config_problem {
	struct config_place at;
	const char *path, *message, *hint; /* never NULL */
};

struct config_problems {
	struct config_problem *list;
	size_t count, found; /* found > count: the list has an end */
};

struct config_reader {
	/* ERR_CONFIG: `problems` says what is wrong with the head's file; strings in the arena. A
	 * base file that cannot be read guards nothing away: the answer is an error too. */
	int (*read)(const struct config_reader *reader, const struct settings *settings,
		const struct config_request *request, struct arena *arena, struct repo_config *ret,
		struct config_problems *problems, struct err *err);
	/* Names of files that git must bring of base and head, in order of preference. */
	void (*files)(const struct config_reader *reader, const struct settings *settings,
		const char *host, const char *repo, struct arena *arena, struct name_list *ret);
};
