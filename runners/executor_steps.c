/* Lines of a job's events. */
#include "runners/executor_steps.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"
#include <fcntl.h>
#include <string.h>

enum { READ_BYTES = 4096 };

static void tell_line(const char *line, void (*tell)(void *owner, const char *step), void *owner)
{
	_cleanup_json_ json_t *json = NULL;
	struct err ignored;
	const char *step;

	if (jsonx_parse(line, strlen(line), READ_BYTES, &json, &ignored) < 0)
		return;
	step = json_string_value(json_object_get(json, "step"));
	if (step != NULL)
		tell(owner, step);
}

int64_t executor_steps_read(
	int dir_fd, int64_t from, void (*tell)(void *owner, const char *step), void *owner)
{
	_cleanup_fd_ int fd = openat(dir_fd, JOB_FILE_EVENTS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char lines[READ_BYTES + 1], *rest = lines;
	ssize_t got = fd < 0 ? 0 : pread(fd, lines, READ_BYTES, from);

	while (got > 0 && lines[got - 1] != '\n')
		got--;
	if (got <= 0)
		return from;
	lines[got] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;)
		tell_line(line, tell, owner);
	return from + got;
}
