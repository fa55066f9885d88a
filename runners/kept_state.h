/* State of projects without a remote backend. Their terraform.tfstate would go with the work tree,
 * so it is kept below the data directory: an apply works on the kept file itself, a plan on a copy
 * that nobody reads again. Owns the naming of those files. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/job_spec.h"
#include <jansson.h>

/* Where a project's state is, as init left it. */
struct backend {
	bool is_local;
	const char *path; /* of the default workspace, relative to the project; "" = default */
	const char *workspace_dir; /* of the others; "" = default */
};

/* Work for a confined child: reads .terraform/terraform.tfstate, writes the JSON of a backend. */
int kept_state_scan(int in_fd, int out_fd);
_must_check_ int kept_state_backend(
	const json_t *json, struct arena *arena, struct backend *ret, struct err *err);

struct kept_state {
	const char
		*file; /* absolute: the kept file; NULL when sluice keeps none for this project */
	const char *target; /* relative to the tree */
};

_must_check_ int kept_state_find(const char *data_dir, const struct job_spec *spec,
	const struct backend *backend, struct arena *arena, struct kept_state *ret,
	struct err *err);
/* Puts what a tool shall find at the target below `upper_fd`: for a plan a copy of the kept file,
 * if there is one; for an apply the mount point, with the kept file made ready (from the file in
 * the tree when there was none). `link`: there are no mounts; the target becomes a link to the kept
 * file. */
_must_check_ int kept_state_place(const struct kept_state *state, const char *tree, int upper_fd,
	bool for_apply, bool link, struct err *err);
