/* links: lib_loop lib */
/* The loop: what happens in one turn, in which order, and that nothing is left behind. Each case
 * ends with loop_free(), which aborts when a handle still lives. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* What the call-backs of a case share. */
struct stage {
	struct loop *loop;
	struct loop_timer *timer, *other;
	struct loop_poll *poll;
	struct loop_signal *signal;
	struct loop_check *check;
	struct loop_watch *watch;
	int fds[2];
	int calls, turns;
	bool readable, writable;
	char order[64];
};

static void note(struct stage *stage, char what)
{
	size_t length = strlen(stage->order);

	if (length + 1 < sizeof(stage->order))
		stage->order[length] = what;
}

static void stop(void *owner)
{
	struct stage *stage = owner;

	stage->calls++;
	loop_stop(stage->loop);
}

static void count(void *owner)
{
	((struct stage *)owner)->calls++;
}

static void end(struct stage *stage)
{
	loop_timer_free(stage->timer);
	loop_timer_free(stage->other);
	loop_poll_free(stage->poll);
	loop_signal_free(stage->signal);
	loop_check_free(stage->check);
	loop_watch_free(stage->watch);
	loop_free(stage->loop);
}

/* Stops the loop when nothing else did. */
static void run(struct stage *stage, int64_t at_most_ms)
{
	struct loop_timer *limit = loop_timer_new(stage->loop, (loop_cb)loop_stop, stage->loop);

	loop_timer_arm(limit, at_most_ms);
	loop_run(stage->loop);
	loop_timer_free(limit);
}

static void nothing_to_free_is_fine(_unused_ void **state)
{
	loop_free(NULL);
	loop_timer_free(NULL);
	loop_poll_free(NULL);
	loop_signal_free(NULL);
	loop_check_free(NULL);
	loop_watch_free(NULL);
}

static void an_empty_loop_ends(_unused_ void **state)
{
	struct loop *loop = loop_new();

	loop_run(loop);
	loop_free(loop);
}

/* ---- timers ---- */

static void a_timer_fires_once_and_not_early(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };
	int64_t begin = clock_monotonic_ms(&clock_system);

	stage.timer = loop_timer_new(stage.loop, count, &stage);
	loop_timer_arm(stage.timer, 30);
	loop_run(stage.loop);
	assert_true(clock_monotonic_ms(&clock_system) - begin >= 29);
	assert_int_equal(stage.calls, 1);
	end(&stage);
}

static void arming_again_replaces(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };
	int64_t begin = clock_monotonic_ms(&clock_system);

	stage.timer = loop_timer_new(stage.loop, count, &stage);
	loop_timer_arm(stage.timer, 60000);
	loop_timer_arm(stage.timer, -5); /* what is overdue is due now */
	loop_run(stage.loop);
	assert_true(clock_monotonic_ms(&clock_system) - begin < 10000);
	assert_int_equal(stage.calls, 1);
	end(&stage);
}

static void a_disarmed_timer_is_silent(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	stage.timer = loop_timer_new(stage.loop, count, &stage);
	loop_timer_disarm(stage.timer);
	loop_timer_arm(stage.timer, 1);
	loop_timer_disarm(stage.timer);
	run(&stage, 20);
	assert_int_equal(stage.calls, 0);
	end(&stage);
}

static void free_own_timer(void *owner)
{
	struct stage *stage = owner;

	stage->calls++;
	loop_timer_free(steal_ptr(stage->timer));
	loop_timer_free(steal_ptr(stage->other)); /* due in this very turn */
}

static void a_timer_may_free_itself_and_its_neighbour(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	stage.timer = loop_timer_new(stage.loop, free_own_timer, &stage);
	stage.other = loop_timer_new(stage.loop, count, &stage);
	loop_timer_arm(stage.timer, 1);
	loop_timer_arm(stage.other, 1);
	loop_run(stage.loop);
	assert_int_equal(stage.calls, 1);
	end(&stage);
}

/* ---- descriptors ---- */

static void on_ready(void *owner, bool readable, bool writable)
{
	struct stage *stage = owner;

	stage->readable = readable;
	stage->writable = writable;
	stop(stage);
}

static void make_pair(struct stage *stage)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stage->fds), 0);
}

static void close_pair(struct stage *stage)
{
	close(stage->fds[0]);
	close(stage->fds[1]);
}

