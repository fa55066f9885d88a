/* From git's answer to the projects of a run: the effective configuration, what it selects, and
 * what is wrong with it, in words. */
#include "orchestrator/engine/private.h"

#include "orchestrator/engine/problems.h"

static struct config_blob blob_of(const struct config_file *file)
{
	return (struct config_blob){ file->name, file->bytes, file->length };
}

/* A file that git would not bring may hold the guards: nothing goes on without it. */
static void check_file(
	const struct config_file *file, struct arena *arena, struct config_problems *problems)
{
	if (file->name != NULL && file->problem != NULL)
		problem_add(problems, arena, (struct config_place){ file->name, 1, 1 }, "",
			file->problem, "make it a regular file of less than 1 MiB");
}

static int read_config(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct planned *planned, struct config_problems *problems,
	struct err *err)
{
	const struct prepared *prepared = &planned->prepared;
	const struct config_request request = { .host = pull->host,
		.repo = pull->repo,
		.base_ref = pull->base_ref,
		.base = blob_of(&prepared->config_base),
		.head = blob_of(&prepared->config_head) };

	check_file(&prepared->config_base, arena, problems);
	check_file(&prepared->config_head, arena, problems);
	if (problems->found > 0)
		return err_set(err, ERR_CONFIG, "the configuration cannot be read");
	return engine->world.config->read(engine->world.config, engine_settings(engine, run->id),
		&request, arena, &planned->config, problems, err);
}

static const char *version_of(const struct settings *settings, const struct project *project)
{
	const char *own = project->config->tool_version;

	if (!str_empty(own) || str_empty(settings->tool_version))
		return str_empty(own) ? "" : own;
	/* the server's version is of one kind of tool */
	return settings_tool(settings, project->tool, settings->tool_version) == NULL
		       ? ""
		       : settings->tool_version;
}

/* How each project is done, written down while the configuration is at hand. */
static int find_recipes(const struct settings *settings, struct planned *planned,
	struct arena *arena, struct config_problems *problems, struct err *err)
{
	for (size_t i = 0; i < planned->selection.project_count; i++) {
		struct project *project = &planned->selection.projects[i];

		project->recipe = recipe_of(
			&planned->config, project->config, version_of(settings, project), arena);
		if (project->recipe == NULL)
			problem_add(problems, arena, project->at,
				arena_printf(arena, "%s.workflow", project->name),
				arena_printf(arena, "there is no workflow \"%s\"",
					project->config->workflow),
				"write it below `workflows`");
	}
	return problems->found == 0 ? 0 : err_set(err, ERR_CONFIG, "a workflow is missing");
}

int planned_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const json_t *answer, struct planned *ret, struct err *err)
{
	const struct selection_asked asked = { .dir = run->only_dir,
		.workspace = run->only_workspace,
		.project = run->only_project,
		.base_ref = pull->base_ref };
	struct config_problems problems = { 0 };
	int r = prepared_read(answer, arena, &ret->prepared, err);

	if (r == 0)
		r = read_config(engine, arena, pull, run, ret, &problems, err);
	if (r == 0)
		r = projects_select(&ret->prepared, &ret->config, &asked, arena, &ret->selection,
			&problems, err);
	if (r == 0)
		r = find_recipes(engine_settings(engine, run->id), ret, arena, &problems, err);
	if (r < 0)
		ret->failure = problems_text(&problems, err, arena);
	return r;
}
