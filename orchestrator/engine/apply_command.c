/* `apply`: what is chosen of the plan set, whether it may be applied, and the run that does it. */
#include "orchestrator/engine/asking.h"

#include "orchestrator/model/project_kind.h"

struct chosen {
	size_t count, changed, failed, unlocked;
	size_t merged; /* with changes, and their apply is the merge */
	const char *failed_name, *unlocked_name;
	struct job *plans;   /* that are to be applied */
	const char *before;  /* what must be applied first, in words; or NULL */
	const char *against; /* a policy that fails, in words; or NULL */
};

static bool is_among(const struct job *jobs, size_t count, const struct job *job)
{
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].id.v == job->id.v)
			return true;
	}
	return false;
}

/* What a project depends on is without changes, applied before, or applied together with it. */
static int check_before(struct asking *asking, const struct job *job, const struct job *chosen,
	size_t chosen_count, const struct job *all, size_t count, struct chosen *ret,
	struct err *err)
{
	for (size_t i = 0; i < count && ret->before == NULL; i++) {
		enum job_state state = JOB_DONE;
		int r;

		if (all[i].op != JOB_PLAN || !precedence_names(job->depends_on, all[i].project) ||
			(all[i].state == JOB_DONE && !all[i].has_changes))
			continue;
		if (all[i].state == JOB_DONE && !all[i].is_applied &&
			is_among(chosen, chosen_count, &all[i]))
			continue;
		r = all[i].is_applied
			    ? store_job_apply_state(asking->engine->store, &all[i], &state, err)
			    : 0;
		if (r < 0 && r != -ERR_MISSING)
			return r;
		if (!all[i].is_applied || r < 0 || state != JOB_DONE)
			ret->before = arena_printf(asking->arena,
				"%s depends on %s, which is not applied", job->project,
				all[i].project);
	}
	return 0;
}

static int check_policies(struct asking *asking, const struct run *plan_run, const struct job *job,
	struct chosen *ret, struct err *err)
{
	struct policies_state policies;
	int r = policies_read(asking->engine, asking->arena, asking->pull, plan_run, job, "",
		&(struct gate_question){ .max_age_ms = FACTS_NOW_MS }, &policies, err);

	if (r == 0 && !policies.verdict.open && ret->against == NULL)
		ret->against = policies.verdict.missing;
	return r;
}

static int choose(struct asking *asking, const struct run *plan_run, const struct job *all,
	size_t all_count, struct chosen *ret, struct err *err)
{
	const struct command *command = asking->command;
	struct job *jobs = arena_alloc(asking->arena, (all_count + 1) * sizeof(*jobs));
	struct held held = { 0 };
	size_t count = all_count;
	int r = held_read(asking->engine, asking->arena, asking->pull->id, &held, err);

	ret->plans = arena_alloc(asking->arena, (all_count + 1) * sizeof(*ret->plans));
	if (all_count > 0)
		memcpy(jobs, all, all_count * sizeof(*jobs));
	if (r == 0)
		r = jobs_choose(jobs, &count, command->dir, command->workspace, command->project,
			asking->arena, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct job *job = &jobs[i];

		if (job->op != JOB_PLAN)
			continue;
		ret->count++;
		if (job->state != JOB_DONE) {
			ret->failed++;
			ret->failed_name = job->project;
			continue;
		}
		if (job->has_changes && kind_is_built(job->tool))
			ret->merged++;
		if (!job->has_changes || job->is_applied || kind_is_built(job->tool))
			continue;
		ret->plans[ret->changed++] = *job;
		if (!lock_is_held(&held, job) && lock_mode_of(job, asking->arena) == LOCK_ON_PLAN) {
			ret->unlocked++;
			ret->unlocked_name = job->project;
		}
		r = check_before(asking, job, jobs, count, all, all_count, ret, err);
		if (r == 0)
			r = check_policies(asking, plan_run, job, ret, err);
	}
	return r;
}

/* Without a lock since the plan somebody else may have changed what it was made for. */
static int changed_since(
	struct asking *asking, const struct chosen *chosen, const char **ret_why, struct err *err)
{
	int64_t number = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && *ret_why == NULL && i < chosen->changed; i++) {
		const struct job *plan = &chosen->plans[i];

		if (lock_mode_of(plan, asking->arena) == LOCK_ON_PLAN)
			continue;
		r = store_project_changed(
			asking->engine->store, asking->pull->repo_id, plan, &number, err);
		if (r == 0 && number != 0)
			*ret_why = arena_printf(asking->arena,
				"#%lld changed %s after it was planned here", (long long)number,
				plan->project);
	}
	return r;
}

