/* What the local host does to a repository by itself: merging, and deleting the branch afterwards.
 */
#pragma once
#include "vcs/local/local_pulls.h"

/* HOST_MERGE and HOST_BRANCH_DELETE, answered when sluice-git has ended. */
void local_merge_send(struct local_host *host, const struct host_request *request,
	host_done_cb done, void *owner);
/* What is on its way is stopped, and answered with an error. */
void local_merges_end(struct local_host *host);
