/* The folder of a job, looked at from the server. */
#include "runners/executor_evidence.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

static int read_result(int dir_fd, struct arena *arena, struct job_result *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r;

	if (dir_fd < 0)
		return err_set(err, ERR_JOB, "the job directory is gone");
	r = jsonx_read_at(dir_fd, JOB_FILE_RESULT, JOB_RESULT_MAX, &json, err);
	return r < 0 ? r : job_result_read(json, arena, ret, err);
}

/* Had it begun? When it had not, it is declared void here, so that nothing of it ever will. */
static int judge_without_result(int dir_fd, enum job_outcome *ret, struct err *err)
{
	enum job_evidence evidence = EVIDENCE_STARTED;
	int r = evidence_find(dir_fd, &evidence, err);

	if (r == 0 && (evidence == EVIDENCE_ALIVE || evidence == EVIDENCE_ENDED))
		return err_set(err, ERR_BUSY, "somebody looks at the job just now");
	*ret = evidence == EVIDENCE_NEVER ? OUTCOME_NEVER_BEGAN : OUTCOME_UNKNOWN;
	return r < 0 && err->class == ERR_CLASS_TEMP ? r : 0;
}

/* What people read of an end without a result: with why, where its supervisor could still say it.
 */
static const char *without_result(int dir_fd, struct arena *arena)
{
	static const char nobody[] = "its supervisor ended without leaving a result";
	_cleanup_fd_ int lock = -1;
	char text[JOB_LAST_WORD_MAX] = "";
	const char *why = NULL;

	lock = openat(dir_fd, JOB_FILE_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock >= 0 && pread(lock, text, sizeof(text) - 1, 0) > 0)
		why = strchr(text, '\n');
	return why == NULL || why[1] == '\0' ? nobody
					     : arena_printf(arena, "%s: %s", nobody, why + 1);
}

int evidence_end(int dir_fd, struct arena *arena, struct job_result *ret, struct err *ret_why,
	struct err *err)
{
	int r = read_result(dir_fd, arena, ret, err);

	*ret_why = (struct err){ 0 };
	if (r == 0 || err->class == ERR_CLASS_TEMP)
		return r;
	*ret_why = *err;
	job_result_release(ret);
	*ret = (struct job_result){ .outcome = OUTCOME_UNKNOWN,
		.step = "",
		.failure = without_result(dir_fd, arena),
		.output = "",
		.plan_blob = "",
		.log_blob = "" };
	return ret_why->code == ERR_MISSING ? judge_without_result(dir_fd, &ret->outcome, err) : 0;
}
