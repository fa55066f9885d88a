/* Everything that a pull request needs from git, in one call. Owns: the order of the steps. */
#include "vcs/git/prepare.h"
#include "vcs/git/adopt.h"
#include "vcs/git/changed.h"
#include "vcs/git/config_files.h"
#include "vcs/git/export.h"
#include "vcs/git/facts_cache.h"
#include "vcs/git/history.h"
#include "vcs/git/merge.h"
#include "vcs/git/mirror.h"
#include "vcs/git/modules.h"
#include "vcs/git/owners.h"
#include "vcs/git/people.h"
#include <fcntl.h>
#include <git2/sys/mempack.h>
#include <string.h>

struct preparation {
	const struct job_spec *spec;
	struct arena *arena;
	struct warnings *warnings;
	struct mirror mirror;
	struct merge merge;
	struct prepared *prepared;
	struct err *err;
};

static const char *oid_text(struct preparation *work, const git_oid *oid)
{
	char hex[GIT_OID_HEXSZ + 1];

	return arena_strdup(work->arena, git_oid_tostr(hex, sizeof(hex), oid));
}

static int mirror_ready(struct preparation *work, const char *data_dir)
{
	const struct job_spec *spec = work->spec;
	bool is_standing = spec->number < 0;
	int r;

	if (!is_standing &&
		(str_empty(spec->head) || git_oid_fromstrp(&work->merge.head, spec->head) < 0 ||
			strlen(spec->head) != GIT_OID_HEXSZ))
		return err_set(work->err, ERR_SYNTAX, "the job's head is not a commit id");
	if (spec->repo.v <= 0)
		return err_set(work->err, ERR_SYNTAX, "the job's repository has no number");
	r = mirror_open(&work->mirror, data_dir, spec->repo, spec->clone_url, work->err);
	if (r == 0)
		r = mirror_update(&work->mirror, spec->clone_url,
			is_standing ? NULL : &work->merge.head, spec->head_ref, spec->base_ref,
			&work->merge.base, work->err);
	if (is_standing) /* no pull request: the base branch is both sides */
		work->merge.head = work->merge.base;
	return r;
}

static int tree_of(struct preparation *work, const git_oid *commit_oid, git_oid *ret)
{
	_cleanup_(git_commit_freep) git_commit *commit = NULL;
	int code = git_commit_lookup(&commit, work->mirror.repo, commit_oid);

	if (code < 0)
		return libgit_fail(work->err, code, "cannot read a commit");
	*ret = *git_commit_tree_id(commit);
	return 0;
}

static int commit_here(struct preparation *work, const char *hex, git_oid *ret)
{
	if (!str_empty(hex) && strlen(hex) == GIT_OID_HEXSZ && git_oid_fromstrp(ret, hex) == 0)
		return 0;
	return err_set(work->err, ERR_SYNTAX, "the job's head and base are not commit ids");
}

/* What the pull request is, whether it can be merged or not. */
static int describe(struct preparation *work)
{
	struct prepared *prepared = work->prepared;
	git_oid old_tree, new_tree;
	int r;

	prepared->head = oid_text(work, &work->merge.head);
	prepared->base = oid_text(work, &work->merge.base);
	prepared->merge_base = oid_text(work, &work->merge.merge_base);
	r = tree_of(work, &work->merge.merge_base, &old_tree);
	if (r == 0)
		r = tree_of(work, &work->merge.head, &new_tree);
	if (r == 0)
		r = changed_list(work->mirror.repo, work->arena, &old_tree, &new_tree,
			&prepared->changed, &prepared->changed_count, work->err);
	if (r == 0)
		r = people_list(work->mirror.repo, work->arena, &work->merge.base,
			&work->merge.head, &prepared->people, &prepared->people_count, work->err);
	return r;
}

static int look_at_history(struct preparation *work)
{
	const struct history_range range = { .repo = work->mirror.repo,
		.odb = work->mirror.odb,
		.base = &work->merge.base,
		.head = &work->merge.head,
		.merge_base = &work->merge.merge_base };
	int r = history_secrets(&range, work->arena, work->prepared, work->err);

	return r < 0 ? r : history_skips(&range, work->arena, work->prepared, work->err);
}

/* What guards is the base branch's; what is wanted is what the file will be after the merge. */
static int configuration(struct preparation *work)
{
	git_oid base_tree;
	int r = tree_of(work, &work->merge.base, &base_tree);

	if (r == 0)
		r = config_file_find(work->mirror.repo, work->mirror.odb, &base_tree, work->spec,
			work->arena, &work->prepared->config_base, work->err);
	if (r == 0)
		r = owners_list(work->mirror.repo, work->mirror.odb, &base_tree, work->arena,
			work->prepared, work->err);
	return r < 0 ? r
		     : config_file_find(work->mirror.repo, work->mirror.odb, &work->merge.tree,
			       work->spec, work->arena, &work->prepared->config_head, work->err);
}

