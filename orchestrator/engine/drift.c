/* Looks at projects that nobody changes: a run like any other, on a base branch as it stands. Its
 * jobs plan with the credentials of plans and keep no plan; when all have ended, or the time of the
 * slot is over, what they found is one report. */
#include "orchestrator/engine/drift.h"

#include "orchestrator/lib/strbuf.h"

/* ---- asked for ---- */

int drift_request(struct engine *engine, struct arena *arena, const struct drift_slot_row *slot,
	int64_t within_ms, struct run_id *ret, struct err *err)
{
	struct run run = { .kind = RUN_DRIFT,
		.state = RUN_QUEUED,
		.head = "",
		.base = "",
		.tree = "",
		.actor = str_empty(slot->asked_by) ? "sluice" : slot->asked_by,
		.comment_id = "",
		.only_dir = "",
		.only_workspace = "",
		.only_project = slot->project,
		.extra_args = "",
		.prepared = "",
		.failure = "" };
	struct pull pull;
	int64_t id = 0;
	int r = store_drift_slot_insert(engine->store, slot, &id, err);

	ret->v = 0;
	if (r == -ERR_EXISTS)
		return 0;
	if (r == 0)
		r = store_pull_standing(
			engine->store, arena, slot->repo, slot->base_ref, &pull, err);
	if (r < 0)
		return r;
	run.pull_id = pull.id;
	r = store_run_insert(engine->store, &run, ret, err);
	if (r == 0)
		r = store_drift_slot_set_run(engine->store, id, *ret, err);
	if (r == 0)
		r = store_deadline_set(engine->store, DEADLINE_DRIFT, ret->v,
			engine_now(engine) + (within_ms > 0 ? within_ms : DRIFT_WITHIN_MS), err);
	if (r == 0)
		r = engine_audit(engine, arena, "drift begun", run.actor, pull.id, *ret, err,
			"%s %s: %s%s%s", pull.repo, pull.base_ref,
			str_empty(slot->environment) ? "all environments" : slot->environment,
			str_empty(slot->project) ? "" : ", ", slot->project);
	return r < 0 ? r : run_event(engine, arena, *ret, EV_START, NULL, err);
}

/* What still waits is not looked at; what runs is stopped, and the report is partial. */
void drift_overdue(struct engine *engine, struct run_id run)
{
	struct err err;

	if (store_drift_slot_set_partial(engine->store, run, &err) < 0)
		engine_tell(engine, true, "a slot of drift is overdue", &err);
	engine_post_run(engine, run, EV_CANCEL);
}

/* ---- what is looked at ---- */

int drift_choose(struct engine *engine, struct arena *arena, const struct run *run,
	struct planned *planned, struct err *err)
{
	struct selection *selection = &planned->selection;
	struct drift_slot_row slot;
	size_t kept = 0;
	int r = store_drift_slot_of_run(engine->store, arena, run->id, &slot, err);

	for (size_t i = 0; r == 0 && i < selection->project_count; i++) {
		if (str_empty(slot.environment) ||
			str_equal(slot.environment, selection->projects[i].config->environment))
			selection->projects[kept++] = selection->projects[i];
	}
	selection->project_count = r == 0 ? kept : selection->project_count;
	return r;
}

/* The rules as the base branch has them now: the report is made by these. */
static int keep_rules(struct engine *engine, struct arena *arena, int64_t slot,
	const struct repo_config *config, struct err *err)
{
	_cleanup_json_ json_t *rules = json_object();
	_cleanup_free_ char *text = NULL;

	(void)arena;
	for (size_t i = 0; i < config->environment_count; i++)
		json_object_set_new(rules, config->environments[i].name,
			drift_rule_write(&config->environments[i].drift));
	text = jsonx_text(rules);
	return store_drift_slot_set_rules(engine->store, slot, text, err);
}

/* The same for each look, other for each project. */
static int64_t spread_of(const struct drift_rule *rule, const struct project *project)
{
	struct sha256 hash;
	uint64_t number = 0;

	if (rule == NULL || rule->spread_ms <= 0)
		return 0;
	codec_sha256(project->name, strlen(project->name), &hash);
	for (size_t i = 0; i < sizeof(number); i++)
		number = number << 8 | hash.bytes[i];
	return (int64_t)(number % (uint64_t)rule->spread_ms);
}

static const struct drift_rule *rule_of(const struct repo_config *config, const char *environment)
{
	for (size_t i = 0; i < config->environment_count; i++)
		if (str_equal(config->environments[i].name, environment))
			return &config->environments[i].drift;
	return NULL;
}

/* What has a state can be held against the world. */
static bool has_state(const char *kind)
{
	return str_equal(kind, "terraform") || str_equal(kind, "opentofu");
}

static int make_job(struct engine *engine, struct arena *arena, const struct run *run,
	const struct planned *planned, const struct drift_slot_row *slot, size_t index,
	struct err *err)
{
	const struct project *project = &planned->selection.projects[index];
	const struct drift_rule *rule = rule_of(&planned->config, project->config->environment);
	bool can_plan = has_state(project->tool);
	struct job job = { .run_id = run->id,
		.pull_id = run->pull_id,
		.op = JOB_DRIFT,
		.state = can_plan ? JOB_WAITING : JOB_SKIPPED,
		.project = project->name,
		.dir = project->dir,
		.workspace = project->workspace,
		.tool = project->tool,
		.recipe = project->recipe,
		.position = (int)index + 1,
		.not_before_ms = str_empty(slot->schedule)
					 ? 0
					 : engine_now(engine) + spread_of(rule, project),
		.plan_blob = "" };
	int r = store_job_insert(engine->store, &job, &job.id, err);

	engine->spread_at_ms = 0;
	if (r < 0 || can_plan)
		return r;
	job.failure = arena_printf(
		arena, "nobody looks for drift of the kind %s yet", project->tool);
	job.output = job.summary = job.log_blob = job.step = "";
	return store_job_set_result(engine->store, &job, err);
}

int drift_make_jobs(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct planned *planned, struct err *err)
{
	struct drift_slot_row slot;
	int r = store_drift_slot_of_run(engine->store, arena, run->id, &slot, err);

	(void)pull;
	if (r == 0)
		r = keep_rules(engine, arena, slot.id, &planned->config, err);
	for (size_t i = 0; r == 0 && i < planned->selection.project_count; i++)
		r = make_job(engine, arena, run, planned, &slot, i, err);
	if (r == 0 &&
		planned->selection.project_count > 0) /* some may have ended before they began */
		engine_post_run(engine, run->id, EV_JOB_ENDED);
	engine->slots_may_be_free = true;
	return r;
}
