/* Downloads of pinned tools. The bytes are brought by `sluice download`, in a process of its own,
 * and believed when their checksum is the pinned one; under their name they appear whole. */
#include "runners/tool_mirror.h"

#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "runners/tool.h"
#include "runners/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { TOLD_MAX = 400 };
static const off_t tool_file_max = 512LL << 20;

static bool is_url(const char *mirror)
{
	return str_starts(mirror, "https://") || str_starts(mirror, "http://");
}

/* ---- getting the bytes ---- */

static int copy_file(const char *from, int to, struct err *err)
{
	_cleanup_fd_ int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *buffer = mem_alloc(1 << 20);
	off_t total = 0;
	struct stat st;
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, ERR_CONFIG, errno, "%s", from);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s is not a file", from);
	while (total <= tool_file_max && (got = read(fd, buffer, 1 << 20)) > 0) {
		if (write(to, buffer, (size_t)got) != got)
			return err_sys(err, ERR_SYSTEM, errno, "it cannot be written");
		total += got;
	}
	if (total > tool_file_max)
		return err_set(err, ERR_LIMIT, "%s is larger than 512 MiB", from);
	return got < 0 ? err_sys(err, ERR_CONFIG, errno, "%s", from) : 0;
}

static _noreturn_ void exec_download(char *program, char *url, int out, int errors)
{
	static char path[] = "PATH=" TOOL_PATH;
	char verb[] = "download";
	char *const argv[] = { program, verb, url, NULL }, *const env[] = { path, NULL };

	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
		execve(program, argv, env);
	_exit(127);
}

/* `sluice` stands beside us; its time and size are bounded there. */
static int download(const char *url, int out, struct err *err)
{
	_cleanup_fd_ int errors = memfd_create("errors", MFD_CLOEXEC);
	char self[4096] = "", told[TOLD_MAX + 1] = "", *slash;
	_cleanup_free_ char *program = NULL, *address = mem_strdup(url);
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status = 0;
	pid_t child;

	slash = length > 0 ? strrchr(self, '/') : NULL;
	if (errors < 0 || slash == NULL)
		return err_sys(err, ERR_SYSTEM, errno, "cannot prepare a download");
	*slash = '\0';
	program = mem_printf("%s/sluice", self);
	child = fork();
	if (child == 0)
		exec_download(program, address, out, errors);
	if (child < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot fork a download");
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, ERR_SYSTEM, errno, "cannot wait for a download");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	length = pread(errors, told, TOLD_MAX, 0);
	told[length > 0 ? (size_t)length : 0] = '\0';
	told[strcspn(told, "\n")] = '\0';
	return err_set(err, ERR_SYSTEM, "%s",
		told[0] != '\0' ? told : "the program that downloads did not end well");
}

static int get(const char *mirror, const char *name, int out, struct err *err)
{
	_cleanup_free_ char *from = mem_printf("%s/%s", mirror, name);

	return is_url(mirror) ? download(from, out, err) : copy_file(from, out, err);
}

/* ---- from an archive ---- */

static int unpack(int from, const char *name, int to, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *program = NULL;
	const struct zip_entry *entry = NULL;
	struct zip zip;
	struct stat st;
	uint8_t *bytes;
	int r;

	if (fstat(from, &st) < 0 || st.st_size == 0)
		return err_set(err, ERR_SYNTAX, "the archive is empty");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	if (bytes == MAP_FAILED)
		return err_sys(err, ERR_SYSTEM, errno, "the archive cannot be read");
	r = zip_open(bytes, (size_t)st.st_size, &arena, &zip, err);
	if (r == 0)
		entry = zip_find(&zip, name);
	if (r == 0 && entry == NULL)
		r = err_set(err, ERR_MISSING, "the archive holds no %s", name);
	if (r == 0)
		r = zip_read(entry, &program, err);
	if (r == 0 && write(to, program, entry->size) != (ssize_t)entry->size)
		r = err_sys(err, ERR_SYSTEM, errno, "it cannot be written");
	munmap(bytes, (size_t)st.st_size);
	return r;
}

static int get_unpacked(const struct tool_wish *wish, int folder, int out, struct err *err)
{
	const struct tool *tool = tool_find(wish->kind);
	_cleanup_fd_ int archive = openat(folder, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int r;

	if (archive < 0)
		return err_sys(err, ERR_SYSTEM, errno, "a file cannot be made");
	r = get(wish->mirror, wish->archive, archive, err);
	return r < 0 ? r : unpack(archive, tool == NULL ? wish->kind : tool->command, out, err);
}

/* ---- into its place ---- */

static int check(const struct tool_wish *wish, int fd, struct err *err)
{
	char found[SHA256_HEX];
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "it cannot be read");
	r = codec_sha256_fd(fd, found, err);
	if (r < 0 || str_equal(found, wish->sha256))
		return r;
	return err_set(err, ERR_REFUSED,
		"it is not the program that the operator pinned: its SHA-256 is %s, and "
		"tools.pinned says %.64s",
		found, wish->sha256);
}

static int bring(const struct tool_wish *wish, int folder, const char *name, struct err *err)
{
	_cleanup_free_ char *fresh = mem_printf(".%s.new", name);
	_cleanup_fd_ int fd = -1;
	int r;

	unlinkat(folder, fresh, 0);
	fd = openat(folder, fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, ERR_CONFIG, errno, "the folder of tools cannot be written to");
	r = str_empty(wish->archive) ? get(wish->mirror, name, fd, err)
				     : get_unpacked(wish, folder, fd, err);
	if (r == 0)
		r = check(wish, fd, err);
	if (r == 0 && (fchmod(fd, 0755) < 0 || fsync(fd) < 0))
		r = err_sys(err, ERR_SYSTEM, errno, "it cannot be put into its place");
	fd_closep(&fd); /* a program that is open for writing cannot be run */
	if (r == 0 && renameat(folder, fresh, folder, name) < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "it cannot be put into its place");
	if (r < 0)
		unlinkat(folder, fresh, 0);
	return r;
}

int tool_mirror_fetch(
	const struct site *site, const struct tool_wish *wish, const char *path, struct err *err)
{
	_cleanup_fd_ int folder = open(site->tools, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *name = mem_printf("%s-%s", wish->kind, wish->version);
	_cleanup_free_ char *lock_name = mem_printf(".%s.lock", name);
	_cleanup_fd_ int lock = -1;
	int r;

	if (folder >= 0)
		lock = openat(folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(err, ERR_CONFIG, errno,
			"%s is to come from the mirror, and the folder of tools, %s, cannot be "
			"written to by the server",
			name, site->tools);
	if (access(path, F_OK) == 0)
		return 0; /* somebody was quicker */
	r = bring(wish, folder, name, err);
	return r < 0 ? err_wrap(err,
			       "%s cannot be had from the mirror %s; the operator of the server "
			       "puts it there, or into %s",
			       name, wish->mirror, site->tools)
		     : 0;
}
