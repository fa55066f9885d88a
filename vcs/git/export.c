/* A merged tree as files. Files that another exported tree has at the same place are linked, not
 * copied: nobody writes to a tree, and a second pull request of a large repository costs little
 * more than its folders. A job sees it below a layer of its own or as a copy, where it may write
 * into every file; that is why none is made unwritable here.
 *
 * Built below a name of its own, which is locked while it is built, and renamed when it is whole:
 * of two that make the same tree one wins and the other throws its work away. What a crash left is
 * unlocked and is removed by the next. */
#include "vcs/git/export.h"
#include "vcs/git/folder.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include "vcs/git/tree_check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static const char unfinished[] = ".new-";

struct export
{
	const struct manifest *manifest;
	git_odb *odb;
	int64_t bytes;
	int to[LIMIT_DEPTH + 1];   /* descriptor of the open folder at each depth, or -1 */
	int from[LIMIT_DEPTH + 1]; /* the same folder of the near tree, or -1 */
	struct err *err;
};

/* ---- files ---- */

static int file_fail(struct export *export, const struct manifest_dir *dir, const char *name)
{
	if (errno == EEXIST)
		return err_user(export->err, ERR_REFUSED, "the repository has %s/%s twice",
			dir->path, name);
	return err_sys(export->err, ERR_SYSTEM, errno, "cannot write %s/%s", dir->path, name);
}

static int file_write(
	struct export *export, const struct manifest_dir *dir, const struct manifest_file *file)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	_cleanup_fd_ int fd = -1;
	int r = libgit_blob(export->odb, &file->oid, LIMIT_FILE_BYTES, &blob, export->err);

	if (r < 0)
		return err_wrap(export->err, "%s/%s", dir->path, file->name);
	export->bytes += (int64_t)git_odb_object_size(blob);
	if (export->bytes > LIMIT_TREE_BYTES)
		return err_user(export->err, ERR_LIMIT,
			"the files of the repository are larger than %lld MiB",
			LIMIT_TREE_BYTES >> 20);
	fd = openat(export->to[dir->depth], file->name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		file->is_executable ? 0755 : 0644);
	if (fd < 0 ||
		folder_write_all(fd, git_odb_object_data(blob), git_odb_object_size(blob)) < 0)
		return file_fail(export, dir, file->name);
	return 0;
}

static int link_write(
	struct export *export, const struct manifest_dir *dir, const struct manifest_file *file)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	char target[LIMIT_LINK_BYTES + 1];
	struct err ignored;
	size_t length;

	if (libgit_blob(export->odb, &file->oid, LIMIT_LINK_BYTES, &blob, &ignored) < 0 ||
		!name_link_stays(
			git_odb_object_data(blob), git_odb_object_size(blob), dir->depth)) {
		warnings_add(export->manifest->warnings,
			"%s/%s is not in the work tree: a symbolic link that may leave it",
			dir->path, file->name);
		return 0;
	}
	length = git_odb_object_size(blob);
	memcpy(target, git_odb_object_data(blob), length);
	target[length] = '\0';
	if (symlinkat(target, export->to[dir->depth], file->name) < 0)
		return file_fail(export, dir, file->name);
	return 0;
}

/* A link that cannot be made (too many on one file, another owner) is a copy. */
static bool file_link(
	struct export *export, const struct manifest_dir *dir, const struct manifest_file *file)
{
	return file->is_near && export->from[dir->depth] >= 0 &&
	       linkat(export->from[dir->depth], file->name, export->to[dir->depth], file->name,
		       0) == 0;
}

static int dir_files(struct export *export, const struct manifest_dir *dir)
{
	int r = 0;

	for (size_t i = 0; i < dir->file_count && r == 0; i++) {
		const struct manifest_file *file = &export->manifest->files[dir->first_file + i];

		if (file->is_link)
			r = link_write(export, dir, file);
		else if (!file_link(export, dir, file))
			r = file_write(export, dir, file);
	}
	return r;
}

/* ---- folders: parents come before children, so the open folder one level up is always the parent
 * ---- */

