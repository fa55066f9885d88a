/* What could be a project: configured, by a rule, or found. */
#include "orchestrator/engine/candidates.h"

#include "orchestrator/engine/problems.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/project_kind.h"

#include <string.h>

enum { NAME_BYTES_MAX = 200 };

struct search {
	const struct prepared *prepared;
	const struct repo_config *config;
	const struct module_graph *graph;
	struct arena *arena;
	struct candidates *ret;
	struct config_problems *problems;
};

/* ---- kinds ---- */

/* Who names no kind has the default; files that only OpenTofu reads are for it. */
static const char *kind_of(
	const struct search *search, const char *kind, const struct tree_folder *folder)
{
	bool only_tofu = folder != NULL && (folder->holds & HOLDS_STACK) == HOLDS_TOFU;

	return !str_empty(kind) ? kind : only_tofu ? "opentofu" : search->config->default_kind;
}

/* ---- names ---- */

static const char *dir_name(const struct search *search, const char *dir)
{
	bool is_root = str_equal(dir, ".") && prepared_folder(search->prepared, "root", 4) == NULL;

	return is_root ? "root" : dir;
}

static const char *workspace_of(const struct search *search, const char *dir)
{
	const struct prepared *prepared = search->prepared;

	for (size_t i = 0; i < prepared->workspace_count; i++) {
		if (str_equal(prepared->workspaces[i].dir, dir))
			return prepared->workspaces[i].workspace;
	}
	return search->config->default_workspace;
}

static void add(struct search *search, const struct candidate *candidate)
{
	struct candidates *ret = search->ret;

	ret->list = arena_push(search->arena, ret->list, ret->count, sizeof(ret->list[0]));
	ret->list[ret->count] = *candidate;
	ret->list[ret->count].number = ret->count;
	ret->count++;
}

/* ---- configured ones ---- */

static void add_project(struct search *search, const struct project_config *project,
	const char *dir, bool by_pattern)
{
	const struct tree_folder *folder = prepared_folder(search->prepared, dir, strlen(dir));

	add(search,
		&(struct candidate){ .from = by_pattern ? FROM_PATTERN : FROM_CONFIG,
			.name = str_empty(project->name) ? dir_name(search, dir) : project->name,
			.dir = dir,
			.workspace = str_empty(project->workspace)
					     ? search->config->default_workspace
					     : project->workspace,
			.kind = kind_of(search, project->kind, folder),
			.config = project,
			.at = project->at });
}

static void add_projects_of_pattern(struct search *search, const struct project_config *project)
{
	const struct prepared *prepared = search->prepared;
	const char *kind = str_empty(project->kind) ? search->config->default_kind : project->kind;
	struct glob glob;
	struct err err;

	if (glob_compile(GLOB_PATH, "", project->dir, search->arena, &glob, &err) < 0) {
		problem_add(search->problems, search->arena, project->at, "dir",
			arena_strdup(search->arena, err.text), "mend the pattern");
		return;
	}
	for (size_t i = 0; i < prepared->folder_count; i++) {
		const struct tree_folder *folder = &prepared->folders[i];

		if ((folder->holds & kind_holds(kind)) != 0 && glob_matches(&glob, folder->path))
			add_project(search, project, folder->path, true);
	}
}

static void add_configured(struct search *search)
{
	const struct repo_config *config = search->config;

	for (size_t i = 0; i < config->project_count; i++) {
		const struct project_config *project = &config->projects[i];

		if (glob_is_pattern(project->dir))
			add_projects_of_pattern(search, project);
		else
			add_project(search, project, str_empty(project->dir) ? "." : project->dir,
				false);
	}
}

/* ---- rules ---- */

/* "{1}-{2}": what the stars took. */
static const char *filled(
	struct arena *arena, const char *text, const char **captures, size_t capture_count)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(NAME_BYTES_MAX);

	for (const char *p = text; *p != '\0'; p++) {
		if (p[0] == '{' && p[1] >= '1' && p[1] <= '9' && p[2] == '}') {
			size_t number = (size_t)(p[1] - '1');

			strbuf_puts(&out, number < capture_count ? captures[number] : "");
			p += 2;
		} else {
			strbuf_putc(&out, *p);
		}
	}
	return arena_strdup(arena, strbuf_text(&out));
}

