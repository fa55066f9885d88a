/* The job directory as files: lock, void, started, events, result. */
#include "runners/job_dir.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static bool has_file(const struct job_dir *dir, const char *name)
{
	return faccessat(dir->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The pid in the lock is for the one who finds the lock held: it names whom to watch. It proves
 * nothing by itself. */
static int write_pid(int fd, struct err *err)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) != length)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write the job's lock");
	return 0;
}

int job_dir_claim(struct job_dir *dir, const char *path, struct err *err)
{
	int r;

	*dir = (struct job_dir){ .fd = -1, .lock_fd = -1, .events_fd = -1 };
	dir->path = mem_strdup(path);
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir->fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job directory");
	dir->lock_fd = openat(
		dir->fd, JOB_FILE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock_fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's lock");
	fault_point("job.lock");
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_set(err, ERR_BUSY, "another supervisor has this job")
			       : err_sys(err, ERR_JOB, errno, "cannot lock the job");
	if (has_file(dir, JOB_FILE_VOID))
		return err_set(err, ERR_REFUSED, "this attempt was declared void");
	if (has_file(dir, JOB_FILE_RESULT) || has_file(dir, JOB_FILE_STARTED))
		return err_set(err, ERR_REFUSED, "this attempt has been run already");
	r = write_pid(dir->lock_fd, err);
	if (r < 0)
		return r;
	fault_point("job.locked");
	dir->events_fd = openat(dir->fd, JOB_FILE_EVENTS,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->events_fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's events");
	return 0;
}

void job_dir_release(struct job_dir *dir)
{
	fd_closep(&dir->events_fd);
	fd_closep(&dir->fd);
	fd_closep(&dir->lock_fd);
	free(dir->path);
	dir->path = NULL;
}

void job_dir_say_last(const struct job_dir *dir, const char *why)
{
	char text[JOB_LAST_WORD_MAX];
	int length = snprintf(text, sizeof(text), "%d\n%s", (int)getpid(), why);

	if (length > 0 && pwrite(dir->lock_fd, text, strlen(text), 0) < 0)
		dprintf(STDERR_FILENO, "%s: its last word cannot be written either\n", dir->path);
}

int job_dir_spec(
	const struct job_dir *dir, struct arena *arena, struct job_spec *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r;

	r = jsonx_read_at(dir->fd, JOB_FILE_SPEC, JOB_SPEC_MAX, &json, err);
	if (r < 0)
		return r;
	return job_spec_read(json, arena, ret, err);
}

int job_dir_secrets(const struct job_dir *dir, char **ret, struct err *err)
{
	_cleanup_fd_ int fd = -1;
	char *text;
	size_t length = 0;
	ssize_t got;

	*ret = NULL;
	fd = openat(dir->fd, JOB_FILE_SECRETS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, ERR_JOB, errno, "cannot open the job's secrets");
	if (unlinkat(dir->fd, JOB_FILE_SECRETS, 0) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot unlink the job's secrets");
	text = mem_alloc(JOB_SECRETS_MAX + 1);
	while (length < JOB_SECRETS_MAX) {
		got = read(fd, text + length, JOB_SECRETS_MAX - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (length == JOB_SECRETS_MAX) {
		free(text);
		return err_set(err, ERR_LIMIT, "the job's secrets are larger than %d KiB",
			JOB_SECRETS_MAX >> 10);
	}
	*ret = text;
	return 0;
}

bool job_dir_is_cancelled(const struct job_dir *dir)
{
	return has_file(dir, JOB_FILE_CANCEL);
}

int job_dir_mark_started(const struct job_dir *dir, struct err *err)
{
	_cleanup_fd_ int fd = -1;

	fault_point("job.before_started");
	fd = openat(dir->fd, JOB_FILE_STARTED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot note that the job has started");
	fault_point("job.started_written");
	if (fsync(fd) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot note durably that the job has started");
	if (fsync(dir->fd) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot make the job directory durable");
	fault_point("job.started");
	return 0;
}

void job_dir_step(const struct job_dir *dir, const char *step, int64_t at_ms)
{
	char line[128];
	int length = snprintf(
		line, sizeof(line), "{\"step\":\"%s\",\"at_ms\":%lld}\n", step, (long long)at_ms);

	/* Live state only: losing a line loses a word on a page. */
	if (write(dir->events_fd, line, (size_t)length) != length)
		return;
}

int job_dir_result(const struct job_dir *dir, const json_t *result, bool durable, struct err *err)
{
	int r;

	fault_point("job.before_result");
	r = jsonx_write_at(dir->fd, JOB_FILE_RESULT, result, durable, err);
	if (r < 0)
		return r;
	fault_point("job.result");
	return 0;
}
