/* The folders below the data folder that jobs stand on, seen from the server. */
#pragma once
#include "orchestrator/lib/err.h"

/* Makes what is not there; *jobs_fd, closed if it was open, is that of all jobs. */
_must_check_ int executor_folders_make(const char *data_dir, int *jobs_fd, struct err *err);
/* Can this be the name of a work tree, and of nothing else? */
bool executor_is_tree(const char *name);
