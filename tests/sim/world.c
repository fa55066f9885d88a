/* Clock and executor that live in memory; the host is in host.c. */
#include "tests/sim/world.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/prepared.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SWEPT_AFTER_MS = 5000 };

/* A world is emptied for each history; these need not be. */
static struct fake_job all_jobs[FIGHT_JOBS];
static struct fake_opinion all_opinions[FIGHT_OPINIONS];
static char dir_names[DIRS_MAX][2];
static struct tree_folder folders[DIRS_MAX + 1] = { { ".", 0 } };

uint32_t roll(struct world *world, uint32_t sides)
{
	world->dice ^= world->dice << 13; /* xorshift: small, quick, the same everywhere */
	world->dice ^= world->dice >> 7;
	world->dice ^= world->dice << 17;
	return (uint32_t)(world->dice >> 32) % sides;
}

bool chance(struct world *world, uint32_t percent)
{
	return !world->calm && roll(world, 100) < percent;
}

void world_note(struct world *world, const char *format, ...)
{
	va_list args;

	if (!world->verbose)
		return;
	printf("%8lld  ", (long long)world->monotonic_ms);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

struct world *the_world;

static int64_t wall(_unused_ const struct clock *clock)
{
	return the_world->wall_ms;
}

static int64_t monotonic(_unused_ const struct clock *clock)
{
	return the_world->monotonic_ms;
}

static void fill(_unused_ const struct entropy *entropy, void *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)out)[i] = (uint8_t)roll(the_world, 256);
}

/* ---- the executor ---- */

static struct fake_job *find_job(struct world *world, int64_t id, int attempt)
{
	for (size_t i = 0; i < world->job_count; i++) {
		if (world->jobs[i].id == id && world->jobs[i].attempt == attempt)
			return &world->jobs[i];
	}
	return NULL;
}

static bool makes_tree(const struct fake_job *job, const char *tree)
{
	return job->makes[0] && job->state == FAKE_ENDED && job->outcome == OUTCOME_OK &&
	       !job->is_swept && str_equal(job->makes, tree);
}

/* The work tree of git's is called like head and tip, and that of the hooks after it. */
static void name_tree(const struct job_spec *spec, struct fake_job *job)
{
	world_copy(job->tip, sizeof(job->tip), spec->is_before ? spec->base : base_tip(the_world));
	if (spec->is_before) {
		world_copy(job->makes, sizeof(job->makes), spec->tree);
		job->makes[0] = HOOKED;
	} else if (spec->op == JOB_PREPARE && !str_empty(spec->base)) {
		world_copy(job->since, sizeof(job->since), spec->base);
	} else if (spec->op == JOB_PREPARE) {
		base_name_tree(the_world, spec->head, job->makes);
	}
}

static void drop_tree(
	_unused_ struct executor *executor, _unused_ struct repo_id repo, const char *tree)
{
	for (size_t i = 0; i < the_world->job_count; i++)
		the_world->jobs[i].is_swept |= makes_tree(&the_world->jobs[i], tree);
}

static bool has_tree(
	_unused_ struct executor *executor, _unused_ struct repo_id repo, const char *tree)
{
	for (size_t i = 0; i < the_world->job_count; i++) {
		if (makes_tree(&the_world->jobs[i], tree))
			return true;
	}
	return false;
}

