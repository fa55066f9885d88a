/* The check that a plan was made of its commit, as part of a job. Owns: the copy of the plan file
 * that the confined reader sees, and that reader. */
#pragma once
#include "runners/confined.h"
#include "runners/stage.h"

struct plan_config {
	struct confined reader;
	int copy_fd;
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
void plan_config_release(struct plan_config *config);
