/* What the engine wants from whoever runs jobs. The first implementation is
 * runners/executor_local.c. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/model/job_spec.h"

/* What is found of a job that was asked for before a restart. */
enum job_evidence {
	EVIDENCE_ALIVE = 1, /* re-attached: its end will be told */
	EVIDENCE_ENDED,	    /* its result was found: its end will be told */
	EVIDENCE_STARTED,   /* it had begun, nothing lives, no result */
	EVIDENCE_NEVER,	    /* it had not begun, and now it never can: the directory is void */
};

/* How far a job is, as slots see it. A slot is for the time of its tools: others are staged
 * meanwhile, so that it is used again at once. */
enum job_phase {
	PHASE_STAGED = 1, /* it makes itself ready; a brief init is part of that */
	PHASE_TOOLS,	  /* it waits for a slot or has one */
	PHASE_READS,	  /* its tools have ended, it reads what they left */
};

struct executor_events { /* called on the loop's thread, never from inside a call to the executor */
	void (*started)(void *owner, struct job_id job, int attempt);
	void (*step)(void *owner, struct job_id job, int attempt,
		const char *step); /* live; may be lost */
	void (*ended)(void *owner, struct job_id job, int attempt,
		const struct job_result *result); /* borrowed */
	void (*moved)(void *owner);		  /* some job came into another phase */
	void *owner;
};

/* Something on disk that is old enough to go, if no row needs it. */
enum leftover_kind {
	LEFTOVER_BLOB = 1, /* a saved plan or a log */
	LEFTOVER_TREE,	   /* a work tree */
	LEFTOVER_JOB,	   /* a job directory in which nothing lives */
};

struct leftover {
	enum leftover_kind kind;
	struct repo_id repo; /* of a tree */
	struct job_id job;   /* of a job directory */
	int attempt;
	const char *name; /* of a blob or tree: its hash */
};

struct sweep {
	int64_t leftover_age_ms; /* younger things may belong to something that is not stored yet */
	int64_t init_age_ms;	 /* since it was last used */
	bool (*is_needed)(void *owner, const struct leftover *leftover);
	void *owner;
	int64_t removed; /* counted by the executor */
};

struct executor {
	/* Makes the job directory and asks for a supervisor. On failure nothing runs and nothing
	 * ever will of this attempt. An error of the class TEMP is tried again by the outbox. What
	 * is begun once has its slot from here on; what can be repeated waits for one before its
	 * first tool. */
	int (*start)(struct executor *executor, const struct job_spec *spec, struct err *err);
	void (*cancel)(struct executor *executor, struct job_id job, int attempt);
	int (*recover)(struct executor *executor, struct job_id job, int attempt,
		enum job_evidence *ret, struct err *err);
	/* The engine has recorded the end: the directory may go. */
	void (*forget)(struct executor *executor, struct job_id job, int attempt);
	/* A work tree that no open pull needs. */
	void (*drop_tree)(struct executor *executor, struct repo_id repo, const char *tree);
	bool (*has_tree)(struct executor *executor, struct repo_id repo, const char *tree);
	/* One bounded step of a round through all that is kept on disk. False: the round is over.
	 */
	bool (*sweep)(struct executor *executor, struct sweep *sweep);
	/* How many jobs may run tools at the same time. */
	void (*set_slots)(struct executor *executor, int slots);
	enum job_phase (*phase)(struct executor *executor, struct job_id job, int attempt);
	void (*listen)(struct executor *executor, const struct executor_events *events);
};
