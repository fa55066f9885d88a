/* One command on its way: accepted, or answered with why not and what to do. Private to the files
 * of commands. */
#pragma once
#include "orchestrator/engine/private.h"

struct asking { /* one command on its way */
	struct engine *engine;
	struct arena *arena;
	struct pull *pull;
	const struct vcs_event *event;
	const struct command *command;
	int64_t ledger;
	const char **ret_outcome;
};

/* The answer is no: `why`, and what to do next. */
_must_check_ int asking_refuse(
	struct asking *asking, const char *why, const char *next, struct err *err);
_must_check_ int asking_accept(struct asking *asking, struct run_id run, struct err *err);
/* There is no plan set, or it is void: `why` is what plan_set_load() said. */
_must_check_ int asking_refuse_planless(struct asking *asking, int why, struct err *err);
/* An apply, or an import or a removal: what must not be disturbed. */
_must_check_ int apply_is_running(struct engine *engine, struct arena *arena, struct pull_id pull,
	bool *ret, struct err *err);

/* ---- apply_command.c ---- */
_must_check_ int apply_command(struct asking *asking, struct err *err);
/* ---- policy_command.c ---- */
_must_check_ int approve_policies_command(struct asking *asking, struct err *err);
/* ---- break_glass.c ---- */
_must_check_ int reviewed_command(struct asking *asking, struct err *err);
/* ---- change_command.c ---- */
_must_check_ int change_command(struct asking *asking, struct err *err);
