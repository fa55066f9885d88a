/* A job: one operation on one project inside a run (or the git work of the run). */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/model/ids.h"

/* Numbers are on disk. */
enum job_op {
	JOB_PREPARE = 1,
	JOB_PLAN = 2,
	JOB_APPLY = 3,
	JOB_IMPORT = 4,
	JOB_STATE_RM = 5,
	JOB_HOOKS = 6, /* the server's own commands, around the projects of a run */
	JOB_DRIFT = 7, /* a plan that nobody can apply: what does the world look like? */
};

/* The repeat class alone decides what a restart does with work that was asked for and not answered.
 */
enum repeat_class {
	REPEAT_FREELY = 1, /* do it again */
	REPEAT_UPSERT = 2, /* look for the mark, then create or edit */
	REPEAT_NEVER = 3,  /* ask the evidence; no proof either way: interrupted */
};

enum job_state {
	JOB_BLOCKED = 1,  /* another pull holds the project's lock */
	JOB_WAITING = 2,  /* for a slot */
	JOB_STARTING = 3, /* asked for in the outbox */
	JOB_RUNNING = 4,
	JOB_HELD = 5, /* projects before it have not ended */
	JOB_DONE = 10,
	JOB_FAILED = 11,
	JOB_CANCELLED = 12,
	JOB_INTERRUPTED = 13,
	JOB_REFUSED = 14, /* the gate, read again right before the start, said no */
	JOB_SKIPPED =
		15, /* a project before it did not end well, or a person must say a word first */
};

/* How a job ended; more than yes or no, because people must be told apart what happened. Numbers
 * are on disk. */
enum job_outcome {
	OUTCOME_NONE = 0,
	OUTCOME_OK = 1,		 /* done; for a plan see `changes` */
	OUTCOME_TOOL_FAILED = 2, /* the tool ended with an error */
	OUTCOME_SIGNALLED = 3,	 /* the tool was killed by a signal that was not ours */
	OUTCOME_TIMED_OUT = 4,
	OUTCOME_OUTPUT_CAP = 5, /* it printed more than it may */
	OUTCOME_CANCELLED = 6,	/* we were asked to stop it */
	OUTCOME_SETUP_FAILED =
		7, /* sandbox, work tree or tool could not be made ready; class in the text */
	OUTCOME_CONFLICT = 8,	/* prepare: head and base cannot be merged */
	OUTCOME_BAD_RESULT = 9, /* the tool said success, but what it left cannot be read */
	OUTCOME_PLAN_LOST =
		10, /* apply: the saved plan is gone or its hash differs; nothing was run */
	OUTCOME_UNKNOWN = 11, /* started, no result, nothing alive */
	OUTCOME_NEVER_BEGAN =
		12, /* it was asked for, had not begun, and now never will: a new attempt is safe */
	OUTCOME_MEMORY_CAP = 13, /* it used more memory, or more processes, than it may */
	OUTCOME_DISK_CAP = 14,	 /* it wrote more, or more files, than it may */
};

struct job {
	struct job_id id;
	struct run_id run_id;
	struct pull_id pull_id;
	enum job_op op;
	enum job_state state;
	int attempt;	     /* job directory is "<id>-<attempt>" */
	const char *project; /* name */
	const char *dir;     /* relative to the tree, "." for its root */
	const char *workspace;
	const char *tool;
	const char *recipe;	/* model/steps.h, or "": how its project is done */
	const char *guard;	/* a plan: model/project_guard.h, or "": what guards its apply */
	int position;		/* order in the run */
	int order_group;	/* later groups wait for earlier ones */
	const char *depends_on; /* names of projects, one on each line, or "" */
	bool aborts_with_group; /* not begun when an earlier group did not end well */
	bool goes_alone;	/* waits for those of its group that stand before it */
	const char *step;	/* live: "init", "plan"; or "" */
	enum job_outcome outcome;
	const char *failure; /* text for people, or "" */
	const char *output;  /* the tool's own text, masked and capped, or "" */
	const char *summary; /* plan: JSON of struct plan_summary, or "" */
	const char
		*plan_blob; /* plan: SHA-256 of the saved plan, or ""; apply: the plan it applies */
	const char *log_blob;	/* SHA-256 of the whole masked output, or "" */
	struct job_id plan_job; /* apply: the job that made the plan */
	bool has_changes;	/* plan: applying it would do something */
	bool is_applied;	/* plan: its plan was used; it can never be used again */
	int64_t not_before_ms;	/* drift: it waits at least until then */
	int64_t created_ms, started_ms, ended_ms;
};

const char *job_op_name(enum job_op op);
const char *job_state_name(enum job_state state);
const char *job_outcome_name(enum job_outcome outcome);
bool job_state_is_final(enum job_state state);
/* It looks, with credentials that may look. */
static inline bool job_op_plans(enum job_op op)
{
	return op == JOB_PLAN || op == JOB_DRIFT;
}
static inline enum repeat_class job_repeat_class(enum job_op op)
{
	return op == JOB_APPLY || op == JOB_IMPORT || op == JOB_STATE_RM ? REPEAT_NEVER
									 : REPEAT_FREELY;
}
