/* A child that only computes on bytes a pull request made: no network, no credentials, no programs,
 * a limit on everything. Owns the child. It is forked before any secret is read and waits until it
 * is told to go, so that its start costs nothing when it is needed. */
#pragma once
#include "orchestrator/lib/err.h"
#include <jansson.h>
#include <sys/types.h>

/* Reads in_fd from its begin, writes one JSON document to out_fd; returns the exit code. */
typedef int (*confined_cb)(int in_fd, int out_fd);

struct confined {
	pid_t pid;
	int go_fd;
	int answer_fd;
};

struct sandbox_support;

/* in_fd stays the caller's. */
_must_check_ int confined_start(struct confined *child, const struct sandbox_support *support,
	confined_cb work, int in_fd, struct err *err);
void confined_go(struct confined *child);
/* Waits for the end; *ret is owned by the caller. */
_must_check_ int confined_answer(struct confined *child, size_t cap, json_t **ret, struct err *err);
/* The same for an answer that is no JSON of ours: its bytes, into a file. */
_must_check_ int confined_save(struct confined *child, size_t cap, int file, struct err *err);
void confined_release(struct confined *child); /* kills it when it still lives */
