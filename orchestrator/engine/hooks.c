/* The server's own commands around a run: a job of the run like any other. Those before a plan run
 * before its projects are chosen, and what they write is what is chosen from and planned; what
 * others write is thrown away. What fails before a plan or an apply holds it up. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/steps.h"

static bool has_hooks(const struct settings *settings)
{
	for (size_t i = 0; i < settings->repo_rule_count; i++) {
		if (settings->repo_rules[i].pre_hook_count +
				settings->repo_rules[i].post_hook_count >
			0)
			return true;
	}
	return false;
}

static bool is_for(const struct hook *hook, enum run_kind kind)
{
	const char *word = kind == RUN_STATE_RM ? "state" : run_kind_name(kind);

	for (size_t i = 0; i < hook->command_count; i++) {
		if (str_equal(hook->commands[i], word))
			return true;
	}
	return hook->command_count == 0;
}

static struct steps steps_of(
	const struct hook *hooks, size_t count, enum run_kind kind, struct arena *arena)
{
	struct steps steps = { .list = arena_alloc(arena, (count + 1) * sizeof(*steps.list)),
		.is_given = true };

	for (size_t i = 0; i < count; i++) {
		if (is_for(&hooks[i], kind))
			steps.list[steps.count++] = (struct step){ .kind = STEP_KIND_RUN,
				.name = hooks[i].description,
				.command = hooks[i].command,
				.shell = hooks[i].shell,
				.shell_args = hooks[i].shell_args,
				.shell_arg_count = hooks[i].shell_arg_count };
	}
	return steps;
}

/* Hooks are the operator's alone: the files of the repository are not asked. */
static int read_hooks(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, bool is_after, struct steps *ret, struct err *err)
{
	const struct settings *settings = engine_settings(engine, run->id);
	const struct config_request request = {
		.host = pull->host, .repo = pull->repo, .base_ref = pull->base_ref
	};
	struct config_problems problems = { 0 };
	struct repo_config config = { 0 };
	int r;

	*ret = (struct steps){ 0 };
	if (!has_hooks(settings))
		return 0;
	r = engine->world.config->read(
		engine->world.config, settings, &request, arena, &config, &problems, err);
	if (r < 0)
		return err_wrap(err, "the hooks of %s", pull->repo);
	if (config.ignores_branch)
		return 0;
	*ret = is_after ? steps_of(config.post_hooks, config.post_hook_count, run->kind, arena)
			: steps_of(config.pre_hooks, config.pre_hook_count, run->kind, arena);
	return 0;
}

int hooks_go_first(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, bool *ret, struct err *err)
{
	struct steps steps;
	int r = read_hooks(engine, arena, pull, run, false, &steps, err);

	*ret = r == 0 && steps.count > 0;
	return r;
}

int hooks_add(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, bool is_after, bool *ret_added, struct err *err)
{
	const struct settings *settings = engine_settings(engine, run->id);
	struct recipe recipe = { .tool_version = "" };
	struct job job = { .run_id = run->id,
		.pull_id = pull->id,
		.op = JOB_HOOKS,
		.state = JOB_WAITING,
		.project = "hooks of the server",
		.dir = "",
		.workspace = "",
		.depends_on = "",
		.tool = settings->tool,
		.plan_blob = "" };
	int r;

	*ret_added = false;
	r = read_hooks(engine, arena, pull, run, is_after, &recipe.stages[STAGE_PLAN], err);
	if (r < 0 || recipe.stages[STAGE_PLAN].count == 0)
		return r;
	job.recipe = recipe_write(&recipe, arena);
	engine->slots_may_be_free = true;
	*ret_added = true;
	return store_job_insert(engine->store, &job, &job.id, err);
}
