/* A place where a foreign tool may run: its own view of files, processes, network and users, limits
 * on everything, nothing inherited. Owns: the keeper (first process inside) and everything below
 * it. Must not: know any tool.
 *
 *   sandbox_enter() -> sandbox_run() ... sandbox_wait() ... -> sandbox_leave()
 *
 * What stands inside is said by a profile (runners/sandbox/profile.h). In tier full three folders
 * have the same names for every job, so that a plan and its apply see the same paths: /tree (the
 * work tree, what is written to it is thrown away), /tmp (HOME and TMPDIR, in memory) and /out
 * (what is kept). Nothing else of the data directory exists there.
 *
 * A set-up that fails is an error with the name of its step, never a sandbox with less around it.
 */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strvec.h"
#include "runners/sandbox/cgroup.h"
#include "runners/sandbox/filter.h"
#include "runners/sandbox/profile.h"
#include <sys/types.h>

#define SANDBOX_TREE "/tree"
#define SANDBOX_TMP  "/tmp"
#define SANDBOX_OUT  "/out"
#define SANDBOX_BIN  "/run/bin"
#define SANDBOX_DATA "/data" /* profile fetch: repos/<id> of the data directory */

enum { SANDBOX_PROXY_PORT = 3128 };

enum sandbox_tier {
	SANDBOX_NONE = 1, /* an ordinary child: only where the operator says so for this machine */
	SANDBOX_LANDLOCK, /* no namespaces: Landlock, system call filter, own user */
	SANDBOX_FULL,
};

/* What this machine gives; made once by the launcher, inherited by everybody. */
struct sandbox_support {
	enum sandbox_tier tier; /* the one in use */
	int landlock_abi;
	bool has_overlay;
	bool is_root;
	uid_t first_uid; /* root: a job's user is one of these; the first is git's */
	unsigned uid_count;
	struct filter filters[FILTER_COUNT];
	struct cgroup_support cgroups;
	char why_not[160]; /* why not a better tier; "" when there is none */
};

struct sandbox_bind {
	const char *source; /* absolute */
	const char *target; /* absolute, as it is seen inside */
	bool may_write;
};

enum { SANDBOX_BINDS_MAX = 12, SANDBOX_SLOTS = 2, SANDBOX_OTHERS_MAX = 8 };

struct sandbox_spec {
	const struct sandbox_support *support;
	const struct profile *profile;
	const struct site *site;
	int64_t job;	     /* its number chooses its user */
	const char *job_dir; /* absolute; holds upper, work, out, tmp */
	const char *tree;    /* absolute: lower layer; NULL where the profile has no tree */
	const char *layer;   /* absolute: between tree and upper, or NULL */
	const char *cwd;     /* relative to the tree; "." without one */
	struct sandbox_bind binds[SANDBOX_BINDS_MAX];
	size_t bind_count;
	bool reads_all; /* may read what others keep from each other: git, in a user's repository */
	int lock_fd;	/* held by the keeper too, so that the lock tells of it */
};

struct sandbox {
	pid_t keeper;
	int pidfd;
	int control;
	int proxy_port; /* on 127.0.0.1, as seen inside; 0: there is no way out */
	int listener;	/* of profiles with a proxy: what inside is that port */
	enum sandbox_tier tier;
	const struct profile *profile;
	struct cgroup group;
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

/* What of `site`'s wish this machine can give. Fails when that is less than it requires. */
_must_check_ int sandbox_probe(
	const struct site *site, struct sandbox_support *ret, struct err *err);
/* Makes the folders that the sandboxes of the full tier stand on. */
_must_check_ int sandbox_prepare(
	const struct site *site, const struct sandbox_support *support, struct err *err);
void sandbox_support_release(struct sandbox_support *support);
const char *sandbox_tier_name(enum sandbox_tier tier);
/* The user of a job, and of the git work (job 0); ours when we are not root. */
uid_t sandbox_uid(const struct sandbox_support *support, int64_t job);
/* The group that all jobs share, so that each may write in its own layer above a common tree. */
gid_t sandbox_gid(const struct sandbox_support *support);
/* What the job shall own: folder and all that is in it. Does nothing when we are not root. */
_must_check_ int sandbox_give(
	const struct sandbox_support *support, int64_t job, int dir_fd, struct err *err);

/* Returns when the keeper stands ready. */
_must_check_ int sandbox_enter(
	const struct sandbox_spec *spec, struct sandbox *ret, struct err *err);
_must_check_ int sandbox_run(
	struct sandbox *box, int slot, const struct sandbox_command *command, struct err *err);
/* 1: *ret is set. 0: nothing happened in time, or `wake_fd` is readable. Negative: the keeper is
 * gone. */
_must_check_ int sandbox_wait(struct sandbox *box, int wake_fd, int timeout_ms,
	struct sandbox_exit *ret, struct err *err);
/* To the tools that run; with `whole_group` to what they made too, and then a tool ends when all of
 * its group have. */
void sandbox_signal(struct sandbox *box, int signal, bool whole_group);
/* Everything inside is dead when this returns. */
void sandbox_leave(struct sandbox *box);

/* For a child that only computes on bytes it has open: no file, no network, no process, hardly a
 * system call. 0, or -1 with errno. */
_must_check_ int sandbox_only_compute(const struct sandbox_support *support);
