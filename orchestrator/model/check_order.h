/* Which checks look at a plan, and how they are called: part of a recipe (name and threshold, as
 * the base branch has them) and of a job's order (with the operator's program). */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/repo_config.h"
#include <jansson.h>

struct check_order {
	const char *name;
	const char *threshold; /* of the base branch, or "" */
	const char *kind; /* "checkov", "sarif", "cost"; "": the server has none of that name */
	struct name_list command; /* program and arguments */
	struct name_list read;	  /* what it may see beside the work tree, on this machine */
};

struct check_orders {
	struct check_order *list;
	size_t count;
};

_must_check_ int check_orders_read(
	const json_t *json, struct arena *arena, struct check_orders *ret, struct err *err);
json_t *check_orders_write(const struct check_orders *orders); /* owned by the caller */
