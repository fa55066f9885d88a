/* Folder work without following links that a pull request made. */
#include "runners/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { DEPTH_MAX = 128, OPEN_TRIES = 1000 };

bool tree_path_is_safe(const char *path)
{
	if (str_empty(path) || path[0] == '/' || strlen(path) > 1024)
		return false;
	if (strcmp(path, ".") == 0)
		return true;
	for (const char *part = path; part != NULL; part = strchr(part, '/')) {
		part += part != path;
		size_t length = strcspn(part, "/");

		if (length == 0 || strncmp(part, ".", length) == 0 ||
			strncmp(part, "..", length) == 0)
			return false;
	}
	return true;
}

/* A ".." on the way is EAGAIN whenever something on this machine is renamed or mounted meanwhile:
 * the kernel cannot tell then that it stayed below, and one asks again. */
static int open_beneath(int base_fd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | resolve };
	int fd = -1;

	for (int tries = 0; fd < 0 && tries < OPEN_TRIES; tries++) {
		fd = (int)syscall(SYS_openat2, base_fd, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	return fd;
}

int tree_open_beneath(int base_fd, const char *path, int flags)
{
	return open_beneath(base_fd, path, flags, RESOLVE_NO_SYMLINKS);
}

int tree_open_inside(int base_fd, const char *path, int flags)
{
	return open_beneath(base_fd, path, flags, RESOLVE_NO_MAGICLINKS);
}

int tree_open_dir(const char *tree, const char *dir, struct err *err)
{
	_cleanup_fd_ int base = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (base < 0)
		return err_sys(err, ERR_MISSING, errno, "the work tree is not there");
	if (!tree_path_is_safe(dir))
		return err_user(
			err, ERR_USAGE, "\"%.200s\" is not a folder of the repository", dir);
	fd = tree_open_beneath(base, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0 && errno == ELOOP)
		return err_user(
			err, ERR_USAGE, "\"%.200s\" is or passes through a symbolic link", dir);
	if (fd < 0)
		return err_sys(err, ERR_MISSING, errno, "cannot open the folder \"%.200s\"", dir);
	return fd;
}

bool tree_join(const char *dir, const char *path, char *out, size_t size)
{
	const char *sources[] = { dir, path };
	size_t length = 0;

	if (path[0] == '/')
		return false;
	for (size_t i = 0; i < countof(sources); i++) {
		const char *part = sources[i];

		while (*part != '\0') {
			size_t bytes = strcspn(part, "/");

			if (bytes == 2 && strncmp(part, "..", 2) == 0) {
				if (length == 0)
					return false;
				while (length > 0 && out[--length] != '/')
					;
			} else if (bytes > 0 && !(bytes == 1 && *part == '.')) {
				if (length + bytes + 2 > size)
					return false;
				if (length > 0)
					out[length++] = '/';
				memcpy(out + length, part, bytes);
				length += bytes;
			}
			part += bytes + (part[bytes] == '/');
		}
	}
	if (length == 0)
		out[length++] = '.';
	out[length] = '\0';
	return true;
}

int tree_make_dirs(int base_fd, const char *path, struct err *err)
{
	_cleanup_fd_ int fd = fcntl(base_fd, F_DUPFD_CLOEXEC, 3);
	char part[256];

	while (*path != '\0') {
		size_t bytes = strcspn(path, "/");
		int next;

		if (bytes >= sizeof(part))
			return err_set(err, ERR_LIMIT, "a folder name is too long");
		memcpy(part, path, bytes);
		part[bytes] = '\0';
		path += bytes + (path[bytes] == '/');
		if (bytes == 0 || strcmp(part, ".") == 0)
			continue;
		if (mkdirat(fd, part, 0755) < 0 && errno != EEXIST)
			return err_sys(err, ERR_SYSTEM, errno, "cannot make the folder %s", part);
		next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot open the folder %s", part);
		close(fd);
		fd = next;
	}
	return 0;
}

static int copy_file(int from, int to, struct err *err)
{
	char buffer[64 << 10];
	ssize_t got;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while ((got = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (got == 0)
		return 0;
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)got) != got)
			return err_sys(err, ERR_SYSTEM, errno, "cannot copy a file");
	return got < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot read a file") : 0;
}

