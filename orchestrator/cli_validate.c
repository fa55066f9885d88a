/* `sluice validate`: what is wrong with a file, before anybody pushes it. Asks no server. */
#include "config/effective.h"
#include "config/schema.h"
#include "config/server_config.h"
#include "orchestrator/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct validation {
	struct cli *cli;
	struct settings settings;
	struct config_problems problems;
	struct repo_config config;
	const char *file; /* of the repository, as the person would name it; NULL: none is read */
	char *bytes;
	size_t length;
	const char *host, *repo; /* whose rules of the server hold */
};

static void add_problem(struct validation *validation, struct config_place at, const char *path,
	const char *message, const char *hint)
{
	struct config_problems *problems = &validation->problems;
	struct arena *arena = &validation->cli->arena;

	problems->list = arena_push(
		arena, problems->list, problems->count, sizeof(*problems->list));
	problems->list[problems->count++] = (struct config_problem){ at, arena_strdup(arena, path),
		arena_strdup(arena, message), arena_strdup(arena, hint) };
	problems->found++;
}

static void add_errors(
	struct validation *validation, const char *file, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		add_problem(validation,
			(struct config_place){ file, error->at.line, error->at.column },
			error->path, error->message, error->hint);
	}
	validation->problems.found += errors->found - errors->count;
}

static void add_warning(
	struct validation *validation, struct config_place at, const char *path, const char *text)
{
	struct repo_config *config = &validation->config;

	config->notes = arena_push(
		&validation->cli->arena, config->notes, config->note_count, sizeof(*config->notes));
	config->notes[config->note_count++] = (struct config_note){ at, path, text };
}

/* ---- what to read ---- */

static bool read_bytes(struct validation *validation, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = 0;

	validation->bytes = mem_alloc(YAML_BYTES_MAX + 2);
	while (fd >= 0 && validation->length <= YAML_BYTES_MAX &&
		(got = read(fd, validation->bytes + validation->length,
			 YAML_BYTES_MAX + 1 - validation->length)) > 0)
		validation->length += (size_t)got;
	if (fd >= 0 && got == 0)
		return true;
	if (fd >= 0 && got > 0)
		return true; /* too long: the reader says so */
	add_problem(validation, (struct config_place){ path, 0, 0 }, "",
		arena_printf(&validation->cli->arena, "cannot be read: %s", strerror(errno)), "");
	return false;
}

static bool is_there(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0;
}

/* The file that the server would read in this folder; NULL when there is none. */
static const char *find_file(struct validation *validation, const char *dir)
{
	struct arena *arena = &validation->cli->arena;
	const char *found = NULL, *other = arena_printf(arena, "%s/atlantis.yml", dir);
	struct name_list names;

	config_file_reader.files(&config_file_reader, &validation->settings, validation->host,
		validation->repo, arena, &names);
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_printf(arena, "%s/%s", dir, names.list[i]);

		if (!is_there(path))
			continue;
		if (found == NULL)
			found = path;
		else
			add_warning(validation, (struct config_place){ path, 0, 0 }, "",
				arena_printf(arena, "is not read: %s comes first", found));
	}
	if (is_there(other))
		add_problem(validation, (struct config_place){ other, 0, 0 }, "", "is not read",
			"call it atlantis.yaml");
	return found;
}

/* ---- checking ---- */

static void check_server(struct validation *validation)
{
	const char *path = validation->cli->server;
	struct config_errors errors = { 0 };
	struct err err = { 0 };

	if (path != NULL && server_config_read(path, &validation->settings, &errors, &err) < 0)
		add_errors(validation, path, &errors);
	config_errors_release(&errors);
	for (size_t i = 0; i < validation->settings.note_count; i++) {
		const struct config_note *note = &validation->settings.notes[i];

		add_warning(validation,
			(struct config_place){ path, note->at.line, note->at.column }, note->path,
			note->text);
	}
}

