/* What the base branch would hold after the merge.
 *
 * Most pull requests touch paths that the base did not touch since: there whole folders are taken
 * from one side without being read, and a repository of 20,000 files merges in a millisecond. As
 * soon as one path was changed on both sides, libgit2's merge decides everything. Both ways give
 * the same tree where the first one answers: a rename can matter only when the other side touched
 * one of its two names, and to delete a file that the other side renamed is to touch it too. */
#include "vcs/git/merge.h"
#include "vcs/git/limits.h"
#include "vcs/git/manifest.h"
#include "vcs/git/names.h"
#include <string.h>

enum { MERGE_NOT_TRIVIAL = 1 };

static bool same(const git_tree_entry *a, const git_tree_entry *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return git_tree_entry_filemode(a) == git_tree_entry_filemode(b) &&
	       git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b));
}

static bool is_folder(const git_tree_entry *entry)
{
	return entry != NULL && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
}

struct sides {
	git_tree *old, *ours, *theirs;
};

static void sides_release(struct sides *sides)
{
	git_tree_free(sides->old);
	git_tree_free(sides->ours);
	git_tree_free(sides->theirs);
}

static int trees_merge(git_repository *repo, const git_oid *old, const git_oid *ours,
	const git_oid *theirs, int depth, git_oid *ret, bool *ret_empty, struct err *err);

/* One name: what stands there in the three trees decides what goes into the result. */
static int name_merge(git_repository *repo, git_treebuilder *result, const char *name,
	const git_tree_entry *old, const git_tree_entry *ours, const git_tree_entry *theirs,
	int depth, struct err *err)
{
	git_oid merged;
	bool is_empty;
	int code, r;

	if (same(old, theirs))
		return 0;
	if (same(ours, theirs)) /* gone or new on both sides: possibly half of a rename */
		return old == NULL || ours == NULL ? MERGE_NOT_TRIVIAL : 0;
	if (same(old, ours)) {
		code = theirs == NULL ? git_treebuilder_remove(result, name)
				      : git_treebuilder_insert(NULL, result, name,
						git_tree_entry_id(theirs),
						git_tree_entry_filemode(theirs));
		return code < 0 ? libgit_fail(err, code, "cannot merge") : 0;
	}
	if (!is_folder(old) || !is_folder(ours) || !is_folder(theirs))
		return MERGE_NOT_TRIVIAL;
	r = trees_merge(repo, git_tree_entry_id(old), git_tree_entry_id(ours),
		git_tree_entry_id(theirs), depth + 1, &merged, &is_empty, err);
	if (r != 0)
		return r;
	code = is_empty ? git_treebuilder_remove(result, name)
			: git_treebuilder_insert(NULL, result, name, &merged, GIT_FILEMODE_TREE);
	return code < 0 ? libgit_fail(err, code, "cannot merge") : 0;
}

static int names_merge(git_repository *repo, git_treebuilder *result, const struct sides *sides,
	int depth, struct err *err)
{
	size_t count = git_tree_entrycount(sides->theirs);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		const git_tree_entry *theirs = git_tree_entry_byindex(sides->theirs, i);
		const char *name = git_tree_entry_name(theirs);

		r = name_merge(repo, result, name, git_tree_entry_byname(sides->old, name),
			git_tree_entry_byname(sides->ours, name), theirs, depth, err);
	}
	count = git_tree_entrycount(sides->old);
	for (size_t i = 0; i < count && r == 0; i++) {
		const git_tree_entry *old = git_tree_entry_byindex(sides->old, i);
		const char *name = git_tree_entry_name(old);

		if (git_tree_entry_byname(sides->theirs, name) == NULL)
			r = name_merge(repo, result, name, old,
				git_tree_entry_byname(sides->ours, name), NULL, depth, err);
	}
	return r;
}

static int trees_merge(git_repository *repo, const git_oid *old, const git_oid *ours,
	const git_oid *theirs, int depth, git_oid *ret, bool *ret_empty, struct err *err)
{
	_cleanup_(sides_release) struct sides sides = { NULL, NULL, NULL };
	_cleanup_(git_treebuilder_freep) git_treebuilder *result = NULL;
	int code, r;

	if (depth > LIMIT_DEPTH)
		return err_user(
			err, ERR_LIMIT, "folders are nested more than %d deep", LIMIT_DEPTH);
	code = git_tree_lookup(&sides.old, repo, old);
	if (code == 0)
		code = git_tree_lookup(&sides.ours, repo, ours);
	if (code == 0)
		code = git_tree_lookup(&sides.theirs, repo, theirs);
	if (code == 0)
		code = git_treebuilder_new(&result, repo, sides.ours);
	if (code < 0)
		return libgit_fail(err, code, "cannot read a folder of the repository");
	r = names_merge(repo, result, &sides, depth, err);
	if (r != 0)
		return r;
	*ret_empty = git_treebuilder_entrycount(result) == 0;
	code = git_treebuilder_write(ret, result);
	return code < 0 ? libgit_fail(err, code, "cannot write the merged folder") : 0;
}

