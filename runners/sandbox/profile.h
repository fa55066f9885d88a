/* What a kind of step may see, reach, know and use: one row for each. Owns the table. Must not: do
 * anything; sandbox.c makes a row true, and a row that cannot be made true is an error.
 *
 * The split is the point: no row holds secrets and, at the same time, a way out that a pull request
 * chose. */
#pragma once
#include "orchestrator/lib/base.h"
#include "runners/tool.h"

enum profile_id {
	PROFILE_FETCH = 1, /* git: from a host into the mirror, from the mirror into a work tree */
	PROFILE_INIT,	   /* what a project needs from elsewhere */
	PROFILE_PLAN,	   /* also drift */
	PROFILE_RENDER,	   /* a saved plan as text and as JSON */
	PROFILE_POLICY,	   /* checkov, conftest */
	PROFILE_BUILD,	   /* kustomize, helm */
	PROFILE_RUN,	   /* a command of the operator's workflow */
	PROFILE_APPLY,
};
enum { PROFILE_COUNT = PROFILE_APPLY };

enum profile_tree {
	PROFILE_TREE_NONE = 1, /* no file of the pull request */
	PROFILE_TREE_READ,
	PROFILE_TREE_OVERLAY, /* may be written to; what is written is thrown away */
	PROFILE_TREE_REPO,    /* the mirror and the work trees of one repository */
};

enum profile_network {
	PROFILE_NETWORK_NONE = 1, /* a network of its own with nothing in it */
	PROFILE_NETWORK_PROXY,	  /* the same, and the job's egress proxy */
	PROFILE_NETWORK_HOST,	  /* this machine's; only where the operator wrote it down */
};

/* Whose values may stand in the environment of the step. */
enum profile_secrets {
	PROFILE_SECRETS_NONE = 1,
	PROFILE_SECRETS_HOST,	  /* of the version control host, for one repository */
	PROFILE_SECRETS_REGISTRY, /* of registries and module sources */
	PROFILE_SECRETS_PLAN,	  /* read-only */
	PROFILE_SECRETS_LISTED,	  /* what the operator's workflow names */
	PROFILE_SECRETS_APPLY,
};

struct profile {
	enum profile_id id;
	const char *name;
	enum profile_tree tree;
	enum profile_network network;
	enum profile_secrets secrets;
	bool has_layer;	      /* what init left: providers and modules, read-only */
	int64_t memory_bytes; /* of all its processes together */
	int64_t tmp_bytes;    /* of /tmp, which is memory too */
	int64_t disk_bytes;   /* of what it writes to the tree and to /out */
	int64_t disk_files;   /* and in how many files */
	int64_t output_bytes; /* the operator's own limit holds where it is lower */
	int64_t wall_ms;      /* likewise */
	int64_t processes;
	bool outlives_supervisor; /* half of it helps nobody */
};

extern const struct profile profiles[PROFILE_COUNT]; /* in the order of the ids */

const struct profile *profile_of(enum profile_id id);
const struct profile *profile_of_step(enum tool_step step);
const struct profile *profile_find(const char *name); /* NULL: there is none */
const char *profile_tree_name(enum profile_tree tree);
const char *profile_network_name(enum profile_network network);
const char *profile_secrets_name(enum profile_secrets secrets);