/* What stands in the merged tree; no file is written. */
static int look(struct preparation *work)
{
	struct manifest manifest = {
		.arena = work->arena, .warnings = work->warnings, .repo = work->mirror.repo
	};
	int r;

	work->prepared->tree = oid_text(work, &work->merge.tree);
	if (facts_cache_get(work->mirror.dir_fd, &work->merge.tree, work->arena, work->prepared))
		return 0;
	r = manifest_read(&manifest, &work->merge.tree, NULL, work->err);
	if (r == 0)
		r = modules_list(&manifest, &work->merge.tree, work->mirror.odb,
			work->mirror.dir_fd, work->prepared, work->err);
	if (r == 0 && work->warnings->count == 0) /* a warning must be said each time */
		facts_cache_put(work->mirror.dir_fd, &work->merge.tree, work->prepared);
	return r;
}

/* May something of this be built? Plain manifests are a project only where the configuration says
 * so. */
static bool is_built(const struct prepared *prepared)
{
	const struct config_file *files[] = { &prepared->config_base, &prepared->config_head };
	static const char word[] = "manifests";

	for (size_t i = 0; i < countof(files); i++)
		if (files[i]->bytes != NULL &&
			memmem(files[i]->bytes, files[i]->length, word, strlen(word)) != NULL)
			return true;
	for (size_t i = 0; i < prepared->folder_count; i++)
		if (prepared->folders[i].holds & (HOLDS_KUSTOMIZE | HOLDS_HELM))
			return true;
	return false;
}

/* The base as files too, linked to those of the merged tree where they are the same. What is wrong
 * with it is not this pull request's. */
static int write_base(struct preparation *work)
{
	struct warnings ignored = { 0 };
	struct manifest manifest = {
		.arena = work->arena, .warnings = &ignored, .repo = work->mirror.repo
	};
	git_oid tree;
	int r = is_built(work->prepared) ? tree_of(work, &work->merge.base, &tree) : 1;

	if (r == 0)
		r = manifest_read(&manifest, &tree, &work->merge.tree, work->err);
	if (r == 0)
		r = export_tree(&manifest, work->mirror.odb, work->mirror.dir_fd,
			oid_text(work, &tree), work->prepared->tree, work->err);
	if (r == 0)
		work->prepared->base_tree = oid_text(work, &tree);
	warnings_release(&ignored);
	return r < 0 ? r : 0;
}

/* The files of merge.tree, and what stands in them. */
static int write_out(struct preparation *work)
{
	struct manifest manifest = {
		.arena = work->arena, .warnings = work->warnings, .repo = work->mirror.repo
	};
	char near[GIT_OID_HEXSZ + 1];
	git_oid near_oid;
	bool has_near = export_near(work->mirror.repo, work->mirror.odb, work->mirror.dir_fd,
				work->spec->near_tree, near) &&
			git_oid_fromstrp(&near_oid, near) == 0;
	int r = manifest_read(&manifest, &work->merge.tree, has_near ? &near_oid : NULL, work->err);

	if (r == 0)
		r = modules_list(&manifest, &work->merge.tree, work->mirror.odb,
			work->mirror.dir_fd, work->prepared, work->err);
	if (r == 0)
		r = export_tree(&manifest, work->mirror.odb, work->mirror.dir_fd,
			oid_text(work, &work->merge.tree), has_near ? near : NULL, work->err);
	if (r == 0)
		work->prepared->tree = oid_text(work, &work->merge.tree);
	return r < 0 ? r : write_base(work);
}

/* What the base branch became since it was planned on: the trees are compared, so that a branch
 * that was wound back has moved too. */
static int look_at_moves(struct preparation *work)
{
	git_oid planned, old_tree, new_tree;
	int r = commit_here(work, work->spec->base, &planned);

	if (r == 0)
		r = tree_of(work, &planned, &old_tree);
	if (r == 0)
		r = tree_of(work, &work->merge.base, &new_tree);
	if (r == 0)
		r = changed_list(work->mirror.repo, work->arena, &old_tree, &new_tree,
			&work->prepared->moved, &work->prepared->moved_count, work->err);
	return r < 0 ? err_wrap(work->err, "what the base branch became since the plan")
		     : look(work);
}

static int prepare_all(struct preparation *work, int (*rest)(struct preparation *))
{
	struct prepared *prepared = work->prepared;
	int r = merge_compute(work->mirror.repo, work->arena, &work->merge, work->err);

	if (r == 0)
		r = describe(work);
	if (r < 0)
		return r;
	if (work->merge.conflict_count > 0) {
		prepared->conflicts = work->merge.conflicts;
		prepared->conflict_count = work->merge.conflict_count;
		return err_user(
			work->err, ERR_CONFLICT, "the branch cannot be merged into its base");
	}
	r = configuration(work);
	if (r == 0)
		r = look_at_history(work);
	return r < 0 || rest == NULL ? r : rest(work);
}