static int start(struct executor *executor, const struct job_spec *spec, struct err *err)
{
	struct world *world = the_world;
	struct fake_job *job;
	int active = 0, all = 0;

	if (!world->is_fight && chance(world, 3))
		return err_class_set(err, ERR_JOB, ERR_CLASS_TEMP, "no process could be made");
	if (world->job_count == world->jobs_most)
		return err_set(err, ERR_JOB, "too many jobs in this history");
	if (find_job(world, spec->job.v, spec->attempt) != NULL)
		oracle_wrong(world, "job %lld was started twice as attempt %d",
			(long long)spec->job.v, spec->attempt);
	for (size_t i = 0; i < world->job_count; i++) {
		bool lives = world->jobs[i].state == FAKE_ASKED ||
			     world->jobs[i].state == FAKE_RUNNING;

		active += lives && !world->jobs[i].is_reading;
		all += lives;
	}
	if (active >= 2 * world->slots || all >= 3 * world->slots)
		oracle_wrong(world, "more jobs than slots");
	if (active >= world->slots && job_repeat_class(spec->op) == REPEAT_NEVER)
		oracle_wrong(world, "what is begun once was staged");
	job = &world->jobs[world->job_count++];
	*job = (struct fake_job){ .id = spec->job.v,
		.attempt = spec->attempt,
		.op = spec->op,
		.state = FAKE_ASKED,
		.number = spec->number,
		.due_ms = world->monotonic_ms + roll(world, 2000) };
	world_copy(job->head, sizeof(job->head), spec->head);
	world_copy(job->dir, sizeof(job->dir), spec->dir);
	world_copy(job->plan_blob, sizeof(job->plan_blob), spec->plan_blob);
	name_tree(spec, job);
	world_note(world, "job %lld-%d starts: %s %s of pull %lld", (long long)job->id,
		job->attempt, job_op_name(job->op), job->dir, (long long)job->number);
	if (spec->op != JOB_PREPARE && !has_tree(executor, spec->repo, spec->tree))
		oracle_wrong(world, "a job starts in a work tree that was thrown away");
	oracle_generation(world, spec);
	if (spec->op == JOB_APPLY && str_equal(world->breaks, "head"))
		world->pulls[spec->number].told_head[0] ^= 1; /* as if the engine had been told */
	if (spec->op == JOB_APPLY)
		oracle_apply_starts(world, spec);
	else if (job_repeat_class(spec->op) == REPEAT_NEVER)
		oracle_change_starts(world, spec);
	if (spec->op != JOB_PREPARE)
		oracle_order(world, spec);
	return 0;
}

static json_t *prepared_of(const struct fake_job *job)
{
	struct changed_file changed[DIRS_MAX], moved[DIRS];
	char paths[DIRS_MAX][16];
	struct prepared prepared = { .head = job->head,
		.base = job->tip,
		.merge_base = job->tip,
		.tree = job->makes,
		.changed = changed,
		.moved = moved };
	struct identity people[] = { { "alice", "alice@example.org" } };

	prepared.moved_count = base_moved(the_world, job->since, job->tip, moved);
	prepared.folders = folders;
	prepared.folder_count = the_world->dir_count + 1;
	prepared.people = people;
	prepared.people_count = 1;
	for (size_t i = 0; i < the_world->dir_count;
		i++) { /* the head's first digits say which folders it touches */
		if ((job->head[i] & 1) == 0)
			continue;
		snprintf(paths[i], sizeof(paths[i]), "%s/main.tf", dir_names[i]);
		changed[prepared.changed_count++] = (struct changed_file){ .path = paths[i],
			.status = 'M' };
	}
	return prepared_write(&prepared);
}

static enum job_outcome choose_outcome(struct world *world, const struct fake_job *job)
{
	if (!chance(world, 12))
		return OUTCOME_OK;
	switch (roll(world, 5)) {
	case 0:
		return OUTCOME_TIMED_OUT;
	case 1:
		return OUTCOME_UNKNOWN;
	case 2:
		return job->op == JOB_PREPARE ? OUTCOME_CONFLICT : OUTCOME_SIGNALLED;
	case 3:
		return OUTCOME_SETUP_FAILED;
	default:
		return OUTCOME_TOOL_FAILED;
	}
}

