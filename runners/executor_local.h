/* Jobs on this machine, through one launcher process. Owns the launcher and the server's view of
 * the job directories below <data>/jobs/.
 *
 * Make it before any secret is read: the launcher is started here, with an empty environment.
 * Everything happens on the loop's thread; nothing here waits for a job. */
#pragma once
#include "orchestrator/lib/loop.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/ports/executor.h"
#include <jansson.h>

struct issuer;
struct sandbox_override;

struct executor_local_options { /* all strings are copied */
	const char *data_dir;	/* absolute; jobs/ and blobs/ are made in it */
	const char *program;	/* absolute path of sluice-job */
	const char *git;	/* absolute path of sluice-git, or NULL */
	const char *terraform;	/* absolute, or NULL */
	const char *opentofu;	/* absolute, or NULL */
	const char *conftest;	/* absolute, or NULL */
	const char *kustomize;	/* absolute, or NULL */
	const char *helm;	/* absolute, or NULL */
	const char *cli_config; /* TF_CLI_CONFIG_FILE of the tools, or NULL */
	const char *tools;	/* the folder of pinned tools, or NULL */
	struct issuer *issuer;	/* vouches for jobs; borrowed, or NULL: nobody does */
	struct {		/* what is not set has a default: tier full is used and required */
		const char *tier, *require;   /* "full", "landlock" or "none" */
		bool without_overlay;	      /* copies instead, as where the kernel has none */
		bool without_groups;	      /* no control groups, as where none are delegated */
		struct name_list read, write; /* absolute paths that jobs see, and may write to */
		struct name_list providers, modules;	  /* patterns of what init may bring */
		int64_t first_uid, uid_count;		  /* as root: the users of jobs */
		const struct sandbox_override *overrides; /* by profile */
		size_t override_count;
	} sandbox;
	const char *fault; /* fault points of the runners, for tests; or NULL */
	const char *fault_log;
	/* The launcher died and was started again, a directory could not be read: for the log. */
	void (*notice)(void *owner, const char *text);
	/* The sandbox does not hold here; no job will be started. NULL: a notice. */
	void (*unfit)(void *owner, const char *text);
	void *notice_owner;
};

_must_check_ int executor_local_new(struct loop *loop, const struct executor_local_options *options,
	struct executor **ret, struct err *err);
/* Waits until the launcher has tried its sandbox. *ret says what it is ({"tier": "full", ...}),
 * owned by the caller; an error says why this machine is not fit. Once, before the loop runs. */
_must_check_ int executor_local_await(struct executor *executor, json_t **ret, struct err *err);
/* The launcher ends, jobs that run do not. NULL is fine. */
void executor_local_free(struct executor *executor);
