/* The end of a slot: what each project became, what of it is news, one report. */
#include "orchestrator/engine/drift.h"

#include "orchestrator/engine/notices.h"
#include "orchestrator/lib/seal.h"
#include "orchestrator/model/steps.h"

enum { ITEMS_IN_REPORT = 4000 };

struct reporting {
	struct engine *engine;
	struct arena *arena;
	const struct pull *pull;
	struct drift_slot_row slot;
	const json_t *rules;
	struct drift_slot_facts facts;
	int64_t now_ms;
	size_t items; /* so many are in the report already */
};

static int find_rule(
	struct reporting *work, const char *environment, struct drift_rule *ret, struct err *err)
{
	const json_t *json = json_object_get(work->rules, environment);

	*ret = (struct drift_rule){ .notify_after = 1 };
	return json == NULL ? 0 : drift_rule_read(json, work->arena, ret, err);
}

static int put_items(
	struct engine *engine, int64_t subject, struct drift_items *items, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < items->count; i++)
		r = store_drift_item_put(engine->store, subject, &items->list[i], err);
	return r;
}

/* Who ended what is not there any more: the last to apply here since, or nobody that we know. */
static int find_who(struct reporting *work, const struct drift_subject_row *subject,
	const char **ret, struct err *err)
{
	int64_t number = 0;
	int r = store_drift_applied(work->engine->store, subject, &number, err);

	*ret = r == 0 ? arena_printf(work->arena, "pull request #%lld", (long long)number)
		      : "something outside";
	return r == -ERR_MISSING ? 0 : r;
}

/* Long lists are cut so that the report of many projects stays one that can be read. */
static void cut_items(struct reporting *work, struct drift_items *items)
{
	size_t room = work->items < ITEMS_IN_REPORT ? ITEMS_IN_REPORT - work->items : 0;

	room = room < DRIFT_ITEMS_MAX ? room : DRIFT_ITEMS_MAX;
	if (items->count > room) {
		items->left_out += (int)(items->count - room);
		items->count = room;
	}
	work->items += items->count;
}

static int live_on(struct reporting *work, const struct drift_subject_row *subject,
	const struct drift_rule *rule, struct drift_project *project, struct err *err)
{
	struct drift_look look = { .now_ms = work->now_ms, .notify_after = rule->notify_after };
	struct drift_items before, now, silent;
	int r = store_drift_item_list(work->engine->store, work->arena, subject->id, &before, err);

	if (r == 0)
		r = find_who(work, subject, &look.ended_by, err);
	if (r < 0)
		return r;
	drift_live(&before, &project->items, &look, work->arena, &now, &silent);
	r = put_items(work->engine, subject->id, &now, err);
	if (r == 0)
		r = put_items(work->engine, subject->id, &silent, err);
	project->items = now;
	cut_items(work, &project->items);
	return r;
}

/* An error and a skip resolve nothing, and never count as clean. */
static int add_project(
	struct reporting *work, const struct job *job, struct drift_project *ret, struct err *err)
{
	struct drift_subject_row subject, key = { .repo = work->pull->repo_id,
		.base_ref = work->pull->base_ref,
		.dir = job->dir,
		.workspace = job->workspace,
		.project = job->project };
	struct drift_rule rule;
	struct recipe recipe;
	int r = recipe_read(job->recipe, work->arena, &recipe, err);

	if (r < 0)
		return r;
	key.environment = recipe.environment;
	r = find_rule(work, recipe.environment, &rule, err);
	if (r == 0)
		r = store_drift_subject_get(work->engine->store, work->arena, &key, &subject, err);
	if (r < 0)
		return r;
	work->facts.rule = &rule;
	drift_read_job(job, &work->facts, work->arena, ret);
	ret->environment = recipe.environment;
	ret->before = subject.outcome;
	subject.failures = ret->outcome == DRIFT_ERROR	   ? subject.failures + 1
			   : ret->outcome == DRIFT_SKIPPED ? subject.failures
							   : 0;
	ret->failures = subject.failures;
	if (ret->outcome != DRIFT_ERROR && ret->outcome != DRIFT_SKIPPED)
		r = live_on(work, &subject, &rule, ret, err);
	if (ret->outcome == DRIFT_CLEAN)
		subject.last_clean_ms = work->now_ms;
	ret->last_clean_ms = subject.last_clean_ms;
	if (r < 0 || ret->outcome == DRIFT_SKIPPED)
		return r;
	subject.outcome = ret->outcome;
	subject.word = ret->word;
	subject.text = ret->text;
	subject.last_ms = work->now_ms;
	return store_drift_subject_set(work->engine->store, &subject, err);
}