static int apply_start(struct asking *asking, const struct run *plan_run,
	const struct gate_verdict *gate, struct err *err)
{
	struct run run = { .pull_id = asking->pull->id,
		.kind = RUN_APPLY,
		.state = RUN_QUEUED,
		.head = plan_run->head,
		.base = plan_run->base,
		.tree = plan_run->tree,
		.actor = asking->event->actor,
		.comment_id = asking->event->comment_id,
		.only_dir = asking->command->dir,
		.only_workspace = asking->command->workspace,
		.only_project = asking->command->project,
		.extra_args = "",
		.prepared = gate_counted(
			gate, asking->arena), /* who approved: shown, never decided on */
		.failure = "",
		.reason = asking->command->break_glass,
		.plan_run = plan_run->id };
	int r = store_run_insert(asking->engine->store, &run, &run.id, err);

	if (r == 0)
		r = run_event(asking->engine, asking->arena, run.id, EV_START, NULL, err);
	return r < 0 ? r : asking_accept(asking, run.id, err);
}

/* A run that ended before there were projects has none to name. */
static int refuse_nothing(struct asking *asking, const struct run *plan_run, const struct job *jobs,
	size_t count, struct err *err)
{
	size_t plans = 0;

	for (size_t i = 0; i < count; i++)
		plans += jobs[i].op == JOB_PLAN;
	if (plan_run->state == RUN_FAILED && plans == 0)
		return asking_refuse(asking, "the newest push could not be planned",
			"The plan's comment says why: fix that and push, or try again with `sluice "
			"plan`.",
			err);
	if (plans == 0)
		return asking_refuse(asking, "this pull request touches no project",
			"Nothing has to be applied. Plan one that it does not touch with `sluice "
			"plan -p NAME`.",
			err);
	return asking_refuse(asking, "no project of the plan matches",
		"Look at the names in the plan's table.", err);
}

int apply_command(struct asking *asking, struct err *err)
{
	struct arena *arena = asking->arena;
	struct gate_verdict gate = { 0 };
	struct chosen chosen = { 0 };
	struct job *jobs = NULL;
	struct run plan_run;
	size_t count = 0;
	const char *why = NULL;
	bool applies = false;
	int r;

	if (asking->command->extra_arg_count > 0)
		return asking_refuse(asking,
			"an apply takes no extra arguments: it applies exactly the plan",
			"Put them on `sluice plan -- ...`, then apply that plan.", err);
	if (!asking->engine->world.settings->commands.apply_all &&
		str_empty(asking->command->dir) && str_empty(asking->command->workspace) &&
		str_empty(asking->command->project))
		return asking_refuse(asking, "this server applies nothing that is not named",
			"Say which: `sluice apply -p NAME` or `sluice apply -d FOLDER`.", err);
	r = apply_is_running(asking->engine, arena, asking->pull->id, &applies, err);
	if (r == 0 && applies)
		return asking_refuse(asking, "an apply of this pull request is already running",
			"Wait for its end.", err);
	if (r == 0)
		r = plan_set_load(
			asking->engine, arena, asking->pull, &plan_run, &jobs, &count, err);
	if (r == -ERR_MISSING || r == -ERR_STALE)
		return asking_refuse_planless(asking, r, err);
	if (r < 0)
		return r;
	if (!run_state_is_final(plan_run.state))
		return asking_refuse(asking, "the plan is not finished yet",
			"Wait for the plan, have it approved, then apply.", err);
	r = choose(asking, &plan_run, jobs, count, &chosen, err);
	if (r == -ERR_SYNTAX)
		return asking_refuse(asking, arena_strdup(arena, err->text),
			"Look at the names in the plan's table.", err);
	if (r < 0)
		return r;
	if (chosen.count == 0)
		return refuse_nothing(asking, &plan_run, jobs, count, err);
	if (chosen.failed > 0)
		return asking_refuse(asking,
			arena_printf(arena, "the plan of %s did not succeed", chosen.failed_name),
			"Fix and push, or apply one project with `sluice apply -p NAME`.", err);
	if (chosen.changed == 0 && chosen.merged > 0)
		return asking_refuse(asking,
			"what is left is applied by the merge: it is built, and no state is "
			"changed here",
			"Have it approved, then merge the pull request.", err);
	if (chosen.changed == 0)
		return asking_refuse(asking,
			"nothing is left to apply: there are no changes, or all were applied",
			"Comment `sluice plan` to look again.", err);
	if (chosen.unlocked > 0)
		return asking_refuse(asking,
			arena_printf(arena, "the lock of %s is not held by this pull request",
				chosen.unlocked_name),
			"Comment `sluice plan` to take it again.", err);
	if (chosen.against != NULL)
		return asking_refuse(asking, chosen.against,
			"Its messages stand in the plan's comment: fix and push, or its owners let "
			"it pass with `sluice approve_policies`. Another project is applied with "
			"`sluice apply -p NAME`.",
			err);
	if (chosen.before != NULL)
		return asking_refuse(asking, chosen.before,
			"Apply it first, or both together with `sluice apply`.", err);
	r = gate_read(asking->engine, arena, asking->pull, &plan_run,
		&(struct gate_question){ .plans = chosen.plans,
			.plan_count = chosen.changed,
			.initiator = asking->event->actor,
			.breaks_glass = !str_empty(asking->command->break_glass),
			.max_age_ms = FACTS_NOW_MS },
		&gate, err);
	if (r < 0)
		return r;
	if (!gate.open)
		return asking_refuse(
			asking, gate.missing, "Then comment `sluice apply` again.", err);
	r = changed_since(asking, &chosen, &why, err);
	if (r == 0 && why != NULL)
		return asking_refuse(asking, why, "Comment `sluice plan` to look again.", err);
	if (r == 0)
		r = locks_take_now(asking->engine, arena, asking->pull, chosen.plans,
			chosen.changed, &why, err);
	if (r == 0 && why != NULL)
		return asking_refuse(asking, why,
			"Comment `sluice plan` when it is free, and have that plan approved.", err);
	if (r < 0)
		return r;
	return apply_start(asking, &plan_run, &gate, err);
}

