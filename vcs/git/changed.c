/* The files that a pull request changes. Equal folders are never opened; a rename is a deleted and
 * an added file of the same or similar content. */
#include "vcs/git/changed.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include <git2/sys/hashsig.h>
#include <string.h>

enum { SIMILAR_PERCENT = 50 };

struct change {
	const char *path;
	const char *old_path;
	git_oid oid; /* of what was added or deleted */
	char status;
};

struct changes {
	git_repository *repo;
	struct arena *arena; /* the caller's: paths */
	struct arena own;
	struct change *items;
	size_t count;
	struct err *err;
};

static int change_add(
	struct changes *changes, const char *dir, const git_tree_entry *entry, char status)
{
	const char *name = git_tree_entry_name(entry);
	const char *path = arena_printf(
		changes->arena, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	enum name_verdict verdict = name_check(name);

	if (changes->count == LIMIT_CHANGED)
		return err_user(changes->err, ERR_LIMIT,
			"the pull request changes more than %d files", LIMIT_CHANGED);
	/* Such a name may have been there before us, but nobody brings one. */
	if (verdict != NAME_FINE && status != 'D')
		return err_user(changes->err, ERR_REFUSED,
			"the pull request has a file with a name that is not allowed: %s",
			name_shown(&changes->own, path, strlen(path), 200));
	if (strlen(path) > LIMIT_PATH_BYTES + LIMIT_NAME_BYTES + 1)
		return err_user(changes->err, ERR_LIMIT, "a path is longer than %d bytes",
			LIMIT_PATH_BYTES);
	if (verdict != NAME_FINE)
		path = name_shown(changes->arena, path, strlen(path), 4 * LIMIT_PATH_BYTES);
	changes->items = arena_push(
		&changes->own, changes->items, changes->count, sizeof(changes->items[0]));
	changes->items[changes->count++] =
		(struct change){ .path = path, .oid = *git_tree_entry_id(entry), .status = status };
	return 0;
}

static int folders_compare(struct changes *changes, const git_oid *old_oid, const git_oid *new_oid,
	const char *dir, int depth);

static bool is_folder(const git_tree_entry *entry)
{
	return entry != NULL && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
}

static int mode_kind(const git_tree_entry *entry)
{
	switch (git_tree_entry_filemode(entry)) {
	case GIT_FILEMODE_LINK:
		return 2;
	case GIT_FILEMODE_COMMIT:
		return 3;
	case GIT_FILEMODE_TREE:
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
	case GIT_FILEMODE_UNREADABLE:
		break;
	}
	return 1;
}

static int subfolder_compare(struct changes *changes, const git_tree_entry *old,
	const git_tree_entry *new, const char *dir, int depth)
{
	const char *name = git_tree_entry_name(old != NULL ? old : new);
	const char *path = arena_printf(
		&changes->own, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);

	if (name_check(name) == NAME_BAD || (name_check(name) == NAME_ODD && new != NULL))
		return err_user(changes->err, ERR_REFUSED,
			"the pull request has a folder with a name that is not allowed: %s",
			name_shown(&changes->own, path, strlen(path), 200));
	return folders_compare(changes, old != NULL ? git_tree_entry_id(old) : NULL,
		new != NULL ? git_tree_entry_id(new) : NULL, path, depth + 1);
}

static int entries_compare(struct changes *changes, const git_tree_entry *old,
	const git_tree_entry *new, const char *dir, int depth)
{
	int r = 0;

	if (old != NULL && new != NULL &&
		git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(new)) &&
		git_tree_entry_filemode(old) == git_tree_entry_filemode(new))
		return 0;
	if (is_folder(old) || is_folder(new)) {
		r = subfolder_compare(changes, is_folder(old) ? old : NULL,
			is_folder(new) ? new : NULL, dir, depth);
		if (is_folder(old))
			old = NULL;
		if (is_folder(new))
			new = NULL;
	}
	if (r < 0 || (old == NULL && new == NULL))
		return r;
	if (old == NULL)
		return change_add(changes, dir, new, 'A');
	if (new == NULL)
		return change_add(changes, dir, old, 'D');
	return change_add(changes, dir, new, mode_kind(old) == mode_kind(new) ? 'M' : 'T');
}

static const git_tree_entry *entry_in(const git_tree *tree, const char *name)
{
	return tree != NULL ? git_tree_entry_byname(tree, name) : NULL;
}

static int folders_compare(struct changes *changes, const git_oid *old_oid, const git_oid *new_oid,
	const char *dir, int depth)
{
	_cleanup_(git_tree_freep) git_tree *old = NULL;
	_cleanup_(git_tree_freep) git_tree *new = NULL;
	int code = 0, r = 0;

	if (depth > LIMIT_DEPTH)
		return err_user(changes->err, ERR_LIMIT, "folders are nested more than %d deep",
			LIMIT_DEPTH);
	if (old_oid != NULL)
		code = git_tree_lookup(&old, changes->repo, old_oid);
	if (code == 0 && new_oid != NULL)
		code = git_tree_lookup(&new, changes->repo, new_oid);
	if (code < 0)
		return libgit_fail(changes->err, code, "cannot read a folder of the repository");
	for (size_t i = 0; new != NULL &&i < git_tree_entrycount(new) && r == 0; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(new, i);

		r = entries_compare(
			changes, entry_in(old, git_tree_entry_name(entry)), entry, dir, depth);
	}
	for (size_t i = 0; old != NULL && i < git_tree_entrycount(old) && r == 0; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(old, i);

		if (entry_in(new, git_tree_entry_name(entry)) == NULL)
			r = entries_compare(changes, entry, NULL, dir, depth);
	}
	return r;
}

