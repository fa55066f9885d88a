/* Resources of Kubernetes, as a tool printed them. Pure; everything in them is a pull request's.
 * Must not: know what a field means. */
#pragma once
#include "orchestrator/lib/yaml.h"

enum { MANIFESTS_MAX = 20000, MANIFEST_NAME_MAX = 253 };

struct manifest {
	const char *group, *kind, *space, *name; /* printable, at most MANIFEST_NAME_MAX bytes */
	const struct yaml_node *root;
	size_t number; /* in the order in which they came */
};

struct manifest_list {
	struct arena *arena;
	bool skips_others; /* a document that is no resource is left out; else it is an error */
	struct manifest *items;
	size_t count;
	size_t skipped;
};

/* One document: a resource, a list of them, or nothing. */
_must_check_ int manifest_list_add(
	struct manifest_list *list, const struct yaml_node *root, struct err *err);
/* By kind, namespace, name and group; of one that is there twice the last one stays, as for who
 * applies them. *ret_twice is one of those, or NULL. */
void manifest_list_sort(struct manifest_list *list, const struct manifest **ret_twice);
int manifest_compare(const struct manifest *a, const struct manifest *b);
/* "StatefulSet.shop/db", and its group where that is not Kubernetes' own. */
const char *manifest_address(const struct manifest *manifest, struct arena *arena);
/* `text` in `arena`, without what would break a line, and not longer than `most` bytes. */
const char *manifest_printable(const char *text, size_t most, struct arena *arena);
/* A scalar below a map, or NULL. */
const char *manifest_text(const struct yaml_node *map, const char *key);
