/* Brings the facts of the gate together; the verdict is gates/'s. */
#include "orchestrator/engine/private.h"

#include "orchestrator/engine/gates/freeze.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/steps.h"

struct gathering {
	struct engine *engine;
	struct arena *arena;
	const struct pull *pull;
	const struct run *plan_run;
	const struct gate_question *question;
	struct gate_facts facts;
	struct gate_project *projects;
	struct gate_needs needs;
};

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
	const struct vcs_host *host = engine_host(on->engine, on->pull->host);
	char tip[OID_HEX + 1];
	struct err ignored; /* then nobody knows */

	if (host == NULL || host->tip == NULL ||
		host->tip(host, on->pull->repo, on->pull->base_ref, tip, &ignored) < 0)
		return WORD_UNKNOWN;
	return str_equal(tip, on->plan_run->base) ? WORD_YES : WORD_NO;
}

static const struct plan_summary *plan_of(struct gathering *on, const struct job *job)
{
	struct plan_summary *plan = arena_alloc(on->arena, sizeof(*plan));
	_cleanup_json_ json_t *json = NULL;
	struct err ignored; /* then what it would do is not known */

	if (str_empty(job->summary) ||
		jsonx_parse(job->summary, strlen(job->summary), 16 << 20, &json, &ignored) < 0 ||
		plan_summary_read(json, on->arena, plan, &ignored) < 0)
		return NULL;
	return plan;
}

static bool is_guarded(const struct project_guard *guard)
{
	return guard->rule_count > 0 || guard->owners.count > 0 ||
	       gates_builtin(guard->environment) != gates_builtin("") ||
	       (guard->apply_requires & REQUIRE_MERGEABLE);
}

static int add_project(struct gathering *on, const struct job *job, struct err *err)
{
	struct project_guard *guard = arena_alloc(on->arena, sizeof(*guard));
	struct gate_project *project;
	struct recipe recipe;
	int r = project_guard_read(job->guard, on->arena, guard, err);

	if (r == 0)
		r = recipe_read(job->recipe, on->arena, &recipe, err);
	if (r < 0)
		return r;
	guard->apply_requires |= on->question->also_requires;
	on->projects = arena_push(
		on->arena, on->projects, on->facts.project_count, sizeof(*on->projects));
	project = &on->projects[on->facts.project_count++];
	*project = (struct gate_project){
		.name = job->project,
		.guard = guard,
		.plan = plan_of(on, job),
	};
	project->policies_passed = job->state == JOB_DONE && recipe.checks_policies &&
				   project->plan != NULL &&
				   policy_results_pass(&project->plan->policies);
	look_at_freezes(on, guard, project);
	if (guard->apply_requires & REQUIRE_UNDIVERGED)
		project->undiverged = is_undiverged(on);
	on->facts.asks_host = on->facts.asks_host || is_guarded(guard);
	return 0;
}

/* ---- people ---- */

static void add_opinion(struct gathering *on, const struct gate_opinion *opinion)
{
	struct gate_opinion *list = arena_push(on->arena, (void *)(uintptr_t)on->facts.opinions,
		on->facts.opinion_count, sizeof(*list));

	list[on->facts.opinion_count++] = *opinion;
	on->facts.opinions = list;
}

static int add_opinions(struct gathering *on, struct err *err)
{
	struct ledger_row *rows = NULL;
	size_t count = 0;
	int r = store_ledger_list_pull(
		on->engine->store, on->arena, on->pull->id, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].kind == VCS_APPROVED || rows[i].kind == VCS_CHANGES_REQUESTED ||
			rows[i].kind == VCS_REVIEW_DISMISSED)
			add_opinion(
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
		add_opinion(on, &(struct gate_opinion){ .ledger = INT64_MAX,
					.kind = VCS_APPROVED,
					.person = on->question->what_if[i],
					.may_write = true,
					.is_what_if = true,
					.head = on->pull->head,
					.review_head = "" });
	return r;
}

static void need(struct gathering *on, struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcasecmp(list->list[i], name) == 0)
			return;
	}
	if (str_empty(name) || strchr(name, '\n') != NULL) /* nobody is called that */
		return;
	list->list = arena_push(on->arena, list->list, list->count, sizeof(*list->list));
	list->list[list->count++] = name;
}

static void need_teams(struct gathering *on, const struct name_list *teams)
{
	for (size_t i = 0; i < teams->count; i++)
		need(on, &on->needs.teams, teams->list[i]);
}

static void need_of_rule(struct gathering *on, const struct approval_rule *rule)
{
	need_teams(on, &rule->require.teams);
	for (size_t i = 0; i < rule->including_count; i++)
		need_teams(on, &rule->including[i].teams);
}

static void find_needs(struct gathering *on)
{
	for (size_t i = 0; i < on->facts.opinion_count; i++) {
		if (on->facts.opinions[i].kind == VCS_APPROVED)
			need(on, &on->needs.people, on->facts.opinions[i].person);
	}
	for (size_t i = 0; i < on->facts.project_count; i++) {
		const struct project_guard *guard = on->projects[i].guard;

		need_of_rule(on, gates_builtin(guard->environment));
		for (size_t k = 0; k < guard->rule_count; k++)
			need_of_rule(on, &guard->rules[k]);
		for (size_t k = 0; k < guard->owners.count; k++) {
			if (guard->owners.list[k][0] == '@')
				need(on, &on->needs.teams, guard->owners.list[k] + 1);
		}
	}
}

