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

struct module_use {
	const char *dir;    /* a folder with .tf files */
	const char *module; /* the local folder it uses, relative to the tree, normalised */
};

struct identity { /* from the commits between base and head: author, committer, Co-authored-by */
	const char *name;
	const char *email;
};

struct prepared {
	const char *head;
	const char *base; /* tip of the base branch that was merged in */
	const char *merge_base;
	const char *tree; /* object id of the merged tree = name of the work tree; "" on conflict */
	const char **conflicts; /* paths */
	size_t conflict_count;
	struct changed_file *changed; /* merge base .. head */
	size_t changed_count;
	const char **dirs; /* folders of the merged tree that hold *.tf or *.tf.json, "." for the
			      root, sorted */
	size_t dir_count;
	struct module_use *uses;
	size_t use_count;
	struct identity *people;
	size_t people_count;
};

/* Both directions of the JSON in result.json under "prepared". Missing or wrong members are errors
 * with their path. */
_must_check_ int prepared_read(
	const json_t *json, struct arena *arena, struct prepared *ret, struct err *err);
json_t *prepared_write(const struct prepared *prepared); /* owned by the caller */
