/* Attacks on the sandbox, from inside. Owns the list. It is run in each profile when the server
 * starts, and by the tests, also where there is no sandbox: there the attacks succeed. */
#pragma once
#include "orchestrator/lib/base.h"

enum { PROBE_ARGS = 8 };

/* What there is to attack; made by selftest.c, given as arguments in this order. */
struct probe_victim {
	const char *pid;      /* of a process outside */
	const char *port;     /* it listens there, on 127.0.0.1 */
	const char *abstract; /* and on this abstract socket */
	const char *socket;   /* and on this path */
	const char *data;     /* the data directory */
	const char *shm;      /* key of a segment of shared memory */
	const char *write;    /* where this profile may write: "tree,out", "out" or "" */
	const char *tmp;
};

/* Prints "open NAME WHY" for each attack that succeeds, "closed NAME" for the others, and "done" at
 * last. */
int probe_main(int argc, char **argv);
