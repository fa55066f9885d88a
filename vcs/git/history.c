/* Commit by commit, the oldest first: a finding is told with the commit that brought it. */
#include "vcs/git/history.h"

#include "orchestrator/model/inline_skips.h"
#include "orchestrator/model/plaintext.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct seen {
	git_oid oid;
	struct seen *next;
};

struct mark {
	uint64_t mark;
	struct mark *next;
};

struct history {
	const struct history_range *range;
	struct arena *arena; /* the caller's */
	struct arena own;
	struct prepared *prepared;
	struct seen *seen[BUCKETS];
	int64_t bytes; /* that were looked at */
	struct err *err;
};

/* ---- blobs ---- */

static bool is_seen(struct history *history, const git_oid *oid)
{
	struct seen **bucket = &history->seen[(oid->id[0] << 4 | oid->id[1] >> 4) % BUCKETS];

	struct seen *fresh;

	for (const struct seen *one = *bucket; one != NULL; one = one->next)
		if (git_oid_equal(&one->oid, oid))
			return true;
	fresh = arena_alloc(&history->own, sizeof(*fresh));
	*fresh = (struct seen){ *oid, *bucket };
	*bucket = fresh;
	return false;
}

static bool is_file(const git_diff_file *file)
{
	return file->mode == GIT_FILEMODE_BLOB || file->mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

/* false: it was not read, because it, or all of them together, are too large. */
static bool read_blob(struct history *history, const git_oid *oid, git_odb_object **ret)
{
	struct err ignored;

	if (history->bytes > LIMIT_HISTORY_BYTES ||
		libgit_blob(history->range->odb, oid, LIMIT_FILE_BYTES, ret, &ignored) < 0)
		return false;
	history->bytes += (int64_t)git_odb_object_size(*ret);
	return true;
}

static void scan_blob(const char *path, git_odb_object *blob, struct plaintext *ret)
{
	plaintext_scan(path, git_odb_object_data(blob), git_odb_object_size(blob), ret);
}

/* ---- findings ---- */

static void add_secret(struct history *history, const char *path, const char *rule, int line,
	const git_oid *commit)
{
	struct prepared *prepared = history->prepared;
	char hex[GIT_OID_HEXSZ + 1];

	if (prepared->secret_count == PREPARED_SECRETS_MAX) {
		prepared->secrets_left_out++;
		return;
	}
	prepared->secrets = arena_push(history->arena, prepared->secrets, prepared->secret_count,
		sizeof(*prepared->secrets));
	prepared->secrets[prepared->secret_count++] = (struct plain_secret){
		.path = name_shown(history->arena, path, strlen(path), 4 * LIMIT_PATH_BYTES),
		.rule = rule,
		.line = line,
		.commit = arena_strdup(history->arena, git_oid_tostr(hex, sizeof(hex), commit)),
	};
}

/* Does the head still show it? */
static bool is_in_head(struct history *history, git_tree *head, const char *path,
	const struct plaintext_finding *one)
{
	_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	struct plaintext now;

	if (git_tree_entry_bypath(&entry, head, path) < 0 ||
		!read_blob(history, git_tree_entry_id(entry), &blob))
		return false;
	scan_blob(path, blob, &now);
	for (size_t i = 0; i < now.count; i++)
		if (now.list[i].mark == one->mark)
			return true;
	return false;
}

/* What the files of the commit's parents held. */
static struct mark *marks_before(struct history *history, git_diff *diff, struct arena *arena)
{
	struct mark *marks = NULL;

	for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
		const git_diff_file *old = &git_diff_get_delta(diff, i)->old_file;
		_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
		struct plaintext found;

		if (!is_file(old) || !read_blob(history, &old->id, &blob))
			continue;
		scan_blob(old->path, blob, &found);
		for (size_t k = 0; k < found.count; k++) {
			struct mark *mark = arena_alloc(arena, sizeof(*mark));

			*mark = (struct mark){ found.list[k].mark, marks };
			marks = mark;
		}
	}
	return marks;
}

