/* Pinned tools. A program is hashed once; that it was is noted under its path, size and times, so
 * that a job pays for a look at them only. */
#include "runners/toolbox.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/strvec.h"
#include "runners/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_MAX = 300, NAMES_MAX = 200 };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "1.5.7, 1.9.8", of this kind. */
static void list_versions(const struct site *site, const char *kind, struct strbuf *out)
{
	_cleanup_strvec_ struct strvec names = { 0 };
	const struct dirent *entry;
	DIR *folder = opendir(site->tools);
	size_t length = strlen(kind);

	while (folder != NULL && names.count < NAMES_MAX && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, kind, length) == 0 && entry->d_name[length] == '-')
			strvec_push(&names, entry->d_name + length + 1);
	if (folder != NULL)
		closedir(folder);
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(names.items[0]), by_name);
	for (size_t i = 0; i < names.count && out->length < LIST_MAX; i++)
		strbuf_printf(out, "%s%s", i == 0 ? "" : ", ", names.items[i]);
}

static int is_missing(
	const struct site *site, const char *kind, const char *version, struct err *err)
{
	_cleanup_strbuf_ struct strbuf there = STRBUF(1024);

	list_versions(site, kind, &there);
	if (there.length == 0)
		strbuf_puts(&there, "none");
	return err_user(err, ERR_MISSING,
		"%s %.40s is not in the folder of tools; of this kind there is: %s", kind, version,
		strbuf_text(&there));
}

static char *note_path(
	const struct site *site, const char *path, const struct stat *st, const char *sha256)
{
	_cleanup_free_ char *facts = mem_printf("%s %lld %lld.%ld %lld.%ld %llu %llu %s", path,
		(long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (unsigned long long)st->st_ino,
		(unsigned long long)st->st_dev, sha256);
	char name[SHA256_HEX];

	codec_sha256_hex(facts, strlen(facts), name);
	return mem_printf("%s/tools/%s", site->data_dir, name);
}

static void note_checked(const struct site *site, const char *note)
{
	_cleanup_free_ char *folder = mem_printf("%s/tools", site->data_dir);
	int fd;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return; /* then it is hashed again the next time */
	fd = open(note, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

static int check(const struct site *site, const char *path, const char *sha256, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *note = NULL;
	char found[SHA256_HEX];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, ERR_CONFIG, errno, "%s cannot be read", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_set(err, ERR_CONFIG, "%s is not a program", path);
	note = note_path(site, path, &st, sha256);
	if (access(note, F_OK) == 0)
		return 0;
	r = codec_sha256_fd(fd, found, err);
	if (r < 0)
		return err_wrap(err, "%s", path);
	if (!str_equal(found, sha256))
		return err_set(err, ERR_REFUSED,
			"%s is not the program that the operator pinned: its SHA-256 is %s, and "
			"tools.pinned says %.64s",
			path, found, sha256);
	note_checked(site, note);
	return 0;
}

static int is_unpinned(const struct tool_wish *wish, const char *where, struct err *err)
{
	return err_user(err, ERR_REFUSED,
		"%s %.40s %s, but server.yaml does not pin it: add it to tools.pinned with its "
		"checksum",
		wish->kind, wish->version, where);
}

int toolbox_find(const struct site *site, const struct tool_wish *wish, struct arena *arena,
	const char **ret, struct err *err)
{
	bool has_mirror = !str_empty(wish->mirror), is_pinned = !str_empty(wish->sha256);
	const char *path;
	int r = 0;

	if (str_empty(site->tools))
		return err_user(err, ERR_MISSING,
			"the project asks for %s %.40s, and the server has no folder of tools "
			"(tools.folder in server.yaml)",
			wish->kind, wish->version);
	if (strchr(wish->version, '/') != NULL)
		return is_missing(site, wish->kind, wish->version, err);
	path = arena_printf(arena, "%s/%s-%s", site->tools, wish->kind, wish->version);
	if (access(path, F_OK) < 0) {
		if (!has_mirror)
			return is_missing(site, wish->kind, wish->version, err);
		if (!is_pinned)
			return is_unpinned(wish, "may be in the mirror", err);
		r = tool_mirror_fetch(site, wish, path, err);
	} else if (!is_pinned) {
		return is_unpinned(wish, "is in the folder of tools", err);
	}
	if (r == 0)
		r = check(site, path, wish->sha256, err);
	*ret = path;
	return r;
}