static int worst_first(const void *a, const void *b)
{
	static const unsigned char places[] = { [DRIFT_ERROR] = 0,
		[DRIFT_BOTH] = 1,
		[DRIFT_FOUND] = 1,
		[DRIFT_PENDING] = 2,
		[DRIFT_SKIPPED] = 3,
		[DRIFT_CLEAN] = 4 };
	const struct drift_project *left = a, *right = b;
	int order = places[left->outcome] - places[right->outcome];

	return order != 0 ? order : strcmp(left->name, right->name);
}

static int add_projects(
	struct reporting *work, const struct run *run, struct drift_report *report, struct err *err)
{
	struct job *jobs = NULL;
	size_t count = 0;
	int r = store_job_list_run(work->engine->store, work->arena, run->id, &jobs, &count, err);

	report->projects = arena_alloc(work->arena, (count + 1) * sizeof(*report->projects));
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (jobs[i].op == JOB_DRIFT)
			r = add_project(
				work, &jobs[i], &report->projects[report->project_count++], err);
	}
	if (r == 0 && report->project_count > 1)
		qsort(report->projects, report->project_count, sizeof(*report->projects),
			worst_first);
	return r;
}

static struct drift_report begin_report(const struct reporting *work, const struct run *run)
{
	const struct drift_slot_row *slot = &work->slot;

	return (struct drift_report){ .id = slot->id,
		.host = work->pull->host,
		.repo = work->pull->repo,
		.base_ref = slot->base_ref,
		.base = run->base,
		.environment = slot->environment,
		.schedule = slot->schedule,
		.asked_by = slot->asked_by,
		.slot_ms = slot->slot_ms,
		.began_ms = run->created_ms,
		.ended_ms = work->now_ms,
		.missed = slot->missed,
		.is_partial = slot->is_partial,
		.text = run->failure };
}

/* The report, and the rows of those who are told of it, are written together. */
static int put_report(struct reporting *work, const struct run *run,
	const struct drift_report *report, struct err *err)
{
	_cleanup_json_ json_t *json = drift_report_write(report);
	_cleanup_free_ char *text = jsonx_text(json);
	int r = store_drift_slot_end(work->engine->store, work->slot.id, text, err);

	if (r == 0)
		r = store_deadline_clear(work->engine->store, DEADLINE_DRIFT, run->id.v, err);
	return r < 0 ? r : notices_drift(work->engine, work->arena, report, err);
}

int drift_finish(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *old, struct err *err)
{
	struct reporting work = {
		.engine = engine, .arena = arena, .pull = pull, .now_ms = engine_now(engine)
	};
	_cleanup_json_ json_t *rules = NULL;
	char today[CLOCK_TEXT_MAX];
	struct drift_report report;
	struct drift_rule rule;
	struct run run; /* with what was written to it since */
	int r = store_run_load(engine->store, arena, old->id, &run, err);

	if (r == 0)
		r = store_drift_slot_of_run(engine->store, arena, run.id, &work.slot, err);
	if (r == 0 && !str_empty(work.slot.rules))
		r = jsonx_parse(work.slot.rules, strlen(work.slot.rules), 16 << 20, &rules, err);
	if (r < 0)
		return r;
	work.rules = rules;
	work.facts = (struct drift_slot_facts){ .is_partial = work.slot.is_partial,
		.key = { engine->world.seal->key, sizeof(engine->world.seal->key) },
		.today = arena_strndup(arena, clock_text(work.now_ms, today), 10) };
	report = begin_report(&work, &run);
	r = find_rule(&work, work.slot.environment, &rule, err);
	if (r == 0)
		r = add_projects(&work, &run, &report, err);
	if (r < 0)
		return r;
	report.notify = rule.notify.list;
	report.notify_count = rule.notify.count < DRIFT_WORDS_MAX ? rule.notify.count
								  : DRIFT_WORDS_MAX;
	return put_report(&work, &run, &report, err);
}
