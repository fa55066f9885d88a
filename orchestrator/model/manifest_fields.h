/* Where two values of a manifest differ. Items of lists are held against each other by what names
 * them; the order of keys, of such items, and how a value is written never show. Pure. */
#pragma once
#include "orchestrator/lib/yaml.h"

enum { FIELD_DEPTH_MAX = YAML_STREAM_DEPTH_MAX + 4, FIELD_PATH_MAX = 200 };

struct field_step { /* a key of a map, or what names an item of a list */
	const char *text;
	bool is_item;
};

struct field_walk {
	struct arena *arena;
	/* A difference at `steps`; NULL: it is not there on that side. */
	void (*found)(struct field_walk *walk, const struct yaml_node *before,
		const struct yaml_node *after);
	/* Is `after` the name that `before` has become? NULL: no name has changed. */
	bool (*is_renamed)(const struct field_walk *walk, const char *before, const char *after);
	struct field_step steps[FIELD_DEPTH_MAX];
	size_t depth;
};

void field_compare(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after);
/* "spec.containers[web].image" of where the walk stands, at most FIELD_PATH_MAX bytes. */
const char *field_path(const struct field_walk *walk);
/* One line of at most `most` bytes; quoted where a text could be taken for a number or a word. What
 * `is_secret` says of an item or a key stands there as "(hidden)". */
const char *field_text(const struct yaml_node *node, size_t most,
	bool (*is_secret)(const char *name), struct arena *arena);
bool field_is_null(const struct yaml_node *node); /* or not there */
