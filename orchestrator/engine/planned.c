/* From git's answer to the projects of a run: the effective configuration, what it selects, and
 * what is wrong with it, in words. */
#include "orchestrator/engine/private.h"

#include "orchestrator/engine/config_changes.h"
#include "orchestrator/engine/problems.h"
#include "orchestrator/model/project_kind.h"

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

		project->recipe = recipe_of(&planned->config, project->config,
			version_of(settings, project),
			kind_is_built(project->tool) ? planned->prepared.base_tree : "", arena);
		project->guard = guard_of(
			&planned->config, &planned->prepared, project->config, arena);
		if (project->recipe == NULL)
			problem_add(problems, arena, project->at,
				arena_printf(arena, "%s.workflow", project->name),
				arena_printf(arena, "there is no workflow \"%s\"",
					project->config->workflow),
				"write it below `workflows`");
	}
	return problems->found == 0 ? 0 : err_set(err, ERR_CONFIG, "a workflow is missing");
}

static bool is_file_changed(const struct prepared *prepared)
{
	const struct config_file *base = &prepared->config_base, *head = &prepared->config_head;

	return !str_equal(base->name, head->name) || base->length != head->length ||
	       (base->length > 0 && memcmp(base->bytes, head->bytes, base->length) != 0);
}

/* The effective configuration as if the pull request left the file alone. */
static int tell_changes(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct planned *planned, struct err *err)
{
	const struct prepared *prepared = &planned->prepared;
	const struct config_blob base = blob_of(&prepared->config_base);
	const struct config_request request = { .host = pull->host,
		.repo = pull->repo,
		.base_ref = pull->base_ref,
		.base = base,
		.head = base };
	struct config_problems ignored = { 0 };
	struct repo_config before = { 0 };
	int r;

	/* a file that hooks make has no before: the base branch does not hold one */
	if (prepared->config_by_hooks || !is_file_changed(prepared))
		return 0;
	planned->told.file = prepared->config_head.name != NULL ? prepared->config_head.name
								: prepared->config_base.name;
	r = engine->world.config->read(engine->world.config, engine_settings(engine, run->id),
		&request, arena, &before, &ignored, err);
	if (r == -ERR_CONFIG) { /* only the change made it right */
		told_add_note(&planned->told, arena,
			"the file of the base branch cannot be read, so there is no before");
		return 0;
	}
	if (r == 0)
		config_changes(&before, &planned->config, arena, &planned->told);
	return r;
}

static void tell_hooks(struct arena *arena, const struct prepared *prepared, struct told *told)
{
	size_t count = prepared->hooks_wrote;

	if (count > 0)
		told_add_note(told, arena,
			"hooks of the server wrote or removed %zu %s before this was planned",
			count, count == 1 ? "file" : "files");
	if (prepared->config_by_hooks && prepared->config_head.name != NULL)
		told_add_note(told, arena,
			"%s is theirs: it chooses projects like one of the pull request; what "
			"guards is what the base branch says",
			prepared->config_head.name);
}

static void tell_notes(struct arena *arena, const struct pull *pull, const struct run *run,
	struct planned *planned)
{
	const struct repo_config *config = &planned->config;
	struct told *told = &planned->told;
	const char **gone = NULL;
	size_t count = 0;

	tell_hooks(arena, &planned->prepared, told);
	for (size_t i = 0; i < config->note_count; i++)
		told_add_note(told, arena, "%s:%d:%d: %s: %s", config->notes[i].at.file,
			config->notes[i].at.line, config->notes[i].at.column, config->notes[i].path,
			config->notes[i].text);
	if (config->ignores_branch)
		told_add_note(
			told, arena, "the server plans no pull requests into %s", pull->base_ref);
	else if (planned->selection.project_count == 0 && !str_empty(run->only_project))
		told_add_note(told, arena, "no project is called %s", run->only_project);
	else if (planned->selection.project_count == 0 && !str_empty(run->only_dir))
		told_add_note(told, arena, "no project is in the folder %s", run->only_dir);
	projects_gone(&planned->prepared, arena, &gone, &count);
	for (size_t i = 0; i < count; i++)
		told_add_note(told, arena,
			"%s holds no Terraform any more; what it made still exists", gone[i]);
}

/* ---- what the base branch became since ---- */

