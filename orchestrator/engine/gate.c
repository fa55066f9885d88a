/* Brings the facts of the gate together; the verdict is gates/'s. */
#include "orchestrator/engine/gathering.h"

#include "orchestrator/engine/gates/freeze.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/steps.h"

/* ---- each project ---- */

static void look_at_freezes(
	struct gathering *on, const struct project_guard *guard, struct gate_project *project)
{
	struct gate_freeze *list = arena_alloc(
		on->arena, (guard->freeze_count + 1) * sizeof(*list));

	for (size_t i = 0; i < guard->freeze_count; i++) {
		const struct freeze *freeze = &guard->freezes[i];
		struct freeze_state state = { 0 };
		struct cron cron;
		struct zone zone;
		struct err ignored; /* the rule says that nobody can tell */

		list[i].is_unknown = cron_parse(freeze->cron, &cron, &ignored) < 0 ||
				     zone_load(freeze->timezone, on->arena, &zone, &ignored) < 0;
		if (!list[i].is_unknown)
			freeze_look(&cron, &zone, freeze->for_ms, engine_now(on->engine), &state);
		list[i].is_on = state.is_on;
		list[i].until_ms = state.until_ms;
	}
	project->freezes = list;
}

/* Has the base branch stayed where it is planned on? */
static enum host_word is_undiverged(struct gathering *on)
{
	char tip[OID_HEX + 1];

	if (!known_tip(on->engine, on->pull, tip))
		return WORD_UNKNOWN;
	return str_equal(tip, on->plan_run->base) ? WORD_YES : WORD_NO;
}

static bool asks_people(const struct project_guard *guard)
{
	for (size_t i = 0; i < guard->check_count; i++)
		if (guard->checks[i].skip_needs.count > 0)
			return true;
	return false;
}

static bool is_guarded(const struct project_guard *guard)
{
	return guard->rule_count > 0 || asks_people(guard) || guard->owners.count > 0 ||
	       gates_builtin(guard->environment) != gates_builtin("") ||
	       (guard->apply_requires & (REQUIRE_MERGEABLE | REQUIRE_AS_ATLANTIS));
}

/* Checked, and nothing was found, or the owners let it pass. */
static int look_at_policies(
	struct gathering *on, const struct job *job, struct gate_project *project, struct err *err)
{
	struct policies_state policies;
	struct recipe recipe;
	bool is_fresh = true;
	int r = recipe_read(job->recipe, on->arena, &recipe, err);

	if (r < 0)
		return r;
	r = policies_read(on->engine, on->arena, on->pull, on->plan_run, job, "",
		&(struct gate_question){
			.max_age_ms = on->question->max_age_ms, .is_fresh = &is_fresh },
		&policies, err);

	project->policies_passed = r == 0 && job->state == JOB_DONE && recipe.checks_policies &&
				   project->plan != NULL && project->plan->policies.count > 0 &&
				   policies.verdict.open;
	on->is_stale = on->is_stale || !is_fresh;
	return r;
}

static int add_project(struct gathering *on, const struct job *job, struct err *err)
{
	struct project_guard *guard = arena_alloc(on->arena, sizeof(*guard));
	struct gate_project *project;
	int r = project_guard_read(job->guard, on->arena, guard, err);

	if (r < 0)
		return r;
	guard->apply_requires |= on->question->also_requires;
	on->projects = arena_push(
		on->arena, on->projects, on->facts.project_count, sizeof(*on->projects));
	project = &on->projects[on->facts.project_count++];
	*project = (struct gate_project){
		.name = job->project,
		.guard = guard,
		.plan = gather_plan(on, job),
	};
	if (guard->apply_requires & REQUIRE_POLICIES_PASSED)
		r = look_at_policies(on, job, project, err);
	look_at_freezes(on, guard, project);
	if (guard->apply_requires & REQUIRE_UNDIVERGED)
		project->undiverged = is_undiverged(on);
	on->facts.asks_host = on->facts.asks_host || is_guarded(guard);
	return r;
}

/* ---- people ---- */

static int add_opinions(struct gathering *on, struct err *err)
{
	struct ledger_row *rows = NULL;
	size_t count = 0;
	int r = store_ledger_list_pull(
		on->engine->store, on->arena, on->pull->id, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].kind == VCS_APPROVED || rows[i].kind == VCS_CHANGES_REQUESTED ||
			rows[i].kind == VCS_REVIEW_DISMISSED)
			gather_opinion(
				on, &(struct gate_opinion){ .ledger = rows[i].id,
					    .kind = rows[i].kind,
					    .person = rows[i].actor,
					    .is_bot = rows[i].actor_is_bot,
					    .may_write = rows[i].actor_may_write,
					    .head = rows[i].head,
					    .review_head = arena_strndup(on->arena, rows[i].detail,
						    strcspn(rows[i].detail, " ")) });
	}
	/* what if they approved now? */
	for (size_t i = 0; r == 0 && i < on->question->what_if_count; i++)
		gather_opinion(on, &(struct gate_opinion){ .ledger = INT64_MAX,
					   .kind = VCS_APPROVED,
					   .person = on->question->what_if[i],
					   .may_write = true,
					   .is_what_if = true,
					   .head = on->pull->head,
					   .review_head = "" });
	return r;
}

static void need_of_rule(struct gathering *on, const struct approval_rule *rule)
{
	gather_teams(on, &rule->require.teams);
	for (size_t i = 0; i < rule->including_count; i++)
		gather_teams(on, &rule->including[i].teams);
}

