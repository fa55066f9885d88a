/* Which of the candidates does a change touch? Pure. */
#include "orchestrator/engine/projects.h"

#include "orchestrator/engine/candidates.h"
#include "orchestrator/engine/chosen.h"
#include "orchestrator/engine/order.h"
#include "orchestrator/engine/problems.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/regex.h"
#include "orchestrator/model/project_kind.h"

#include <string.h>

struct touched_file {
	const char *path;
	bool is_listed; /* autoplan_files has it, and it is none of the files that are never meant
			 */
};

struct selecting {
	const struct prepared *prepared;
	const struct repo_config *config;
	const struct selection_asked *asked;
	struct arena *arena;
	struct module_graph graph, found; /* touched by modules; touched as found projects */
	struct touched_file *files;
	size_t file_count;
	const char *last_branch; /* the branch pattern that was looked at last, and its answer */
	bool last_branch_matches;
	struct selection *ret;
	struct config_problems *problems;
	struct err *err;
};

/* ---- what changed ---- */

/* Files that Terraform writes, and the settings of a linter: they name no project. */
static bool is_never_meant(const char *path)
{
	const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;

	return strstr(name, "terraform.tfstate") != NULL || strstr(name, "tflint.hcl") != NULL;
}

static void add_file(struct selecting *work, const struct glob_list *listed, const char *path)
{
	if (path == NULL)
		return;
	work->files[work->file_count++] = (struct touched_file){ path,
		!is_never_meant(path) && glob_list_find(listed, path) != NULL };
}

static int read_files(struct selecting *work)
{
	const struct prepared *prepared = work->prepared;
	const struct name_list *names = work->config->autoplan_files.count > 0
						? &work->config->autoplan_files
						: &default_autoplan_files;
	struct glob_list listed;
	int r = glob_list_compile(
		GLOB_IGNORE, "", names->list, names->count, work->arena, &listed, work->err);

	if (r < 0)
		return err_set(work->err, ERR_CONFIG, "autoplan_files: %s",
			arena_strdup(work->arena, work->err->text));
	work->files = arena_alloc(
		work->arena, (2 * prepared->changed_count + 1) * sizeof(*work->files));
	for (size_t i = 0; i < prepared->changed_count; i++) {
		add_file(work, &listed, prepared->changed[i].path);
		add_file(work, &listed, prepared->changed[i].old_path);
	}
	return 0;
}

/* A module is touched by its own listed files, and by those below it where no folder of its own
 * kind stands between. */
static void touch_module(struct selecting *work, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	struct graph_folder *folder = NULL;

	if (length == 0)
		folder = module_graph_find(&work->graph, ".", 1);
	while (length > 0) {
		folder = module_graph_find(&work->graph, path, length);
		if (folder != NULL && ((folder->holds & HOLDS_STACK) != 0 || folder->is_module))
			break;
		folder = NULL;
		while (length > 0 && path[--length] != '/')
			;
	}
	if (folder != NULL && folder->because == NULL)
		folder->because = folder->source = path;
}

/* What is built is touched by any file: of its folder, of one below that is no such folder itself,
 * and of what it is made of. */
static void touch_built(struct selecting *work, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	struct graph_folder *folder = NULL;

	for (;;) {
		folder = length == 0 ? module_graph_find(&work->graph, ".", 1)
				     : module_graph_find(&work->graph, path, length);
		if (length == 0 ||
			(folder != NULL &&
				(folder->is_base || (folder->holds & HOLDS_KUSTOMIZE) != 0)))
			break;
		while (length > 0 && path[--length] != '/')
			;
	}
	if (folder != NULL && folder->because == NULL &&
		(folder->is_base || (folder->holds & HOLDS_KUSTOMIZE) != 0))
		folder->because = folder->source = path;
}

static void touch(struct selecting *work)
{
	for (size_t i = 0; i < work->file_count; i++) {
		const char *path = work->files[i].path;
		struct graph_folder *folder;

		touch_built(work, path);
		if (!work->files[i].is_listed)
			continue;
		folder = candidate_folder(&work->found, path);
		if (folder != NULL && folder->because == NULL)
			folder->because = path;
		if (work->config->follow_modules)
			touch_module(work, path);
	}
	module_graph_spread(&work->graph);
}

/* ---- one candidate ---- */

struct verdict {
	bool is_chosen;
	const char *text; /* because, or why not */
	const char *rule;
};

static struct verdict no(const char *why)
{
	return (struct verdict){ false, why, "" };
}

/* A pattern may stand between slashes. */
static int branch_matches(struct selecting *work, const char *pattern, bool *ret)
{
	_cleanup_regex_ struct regex *regex = NULL;
	size_t length = strlen(pattern);
	bool is_slashed = length > 1 && pattern[0] == '/' && pattern[length - 1] == '/';
	int r = 0;

	if (work->last_branch == NULL || !str_equal(work->last_branch, pattern)) {
		r = regex_compile(pattern + is_slashed, length - 2 * is_slashed, &regex, work->err);
		if (r == 0)
			r = regex_matches(regex, work->asked->base_ref, &work->last_branch_matches,
				work->err);
		work->last_branch = r < 0 ? NULL : pattern;
	}
	*ret = work->last_branch_matches;
	return r;
}

