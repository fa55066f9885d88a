/* SHA-256 over lines "HEX  NAME", sorted by name; in base64 behind "h1:". */
#include "runners/dirhash.h"

#include "orchestrator/lib/arena.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 10000, DEPTH_MAX = 16, LINE_MAX_BYTES = 4096 };

struct reading {
	struct arena arena;
	struct dirhash_file *files;
	size_t count;
	bool seals;
	struct err *err;
};

static int compare(const void *a, const void *b)
{
	const struct dirhash_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void dirhash_of(struct dirhash_file *files, size_t count, char ret[DIRHASH_TEXT])
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	size_t room = 1, length = 0;
	struct sha256 sha;
	char *text;

	if (count > 0)
		qsort(files, count, sizeof(*files), compare);
	for (size_t i = 0; i < count; i++)
		room += SHA256_HEX + 2 + strlen(files[i].name);
	text = arena_alloc(&arena, room);
	for (size_t i = 0; i < count; i++) {
		const char *const parts[] = { files[i].sha256, "  ", files[i].name, "\n" };

		for (size_t k = 0; k < countof(parts); k++) {
			memcpy(text + length, parts[k], strlen(parts[k]));
			length += strlen(parts[k]);
		}
	}
	codec_sha256(text, length, &sha);
	memcpy(ret, "h1:", 3);
	codec_base64(sha.bytes, SHA256_BYTES, ret + 3);
}

/* What is run stays a program; nothing can be written to any more. */
static int seal(const struct reading *reading, int fd, const struct stat *st)
{
	mode_t mode = S_ISDIR(st->st_mode) ? 0755 : (st->st_mode & 0100) != 0 ? 0555 : 0444;

	if (!reading->seals)
		return 0;
	if ((st->st_uid != geteuid() && fchown(fd, geteuid(), getegid()) < 0) ||
		fchmod(fd, mode) < 0)
		return err_sys(reading->err, ERR_SYSTEM, errno, "cannot keep a provider");
	return 0;
}

static int read_folder(struct reading *reading, int fd, const char *name, int depth);

static int read_entry(
	struct reading *reading, int dir_fd, const char *folder, const char *entry, int depth)
{
	const char *name = folder[0] == '\0'
				   ? arena_strdup(&reading->arena, entry)
				   : arena_printf(&reading->arena, "%s/%s", folder, entry);
	_cleanup_fd_ int fd = openat(
		dir_fd, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) ||
		strchr(name, '\n') != NULL || strlen(name) > LINE_MAX_BYTES)
		return err_set(reading->err, ERR_REFUSED,
			"the package holds something that is neither a file nor a folder");
	if (reading->count == FILES_MAX || depth > DEPTH_MAX)
		return err_set(
			reading->err, ERR_LIMIT, "the package holds more than %d files", FILES_MAX);
	r = seal(reading, fd, &st);
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return read_folder(reading, steal_fd(&fd), name, depth + 1);
	reading->files = arena_push(
		&reading->arena, reading->files, reading->count, sizeof(*reading->files));
	reading->files[reading->count].name = name;
	return codec_sha256_fd(fd, reading->files[reading->count++].sha256, reading->err);
}

/* fd is closed. */
static int read_folder(struct reading *reading, int fd, const char *name, int depth)
{
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (stream == NULL) {
		close(fd);
		return err_sys(reading->err, ERR_SYSTEM, errno, "cannot read a package");
	}
	while (r == 0 && (entry = readdir(stream)) != NULL)
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			r = read_entry(reading, fd, name, entry->d_name, depth);
	closedir(stream);
	return r;
}

int dirhash_read(int dir_fd, bool seals, char ret[DIRHASH_TEXT], struct err *err)
{
	struct reading reading = { .seals = seals, .err = err };
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = err_sys(err, ERR_SYSTEM, errno, "cannot open a package");
		fd_closep(&fd);
		return r;
	}
	r = seal(&reading, fd, &st);
	if (r == 0)
		r = read_folder(&reading, fd, "", 0);
	else
		close(fd);
	if (r == 0)
		dirhash_of(reading.files, reading.count, ret);
	arena_release(&reading.arena);
	return r;
}
