/* Folders by descriptor. */
#include "vcs/git/folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { FOLDER_FLAGS = O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW };

int folder_open(int parent, const char *name, int *ret_fd, struct err *err)
{
	int fd = openat(parent, name, FOLDER_FLAGS);

	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, errno,
			"cannot open folder %s", name);
	*ret_fd = fd;
	return 0;
}

int folder_make(int parent, const char *name, int *ret_fd, struct err *err)
{
	if (mkdirat(parent, name, 0755) < 0)
		return err_sys(err, errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM, errno,
			"cannot make folder %s", name);
	return folder_open(parent, name, ret_fd, err);
}

int folder_open_or_make(int parent, const char *name, int *ret_fd, struct err *err)
{
	int fd = openat(parent, name, FOLDER_FLAGS);

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno == ENOENT && mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make folder %s", name);
	return folder_open(parent, name, ret_fd, err);
}

int folder_write_all(int fd, const void *bytes, size_t length)
{
	const char *p = bytes;

	while (length > 0) {
		ssize_t n = write(fd, p, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

int folder_write(int dir, const char *name, const void *bytes, size_t length, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || folder_write_all(fd, bytes, length) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write %s", name);
	return 0;
}

int folder_replace(int dir, const char *name, const void *bytes, size_t length, struct err *err)
{
	char temporary[64];
	int r;

	folder_unique_name(".new-", temporary, sizeof(temporary));
	r = folder_write(dir, temporary, bytes, length, err);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot replace %s", name);
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r;
}

void folder_unique_name(const char *prefix, char *buf, size_t size)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		abort();
	snprintf(buf, size, "%s%016" PRIx64, prefix, number);
}

static int folder_empty(int fd, struct err *err)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (dir == NULL) {
		close(fd);
		return err_sys(err, ERR_SYSTEM, errno, "cannot read a folder that is removed");
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_DIR)
			r = folder_remove(dirfd(dir), entry->d_name, err);
		else if (unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT)
			r = err_sys(err, ERR_SYSTEM, errno, "cannot remove %s", entry->d_name);
	}
	closedir(dir);
	return r;
}

int folder_remove(int parent, const char *name, struct err *err)
{
	int fd = openat(parent, name, FOLDER_FLAGS);
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open %s to remove it", name);
	r = folder_empty(fd, err);
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot remove %s", name);
	return r;
}
