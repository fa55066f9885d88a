/* What a plan would do, made from the plan JSON by `sluice-job interpret`, already redacted: our
 * own small format. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/check_results.h"
#include "orchestrator/model/plan_checks.h"
#include "orchestrator/model/plan_constructs.h"
#include "orchestrator/model/policy_results.h"
#include <jansson.h>

enum plan_action {
	PLAN_NO_OP = 0,
	PLAN_CREATE = 1,
	PLAN_UPDATE = 2,
	PLAN_DELETE = 3,
	PLAN_REPLACE = 4, /* destroys something */
	PLAN_READ = 5,
	PLAN_FORGET = 6,
	PLAN_IMPORT = 7,
	PLAN_MOVE = 8,
};

enum {
	PLAN_RESOURCES_MAX = 500,
	PLAN_ATTRIBUTES_MAX = 12,
	PLAN_VALUE_MAX = 120,
	PLAN_IMAGES_MAX = 8
};

struct plan_attribute {
	const char *path;   /* "ingress[0].cidr_blocks" */
	const char *before; /* text, "(sensitive)", "(known after apply)", or NULL when it did not
			       exist */
	const char *after;
	bool forces_replace;
};

struct plan_resource {
	const char *address;
	const char *moved_from; /* or NULL */
	enum plan_action action;
	struct plan_attribute
		*attributes; /* of updates and replaces, at most PLAN_ATTRIBUTES_MAX */
	size_t attribute_count;
	int attributes_left_out;
	int hidden;	  /* differences that a rule takes for noise: they count, and do not show */
	const char *note; /* what else people must know of it, or NULL */
};

struct plan_image { /* of containers, each change once */
	const char *before, *after;
};

struct plan_summary {
	int create, update, delete, replace, read, forget, import, move;
	int output_changes;
	struct plan_resource
		*resources; /* without no-ops; most dangerous first; at most PLAN_RESOURCES_MAX */
	size_t resource_count;
	int resources_left_out;
	struct plan_image *images; /* at most PLAN_IMAGES_MAX */
	size_t image_count;
	int images_left_out;
	struct plan_constructs constructs;
	const char *tool_version;
	struct policy_results policies; /* none: nothing was checked */
	struct check_results checked;	/* likewise */
	struct plan_checks checks;
};

_must_check_ int plan_summary_read(
	const json_t *json, struct arena *arena, struct plan_summary *ret, struct err *err);
json_t *plan_summary_write(const struct plan_summary *summary); /* owned by the caller */
const char *plan_action_name(enum plan_action action);
bool plan_summary_has_changes(const struct plan_summary *summary); /* resources or outputs */
/* "1 replace, 2 create, 1 update", "no changes", "outputs only"; written to buf. */
const char *plan_summary_text(const struct plan_summary *summary, char *buf, size_t size);