static void tell_end(struct world *world, struct fake_job *job)
{
	_cleanup_json_ json_t *prepared = NULL;
	struct job_result result = { .outcome = job->outcome,
		.step = "plan",
		.failure = job->outcome == OUTCOME_OK ? "" : "it failed",
		.output = "",
		.plan_blob = "",
		.log_blob = "",
		.has_changes = job->has_changes };

	if ((job->makes[0] || job->since[0]) && job->outcome == OUTCOME_OK)
		result.prepared = prepared = prepared_of(job);
	if (job->op == JOB_PLAN && job->outcome == OUTCOME_OK)
		result.plan_blob = job->plan_blob;
	job->told = true;
	if (world->events.ended != NULL)
		world->events.ended(
			world->events.owner, (struct job_id){ job->id }, job->attempt, &result);
	if (chance(world, 3)) /* told twice */
		world->events.ended(
			world->events.owner, (struct job_id){ job->id }, job->attempt, &result);
}

static void end_job(struct world *world, struct fake_job *job)
{
	char text[64];

	job->state = FAKE_ENDED;
	if (job->outcome == OUTCOME_NONE)
		job->outcome = choose_outcome(world, job);
	job->has_changes = job->op == JOB_PLAN && roll(world, 100) < 75;
	if (job->op == JOB_PLAN) {
		snprintf(text, sizeof(text), "plan %lld-%d", (long long)job->id, job->attempt);
		codec_sha256_hex(text, strlen(text), job->plan_blob);
	}
	world_note(world, "job %lld-%d ends: %s", (long long)job->id, job->attempt,
		job_outcome_name(job->outcome));
	tell_end(world, job);
}

static void tell_moved(struct world *world)
{
	if (world->events.moved != NULL)
		world->events.moved(world->events.owner);
}

void world_work(struct world *world)
{
	for (size_t i = 0; i < world->job_count; i++) {
		struct fake_job *job = &world->jobs[i];

		if (job->due_ms > world->monotonic_ms)
			continue;
		if (job->state == FAKE_ASKED) {
			job->state = FAKE_RUNNING;
			job->due_ms = world->monotonic_ms + roll(world, 4000);
			if (world->events.started != NULL && !chance(world, 5))
				world->events.started(world->events.owner,
					(struct job_id){ job->id }, job->attempt);
			tell_moved(world);
		} else if (job->state == FAKE_RUNNING && !job->is_reading && chance(world, 50)) {
			job->is_reading = true;
			job->due_ms = world->monotonic_ms + roll(world, 2000);
			tell_moved(world);
		} else if (job->state == FAKE_RUNNING) {
			end_job(world, job);
		}
	}
}

static void cancel(_unused_ struct executor *executor, struct job_id id, int attempt)
{
	struct fake_job *job = find_job(the_world, id.v, attempt);

	if (job == NULL || (job->state != FAKE_ASKED && job->state != FAKE_RUNNING))
		return;
	if (job_repeat_class(job->op) != REPEAT_NEVER || chance(the_world, 50))
		job->outcome = OUTCOME_CANCELLED;
	job->due_ms = the_world->monotonic_ms;
}

static int recover(_unused_ struct executor *executor, struct job_id id, int attempt,
	enum job_evidence *ret, _unused_ struct err *err)
{
	struct world *world = the_world;
	struct fake_job *job = find_job(world, id.v, attempt);

	if (job == NULL) {
		*ret = EVIDENCE_NEVER;
		return 0;
	}
	if (job->state == FAKE_ASKED && chance(world, 40)) {
		job->state = FAKE_GONE;
		job->was_void = true;
	} else if ((job->state == FAKE_ASKED || job->state == FAKE_RUNNING) && chance(world, 10)) {
		job->state = FAKE_GONE; /* it died with the machine */
	}
	*ret = job->was_void		  ? EVIDENCE_NEVER
	       : job->state == FAKE_GONE  ? EVIDENCE_STARTED
	       : job->state == FAKE_ENDED ? EVIDENCE_ENDED
					  : EVIDENCE_ALIVE;
	if (job->state == FAKE_ENDED)
		tell_end(world, job);
	world_note(world, "job %lld-%d is found: %d", (long long)job->id, job->attempt, (int)*ret);
	return 0;
}

static void forget(
	_unused_ struct executor *executor, _unused_ struct job_id job, _unused_ int attempt)
{
}