/* ---- before the command ---- */

static int pull_of(struct engine *engine, struct arena *arena, const struct vcs_event *event,
	struct pull *ret, struct err *err)
{
	struct repo *repos = NULL;
	size_t count = 0;
	int r = store_repo_list(engine->store, arena, &repos, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (str_equal(repos[i].host, event->host) && str_equal(repos[i].name, event->repo))
			return store_pull_find(
				engine->store, arena, repos[i].id, event->number, ret, err);
	}
	return r < 0 ? r : err_set(err, ERR_MISSING, "there is no such repository");
}

struct awaited { /* what a command will ask of the gate */
	unsigned requires;
	bool approves, breaks_glass;
};

static bool asks_gate(struct engine *engine, struct arena *arena, const struct vcs_event *event,
	struct awaited *ret)
{
	struct command command = { 0 };

	if (event->kind != VCS_COMMENT || event->actor_is_bot || str_empty(event->body))
		return false;
	command_parse(&engine->words, event->body, strlen(event->body), arena, &command);
	/* what an import requires stands with its project: whatever it is, the host is asked */
	ret->requires = command.kind == COMMAND_APPLY ? 0 : REQUIRE_MERGEABLE;
	ret->approves = command.kind == COMMAND_APPROVE_POLICIES;
	ret->breaks_glass = !str_empty(command.break_glass);
	return command.kind == COMMAND_APPLY || command.kind == COMMAND_IMPORT ||
	       command.kind == COMMAND_STATE_RM || ret->approves;
}

/* What is asked of the owners of policies; *is_fresh is cleared when a host must be asked. */
static int policies_pass(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *jobs, size_t count, const char *adding,
	bool *is_fresh, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct policies_state ignored;
		bool knows = true;

		if (jobs[i].op != JOB_PLAN || jobs[i].state != JOB_DONE)
			continue;
		r = policies_read(engine, arena, pull, plan_run, &jobs[i], adding,
			&(struct gate_question){ .max_age_ms = FACTS_NOW_MS, .is_fresh = &knows },
			&ignored, err);
		*is_fresh = *is_fresh && knows;
	}
	return r;
}

int gate_pass(struct engine *engine, struct arena *arena, struct inbox_id row,
	const struct vcs_event *event, bool *ret_waits, struct err *err)
{
	struct awaited awaited = { 0 };
	bool is_fresh = true;
	struct job *jobs = NULL;
	struct run plan_run;
	struct pull pull;
	size_t count = 0;
	int r;

	*ret_waits = false;
	if (!asks_gate(engine, arena, event, &awaited))
		return 0;
	r = pull_of(engine, arena, event, &pull, err);
	if (r == 0)
		r = plan_set_load(engine, arena, &pull, &plan_run, &jobs, &count, err);
	if (r == -ERR_MISSING || r == -ERR_STALE) /* the command says so */
		return 0;
	if (r == 0)
		r = gate_ask(engine, arena, &pull, &plan_run,
			&(struct gate_question){ .plans = jobs,
				.plan_count = count,
				.initiator = event->actor,
				.breaks_glass = awaited.breaks_glass,
				.also_requires = awaited.requires,
				.max_age_ms = FACTS_NOW_MS,
				.is_fresh = &is_fresh },
			err);
	if (r == 0)
		r = policies_pass(engine, arena, &pull, &plan_run, jobs, count,
			awaited.approves ? event->actor : "", &is_fresh, err);
	*ret_waits = !is_fresh;
	return r < 0 || is_fresh ? r : facts_hold(engine, pull.id, row, err);
}