/* Without a server nobody knows which workflows it has and what it allows. */
static void check_file_alone(struct validation *validation)
{
	struct arena *arena = &validation->cli->arena;
	struct repo_config *config = &validation->config;
	struct config_errors errors = { 0 };
	struct repo_file file;
	struct err err = { 0 };

	if (repo_file_parse(validation->file, validation->bytes, validation->length, arena, &file,
		    &errors, &err) < 0)
		add_errors(validation, validation->file, &errors);
	config_errors_release(&errors);
	for (size_t i = 0; i < file.project_count; i++) {
		const struct project_file *project = &file.projects[i];
		struct yaml_place at = repo_file_place(project->node, "workflow");
		bool is_known = str_equal(project->config.workflow, "default");

		for (size_t k = 0; k < file.workflow_count; k++)
			is_known = is_known ||
				   str_equal(project->config.workflow, file.workflows[k].name);
		if (!is_known)
			add_warning(validation,
				(struct config_place){ validation->file, at.line, at.column },
				arena_printf(arena, "projects[%zu].workflow", i),
				arena_printf(arena,
					"\"%.60s\" is not in this file: the server must have it",
					project->config.workflow));
		config->projects = arena_push(
			arena, config->projects, config->project_count, sizeof(*config->projects));
		config->projects[config->project_count++] = project->config;
	}
	for (size_t i = 0; i < file.warning_count; i++)
		add_warning(validation, file.warnings[i].at, file.warnings[i].path,
			file.warnings[i].text);
}

static bool is_problem(const struct config_problems *problems, const struct config_note *note)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->list[i].at.line == note->at.line &&
			problems->list[i].at.column == note->at.column &&
			str_equal(problems->list[i].path, note->path))
			return true;
	return false;
}

/* The file stands on both sides: what an error says of the head, a note would say of the base. */
static void drop_repeated(struct repo_config *config, const struct config_problems *problems)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->note_count; i++)
		if (!is_problem(problems, &config->notes[i]))
			config->notes[kept++] = config->notes[i];
	config->note_count = kept;
}

/* As on the base branch and in a pull request that does not touch it. */
static void check_with_server(struct validation *validation)
{
	const struct config_blob blob = { validation->file, validation->bytes, validation->length };
	const struct config_request request = { .host = validation->host,
		.repo = validation->repo,
		.base_ref = "",
		.base = blob,
		.head = blob };
	struct repo_config before = validation->config;
	struct config_problems problems = { 0 };
	struct err err = { 0 };

	if (config_file_reader.read(&config_file_reader, &validation->settings, &request,
		    &validation->cli->arena, &validation->config, &problems, &err) < 0 &&
		problems.found == 0)
		add_problem(validation, (struct config_place){ validation->file, 0, 0 }, "",
			err.text, "");
	drop_repeated(&validation->config, &problems);
	for (size_t i = 0; i < before.note_count; i++)
		add_warning(
			validation, before.notes[i].at, before.notes[i].path, before.notes[i].text);
	for (size_t i = 0; i < problems.count; i++)
		add_problem(validation, problems.list[i].at, problems.list[i].path,
			problems.list[i].message, problems.list[i].hint);
	validation->problems.found += problems.found - problems.count;
}

static void check_repo(struct validation *validation, const char *dir, const char *file)
{
	validation->host = "local";
	validation->repo = "";
	if (validation->cli->server != NULL)
		cli_name_repo(validation->cli, dir, &validation->host, &validation->repo);
	validation->file = file != NULL ? file : find_file(validation, dir);
	if (validation->file == NULL || !read_bytes(validation, validation->file))
		return;
	if (validation->cli->server == NULL)
		check_file_alone(validation);
	else
		check_with_server(validation);
}

/* ---- telling ---- */

static json_t *project_json(const struct project_config *project)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "name", project->name, "dir",
		project->dir, "workspace", project->workspace, "kind", project->kind, "environment",
		project->environment, "workflow", project->workflow, "group", project->order_group,
		"line", project->at.line);
}