static void a_poll_tells_what_is_wanted(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	make_pair(&stage);
	stage.poll = loop_poll_new(stage.loop, stage.fds[0], on_ready, &stage);
	loop_poll_want(stage.poll, false, true);
	run(&stage, 5000);
	assert_true(stage.writable);
	assert_false(stage.readable);
	loop_poll_want(stage.poll, true, false);
	run(&stage, 10); /* nothing to read yet */
	assert_int_equal(stage.calls, 1);
	assert_int_equal(write(stage.fds[1], "x", 1), 1);
	run(&stage, 5000);
	assert_true(stage.readable);
	loop_poll_want(stage.poll, false, false);
	run(&stage, 10);
	assert_int_equal(stage.calls, 2);
	end(&stage);
	close_pair(&stage);
}

static void the_other_end_closing_is_readable(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	make_pair(&stage);
	stage.poll = loop_poll_new(stage.loop, stage.fds[0], on_ready, &stage);
	loop_poll_want(stage.poll, true, false);
	shutdown(stage.fds[1], SHUT_RDWR);
	run(&stage, 5000);
	assert_true(stage.readable);
	end(&stage);
	close_pair(&stage);
}

static void free_own_poll(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct stage *stage = owner;

	loop_poll_free(steal_ptr(stage->poll));
	stop(stage);
}

static void a_poll_may_free_itself(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	make_pair(&stage);
	stage.poll = loop_poll_new(stage.loop, stage.fds[0], free_own_poll, &stage);
	loop_poll_want(stage.poll, true, true);
	run(&stage, 5000);
	assert_int_equal(stage.calls, 1);
	end(&stage);
	close_pair(&stage);
}

/* ---- signals ---- */

static void a_signal_arrives(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	stage.signal = loop_signal_new(stage.loop, SIGHUP, stop, &stage);
	raise(SIGHUP);
	run(&stage, 5000);
	assert_int_equal(stage.calls, 1);
	end(&stage);
}

/* ---- the turn ---- */

static void on_turn(void *owner)
{
	struct stage *stage = owner;

	note(stage, 'T');
	stage->turns++;
}

static void on_noted_timer(void *owner)
{
	struct stage *stage = owner;

	note(stage, 't');
	loop_check_wake(stage->check);
}

static void on_noted_poll(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct stage *stage = owner;
	char byte;

	note(stage, 'p');
	(void)!read(stage->fds[0], &byte, 1);
	loop_check_wake(stage->check);
}

/* What a timer woke must be served before the loop sleeps. */
static void the_turn_follows_a_timer_at_once(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	stage.check = loop_check_new(stage.loop, on_turn, &stage);
	stage.timer = loop_timer_new(stage.loop, on_noted_timer, &stage);
	loop_timer_arm(stage.timer, 1);
	run(&stage, 200); /* with nothing else to wake it, a missed turn would come at the end */
	assert_contains(stage.order, "tT");
	end(&stage);
}

static void the_turn_follows_a_descriptor_in_the_same_pass(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	make_pair(&stage);
	stage.check = loop_check_new(stage.loop, on_turn, &stage);
	stage.poll = loop_poll_new(stage.loop, stage.fds[0], on_noted_poll, &stage);
	loop_poll_want(stage.poll, true, false);
	assert_int_equal(write(stage.fds[1], "ab", 2), 2);
	run(&stage, 50);
	assert_contains(stage.order, "pTpT");
	end(&stage);
	close_pair(&stage);
}

static void wake_until_ten(void *owner)
{
	struct stage *stage = owner;

	if (++stage->turns == 10)
		loop_stop(stage->loop);
	else
		loop_check_wake(stage->check);
}

static void an_awake_loop_does_not_sleep(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };
	int64_t begin = clock_monotonic_ms(&clock_system);

	stage.check = loop_check_new(stage.loop, wake_until_ten, &stage);
	loop_check_wake(stage.check);
	loop_check_wake(stage.check);
	run(&stage, 60000);
	assert_int_equal(stage.turns, 10);
	assert_true(clock_monotonic_ms(&clock_system) - begin < 10000);
	end(&stage);
}