/* ---- the whole merge, by libgit2 ---- */

static int conflict_add(struct arena *arena, struct merge *merge, const char *path, struct err *err)
{
	if (merge->conflict_count == LIMIT_CONFLICTS)
		return err_user(
			err, ERR_LIMIT, "more than %d files are in conflict", LIMIT_CONFLICTS);
	merge->conflicts = arena_push(
		arena, (void *)merge->conflicts, merge->conflict_count, sizeof(char *));
	merge->conflicts[merge->conflict_count++] = name_shown(
		arena, path, strlen(path), 4 * LIMIT_PATH_BYTES);
	return 0;
}

static int conflicts_read(
	git_index *index, struct arena *arena, struct merge *merge, struct err *err)
{
	_cleanup_(git_index_conflict_iterator_freep) git_index_conflict_iterator *iterator = NULL;
	const git_index_entry *old, *ours, *theirs;
	int code = git_index_conflict_iterator_new(&iterator, index);
	int r = 0;

	while (code == 0 && r == 0) {
		code = git_index_conflict_next(&old, &ours, &theirs, iterator);
		if (code == 0)
			r = conflict_add(arena, merge,
				ours != NULL	 ? ours->path
				: theirs != NULL ? theirs->path
						 : old->path,
				err);
	}
	if (r == 0 && code != GIT_ITEROVER)
		r = libgit_fail(err, code, "cannot list the conflicts");
	return r;
}

static int commits_merge(git_repository *repo, struct arena *arena, const git_commit *base,
	const git_commit *head, struct merge *merge, struct err *err)
{
	_cleanup_(git_index_freep) git_index *index = NULL;
	git_merge_options options;
	int code = git_merge_options_init(&options, GIT_MERGE_OPTIONS_VERSION);

	if (code == 0)
		code = git_merge_commits(&index, repo, base, head, &options);
	if (code < 0)
		return libgit_fail(err, code, "cannot merge");
	if (git_index_has_conflicts(index))
		return conflicts_read(index, arena, merge, err);
	code = git_index_write_tree_to(&merge->tree, index, repo);
	return code < 0 ? libgit_fail(err, code, "cannot write the merged tree") : 0;
}

static int commit_open(git_repository *repo, const git_oid *oid, const char *what, git_commit **ret,
	struct err *err)
{
	int code = git_commit_lookup(ret, repo, oid);

	return code < 0 ? libgit_fail(err, code, "cannot read the %s commit", what) : 0;
}

static int merge_base_find(
	git_repository *repo, struct merge *merge, size_t *ret_count, struct err *err)
{
	git_oidarray bases = { 0 };
	int code = git_merge_bases(&bases, repo, &merge->base, &merge->head);

	if (code == GIT_ENOTFOUND)
		return err_user(
			err, ERR_REFUSED, "the branch and its base have no commit in common");
	if (code < 0)
		return libgit_fail(err, code, "cannot find where the branch left its base");
	*ret_count = bases.count;
	merge->merge_base = bases.ids[0];
	git_oidarray_dispose(&bases);
	return 0;
}

int merge_compute(git_repository *repo, struct arena *arena, struct merge *merge, struct err *err)
{
	_cleanup_(git_commit_freep) git_commit *base = NULL;
	_cleanup_(git_commit_freep) git_commit *head = NULL;
	_cleanup_(git_commit_freep) git_commit *old = NULL;
	size_t base_count = 0;
	bool is_empty;
	int r;

	r = commit_open(repo, &merge->head, "head", &head, err);
	if (r == 0)
		r = commit_open(repo, &merge->base, "base", &base, err);
	if (r == 0)
		r = merge_base_find(repo, merge, &base_count, err);
	if (r == 0)
		r = commit_open(repo, &merge->merge_base, "common", &old, err);
	if (r < 0)
		return r;
	if (git_oid_equal(&merge->merge_base, &merge->base)) {
		merge->tree = *git_commit_tree_id(head);
		return 0;
	}
	r = base_count > 1 ? MERGE_NOT_TRIVIAL
			   : trees_merge(repo, git_commit_tree_id(old), git_commit_tree_id(base),
				     git_commit_tree_id(head), 0, &merge->tree, &is_empty, err);
	if (r <= 0)
		return r;
	/* libgit2 walks both trees to their ends: only trees that have an end. */
	r = manifest_check(repo, git_commit_tree_id(base), err);
	if (r == 0)
		r = manifest_check(repo, git_commit_tree_id(head), err);
	return r < 0 ? r : commits_merge(repo, arena, base, head, merge, err);
}
