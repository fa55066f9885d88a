/* executor_local in a process of its own, driven by lines: what the server would do, so that tests
 * can kill it and start it again.
 *
 *   stdin:  start SPEC-JSON | cancel ID ATTEMPT | recover ID ATTEMPT | forget ID ATTEMPT | quit
 *           descriptors N: there are N more to have, until `descriptors -1`; slots N
 *           grow MEGABYTES: as large as a server that has lived long
 *           longest: that a start kept the loop since it was last asked
 *   stdout: ready | moved | started ID ATTEMPT | step ID ATTEMPT NAME | ended ID ATTEMPT
 * MILLISECONDS RESULT-JSON evidence ID ATTEMPT NAME | failed ID ATTEMPT TEXT | notice TEXT
 *
 *   argv: KEY=VALUE of struct executor_local_options */
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/executor_local.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LINE_MAX_BYTES = 64 << 10, ASKED_MAX = 4096 };

struct driver {
	struct loop *loop;
	struct executor *executor;
	char line[LINE_MAX_BYTES];
	size_t length;
	double asked_ms[ASKED_MAX]; /* by job id, wrapped */
	double longest_ms;	    /* that asking for a start kept the loop */
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

_printf_(1, 2) static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void on_notice(_unused_ void *owner, const char *text)
{
	say("notice %s", text);
}

static void on_started(_unused_ void *owner, struct job_id job, int attempt)
{
	say("started %lld %d", (long long)job.v, attempt);
}

static void on_step(_unused_ void *owner, struct job_id job, int attempt, const char *step)
{
	say("step %lld %d %s", (long long)job.v, attempt, step);
}

static void on_ended(void *owner, struct job_id job, int attempt, const struct job_result *result)
{
	struct driver *driver = owner;
	double took = now_ms() - driver->asked_ms[job.v % ASKED_MAX];
	_cleanup_json_ json_t *json = job_result_write(result);
	_cleanup_free_ char *text = jsonx_text(json);

	say("ended %lld %d %.3f %s", (long long)job.v, attempt, took, text);
}

static void on_moved(_unused_ void *owner)
{
	say("moved");
}

static void start(struct driver *driver, const char *text)
{
	_cleanup_json_ json_t *json = NULL;
	struct arena arena = { 0 };
	struct job_spec spec = { 0 };
	struct err err;

	if (jsonx_parse(text, strlen(text), LINE_MAX_BYTES, &json, &err) < 0 ||
		job_spec_read(json, &arena, &spec, &err) < 0) {
		say("failed 0 0 %s", err.text);
	} else {
		double began = driver->asked_ms[spec.job.v % ASKED_MAX] = now_ms();

		if (driver->executor->start(driver->executor, &spec, &err) < 0)
			say("failed %lld %d %s", (long long)spec.job.v, spec.attempt, err.text);
		if (now_ms() - began > driver->longest_ms)
			driver->longest_ms = now_ms() - began;
	}
	arena_release(&arena);
}

static void recover(struct driver *driver, struct job_id job, int attempt)
{
	static const char *const names[] = { "", "alive", "ended", "started", "never" };
	enum job_evidence evidence;
	struct err err;

	if (driver->executor->recover(driver->executor, job, attempt, &evidence, &err) < 0)
		say("failed %lld %d %s", (long long)job.v, attempt, err.text);
	else
		say("evidence %lld %d %s", (long long)job.v, attempt, names[evidence]);
}

/* The N-th free number from now on is the first that the kernel does not give. */
static void leave_descriptors(int count)
{
	struct rlimit limit;
	int number = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (; count >= 0 && number < (int)limit.rlim_max; number++)
		if (fcntl(number, F_GETFD) < 0 && count-- == 0)
			break;
	limit.rlim_cur = number == 0 ? limit.rlim_max : (rlim_t)number;
	setrlimit(RLIMIT_NOFILE, &limit);
	say("descriptors");
}

/* Never given back: it is what a fork would have to copy the tables of. */
static void grow(long megabytes)
{
	size_t size = (size_t)megabytes << 20;
	char *memory = mem_alloc(size);

	memset(memory, 1, size);
	say("grown");
}

static void obey(struct driver *driver, const char *line)
{
	struct job_id job = { 0 };
	int attempt = 0;

	if (str_starts(line, "start ")) {
		start(driver, line + strlen("start "));
	} else if (strcmp(line, "quit") == 0) {
		loop_stop(driver->loop);
	} else if (str_starts(line, "slots ")) {
		driver->executor->set_slots(
			driver->executor, (int)strtol(line + strlen("slots "), NULL, 10));
	} else if (str_starts(line, "descriptors ")) {
		leave_descriptors((int)strtol(line + strlen("descriptors "), NULL, 10));
	} else if (str_starts(line, "grow ")) {
		grow(strtol(line + strlen("grow "), NULL, 10));
	} else if (strcmp(line, "longest") == 0) {
		say("longest %.3f", driver->longest_ms);
		driver->longest_ms = 0;
	} else if (sscanf(line, "%*s %ld %d", &job.v, &attempt) == 2) {
		if (str_starts(line, "cancel "))
			driver->executor->cancel(driver->executor, job, attempt);
		else if (str_starts(line, "forget "))
			driver->executor->forget(driver->executor, job, attempt);
		else if (str_starts(line, "recover "))
			recover(driver, job, attempt);
	}
}

static void on_input(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct driver *driver = owner;
	ssize_t got = read(
		STDIN_FILENO, driver->line + driver->length, LINE_MAX_BYTES - 1 - driver->length);
	char *line = driver->line, *end;

	if (got <= 0) {
		loop_stop(driver->loop);
		return;
	}
	driver->length += (size_t)got;
	driver->line[driver->length] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		obey(driver, line);
		line = end + 1;
	}
	driver->length = strlen(line);
	memmove(driver->line, line, driver->length + 1);
}

