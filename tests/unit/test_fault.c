/* links: lib */
/* Fault points: each specification kills or fails exactly where it says. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/fault.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* The signal that ends a process that passes commit, send, commit, send, ...: SIGKILL from a point,
 * SIGTERM when it survived them all. (A signal, because a memory checker may change an exit
 * status.)
 */
static int ended_by(const char *spec, const char *log)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		fault_init(spec, log);
		for (int i = 0; i < 6; i++)
			fault_point(i % 2 == 0 ? "commit" : "send");
		(void)signal(SIGTERM, SIG_DFL);
		(void)raise(SIGTERM);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	return WTERMSIG(status);
}

static size_t count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t lines = 0;
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	(void)fclose(file);
	return lines;
}

static char *fresh_log(void)
{
	static int count;

	return mem_printf("%s/points-%d", cases_folder(), ++count);
}

struct kill_case {
	const char *name, *spec;
	size_t passed; /* the points in the log, the killing one included */
	bool kills;
};

static const struct kill_case kill_cases[] = {
	{ "none", NULL, 6, false },
	{ "count", "count", 6, false },
	{ "the first", "kill:1", 1, true },
	{ "the fourth", "kill:4", 4, true },
	{ "one too far", "kill:7", 6, false },
	{ "a name", "kill:send:1", 2, true },
	{ "a name, later", "kill:commit:3", 5, true },
	{ "a name that never comes", "kill:rename:1", 6, false },
	{ "fail does not kill", "fail:commit:1", 6, false },
	{ "zero is never", "kill:0", 6, false },
	{ "nonsense", "explode:1", 6, false },
	{ "no number", "kill:", 6, false },
};

static void kills(void **state)
{
	const struct kill_case *row = *state;
	_cleanup_free_ char *log = fresh_log();

	assert_int_equal(ended_by(row->spec, log), row->kills ? SIGKILL : SIGTERM);
	assert_int_equal(count_lines(log), row->passed);
}

/* Processes that share a log count together, and the fault fires in one of them only. */
static void fires_once_among_many(_unused_ void **state)
{
	_cleanup_free_ char *log = fresh_log();

	assert_int_equal(ended_by("kill:9", log), SIGTERM);
	assert_int_equal(ended_by("kill:9", log), SIGKILL);
	assert_int_equal(count_lines(log), 9);
	assert_int_equal(ended_by("kill:9", log), SIGTERM);
}

static void fails_once(_unused_ void **state)
{
	fault_init("fail:sqlite:2", NULL);
	assert_false(fault_fails("sqlite"));
	assert_false(fault_fails("other"));
	assert_true(fault_fails("sqlite"));
	assert_false(fault_fails("sqlite"));
	fault_init(NULL, NULL);
	assert_false(fault_fails("sqlite"));
}

static void kill_does_not_fail(_unused_ void **state)
{
	fault_init("kill:sqlite:1", NULL);
	assert_false(fault_fails("sqlite"));
	fault_init(NULL, NULL);
}

int main(int argc, char **argv)
{
	CASES(kill_cases, kills);
	CASE(fires_once_among_many);
	CASE(fails_once);
	CASE(kill_does_not_fail);
	return cases_run(argc, argv);
}
