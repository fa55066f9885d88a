/* The folder of a job, looked at from the server. */
#include "runners/executor_evidence.h"

#include "orchestrator/model/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

int evidence_try_lock(int dir_fd, int *ret_fd, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		dir_fd, JOB_FILE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	*ret_fd = -1;
	if (fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's lock");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		*ret_fd = steal_fd(&fd);
	else if (errno != EWOULDBLOCK)
		return err_sys(err, ERR_JOB, errno, "cannot look at the job's lock");
	return 0;
}

static bool has_file(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int evidence_find(int dir_fd, enum job_evidence *ret, struct err *err)
{
	_cleanup_fd_ int lock = -1, fd = -1;
	int r = evidence_try_lock(dir_fd, &lock, err);

	if (r < 0)
		return r;
	*ret = lock < 0				    ? EVIDENCE_ALIVE
	       : has_file(dir_fd, JOB_FILE_RESULT)  ? EVIDENCE_ENDED
	       : has_file(dir_fd, JOB_FILE_STARTED) ? EVIDENCE_STARTED
						    : EVIDENCE_NEVER;
	if (*ret == EVIDENCE_ALIVE || *ret == EVIDENCE_ENDED)
		return 0;
	fd = openat(dir_fd, JOB_FILE_VOID, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fsync(fd) < 0 || fsync(dir_fd) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot declare the job void");
	/* of a server that died before it could hand them over */
	unlinkat(dir_fd, JOB_FILE_SECRETS, 0);
	return 0;
}