static bool is_among(const struct mark *marks, uint64_t mark)
{
	for (; marks != NULL; marks = marks->next)
		if (marks->mark == mark)
			return true;
	return false;
}

struct commit_view {
	git_commit *commit;
	git_tree *head;
	git_diff *diff;
	struct arena arena;
	struct mark *before;
	bool knows_before;
};

static void judge_file(struct history *history, struct commit_view *view, const char *path,
	const struct plaintext *found)
{
	if (!view->knows_before)
		view->before = marks_before(history, view->diff, &view->arena);
	view->knows_before = true;
	for (size_t i = 0; i < found->count; i++) {
		const struct plaintext_finding *one = &found->list[i];
		size_t count = history->prepared->secret_count;

		if (is_among(view->before, one->mark))
			continue;
		add_secret(history, path, one->rule, one->line, git_commit_id(view->commit));
		if (history->prepared->secret_count > count)
			history->prepared->secrets[count].is_gone = !is_in_head(
				history, view->head, path, one);
	}
}

/* A merge brings what one of its parents has; new is only what none of them has. */
static bool is_of_a_parent(const struct commit_view *view, const git_diff_file *file)
{
	unsigned parents = git_commit_parentcount(view->commit);

	for (unsigned i = 1; i < parents && i < 16; i++) {
		_cleanup_(git_commit_freep) git_commit *parent = NULL;
		_cleanup_(git_tree_freep) git_tree *tree = NULL;
		_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;

		if (git_commit_parent(&parent, view->commit, i) == 0 &&
			git_commit_tree(&tree, parent) == 0 &&
			git_tree_entry_bypath(&entry, tree, file->path) == 0 &&
			git_oid_equal(git_tree_entry_id(entry), &file->id))
			return true;
	}
	return false;
}

static void look_at_file(
	struct history *history, struct commit_view *view, const git_diff_file *file)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	struct plaintext found;

	if (!is_file(file) || is_of_a_parent(view, file) || is_seen(history, &file->id))
		return;
	if (!read_blob(history, &file->id, &blob)) {
		add_secret(
			history, file->path, PLAIN_SECRET_UNSEEN, 0, git_commit_id(view->commit));
		return;
	}
	scan_blob(file->path, blob, &found);
	if (found.count > 0)
		judge_file(history, view, file->path, &found);
}

/* ---- commits ---- */

static int diff_trees(const struct history *history, git_tree *old, git_tree *new, git_diff **ret)
{
	git_diff_options options = GIT_DIFF_OPTIONS_INIT;
	int code;

	options.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_IGNORE_SUBMODULES |
			GIT_DIFF_INCLUDE_TYPECHANGE;
	code = git_diff_tree_to_tree(ret, history->range->repo, old, new, &options);
	return code < 0 ? libgit_fail(history->err, code, "cannot compare two commits") : 0;
}

static int look_at_commit(struct history *history, const git_oid *oid, git_tree *head)
{
	_cleanup_(git_commit_freep) git_commit *commit = NULL;
	_cleanup_(git_commit_freep) git_commit *parent = NULL;
	_cleanup_(git_tree_freep) git_tree *old = NULL;
	_cleanup_(git_tree_freep) git_tree *new = NULL;
	_cleanup_(git_diff_freep) git_diff *diff = NULL;
	struct commit_view view = { .head = head };
	int r, code = git_commit_lookup(&commit, history->range->repo, oid);

	if (code == 0 && git_commit_parentcount(commit) > 0)
		code = git_commit_parent(&parent, commit, 0);
	if (code == 0 && parent != NULL)
		code = git_commit_tree(&old, parent);
	if (code == 0)
		code = git_commit_tree(&new, commit);
	if (code < 0)
		return libgit_fail(history->err, code, "cannot read a commit of the pull request");
	r = diff_trees(history, old, new, &diff);
	view.commit = commit;
	view.diff = diff;
	for (size_t i = 0; r == 0 && i < git_diff_num_deltas(diff); i++)
		look_at_file(history, &view, &git_diff_get_delta(diff, i)->new_file);
	arena_release(&view.arena);
	return r;
}

