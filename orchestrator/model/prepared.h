/* What git knows of a pull request, in one answer of sluice-git: the result of a prepare job. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

struct changed_file {
	const char *path;
	const char *old_path; /* of a rename, else NULL; both sides count as touched */
	char status;	      /* A M D R T */
};

/* A file of the configuration as one side has it: the tip of the base branch, or the merged tree.
 */
struct config_file {
	const char *name; /* NULL: that side has none of those that were asked for */
	const char *bytes;
	size_t length;
	const char *problem; /* why its bytes were not brought, or NULL: "is larger than ..." */
};

/* What a folder holds. Numbers are in result.json. */
enum folder_holds {
	HOLDS_TERRAFORM = 1 << 0,  /* *.tf, *.tf.json */
	HOLDS_TOFU = 1 << 1,	   /* *.tofu, *.tofu.json */
	HOLDS_TERRAGRUNT = 1 << 2, /* terragrunt.hcl */
	HOLDS_KUSTOMIZE = 1 << 3,  /* kustomization.yaml and its other spellings */
	HOLDS_HELM = 1 << 4,	   /* Chart.yaml */
	HOLDS_MANIFESTS = 1 << 5,  /* *.yaml, *.yml */
};
enum { HOLDS_STACK = HOLDS_TERRAFORM | HOLDS_TOFU, HOLDS_ALL = (1 << 6) - 1 };

struct tree_folder {
	const char *path; /* "." for the root */
	unsigned holds;	  /* enum folder_holds */
};

struct folder_workspace { /* terraform { cloud { workspaces { name = "..." } } } */
	const char *dir;
	const char *workspace;
};

struct module_use {
	const char *dir;    /* a folder with Terraform files */
	const char *module; /* the local folder it uses, relative to the tree, normalised */
};

struct identity { /* from the commits between base and head: author, committer, Co-authored-by */
	const char *name;
	const char *email;
};

/* One line of CODEOWNERS of the base branch that speaks of what is changed. */
struct code_owners {
	const char *path; /* one of the files that it speaks of */
	int line;
	const char **names; /* "@user", "@org/team", "mail@example.org": one of them is enough */
	size_t name_count;
};

/* A secret in plain text that a commit of the pull request brings. */
struct plain_secret {
	const char *path;
	const char *rule;
	int line;	    /* 0: of the file as a whole */
	const char *commit; /* that brought it */
	bool is_gone;	    /* a later commit took it away; it can still be read */
};
#define PLAIN_SECRET_UNSEEN "too-large-to-look-at"

struct new_skip { /* a note that makes a check pass over something, which the base has not */
	const char *path;
	int line;
	const char *id; /* of the rule that is passed over */
};

enum { PREPARED_SECRETS_MAX = 100, PREPARED_SKIPS_MAX = 100 };

/* How sluice-git ends when the same may go well later: the host was not reached. */
enum { PREPARED_EXIT_AGAIN = 4 };

struct prepared {
	const char *head;
	const char *base; /* tip of the base branch that was merged in */
	const char *merge_base;
	const char *tree; /* object id of the merged tree = name of the work tree; "" on conflict */
	const char *base_tree;	/* of `base`, a work tree too where something is built; or "" */
	const char **conflicts; /* paths */
	size_t conflict_count;
	struct changed_file *changed; /* merge base .. head */
	size_t changed_count;
	/* What the base branch became since the commit that the job named, if it named one. */
	struct changed_file *moved;
	size_t moved_count;
	struct config_file config_base, config_head;
	struct tree_folder
		*folders; /* every folder of the merged tree, sorted by path, each once */
	size_t folder_count;
	struct folder_workspace *workspaces; /* sorted by dir */
	size_t workspace_count;
	struct module_use *uses;
	size_t use_count;
	struct identity *people;
	size_t people_count;
	const char *owners_file;    /* ".github/CODEOWNERS", or NULL: there is none */
	const char *owners_problem; /* why it cannot be known who the owners are, or NULL */
	struct code_owners *owners; /* what has no owner is not in it */
	size_t owner_count;
	struct plain_secret *secrets;
	size_t secret_count, secrets_left_out;
	struct new_skip *skips;
	size_t skip_count, skips_left_out;
	size_t hooks_wrote;   /* files of the tree that hooks wrote or removed */
	bool config_by_hooks; /* and config_head is not what the pull request makes it */
};

/* Both directions of the JSON in result.json under "prepared". Missing or wrong members are errors
 * with their path. */
_must_check_ int prepared_read(
	const json_t *json, struct arena *arena, struct prepared *ret, struct err *err);
json_t *prepared_write(const struct prepared *prepared); /* owned by the caller */
/* The folder that is called by the first `length` bytes of `path`, or NULL. */
const struct tree_folder *prepared_folder(
	const struct prepared *prepared, const char *path, size_t length);
