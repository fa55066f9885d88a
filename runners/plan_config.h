/* The check that a plan was made of its commit, as part of a job, and what an apply must find
 * again. Owns: the copy of the plan file that the confined reader sees, and that reader. */
#pragma once
#include "orchestrator/model/plan_checks.h"
#include "runners/confined.h"
#include "runners/stage.h"

struct plan_config {
	struct confined reader;
	int copy_fd;
	struct plan_checks checks; /* what was found, in the arena of the worker */
};

#define PLAN_CONFIG                                                                                \
	{                                                                                          \
		.reader = { .go_fd = -1, .answer_fd = -1 }, .copy_fd = -1                          \
	}

/* Before there are secrets. */
_must_check_ int plan_config_start(struct plan_config *config,
	const struct sandbox_support *support, int job_fd, struct err *err);
/* Lets the reader look at out_fd/tfplan; the sandbox is dead. */
_must_check_ int plan_config_take(struct plan_config *config, int out_fd, struct err *err);
/* Ends the job when the plan holds other configuration than the commit and nobody but Terraform
 * could have put it there; where commands of the workflow ran, people are told. */
_must_check_ int plan_config_judge(
	struct plan_config *config, struct walk *walk, const struct ground *ground);
/* Adds what the judge does not see. `json_fd`: the plan as JSON; readers of it
 * use offsets of their own. */
_must_check_ int plan_config_note(struct plan_config *config, struct worker *worker,
	const struct ground *ground, int json_fd, struct err *err);
/* Ends an apply that would not find what its plan was made with. */
_must_check_ int plan_config_hold(struct worker *worker, const struct ground *ground);
void plan_config_release(struct plan_config *config);