static void add_by_rule(struct search *search, const struct discover_rule *rule, const char *dir,
	const char **captures, size_t capture_count)
{
	struct project_config *config = arena_alloc(search->arena, sizeof(*config));
	const struct tree_folder *folder = prepared_folder(search->prepared, dir, strlen(dir));

	*config = search->config->fallback;
	config->name = filled(
		search->arena, str_empty(rule->name) ? "" : rule->name, captures, capture_count);
	config->environment = filled(search->arena,
		str_empty(rule->environment) ? "" : rule->environment, captures, capture_count);
	if (!str_empty(rule->workflow))
		config->workflow = rule->workflow;
	config->at = rule->at;
	config->dir = dir;
	config->kind = rule->kind;
	config->autoplan = true;
	add(search, &(struct candidate){ .from = FROM_RULE,
			    .name = str_empty(config->name) ? dir_name(search, dir) : config->name,
			    .dir = dir,
			    .workspace = workspace_of(search, dir),
			    .kind = kind_of(search, rule->kind, folder),
			    .config = config,
			    .at = rule->at });
}

static bool compile(struct search *search, const struct name_list *patterns, struct config_place at,
	const char *path, struct glob_list *ret)
{
	struct err err;

	if (glob_list_compile(
		    GLOB_PATH, "", patterns->list, patterns->count, search->arena, ret, &err) == 0)
		return true;
	*ret = (struct glob_list){ 0 };
	problem_add(search->problems, search->arena, at, path,
		arena_strdup(search->arena, err.text), "mend the pattern");
	return false;
}

static void add_of_rule(struct search *search, const struct discover_rule *rule)
{
	const struct prepared *prepared = search->prepared;
	unsigned holds = kind_holds(str_empty(rule->kind) ? "terraform" : rule->kind);
	struct glob_list dirs, exclude;

	if (!compile(search, &rule->dirs, rule->at, "discover.dirs", &dirs) ||
		!compile(search, &rule->exclude, rule->at, "discover.exclude", &exclude))
		return;
	for (size_t i = 0; i < prepared->folder_count; i++) {
		const struct tree_folder *folder = &prepared->folders[i];
		const char *captures[GLOB_STARS_MAX];
		const struct glob *by;
		size_t count;

		if ((folder->holds & holds) == 0)
			continue;
		by = glob_list_find(&dirs, folder->path);
		if (by == NULL || glob_list_find(&exclude, folder->path) != NULL)
			continue;
		(void)glob_captures(by, folder->path, search->arena, captures, &count);
		add_by_rule(search, rule, folder->path, captures, count);
	}
}

/* ---- found ones ---- */

bool candidate_is_below_modules(const char *dir)
{
	for (const char *p = dir; *p != '\0'; p += strcspn(p, "/"), p += *p == '/') {
		if (strcspn(p, "/") == 7 && strncmp(p, "modules", 7) == 0)
			return true;
	}
	return false;
}

static bool holds_stack(const struct graph_folder *folder)
{
	return folder != NULL && (folder->holds & (HOLDS_STACK | HOLDS_TERRAGRUNT)) != 0;
}

/* The folder above the last part of `dir`, whose length is `length`. */
static struct graph_folder *above(const struct module_graph *graph, const char *dir, size_t length)
{
	while (length > 0 && dir[length - 1] != '/')
		length--;
	return length == 0 ? module_graph_find(graph, ".", 1)
			   : module_graph_find(graph, dir, length - 1);
}

static size_t before_modules(const char *path, size_t length)
{
	for (size_t at = 0; at + 7 <= length; at++) {
		if ((at == 0 || path[at - 1] == '/') && strncmp(path + at, "modules", 7) == 0 &&
			(at + 7 == length || path[at + 7] == '/'))
			return at + 7;
	}
	return 0;
}

static bool is_terraform(const char *path)
{
	return str_ends(path, ".tf") || str_ends(path, ".tf.json") || str_ends(path, ".tofu") ||
	       str_ends(path, ".tofu.json");
}