static int tree_of(
	const struct history_range *range, const git_oid *oid, git_tree **ret, struct err *err)
{
	_cleanup_(git_commit_freep) git_commit *commit = NULL;
	int code = git_commit_lookup(&commit, range->repo, oid);

	if (code == 0)
		code = git_commit_tree(ret, commit);
	return code < 0 ? libgit_fail(err, code, "cannot read a commit") : 0;
}

static int walk_commits(struct history *history, git_tree *head)
{
	_cleanup_(git_revwalk_freep) git_revwalk *walk = NULL;
	int commits = 0, r = 0, code = git_revwalk_new(&walk, history->range->repo);
	git_oid oid;

	if (code == 0)
		code = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if (code == 0)
		code = git_revwalk_push(walk, history->range->head);
	if (code == 0)
		code = git_revwalk_hide(walk, history->range->base);
	while (code == 0 && r == 0 && (code = git_revwalk_next(&oid, walk)) == 0) {
		if (++commits > LIMIT_COMMITS)
			return err_user(history->err, ERR_LIMIT,
				"the pull request has more than %d commits", LIMIT_COMMITS);
		r = look_at_commit(history, &oid, head);
	}
	if (r == 0 && code != GIT_ITEROVER)
		r = libgit_fail(history->err, code, "cannot walk the commits of the pull request");
	return r;
}

int history_secrets(const struct history_range *range, struct arena *arena,
	struct prepared *prepared, struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *head = NULL;
	struct history history = {
		.range = range, .arena = arena, .prepared = prepared, .err = err
	};
	int r = tree_of(range, range->head, &head, err);

	if (r == 0)
		r = walk_commits(&history, head);
	arena_release(&history.own);
	return r;
}

/* ---- notes ---- */

static void find_skips(struct history *history, const git_diff_file *file, struct inline_skips *ret)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;

	ret->count = 0;
	if (is_file(file) && read_blob(history, &file->id, &blob))
		inline_skips_find(git_odb_object_data(blob), git_odb_object_size(blob), ret);
}

static void add_skips(struct history *history, const char *path, const struct inline_skips *skips)
{
	struct prepared *prepared = history->prepared;

	for (size_t i = 0; i < skips->count; i++) {
		if (prepared->skip_count == PREPARED_SKIPS_MAX) {
			prepared->skips_left_out += skips->count - i;
			return;
		}
		prepared->skips = arena_push(history->arena, prepared->skips, prepared->skip_count,
			sizeof(*prepared->skips));
		prepared->skips[prepared->skip_count++] = (struct new_skip){
			.path = name_shown(
				history->arena, path, strlen(path), 4 * LIMIT_PATH_BYTES),
			.line = skips->list[i].line,
			.id = arena_strdup(history->arena, skips->list[i].id),
		};
	}
}

int history_skips(const struct history_range *range, struct arena *arena, struct prepared *prepared,
	struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *old = NULL;
	_cleanup_(git_tree_freep) git_tree *new = NULL;
	_cleanup_(git_diff_freep) git_diff *diff = NULL;
	struct history history = {
		.range = range, .arena = arena, .prepared = prepared, .err = err
	};
	int r = tree_of(range, range->merge_base, &old, err);

	if (r == 0)
		r = tree_of(range, range->head, &new, err);
	if (r == 0)
		r = diff_trees(&history, old, new, &diff);
	for (size_t i = 0; r == 0 && i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *delta = git_diff_get_delta(diff, i);
		struct inline_skips now, before;

		find_skips(&history, &delta->new_file, &now);
		if (now.count == 0)
			continue;
		find_skips(&history, &delta->old_file, &before);
		inline_skips_drop(&now, &before);
		add_skips(&history, delta->new_file.path, &now);
	}
	arena_release(&history.own);
	return r;
}
