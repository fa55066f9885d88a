/* The order for one job, in the words of the workflow: never argv, never a path of this machine. It
 * becomes job.json. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/check_order.h"
#include "orchestrator/model/job.h"
#include "orchestrator/model/workflow.h"
#include <jansson.h>

struct credential_use;
struct registry;

/* One policy set: the operator's folder, the only path of this machine in an order. */
struct policy_source {
	const char *name, *path;
};

struct job_spec {
	struct job_id job;
	int attempt;
	enum job_op op;
	const char *tool;    /* "git", "terraform", "kustomize": model/project_kind.h */
	struct repo_id repo; /* names the mirror and the folder of trees, state and init caches */
	const char *repo_name;

	/* prepare */
	const char *clone_url; /* fetched by sluice-git; a path for the local host */
	int64_t number;
	const char *head;     /* object id that must be fetched */
	const char *head_ref; /* where it can be found */
	const char *base_ref;
	const char *near_tree;	   /* an existing work tree to link unchanged files from, or "" */
	const char **config_files; /* names of the configuration, the first that is there is brought
				      of base and of the merged tree */
	size_t config_file_count;
	/* What sluice-git needs to get there. Never in job.json: one file, read once. */
	const char *git_user, *git_token, *git_proxy, *git_ca_bundle; /* NULL or "": none */
	/* What its tools may use, of the operator's settings, and what the job says of itself where
	 * that makes its credentials. Never in job.json either; borrowed until start() returns. */
	const struct credential_use *credentials; /* NULL: none */
	const struct registry *const *registries; /* those that this repository may use */
	size_t registry_count;
	const char *host, *environment, *profile, *issuer;

	/* plan, apply */
	const char *tree;
	const char *base_tree; /* plan of what is built: what it is compared with */
	const char *dir;
	const char *workspace;
	const char *project;
	const char **extra_args;
	size_t extra_arg_count;
	const char *plan_blob;	/* apply */
	struct job_id plan_job; /* apply: whose plan it is; two plans can have the same bytes */
	const char *plan_lock, *plan_program; /* apply: as checked when it was made, or "" */

	/* plan, apply, import, state rm, hooks */
	const char *tool_version; /* exact, from the tools folder; "" is the server's own */
	const char *tool_sha256;  /* of its program; "" when the server does not pin it */
	const char *tool_mirror;  /* where pinned tools come from that are not there; or "" */
	const char *tool_archive; /* the zip in the mirror that holds it; "": the program itself */
	struct steps steps;	  /* what is done */
	struct steps plan_steps;  /* apply: how its plan was made */
	struct steps policy_steps;
	bool checks_policies;		   /* plan: the policy steps follow it */
	struct policy_source *policy_sets; /* what the step policy_check asks */
	size_t policy_set_count;
	struct check_orders checks; /* plan: what looks at it */
	const char *conftest_version, *conftest_sha256, *conftest_archive; /* like the tool's */
	const char **targets; /* import: address and id; state rm: addresses */
	size_t target_count;
	/* hooks before projects: the commit that head was merged into; prepare of an apply: that on
	 * which was planned, and no work tree is made */
	const char *base;
	bool is_before;	 /* hooks: nothing is chosen yet, what they write is kept */
	bool is_after;	 /* hooks: the run has ended */
	bool has_errors; /* hooks: and not well */

	/* what commands are told of the pull request */
	const char *command; /* "plan", "apply" */
	const char *author;
	const char *actor; /* who asked for this run */
	const char *pull_url;
	bool is_approved, is_mergeable;

	int64_t step_timeout_ms, stop_grace_ms, output_cap_bytes;
};

_must_check_ int job_spec_read(
	const json_t *json, struct arena *arena, struct job_spec *ret, struct err *err);
json_t *job_spec_write(const struct job_spec *spec); /* owned by the caller */

/* What came of it: result.json. */
struct job_result {
	enum job_outcome outcome;
	const char *step;    /* the step in which it ended badly, or "" */
	int exit_code;	     /* of that step, or of the last */
	int signal;	     /* or 0 */
	const char *failure; /* one or a few lines for people, or "" */
	const char *output;  /* the tool's text for the comment: plan as text, or the end of the
				failing step; <= 48 KiB */
	const char *plan_blob,
		*log_blob; /* SHA-256 of files that the executor has put among the blobs, or "" */
	bool has_changes;
	const json_t *summary;	/* plan: plan_summary, or NULL; borrowed from `json` */
	const json_t *prepared; /* prepare: prepared, or NULL; borrowed from `json` */
	int64_t started_ms, ended_ms;
	json_t *json; /* owner of the two above when read; released by job_result_release */
};

enum { JOB_RESULT_MAX = 8 << 20, JOB_OUTPUT_MAX = 48 << 10 };

_must_check_ int job_result_read(json_t *json, struct arena *arena, struct job_result *ret,
	struct err *err);				   /* takes a reference */
json_t *job_result_write(const struct job_result *result); /* owned by the caller */
void job_result_release(struct job_result *result);
