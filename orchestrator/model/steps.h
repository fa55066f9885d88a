/* Steps as JSON, in job.json and in the row of a job; and the recipe of a project. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/check_order.h"
#include "orchestrator/model/repo_config.h"
#include <jansson.h>

enum {
	STEPS_MAX = 100,	    /* of a stage */
	STEP_ARGS_MAX = 64,	    /* of a step; likewise its filters */
	STEP_ARG_BYTES_MAX = 4096,  /* of one argument, name or filter */
	STEP_COMMAND_MAX = 64 << 10 /* of a command or a value */
};

/* Null is "the default of the stage", and a list is what it says, also an empty one. `what` is for
 * texts: "job: steps". */
_must_check_ int steps_read(const json_t *json, const char *what, struct arena *arena,
	struct steps *ret, struct err *err);
json_t *steps_write(const struct steps *steps); /* owned by the caller */

/* How the jobs of a project are done, as the configuration said when its run began. It stands in
 * the row of the job, so that an apply does what was planned, whatever was changed since. */
struct recipe {
	const char *tool_version;	    /* exact, or "" */
	bool checks_policies;		    /* the stage policy_check follows the plan */
	unsigned import_requires;	    /* enum requirement */
	bool silences_plan, silences_apply; /* no comment while it goes well */
	bool automerges;	    /* merged when everything of the pull request is applied */
	bool deletes_branch;	    /* after that */
	enum lock_mode lock;	    /* when the project begins to belong to one pull request */
	bool applies_together;	    /* with others of its group */
	const char *environment;    /* of the project, or "" */
	const char *credentials;    /* the profile that the environment names, or "" */
	const char *base_tree;	    /* what it is compared with, where it is built; else "" */
	struct check_orders checks; /* names and thresholds */
	struct steps stages[STAGE_COUNT];
};

/* "" is the recipe of a project without any configuration. */
_must_check_ int recipe_read(
	const char *text, struct arena *arena, struct recipe *ret, struct err *err);
const char *recipe_write(const struct recipe *recipe, struct arena *arena);

const char *step_kind_name(enum step_kind kind);
const char *stage_name(enum stage stage); /* "plan", "policy_check" */
bool step_runs_command(const struct step *step);
