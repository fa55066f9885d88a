/* `approve_policies`: owners of policy sets let pass what these found in the plans of the newest
 * push. Their words are of these plans; a set that is sticky remembers what was found. */
#include "orchestrator/engine/asking.h"

#include "orchestrator/lib/strbuf.h"

struct approving {
	struct asking *asking;
	const struct run *plan_run;
	size_t found, taken;
	const char *why;	  /* the first word that does not count, and why */
	struct strbuf taken_text; /* "cost for p, tags for q" */
};

/* Why the word of who asks does not count for the set; NULL: it counts. */
static const char *refusal(const struct gate_rule *row, const char *person)
{
	for (size_t i = 0; i < row->vote_count; i++) {
		if (strcasecmp(row->votes[i].person, person) == 0)
			return row->votes[i].counts ? NULL : row->votes[i].why;
	}
	return row->text;
}

static int take(struct approving *on, const struct job *plan, const struct gate_policy *set,
	struct err *err)
{
	struct asking *asking = on->asking;
	struct policy_word_row row = { .pull = asking->pull->id,
		.run = on->plan_run->id,
		.dir = plan->dir,
		.workspace = plan->workspace,
		.project = plan->project,
		.policy_set = set->name,
		.person = asking->event->actor,
		.items = set->items == NULL ? "" : set->items,
		.is_clear = asking->command->clears_policies };

	on->taken++;
	strbuf_printf(&on->taken_text, "%s%s for %s", on->taken_text.length == 0 ? "" : ", ",
		set->name, plan->project);
	return policy_word_record(asking->engine, asking->arena, &row, err);
}

static int approve_plan(struct approving *on, const struct job *plan, struct err *err)
{
	struct asking *asking = on->asking;
	const char *only = asking->command->policy_set, *actor = asking->event->actor;
	struct policies_state state;
	int r = policies_read(asking->engine, asking->arena, asking->pull, on->plan_run, plan,
		actor, &(struct gate_question){ .max_age_ms = FACTS_NOW_MS }, &state, err);

	for (size_t i = 0; r == 0 && i < state.set_count; i++) {
		const struct gate_policy *set = &state.sets[i];
		const char *why = refusal(&state.verdict.rules[i], actor);

		if (!str_empty(only) && !str_equal(only, set->name))
			continue;
		on->found++;
		/* who takes words back only makes it stricter */
		if (why == NULL || asking->command->clears_policies)
			r = take(on, plan, set, err);
		else if (on->why == NULL)
			on->why = arena_printf(asking->arena,
				"your word does not count for the policy set %s: %s", set->name,
				why);
	}
	return r;
}

static int approved(struct approving *on, struct err *err)
{
	struct asking *asking = on->asking;
	int r = engine_audit(asking->engine, asking->arena,
		asking->command->clears_policies ? "policy approvals cleared" : "policies approved",
		asking->event->actor, asking->pull->id, on->plan_run->id, err, "%s at %s",
		strbuf_text(&on->taken_text), on->plan_run->head);

	if (r == 0)
		r = policies_status_put(
			asking->engine, asking->arena, asking->pull, on->plan_run, err);
	if (r == 0)
		r = merges_say(asking->engine, asking->arena, asking->pull, on->plan_run, err);
	if (r == 0)
		r = run_say(asking->engine, asking->pull, on->plan_run, true, err);
	return r < 0 ? r : asking_accept(asking, on->plan_run->id, err);
}

static int approve(struct asking *asking, const struct run *plan_run, struct job *jobs,
	size_t count, struct err *err)
{
	struct approving on = {
		.asking = asking, .plan_run = plan_run, .taken_text = STRBUF(4000)
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (jobs[i].op == JOB_PLAN && jobs[i].state == JOB_DONE && !jobs[i].is_applied)
			r = approve_plan(&on, &jobs[i], err);
	}
	if (r == 0 && on.found == 0)
		r = asking_refuse(asking, "no such policy set stands against the chosen plans",
			"The plan's comment names those that do.", err);
	else if (r == 0 && on.taken == 0)
		r = asking_refuse(asking, on.why,
			"Ask one of its owners, whom the operator names in server.yaml.", err);
	else if (r == 0)
		r = approved(&on, err);
	strbuf_release(&on.taken_text);
	return r;
}

int approve_policies_command(struct asking *asking, struct err *err)
{
	const struct command *command = asking->command;
	struct job *jobs = NULL;
	struct run plan_run;
	size_t count = 0;
	bool applies = false;
	int r = apply_is_running(asking->engine, asking->arena, asking->pull->id, &applies, err);

	if (r == 0 && applies)
		return asking_refuse(asking, "an apply of this pull request is running",
			"Wait for its end.", err);
	if (r == 0)
		r = plan_set_load(
			asking->engine, asking->arena, asking->pull, &plan_run, &jobs, &count, err);
	if (r == -ERR_MISSING || r == -ERR_STALE)
		return asking_refuse_planless(asking, r, err);
	if (r == 0 && !run_state_is_final(plan_run.state))
		return asking_refuse(asking, "the plan is not finished yet",
			"Wait for it, and read what the policies say.", err);
	if (r == 0)
		r = jobs_choose(jobs, &count, command->dir, command->workspace, command->project,
			asking->arena, err);
	if (r == -ERR_SYNTAX)
		return asking_refuse(asking, arena_strdup(asking->arena, err->text),
			"Look at the names in the plan's table.", err);
	return r < 0 ? r : approve(asking, &plan_run, jobs, count, err);
}
