/* The secrets of a job. */
#include "runners/executor_secrets.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/job_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { SECRETS_MAX = 64 << 10 };

int executor_write_secrets(int dir, const struct job_spec *spec, struct err *err)
{
	const struct {
		const char *name, *value;
	} lines[] = {
		{ "SLUICE_GIT_USER", spec->git_user },
		{ "SLUICE_GIT_TOKEN", spec->git_token },
		{ "SLUICE_GIT_PROXY", spec->git_proxy },
		{ "SLUICE_GIT_CA_BUNDLE", spec->git_ca_bundle },
	};
	_cleanup_strbuf_ struct strbuf text = STRBUF(SECRETS_MAX);
	_cleanup_fd_ int fd = -1;
	ssize_t written;

	for (size_t i = 0; i < countof(lines); i++) {
		if (!str_empty(lines[i].value) && strchr(lines[i].value, '\n') == NULL)
			strbuf_printf(&text, "%s=%s\n", lines[i].name, lines[i].value);
	}
	if (text.length == 0)
		return 0;
	if (text.overflowed)
		return err_set(
			err, ERR_LIMIT, "the job's secrets are larger than %d bytes", SECRETS_MAX);
	fd = openat(
		dir, JOB_FILE_SECRETS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	written = fd < 0 ? -1 : write(fd, strbuf_text(&text), text.length);
	explicit_bzero(text.data, text.length);
	return written == (ssize_t)text.length
		       ? 0
		       : err_sys(err, ERR_JOB, errno, "cannot write the job's secrets");
}