static void find_needs(struct gathering *on)
{
	for (size_t i = 0; i < on->facts.opinion_count; i++) {
		if (on->facts.opinions[i].kind == VCS_APPROVED)
			gather_need(on, &on->needs.people, on->facts.opinions[i].person);
	}
	if (on->facts.breaks_glass)
		gather_need(on, &on->needs.people, on->facts.initiator);
	for (size_t i = 0; i < on->facts.project_count; i++) {
		const struct project_guard *guard = on->projects[i].guard;

		need_of_rule(on, gates_builtin(guard->environment));
		if (on->facts.breaks_glass)
			gather_teams(on, &guard->break_glass.people.teams);
		for (size_t k = 0; k < guard->rule_count; k++)
			need_of_rule(on, &guard->rules[k]);
		for (size_t k = 0; k < guard->check_count; k++)
			gather_teams(on, &guard->checks[k].skip_needs.teams);
		for (size_t k = 0; k < guard->owners.count; k++) {
			if (guard->owners.list[k][0] == '@')
				gather_need(on, &on->needs.teams, guard->owners.list[k] + 1);
		}
	}
}

static void ask_host(struct gathering *on)
{
	if (!on->facts.asks_host && on->question->what_if_count == 0)
		return;
	find_needs(on);
	gather_host(on);
}

/* ---- the whole ---- */

/* All but the set itself. `on` has its first five fields. */
static int gather(struct gathering *on, struct err *err)
{
	const struct gate_question *question = on->question;
	const struct run *plan_run = on->plan_run;
	const struct pull *pull = on->pull;
	int r = 0;

	on->facts = (struct gate_facts){ .author = pull->author,
		.pusher = pull->pusher,
		.initiator = question->initiator,
		.breaks_glass = question->breaks_glass,
		.asks_host = question->breaks_glass,
		.head = pull->head,
		.from_fork = pull->from_fork,
		.plan_ledger = plan_run->ended_ledger };
	if (question->is_fresh != NULL)
		*question->is_fresh = true;
	on->facts.has_plan = (plan_run->state == RUN_DONE || plan_run->state == RUN_FAILED) &&
			     str_equal(plan_run->head, pull->head) &&
			     pull->plan_run.v == plan_run->id.v;
	for (size_t i = 0; r == 0 && i < question->plan_count; i++) {
		if (question->plans[i].op == JOB_PLAN)
			r = add_project(on, &question->plans[i], err);
	}
	on->facts.projects = on->projects;
	if (r == 0)
		r = add_opinions(on, err);
	if (r == 0)
		r = gather_people(on, err);
	if (r < 0)
		return r;
	ask_host(on);
	if (on->is_stale && question->is_fresh != NULL)
		*question->is_fresh = false;
	return 0;
}

/* The verdict, and in `on` what led to it. */
static int judge(struct gathering *on, struct gate_verdict *ret, struct err *err)
{
	const char *digest = "";
	int r = gather(on, err);

	if (r == 0 && on->facts.has_plan)
		r = plan_set_check(on->engine, on->arena, on->plan_run, on->question->plans,
			on->question->plan_count, &digest, &on->facts.set_problem, err);
	if (r < 0)
		return r;
	gates_decide(&on->facts, on->arena, ret);
	ret->set_digest = digest;
	return 0;
}

int gate_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct gate_verdict *ret,
	struct err *err)
{
	struct gathering on = { engine, arena, pull, plan_run, question };

	return judge(&on, ret, err);
}

int gate_ask(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct err *err)
{
	struct gathering on = { engine, arena, pull, plan_run, question };

	return gather(&on, err);
}

int gate_read_plan(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct job *job, bool *ret_fresh, struct gate_verdict *ret,
	struct err *err)
{
	const struct gate_question question = { .max_age_ms = FACTS_NOW_MS, .is_fresh = ret_fresh };
	struct project_guard guard;
	struct gate_project project = { .name = job->project, .guard = &guard };
	struct gathering on = { .engine = engine,
		.arena = arena,
		.pull = pull,
		.plan_run = run,
		.question = &question,
		.projects = &project,
		.facts = { .author = pull->author,
			.pusher = pull->pusher,
			.initiator = run->actor,
			.head = run->head,
			.projects = &project,
			.project_count = 1 } };
	int r = project_guard_read(job->guard, arena, &guard, err);

	*ret_fresh = true;
	if (r == 0)
		r = add_opinions(&on, err);
	if (r == 0)
		r = gather_people(&on, err);
	if (r < 0)
		return r;
	if (guard.plan_requires & REQUIRE_UNDIVERGED)
		project.undiverged = is_undiverged(&on);
	on.facts.asks_host = guard.plan_requires & (REQUIRE_APPROVED | REQUIRE_MERGEABLE);
	ask_host(&on);
	gates_decide_plan(&on.facts, arena, ret);
	return 0;
}

int gate_show(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct gate_verdict *ret,
	struct err *err)
{
	struct gathering on = { engine, arena, pull, plan_run, question };
	const char *names = NULL;
	int r = judge(&on, ret, err);

	if (r < 0)
		return r;
	for (size_t i = 0; ret->open && i < ret->vote_count; i++) {
		struct gate_verdict other;

		if (!ret->votes[i].counts)
			continue;
		on.facts.initiator = ret->votes[i].person;
		gates_decide(&on.facts, arena, &other);
		if (!other.open)
			names = names == NULL
					? on.facts.initiator
					: arena_printf(arena, "%s, %s", names, on.facts.initiator);
	}
	ret->not_by = names;
	return 0;
}

const char *gate_counted(const struct gate_verdict *gate, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf names = STRBUF(4096);

	for (size_t i = 0; i < gate->vote_count; i++) {
		if (gate->votes[i].counts)
			strbuf_printf(&names, "%s%s", names.length == 0 ? "" : ", ",
				gate->votes[i].person);
	}
	return arena_strdup(arena, strbuf_text(&names));
}
