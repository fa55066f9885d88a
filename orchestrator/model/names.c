/* The name of each number that stands on disk or on a page. */
#include "orchestrator/model/job.h"
#include "orchestrator/model/plan_summary.h"
#include "orchestrator/model/pull.h"
#include "orchestrator/model/run.h"
#include "orchestrator/model/vcs_event.h"

#define NAME(table, value)                                                                         \
	((size_t)(value) < countof(table) && (table)[value] != NULL ? (table)[value] : "unknown")

const char *vcs_event_kind_name(enum vcs_event_kind kind)
{
	static const char *const names[] = { "ignored", "opened", "pushed", "reopened", "closed",
		"merged", "comment", "approved", "changes requested", "review dismissed", "ping",
		"ready", "retargeted", "asked again", "queued to merge" };

	return NAME(names, kind);
}

const char *pull_state_name(enum pull_state state)
{
	static const char *const names[] = { NULL, "open", "closed", "merged", "standing" };

	return NAME(names, state);
}

const char *run_kind_name(enum run_kind kind)
{
	static const char *const names[] = { NULL, "plan", "apply", "import", "state rm", "drift" };

	return NAME(names, kind);
}

const char *run_state_name(enum run_state state)
{
	static const char *const names[] = { [RUN_QUEUED] = "queued",
		[RUN_PREPARING] = "preparing",
		[RUN_WORKING] = "working",
		[RUN_HOOKS] = "hooks",
		[RUN_DONE] = "done",
		[RUN_FAILED] = "failed",
		[RUN_SUPERSEDED] = "superseded",
		[RUN_CANCELLED] = "cancelled",
		[RUN_REFUSED] = "refused",
		[RUN_INTERRUPTED] = "interrupted" };

	return NAME(names, state);
}

bool run_state_is_final(enum run_state state)
{
	return state >= RUN_DONE;
}

const char *job_op_name(enum job_op op)
{
	static const char *const names[] = { NULL, "prepare", "plan", "apply", "import", "state rm",
		"hooks", "drift" };

	return NAME(names, op);
}

const char *job_state_name(enum job_state state)
{
	static const char *const names[] = { [JOB_BLOCKED] = "blocked",
		[JOB_WAITING] = "waiting",
		[JOB_STARTING] = "starting",
		[JOB_RUNNING] = "running",
		[JOB_HELD] = "held",
		[JOB_DONE] = "done",
		[JOB_FAILED] = "failed",
		[JOB_CANCELLED] = "cancelled",
		[JOB_INTERRUPTED] = "interrupted",
		[JOB_REFUSED] = "refused",
		[JOB_SKIPPED] = "skipped" };

	return NAME(names, state);
}

bool job_state_is_final(enum job_state state)
{
	return state >= JOB_DONE;
}

const char *job_outcome_name(enum job_outcome outcome)
{
	static const char *const names[] = { "none", "ok", "tool failed", "signalled", "timed out",
		"output cap", "cancelled", "setup failed", "conflict", "bad result", "plan lost",
		"unknown", "never began", "memory cap", "disk cap" };

	return NAME(names, outcome);
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = { "no-op", "create", "update", "delete", "replace",
		"read", "forget", "import", "move" };

	return NAME(names, action);
}
