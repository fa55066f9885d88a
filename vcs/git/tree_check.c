/* Is an exported tree still what its name says?
 *
 * A tree is written without waiting for the disk: that would cost more than all the rest. So a loss
 * of power within the next half minute can leave a whole folder of empty files, and an empty file
 * plans as "destroy everything". Trees that were made before the machine started are therefore
 * looked at once, file by file: the size is enough, since what a crash leaves is short, not wrong.
 */
#include "vcs/git/tree_check.h"
#include "vcs/git/folder.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static time_t started_at(void)
{
	struct timespec now, up;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return now.tv_sec;
	return now.tv_sec - up.tv_sec;
}

static bool file_is_whole(git_odb *odb, int dir, const struct manifest_file *file)
{
	git_object_t type;
	struct stat st;
	size_t size;

	if (file->is_link)
		return true;
	return fstatat(dir, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       git_odb_read_header(&size, &type, odb, &file->oid) == 0 &&
	       (size_t)st.st_size == size;
}

static bool files_are_whole(const struct manifest *manifest, git_odb *odb, int root)
{
	for (size_t i = 0; i < manifest->dir_count; i++) {
		const struct manifest_dir *dir = &manifest->dirs[i];
		_cleanup_fd_ int fd = openat(
			root, dir->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		for (size_t k = 0; k < dir->file_count; k++) {
			if (fd < 0 ||
				!file_is_whole(odb, fd, &manifest->files[dir->first_file + k]))
				return false;
		}
	}
	return true;
}

static bool is_what_git_says(git_repository *repo, git_odb *odb, int root, const char *name)
{
	struct arena arena = { 0 };
	struct warnings warnings = { .count = 0 };
	struct manifest manifest = { .arena = &arena, .warnings = &warnings, .repo = repo };
	struct err ignored;
	git_oid oid;
	bool is_whole = git_oid_fromstr(&oid, name) == 0 &&
			manifest_read(&manifest, &oid, NULL, &ignored) == 0 &&
			files_are_whole(&manifest, odb, root);

	warnings_release(&warnings);
	arena_release(&arena);
	return is_whole;
}

/* Out of the way first, under a name that is tidied up whatever happens. */
static void take_away(int trees_fd, const char *name)
{
	struct err ignored;
	char aside[64];

	folder_unique_name(".new-", aside, sizeof(aside));
	if (renameat(trees_fd, name, trees_fd, aside) == 0 &&
		folder_remove(trees_fd, aside, &ignored) < 0)
		return; /* the next call removes it */
}

bool tree_check(git_repository *repo, git_odb *odb, int trees_fd, const char *name)
{
	_cleanup_fd_ int root = openat(
		trees_fd, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (root < 0 || fstat(root, &st) < 0)
		return false;
	if (st.st_mtim.tv_sec >= started_at())
		return true;
	if (is_what_git_says(repo, odb, root, name)) {
		(void)futimens(root, NULL); /* looked at: as if it were made now */
		return true;
	}
	take_away(trees_fd, name);
	return false;
}
