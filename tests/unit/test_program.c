/* links: lib_loop lib */
/* A program of the operator beside the loop: each way in which it can end, and that nothing of it
 * stays. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct scene {
	struct loop *loop;
	struct program *program;
	char output[64], errors[64], failure[500]; /* failure: "" is a good end */
	size_t length;
};

static void on_end(void *owner, const struct program_end *end, const struct err *err)
{
	struct scene *scene = owner;

	snprintf(scene->output, sizeof(scene->output), "%s", end->output);
	snprintf(scene->errors, sizeof(scene->errors), "%s", end->errors);
	snprintf(scene->failure, sizeof(scene->failure), "%s", err == NULL ? "" : err->text);
	scene->length = end->length;
	loop_stop(scene->loop);
}

/* What a shell says and how it ends. */
static struct scene run(const char *script, int64_t timeout_ms)
{
	cases_need_pidfd(); /* first: it may skip the case */

	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct scene scene = { .loop = loop_new() };
	struct err err;

	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, script);
	strvec_push(&env, "ONE=1");
	assert_int_equal(
		program_start(scene.loop, &(struct program_order){ &argv, &env, timeout_ms },
			on_end, &scene, &scene.program, &err),
		0);
	loop_run(scene.loop);
	program_free(scene.program);
	loop_free(scene.loop);
	return scene;
}

static void it_ends_well(_unused_ void **state)
{
	struct scene scene = run("echo $ONE $HOME; pwd; echo careful >&2", 60000);

	assert_string_equal(scene.failure, "");
	assert_string_equal(scene.output, "1\n/\n");
	assert_string_equal(scene.errors, "careful\n");
}

static void it_ends_badly(_unused_ void **state)
{
	assert_string_equal(
		run("echo no >&2; exit 3", 60000).failure, "/bin/sh ended with exit code 3");
	assert_string_equal(run("kill -9 $$", 60000).failure, "/bin/sh was killed by signal 9");
}

static void it_prints_too_much(_unused_ void **state)
{
	struct scene scene = run("while :; do echo 0123456789012345678901234567890; done", 60000);

	assert_string_equal(scene.failure, "/bin/sh printed more than 64 KiB and was stopped");
	assert_int_equal(scene.length, PROGRAM_OUTPUT_MAX);
}

/* And so is what it started. */
static void it_takes_too_long(_unused_ void **state)
{
	struct scene scene = { 0 };
	char failure[100];
	long child;

	/* A busy machine may not let it say a word in the first turn. */
	for (int64_t ms = 100; scene.length == 0; ms *= 2) {
		scene = run("sleep 1000 & echo $!; wait", ms);
		snprintf(failure, sizeof(failure), "/bin/sh took longer than %g s and was stopped",
			(double)ms / 1000);
		assert_string_equal(scene.failure, failure);
	}
	child = strtol(scene.output, NULL, 10);
	assert_true(child > 1);
	for (int i = 0; i < 5000 && kill((pid_t)child, 0) == 0; i++)
		usleep(1000);
	assert_int_equal(kill((pid_t)child, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void it_is_not_there(_unused_ void **state)
{
	cases_need_pidfd(); /* first: it may skip the case */

	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct scene scene = { .loop = loop_new() };
	struct err err;

	strvec_push(&argv, "/nowhere/mint");
	assert_true(program_start(scene.loop, &(struct program_order){ &argv, &env, 1000 }, on_end,
			    &scene, &scene.program, &err) < 0);
	assert_string_equal(err.text, "/nowhere/mint cannot be started: No such file or directory");
	loop_free(scene.loop);
}

int main(int argc, char **argv)
{
	CASE(it_ends_well);
	CASE(it_ends_badly);
	CASE(it_prints_too_much);
	CASE(it_takes_too_long);
	CASE(it_is_not_there);
	return cases_run(argc, argv);
}
