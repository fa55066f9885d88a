/* Where two values of a plan JSON differ: which attributes, with what is said of them. Pure. */
#pragma once
#include "orchestrator/lib/base.h"
#include <jansson.h>

enum { TF_PATH_MAX = 200, TF_DEPTH_MAX = 24 };

struct tf_sides { /* a value and what is said of it */
	const json_t *before, *after, *unknown, *before_marks, *after_marks;
};

struct tf_diff {
	void (*found)(struct tf_diff *diff, const struct tf_sides *sides); /* at `path` */
	char path[TF_PATH_MAX];						   /* "ingress[0].cidr" */
	int left_out; /* differences whose path did not fit */
};

struct tf_sides tf_sides_of(const json_t *change);
void tf_diff_walk(struct tf_diff *diff, const struct tf_sides *sides);
/* The marks mirror the value: true, or an object or list with true somewhere in it. */
bool tf_is_marked(const json_t *marks, int depth);
const json_t *tf_marks_below(const json_t *marks, const char *key, size_t index);