static void print_json(const struct validation *validation)
{
	const struct config_problems *problems = &validation->problems;
	json_t *errors = json_array(), *warnings = json_array(), *projects = json_array(), *all;

	for (size_t i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->list[i];

		json_array_append_new(errors,
			json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "file", problem->at.file,
				"line", problem->at.line, "column", problem->at.column, "path",
				problem->path, "message", problem->message, "hint", problem->hint));
	}
	for (size_t i = 0; i < validation->config.note_count; i++) {
		const struct config_note *note = &validation->config.notes[i];

		json_array_append_new(
			warnings, json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", note->at.file,
					  "line", note->at.line, "column", note->at.column, "path",
					  note->path, "message", note->text));
	}
	for (size_t i = 0; i < validation->config.project_count && problems->found == 0; i++)
		json_array_append_new(projects, project_json(&validation->config.projects[i]));
	all = json_pack("{s:b, s:s, s:o, s:o, s:o}", "valid", problems->found == 0, "file",
		validation->file == NULL ? "" : validation->file, "errors", errors, "warnings",
		warnings, "projects", projects);
	cli_print_json(all);
	json_decref(all);
}

static void print_place(const struct config_place *at)
{
	(void)printf("%s", at->file);
	if (at->line > 0)
		(void)printf(":%d:%d", at->line, at->column);
	(void)printf(": ");
}

static void print_text(const struct validation *validation)
{
	const struct config_problems *problems = &validation->problems;

	for (size_t i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->list[i];

		print_place(&problem->at);
		(void)printf("%s%s%s%s%s\n", problem->path, problem->path[0] == '\0' ? "" : ": ",
			problem->message, problem->hint[0] == '\0' ? "" : "; ", problem->hint);
	}
	if (problems->found > problems->count)
		(void)printf("and %zu more\n", problems->found - problems->count);
	for (size_t i = 0; i < validation->config.note_count; i++) {
		const struct config_note *note = &validation->config.notes[i];

		print_place(&note->at);
		(void)printf("%s%swarning: %s\n", note->path, note->path[0] == '\0' ? "" : ": ",
			note->text);
	}
	if (problems->found > 0)
		return;
	if (validation->cli->server != NULL)
		(void)printf("%s: valid\n", validation->cli->server);
	if (validation->file != NULL)
		(void)printf("%s: valid, %zu project%s\n", validation->file,
			validation->config.project_count,
			validation->config.project_count == 1 ? "" : "s");
	else if (validation->cli->server == NULL || validation->cli->repo != NULL)
		(void)printf("there is no file: the defaults hold\n");
}

static int print_keys(const struct cli *cli)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	_cleanup_free_ char *schema = NULL;

	if (cli->reference) {
		repo_file_reference(&text);
		strbuf_putc(&text, '\n');
		server_config_reference(&text);
	} else if (str_equal(cli->schema, "repo")) {
		schema = repo_file_schema();
	} else if (str_equal(cli->schema, "server")) {
		schema = server_config_schema();
	} else {
		return cli_usage("there are two schemas: --schema repo and --schema server");
	}
	(void)fputs(schema == NULL ? strbuf_text(&text) : schema, stdout);
	return CLI_DONE;
}

int cli_validate(struct cli *cli)
{
	struct validation validation = { .cli = cli };

	if (cli->argc > 0)
		return cli_usage("what to check has a flag: --file %s", cli->argv[0]);
	if (cli->reference || cli->schema != NULL)
		return print_keys(cli);
	if (cli->repo != NULL && cli->file != NULL)
		return cli_usage("--repo and --file exclude each other");
	server_config_defaults(&validation.settings);
	check_server(&validation);
	if (validation.problems.found == 0 && cli->file != NULL)
		check_repo(&validation, ".", cli->file);
	else if (validation.problems.found == 0 && (cli->repo != NULL || cli->server == NULL))
		check_repo(&validation, cli->repo == NULL ? "." : cli->repo, NULL);
	if (cli->json)
		print_json(&validation);
	else
		print_text(&validation);
	free(validation.bytes);
	arena_release(&validation.settings.arena);
	return validation.problems.found == 0 ? CLI_DONE : CLI_NO;
}
