/* Fault points. Only tests and debug builds contain them. */
#include "orchestrator/lib/fault.h"

#ifdef SLUICE_FAULTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct {
	bool kills, fails;
	char name[64]; /* "" = any */
	long target, passed;
	int log_fd, passed_fd;
	char fired[200]; /* path of the file that says that the fault has fired; "" without a log */
} fault = { .log_fd = -1, .passed_fd = -1 };

static int open_log(const char *path, const char *suffix, int flags)
{
	char name[sizeof(fault.fired)];

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	return open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
}

void fault_init(const char *spec, const char *log_path)
{
	const char *last;

	memset(&fault, 0, sizeof(fault));
	fault.log_fd = log_path == NULL ? -1 : open_log(log_path, "", O_APPEND);
	fault.passed_fd = log_path == NULL ? -1 : open_log(log_path, ".passed", O_APPEND);
	if (log_path != NULL)
		(void)snprintf(fault.fired, sizeof(fault.fired), "%s.fired", log_path);
	if (spec == NULL)
		return;
	fault.kills = str_starts(spec, "kill:");
	fault.fails = str_starts(spec, "fail:");
	if (!fault.kills && !fault.fails)
		return;
	spec += strlen("kill:");
	last = strrchr(spec, ':');
	if (last != NULL)
		(void)snprintf(fault.name, sizeof(fault.name), "%.*s", (int)(last - spec), spec);
	fault.target = strtol(last == NULL ? spec : last + 1, NULL, 10);
	fault.kills = fault.kills && fault.target > 0; /* the 0-th is no point, nor is "kill:" */
}

static bool passes_target(const char *name)
{
	if (fault.name[0] != '\0' && strcmp(fault.name, name) != 0)
		return false;
	return ++fault.passed == fault.target;
}

/* The N-th point of all processes that share the log; a late process that finds the number passed
 * fires as well, the first one wins. */
static bool all_pass_target(void)
{
	struct stat st;

	return write(fault.passed_fd, ".", 1) == 1 && fstat(fault.passed_fd, &st) == 0 &&
	       st.st_size >= fault.target;
}

void fault_point(const char *name)
{
	bool is_hit;
	int fd;

	if (fault.log_fd >= 0)
		(void)dprintf(fault.log_fd, "%s\n", name);
	if (!fault.kills)
		return;
	is_hit = fault.name[0] == '\0' && fault.passed_fd >= 0 ? all_pass_target()
							       : passes_target(name);
	if (!is_hit)
		return;
	fd = fault.fired[0] == '\0'
		     ? 0
		     : open(fault.fired, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)kill(getpid(), SIGKILL);
}

bool fault_fails(const char *name)
{
	if (!fault.fails || strcmp(fault.name, name) != 0)
		return false;
	if (fault.log_fd >= 0)
		(void)dprintf(fault.log_fd, "%s\n", name);
	return passes_target(name);
}
#endif
