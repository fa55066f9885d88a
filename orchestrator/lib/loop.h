/* The event loop: the only wrapper of libuv. No uv type leaves this header.
 *
 * Objects made here are owned by the caller and freed by their _free call, which is allowed inside
 * their own call-back. loop_free() fails loudly (abort in debug builds) when something made from it
 * still lives. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

struct loop;
struct loop_timer;
struct loop_poll;
struct loop_signal;
struct loop_check;

typedef void (*loop_cb)(void *owner);
typedef void (*loop_poll_cb)(void *owner, bool readable, bool writable);

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* asserts uv_loop_close() == 0 */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One shot; arming again replaces. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_cb cb, void *owner);
void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_disarm(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* The descriptor stays the caller's and must outlive the poll. */
struct loop_poll *loop_poll_new(struct loop *loop, int fd, loop_poll_cb cb, void *owner);
void loop_poll_want(struct loop_poll *poll, bool readable, bool writable);
void loop_poll_free(struct loop_poll *poll);

struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_cb cb, void *owner);
void loop_signal_free(struct loop_signal *signal);

/* Called once per turn, after the descriptors were served and before the loop sleeps again: here
 * the engine takes its turn. While loop_check_wake() was called since the last turn, the loop does
 * not sleep. */
struct loop_check *loop_check_new(struct loop *loop, loop_cb cb, void *owner);
void loop_check_wake(struct loop_check *check);
void loop_check_free(struct loop_check *check);

/* Something happened to this file or in this folder: more than one happening may be told once. */
struct loop_watch;
_must_check_ int loop_watch_new(struct loop *loop, const char *path, loop_cb cb, void *owner,
	struct loop_watch **ret, struct err *err);
void loop_watch_free(struct loop_watch *watch);
