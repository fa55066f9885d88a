/* `sluice projects`: which projects a change touches, in which order, and because of which file and
 * rule. Asks no server; what git knows is brought by sluice-git, so that nothing here reads a
 * repository's objects. */
#include "orchestrator/cli.h"

#include "config/effective.h"
#include "config/server_config.h"
#include "orchestrator/engine/problems.h"
#include "orchestrator/engine/projects.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { ANSWER_BYTES_MAX = 16 << 20 };

struct asking {
	struct cli *cli;
	struct settings settings;
	const char *host, *name; /* of the repository, as the server's rules know it */
	struct prepared prepared;
	struct repo_config config;
	struct selection selection;
	struct config_problems problems;
	struct err err;
	bool is_told; /* sluice-git has said what is wrong */
};

/* Without --server nobody knows what the server allows: then everything that does not change the
 * choice is let through. */
static const char lenient[] =
	"repos:\n- id: /.*/\n  allow_custom_workflows: true\n  allowed_overrides: [workflow, "
	"plan_requirements, apply_requirements, import_requirements, "
	"delete_source_branch_on_merge, "
	"repo_locking, repo_locks, policy_check, custom_policy_check, silence_pr_comments]\n";

static int read_server(struct asking *asking)
{
	const char *path = asking->cli->server;
	struct config_errors errors = { 0 };
	int r;

	server_config_defaults(&asking->settings);
	r = path == NULL ? server_config_parse(lenient, strlen(lenient), &asking->settings, &errors,
				   &asking->err)
			 : server_config_read(path, &asking->settings, &errors, &asking->err);
	for (size_t i = 0; i < errors.count; i++)
		problem_add(&asking->problems, &asking->cli->arena,
			(struct config_place){ path == NULL ? "" : path, errors.list[i].at.line,
				errors.list[i].at.column },
			arena_strdup(&asking->cli->arena, errors.list[i].path),
			arena_strdup(&asking->cli->arena, errors.list[i].message),
			arena_strdup(&asking->cli->arena, errors.list[i].hint));
	config_errors_release(&errors);
	return r;
}

/* ---- git ---- */

/* What was found in files is kept between calls, by their object ids: for any repository. */
static const char *cache_dir(struct cli *cli)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *dir = !str_empty(base) ? arena_printf(&cli->arena, "%s/sluice", base)
					   : arena_printf(&cli->arena, "%s/.cache/sluice",
						     str_empty(home) ? "" : home);
	struct err ignored; /* without a cache it only takes longer */

	return cli_make_folders(dir, &ignored) < 0 ? NULL : dir;
}

static const char *names_text(const struct name_list *names, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(10000);

	for (size_t i = 0; i < names->count; i++)
		strbuf_printf(&text, "%s%s", i == 0 ? "" : ",", names->list[i]);
	return arena_strdup(arena, strbuf_text(&text));
}

static int read_answer(struct asking *asking, FILE *output, json_t **ret)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(ANSWER_BYTES_MAX);
	char part[65536];
	size_t got;
	int r;

	while (output != NULL && (got = fread(part, 1, sizeof(part), output)) > 0)
		strbuf_append(&text, part, got);
	r = cli_run_end(output);
	if (jsonx_parse(strbuf_text(&text), text.length, ANSWER_BYTES_MAX, ret, &asking->err) < 0)
		return err_set(&asking->err, ERR_JOB, "sluice-git gave no answer");
	asking->is_told = r != 0;
	if (r == 3)
		return err_user(
			&asking->err, ERR_CONFLICT, "the branch cannot be merged into its base");
	return r == 0 ? 0 : err_user(&asking->err, ERR_REFUSED, "%s", cli_text(*ret, "error"));
}