static const struct name_list *patterns_of(const struct candidate *one)
{
	static const char *everything[] = { "**" };
	static const struct name_list all = { everything, 1 };

	return one->config->has_when_modified ? &one->config->when_modified
	       : kind_is_stack(one->kind)     ? &default_when_modified
					      : &all;
}

static bool by_pattern(struct selecting *work, const struct candidate *one, struct verdict *ret)
{
	const struct name_list *patterns = patterns_of(one);
	struct glob_list list;

	if (glob_list_compile(GLOB_IGNORE, one->dir, patterns->list, patterns->count, work->arena,
		    &list, work->err) < 0) {
		problem_add(work->problems, work->arena, one->at, "autoplan.when_modified",
			arena_strdup(work->arena, work->err->text), "mend the pattern");
		return false;
	}
	for (size_t i = 0; i < work->file_count; i++) {
		const struct glob *glob = glob_list_find(&list, work->files[i].path);

		if (glob == NULL)
			continue;
		*ret = (struct verdict){ true,
			arena_printf(work->arena, "%s changed", work->files[i].path),
			arena_printf(work->arena, "when_modified %s", glob->text) };
		return true;
	}
	return false;
}

/* Found projects are touched by their own files; all by the modules they use. */
static bool by_files(struct selecting *work, const struct candidate *one, struct verdict *ret)
{
	size_t length = strlen(one->dir);
	const struct graph_folder *found = module_graph_find(&work->found, one->dir, length),
				  *used = module_graph_find(&work->graph, one->dir, length);

	if (one->from == FROM_FILES && found != NULL && found->because != NULL) {
		*ret = (struct verdict){ true,
			arena_printf(work->arena, "%s changed", found->because), "autodiscover" };
		return true;
	}
	if (used == NULL || used->through == NULL ||
		(!work->config->follow_modules && !kind_is_built(one->kind)))
		return false;
	*ret = (struct verdict){ true,
		arena_printf(work->arena, "uses %s, where %s changed", used->through, used->source),
		kind_is_built(one->kind) ? "base" : "module" };
	return true;
}

/* What rules a candidate out whoever asks, or NULL. */
static const char *ruled_out(struct selecting *work, const struct candidate *one)
{
	const char *branch = one->config->branch;
	bool matches = true;

	if (!str_empty(branch) && branch_matches(work, branch, &matches) < 0) {
		problem_add(work->problems, work->arena, one->at, "branch",
			arena_strdup(work->arena, work->err->text), "mend the pattern");
		matches = false;
	}
	if (!matches)
		return arena_printf(work->arena, "its branch is %s, and this goes into %s", branch,
			work->asked->base_ref);
	if (prepared_folder(work->prepared, one->dir, strlen(one->dir)) == NULL)
		return "there is no such folder after the merge";
	return NULL;
}

/* What the change says of a candidate. */
static struct verdict judge(struct selecting *work, const struct candidate *one)
{
	struct verdict verdict = no("no file of it changed");
	bool by_itself = !work->asked->by_files_alone;

	if (by_itself && one->ignored != NULL)
		return no(arena_printf(work->arena, "ignore_paths has it: %s", one->ignored));
	if (work->asked->is_everything)
		return (struct verdict){ true, "all are looked at", "" };
	if (by_itself && one->from != FROM_FILES && !one->config->autoplan)
		return no("autoplan is off");
	if (one->from != FROM_FILES && by_pattern(work, one, &verdict))
		return verdict;
	if (!by_files(work, one, &verdict) && one->from != FROM_FILES)
		return no("no changed file matches its when_modified");
	return verdict;
}

/* ---- all of them ---- */

static void skip(struct selecting *work, const struct candidate *one, const char *why)
{
	struct selection *ret = work->ret;

	ret->skipped = arena_push(
		work->arena, ret->skipped, ret->skipped_count, sizeof(ret->skipped[0]));
	ret->skipped[ret->skipped_count++] = (struct skipped_project){ one->name, one->dir,
		one->workspace, why, one->at };
}

static int take(struct selecting *work, const struct candidate *one, const char *workspace,
	const struct verdict *verdict)
{
	struct selection *ret = work->ret;

	if (ret->project_count == PROJECTS_MAX)
		return err_user(work->err, ERR_LIMIT,
			"this change touches more than %d projects; split it", PROJECTS_MAX);
	ret->projects = arena_push(
		work->arena, ret->projects, ret->project_count, sizeof(ret->projects[0]));
	ret->projects[ret->project_count++] = (struct project){ .name = one->name,
		.dir = one->dir,
		.workspace = workspace,
		.tool = one->kind,
		.because = verdict->text,
		.rule = verdict->rule,
		.at = one->at,
		.config = one->config };
	return 0;
}

