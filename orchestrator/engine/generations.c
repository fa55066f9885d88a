/* Which settings hold for which run: those of the generation it began with.
 *
 * Numbers of runs only rise, so a generation is told by the first run that can belong to it;
 * nothing needs to be noted when a run is made or when its transaction fails. A restart forgets the
 * older generations: what is unfinished then goes on with the file as it is. */
#include "orchestrator/engine/private.h"

const struct settings *engine_settings(const struct engine *engine, struct run_id run)
{
	size_t i = engine->generation_count - 1;

	while (i > 0 && engine->generations[i].first_run > run.v)
		i--;
	return engine->generations[i].settings;
}

bool engine_is_unguarded(const struct engine *engine)
{
	return str_equal(
		engine->generations[engine->generation_count - 1].settings->sandbox.mode, "none");
}

static const char **copy_words(const struct name_list *words)
{
	const char **copy = mem_alloc((words->count + 1) * sizeof(*copy));

	for (size_t i = 0; i < words->count; i++)
		copy[i] = words->list[i];
	return copy;
}

static void generation_end(struct generation *generation)
{
	settings_unref(generation->settings);
	free(generation->words);
}

static void generations_add(struct engine *engine, struct settings *settings, int64_t first_run)
{
	const char **words = copy_words(&settings->commands.words);

	engine->generations = mem_grow(
		engine->generations, (engine->generation_count + 1) * sizeof(*engine->generations));
	engine->generations[engine->generation_count++] = (struct generation){
		.settings = settings_ref(settings), .words = words, .first_run = first_run
	};
	engine->world.settings = settings;
	engine->words = (struct command_words){
		.names = words, .bot = "", .bare = settings->bare_commands
	};
}

void generations_start(struct engine *engine, struct settings *settings)
{
	generations_add(engine, settings, 0);
}

void generations_free(struct engine *engine)
{
	for (size_t i = 0; i < engine->generation_count; i++)
		generation_end(&engine->generations[i]);
	free(engine->generations);
}

/* Runs that still do something. An ended one may have a job that was asked for and not yet
 * stopped. */
static int list_unfinished(struct engine *engine, struct arena *arena, struct run_id **ret,
	size_t *ret_count, struct err *err)
{
	static const enum job_state open[] = { JOB_BLOCKED, JOB_WAITING, JOB_STARTING,
		JOB_RUNNING };
	struct run *runs = NULL;
	size_t count = 0;
	int r = store_run_list_active(engine->store, arena, &runs, &count, err);

	for (size_t i = 0; i < count; i++) {
		*ret = arena_push(arena, *ret, *ret_count, sizeof(**ret));
		(*ret)[(*ret_count)++] = runs[i].id;
	}
	for (size_t i = 0; r == 0 && i < countof(open); i++) {
		struct job *jobs = NULL;

		r = store_job_list_open(
			engine->store, arena, open[i], INT32_MAX, &jobs, &count, err);
		for (size_t k = 0; r == 0 && k < count; k++) {
			*ret = arena_push(arena, *ret, *ret_count, sizeof(**ret));
			(*ret)[(*ret_count)++] = jobs[k].run_id;
		}
	}
	return r;
}

/* Those that no unfinished run began with go; the newest stays. */
static void drop_unused(struct engine *engine, const struct run_id *runs, size_t run_count)
{
	size_t kept = 0, count = engine->generation_count;

	for (size_t i = 0; i < count; i++) {
		struct generation *generation = &engine->generations[i];
		bool is_used = i + 1 == count;

		for (size_t k = 0; k < run_count && !is_used; k++)
			is_used = runs[k].v >= generation->first_run &&
				  runs[k].v < generation[1].first_run;
		if (is_used)
			engine->generations[kept++] = *generation;
		else
			generation_end(generation);
	}
	engine->generation_count = kept;
}

/* In a savepoint: half of an audit record in the open transaction would end the chain. */
static int audit_generation(struct engine *engine, struct arena *arena,
	const struct settings *settings, struct err *err)
{
	int r = store_mark(engine->store, err);

	if (r == 0)
		r = engine_audit(engine, arena, "configuration", "operator", (struct pull_id){ 0 },
			(struct run_id){ 0 }, err, "generation %lld, SHA-256 %s",
			(long long)settings->generation,
			settings->digest[0] == '\0' ? "none" : settings->digest);
	if (r == 0)
		r = store_keep(engine->store, err);
	else
		store_undo(engine->store);
	return r;
}

int engine_reload(struct engine *engine, struct settings *settings, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct run_id *unfinished = NULL;
	struct run *newest = NULL;
	size_t unfinished_count = 0, count = 0;
	int r = store_run_list_recent(engine->store, &arena, 1, &newest, &count, err);

	if (r == 0)
		r = list_unfinished(engine, &arena, &unfinished, &unfinished_count, err);
	if (r == 0)
		r = audit_generation(engine, &arena, settings, err);
	if (r < 0)
		return r;
	generations_add(engine, settings, count == 0 ? 1 : newest[0].id.v + 1);
	drop_unused(engine, unfinished, unfinished_count);
	engine->slots_may_be_free = true;
	engine->world.wake(engine->world.owner, 0);
	return 0;
}