static int ask_git(struct asking *asking)
{
	struct cli *cli = asking->cli;
	const char *program = cli_beside(&cli->arena, "sluice-git"), *cache = cache_dir(cli);
	const struct config_reader *reader = &config_file_reader;
	_cleanup_json_ json_t *answer = NULL;
	struct name_list names = { 0 };
	int r;

	if (program == NULL)
		return err_set(&asking->err, ERR_CONFIG, "sluice-git is not beside sluice");
	reader->files(reader, &asking->settings, asking->host, asking->name, &cli->arena, &names);
	r = read_answer(asking,
		cli_run((const char *[]){ program, "inspect", "--repo", cli->repo, "--base",
			cli->base, "--head", cli->head, "--files", names_text(&names, &cli->arena),
			cache == NULL ? NULL : "--cache", cache, NULL }),
		&answer);
	return r < 0 ? r
		     : prepared_read(json_object_get(answer, "prepared"), &cli->arena,
			       &asking->prepared, &asking->err);
}

/* ---- selecting ---- */

static struct config_blob blob_of(struct asking *asking, const struct config_file *file)
{
	if (file->name != NULL && file->problem != NULL)
		problem_add(&asking->problems, &asking->cli->arena,
			(struct config_place){ file->name, 1, 1 }, "", file->problem, "");
	return (struct config_blob){ file->name, file->bytes, file->length };
}

/* "origin/main" and "refs/heads/main" are the branch main. */
static const char *branch_of(const char *revision)
{
	const char *const beginnings[] = { "refs/heads/", "refs/remotes/", "origin/" };

	for (size_t i = 0; i < countof(beginnings); i++) {
		if (str_starts(revision, beginnings[i]))
			revision += strlen(beginnings[i]);
	}
	return revision;
}

static int select_projects(struct asking *asking)
{
	struct cli *cli = asking->cli;
	const struct selection_asked asked = { .dir = cli->dir == NULL ? "" : cli->dir,
		.workspace = cli->workspace == NULL ? "" : cli->workspace,
		.project = cli->project == NULL ? "" : cli->project,
		.base_ref = branch_of(cli->base) };
	const struct config_request request = { .host = asking->host,
		.repo = asking->name,
		.base_ref = asked.base_ref,
		.base = blob_of(asking, &asking->prepared.config_base),
		.head = blob_of(asking, &asking->prepared.config_head) };
	int r;

	if (asking->problems.found > 0)
		return err_set(&asking->err, ERR_CONFIG, "the configuration cannot be read");
	r = config_file_reader.read(&config_file_reader, &asking->settings, &request, &cli->arena,
		&asking->config, &asking->problems, &asking->err);
	return r < 0 ? r
		     : projects_select(&asking->prepared, &asking->config, &asked, &cli->arena,
			       &asking->selection, &asking->problems, &asking->err);
}

/* ---- telling ---- */

static json_t *place_json(json_t *taken, const struct config_place *at)
{
	json_object_set_new(taken, "file", json_string(str_empty(at->file) ? "" : at->file));
	json_object_set_new(taken, "line", json_integer(at->line));
	json_object_set_new(taken, "column", json_integer(at->column));
	return taken;
}

static json_t *project_json(const struct selection *selection, const struct project *project)
{
	json_t *after = json_array();

	for (size_t i = 0; i < project->before_count; i++)
		json_array_append_new(
			after, json_string(selection->projects[project->before[i]].name));
	return place_json(
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:s, s:s}", "name", project->name,
			"dir", project->dir, "workspace", project->workspace, "kind", project->tool,
			"environment",
			project->config->environment == NULL ? "" : project->config->environment,
			"group", project->group, "after", after, "because", project->because,
			"rule", project->rule),
		&project->at);
}

