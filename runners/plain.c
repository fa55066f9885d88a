/* Folders of manifests. Everything about them is a pull request's: names, kinds, sizes. */
#include "runners/plain.h"

#include "orchestrator/lib/strvec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16, FILES_MAX = 5000, NAMES_MAX = 20000 };

struct copying {
	int out;
	int64_t left;
	int files;
	struct err *err;
};

static bool is_manifest(const char *name)
{
	return str_ends(name, ".yaml") || str_ends(name, ".yml") || str_ends(name, ".json");
}

static int too_much(struct copying *on, const char *what)
{
	return err_user(on->err, ERR_LIMIT, "the folder holds %s", what);
}

static int copy_bytes(struct copying *on, int fd)
{
	char buf[64 << 10];
	ssize_t length;

	while ((length = read(fd, buf, sizeof(buf))) > 0) {
		on->left -= length;
		if (on->left < 0)
			return too_much(on, "more bytes of manifests than can be looked at");
		if (write(on->out, buf, (size_t)length) != length)
			return err_sys(on->err, ERR_JOB, errno, "cannot write the manifests");
	}
	return length < 0 ? err_sys(on->err, ERR_JOB, errno, "cannot read a manifest") : 0;
}

static int copy_file(struct copying *on, int folder, const char *name)
{
	static const char line[] = "\n---\n";
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* a link, or what only looks like a file */
	if (++on->files > FILES_MAX)
		return too_much(on, "more manifests than can be looked at");
	if (write(on->out, line, strlen(line)) != (ssize_t)strlen(line))
		return err_sys(on->err, ERR_JOB, errno, "cannot write the manifests");
	return copy_bytes(on, fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct copying *on, int folder, struct strvec *names)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (dir == NULL)
		return err_sys(on->err, ERR_JOB, errno, "cannot read a folder of manifests");
	while (names->count < NAMES_MAX && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			strvec_push(names, entry->d_name);
	closedir(dir);
	if (names->count == NAMES_MAX)
		return too_much(on, "more names than can be looked at");
	if (names->count > 0)
		qsort(names->items, names->count, sizeof(names->items[0]), by_name);
	return 0;
}

static int copy_folder(struct copying *on, int folder, int depth)
{
	_cleanup_strvec_ struct strvec names = { 0 };
	int r = list_names(on, folder, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		_cleanup_fd_ int below = openat(
			folder, names.items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (below < 0 && is_manifest(names.items[i]))
			r = copy_file(on, folder, names.items[i]);
		else if (below >= 0 && depth == DEPTH_MAX)
			r = too_much(on, "deeper folders than can be looked at");
		else if (below >= 0)
			r = copy_folder(on, below, depth + 1);
	}
	return r;
}

int plain_copy(int folder, int out, int64_t cap_bytes, struct err *err)
{
	struct copying on = { .out = out, .left = cap_bytes, .err = err };

	return copy_folder(&on, folder, 0);
}