/* A workspace that was asked for: that of a project if one has it, else any project's in it. */
static int choose_one(struct selecting *work, const struct chooser *chooser,
	const struct candidate *one, bool has_workspace)
{
	const struct selection_asked *asked = work->asked;
	bool by_name = !str_empty(asked->dir) || !str_empty(asked->project), is_chosen = false;
	const char *why = ruled_out(work, one),
		   *workspace = str_empty(asked->workspace) ? one->workspace : asked->workspace;
	struct verdict verdict;
	int r = chooser_takes(chooser, one->dir, has_workspace ? one->workspace : asked->workspace,
		one->name, &is_chosen, work->err);

	if (r < 0)
		return r;
	if (!is_chosen)
		why = "not asked for";
	if (why == NULL) {
		verdict = by_name ? (struct verdict){ true, "asked for by name", "" }
				  : judge(work, one);
		if (verdict.is_chosen)
			return take(work, one, workspace, &verdict);
		why = verdict.text;
	}
	skip(work, one, why);
	return 0;
}

static int choose_all(struct selecting *work, const struct candidates *candidates)
{
	const struct selection_asked *asked = work->asked;
	bool has_workspace = str_empty(asked->workspace);
	struct chooser chooser;
	int r = chooser_make(asked->dir, asked->workspace, asked->project,
		&work->config->project_patterns, work->arena, &chooser, work->err);

	for (size_t i = 0; r == 0 && i < candidates->count; i++)
		chooser_see(&chooser, candidates->list[i].name);
	for (size_t i = 0; r == 0 && !has_workspace && i < candidates->count; i++) {
		const struct candidate *one = &candidates->list[i];

		r = chooser_takes(
			&chooser, one->dir, one->workspace, one->name, &has_workspace, work->err);
	}
	for (size_t i = 0; r == 0 && i < candidates->count; i++)
		r = choose_one(work, &chooser, &candidates->list[i], has_workspace);
	chooser_release(&chooser);
	return r;
}

/*~ 17. Which projects does the change touch, in which order, and because of what? Pure, and it
 * says so for each one, also for those left out. */
int projects_select(const struct prepared *prepared, const struct repo_config *config,
	const struct selection_asked *asked, struct arena *arena, struct selection *ret,
	struct config_problems *problems, struct err *err)
{
	struct selecting work = { .prepared = prepared,
		.config = config,
		.asked = asked,
		.arena = arena,
		.ret = ret,
		.problems = problems,
		.err = err };
	struct candidates candidates;
	int r;

	*ret = (struct selection){ 0 };
	module_graph_build(&work.graph, prepared, arena);
	work.found = work.graph; /* its own marks, and no edges to follow */
	work.found.folders = arena_alloc(
		arena, (work.graph.count + 1) * sizeof(*work.graph.folders));
	if (work.graph.count > 0)
		memcpy(work.found.folders, work.graph.folders,
			work.graph.count * sizeof(*work.graph.folders));
	r = candidates_find(prepared, config, &work.graph, arena, &candidates, problems, err);
	if (r == 0)
		r = read_files(&work);
	if (r == 0) {
		touch(&work);
		r = choose_all(&work, &candidates);
	}
	if (r == 0)
		r = order_projects(config, arena, ret, problems, err);
	if (r == 0 && problems->found > 0)
		r = err_set(err, ERR_CONFIG, "the configuration is wrong");
	return r;
}

/* ---- folders that are gone ---- */

static bool is_terraform(const char *path)
{
	return str_ends(path, ".tf") || str_ends(path, ".tf.json") || str_ends(path, ".tofu") ||
	       str_ends(path, ".tofu.json");
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void projects_gone(
	const struct prepared *prepared, struct arena *arena, const char ***ret, size_t *ret_count)
{
	const char **dirs = NULL;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < prepared->changed_count; i++) {
		const struct changed_file *file = &prepared->changed[i];
		const char *path = file->old_path != NULL ? file->old_path
				   : file->status == 'D'  ? file->path
							  : "";
		const char *slash = strrchr(path, '/'), *dir;
		const struct tree_folder *folder;

		if (!is_terraform(path))
			continue;
		dir = slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
		folder = prepared_folder(prepared, dir, strlen(dir));
		if (folder != NULL && (folder->holds & HOLDS_STACK) != 0)
			continue;
		dirs = arena_push(arena, dirs, count, sizeof(*dirs));
		dirs[count++] = dir;
	}
	if (count > 0)
		qsort(dirs, count, sizeof(*dirs), compare_texts);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !str_equal(dirs[kept - 1], dirs[i]))
			dirs[kept++] = dirs[i];
	}
	*ret = dirs;
	*ret_count = kept;
}

bool selection_has(const struct selection *selection, const char *dir, const char *workspace)
{
	for (size_t i = 0; i < selection->project_count; i++) {
		if (str_equal(selection->projects[i].dir, dir) &&
			str_equal(selection->projects[i].workspace, workspace))
			return true;
	}
	return false;
}
