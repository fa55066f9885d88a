/* Names and texts that come out of a repository. Pure: no git, no files. Everything here is read as
 * hostile. */
#pragma once
#include "orchestrator/lib/arena.h"

enum name_verdict {
	NAME_FINE,
	NAME_ODD, /* control characters, not UTF-8, hidden direction marks: never written, told
		     about */
	NAME_BAD, /* would leave the folder or pose as the repository's own folder: the whole tree
		     is refused */
};

enum name_verdict name_check(const char *name);

/* Text that can be shown and put into JSON: what cannot be printed is written as \xNN. At most cap
 * bytes long. */
char *name_shown(struct arena *arena, const char *bytes, size_t length, size_t cap);

/* "a/b" + "../c" -> "a/c", "." for the root. NULL when it leaves the root, is absolute, or is too
 * long. */
char *name_resolve(struct arena *arena, const char *dir, const char *relative);

/* May a link that stands in a folder `depth` levels below the root point there? Upward steps only
 * count at the start: behind a name that is itself a link they would start somewhere else. */
bool name_link_stays(const char *target, size_t length, int depth);

bool name_is_terraform(const char *name); /* *.tf, *.tofu, and as below */
bool name_is_kustomization(const char *name);
bool name_is_terraform_json(const char *name); /* *.tf.json, *.tofu.json */

/* What Terraform takes for its own when it lies beside the files of a project: programs it would
 * run (plugins, the workspace, modules) without asking where they come from. Only an init of ours
 * writes there. */
bool name_is_for_tools(const char *name);

/* Length of the UTF-8 character at the start of text, 0 when there is none; its number in *ret. */
size_t name_utf8(const char *text, size_t length, uint32_t *ret);

/* Every part of the path has a name that could be written. */
bool name_path_is_fine(const char *path);
