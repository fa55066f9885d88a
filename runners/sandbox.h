/* A place where a foreign tool may run: own processes, own mounts, own user, nothing inherited.
 * Owns: the keeper (pid 1 inside) and everything below it. Must not: know any tool.
 *
 *   sandbox_enter() -> sandbox_run() ... sandbox_wait() ... -> sandbox_leave()
 *
 * Inside, three folders have the same names for every job, so that a plan and its apply see the
 * same paths: BOX/tree (the work tree, writable, thrown away), BOX/tmp (HOME and TMPDIR) and
 * BOX/out (what is kept). The rest of the data directory does not exist there.
 *
 * A later, stricter sandbox changes what sandbox.c and keeper.c do, not this header. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strvec.h"
#include <sys/types.h>

#define SANDBOX_BOX "box" /* below the data directory */

enum sandbox_part {
	SANDBOX_USER = 1 << 0,
	SANDBOX_PID = 1 << 1,
	SANDBOX_MOUNT = 1 << 2,
	SANDBOX_IPC = 1 << 3,
	SANDBOX_NET = 1 << 4,
	SANDBOX_PROC = 1 << 5,
	SANDBOX_OVERLAY = 1 << 6,
	SANDBOX_ALL = (1 << 7) - 1,
};

/* What this machine can do; asked once by the launcher. */
struct sandbox_support {
	unsigned parts; /* of enum sandbox_part */
	char why_not[160];
};

struct sandbox_bind {
	const char *source; /* absolute */
	const char *target; /* relative to the tree; stands there already in `upper` */
};

enum { SANDBOX_BINDS_MAX = 2, SANDBOX_SLOTS = 2, SANDBOX_OTHERS_MAX = 8 };

struct sandbox_spec {
	unsigned parts;	      /* to use */
	const char *data_dir; /* absolute */
	const char *job_dir;  /* absolute; holds upper, work, tmp, out */
	const char *tree;     /* lower layer; NULL: no box, the data directory stays visible */
	const char *layer;    /* between tree and upper, or NULL */
	const char *cwd;      /* relative to the tree; without a tree: absolute */
	struct sandbox_bind binds[SANDBOX_BINDS_MAX];
	size_t bind_count;
	bool outlives_us; /* when the supervisor dies, steps that run are not killed */
	int lock_fd;	  /* held by the keeper too, so that the lock tells of it */
};

struct sandbox {
	pid_t keeper;
	int pidfd;
	int control;
	unsigned parts;			  /* really used */
	pid_t others[SANDBOX_OTHERS_MAX]; /* our children from before; without a pid namespace only
					   */
};

struct sandbox_command {
	const struct strvec *argv;
	const struct strvec *env;
	int output; /* stdout */
	int errors; /* stderr */
};

struct sandbox_exit {
	int slot;
	int status;	/* of waitid: exit code, or signal */
	bool by_signal; /* which of the two */
	int exec_errno; /* not 0: it never ran */
};

/* `without`: names of parts, with commas, that shall not be used. */
void sandbox_probe(const char *without, struct sandbox_support *ret);
/* Makes the folders that a box needs below the data directory. */
_must_check_ int sandbox_prepare(const char *data_dir, struct err *err);

/* Returns when the keeper stands ready. The error names the step of the set-up that failed. */
_must_check_ int sandbox_enter(
	const struct sandbox_spec *spec, struct sandbox *ret, struct err *err);
_must_check_ int sandbox_run(
	struct sandbox *box, int slot, const struct sandbox_command *command, struct err *err);
/* 1: *ret is set. 0: nothing happened in time, or `wake_fd` is readable. Negative: the keeper is
 * gone. */
_must_check_ int sandbox_wait(struct sandbox *box, int wake_fd, int timeout_ms,
	struct sandbox_exit *ret, struct err *err);
void sandbox_signal(
	struct sandbox *box, int signal); /* to the tools that run, not to what they made */
/* Everything inside is dead when this returns. */
void sandbox_leave(struct sandbox *box);

/* For children that only compute: own network (none), users, processes; limits; returns in the
 * child with 0, in the parent with its pid. */
_must_check_ pid_t sandbox_fork_confined(unsigned parts, int *ret_pidfd);

/* "user", "pid", ... in a fixed order; NULL after the last. */
const char *sandbox_part_name(unsigned index);
