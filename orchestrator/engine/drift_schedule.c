/* The clock of drift: schedules are learned from base branches that somebody once looked at, and
 * each of their times is looked at once. What the clock brought while nobody was there: the newest,
 * when it is young enough; the others are counted, and said in the next report. */
#include "orchestrator/engine/drift.h"

#include "orchestrator/engine/drift_slots.h"

enum { LOOK_EVERY_MS = 60000, LOOK_FORGOTTEN_MS = 2 * 24 * 3600 * 1000 };

struct clockwork { /* of one row */
	struct drift_schedule_row row;
	struct drift_rule rule;
	struct cron cron;
	struct zone zone;
};

static int read_row(const struct drift_schedule_row *row, struct arena *arena,
	struct clockwork *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(row->rule, strlen(row->rule), DRIFT_RULE_MAX, &json, err);

	ret->row = *row;
	if (r == 0)
		r = drift_rule_read(json, arena, &ret->rule, err);
	if (r == 0)
		r = cron_parse(ret->rule.schedule, &ret->cron, err);
	return r < 0 ? r : zone_load(ret->rule.timezone, arena, &ret->zone, err);
}

/* ---- learning ---- */

static const struct drift_schedule_row *find(const struct drift_schedule_row *rows, size_t count,
	const struct pull *pull, const char *environment)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].repo.v == pull->repo_id.v &&
			str_equal(rows[i].base_ref, pull->base_ref) &&
			str_equal(rows[i].environment, environment))
			return &rows[i];
	return NULL;
}

/* An edited schedule brings nothing at once, and what is beside it moves no time. */
static int64_t first_slot(struct engine *engine, const struct drift_schedule_row *old,
	const struct clockwork *now, struct arena *arena)
{
	struct clockwork before;
	struct err ignored;

	if (old != NULL && read_row(old, arena, &before, &ignored) == 0 &&
		str_equal(before.rule.schedule, now->rule.schedule) &&
		str_equal(before.rule.timezone, now->rule.timezone))
		return old->next_ms;
	return cron_next(&now->cron, &now->zone, engine_now(engine));
}

static int put(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct environment *environment, const struct drift_schedule_row *old,
	struct err *err)
{
	_cleanup_json_ json_t *json = drift_rule_write(&environment->drift);
	_cleanup_free_ char *text = jsonx_text(json);
	struct drift_schedule_row row = { .repo = pull->repo_id,
		.base_ref = pull->base_ref,
		.environment = environment->name,
		.rule = text };
	struct clockwork now;

	if (old != NULL && str_equal(old->rule, text))
		return 0;
	/* it was checked when the configuration was read: only a zone may be gone since */
	if (read_row(&row, arena, &now, err) < 0) {
		engine_tell(engine, true, "a schedule for drift is not kept", err);
		return 0;
	}
	row.next_ms = first_slot(engine, old, &now, arena);
	return store_drift_schedule_put(engine->store, &row, err);
}

static bool has_schedule(const struct repo_config *config, const char *environment)
{
	for (size_t i = 0; !config->ignores_branch && i < config->environment_count; i++)
		if (str_equal(config->environments[i].name, environment))
			return !str_empty(config->environments[i].drift.schedule);
	return false;
}

static int drop_others(struct engine *engine, const struct drift_schedule_row *rows, size_t count,
	const struct pull *pull, const struct repo_config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		if (find(&rows[i], 1, pull, rows[i].environment) != NULL &&
			!has_schedule(config, rows[i].environment))
			r = store_drift_schedule_drop(engine->store, rows[i].id, err);
	return r;
}

int drift_learn(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct repo_config *config, struct err *err)
{
	struct drift_schedule_row *rows = NULL;
	struct pull_id standing;
	size_t count = 0;
	int r = store_pull_find_standing(
		engine->store, pull->repo_id, pull->base_ref, &standing, err);

	if (r == -ERR_MISSING) /* nobody asked for looks at this branch */
		return 0;
	if (r == 0)
		r = store_drift_schedule_list(engine->store, arena, &rows, &count, err);
	if (r == 0)
		r = drop_others(engine, rows, count, pull, config, err);
	for (size_t i = 0; r == 0 && i < config->environment_count; i++) {
		const char *name = config->environments[i].name;

		if (has_schedule(config, name))
			r = put(engine, arena, pull, &config->environments[i],
				find(rows, count, pull, name), err);
	}
	engine->schedules_at_ms = 0;
	return r;
}

/* ---- the clock ---- */

