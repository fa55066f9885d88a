/* A tool that jobs use. Owns: how it is called and what its end means. Must not: start anything,
 * touch a file; both functions are pure, so a tool is tested by tables.
 *
 * To add one: a file with a `struct tool`, a row in tools.c. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/job_spec.h"
#include "runners/site.h"

#define TOOL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum tool_step {
	STEP_PREPARE = 1,
	STEP_INIT,
	STEP_WORKSPACE,
	STEP_PLAN,
	STEP_SHOW_JSON,
	STEP_SHOW_TEXT,
	STEP_APPLY,
	STEP_IMPORT,
	STEP_STATE_RM,
	STEP_VERSION, /* prints {"terraform_version": "..."} */
	STEP_BUILD,   /* prints what a tree makes of a project */
	STEP_COMMAND, /* a command of the workflow: only the environment is the tool's */
};

struct tool_context {
	const struct site *site;
	const struct job_spec *spec;
	const char *order; /* job.json */
	const char *data;  /* holds repos/; for git */
	const char *tree;  /* as the tool sees it; "" for a tool without one */
	const char *layer; /* git: what hooks wrote over it, or NULL: a tree is to be made */
	const char *tmp;
	const char *out;
	const char *bin;	    /* what commands find before the machine's programs */
	const char *providers;	    /* init: the CLI configuration with our store, or NULL */
	const char *program;	    /* the executable of this job; NULL: the machine's own */
	const struct strvec *extra; /* what the workflow adds to this step, expanded; or NULL */
	bool without_backend; /* init: only modules and providers; the backend wants credentials */
	bool has_lock;	      /* the repository says which providers: init takes these or none */
	int64_t timeout_ms;   /* of this step; 0: what holds for every step */
	const char *var_file; /* plan: of this workspace, relative to the project; or NULL */
};

struct tool_verdict {
	enum job_outcome outcome;
	bool has_changes;
	bool wants_init; /* what was kept of an earlier init does not serve */
};

struct tool {
	const char *name;
	const char *command; /* as people call it: "tofu" */
	/* It has no plan and no apply: what it prints of base and of head is compared (build.c). */
	bool builds;
	/* The absolute path of its executable, or "" when this machine has none. NULL: it needs
	 * none. */
	const char *(*program)(const struct site *site);
	/* argv[0] is the executable. `env` is all that the tool gets, but for the workflow's
	 * variables and the job's secrets. */
	int (*describe)(const struct tool_context *context, enum tool_step step,
		struct strvec *argv, struct strvec *env, struct err *err);
	/* An end by itself, with an exit code; `text` is the end of what the step printed.
	 * `failure` gets what a person should read of it. */
	void (*interpret)(const struct tool_context *context, enum tool_step step, int exit_code,
		const char *text, struct tool_verdict *ret, struct strbuf *failure);
};

extern const struct tool tool_terraform, tool_opentofu, tool_git, tool_kustomize, tool_helm,
	tool_manifests;

const struct tool *tool_find(const char *name); /* NULL: there is no such tool */
const char *tool_step_name(enum tool_step step);
/* May a workflow say this to Terraform? `before` is the argument before it, or NULL. */
_must_check_ int terraform_check_argument(const char *arg, const char *before, struct err *err);
