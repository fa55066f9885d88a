/* From git's answer to the projects of a run: the effective configuration, what it selects, and
 * what is wrong with it, in words. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/strbuf.h"

#include "orchestrator/engine/candidates.h"

enum { FAILURE_BYTES_MAX = 16 << 10 };

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

static void put_problem(struct strbuf *out, const struct config_problem *problem)
{
	const struct config_place *at = &problem->at;

	if (!str_empty(at->file))
		strbuf_printf(out, "%s:%d:%d: ", at->file, at->line, at->column);
	if (!str_empty(problem->path))
		strbuf_printf(out, "%s: ", problem->path);
	strbuf_puts(out, problem->message);
	if (!str_empty(problem->hint))
		strbuf_printf(out, "; %s", problem->hint);
	strbuf_putc(out, '\n');
}

/* Every error at once, each with its place and what to do. */
static const char *failure_text(
	const struct config_problems *problems, const struct err *err, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(FAILURE_BYTES_MAX);

	if (problems->count == 0)
		return arena_strdup(arena, err->text);
	for (size_t i = 0; i < problems->count; i++)
		put_problem(&out, &problems->list[i]);
	if (problems->found > problems->count)
		strbuf_printf(&out, "and %zu more\n", problems->found - problems->count);
	return arena_strdup(arena, strbuf_text(&out));
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

/* How each project is done, written down while the configuration is at hand. */
static int find_recipes(struct planned *planned, struct arena *arena,
	struct config_problems *problems, struct err *err)
{
	for (size_t i = 0; i < planned->selection.project_count; i++) {
		struct project *project = &planned->selection.projects[i];

		project->recipe = recipe_of(&planned->config, project->config, arena);
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
		r = find_recipes(ret, arena, &problems, err);
	if (r < 0)
		ret->failure = failure_text(&problems, err, arena);
	return r;
}
