/* One git tree, walked once. */
#include "vcs/git/manifest.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include <ctype.h>
#include <string.h>

struct walk {
	struct manifest *manifest; /* NULL: only check */
	git_repository *repo;
	size_t entries;
	struct arena texts; /* of errors and warnings */
};

static const char *shown(struct walk *walk, const char *dir, const char *name)
{
	bool is_root = str_equal(dir, ".");
	char *path = arena_printf(
		&walk->texts, "%s%s%s", is_root ? "" : dir, is_root ? "" : "/", name);

	return name_shown(&walk->texts, path, strlen(path), 200);
}

static void warn(struct walk *walk, const char *dir, const char *name, const char *why)
{
	if (walk->manifest != NULL)
		warnings_add(walk->manifest->warnings, "%s is not in the work tree: %s",
			shown(walk, dir, name), why);
}

/* A file system that ignores case would hold only one of the two. Names without capitals cannot be
 * such a pair. */
static void warn_about_case(struct walk *walk, const git_tree *tree, const char *dir)
{
	size_t count = git_tree_entrycount(tree);

	for (size_t i = 0; i < count; i++) {
		const char *name = git_tree_entry_name(git_tree_entry_byindex(tree, i));
		char *lower;

		if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL)
			continue;
		lower = arena_strdup(&walk->texts, name);
		for (char *p = lower; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		if (git_tree_entry_byname(tree, lower) != NULL)
			warnings_add(walk->manifest->warnings, "%s and %s differ only in case",
				shown(walk, dir, name),
				name_shown(&walk->texts, lower, strlen(lower), 200));
	}
}

static int entry_check(
	struct walk *walk, const char *dir, const char *name, bool *ret_odd, struct err *err)
{
	enum name_verdict verdict = name_check(name);

	if (++walk->entries > LIMIT_ENTRIES)
		return err_user(err, ERR_LIMIT, "the repository has more than %d files and folders",
			LIMIT_ENTRIES);
	if (verdict == NAME_BAD)
		return err_user(err, ERR_REFUSED,
			"the repository has a file or folder with a name that is not allowed: %s",
			shown(walk, dir, name));
	*ret_odd = verdict == NAME_ODD;
	return 0;
}

static const char for_tools[] = "Terraform would run programs from there; only sluice's own init "
				"writes to it";

static void file_add(struct walk *walk, const git_tree_entry *entry, const git_tree_entry *near)
{
	struct manifest *manifest = walk->manifest;
	git_filemode_t mode = git_tree_entry_filemode(entry);
	struct manifest_file *file;

	manifest->files = arena_push(
		manifest->arena, manifest->files, manifest->file_count, sizeof(manifest->files[0]));
	file = &manifest->files[manifest->file_count++];
	*file = (struct manifest_file){
		.name = arena_strdup(manifest->arena, git_tree_entry_name(entry)),
		.oid = *git_tree_entry_id(entry),
		.is_link = mode == GIT_FILEMODE_LINK,
		.is_executable = mode == GIT_FILEMODE_BLOB_EXECUTABLE,
		.is_near = near != NULL && git_tree_entry_filemode(near) == mode &&
			   git_oid_equal(git_tree_entry_id(near), git_tree_entry_id(entry)),
	};
}

static int dir_files(struct walk *walk, const git_tree *tree, const git_tree *near,
	struct manifest_dir *dir, struct err *err)
{
	size_t count = git_tree_entrycount(tree);

	for (size_t i = 0; i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		const char *name = git_tree_entry_name(entry);
		git_filemode_t mode = git_tree_entry_filemode(entry);
		bool is_odd;
		int r;

		if (mode == GIT_FILEMODE_TREE)
			continue;
		r = entry_check(walk, dir->path, name, &is_odd, err);
		if (r < 0)
			return r;
		if (is_odd)
			warn(walk, dir->path, name,
				"its name has characters that cannot be printed");
		else if (name_is_for_tools(name))
			warn(walk, dir->path, name, for_tools);
		else if (mode == GIT_FILEMODE_COMMIT)
			warn(walk, dir->path, name, "submodules are not fetched");
		else if (walk->manifest != NULL)
			file_add(walk, entry,
				near != NULL ? git_tree_entry_byname(near, name) : NULL);
	}
	return 0;
}