static void print_json(struct asking *asking)
{
	const struct selection *selection = &asking->selection;
	json_t *selected = json_array(), *skipped = json_array(), *gone = json_array();
	const char **dirs = NULL;
	size_t count = 0;
	json_t *all;

	for (size_t i = 0; i < selection->project_count; i++)
		json_array_append_new(selected, project_json(selection, &selection->projects[i]));
	for (size_t i = 0; i < selection->skipped_count; i++) {
		const struct skipped_project *one = &selection->skipped[i];

		json_array_append_new(skipped,
			place_json(json_pack("{s:s, s:s, s:s, s:s}", "name", one->name, "dir",
					   one->dir, "workspace", one->workspace, "why", one->why),
				&one->at));
	}
	projects_gone(&asking->prepared, &asking->cli->arena, &dirs, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(gone, json_string(dirs[i]));
	all = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "base", asking->prepared.base,
		"head", asking->prepared.head, "tree", asking->prepared.tree, "file",
		asking->config.file, "selected", selected, "skipped", skipped, "gone", gone);
	cli_print_json(all);
	json_decref(all);
}

static void print_place(const struct config_place *at)
{
	if (at->line > 0)
		(void)printf(" (%s:%d:%d)", at->file, at->line, at->column);
}

static void print_where(const char *name, const char *dir, const char *workspace)
{
	(void)printf("%s", name);
	if (!str_equal(name, dir))
		(void)printf(" in %s", dir);
	if (!str_equal(workspace, "default"))
		(void)printf(", workspace %s", workspace);
}

static void print_text(struct asking *asking)
{
	const struct selection *selection = &asking->selection;
	const char **dirs = NULL;
	size_t count = 0;

	(void)printf("%zu project%s selected%s\n", selection->project_count,
		selection->project_count == 1 ? "" : "s",
		selection->project_count == 0 ? "" : ", in this order:");
	for (size_t i = 0; i < selection->project_count; i++) {
		const struct project *project = &selection->projects[i];

		(void)printf("%3zu. ", i + 1);
		print_where(project->name, project->dir, project->workspace);
		(void)printf(": %s", project->because);
		if (!str_empty(project->rule))
			(void)printf("; %s", project->rule);
		print_place(&project->at);
		if (project->group != 0)
			(void)printf("; group %d", project->group);
		for (size_t k = 0; k < project->before_count; k++)
			(void)printf("%s%s", k == 0 ? "; after " : ", ",
				selection->projects[project->before[k]].name);
		(void)printf("\n");
	}
	if (selection->skipped_count > 0)
		(void)printf("%zu skipped:\n", selection->skipped_count);
	for (size_t i = 0; i < selection->skipped_count; i++) {
		const struct skipped_project *one = &selection->skipped[i];

		(void)printf("     ");
		print_where(one->name, one->dir, one->workspace);
		(void)printf(": %s", one->why);
		print_place(&one->at);
		(void)printf("\n");
	}
	projects_gone(&asking->prepared, &asking->cli->arena, &dirs, &count);
	for (size_t i = 0; i < count; i++)
		(void)printf(
			"%s holds no Terraform any more; what it made still exists\n", dirs[i]);
}

int cli_projects(struct cli *cli)
{
	struct asking asking = { .cli = cli, .host = "local", .name = "" };
	int r;

	if (str_empty(cli->base))
		return cli_usage("usage: sluice projects [--repo DIR] --base REV [--head REV]; "
				 "--base names what the change goes into");
	cli->repo = cli->repo == NULL ? "." : cli->repo;
	cli->head = cli->head == NULL ? "HEAD" : cli->head;
	if (cli->server != NULL)
		cli_name_repo(cli, cli->repo, &asking.host, &asking.name);
	r = read_server(&asking);
	if (r == 0)
		r = ask_git(&asking);
	if (r == 0)
		r = select_projects(&asking);
	if (r < 0 && !asking.is_told)
		(void)fprintf(
			stderr, "%s\n", problems_text(&asking.problems, &asking.err, &cli->arena));
	else if (r == 0 && cli->json)
		print_json(&asking);
	else if (r == 0)
		print_text(&asking);
	arena_release(&asking.settings.arena);
	return r == 0 ? CLI_DONE : asking.err.code == ERR_USAGE ? CLI_USAGE : CLI_NO;
}
