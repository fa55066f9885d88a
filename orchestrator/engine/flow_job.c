/* A job: one operation on one project.
 *
 *   blocked -> held -> waiting -> starting -> running -> done, failed, cancelled, interrupted
 *        \______|         |  \-> refused (the gate was read again and is closed)
 *               |         \<---- void or lost: started again, but never an apply that had begun
 *               \-> skipped (a project before it did not end well)
 */
#include "orchestrator/engine/flow.h"

static bool otherwise(_unused_ const struct facts *facts)
{
	return true;
}

/* An apply, an import, a removal: what changes the world is begun once. */
static bool is_once(const struct facts *facts)
{
	return job_repeat_class(facts->job->op) == REPEAT_NEVER;
}

static bool may_begin(const struct facts *facts)
{
	return is_once(facts) && facts->is_usable && facts->gate != NULL && facts->gate->open;
}

/* A plan for which something must hold first, and does not. */
static bool is_held_up(const struct facts *facts)
{
	return facts->gate != NULL && !facts->is_usable;
}

static bool may_go(const struct facts *facts)
{
	return facts->precedence == PRECEDENCE_GO;
}

static bool one_went_wrong(const struct facts *facts)
{
	return facts->precedence == PRECEDENCE_SKIP;
}

static bool is_ok(const struct facts *facts)
{
	return facts->outcome == OUTCOME_OK;
}

static bool is_cancelled(const struct facts *facts)
{
	return facts->outcome == OUTCOME_CANCELLED;
}

static bool may_repeat(const struct facts *facts)
{
	return job_repeat_class(facts->job->op) == REPEAT_FREELY &&
	       facts->job->attempt < JOB_ATTEMPTS_MAX;
}

static bool may_try_again(const struct facts *facts)
{
	return facts->job->attempt < JOB_ATTEMPTS_MAX;
}

/* clang-format off */
#define RULE(state, event, guard, next, actions)                                                   \
	{                                                                                          \
		state, event, #guard, guard, next, actions                                         \
	}
#define ENDED (ACT_KEEP_RESULT | ACT_FORGET | ACT_TELL_RUN | ACT_TIDY)
#define SKIPPED (ACT_KEEP_RESULT | ACT_TELL_RUN | ACT_TIDY)