static int dir_walk(struct walk *walk, const git_oid *oid, const git_oid *near_oid,
	const char *path, const char *name, int depth, struct err *err);

static int dir_subdirs(struct walk *walk, const git_tree *tree, const git_tree *near,
	const char *path, int depth, struct err *err)
{
	bool is_root = str_equal(path, ".");
	size_t count = git_tree_entrycount(tree);

	for (size_t i = 0; i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		const char *name = git_tree_entry_name(entry);
		const git_tree_entry *twin = near != NULL ? git_tree_entry_byname(near, name)
							  : NULL;
		struct arena *arena = walk->manifest != NULL ? walk->manifest->arena : &walk->texts;
		const char *below;
		bool is_odd;
		int r;

		if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE)
			continue;
		r = entry_check(walk, path, name, &is_odd, err);
		if (r < 0)
			return r;
		if (is_odd) {
			warn(walk, path, name, "its name has characters that cannot be printed");
			continue;
		}
		if (name_is_for_tools(name)) {
			warn(walk, path, name, for_tools);
			continue;
		}
		below = arena_printf(
			arena, "%s%s%s", is_root ? "" : path, is_root ? "" : "/", name);
		if (strlen(below) > LIMIT_PATH_BYTES)
			return err_user(err, ERR_LIMIT, "a path is longer than %d bytes: %s",
				LIMIT_PATH_BYTES,
				name_shown(&walk->texts, below, strlen(below), 80));
		if (twin != NULL && git_tree_entry_filemode(twin) != GIT_FILEMODE_TREE)
			twin = NULL;
		r = dir_walk(walk, git_tree_entry_id(entry),
			twin != NULL ? git_tree_entry_id(twin) : NULL, below,
			strrchr(below, '/') != NULL ? strrchr(below, '/') + 1 : below, depth + 1,
			err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dir_walk(struct walk *walk, const git_oid *oid, const git_oid *near_oid,
	const char *path, const char *name, int depth, struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *tree = NULL;
	_cleanup_(git_tree_freep) git_tree *near = NULL;
	struct manifest_dir dir = { .path = path, .name = name, .depth = depth };
	struct manifest *manifest = walk->manifest;
	int code, r;

	if (depth > LIMIT_DEPTH)
		return err_user(
			err, ERR_LIMIT, "folders are nested more than %d deep", LIMIT_DEPTH);
	code = git_tree_lookup(&tree, walk->repo, oid);
	if (code < 0)
		return libgit_fail(err, code, "cannot read a folder of the repository");
	/* The near tree only saves work: one that cannot be read any more saves none. */
	if (near_oid != NULL && git_tree_lookup(&near, walk->repo, near_oid) < 0)
		near = NULL;
	if (manifest != NULL) {
		warn_about_case(walk, tree, path);
		dir.is_near = near != NULL;
		dir.first_file = manifest->file_count;
	}
	r = dir_files(walk, tree, near, &dir, err);
	if (r < 0)
		return r;
	if (manifest != NULL) {
		dir.file_count = manifest->file_count - dir.first_file;
		manifest->dirs = arena_push(
			manifest->arena, manifest->dirs, manifest->dir_count, sizeof(dir));
		manifest->dirs[manifest->dir_count++] = dir;
	}
	return dir_subdirs(walk, tree, near, path, depth, err);
}

int manifest_read(
	struct manifest *manifest, const git_oid *tree, const git_oid *near, struct err *err)
{
	struct walk walk = { .manifest = manifest, .repo = manifest->repo };
	int r = dir_walk(&walk, tree, near, ".", ".", 0, err);

	arena_release(&walk.texts);
	return r;
}

int manifest_check(git_repository *repo, const git_oid *tree, struct err *err)
{
	struct walk walk = { .repo = repo };
	int r = dir_walk(&walk, tree, NULL, ".", ".", 0, err);

	arena_release(&walk.texts);
	return r;
}
