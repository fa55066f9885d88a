/* One job at work: enters sandboxes, runs the tool's steps in them, stops them in time. Owns
 * everything of the job but its directory. Must not: know the order of the steps (supervise.c
 * does).
 *
 * The functions that can end a job return 0 to go on and a negative code when `result` says how it
 * ended; nothing else has to be done then but to write it. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/mask.h"
#include "orchestrator/model/job_secrets.h"
#include "orchestrator/model/job_slot.h"
#include "runners/job_dir.h"
#include "runners/output.h"
#include "runners/sandbox.h"
#include "runners/site.h"
#include "runners/tool.h"

struct way_out;

struct worker {
	const struct site *site;
	const struct sandbox_support *support;
	const struct tool *tool;
	const char *program; /* the tool's executable, in the version of this job */
	struct job_dir *dir;
	struct arena arena;
	struct job_spec spec;
	struct mask mask;
	struct strvec env; /* NAME=value of the workflow, beside what the tool asks for */
	struct job_secrets secrets;
	struct output output;
	struct tool_context context;
	struct sandbox box;
	bool is_inside;
	struct way_out *way_out; /* the job's network; borrowed, or NULL: it has none */
	struct sandbox render;	 /* made while the plan is, so that nobody waits for it */
	bool has_render;
	const char *render_layer;
	int line;	 /* to the server, which gives slots; -1: nobody is asked for one */
	bool may_run;	 /* tools: the server gave a slot, or a lane */
	bool is_in_lane; /* of init: a slot is asked for afterwards */
	bool is_left;	 /* nobody is there to give one: nothing was run, nothing will be */
	int wake_fd;	 /* readable when a cancel may have been asked for */

	enum job_outcome stop; /* why we stop what runs, or NONE */
	int stop_stage;
	int64_t stop_next_ms; /* monotonic; of the next, harder stage */
	int64_t timeout_ms;   /* of the step that runs */

	struct job_result result; /* strings in the arena */
	json_t *checked;	  /* model/check_results.h, unmasked; NULL: none looked */
	json_t *policies;	  /* model/policy_results.h, unmasked; NULL: none was asked */
};

_must_check_ int worker_open(struct worker *worker, const struct site *site,
	const struct sandbox_support *support, struct job_dir *dir, struct err *err);
void worker_release(struct worker *worker);

/* Ends the job: sets the result and returns a negative code. */
_printf_(4, 5) int worker_end(
	struct worker *worker, enum job_outcome outcome, const char *step, const char *format, ...);
int worker_end_err(
	struct worker *worker, enum job_outcome outcome, const char *step, const struct err *err);

void worker_leave(struct worker *worker);

/* Waits until the step's tools may run. A job that has begun nothing ends here when its server is
 * gone. */
_must_check_ int worker_take_slot(struct worker *worker, const char *step, enum slot_word ask);
/* It made itself ready in the slot that it has. */
void worker_tell_ready(const struct worker *worker);
/* Its tools have ended: the next job's may run while we read what they left. */
void worker_give_slot(struct worker *worker);

enum worker_stop {	 /* what a step that must end gets */
	STOP_HARDER = 0, /* SIGINT, SIGTERM, SIGKILL */
	STOP_ALL,	 /* the same, to everything that a shell has started */
	STOP_POLITE,	 /* SIGINT */
	STOP_NOT,	 /* nothing: a shell would die of it, and leave half an apply behind */
};

struct worker_command {
	const char *name; /* of the step, for people */
	const struct strvec *argv, *env;
	int output, errors; /* -1: what the job prints */
	int64_t cap_bytes;  /* of an output of its own */
	int64_t timeout_ms; /* 0: what holds for every step */
	enum worker_stop stop;
};

/* Runs a command to its end, whatever its exit code is. A cancelled job begins none. */
_must_check_ int worker_exec(
	struct worker *worker, const struct worker_command *command, int *ret_status);
/* The tool's environment, the workflow's, the job's secrets. */
_must_check_ int worker_describe(struct worker *worker, enum tool_step step, struct strvec *argv,
	struct strvec *env, struct err *err);
/* What the step printed is what people see of the job. */
void worker_keep_tail(struct worker *worker);
/* Runs a step to its end and lets the tool say what that means. */
_must_check_ int worker_step(struct worker *worker, enum tool_step step, struct tool_verdict *ret,
	struct strbuf *failure);
/* The two renderings of the plan, at the same time, each into its own file; in a sandbox that has
 * no file of the pull request, after everything else of the job is dead. */
_must_check_ int worker_show(struct worker *worker, int json_fd, int text_fd);
/* The summary in the result is one, or it is none; and does anything change by it? */
_must_check_ int worker_read_summary(struct worker *worker, struct err *err);
bool worker_is_cancelled(struct worker *worker);