static int copy_entry(int from_fd, int to_fd, const char *name, int depth, struct err *err);

static int copy_folder(int from_fd, int to_fd, int depth, struct err *err)
{
	DIR *folder = fdopendir(openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	int r = 0;

	if (folder == NULL)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read a folder");
	while (r == 0 && (entry = readdir(folder)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_entry(from_fd, to_fd, entry->d_name, depth, err);
	closedir(folder);
	return r;
}

static int copy_entry(int from_fd, int to_fd, const char *name, int depth, struct err *err)
{
	_cleanup_fd_ int from = -1, to = -1;
	char target[4096];
	struct stat st;
	ssize_t length;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "folders are nested deeper than %d", DEPTH_MAX);
	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot look at %s", name);
	if (S_ISLNK(st.st_mode)) {
		length = readlinkat(from_fd, name, target, sizeof(target) - 1);
		if (length < 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot read the link %s", name);
		target[length] = '\0';
		unlinkat(to_fd, name, 0);
		return symlinkat(target, to_fd, name) < 0
			       ? err_sys(err, ERR_SYSTEM, errno, "cannot make the link %s", name)
			       : 0;
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(to_fd, name, 0755) < 0 && errno != EEXIST)
			return err_sys(err, ERR_SYSTEM, errno, "cannot make the folder %s", name);
		from = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		to = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		return from < 0 || to < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot open %s", name)
					  : copy_folder(from, to, depth + 1, err);
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	from = openat(from_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unlinkat(to_fd, name, 0);
	to = openat(
		to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (st.st_mode & 0777) | 0600);
	return from < 0 || to < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot copy %s", name)
				  : copy_file(from, to, err);
}

int tree_copy(int from_fd, int to_fd, struct err *err)
{
	return copy_folder(from_fd, to_fd, 0, err);
}

static void remove_below(int dir_fd, const char *name, int depth)
{
	const struct dirent *entry;
	DIR *folder;
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, 0) == 0)
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	folder = fd < 0 || depth > 4 * DEPTH_MAX ? NULL : fdopendir(fd);
	if (folder == NULL) {
		fd_closep(&fd);
		return;
	}
	if (fchmod(fd, 0700) < 0) { /* then what is inside stays */
		closedir(folder);
		return;
	}
	while ((entry = readdir(folder)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_below(fd, entry->d_name, depth + 1);
	closedir(folder);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void tree_remove(int dir_fd, const char *name)
{
	remove_below(dir_fd, name, 0);
}

/* ---- giving ---- */

struct gift {
	uid_t uid;
	gid_t gid;
	bool only_group; /* what has the group already: rights, no owner */
};

static int give_entry(int dir_fd, const char *name, const struct gift *gift, mode_t *ret_mode)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	*ret_mode = st.st_mode;
	if (gift->only_group && st.st_gid != gift->gid)
		return 0;
	if (!gift->only_group &&
		fchownat(dir_fd, name, gift->uid, gift->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return 0;
	return fchmodat(dir_fd, name, (st.st_mode & 0777) | (st.st_mode & 0700) >> 3, 0);
}

/* Takes the descriptor. */
static int give_folder(int fd, const struct gift *gift, int depth)
{
	DIR *folder = depth > 4 * DEPTH_MAX ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (folder == NULL) {
		close(fd);
		return -1;
	}
	while (r == 0 && (entry = readdir(folder)) != NULL) {
		mode_t mode = 0;
		int below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = give_entry(fd, entry->d_name, gift, &mode);
		if (r < 0 || !S_ISDIR(mode))
			continue;
		below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = below < 0 ? -1 : give_folder(below, gift, depth + 1);
	}
	closedir(folder);
	return r;
}

static int give(int dir_fd, const struct gift *gift, struct err *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mode_t mode;

	if (fd < 0 || give_entry(fd, ".", gift, &mode) < 0 || give_folder(fd, gift, 0) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot give a folder to the job's user");
	return 0;
}

int tree_give(int dir_fd, uid_t uid, gid_t gid, struct err *err)
{
	return give(dir_fd, &(struct gift){ .uid = uid, .gid = gid }, err);
}

int tree_share(int dir_fd, gid_t gid, struct err *err)
{
	return give(dir_fd, &(struct gift){ .gid = gid, .only_group = true }, err);
}
