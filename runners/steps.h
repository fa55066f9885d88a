/* The steps of a stage, one after the other: the tool's in its sandbox, each command in one of its
 * own. Owns: what they set for each other and what is shown of them. Must not: know of what a
 * sandbox is made (stage.c does), parse what a tool printed. */
#pragma once
#include "orchestrator/model/workflow.h"
#include "runners/worker.h"

#define STEPS_SHOW_FILE	  "show.json" /* below the job's out folder */
#define STEPS_STATUS_FILE "status"

struct ground;

struct walk {
	struct worker *worker;
	/* Into a fresh sandbox of this profile; NULL: every step is done where the worker stands.
	 */
	int (*stand)(struct walk *walk, enum profile_id profile);
	struct ground *ground;
	enum profile_id tool_profile; /* of the steps that are the tool's */
	enum profile_id stands_in;    /* 0: nowhere yet */
	bool is_used;		      /* something has run there */
	enum stage stage;
	struct steps steps; /* never "the default" */
	bool has_effects;   /* `started` is on disk: nothing may be killed half way */
	bool has_planned;   /* by the step plan; a command may make the plan file too */
	bool has_changes;
	bool wants_init; /* why plan failed */
	bool knows_version;
	struct strbuf shown; /* what commands printed for people, already masked */
};

/* The steps of a stage that a workflow does not name. */
void walk_default(enum stage stage, struct steps *ret);
/* Names the steps and looks at all of them before anything is run. */
_must_check_ int walk_open(
	struct walk *walk, struct worker *worker, enum stage stage, const struct steps *steps);
void walk_release(struct walk *walk);
/* The end of what was shown, from a whole line on, is what people see of the job. */
void walk_keep_output(struct walk *walk);
/* Back to what every command is told; no step has set anything. */
void walk_forget_values(struct walk *walk);

/* One past the first init, 0 when there is none. `ret_is_plain`: before it only values are set, so
 * what it makes depends on nothing but the tree, its arguments and these. */
size_t walk_init_end(const struct steps *steps, bool *ret_is_plain);
/* Sets the values before the first init, and what that init is called with. */
_must_check_ int walk_ready_init(
	struct walk *walk, const struct steps *steps, struct strvec *ret_extra);
/* extra_args, with the values of their variables. */
_must_check_ int walk_expand(
	struct walk *walk, const struct step *step, struct strvec *ret_extra, struct err *err);
/* The plan as JSON into a file of the caller's. */
_must_check_ int walk_show(struct walk *walk, const struct step *step, int file);
_must_check_ int walk_steps(struct walk *walk, size_t from, size_t to);
/* Into the sandbox that this step needs. */
_must_check_ int walk_stand(struct walk *walk, size_t step);