static int say_missed(struct engine *engine, struct arena *arena, const struct drift_slot_row *slot,
	const char *why, struct err *err)
{
	char time[CLOCK_TEXT_MAX];
	struct err what;

	(void)err_set(&what, ERR_STALE, "%s, \"%s\": %d before %s%s", slot->environment,
		slot->schedule, slot->missed, clock_text(slot->slot_ms, time), why);
	engine_tell(engine, true, "times to look for drift were missed", &what);
	return engine_audit(engine, arena, "drift missed", "sluice", (struct pull_id){ 0 },
		(struct run_id){ 0 }, err, "%s %s", slot->base_ref, what.text);
}

/* Its row is there without a run: so it is said once, and counted in the report of the next. */
static int skip(struct engine *engine, struct arena *arena, const struct drift_slot_row *slot,
	struct err *err)
{
	int64_t id;
	int r = store_drift_slot_insert(engine->store, slot, &id, err);

	if (r == -ERR_EXISTS)
		return 0;
	return r < 0 ? r
		     : say_missed(engine, arena, slot, ", and that one: it is too long ago", err);
}

static int look(struct engine *engine, struct arena *arena, const struct clockwork *work,
	const struct drift_slot_row *slot, struct err *err)
{
	int64_t within = work->rule.within_ms > 0 ? work->rule.within_ms : DRIFT_WITHIN_MS;
	struct run_id run;
	int r = drift_request(engine, arena, slot, within + work->rule.spread_ms, &run, err);

	return r < 0 || run.v == 0 || slot->missed == 0 ? r
							: say_missed(engine, arena, slot, "", err);
}

/* One that is still looked at is not looked at twice at a time: the newest comes after it. */
static int act(struct engine *engine, struct arena *arena, const struct clockwork *work,
	int64_t *ret_next_ms, struct err *err)
{
	int64_t now = engine_now(engine),
		catch_up = work->rule.catch_up_ms > 0 ? work->rule.catch_up_ms : DRIFT_CATCH_UP_MS;
	struct drift_due due = drift_slots(
		&work->cron, &work->zone, work->row.next_ms, now, catch_up);
	const struct drift_slot_row slot = { .repo = work->row.repo,
		.base_ref = work->row.base_ref,
		.environment = work->row.environment,
		.slot_ms = due.slot_ms,
		.schedule = work->rule.schedule,
		.asked_by = "",
		.project = "",
		.missed = due.missed };
	bool is_open = false;
	int r = 0;

	*ret_next_ms = due.next_ms;
	if (due.slot_ms > 0 && due.is_late)
		return skip(engine, arena, &slot, err);
	if (due.slot_ms > 0)
		r = store_drift_slot_is_open(
			engine->store, &work->row, now - LOOK_FORGOTTEN_MS, &is_open, err);
	if (r < 0 || is_open)
		return r;
	if (due.slot_ms > 0)
		r = look(engine, arena, work, &slot, err);
	return r < 0 || due.next_ms == work->row.next_ms
		       ? r
		       : store_drift_schedule_move(engine->store, work->row.id, due.next_ms, err);
}

static void act_whole(
	struct engine *engine, const struct drift_schedule_row *row, int64_t *ret_next_ms)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct clockwork work;
	struct err err;
	int r = store_mark(engine->store, &err);

	if (r == 0) {
		r = read_row(row, &arena, &work, &err);
		if (r == 0)
			r = act(engine, &arena, &work, ret_next_ms, &err);
		if (r == 0)
			r = store_keep(engine->store, &err);
		else
			store_undo(engine->store);
	}
	if (r < 0)
		engine_tell(engine, true, "a schedule for drift is tried again", &err);
}

void drift_tick(struct engine *engine)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int64_t now = engine_now(engine), nearest = LOOK_EVERY_MS;
	struct drift_schedule_row *rows = NULL;
	bool went_back = now < engine->schedules_seen_ms || engine->schedules_seen_ms == 0;
	size_t count = 0;
	struct err err;

	if (engine_monotonic(engine) < engine->schedules_at_ms)
		return;
	if (store_drift_schedule_list(engine->store, &arena, &rows, &count, &err) < 0)
		engine_tell(engine, true, "the schedules for drift cannot be read", &err);
	for (size_t i = 0; i < count; i++) {
		int64_t next = rows[i].next_ms;

		if (next <= now || went_back)
			act_whole(engine, &rows[i], &next);
		if (next > now && next - now < nearest)
			nearest = next - now;
	}
	engine->schedules_seen_ms = now;
	engine->schedules_at_ms = engine_monotonic(engine) + nearest;
}
