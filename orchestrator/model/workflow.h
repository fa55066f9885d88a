/* Workflows: what is done for a project at each stage, in the words of the configuration. A step
 * reaches job.json as it stands here; argv is made by the runner.
 *
 * Strings belong to the arena of whoever made the configuration. */
#pragma once
#include "orchestrator/lib/base.h"

struct config_place {	  /* where it was said; line 0: nowhere, a default */
	const char *file; /* "sluice.yaml", "server.yaml" */
	int line, column;
};

/* Numbers are on disk (job.json). */
enum step_kind {
	STEP_KIND_INIT = 1,
	STEP_KIND_PLAN = 2,
	STEP_KIND_SHOW = 3,
	STEP_KIND_POLICY_CHECK = 4,
	STEP_KIND_APPLY = 5,
	STEP_KIND_IMPORT = 6,
	STEP_KIND_STATE_RM = 7,
	STEP_KIND_RUN = 8,	 /* a command of the configuration */
	STEP_KIND_ENV = 9,	 /* sets a variable for the later steps */
	STEP_KIND_MULTIENV = 10, /* sets those that a command prints */
};

enum step_output { /* what is shown of a run step; more than one may hold */
	OUTPUT_SHOW = 0,
	OUTPUT_HIDE = 1 << 0,
	OUTPUT_STRIP_REFRESHING = 1 << 1,
	OUTPUT_FILTER_REGEX = 1 << 2,
};

struct step {
	enum step_kind kind;
	struct config_place at;
	const char **extra_args; /* of the built-in ones; variables in them are expanded */
	size_t extra_arg_count;
	const char *name;	 /* env: the variable; else "" */
	const char *value;	 /* env: its value, or NULL: what `command` prints */
	const char *command;	 /* run, env, multienv; else "" */
	const char *shell;	 /* "sh" */
	const char **shell_args; /* "-c" */
	size_t shell_arg_count;
	unsigned output;      /* enum step_output */
	const char **filters; /* OUTPUT_FILTER_REGEX */
	size_t filter_count;
	int64_t timeout_ms; /* 0: what holds for every step */
};

enum stage {
	STAGE_PLAN = 0,
	STAGE_APPLY,
	STAGE_POLICY_CHECK,
	STAGE_IMPORT,
	STAGE_STATE_RM,
	STAGE_COUNT
};

struct steps {
	struct step *list;
	size_t count;
	bool is_given; /* false: the default of the stage */
};

/* Whose word something is. Numbers are on disk. */
enum config_origin {
	ORIGIN_DEFAULT = 0,
	ORIGIN_SERVER = 1,
	ORIGIN_BASE = 2, /* the repository's file on the base branch */
	ORIGIN_HEAD = 3, /* the same file as the pull request changes it */
};

struct workflow {
	const char *name;
	struct config_place at;
	enum config_origin origin;
	struct steps stages[STAGE_COUNT];
};

struct hook { /* before all projects are chosen, or after all of them ended */
	const char *command;
	struct config_place at;
	const char *description;
	const char *shell;
	const char **shell_args;
	size_t shell_arg_count;
	const char **commands; /* "plan", "apply"; none: all */
	size_t command_count;
};
