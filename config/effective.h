/* Server, base branch and head together: what holds for one pull request. Pure.
 *
 * What guards (environments, workflows, checks, requirements, owners) is the base branch's word.
 * The head may add projects and ask for more, never for less; what of it is not taken is a note. */
#pragma once
#include "config/repo_file.h"
#include "config/server_rules.h"
#include "orchestrator/ports/config_reader.h"

struct effective_input {
	const struct settings *settings;
	const struct server_rules *rules;
	const struct repo_file *base, *head; /* NULL: that side has none */
};

/* Files and result share the arena. What the head may not say is in `errors`. */
void effective_make(const struct effective_input *input, struct arena *arena,
	struct repo_config *ret, struct config_errors *errors);

/* The reader of real files, for the server (ports/config_reader.h). */
extern const struct config_reader config_file_reader;
