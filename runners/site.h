/* What this machine gives to every job: where the data is, which programs, how isolated. Comes
 * once, as the first packet the launcher reads; supervisors inherit it by fork. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

struct site {
	struct arena arena;
	const char *data_dir;	/* absolute */
	const char *git;	/* absolute path of sluice-git, or "" */
	const char *terraform;	/* absolute, or "" */
	const char *opentofu;	/* absolute, or "" */
	const char *cli_config; /* TF_CLI_CONFIG_FILE, or "" */
	const char *path;	/* PATH of the tools */
	bool may_run_bare;	/* the operator accepts jobs without namespaces */
	const char *without;	/* parts of the sandbox not to use though they would work:
				   "overlay,proc" */
	const char *fault_spec; /* lib/fault.h; of tests */
	const char *fault_log;
};

_must_check_ int site_read(const json_t *json, struct site *ret, struct err *err);
void site_release(struct site *site);