static const struct team *own_team(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->team_count; i++) {
		if (str_equal(settings->teams[i].name, name))
			return &settings->teams[i];
	}
	return NULL;
}

static enum host_word is_in(const struct team *team, const char *person)
{
	for (size_t i = 0; i < team->members.count; i++) {
		if (strcasecmp(team->members.list[i], person) == 0)
			return WORD_YES;
	}
	return WORD_NO;
}

/* A team that the server's file names is what that file says; the host speaks of the others. */
static const struct host_facts *with_own_teams(struct gathering *on, const struct host_facts *host)
{
	const struct settings *settings = on->engine->world.settings;
	size_t pairs = on->needs.people.count * on->needs.teams.count;
	struct host_facts *facts = arena_alloc(on->arena, sizeof(*facts));

	*facts = *host;
	facts->member_count = 0;
	facts->members = arena_alloc(
		on->arena, (pairs + host->member_count + 1) * sizeof(*facts->members));
	for (size_t i = 0; i < host->member_count; i++) {
		if (own_team(settings, host->members[i].team) == NULL)
			facts->members[facts->member_count++] = host->members[i];
	}
	for (size_t i = 0; i < on->needs.teams.count; i++) {
		const struct team *team = own_team(settings, on->needs.teams.list[i]);

		for (size_t k = 0; team != NULL && k < on->needs.people.count; k++)
			facts->members[facts->member_count++] = (struct host_member){ team->name,
				on->needs.people.list[k], is_in(team, on->needs.people.list[k]) };
	}
	return facts;
}

static void ask_host(struct gathering *on)
{
	const struct host_facts *host = NULL;

	if (!on->facts.asks_host && on->question->what_if_count == 0)
		return;
	find_needs(on);
	on->question->is_fresh == NULL
		? (void)facts_get(on->engine, on->pull->id, &on->needs, on->question->max_age_ms,
			  &host, &on->facts.host_problem)
		: (void)(*on->question->is_fresh = facts_get(on->engine, on->pull->id, &on->needs,
				 on->question->max_age_ms, &host, &on->facts.host_problem));
	if (host != NULL)
		on->facts.host = with_own_teams(on, host);
}

/* ---- the whole ---- */

static int read_people(struct gathering *on, struct err *err)
{
	struct prepared *prepared = arena_alloc(on->arena, sizeof(*prepared));
	_cleanup_json_ json_t *json = NULL;
	const char *text = on->plan_run->prepared;
	int r = 0;

	if (str_empty(text))
		return 0;
	r = jsonx_parse(text, strlen(text), 8 << 20, &json, err);
	if (r == 0)
		r = prepared_read(json, on->arena, prepared, err);
	on->facts.people = prepared->people;
	on->facts.people_count = prepared->people_count;
	return r;
}

int gate_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct gate_verdict *ret,
	struct err *err)
{
	struct gathering on = { .engine = engine,
		.arena = arena,
		.pull = pull,
		.plan_run = plan_run,
		.question = question,
		.facts = { .author = pull->author,
			.pusher = pull->pusher,
			.initiator = question->initiator,
			.head = pull->head,
			.from_fork = pull->from_fork,
			.plan_ledger = plan_run->ended_ledger } };
	const char *digest = "";
	int r = 0;

	if (question->is_fresh != NULL)
		*question->is_fresh = true;
	on.facts.has_plan = (plan_run->state == RUN_DONE || plan_run->state == RUN_FAILED) &&
			    str_equal(plan_run->head, pull->head) &&
			    pull->plan_run.v == plan_run->id.v;
	if (on.facts.has_plan)
		r = plan_set_check(engine, arena, plan_run, question->plans, question->plan_count,
			&digest, &on.facts.set_problem, err);
	for (size_t i = 0; r == 0 && i < question->plan_count; i++) {
		if (question->plans[i].op == JOB_PLAN)
			r = add_project(&on, &question->plans[i], err);
	}
	on.facts.projects = on.projects;
	if (r == 0)
		r = add_opinions(&on, err);
	if (r == 0)
		r = read_people(&on, err);
	if (r < 0)
		return r;
	ask_host(&on);
	gates_decide(&on.facts, arena, ret);
	ret->set_digest = digest;
	return 0;
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
		r = read_people(&on, err);
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
	int r = gate_read(engine, arena, pull, plan_run, question, ret, err);
	const char *names = NULL;

	for (size_t i = 0; r == 0 && ret->open && i < ret->vote_count; i++) {
		struct gate_question asked = *question;
		struct gate_verdict other;

		if (!ret->votes[i].counts)
			continue;
		asked.initiator = ret->votes[i].person;
		r = gate_read(engine, arena, pull, plan_run, &asked, &other, err);
		if (r == 0 && !other.open)
			names = names == NULL
					? asked.initiator
					: arena_printf(arena, "%s, %s", names, asked.initiator);
	}
	ret->not_by = names;
	return r;
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
