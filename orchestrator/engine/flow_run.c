/* A run: one command on one pull request.
 *
 *   queued -> preparing -> [hooks] -> working -> done
 *        \______________________________/  |  \-> failed, cancelled, refused, interrupted
 *             (an import, a removal)       \----> superseded (plans only: a running apply is never
 *                                                 replaced)
 *
 * git prepares a plan; of an apply it says what the base branch became since its plan.
 */
#include "orchestrator/engine/flow.h"

static bool otherwise(_unused_ const struct facts *facts)
{
	return true;
}

static bool is_plan(const struct facts *facts)
{
	return facts->run->kind == RUN_PLAN;
}

static bool is_apply(const struct facts *facts)
{
	return facts->run->kind == RUN_APPLY;
}

/* What it works on is git's to say. */
static bool needs_tree(const struct facts *facts)
{
	return is_plan(facts) || facts->run->kind == RUN_DRIFT;
}

static bool has_projects(const struct facts *facts)
{
	return facts->project_count > 0;
}

static bool has_hooks(const struct facts *facts)
{
	return facts->has_hooks;
}

static bool has_job_in(const struct facts *facts, enum job_state state)
{
	for (size_t i = 0; i < facts->job_count; i++) {
		if (facts->jobs[i].op != JOB_PREPARE && facts->jobs[i].state == state)
			return true;
	}
	return false;
}

static bool jobs_are_open(const struct facts *facts)
{
	for (size_t i = 0; i < facts->job_count; i++) {
		if (!job_state_is_final(facts->jobs[i].state))
			return true;
	}
	return false;
}

static bool one_is_unknown(const struct facts *facts)
{
	return has_job_in(facts, JOB_INTERRUPTED);
}

/* A plan that was not begun holds up no other plan of its set. */
static bool one_failed(const struct facts *facts)
{
	return has_job_in(facts, JOB_FAILED) || (is_plan(facts) && has_job_in(facts, JOB_REFUSED));
}

static bool one_was_skipped(const struct facts *facts)
{
	return has_job_in(facts, JOB_SKIPPED);
}

static bool one_was_refused(const struct facts *facts)
{
	return has_job_in(facts, JOB_REFUSED);
}

static bool one_was_cancelled(const struct facts *facts)
{
	return has_job_in(facts, JOB_CANCELLED);
}

/* clang-format off */
#define RULE(state, event, guard, next, actions)                                                   \
	{                                                                                          \
		state, event, #guard, guard, next, actions                                         \
	}

/*~ 8. Every move of a run is a row here; what is not here does not happen. The jobs have such a
 * table beside it. */
static const struct flow_rule rules[] = {
	/*   state          event            guard              next             actions */
	RULE(RUN_QUEUED,    EV_START,          needs_tree,        RUN_PREPARING,   ACT_ASK_PREPARE | ACT_SAY),
	RULE(RUN_QUEUED,    EV_START,          is_apply,          RUN_PREPARING,   ACT_ASK_PREPARE | ACT_SAY),
	RULE(RUN_QUEUED,    EV_START,          otherwise,         RUN_WORKING,     ACT_MAKE_CHANGE_JOBS | ACT_SAY),
	RULE(RUN_PREPARING, EV_PREPARED,       is_apply,          RUN_WORKING,     ACT_MAKE_CHANGE_JOBS | ACT_SAY),
	RULE(RUN_PREPARING, EV_PREPARED,       has_hooks,         RUN_HOOKS,       ACT_ASK_HOOKS | ACT_SAY),
	RULE(RUN_PREPARING, EV_PREPARED,       has_projects,      RUN_WORKING,     ACT_MAKE_PLAN_JOBS | ACT_SAY),
	RULE(RUN_PREPARING, EV_PREPARED,       otherwise,         RUN_DONE,        ACT_MAKE_PLAN_JOBS | ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_HOOKS,     EV_PREPARED,       has_projects,      RUN_WORKING,     ACT_MAKE_PLAN_JOBS | ACT_SAY),
	RULE(RUN_HOOKS,     EV_PREPARED,       otherwise,         RUN_DONE,        ACT_MAKE_PLAN_JOBS | ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      jobs_are_open,     RUN_WORKING,     ACT_LET_GO | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      one_is_unknown,    RUN_INTERRUPTED, ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      one_failed,        RUN_FAILED,      ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      one_was_refused,   RUN_REFUSED,     ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      one_was_cancelled, RUN_CANCELLED,   ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      one_was_skipped,   RUN_FAILED,      ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_JOB_ENDED,      otherwise,         RUN_DONE,        ACT_FINISH | ACT_TIDY | ACT_SAY),
	/* what goes wrong before there are projects */
	RULE(RUN_PREPARING, EV_PREPARE_FAILED, otherwise,         RUN_FAILED,      ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_PREPARING, EV_JOB_ENDED,      otherwise,         RUN_CANCELLED,   ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_HOOKS,     EV_PREPARE_FAILED, otherwise,         RUN_FAILED,      ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_HOOKS,     EV_JOB_ENDED,      otherwise,         RUN_CANCELLED,   ACT_FINISH | ACT_TIDY | ACT_SAY),
	/* a newer head, or people who changed their mind */
	RULE(RUN_QUEUED,    EV_SUPERSEDED,     otherwise,         RUN_SUPERSEDED,  ACT_SAY),
	RULE(RUN_PREPARING, EV_SUPERSEDED,     otherwise,         RUN_SUPERSEDED,  ACT_CANCEL_JOBS | ACT_SAY),
	RULE(RUN_HOOKS,     EV_SUPERSEDED,     otherwise,         RUN_SUPERSEDED,  ACT_CANCEL_JOBS | ACT_SAY),
	RULE(RUN_WORKING,   EV_SUPERSEDED,     is_plan,           RUN_SUPERSEDED,  ACT_CANCEL_JOBS | ACT_SAY),
	RULE(RUN_QUEUED,    EV_CANCEL,         otherwise,         RUN_CANCELLED,   ACT_SAY),
	RULE(RUN_PREPARING, EV_CANCEL,         otherwise,         RUN_CANCELLED,   ACT_CANCEL_JOBS | ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_HOOKS,     EV_CANCEL,         otherwise,         RUN_CANCELLED,   ACT_CANCEL_JOBS | ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_CANCEL,         is_plan,           RUN_CANCELLED,   ACT_CANCEL_JOBS | ACT_FINISH | ACT_TIDY | ACT_SAY),
	RULE(RUN_WORKING,   EV_CANCEL,         otherwise,         RUN_WORKING,     ACT_CANCEL_JOBS | ACT_SAY),
};
/* clang-format on */

static const int states[] = { RUN_QUEUED, RUN_PREPARING, RUN_HOOKS, RUN_WORKING, RUN_DONE,
	RUN_FAILED, RUN_SUPERSEDED, RUN_CANCELLED, RUN_REFUSED, RUN_INTERRUPTED };

static const char *state_name(int state)
{
	return run_state_name((enum run_state)state);
}

static bool is_final(int state)
{
	return run_state_is_final((enum run_state)state);
}

const struct flow flow_run = {
	.name = "run",
	.rules = rules,
	.rule_count = countof(rules),
	.states = states,
	.state_count = countof(states),
	.state_name = state_name,
	.is_final = is_final,
	.events = 1 << EV_START | 1 << EV_PREPARED | 1 << EV_PREPARE_FAILED | 1 << EV_JOB_ENDED |
		  1 << EV_SUPERSEDED | 1 << EV_CANCEL,
};
