/* `import` and `state rm`: one project's state is changed by hand, and its plan is void. */
#include "orchestrator/engine/asking.h"

#include "orchestrator/model/project_kind.h"

static const char *targets_text(const struct command *command, struct arena *arena)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < command->target_count; i++)
		json_array_append_new(list, json_string(command->targets[i]));
	text = jsonx_text(list);
	return arena_strdup(arena, text);
}

/* The state of one project is meant, never of several. */
static int only_project(struct asking *asking, struct job *jobs, size_t count,
	const struct job **ret, size_t *ret_count, struct err *err)
{
	const struct command *command = asking->command;
	int r = jobs_choose(jobs, &count, command->dir, command->workspace, command->project,
		asking->arena, err);

	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].op != JOB_PLAN)
			continue;
		*ret = &jobs[i];
		(*ret_count)++;
	}
	return r;
}

/* From here on the plan is void, whatever becomes of the change. */
static int change_start(struct asking *asking, const struct run *plan_run, const struct job *plan,
	const struct gate_verdict *gate, struct err *err)
{
	const struct command *command = asking->command;
	struct engine *engine = asking->engine;
	struct run run = { .pull_id = asking->pull->id,
		.kind = command->kind == COMMAND_IMPORT ? RUN_IMPORT : RUN_STATE_RM,
		.state = RUN_QUEUED,
		.head = plan_run->head,
		.base = plan_run->base,
		.tree = plan_run->tree,
		.actor = asking->event->actor,
		.comment_id = asking->event->comment_id,
		.only_dir = plan->dir,
		.only_workspace = plan->workspace,
		.only_project = plan->project,
		.extra_args = targets_text(command, asking->arena),
		.prepared = gate_counted(gate, asking->arena),
		.failure = "",
		.plan_run = plan_run->id };
	int r = store_run_insert(engine->store, &run, &run.id, err);

	if (r == 0)
		r = store_pull_set_plan_run(engine->store, asking->pull->id, run.id, err);
	if (r == 0)
		r = run_event(engine, asking->arena, run.id, EV_START, NULL, err);
	if (r == 0) /* those of the other projects that nothing needs now */
		r = locks_tidy(engine, asking->arena, asking->pull->id, err);
	return r < 0 ? r : asking_accept(asking, run.id, err);
}

static int change_project(
	struct asking *asking, const struct run *plan_run, const struct job *plan, struct err *err)
{
	struct gate_verdict gate = { 0 };
	const char *why = NULL;
	bool is_fresh = true;
	int r = change_gate(asking->engine, asking->arena, asking->pull, plan_run, plan,
		asking->event->actor, &is_fresh, &gate, err);

	if (r < 0)
		return r;
	if (!gate.open)
		return asking_refuse(asking, gate.missing, "Then write the command again.", err);
	r = locks_take_now(asking->engine, asking->arena, asking->pull, plan, 1, &why, err);
	if (r == 0 && why != NULL)
		return asking_refuse(asking, why, "Write the command again when it is free.", err);
	return r < 0 ? r : change_start(asking, plan_run, plan, &gate, err);
}

int change_command(struct asking *asking, struct err *err)
{
	struct arena *arena = asking->arena;
	const struct job *plan = NULL;
	struct job *jobs = NULL;
	struct run plan_run;
	size_t count = 0, chosen = 0;
	bool applies = false;
	int r = apply_is_running(asking->engine, arena, asking->pull->id, &applies, err);

	if (r == 0 && applies)
		return asking_refuse(asking,
			"an apply or an import of this pull request is running",
			"Wait for its end.", err);
	if (r == 0 && asking->pull->from_fork)
		return asking_refuse(asking, "this pull request comes from a fork",
			"Push the branch to this repository.", err);
	if (r == 0)
		r = plan_set_load(
			asking->engine, arena, asking->pull, &plan_run, &jobs, &count, err);
	if (r == -ERR_MISSING || r == -ERR_STALE)
		return asking_refuse_planless(asking, r, err);
	if (r < 0)
		return r;
	if (!run_state_is_final(plan_run.state))
		return asking_refuse(
			asking, "the plan is not finished yet", "Wait for its end.", err);
	r = only_project(asking, jobs, count, &plan, &chosen, err);
	if (r == -ERR_SYNTAX)
		return asking_refuse(asking, arena_strdup(arena, err->text),
			"Name one project with `-p NAME`.", err);
	if (r < 0)
		return r;
	if (chosen == 0)
		return asking_refuse(asking, "no project of the plan matches",
			"Look at the names in the plan's table.", err);
	if (chosen > 1)
		return asking_refuse(asking,
			arena_printf(arena, "%zu projects match, and one state is meant", chosen),
			"Name the project with `-p NAME`, or with `-d DIR -w WORKSPACE`.", err);
	if (kind_is_built(plan->tool))
		return asking_refuse(asking,
			arena_printf(arena, "%s has no state: it is of the kind %s", plan->project,
				plan->tool),
			"Only projects of Terraform and OpenTofu have one.", err);
	return change_project(asking, &plan_run, plan, err);
}