static void a_loop_at_rest_sleeps(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };
	struct rusage before, after;
	int64_t used_ms;

	stage.check = loop_check_new(stage.loop, on_turn, &stage);
	loop_check_wake(stage.check);
	getrusage(RUSAGE_SELF, &before);
	run(&stage, 300);
	getrusage(RUSAGE_SELF, &after);
	used_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
		  (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000;
	assert_true(stage.turns >= 1);
	assert_true(stage.turns < 20);
	assert_true(used_ms < 150);
	end(&stage);
}

static void free_own_check(void *owner)
{
	struct stage *stage = owner;

	loop_check_free(steal_ptr(stage->check));
	stop(stage);
}

static void a_check_may_free_itself(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };

	stage.check = loop_check_new(stage.loop, free_own_check, &stage);
	loop_check_wake(stage.check);
	run(&stage, 5000);
	assert_int_equal(stage.calls, 1);
	end(&stage);
}

/* ---- files ---- */

static void append(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "line\n", 5), 5);
}

static void watches(const char *watched, const char *written)
{
	struct stage stage = { .loop = loop_new() };
	struct err err;

	assert_ok(loop_watch_new(stage.loop, watched, stop, &stage, &stage.watch, &err), &err);
	append(written);
	run(&stage, 5000);
	assert_true(stage.calls >= 1);
	end(&stage);
}

static void watches_a_file(_unused_ void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/events", cases_folder());

	append(path);
	watches(path, path);
}

static void watches_a_folder(_unused_ void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/fresh", cases_folder());

	watches(cases_folder(), path);
}

static void what_is_absent_cannot_be_watched(_unused_ void **state)
{
	struct stage stage = { .loop = loop_new() };
	struct err err;

	assert_err(loop_watch_new(stage.loop, "/nonexistent/x", stop, &stage, &stage.watch, &err),
		&err, ERR_SYSTEM, "/nonexistent/x");
	end(&stage);
}

/* ---- what is left behind ---- */

enum leaked { LEAKS_NOTHING, LEAKS_A_RESTING_TIMER, LEAKS_A_RUNNING_TIMER, LEAKS_A_CHECK };

struct leak_case {
	const char *name;
	enum leaked leaked;
	int signal;
};

static const struct leak_case leak_cases[] = {
	{ "nothing", LEAKS_NOTHING, 0 },
	{ "a timer at rest", LEAKS_A_RESTING_TIMER, SIGABRT },
	{ "a timer that runs", LEAKS_A_RUNNING_TIMER, SIGABRT },
	{ "a check that is awake", LEAKS_A_CHECK, SIGABRT },
};

static void leak(enum leaked leaked)
{
	struct stage stage = { .loop = loop_new() };

	signal(SIGABRT, SIG_DFL);
	close(STDERR_FILENO); /* the message is expected */
	if (leaked == LEAKS_A_RESTING_TIMER || leaked == LEAKS_A_RUNNING_TIMER)
		stage.timer = loop_timer_new(stage.loop, count, &stage);
	if (leaked == LEAKS_A_RUNNING_TIMER)
		loop_timer_arm(stage.timer, 3600000);
	if (leaked == LEAKS_A_CHECK) {
		stage.check = loop_check_new(stage.loop, wake_until_ten, &stage);
		loop_check_wake(stage.check);
	}
	loop_free(stage.loop);
	_exit(0);
}

static void finds_what_still_lives(void **state)
{
	const struct leak_case *row = *state;
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		alarm(60); /* a loop that never ends is a failure too */
		leak(row->leaked);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, row->signal);
}

int main(int argc, char **argv)
{
	CASE(nothing_to_free_is_fine);
	CASE(an_empty_loop_ends);
	CASE(a_timer_fires_once_and_not_early);
	CASE(arming_again_replaces);
	CASE(a_disarmed_timer_is_silent);
	CASE(a_timer_may_free_itself_and_its_neighbour);
	CASE(a_poll_tells_what_is_wanted);
	CASE(the_other_end_closing_is_readable);
	CASE(a_poll_may_free_itself);
	CASE(a_signal_arrives);
	CASE(the_turn_follows_a_timer_at_once);
	CASE(the_turn_follows_a_descriptor_in_the_same_pass);
	CASE(an_awake_loop_does_not_sleep);
	CASE(a_loop_at_rest_sleeps);
	CASE(a_check_may_free_itself);
	CASE(watches_a_file);
	CASE(watches_a_folder);
	CASE(what_is_absent_cannot_be_watched);
	CASES(leak_cases, finds_what_still_lives);
	return cases_run(argc, argv);
}