static bool is_name(const struct name_list *names, const char *path)
{
	for (size_t i = 0; path != NULL && i < names->count; i++) {
		if (str_equal(names->list[i], path))
			return true;
	}
	return false;
}

/* The file of the configuration says what the projects are and what guards them. */
static const char *moved_config(struct engine *engine, const struct pull *pull,
	const struct run *run, const struct prepared *prepared, struct arena *arena)
{
	const struct config_reader *reader = engine->world.config;
	struct name_list names = { 0 };

	reader->files(
		reader, engine_settings(engine, run->id), pull->host, pull->repo, arena, &names);
	for (size_t i = 0; i < prepared->moved_count; i++) {
		const struct changed_file *file = &prepared->moved[i];

		if (is_name(&names, file->path) || is_name(&names, file->old_path))
			return arena_printf(arena, "%s changed", file->path);
	}
	return NULL;
}

/* What is gone chooses nothing any more. */
static bool has_lost(const struct prepared *prepared, const char *dir, struct arena *arena)
{
	const char *below = str_equal(dir, ".") ? "" : arena_printf(arena, "%s/", dir);

	for (size_t i = 0; i < prepared->moved_count; i++) {
		const struct changed_file *file = &prepared->moved[i];
		const char *gone = file->status == 'D' ? file->path : file->old_path;

		if (gone != NULL && str_starts(gone, below))
			return true;
	}
	return false;
}

const char *planned_moved(const struct planned *planned, const struct job *job, struct arena *arena)
{
	if (planned->moved_config != NULL)
		return planned->moved_config;
	for (size_t i = 0; i < planned->selection.project_count; i++) {
		const struct project *project = &planned->selection.projects[i];

		if (str_equal(project->dir, job->dir) &&
			(str_equal(project->workspace, job->workspace) ||
				str_equal(project->name, job->project)))
			return project->because;
	}
	return has_lost(&planned->prepared, job->dir, arena) ? "files of it are gone" : NULL;
}

int planned_read_moves(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const json_t *answer, struct planned *ret, struct err *err)
{
	const struct selection_asked asked = { .dir = "",
		.workspace = "",
		.project = "",
		.base_ref = pull->base_ref,
		.by_files_alone = true };
	struct config_problems problems = { 0 };
	struct prepared moves;
	int r = prepared_read(answer, arena, &ret->prepared, err);

	if (r == 0 && ret->prepared.moved_count == 0)
		return 0;
	if (r == 0)
		r = read_config(engine, arena, pull, run, ret, &problems, err);
	if (r == 0) {
		ret->moved_config = moved_config(engine, pull, run, &ret->prepared, arena);
		moves = ret->prepared;
		moves.changed = moves.moved;
		moves.changed_count = moves.moved_count;
		r = projects_select(
			&moves, &ret->config, &asked, arena, &ret->selection, &problems, err);
	}
	if (r == -ERR_CONFIG || r == -ERR_LIMIT || r == -ERR_SYNTAX)
		ret->failure = problems_text(&problems, err, arena);
	return r;
}

int planned_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const json_t *answer, struct planned *ret, struct err *err)
{
	const struct selection_asked asked = { .dir = run->only_dir,
		.workspace = run->only_workspace,
		.project = run->only_project,
		.is_everything = run->kind == RUN_DRIFT,
		.base_ref = pull->base_ref };
	struct config_problems problems = { 0 };
	int r = prepared_read(answer, arena, &ret->prepared, err);

	if (r == 0 && ret->is_early)
		return 0;
	if (r == 0)
		r = read_config(engine, arena, pull, run, ret, &problems, err);
	if (r == 0)
		r = projects_select(&ret->prepared, &ret->config, &asked, arena, &ret->selection,
			&problems, err);
	if (r == 0) {
		tell_notes(arena, pull, run, ret);
		if (ret->config.ignores_branch)
			ret->selection.project_count = 0;
	}
	if (r == 0 && run->kind == RUN_DRIFT)
		r = drift_choose(engine, arena, run, ret, err);
	if (r == 0)
		r = find_recipes(engine_settings(engine, run->id), ret, arena, &problems, err);
	if (r == 0)
		r = releases_read(engine, arena, pull, run, ret, err);
	if (r == 0)
		r = tell_changes(engine, arena, pull, run, ret, err);
	if (r == -ERR_CONFIG || r == -ERR_LIMIT || r == -ERR_SYNTAX)
		ret->failure = problems_text(&problems, err, arena);
	return r;
}
