/* The facts of a gate while they are brought together. Private to gate.c, policies.c and the file
 * that asks for people. */
#pragma once
#include "orchestrator/engine/private.h"

struct gathering {
	struct engine *engine;
	struct arena *arena;
	const struct pull *pull;
	const struct run *plan_run;
	const struct gate_question *question;
	struct gate_facts facts;
	struct gate_project *projects;
	struct gate_needs needs;
	bool is_stale; /* something else must be asked of the host first */
};

/* What the plan of this job would do; NULL: it cannot be read. */
const struct plan_summary *gather_plan(struct gathering *on, const struct job *job);
void gather_opinion(struct gathering *on, const struct gate_opinion *opinion);
/* Who wrote the commits. */
_must_check_ int gather_people(struct gathering *on, struct err *err);
/* A name that the host is asked about. */
void gather_need(struct gathering *on, struct name_list *list, const char *name);
void gather_teams(struct gathering *on, const struct name_list *teams);
/* What the host says of them, when it was asked lately. */
void gather_host(struct gathering *on);
