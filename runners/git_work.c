/* sluice-git in its sandbox, and its answer. */
#include "runners/git_work.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/prepared.h"
#include "runners/place.h"
#include "runners/supervise.h"

enum { FAILURE_MAX = 8 << 10 };

static void read_error_answer(struct worker *worker, const json_t *answer)
{
	struct err err;
	struct jsonx reader = jsonx_reader(answer, "the answer of git", &err);
	const char *text = jsonx_string_or(&reader, "error", "");

	if (!str_empty(text))
		worker->result.failure = arena_strdup(&worker->arena, text);
}

/* Inside of its sandbox already; out of it afterwards. */
static int run_git(struct worker *worker)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct tool_verdict verdict;
	struct prepared prepared;
	json_t *answer = NULL;
	struct err err;
	int r, ended = worker_step(worker, STEP_PREPARE, &verdict, &failure);

	worker_give_slot(worker);
	worker_leave(worker);
	if (ended < 0 && worker->result.outcome != OUTCOME_TOOL_FAILED &&
		worker->result.outcome != OUTCOME_CONFLICT)
		return ended;
	r = jsonx_read_at(
		worker->dir->fd, "out/" SUPERVISE_ANSWER, JOB_RESULT_MAX / 2, &answer, &err);
	if (r < 0)
		return ended < 0 ? ended
				 : worker_end_err(worker, OUTCOME_BAD_RESULT, "prepare", &err);
	worker->result.json = answer;
	if (worker->result.outcome == OUTCOME_TOOL_FAILED) {
		read_error_answer(worker, answer);
		return ended;
	}
	worker->result.prepared = json_object_get(answer, "prepared");
	r = prepared_read(worker->result.prepared, &worker->arena, &prepared, &err);
	if (r < 0) {
		worker->result.prepared = NULL;
		return worker_end_err(worker, OUTCOME_BAD_RESULT, "prepare", &err);
	}
	return ended;
}

int git_prepare(struct worker *worker)
{
	int r = place_enter_git(worker);

	return r < 0 ? r : run_git(worker);
}

/* Nothing of what the hooks were told, set or left beside the tree is for git. */
int git_adopt(struct worker *worker)
{
	struct err err;
	int r;

	strvec_release(&worker->env);
	worker->tool = &tool_git;
	worker->program = worker->context.program = worker->tool->program(worker->site);
	r = place_fresh_folder(worker, "out", &err);
	if (r == 0)
		r = place_fresh_folder(worker, "tmp", &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "hooks", &err);
	r = place_enter_adopt(worker);
	return r < 0 ? r : run_git(worker);
}
