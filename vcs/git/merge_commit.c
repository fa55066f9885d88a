/* A merge as a commit on the base branch. */
#include "vcs/git/merge_commit.h"
#include "vcs/git/limits.h"
#include "vcs/git/merge.h"
#include "vcs/git/mirror.h"
#include <stdio.h>
#include <string.h>

static int commit_make(git_repository *repo, const struct merge_order *order,
	const struct merge *merge, git_oid *ret)
{
	_cleanup_(git_signature_freep) git_signature *who = NULL;
	_cleanup_(git_commit_freep) git_commit *base = NULL;
	_cleanup_(git_commit_freep) git_commit *head = NULL;
	_cleanup_(git_tree_freep) git_tree *tree = NULL;
	_cleanup_free_ char *address = mem_printf("%s@local", order->author);
	_cleanup_free_ char *message = order->message != NULL ? mem_strdup(order->message)
							      : mem_printf("Merge %.12s into %s\n",
									order->head, order->base);
	int code = git_signature_now(&who, order->author, address);

	if (code == 0)
		code = git_commit_lookup(&base, repo, &merge->base);
	if (code == 0)
		code = git_commit_lookup(&head, repo, &merge->head);
	if (code == 0)
		code = git_tree_lookup(&tree, repo, &merge->tree);
	if (code == 0)
		code = git_commit_create(ret, repo, NULL, who, who, NULL, message, tree, 2,
			(const git_commit *[]){ base, head });
	return code;
}

static int branch_move(git_repository *repo, const char *branch, const struct merge *merge,
	const git_oid *commit, struct err *err)
{
	_cleanup_(git_reference_freep) git_reference *moved = NULL;
	int code = git_reference_create_matching(
		&moved, repo, branch, commit, 1, &merge->base, "merge");

	if (code == GIT_EMODIFIED)
		return err_class_set(
			err, ERR_STALE, ERR_CLASS_TEMP, "the base branch moved meanwhile");
	return code < 0 ? libgit_fail(err, code, "cannot move the base branch") : 0;
}

static int merge_into(git_repository *repo, const struct merge_order *order, struct arena *arena,
	char ret[GIT_OID_HEXSZ + 1], struct err *err)
{
	struct merge merge = { .conflict_count = 0 };
	char branch[LIMIT_PATH_BYTES];
	git_oid commit;
	int code, r = mirror_ref_name(order->base, branch, sizeof(branch), err);

	if (r < 0)
		return r;
	if (strlen(order->head) != GIT_OID_HEXSZ || git_oid_fromstrp(&merge.head, order->head) < 0)
		return err_user(err, ERR_USAGE, "the head is not a commit id");
	code = git_reference_name_to_id(&merge.base, repo, branch);
	if (code < 0)
		return libgit_fail(err, code, "the base branch is not in the repository");
	r = merge_compute(repo, arena, &merge, err);
	if (r < 0)
		return r;
	if (merge.conflict_count > 0)
		return err_user(err, ERR_CONFLICT, "the branch cannot be merged: conflict in %s%s",
			merge.conflicts[0], merge.conflict_count > 1 ? " and others" : "");
	commit = merge.base;
	if (!git_oid_equal(&merge.merge_base, &merge.head)) {
		code = commit_make(repo, order, &merge, &commit);
		r = code < 0 ? libgit_fail(err, code, "cannot make the merge commit")
			     : branch_move(repo, branch, &merge, &commit, err);
	}
	git_oid_tostr(ret, GIT_OID_HEXSZ + 1, &commit);
	return r;
}

int merge_commit(const struct merge_order *order, char ret[GIT_OID_HEXSZ + 1], struct err *err)
{
	_cleanup_(git_repository_freep) git_repository *repo = NULL;
	struct arena arena = { 0 };
	int code = git_repository_open_ext(&repo, order->repo, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	int r = code < 0 ? libgit_fail(err, code, "cannot open the repository")
			 : merge_into(repo, order, &arena, ret, err);

	arena_release(&arena);
	return r;
}