static int dir_enter(struct export *export, const struct manifest_dir *dir)
{
	int depth = dir->depth;

	for (int i = depth; i <= LIMIT_DEPTH; i++) {
		fd_closep(&export->to[i]);
		fd_closep(&export->from[i]);
	}
	if (mkdirat(export->to[depth - 1], dir->name, 0755) < 0)
		return file_fail(export, dir, dir->name);
	export->to[depth] = openat(
		export->to[depth - 1], dir->name, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (export->to[depth] < 0)
		return err_sys(export->err, ERR_SYSTEM, errno, "cannot open %s", dir->path);
	if (dir->is_near && export->from[depth - 1] >= 0)
		export->from[depth] = openat(export->from[depth - 1], dir->name,
			O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return 0;
}

static int dirs_write(struct export *export)
{
	int r = dir_files(export, &export->manifest->dirs[0]);

	for (size_t i = 1; i < export->manifest->dir_count && r == 0; i++) {
		r = dir_enter(export, &export->manifest->dirs[i]);
		if (r == 0)
			r = dir_files(export, &export->manifest->dirs[i]);
	}
	return r;
}

static int tree_fill(const struct manifest *manifest, git_odb *odb, int trees, int folder,
	const char *near, struct err *err)
{
	struct export export = { .manifest = manifest, .odb = odb, .err = err };
	int r;

	for (int i = 0; i <= LIMIT_DEPTH; i++)
		export.to[i] = export.from[i] = -1;
	export.to[0] = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	if (near != NULL)
		export.from[0] = openat(
			trees, near, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = export.to[0] < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot fill the work tree")
			     : dirs_write(&export);
	for (int i = 0; i <= LIMIT_DEPTH; i++) {
		fd_closep(&export.to[i]);
		fd_closep(&export.from[i]);
	}
	return r;
}

/* ---- the whole tree ---- */

/* A new folder, locked. Somebody who tidies up may have taken it between the two steps: then once
 * more. */
static int unfinished_make(int trees, char *name, size_t size, int *ret_fd, struct err *err)
{
	for (int attempt = 0; attempt < 8; attempt++) {
		_cleanup_fd_ int fd = -1;
		struct stat st;
		int r;

		folder_unique_name(unfinished, name, size);
		r = folder_make(trees, name, &fd, err);
		if (r == -ERR_MISSING)
			continue;
		if (r < 0)
			return r;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
			fstatat(trees, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			*ret_fd = steal_fd(&fd);
			return 0;
		}
	}
	return err_set(err, ERR_BUSY, "cannot make a folder for the work tree");
}

static void unfinished_remove(int trees, const char *name)
{
	_cleanup_fd_ int fd = openat(trees, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct err ignored;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		folder_remove(trees, name, &ignored) < 0)
		return; /* the next call tries again */
}

static bool is_tree_name(const char *name)
{
	return strlen(name) == GIT_OID_HEXSZ && strspn(name, "0123456789abcdef") == GIT_OID_HEXSZ;
}

static bool tree_exists(int trees, const char *name)
{
	struct stat st;

	return fstatat(trees, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void newest_find(int trees, char ret[GIT_OID_HEXSZ + 1])
{
	int fd = openat(trees, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct timespec newest = { 0, 0 };
	struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (str_starts(entry->d_name, unfinished))
			unfinished_remove(trees, entry->d_name);
		if (!is_tree_name(entry->d_name) ||
			fstatat(trees, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_mtim.tv_sec > newest.tv_sec ||
			(st.st_mtim.tv_sec == newest.tv_sec &&
				st.st_mtim.tv_nsec >= newest.tv_nsec)) {
			newest = st.st_mtim;
			memcpy(ret, entry->d_name, GIT_OID_HEXSZ + 1);
		}
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

bool export_near(git_repository *repo, git_odb *odb, int dir_fd, const char *wish,
	char ret[GIT_OID_HEXSZ + 1])
{
	_cleanup_fd_ int trees = openat(
		dir_fd, "trees", O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	ret[0] = '\0';
	if (trees < 0)
		return false;
	newest_find(trees, ret);
	if (wish != NULL && is_tree_name(wish) && tree_exists(trees, wish))
		memcpy(ret, wish, GIT_OID_HEXSZ + 1);
	return ret[0] != '\0' && tree_check(repo, odb, trees, ret);
}

int export_tree(const struct manifest *manifest, git_odb *odb, int dir_fd, const char *tree,
	const char *near, struct err *err)
{
	_cleanup_fd_ int trees = -1;
	_cleanup_fd_ int folder = -1;
	char name[64];
	int r = folder_open_or_make(dir_fd, "trees", &trees, err);

	if (r == 0 && tree_check(manifest->repo, odb, trees, tree)) {
		(void)utimensat(
			trees, tree, NULL, AT_SYMLINK_NOFOLLOW); /* used: it is young again */
		return 0;
	}
	if (r < 0)
		return r;
	r = unfinished_make(trees, name, sizeof(name), &folder, err);
	if (r < 0)
		return r;
	r = tree_fill(manifest, odb, trees, folder, near, err);
	if (r == 0 && renameat(trees, name, trees, tree) == 0)
		return 0;
	if (r == 0 && errno != EEXIST && errno != ENOTEMPTY)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot name the work tree");
	fd_closep(&folder);
	unfinished_remove(trees, name);
	return r;
}