static void set_slots(_unused_ struct executor *executor, int slots)
{
	if (slots != the_world->slots)
		oracle_wrong(the_world, "the executor is told of %d slots", slots);
}

static enum job_phase phase(_unused_ struct executor *executor, struct job_id id, int attempt)
{
	const struct fake_job *job = find_job(the_world, id.v, attempt);

	if (job == NULL || job->state == FAKE_ASKED)
		return PHASE_STAGED;
	return job->is_reading ? PHASE_READS : PHASE_TOOLS;
}

/* Everything that is a little old is offered at once; what rows do not need is gone. */
static bool sweep(_unused_ struct executor *executor, struct sweep *sweep)
{
	struct world *world = the_world;

	for (size_t i = 0; i < world->job_count; i++) {
		struct fake_job *job = &world->jobs[i];
		struct leftover leftover = { .kind = LEFTOVER_BLOB, .name = job->plan_blob };

		if (job->state != FAKE_ENDED || !job->told || job->is_swept ||
			job->due_ms + SWEPT_AFTER_MS > world->monotonic_ms || job->op == JOB_APPLY)
			continue;
		if (job->makes[0])
			leftover = (struct leftover){
				.kind = LEFTOVER_TREE, .repo = { 1 }, .name = job->makes
			};
		job->is_swept = !sweep->is_needed(sweep->owner, &leftover) ||
				str_equal(world->breaks, "broom");
		sweep->removed += job->is_swept;
	}
	return false;
}

static void listen(_unused_ struct executor *executor, const struct executor_events *events)
{
	the_world->events = *events;
}

/* ---- the whole ---- */

static void wake(void *owner, int64_t delay_ms)
{
	struct world *world = owner;

	world->wants_turn = world->wants_turn || delay_ms <= 0;
}

static void tell(void *owner, _unused_ bool is_problem, const char *what, const struct err *err)
{
	world_note(owner, "engine: %s: %s", what, err == NULL ? "" : err->text);
}

void world_init(struct world *world, struct store *store, uint64_t seed)
{
	static struct repo_rule some_hooks = { .pre_hook_count = 1 };
	static const char *words[] = { "sluice", "atlantis" };
	static const char *allowed[] = { "plan", "apply", "unlock", "cancel", "import", "state" };
	static const struct fake_member members[MEMBERS] = { { "alice", true, 0 },
		{ "bob", false, 0 }, { "carol", true, 0 }, { "dave", false, 0 } };
	bool verbose = world->verbose;
	const char *breaks = world->breaks;
	bool has_outage = world->has_outage, is_fight = world->is_fight;

	settings_unref(world->newest);
	*world = (struct world){ .dice = seed * 0x9e3779b97f4a7c15u + 1,
		.wall_ms = 1795000000000,
		.monotonic_ms = 1000,
		.store = store,
		.verbose = verbose,
		.breaks = breaks,
		.has_outage = has_outage,
		.is_fight = is_fight,
		.pull_count = is_fight ? PULLS_MAX : PULLS,
		.dir_count = is_fight ? DIRS_MAX : DIRS,
		.jobs = all_jobs,
		.jobs_most = is_fight ? FIGHT_JOBS : JOBS_MAX,
		.opinions = all_opinions,
		.opinions_most = is_fight ? FIGHT_OPINIONS : OPINIONS_MAX };
	for (size_t i = 0; i < DIRS_MAX; i++) {
		dir_names[i][0] = (char)('a' + i);
		folders[i + 1] = (struct tree_folder){ dir_names[i], HOLDS_TERRAFORM };
	}
	the_world = world;
	base_init(world);
	world->clock = (struct clock){ .wall_ms = wall, .monotonic_ms = monotonic };
	world->entropy.fill = fill;
	seal_of_key((const uint8_t[SHA256_BYTES]){ 1 }, &world->seal);
	world->settings = (struct settings){ .refs = 1,
		.slots = is_fight ? FIGHT_SLOTS : SLOTS,
		.bare_commands = true,
		.commands = { .words = { words, countof(words) },
			.allowed = { allowed, countof(allowed) },
			.apply_all = true },
		.status_prefix = "sluice",
		.tool = "terraform",
		.repo_rules = &some_hooks,
		.repo_rule_count = 1,
		.sweep_every_ms = 8000,
		.keep_events_ms = INT64_MAX / 4,
		.comment_interval_ms = 2000 };
	world->slots = world->settings.slots;
	world->newest = settings_ref(&world->settings);
	world->order = (enum order)roll(world, ORDERS);
	/* a team that everybody is in does harm only where it is asked for */
	world->is_guarded = !is_fight && (roll(world, 2) == 0 || str_equal(world->breaks, "team"));
	if (world->is_guarded || is_fight) /* one thing at a time */
		world->order = ORDER_NONE;
	/* the fights of three seeds that follow each other have them all */
	world->lock_mode = is_fight		 ? (enum lock_mode)(seed % LOCK_MODES)
			   : roll(world, 2) == 0 ? LOCK_ON_PLAN
						 : (enum lock_mode)roll(world, LOCK_MODES);
	if (str_equal(world->breaks, "queue")) /* else there is none */
		world->lock_mode = LOCK_ON_PLAN;
	world->goes_together = roll(world, 2) == 0;
	world->settings.lock_expires_ms = is_fight ? 1200000 : roll(world, 4) == 0 ? 30000 : 0;
	memcpy(world->members, members, sizeof(members));
	world->has_hooks = roll(world, ORDERS) == 0;
	world->config.read = world_read_config;
	world->config.files = world_no_files;
	world->executor = (struct executor){ .start = start,
		.set_slots = set_slots,
		.phase = phase,
		.cancel = cancel,
		.recover = recover,
		.forget = forget,
		.drop_tree = drop_tree,
		.has_tree = has_tree,
		.sweep = sweep,
		.listen = listen };
	world_host_init(world);
	world->hosts[0] = &world->host;
}

