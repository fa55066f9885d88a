/* The blob store: put by rename or link, read as a checked copy, used once by an exclusive link. */
#include "runners/blob.h"
#include "orchestrator/lib/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 4096 };

static int path_of(
	char *out, const char *data_dir, const char *sha, const char *suffix, struct err *err)
{
	if (!codec_is_hex(sha, SHA256_HEX - 1))
		return err_set(err, ERR_SYNTAX, "\"%.70s\" is not the name of a blob", sha);
	if (snprintf(out, PATH_ROOM, "%s/blobs/%.2s/%s%s", data_dir, sha, sha, suffix) >= PATH_ROOM)
		return err_set(err, ERR_CONFIG, "the path of the data directory is too long");
	return 0;
}

static int open_folder(const char *data_dir, const char *sha, struct err *err)
{
	char path[PATH_ROOM];
	int fd;

	snprintf(path, sizeof(path), "%s/blobs/%.2s", data_dir, sha);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(err, ERR_SYSTEM, errno, "cannot make the folder of blobs");
		*slash = '/';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(err, ERR_SYSTEM, errno, "cannot make a folder of blobs");
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot open a folder of blobs") : fd;
}

/* What stands there came from a tool: it may be anything. */
static int open_regular(int dir_fd, const char *name, int64_t cap, struct err *err)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_MISSING : ERR_JOB, errno,
			"cannot open %s", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, ERR_JOB, "%s is not an ordinary file", name);
	if (st.st_size > cap)
		return err_set(err, ERR_LIMIT, "%s has %lld bytes, more than %lld", name,
			(long long)st.st_size, (long long)cap);
	return steal_fd(&fd);
}

int blob_put(const char *data_dir, int dir_fd, const char *name, int64_t cap, enum blob_move how,
	char ret_sha[SHA256_HEX], struct err *err)
{
	_cleanup_fd_ int fd = -1, folder = -1;
	int r;

	fd = r = open_regular(dir_fd, name, cap, err);
	if (r < 0)
		return r;
	r = codec_sha256_fd(fd, ret_sha, err);
	if (r < 0)
		return r;
	folder = r = open_folder(data_dir, ret_sha, err);
	if (r < 0)
		return r;
	fault_point("blob.before_name");
	r = how == BLOB_MOVE ? renameat(dir_fd, name, folder, ret_sha)
			     : linkat(dir_fd, name, folder, ret_sha, 0);
	if (r < 0 && errno != EEXIST)
		return err_sys(err, ERR_SYSTEM, errno, "cannot keep %s", name);
	if (how == BLOB_MOVE)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	fault_point("blob.named");
	return 0;
}

static int copy_bytes(int from, int to, struct err *err)
{
	char buffer[32 << 10];
	ssize_t got;

	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)got) != got)
			return err_sys(err, ERR_SYSTEM, errno, "cannot copy a blob");
	return got < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot read a blob") : 0;
}

int blob_copy(const char *data_dir, const char *sha, int dir_fd, const char *name, struct err *err)
{
	_cleanup_fd_ int from = -1, to = -1;
	char path[PATH_ROOM], found[SHA256_HEX];
	int r;

	r = path_of(path, data_dir, sha, "", err);
	if (r < 0)
		return r;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0)
		return err_sys(err, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, errno,
			"cannot open a blob");
	to = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make %s", name);
	r = copy_bytes(from, to, err);
	if (r < 0)
		return r;
	if (lseek(to, 0, SEEK_SET) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", name);
	r = codec_sha256_fd(to, found, err);
	if (r < 0)
		return r;
	return str_equal(found, sha)
		       ? 0
		       : err_set(err, ERR_STALE, "the bytes are not those of %s", sha);
}

int blob_use_once(const char *data_dir, const char *sha, int64_t plan_job, int dir_fd,
	const char *witness, struct err *err)
{
	_cleanup_fd_ int folder = -1;
	char name[SHA256_HEX + 32];
	int r;

	folder = r = open_folder(data_dir, sha, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s.used-%lld", sha, (long long)plan_job);
	fault_point("blob.before_used");
	if (linkat(dir_fd, witness, folder, name, 0) < 0)
		return err_sys(err, errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM, errno,
			"cannot note that the plan is used");
	if (fsync(folder) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot note durably that the plan is used");
	fault_point("blob.used");
	return 0;
}

bool blob_is_used(const char *data_dir, const char *sha, int64_t plan_job)
{
	char path[PATH_ROOM], suffix[32];
	struct err err;

	snprintf(suffix, sizeof(suffix), ".used-%lld", (long long)plan_job);
	return path_of(path, data_dir, sha, suffix, &err) == 0 && access(path, F_OK) == 0;
}