/* ---- renames ---- */

static void pair(struct change *added, struct change *deleted)
{
	added->status = 'R';
	added->old_path = deleted->path;
	deleted->status = '\0';
}

static int by_oid(const void *a, const void *b)
{
	const struct change *const *left = a, *const *right = b;

	return git_oid_cmp(&(*left)->oid, &(*right)->oid);
}

/* The items of one status, sorted by content. */
static struct change **of_status(struct changes *changes, char status, size_t *ret_count)
{
	struct change **found = arena_alloc(&changes->own, (changes->count + 1) * sizeof(*found));
	size_t count = 0;

	for (size_t i = 0; i < changes->count; i++) {
		if (changes->items[i].status == status)
			found[count++] = &changes->items[i];
	}
	qsort(found, count, sizeof(*found), by_oid);
	*ret_count = count;
	return found;
}

static void pair_identical(struct changes *changes)
{
	size_t added_count, deleted_count, d = 0;
	struct change **added = of_status(changes, 'A', &added_count);
	struct change **deleted = of_status(changes, 'D', &deleted_count);

	for (size_t a = 0; a < added_count && d < deleted_count;) {
		int order = git_oid_cmp(&added[a]->oid, &deleted[d]->oid);

		if (order == 0)
			pair(added[a], deleted[d]);
		a += order <= 0;
		d += order >= 0;
	}
}

static git_hashsig *signature_of(git_odb *odb, const git_oid *oid)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	git_hashsig *signature = NULL;
	struct err ignored;

	if (libgit_blob(odb, oid, LIMIT_RENAME_BYTES, &blob, &ignored) < 0)
		return NULL;
	if (git_hashsig_create(&signature, git_odb_object_data(blob), git_odb_object_size(blob),
		    GIT_HASHSIG_SMART_WHITESPACE) < 0)
		return NULL; /* too small or binary: then it is no rename */
	return signature;
}

static void pair_similar(struct changes *changes, git_odb *odb)
{
	size_t added_count, deleted_count;
	struct change **added = of_status(changes, 'A', &added_count);
	struct change **deleted = of_status(changes, 'D', &deleted_count);
	git_hashsig **signatures;

	if (added_count == 0 || deleted_count == 0 ||
		added_count > LIMIT_RENAME_PAIRS / deleted_count)
		return;
	signatures = arena_alloc(&changes->own, deleted_count * sizeof(*signatures));
	for (size_t d = 0; d < deleted_count; d++)
		signatures[d] = signature_of(odb, &deleted[d]->oid);
	for (size_t a = 0; a < added_count; a++) {
		git_hashsig *signature = signature_of(odb, &added[a]->oid);
		int best = SIMILAR_PERCENT - 1;
		struct change *best_deleted = NULL;

		for (size_t d = 0; d < deleted_count && signature != NULL; d++) {
			int score = signatures[d] != NULL && deleted[d]->status == 'D'
					    ? git_hashsig_compare(signature, signatures[d])
					    : -1;
			if (score > best) {
				best = score;
				best_deleted = deleted[d];
			}
		}
		if (best_deleted != NULL)
			pair(added[a], best_deleted);
		git_hashsig_free(signature);
	}
	for (size_t d = 0; d < deleted_count; d++)
		git_hashsig_free(signatures[d]);
}

static int by_path(const void *a, const void *b)
{
	const struct changed_file *left = a, *right = b;

	return strcmp(left->path, right->path);
}

static void result_copy(struct changes *changes, struct changed_file **ret, size_t *ret_count)
{
	struct changed_file *files = arena_alloc(
		changes->arena, (changes->count + 1) * sizeof(*files));
	size_t count = 0;

	for (size_t i = 0; i < changes->count; i++) {
		const struct change *item = &changes->items[i];

		if (item->status != '\0')
			files[count++] = (struct changed_file){ item->path, item->old_path,
				item->status };
	}
	qsort(files, count, sizeof(*files), by_path);
	*ret = files;
	*ret_count = count;
}

int changed_list(git_repository *repo, struct arena *arena, const git_oid *old_tree,
	const git_oid *new_tree, struct changed_file **ret, size_t *ret_count, struct err *err)
{
	struct changes changes = { .repo = repo, .arena = arena, .err = err };
	_cleanup_(git_odb_freep) git_odb *odb = NULL;
	int code = git_repository_odb(&odb, repo);
	int r = code < 0 ? libgit_fail(err, code, "cannot open the objects") : 0;

	if (r == 0 && !git_oid_equal(old_tree, new_tree))
		r = folders_compare(&changes, old_tree, new_tree, "", 0);
	if (r == 0) {
		pair_identical(&changes);
		pair_similar(&changes, odb);
		result_copy(&changes, ret, ret_count);
	}
	arena_release(&changes.own);
	return r;
}
