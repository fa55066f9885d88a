/* libuv behind owners. Each object counts as alive until uv has closed its handle; loop_free() runs
 * the loop until all closes are done and insists that nothing is left. */
#include "orchestrator/lib/loop.h"

#include <stdio.h>
#include <uv.h>

enum { CLOSING_TURNS = 16 };

struct loop {
	uv_loop_t uv;
};

struct loop_timer {
	uv_timer_t uv;
	loop_cb cb;
	void *owner;
};

struct loop_poll {
	uv_poll_t uv;
	loop_poll_cb cb;
	void *owner;
};

struct loop_signal {
	uv_signal_t uv;
	loop_cb cb;
	void *owner;
};

struct loop_watch {
	uv_fs_event_t uv;
	loop_cb cb;
	void *owner;
};

/* Three handles: check runs after the descriptors, prepare before the loop sleeps, idle keeps it
 * from sleeping. */
struct loop_check {
	uv_check_t check;
	uv_prepare_t prepare;
	uv_idle_t idle;
	int open_handles;
	bool is_awake;
	loop_cb cb;
	void *owner;
};

static void must(int r, const char *what)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "sluice: %s: %s\n", what, uv_strerror(r));
	abort();
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));

	must(uv_loop_init(&loop->uv), "the event loop cannot be made");
	return loop;
}

/* Closing takes a turn or two. The turns are counted, because something that still lives would keep
 * the loop going for ever instead of being found. */
void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	for (int i = 0; i < CLOSING_TURNS && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
		;
	must(uv_loop_close(&loop->uv), "something made from the event loop still lives");
	free(loop);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static void free_data(uv_handle_t *handle)
{
	free(handle->data);
}

/* ---- timer ---- */

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;

	timer->cb(timer->owner);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_cb cb, void *owner)
{
	struct loop_timer *timer = mem_alloc(sizeof(*timer));

	timer->cb = cb;
	timer->owner = owner;
	must(uv_timer_init(&loop->uv, &timer->uv), "timer");
	timer->uv.data = timer;
	return timer;
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, on_timer, delay_ms < 0 ? 0 : (uint64_t)delay_ms, 0);
}

void loop_timer_disarm(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	uv_timer_stop(&timer->uv);
	uv_close((uv_handle_t *)&timer->uv, free_data);
}

/* ---- poll ---- */

static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct loop_poll *poll = uv->data;

	if (status < 0) /* the owner's next read or write meets the error */
		poll->cb(poll->owner, true, true);
	else
		poll->cb(poll->owner, (events & (UV_READABLE | UV_DISCONNECT)) != 0,
			(events & UV_WRITABLE) != 0);
}

struct loop_poll *loop_poll_new(struct loop *loop, int fd, loop_poll_cb cb, void *owner)
{
	struct loop_poll *poll = mem_alloc(sizeof(*poll));

	poll->cb = cb;
	poll->owner = owner;
	must(uv_poll_init(&loop->uv, &poll->uv, fd), "poll");
	poll->uv.data = poll;
	return poll;
}

void loop_poll_want(struct loop_poll *poll, bool readable, bool writable)
{
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	if (events == 0)
		uv_poll_stop(&poll->uv);
	else
		must(uv_poll_start(&poll->uv, events, on_poll), "poll");
}

void loop_poll_free(struct loop_poll *poll)
{
	if (poll == NULL)
		return;
	uv_poll_stop(&poll->uv);
	uv_close((uv_handle_t *)&poll->uv, free_data);
}

/* ---- signal ---- */

static void on_signal(uv_signal_t *uv, _unused_ int signum)
{
	struct loop_signal *signal = uv->data;

	signal->cb(signal->owner);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_cb cb, void *owner)
{
	struct loop_signal *signal = mem_alloc(sizeof(*signal));

	signal->cb = cb;
	signal->owner = owner;
	must(uv_signal_init(&loop->uv, &signal->uv), "signal");
	signal->uv.data = signal;
	must(uv_signal_start(&signal->uv, on_signal, signum), "signal");
	return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
	if (signal == NULL)
		return;
	uv_signal_stop(&signal->uv);
	uv_close((uv_handle_t *)&signal->uv, free_data);
}

/* ---- watch ---- */

static void on_watch(
	uv_fs_event_t *uv, _unused_ const char *name, _unused_ int events, _unused_ int status)
{
	struct loop_watch *watch = uv->data;

	watch->cb(watch->owner);
}

int loop_watch_new(struct loop *loop, const char *path, loop_cb cb, void *owner,
	struct loop_watch **ret, struct err *err)
{
	struct loop_watch *watch = mem_alloc(sizeof(*watch));
	int r;

	watch->cb = cb;
	watch->owner = owner;
	must(uv_fs_event_init(&loop->uv, &watch->uv), "watch");
	watch->uv.data = watch;
	r = uv_fs_event_start(&watch->uv, on_watch, path, 0);
	if (r < 0) {
		loop_watch_free(watch);
		return err_sys(err, ERR_SYSTEM, -r, "cannot watch %s", path);
	}
	*ret = watch;
	return 0;
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	uv_fs_event_stop(&watch->uv);
	uv_close((uv_handle_t *)&watch->uv, free_data);
}

/* ---- check ---- */

static void on_idle(_unused_ uv_idle_t *uv)
{
}

static void check_turn(struct loop_check *check)
{
	check->is_awake = false;
	uv_idle_stop(&check->idle);
	check->cb(check->owner);
}

static void on_check(uv_check_t *uv)
{
	check_turn(uv->data);
}

/* Timers fire after check and before prepare: what they woke must not wait for the next descriptor.
 */
static void on_prepare(uv_prepare_t *uv)
{
	struct loop_check *check = uv->data;

	if (check->is_awake)
		check_turn(check);
}

struct loop_check *loop_check_new(struct loop *loop, loop_cb cb, void *owner)
{
	struct loop_check *check = mem_alloc(sizeof(*check));

	check->cb = cb;
	check->owner = owner;
	check->open_handles = 3;
	must(uv_check_init(&loop->uv, &check->check), "check");
	must(uv_prepare_init(&loop->uv, &check->prepare), "check");
	must(uv_idle_init(&loop->uv, &check->idle), "check");
	check->check.data = check->prepare.data = check->idle.data = check;
	uv_check_start(&check->check, on_check);
	uv_prepare_start(&check->prepare, on_prepare);
	return check;
}

void loop_check_wake(struct loop_check *check)
{
	if (check->is_awake)
		return;
	check->is_awake = true;
	uv_idle_start(&check->idle, on_idle);
}

static void on_check_closed(uv_handle_t *handle)
{
	struct loop_check *check = handle->data;

	if (--check->open_handles == 0)
		free(check);
}

void loop_check_free(struct loop_check *check)
{
	if (check == NULL)
		return;
	uv_close((uv_handle_t *)&check->check, on_check_closed);
	uv_close((uv_handle_t *)&check->prepare, on_check_closed);
	uv_close((uv_handle_t *)&check->idle, on_check_closed);
}
