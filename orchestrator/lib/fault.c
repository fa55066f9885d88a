/* Fault points. Only tests and debug builds contain them. */
#include "orchestrator/lib/fault.h"

#ifdef SLUICE_FAULTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct {
	bool kills, fails;
	char name[64]; /* "" = any */
	long target, passed;
	int log_fd;
} fault = { .log_fd = -1 };

void fault_init(const char *spec, const char *log_path)
{
	const char *last;

	memset(&fault, 0, sizeof(fault));
	fault.log_fd = log_path == NULL
			       ? -1
			       : open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
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
}

static bool passes_target(const char *name)
{
	if (fault.name[0] != '\0' && strcmp(fault.name, name) != 0)
		return false;
	return ++fault.passed == fault.target;
}

void fault_point(const char *name)
{
	if (fault.log_fd >= 0)
		(void)dprintf(fault.log_fd, "%s\n", name);
	if (fault.kills && passes_target(name))
		(void)kill(getpid(), SIGKILL);
}

bool fault_fails(const char *name)
{
	return fault.fails && strcmp(fault.name, name) == 0 && passes_target(name);
}
#endif
