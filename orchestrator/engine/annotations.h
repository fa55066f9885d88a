/* Places in files, out of what a tool said when it failed, for hosts that show a word beside a
 * line. Pure. What a tool says is hostile: a place that cannot be one of a file of the tree is
 * none. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/ports/vcs_host.h"

enum { ANNOTATIONS_MAX = 200, ANNOTATION_TITLE_MAX = 255, ANNOTATION_TEXT_MAX = 4000 };

struct annotations {
	struct host_annotation *list;
	size_t count;
};

/* Adds those of one failure: blocks that begin with "Error: " and say "on FILE line N" below it.
 * `dir` is where the tool ran, relative to the tree. */
void annotations_add(
	struct annotations *to, const char *failure, const char *dir, struct arena *arena);
