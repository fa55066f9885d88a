/* A program of the operator, run by the server beside its loop: bounded in time and in what it
 * prints. Owns the process and everything that it starts in its session. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/strvec.h"

enum { COMMAND_TIMEOUT_MS = 60000, COMMAND_OUTPUT_MAX = 64 << 10, COMMAND_ERRORS_MAX = 4 << 10 };

struct command;

struct command_end {
	const char *output, *errors; /* borrowed; what it wrote to stdout, the begin of stderr */
	size_t length;
};

/* Once, never from inside command_start(); `err` is NULL when it ended well. The command is freed
 * by its owner, also here. */
typedef void (*command_cb)(void *owner, const struct command_end *end, const struct err *err);

/* Borrowed while it is started. */
struct command_order {
	const struct strvec *argv; /* begins with an absolute path */
	const struct strvec *env;  /* exactly its environment */
	int64_t timeout_ms;
};

_must_check_ int command_start(struct loop *loop, const struct command_order *order, command_cb cb,
	void *owner, struct command **ret, struct err *err);
void command_free(struct command *command); /* kills what still runs; NULL is fine */