struct graph_folder *candidate_folder(const struct module_graph *graph, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path), modules;
	struct graph_folder *folder;

	if (length == 0)
		return module_graph_find(graph, ".", 1);
	modules = before_modules(path, length);
	if (modules > 0) {
		folder = above(graph, path, modules);
		return holds_stack(folder) ? folder : NULL;
	}
	if ((length == 3 || (length > 3 && path[length - 4] == '/')) &&
		strncmp(path + length - 3, "env", 3) == 0 &&
		holds_stack(above(graph, path, length)))
		return above(graph, path, length);
	folder = module_graph_find(graph, path, length);
	while (!is_terraform(path) && !holds_stack(folder) && length > 0) {
		folder = above(graph, path, length);
		while (length > 0 && path[--length] != '/')
			;
	}
	return folder;
}

static void add_found(struct search *search)
{
	const struct repo_config *config = search->config;
	struct glob_list ignore;

	if (!compile(search, &config->discover_ignore, (struct config_place){ config->file, 0, 0 },
		    "autodiscover.ignore_paths", &ignore))
		return;
	for (size_t i = 0; i < search->graph->count; i++) {
		const struct graph_folder *folder = &search->graph->folders[i];
		const struct glob *ignored;

		if (!holds_stack(folder) || candidate_is_below_modules(folder->dir) ||
			(config->follow_modules && folder->is_module))
			continue;
		ignored = glob_list_find(&ignore, folder->dir);
		add(search, &(struct candidate){ .from = FROM_FILES,
				    .name = dir_name(search, folder->dir),
				    .dir = folder->dir,
				    .workspace = workspace_of(search, folder->dir),
				    .kind = kind_of(search, config->fallback.kind,
					    prepared_folder(search->prepared, folder->dir,
						    strlen(folder->dir))),
				    .config = &config->fallback,
				    .ignored = ignored == NULL ? NULL : ignored->text });
	}
}

/* ---- all of them ---- */

static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = strcmp(x->dir, y->dir);

	if (order == 0)
		order = (int)(x->from == FROM_FILES) - (int)(y->from == FROM_FILES);
	if (order == 0)
		order = strcmp(x->workspace, y->workspace);
	if (order == 0)
		order = (int)x->from - (int)y->from;
	if (order == 0)
		order = x->number < y->number ? -1 : x->number > y->number;
	return order;
}

/* The first of one folder and workspace is meant; of configured ones all, they have names. What was
 * only found is none where anything else has the folder. */
static void drop_doubles(struct candidates *candidates)
{
	size_t kept = 0;

	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *one = &candidates->list[i],
				       *last = kept == 0 ? NULL : &candidates->list[kept - 1];
		bool is_same_dir = last != NULL && str_equal(last->dir, one->dir);

		if (is_same_dir && str_equal(last->workspace, one->workspace) &&
			one->from != FROM_CONFIG)
			continue;
		if (is_same_dir && one->from == FROM_FILES)
			continue;
		candidates->list[kept++] = *one;
	}
	candidates->count = kept;
}

/* As configured, then by rules, then found; of one the folders in order. */
static int compare_order(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int x_rank = x->from == FROM_PATTERN ? FROM_CONFIG : (int)x->from,
	    y_rank = y->from == FROM_PATTERN ? FROM_CONFIG : (int)y->from;

	if (x_rank != y_rank)
		return x_rank - y_rank;
	if (x_rank == FROM_CONFIG && x->config != y->config)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->dir, y->dir);
}

int candidates_find(const struct prepared *prepared, const struct repo_config *config,
	const struct module_graph *graph, struct arena *arena, struct candidates *ret,
	struct config_problems *problems, struct err *err)
{
	struct search search = { prepared, config, graph, arena, ret, problems };
	bool is_configured = config->project_count + config->discover_rule_count > 0;

	*ret = (struct candidates){ 0 };
	add_configured(&search);
	for (size_t i = 0; i < config->discover_rule_count; i++)
		add_of_rule(&search, &config->discover_rules[i]);
	if (config->discover == DISCOVER_ENABLED ||
		(config->discover == DISCOVER_AUTO && !is_configured))
		add_found(&search);
	if (ret->count > 0)
		qsort(ret->list, ret->count, sizeof(ret->list[0]), compare);
	drop_doubles(ret);
	if (ret->count > 0)
		qsort(ret->list, ret->count, sizeof(ret->list[0]), compare_order);
	return problems->found == 0 ? 0 : err_set(err, ERR_CONFIG, "the configuration is wrong");
}