static const struct flow_rule rules[] = {
	/*   state          event            guard              next             actions */
	RULE(JOB_BLOCKED,   EV_ONE_ENDED,      one_went_wrong,    JOB_SKIPPED,     SKIPPED),
	RULE(JOB_BLOCKED,   EV_ONE_ENDED,      otherwise,         JOB_BLOCKED,     0),
	RULE(JOB_HELD,      EV_ONE_ENDED,      may_go,            JOB_WAITING,     ACT_SAY),
	RULE(JOB_HELD,      EV_ONE_ENDED,      one_went_wrong,    JOB_SKIPPED,     SKIPPED),
	RULE(JOB_HELD,      EV_ONE_ENDED,      otherwise,         JOB_HELD,        0),
	RULE(JOB_WAITING,   EV_START,          may_begin,         JOB_STARTING,    ACT_USE_PLAN | ACT_ASK_START),
	RULE(JOB_WAITING,   EV_START,          is_once,           JOB_REFUSED,     ACT_KEEP_RESULT | ACT_TELL_RUN),
	RULE(JOB_WAITING,   EV_START,          is_held_up,        JOB_REFUSED,     ACT_KEEP_RESULT | ACT_TELL_RUN | ACT_TIDY),
	RULE(JOB_WAITING,   EV_START,          otherwise,         JOB_STARTING,    ACT_ASK_START | ACT_SAY),
	RULE(JOB_STARTING,  EV_STARTED,        otherwise,         JOB_RUNNING,     ACT_SAY),
	RULE(JOB_RUNNING,   EV_ENDED,          is_ok,             JOB_DONE,        ENDED),
	RULE(JOB_RUNNING,   EV_ENDED,          is_cancelled,      JOB_CANCELLED,   ENDED),
	RULE(JOB_RUNNING,   EV_ENDED,          otherwise,         JOB_FAILED,      ENDED),
	RULE(JOB_STARTING,  EV_ENDED,          is_ok,             JOB_DONE,        ENDED),
	RULE(JOB_STARTING,  EV_ENDED,          is_cancelled,      JOB_CANCELLED,   ENDED),
	RULE(JOB_STARTING,  EV_ENDED,          otherwise,         JOB_FAILED,      ENDED),
	RULE(JOB_STARTING,  EV_START_FAILED,   otherwise,         JOB_FAILED,      ENDED),
	/* after a restart, or when a supervisor died */
	RULE(JOB_STARTING,  EV_VOID,           may_try_again,     JOB_WAITING,     ACT_FORGET | ACT_SAY),
	RULE(JOB_STARTING,  EV_VOID,           otherwise,         JOB_FAILED,      ENDED),
	RULE(JOB_RUNNING,   EV_VOID,           may_try_again,     JOB_WAITING,     ACT_FORGET | ACT_SAY),
	RULE(JOB_RUNNING,   EV_VOID,           otherwise,         JOB_FAILED,      ENDED),
	RULE(JOB_STARTING,  EV_LOST,           may_repeat,        JOB_WAITING,     ACT_FORGET | ACT_SAY),
	RULE(JOB_STARTING,  EV_LOST,           is_once,           JOB_INTERRUPTED, ACT_KEEP_RESULT | ACT_TELL_RUN),
	RULE(JOB_STARTING,  EV_LOST,           otherwise,         JOB_FAILED,      ENDED),
	RULE(JOB_RUNNING,   EV_LOST,           may_repeat,        JOB_WAITING,     ACT_FORGET | ACT_SAY),
	RULE(JOB_RUNNING,   EV_LOST,           is_once,           JOB_INTERRUPTED, ACT_KEEP_RESULT | ACT_TELL_RUN),
	RULE(JOB_RUNNING,   EV_LOST,           otherwise,         JOB_FAILED,      ENDED),
	/* stop */
	RULE(JOB_BLOCKED,   EV_CANCEL,         otherwise,         JOB_CANCELLED,   ACT_TELL_RUN | ACT_TIDY),
	RULE(JOB_HELD,      EV_CANCEL,         otherwise,         JOB_CANCELLED,   ACT_TELL_RUN | ACT_TIDY),
	RULE(JOB_WAITING,   EV_CANCEL,         otherwise,         JOB_CANCELLED,   ACT_TELL_RUN | ACT_TIDY),
	RULE(JOB_STARTING,  EV_CANCEL,         otherwise,         JOB_STARTING,    ACT_ASK_CANCEL),
	RULE(JOB_RUNNING,   EV_CANCEL,         otherwise,         JOB_RUNNING,     ACT_ASK_CANCEL),
};
/* clang-format on */

static const int states[] = { JOB_BLOCKED, JOB_HELD, JOB_WAITING, JOB_STARTING, JOB_RUNNING,
	JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_INTERRUPTED, JOB_REFUSED, JOB_SKIPPED };

static const char *state_name(int state)
{
	return job_state_name((enum job_state)state);
}

static bool is_final(int state)
{
	return job_state_is_final((enum job_state)state);
}

const struct flow flow_job = {
	.name = "job",
	.rules = rules,
	.rule_count = countof(rules),
	.states = states,
	.state_count = countof(states),
	.state_name = state_name,
	.is_final = is_final,
	.events = 1 << EV_START | 1 << EV_CANCEL | 1 << EV_ONE_ENDED | 1 << EV_STARTED |
		  1 << EV_START_FAILED | 1 << EV_ENDED | 1 << EV_VOID | 1 << EV_LOST,
};
