/* A program of the operator, run by the server beside its loop: bounded in time and in what it
 * prints. Owns the process and everything that it starts in its session. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/lib/strvec.h"

enum { PROGRAM_TIMEOUT_MS = 60000, PROGRAM_OUTPUT_MAX = 64 << 10, PROGRAM_ERRORS_MAX = 4 << 10 };

struct program;

struct program_end {
	const char *output, *errors; /* borrowed; what it wrote to stdout, the begin of stderr */
	size_t length;
};

/* Once, never from inside program_start(); `err` is NULL when it ended well. The program is freed
 * by its owner, also here. */
typedef void (*program_cb)(void *owner, const struct program_end *end, const struct err *err);

/* Borrowed while it is started. */
struct program_order {
	const struct strvec *argv; /* begins with an absolute path */
	const struct strvec *env;  /* exactly its environment */
	int64_t timeout_ms;
};

_must_check_ int program_start(struct loop *loop, const struct program_order *order, program_cb cb,
	void *owner, struct program **ret, struct err *err);
void program_free(struct program *program); /* kills what still runs; NULL is fine */
