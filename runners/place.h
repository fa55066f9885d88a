/* Where the steps of a job run: the layers of its work tree, its folders, its sandbox. Owns the
 * choice of what each profile is given. Must not: run a step.
 *
 * As in worker.h: 0 to go on, negative when the job has ended and worker->result says how. */
#pragma once
#include "runners/worker.h"

struct kept_state;
struct name_list;

/* The folders of the job as its tools see them. */
void place_name_folders(struct worker *worker);
/* In the job's directory, of the job's user. */
_must_check_ int place_make_folder(const struct worker *worker, const char *name, struct err *err);

/* The same, empty. */
_must_check_ int place_fresh_folder(const struct worker *worker, const char *name, struct err *err);

#define JOB_BIN "bin" /* in the job's folder: its tool, under the names that commands use */

struct place {
	const struct profile *profile;
	const char *layer; /* may be NULL */
	const struct kept_state *state;
	bool is_again;	 /* over what the last sandbox of the job left */
	bool owns_state; /* the kept file itself, not a copy that is thrown away */
};

/* A fresh sandbox over the work tree. */
_must_check_ int place_enter(struct worker *worker, const struct place *place);
/* One for init over `folder` of the job instead of a work tree; nothing of the pull request is in
 * it. */
_must_check_ int place_enter_clean(struct worker *worker, const char *folder);
/* One that has the mirror and the work trees of the repository, for git. */
_must_check_ int place_enter_git(struct worker *worker);
/* A job of git's that needs no network. */
bool place_is_near(const struct job_spec *spec);

/* The same without a network, over what the job's hooks have left. */
_must_check_ int place_enter_adopt(struct worker *worker);

/* One that shows a folder of the job, in which it begins, and one of the operator's; both to read.
 */
_must_check_ int place_enter_policy(
	struct worker *worker, const char *folder, const char *policies);

/* One that has a work tree, of head or of base, to read and nothing else: no network, no secret. */
_must_check_ int place_enter_build(struct worker *worker, const char *tree);

/* One that shows a folder of the job, in which it begins, the work tree at place_source(), and what
 * the operator lets this check read; all to read. */
_must_check_ int place_enter_check(
	struct worker *worker, const char *folder, const struct name_list *read);
const char *place_source(struct worker *worker);

/* The sandbox of the renderings. It is made early, where that costs no time, and entered when
 * everything else of the job is dead. Without a `layer` it shows what the job's own init left. */
_must_check_ int place_prepare_render(struct worker *worker, const char *layer);
_must_check_ int place_enter_render(struct worker *worker);
void place_forget_render(struct worker *worker);
