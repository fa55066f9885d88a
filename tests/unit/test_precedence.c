/* links: engine model lib_regex lib */
/* May a job begin? The projects before it, as a table. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/precedence.h"

#include <string.h>

static const struct precedence_case {
	const char *name;
	struct job before[3]; /* the others of its run; the first without a name ends the list */
	struct job job;
	enum precedence verdict;
	const char *why;
} precedence_cases[] = {
	{ "alone", { { .project = NULL } }, { .project = "x", .depends_on = "" }, PRECEDENCE_GO,
		NULL },
	{ "beside others", { { .project = "a", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "" }, PRECEDENCE_GO, NULL },
	{ "one it depends on runs", { { .project = "a", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_WAIT, NULL },
	{ "is held itself", { { .project = "a", .state = JOB_HELD } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_WAIT, NULL },
	{ "waits for a lock", { { .project = "a", .state = JOB_BLOCKED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_WAIT, NULL },
	{ "is done", { { .project = "a", .state = JOB_DONE } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_GO, NULL },
	{ "failed", { { .project = "a", .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_SKIP,
		"a did not succeed, and this project depends on it" },
	{ "was refused", { { .project = "a", .state = JOB_REFUSED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_SKIP, "a did not succeed" },
	{ "is unknown", { { .project = "a", .state = JOB_INTERRUPTED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_SKIP, "a did not succeed" },
	{ "was cancelled", { { .project = "a", .state = JOB_CANCELLED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_SKIP, "a was cancelled" },
	{ "was skipped", { { .project = "a", .state = JOB_SKIPPED } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_SKIP, "a was skipped" },
	{ "the second of two runs",
		{ { .project = "a", .state = JOB_DONE }, { .project = "b", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "a\nb" }, PRECEDENCE_WAIT, NULL },
	{ "one failed while another runs: nothing more to wait for",
		{ { .project = "a", .state = JOB_RUNNING },
			{ .project = "b", .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "a\nb" }, PRECEDENCE_SKIP, "b did not succeed" },
	{ "a name that only begins so", { { .project = "ab", .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "a\nabc" }, PRECEDENCE_GO, NULL },
	{ "one that is not in this run", { { .project = "b", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "a" }, PRECEDENCE_GO, NULL },
	{ "an earlier group runs", { { .project = "a", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "", .order_group = 1 }, PRECEDENCE_WAIT, NULL },
	{ "an earlier group is done", { { .project = "a", .state = JOB_DONE } },
		{ .project = "x", .depends_on = "", .order_group = 1 }, PRECEDENCE_GO, NULL },
	{ "an earlier group failed", { { .project = "a", .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "", .order_group = 1 }, PRECEDENCE_GO, NULL },
	{ "an earlier group failed, and that ends it", { { .project = "a", .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "", .order_group = 1, .aborts_with_group = true },
		PRECEDENCE_SKIP, "a did not succeed, and its group comes before this one" },
	{ "the same group", { { .project = "a", .state = JOB_RUNNING, .order_group = 1 } },
		{ .project = "x", .depends_on = "", .order_group = 1, .aborts_with_group = true },
		PRECEDENCE_GO, NULL },
	{ "a later group", { { .project = "a", .state = JOB_FAILED, .order_group = 2 } },
		{ .project = "x", .depends_on = "", .order_group = 1, .aborts_with_group = true },
		PRECEDENCE_GO, NULL },
	{ "a group below zero", { { .project = "a", .state = JOB_RUNNING, .order_group = -1 } },
		{ .project = "x", .depends_on = "" }, PRECEDENCE_WAIT, NULL },
	{ "one by one, and one before it runs", { { .project = "a", .state = JOB_RUNNING } },
		{ .project = "x", .depends_on = "", .goes_alone = true, .position = 2 },
		PRECEDENCE_WAIT, NULL },
	{ "one by one, and one behind it runs",
		{ { .project = "a", .state = JOB_RUNNING, .position = 3 } },
		{ .project = "x", .depends_on = "", .goes_alone = true, .position = 2 },
		PRECEDENCE_GO, NULL },
	{ "one by one, and one before it failed", { { .project = "a", .state = JOB_FAILED } },
		{ .project = "x",
			.depends_on = "",
			.goes_alone = true,
			.position = 2,
			.aborts_with_group = true },
		PRECEDENCE_GO, NULL },
	{ "one by one, and one before it waits for another pull request",
		{ { .project = "a", .state = JOB_BLOCKED } },
		{ .project = "x", .depends_on = "", .goes_alone = true, .position = 2 },
		PRECEDENCE_GO, NULL },
	{ "one by one, and one of another group runs",
		{ { .project = "a", .state = JOB_RUNNING, .order_group = 1 } },
		{ .project = "x", .depends_on = "", .goes_alone = true, .position = 2 },
		PRECEDENCE_GO, NULL },
	{ "hooks run before it",
		{ { .project = "hooks", .op = JOB_HOOKS, .state = JOB_RUNNING, .order_group = 9 } },
		{ .project = "x", .depends_on = "" }, PRECEDENCE_WAIT, NULL },
	{ "hooks are done", { { .project = "hooks", .op = JOB_HOOKS, .state = JOB_DONE } },
		{ .project = "x", .depends_on = "" }, PRECEDENCE_GO, NULL },
	{ "hooks failed", { { .project = "hooks", .op = JOB_HOOKS, .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "" }, PRECEDENCE_SKIP,
		"the hooks of the server did not succeed" },
	{ "the work of git is none of them",
		{ { .project = "", .op = JOB_PREPARE, .state = JOB_FAILED } },
		{ .project = "x", .depends_on = "", .order_group = 1, .aborts_with_group = true },
		PRECEDENCE_GO, NULL },
};

static void judges(void **state)
{
	const struct precedence_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job jobs[4] = { 0 };
	const char *why = NULL;
	size_t count = 0;

	for (size_t i = 0; i < countof(row->before) && row->before[i].project != NULL; i++) {
		jobs[count] = row->before[i];
		jobs[count].id.v = (int64_t)count + 10;
		if (jobs[count].op == 0)
			jobs[count].op = JOB_PLAN;
		count++;
	}
	jobs[count] = row->job;
	jobs[count].op = JOB_PLAN;
	jobs[count].id.v = 1;
	count++;
	assert_int_equal(precedence_of(&jobs[count - 1], jobs, count, &arena, &why), row->verdict);
	if (row->why == NULL)
		assert_null(why);
	else
		assert_contains(why, row->why);
}

int main(int argc, char **argv)
{
	CASES(precedence_cases, judges);
	return cases_run(argc, argv);
}
