/* The workflow as data. Rows stand in the order of the happy path, the first match wins; guards
 * read facts, actions are names of what the engine then writes. Nothing here can see a clock, the
 * store or a socket. */
#pragma once
#include "orchestrator/engine/gates/gates.h"
#include "orchestrator/engine/precedence.h"
#include "orchestrator/model/job.h"
#include "orchestrator/model/pull.h"
#include "orchestrator/model/run.h"

enum flow_event {
	EV_START = 0,	   /* run: begin; job: a slot is free and it is this job's turn */
	EV_PREPARED,	   /* run: git answered, also after hooks */
	EV_PREPARE_FAILED, /* run: conflict, or git or hooks failed */
	EV_JOB_ENDED,	   /* run: one of its jobs reached a final state */
	EV_SUPERSEDED,	   /* run: a newer head came, or a newer plan was asked for */
	EV_CANCEL,	   /* run, job: a person or the end of the pull request says stop */
	EV_ONE_ENDED,	   /* job: one of the projects before it ended */
	EV_STARTED,	   /* job: the supervisor lives */
	EV_START_FAILED,   /* job: it could not be asked for, and asking again cannot help */
	EV_ENDED,	   /* job: a result */
	EV_VOID,	   /* job: it never began and never will; a new attempt is safe */
	EV_LOST,	   /* job: it began, nothing lives, there is no result */
	EV_MAX
};

/* What the engine writes when a row is taken, in this order. */
enum flow_action {
	ACT_ASK_PREPARE = 1 << 0,      /* insert the git job */
	ACT_MAKE_PLAN_JOBS = 1 << 1,   /* insert a job per project, take locks */
	ACT_MAKE_CHANGE_JOBS = 1 << 2, /* insert a job per plan with changes; one for an import */
	ACT_KEEP_RESULT = 1 << 3,      /* outcome, text, summary, blobs of the job */
	ACT_ASK_START = 1 << 4,	       /* outbox: start the job */
	ACT_USE_PLAN =
		1 << 5, /* the saved plan is used up; the gate's evidence goes into the audit */
	ACT_ASK_CANCEL = 1 << 6,  /* outbox: stop the job */
	ACT_CANCEL_JOBS = 1 << 7, /* EV_CANCEL to every open job of the run */
	ACT_TIDY = 1 << 8,	  /* locks that nothing needs any more are released */
	ACT_TELL_RUN = 1 << 9,	  /* the run gets EV_PREPARED, EV_PREPARE_FAILED or EV_JOB_ENDED */
	ACT_FORGET = 1 << 10,	  /* outbox: the job directory may go */
	ACT_SAY = 1 << 11,	  /* comment and statuses are stale */
	ACT_FINISH = 1 << 12,	  /* record the end */
	ACT_LET_GO = 1 << 13,	  /* EV_ONE_ENDED to the jobs that waited for one that ended */
	ACT_ASK_HOOKS = 1 << 14,  /* insert the job of the hooks that go before everything */
};

struct facts {
	const struct pull *pull;
	const struct run *run;
	const struct job *job;	/* job flow */
	const struct job *jobs; /* run flow: all of the run */
	size_t job_count;
	size_t project_count;		 /* EV_PREPARED */
	bool has_hooks;			 /* EV_PREPARED: nothing is chosen before they ran */
	const struct gate_verdict *gate; /* EV_START of such a job: read now */
	bool is_usable; /* EV_START of a job that is begun once: newest set, newest head, unused,
			   lock held */
	bool is_fresh;	/* what hosts said of it is of now; else they are asked first */
	enum job_outcome outcome;   /* EV_ENDED */
	enum precedence precedence; /* EV_ONE_ENDED */
};

struct flow_rule {
	int state;
	enum flow_event event;
	const char *guard_name;
	bool (*guard)(const struct facts *facts);
	int next;
	unsigned actions; /* enum flow_action */
};

struct flow {
	const char *name;
	const struct flow_rule *rules;
	size_t rule_count;
	const int *states;
	size_t state_count;
	const char *(*state_name)(int state);
	bool (*is_final)(int state);
	unsigned events; /* which events this flow knows, 1 << EV_... */
};

extern const struct flow flow_run, flow_job;

enum { JOB_ATTEMPTS_MAX = 3 };

/* The rule that is taken, or NULL: this event is refused in this state and changes nothing. Pure.
 */
const struct flow_rule *flow_decide(
	const struct flow *flow, int state, enum flow_event event, const struct facts *facts);
/* May this event happen in this state at all? */
bool flow_declares(const struct flow *flow, int state, enum flow_event event);
const char *flow_event_name(enum flow_event event);
