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

struct executor_events { /* called on the loop's thread, never from inside a call to the executor */
	void (*started)(void *owner, struct job_id job, int attempt);
	void (*step)(void *owner, struct job_id job, int attempt,
		const char *step); /* live; may be lost */
	void (*ended)(void *owner, struct job_id job, int attempt,
		const struct job_result *result); /* borrowed */
	void *owner;
};

struct executor {
	/* Makes the job directory and asks for a supervisor. On failure nothing runs and nothing
	 * ever will of this attempt. An error of the class TEMP is tried again by the outbox. */
	int (*start)(struct executor *executor, const struct job_spec *spec, struct err *err);
	void (*cancel)(struct executor *executor, struct job_id job, int attempt);
	int (*recover)(struct executor *executor, struct job_id job, int attempt,
		enum job_evidence *ret, struct err *err);
	/* The engine has recorded the end: the directory may go. */
	void (*forget)(struct executor *executor, struct job_id job, int attempt);
	/* A work tree that no open pull needs. */
	void (*drop_tree)(struct executor *executor, struct repo_id repo, const char *tree);
	bool (*has_tree)(struct executor *executor, struct repo_id repo, const char *tree);
	void (*listen)(struct executor *executor, const struct executor_events *events);
};
