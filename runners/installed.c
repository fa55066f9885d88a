/* A walk over .terraform/providers/HOST/NAMESPACE/TYPE/VERSION/PLATFORM. */
#include "runners/installed.h"

#include "orchestrator/lib/strvec.h"
#include "runners/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PROVIDERS ".terraform/providers"

enum { LEVELS = 5, LINK_MAX = 1024 };

struct reading {
	struct arena *arena;
	struct installed_list *ret;
	const char *parts[LEVELS];
	struct err *err;
};

static int add(struct reading *reading, int dir_fd, bool is_link)
{
	const char *const *parts = reading->parts;
	struct arena *arena = reading->arena;
	struct installed one = {
		.source = arena_printf(arena, "%s/%s/%s", parts[0], parts[1], parts[2]),
		.version = parts[3],
		.platform = parts[4],
	};
	char target[LINK_MAX];
	ssize_t length = 0;

	if (reading->ret->count == INSTALLED_MAX)
		return err_set(
			reading->err, ERR_LIMIT, "init left more than %d providers", INSTALLED_MAX);
	one.path = arena_printf(arena, "%s/%s/%s", one.source, one.version, one.platform);
	if (is_link)
		length = readlinkat(dir_fd, parts[4], target, sizeof(target));
	if (length < 0 || length == sizeof(target))
		return err_set(reading->err, ERR_REFUSED,
			"what init left of the provider %s leads nowhere", one.source);
	one.target = is_link ? arena_strndup(arena, target, (size_t)length) : NULL;
	reading->ret->list = arena_push(
		arena, reading->ret->list, reading->ret->count, sizeof(*reading->ret->list));
	reading->ret->list[reading->ret->count++] = one;
	return 0;
}

static int read_level(struct reading *reading, int dir_fd, int level);

static int read_entry(struct reading *reading, int dir_fd, int level, const char *name)
{
	bool is_last = level == LEVELS - 1;
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(reading->err, ERR_SYSTEM, errno, "cannot look at %s", name);
	reading->parts[level] = arena_strdup(reading->arena, name);
	if (is_last && (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode)))
		return add(reading, dir_fd, S_ISLNK(st.st_mode));
	if (S_ISREG(st.st_mode))
		return 0; /* the tools look at folders only */
	fd = is_last ? -1 : openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(reading->err, ERR_REFUSED,
			"what init left in " PROVIDERS " is not what the tools leave there: %.80s",
			name);
	return read_level(reading, fd, level + 1);
}

/* dir_fd is closed. */
static int read_level(struct reading *reading, int dir_fd, int level)
{
	DIR *stream = fdopendir(dir_fd);
	const struct dirent *entry;
	int r = 0, left = INSTALLED_MAX * 2;

	if (stream == NULL) {
		close(dir_fd);
		return err_sys(reading->err, ERR_SYSTEM, errno, "cannot read " PROVIDERS);
	}
	while (r == 0 && (entry = readdir(stream)) != NULL)
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			r = left-- > 0 ? read_entry(reading, dir_fd, level, entry->d_name)
				       : err_set(reading->err, ERR_LIMIT,
						 "init left more than %d things in " PROVIDERS,
						 INSTALLED_MAX * 2);
	closedir(stream);
	return r;
}

int installed_read(int folder_fd, struct arena *arena, struct installed_list *ret, struct err *err)
{
	struct reading reading = { .arena = arena, .ret = ret, .err = err };
	struct stat st;
	int fd;

	*ret = (struct installed_list){ 0 };
	if (fstatat(folder_fd, PROVIDERS, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	fd = tree_open_beneath(folder_fd, PROVIDERS, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return err_sys(err, ERR_REFUSED, errno, "cannot open " PROVIDERS);
	return read_level(&reading, fd, 0);
}
