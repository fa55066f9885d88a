/* The packages of providers that init left in a project's folder. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum { INSTALLED_MAX = 256 };

struct installed {
	const char *source, *version, *platform; /* "registry.terraform.io/hashicorp/aws" */
	const char *path;			 /* of the package, below .terraform/providers */
	const char *target; /* where the link leads, as jobs see it; NULL: it is a folder */
};

struct installed_list {
	struct installed *list;
	size_t count;
};

/* folder_fd: the project's folder. Nothing is followed, and what is neither a folder nor the link
 * of a package in a place where one can be is an error. */
_must_check_ int installed_read(
	int folder_fd, struct arena *arena, struct installed_list *ret, struct err *err);