static struct preparation begin(const struct job_spec *spec, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err)
{
	*ret = (struct prepared){
		.head = "", .base = "", .merge_base = "", .tree = "", .base_tree = ""
	};
	return (struct preparation){
		.spec = spec, .arena = arena, .warnings = warnings, .prepared = ret, .err = err
	};
}

/*~ 15. Inside it, sluice-git: fetch what is missing, merge in memory, say what changed, write
 * the work tree once. */
int prepare_run(const struct job_spec *spec, const char *data_dir, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err)
{
	struct preparation work = begin(spec, arena, warnings, ret, err);
	int r = mirror_ready(&work, data_dir);

	if (r == 0)
		r = prepare_all(&work, str_empty(spec->base) ? write_out : look_at_moves);
	mirror_close(&work.mirror);
	return r;
}

/* ---- after hooks ---- */

static bool is_same_file(const struct config_file *a, const struct config_file *b)
{
	return str_equal(a->name, b->name) && str_equal(a->problem, b->problem) &&
	       a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* The tree is replaced by what the hooks made of it; what the pull request changes, whom it is of
 * and what the base branch says stay as they were. */
static int adopt(struct preparation *work, const struct adopt_order *order)
{
	struct prepared *prepared = work->prepared;
	const struct config_file before = prepared->config_head;
	struct adopted adopted = { .count = 0 };
	int r = adopt_tree(work->mirror.repo, work->mirror.odb, &work->merge.tree, order->view,
		order->layer, &adopted, work->err);

	if (r < 0)
		return r;
	work->merge.tree = adopted.tree;
	prepared->hooks_wrote = adopted.count;
	r = config_file_find(work->mirror.repo, work->mirror.odb, &work->merge.tree, work->spec,
		work->arena, &prepared->config_head, work->err);
	prepared->config_by_hooks = r == 0 && !is_same_file(&before, &prepared->config_head);
	return r < 0 ? r : write_out(work);
}

int prepare_adopt(const struct job_spec *spec, const struct adopt_order *order, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err)
{
	struct preparation work = begin(spec, arena, warnings, ret, err);
	int r = commit_here(&work, spec->head, &work.merge.head);

	if (r == 0)
		r = commit_here(&work, spec->base, &work.merge.base);
	if (r == 0)
		r = mirror_open(
			&work.mirror, order->data_dir, spec->repo, spec->clone_url, work.err);
	if (r == 0)
		r = prepare_all(&work, NULL);
	if (r == 0 && !str_equal(oid_text(&work, &work.merge.tree), spec->tree))
		r = err_set(err, ERR_STALE, "head and base no longer make the same tree");
	if (r == 0)
		r = adopt(&work, order);
	mirror_close(&work.mirror);
	return r;
}

static int commit_of(git_repository *repo, const char *revision, git_oid *ret, struct err *err)
{
	_cleanup_(git_object_freep) git_object *object = NULL;
	_cleanup_(git_object_freep) git_object *commit = NULL;
	int code = git_revparse_single(&object, repo, revision);

	if (code == 0)
		code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (code < 0)
		return err_user(
			err, ERR_USAGE, "there is no commit %.100s in the repository", revision);
	*ret = *git_object_id(commit);
	return 0;
}

/* What the merge makes stays in memory: the repository is somebody's. */
static int writes_stay_here(git_repository *repo, git_odb **ret, struct err *err)
{
	git_odb_backend *memory = NULL;
	int code = git_repository_odb(ret, repo);

	if (code == 0)
		code = git_mempack_new(&memory);
	if (code == 0)
		code = git_odb_add_backend(*ret, memory, 1000);
	return code < 0 ? libgit_fail(err, code, "cannot open the repository") : 0;
}

static int inspect(struct preparation *work, const struct inspect_order *order)
{
	struct mirror *mirror = &work->mirror;
	int code = git_repository_open_ext(
		&mirror->repo, order->repo, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	int r = code < 0 ? libgit_fail(work->err, code, "cannot open the repository")
			 : writes_stay_here(mirror->repo, &mirror->odb, work->err);

	if (r == 0)
		r = commit_of(mirror->repo, order->base, &work->merge.base, work->err);
	if (r == 0)
		r = commit_of(mirror->repo, order->head, &work->merge.head, work->err);
	return r < 0 ? r : prepare_all(work, look);
}

int prepare_inspect(const struct inspect_order *order, struct arena *arena,
	struct warnings *warnings, struct prepared *ret, struct err *err)
{
	const struct job_spec spec = { .config_files = order->config_files,
		.config_file_count = order->config_file_count };
	struct preparation work = begin(&spec, arena, warnings, ret, err);
	int r;

	work.mirror.dir_fd = order->cache == NULL
				     ? -1
				     : open(order->cache, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	r = inspect(&work, order);
	mirror_close(&work.mirror);
	return r;
}