static void set_option(struct executor_local_options *options, const char *text)
{
	static const char *write, *read, *hosts, *inside;
	static struct sandbox_override networks[] = { { .profile = "init" }, { .profile = "plan" },
		{ .profile = "run" }, { .profile = "apply" } };
	const struct {
		const char *key;
		const char **value;
	} keys[] = {
		{ "data=", &options->data_dir },
		{ "program=", &options->program },
		{ "git=", &options->git },
		{ "terraform=", &options->terraform },
		{ "opentofu=", &options->opentofu },
		{ "conftest=", &options->conftest },
		{ "kustomize=", &options->kustomize },
		{ "helm=", &options->helm },
		{ "cli_config=", &options->cli_config },
		{ "tools=", &options->tools },
		{ "tier=", &options->sandbox.tier },
		{ "require=", &options->sandbox.require },
		{ "read=", &read },
		{ "hosts=", &hosts },
		{ "inside=", &inside },
		{ "write=", &write },
		{ "fault=", &options->fault },
		{ "fault_log=", &options->fault_log },
	};

	if (strcmp(text, "overlay=0") == 0)
		options->sandbox.without_overlay = true;
	if (strcmp(text, "groups=0") == 0)
		options->sandbox.without_groups = true;
	for (size_t i = 0; i < countof(keys); i++)
		if (str_starts(text, keys[i].key))
			*keys[i].value = text + strlen(keys[i].key);
	options->sandbox.write = (struct name_list){ .list = &write, .count = write != NULL };
	for (size_t i = 0; i < countof(networks); i++) {
		networks[i].hosts = (struct name_list){ .list = &hosts, .count = hosts != NULL };
		networks[i].inside = (struct name_list){ .list = &inside, .count = inside != NULL };
	}
	options->sandbox.overrides = networks;
	options->sandbox.override_count = countof(networks);
	options->sandbox.read = (struct name_list){ .list = &read, .count = read != NULL };
}

int main(int argc, char **argv)
{
	struct executor_local_options options = { .notice = on_notice };
	static struct driver driver;
	struct loop_poll *input;
	json_t *report = NULL;
	struct err err;

	for (int i = 1; i < argc; i++)
		set_option(&options, argv[i]);
	driver.loop = loop_new();
	if (executor_local_new(driver.loop, &options, &driver.executor, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (executor_local_await(driver.executor, &report, &err) < 0) {
		say("refused %s", err.text);
		return 78;
	}
	json_decref(report);
	driver.executor->listen(driver.executor, &(struct executor_events){ .started = on_started,
							 .step = on_step,
							 .ended = on_ended,
							 .moved = on_moved,
							 .owner = &driver });
	input = loop_poll_new(driver.loop, STDIN_FILENO, on_input, &driver);
	loop_poll_want(input, true, false);
	say("ready");
	loop_run(driver.loop);
	loop_poll_free(input);
	executor_local_free(driver.executor);
	loop_free(driver.loop);
	return 0;
}
