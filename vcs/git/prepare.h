/* Everything that a pull request needs from git, in one call: what it changes, who wrote it,
 * whether it merges, and the merged files as a folder. */
#pragma once
#include "orchestrator/model/job_spec.h"
#include "orchestrator/model/prepared.h"
#include "vcs/git/warnings.h"

/* ERR_CONFLICT: head and base cannot be merged; *ret names the files and has no tree, and all else
 * is filled. */
_must_check_ int prepare_run(const struct job_spec *spec, const char *data_dir, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err);

/* The same of a repository of the person who asks, without a fetch, a work tree, or a byte written
 * to it. */
struct inspect_order {
	const char *repo, *base, *head; /* a folder; revisions as git reads them */
	const char **config_files;
	size_t config_file_count;
	const char *cache; /* a folder for what was found in files, or NULL */
};
_must_check_ int prepare_inspect(const struct inspect_order *order, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err);

/* The same of the tree that hooks have written to, nothing fetched: head and base are those of the
 * order, and must still make its tree. Folders as in adopt.h. */
struct adopt_order {
	const char *data_dir, *view, *layer;
};
_must_check_ int prepare_adopt(const struct job_spec *spec, const struct adopt_order *order,
	struct arena *arena, struct warnings *warnings, struct prepared *ret, struct err *err);