void world_start(struct world *world)
{
	struct engine_world parts = { .clock = &world->clock,
		.entropy = &world->entropy,
		.seal = &world->seal,
		.settings = world->newest,
		.config = &world->config,
		.executor = &world->executor,
		.hosts = world->hosts,
		.wake = wake,
		.tell = tell,
		.owner = world };
	struct err err;

	world->reloads[0].after_run = 0;
	world->reloads[0].generation = world->newest->step_timeout_ms;
	world->reload_count = 1;
	for (int tries = 0; tries < 2; tries++) {
		if (engine_new(world->store, &parts, &world->engine, &err) == 0 &&
			engine_start(world->engine, &err) == 0)
			return;
		if (err.class != ERR_CLASS_TEMP) /* else it is started again, as systemd would */
			break;
		engine_free(world->engine);
		store_rollback(world->store);
	}
	oracle_wrong(world, "the engine does not start: %s", err.text);
}

void world_reload(struct world *world)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct settings *next = mem_alloc(sizeof(*next));
	struct run *runs = NULL;
	size_t count = 0;
	struct err err;

	*next = world->settings;
	next->refs = 1;
	next->step_timeout_ms = world->newest->step_timeout_ms + 1;
	if (world->reload_count == RELOADS_MAX ||
		store_run_list_recent(world->store, &arena, 1, &runs, &count, &err) < 0 ||
		engine_reload(world->engine, next, &err) < 0) {
		settings_unref(next);
		return;
	}
	world->reloads[world->reload_count].after_run = count == 0 ? 0 : runs[0].id.v;
	world->reloads[world->reload_count++].generation = next->step_timeout_ms;
	if (str_equal(world->breaks, "generation"))
		world->newest->step_timeout_ms = next->step_timeout_ms;
	settings_unref(world->newest);
	world->newest = next;
	world_note(world, "RELOAD");
}

void world_crash(struct world *world)
{
	world_note(world, "CRASH");
	engine_free(world->engine);
	store_rollback(world->store);
	world->events = (struct executor_events){ 0 };
	world_start(world);
}
