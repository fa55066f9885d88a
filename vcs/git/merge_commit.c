/* A merge as commits on the base branch. Asked for twice, it is made once: what adds nothing to the
 * base is there already. */
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
		code = git_commit_create(ret, repo, NULL, who, who, NULL, message, tree,
			order->method == MERGE_SQUASH ? 1 : 2,
			(const git_commit *[]){ base, head });
	return code;
}

/* ---- one by one ---- */

static int rebase_steps(git_rebase *rebase, const git_signature *who, git_oid *ret, struct err *err)
{
	git_rebase_operation *step;
	int code;

	while ((code = git_rebase_next(&step, rebase)) == 0) {
		_cleanup_(git_index_freep) git_index *index = NULL;
		git_oid made;

		if (git_rebase_inmemory_index(&index, rebase) == 0 &&
			git_index_has_conflicts(index))
			return err_user(err, ERR_CONFLICT,
				"the branch cannot be rebased: its commit %.12s conflicts",
				git_oid_tostr_s(&step->id));
		code = git_rebase_commit(&made, rebase, NULL, who, NULL, NULL);
		if (code == 0)
			*ret = made;
		else if (code != GIT_EAPPLIED) /* the base has it: nothing is left of it */
			return libgit_fail(err, code, "cannot rebase the branch");
	}
	return code == GIT_ITEROVER ? 0 : libgit_fail(err, code, "cannot rebase the branch");
}

/* Each commit of the head that is no merge, on top of the base. */
static int commits_make(git_repository *repo, const struct merge_order *order,
	const struct merge *merge, git_oid *ret, struct err *err)
{
	_cleanup_(git_annotated_commit_freep) git_annotated_commit *head = NULL;
	_cleanup_(git_annotated_commit_freep) git_annotated_commit *base = NULL;
	_cleanup_(git_signature_freep) git_signature *who = NULL;
	_cleanup_(git_rebase_freep) git_rebase *rebase = NULL;
	_cleanup_free_ char *address = mem_printf("%s@local", order->author);
	git_rebase_options options = GIT_REBASE_OPTIONS_INIT;
	int code = git_signature_now(&who, order->author, address);

	options.inmemory = 1;
	if (code == 0)
		code = git_annotated_commit_lookup(&head, repo, &merge->head);
	if (code == 0)
		code = git_annotated_commit_lookup(&base, repo, &merge->base);
	if (code == 0)
		code = git_rebase_init(&rebase, repo, head, base, NULL, &options);
	*ret = merge->base;
	return code < 0 ? libgit_fail(err, code, "cannot rebase the branch")
			: rebase_steps(rebase, who, ret, err);
}

/* The head itself, or what is left of it where it does not become a part of the base. */
static int is_there(git_repository *repo, const struct merge_order *order,
	const struct merge *merge, bool *ret, struct err *err)
{
	_cleanup_(git_commit_freep) git_commit *base = NULL;
	int code = git_commit_lookup(&base, repo, &merge->base);

	if (code < 0)
		return libgit_fail(err, code, "the base branch cannot be read");
	*ret = git_oid_equal(&merge->merge_base, &merge->head) ||
	       (order->method != MERGE_COMMIT &&
		       git_oid_equal(git_commit_tree_id(base), &merge->tree));
	return 0;
}

/* ---- the branch ---- */

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
	bool has_it = false;
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
	r = is_there(repo, order, &merge, &has_it, err);
	if (r == 0 && !has_it && order->method == MERGE_REBASE) {
		r = commits_make(repo, order, &merge, &commit, err);
	} else if (r == 0 && !has_it) {
		code = commit_make(repo, order, &merge, &commit);
		r = code < 0 ? libgit_fail(err, code, "cannot make the merge commit") : 0;
	}
	if (r == 0 && !has_it)
		r = branch_move(repo, branch, &merge, &commit, err);
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

static int branch_drop(
	git_repository *repo, const char *name, const char *head, bool *ret_gone, struct err *err)
{
	_cleanup_(git_reference_freep) git_reference *branch = NULL;
	char full[LIMIT_PATH_BYTES];
	const git_oid *at;
	git_oid wanted;
	int code, r = mirror_ref_name(name, full, sizeof(full), err);

	if (r < 0)
		return r;
	if (strlen(head) != GIT_OID_HEXSZ || git_oid_fromstrp(&wanted, head) < 0)
		return err_user(err, ERR_USAGE, "the head is not a commit id");
	code = git_reference_lookup(&branch, repo, full);
	if (code == GIT_ENOTFOUND)
		return 0;
	at = code < 0 ? NULL : git_reference_target(branch);
	if (code == 0 && at != NULL && git_oid_equal(at, &wanted) && !git_branch_is_head(branch)) {
		code = git_reference_delete(branch); /* what was pushed meanwhile stays */
		*ret_gone = code == 0;
		code = code == GIT_EMODIFIED ? 0 : code;
	}
	return code < 0 ? libgit_fail(err, code, "cannot delete the branch") : 0;
}

int merge_drop_branch(
	const char *path, const char *branch, const char *head, bool *ret_gone, struct err *err)
{
	_cleanup_(git_repository_freep) git_repository *repo = NULL;
	int code = git_repository_open_ext(&repo, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);

	*ret_gone = false;
	return code < 0 ? libgit_fail(err, code, "cannot open the repository")
			: branch_drop(repo, branch, head, ret_gone, err);
}
