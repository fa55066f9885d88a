/* The file of a job's secrets. */
#include "runners/executor_secrets.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/model/job_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

int executor_write_secrets(int dir, int64_t job, const struct job_secrets *secrets, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_fd_ int fd = -1;
	ssize_t written;
	size_t length;
	char *text;

	if (secrets->count == 0)
		return 0;
	for (size_t i = 0; i < secrets->count; i++) {
		if (!secrets->list[i].is_public)
			secrets_lend(job, secrets->list[i].value);
	}
	json = job_secrets_write(secrets);
	text = jsonx_text(json);
	length = strlen(text);
	fd = openat(
		dir, JOB_FILE_SECRETS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	written = fd < 0 ? -1 : write(fd, text, length);
	explicit_bzero(text, length);
	free(text);
	return written == (ssize_t)length
		       ? 0
		       : err_sys(err, ERR_JOB, errno, "cannot write the job's secrets");
}
