/* Labels of pull requests, and issues: what sluice writes beside comments and statuses. */
#pragma once
#include "vcs/local/local_pulls.h"

_must_check_ int local_label_set(
	struct local_host *host, const struct host_request *request, struct err *err);
_must_check_ int local_issue_set(struct local_host *host, const struct host_request *request,
	int64_t *ret_number, struct err *err);
