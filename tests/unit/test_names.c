/* links: model */
/* Every number that is stored or shown has a name of its own, and keeps its number. */
#include "tests/lib/cases.h"

#include "orchestrator/model/job.h"
#include "orchestrator/model/plan_summary.h"
#include "orchestrator/model/pull.h"
#include "orchestrator/model/run.h"
#include "orchestrator/model/steps.h"
#include "orchestrator/model/vcs_event.h"

/* On disk: a line of these tables may be added, never changed. */
static const struct number {
	const char *name, *family;
	int value;
} numbers[] = {
	{ "ignored", "event", 0 },
	{ "opened", "event", 1 },
	{ "pushed", "event", 2 },
	{ "reopened", "event", 3 },
	{ "closed", "event", 4 },
	{ "merged", "event", 5 },
	{ "comment", "event", 6 },
	{ "approved", "event", 7 },
	{ "changes requested", "event", 8 },
	{ "review dismissed", "event", 9 },
	{ "ping", "event", 10 },
	{ "open", "pull", 1 },
	{ "closed", "pull", 2 },
	{ "merged", "pull", 3 },
	{ "plan", "run kind", 1 },
	{ "apply", "run kind", 2 },
	{ "import", "run kind", 3 },
	{ "state rm", "run kind", 4 },
	{ "queued", "run", 1 },
	{ "preparing", "run", 2 },
	{ "working", "run", 3 },
	{ "done", "run", 10 },
	{ "failed", "run", 11 },
	{ "superseded", "run", 12 },
	{ "cancelled", "run", 13 },
	{ "refused", "run", 14 },
	{ "interrupted", "run", 15 },
	{ "prepare", "op", 1 },
	{ "plan", "op", 2 },
	{ "apply", "op", 3 },
	{ "import", "op", 4 },
	{ "state rm", "op", 5 },
	{ "hooks", "op", 6 },
	{ "blocked", "job", 1 },
	{ "waiting", "job", 2 },
	{ "starting", "job", 3 },
	{ "running", "job", 4 },
	{ "held", "job", 5 },
	{ "done", "job", 10 },
	{ "failed", "job", 11 },
	{ "cancelled", "job", 12 },
	{ "interrupted", "job", 13 },
	{ "refused", "job", 14 },
	{ "skipped", "job", 15 },
	{ "none", "outcome", 0 },
	{ "ok", "outcome", 1 },
	{ "tool failed", "outcome", 2 },
	{ "signalled", "outcome", 3 },
	{ "timed out", "outcome", 4 },
	{ "output cap", "outcome", 5 },
	{ "cancelled", "outcome", 6 },
	{ "setup failed", "outcome", 7 },
	{ "conflict", "outcome", 8 },
	{ "bad result", "outcome", 9 },
	{ "plan lost", "outcome", 10 },
	{ "unknown", "outcome", 11 },
	{ "never began", "outcome", 12 },
	{ "memory cap", "outcome", 13 },
	{ "disk cap", "outcome", 14 },
	{ "no-op", "action", 0 },
	{ "create", "action", 1 },
	{ "update", "action", 2 },
	{ "delete", "action", 3 },
	{ "replace", "action", 4 },
	{ "read", "action", 5 },
	{ "forget", "action", 6 },
	{ "import", "action", 7 },
	{ "move", "action", 8 },
	{ "init", "step", 1 },
	{ "plan", "step", 2 },
	{ "show", "step", 3 },
	{ "policy_check", "step", 4 },
	{ "apply", "step", 5 },
	{ "import", "step", 6 },
	{ "state_rm", "step", 7 },
	{ "run", "step", 8 },
	{ "env", "step", 9 },
	{ "multienv", "step", 10 },
	{ "plan", "stage", 0 },
	{ "apply", "stage", 1 },
	{ "policy_check", "stage", 2 },
	{ "import", "stage", 3 },
	{ "state_rm", "stage", 4 },
};

static const char *name_of(const char *family, int value)
{
	if (str_equal(family, "event"))
		return vcs_event_kind_name((enum vcs_event_kind)value);
	if (str_equal(family, "pull"))
		return pull_state_name((enum pull_state)value);
	if (str_equal(family, "run kind"))
		return run_kind_name((enum run_kind)value);
	if (str_equal(family, "run"))
		return run_state_name((enum run_state)value);
	if (str_equal(family, "op"))
		return job_op_name((enum job_op)value);
	if (str_equal(family, "job"))
		return job_state_name((enum job_state)value);
	if (str_equal(family, "outcome"))
		return job_outcome_name((enum job_outcome)value);
	if (str_equal(family, "step"))
		return step_kind_name((enum step_kind)value);
	if (str_equal(family, "stage"))
		return stage_name((enum stage)value);
	return plan_action_name((enum plan_action)value);
}

static void numbers_keep_their_names(void **state)
{
	const struct number *row = *state;

	assert_string_equal(name_of(row->family, row->value), row->name);
}

/* A number from a newer version, or from a broken row, is shown and does not crash. */
static void other_numbers_have_a_name_too(void **state)
{
	static const char *const families[] = { "event", "pull", "run kind", "run", "op", "job",
		"outcome", "action", "step", "stage" };
	static const int others[] = { -1, 99, INT32_MAX, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < countof(families); i++)
		for (size_t k = 0; k < countof(others); k++)
			assert_string_equal(name_of(families[i], others[k]), "unknown");
	assert_string_equal(run_state_name((enum run_state)5), "unknown");
	assert_string_equal(job_state_name((enum job_state)0), "unknown");
}

static void ends_are_ends(void **state)
{
	(void)state;
	for (int i = 1; i < 10; i++) {
		assert_false(run_state_is_final((enum run_state)i));
		assert_false(job_state_is_final((enum job_state)i));
	}
	for (int i = RUN_DONE; i <= RUN_INTERRUPTED; i++)
		assert_true(run_state_is_final((enum run_state)i));
	for (int i = JOB_DONE; i <= JOB_SKIPPED; i++)
		assert_true(job_state_is_final((enum job_state)i));
}

static void what_changes_something_is_never_repeated(void **state)
{
	(void)state;
	assert_int_equal(job_repeat_class(JOB_PREPARE), REPEAT_FREELY);
	assert_int_equal(job_repeat_class(JOB_PLAN), REPEAT_FREELY);
	assert_int_equal(job_repeat_class(JOB_APPLY), REPEAT_NEVER);
	assert_int_equal(job_repeat_class(JOB_IMPORT), REPEAT_NEVER);
	assert_int_equal(job_repeat_class(JOB_STATE_RM), REPEAT_NEVER);
	assert_int_equal(job_repeat_class(JOB_HOOKS), REPEAT_FREELY);
}

int main(int argc, char **argv)
{
	CASES(numbers, numbers_keep_their_names);
	CASE(other_numbers_have_a_name_too);
	CASE(ends_are_ends);
	CASE(what_changes_something_is_never_repeated);
	return cases_run(argc, argv);
}
