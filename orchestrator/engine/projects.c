/* Which projects a change touches. Pure.
 *
 * Folders are nodes and "uses as a module" are edges. Marks travel along edges by a queue, once
 * over each: the graph comes out of a pull request and can be as large and as tangled as somebody
 * likes. */
#include "orchestrator/engine/projects.h"

#include <string.h>

/* A folder that holds Terraform files, or one that is used as a module and does not exist. */
struct folder {
	const char *dir;
	bool exists;
	const char *because; /* a file of it that was touched, or NULL */
	const char *source;  /* the same, of the folder that it was reached from */
	const char *through; /* the module folder through which it was reached, or NULL */
	bool is_module;	     /* another folder uses it */
	bool is_covered;     /* a project reaches it */
};

struct edge {
	struct folder *user, *module;
};

struct graph {
	struct folder *folders; /* sorted by dir, each once */
	size_t count;
	struct edge *by_user, *by_module; /* the same edges in two orders */
	size_t edge_count;
	struct folder **queue; /* room for each folder once */
};

/* ---- building it ---- */

static int compare_folders(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;
	int order = strcmp(x->dir, y->dir);

	return order != 0 ? order : (int)y->exists - (int)x->exists;
}

/* The folder named by the first `length` bytes of `dir`. */
static struct folder *find(const struct graph *graph, const char *dir, size_t length)
{
	size_t low = 0, high = graph->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *name = graph->folders[middle].dir;
		int order = strncmp(name, dir, length);

		if (order == 0 && name[length] == '\0')
			return &graph->folders[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int compare_users(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->user < y->user ? -1 : x->user > y->user;
}

static int compare_modules(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->module < y->module ? -1 : x->module > y->module;
}

static void add_folders(struct graph *graph, const struct prepared *prepared, struct arena *arena)
{
	size_t room = prepared->dir_count + prepared->use_count, count = 0;
	struct folder *folders = arena_alloc(arena, (room + 1) * sizeof(*folders));

	for (size_t i = 0; i < prepared->dir_count; i++)
		folders[count++] = (struct folder){ .dir = prepared->dirs[i], .exists = true };
	for (size_t i = 0; i < prepared->use_count; i++)
		folders[count++] = (struct folder){ .dir = prepared->uses[i].module };
	qsort(folders, count, sizeof(*folders), compare_folders);
	for (size_t i = 0; i < count; i++) {
		if (graph->count == 0 || !str_equal(folders[graph->count - 1].dir, folders[i].dir))
			folders[graph->count++] = folders[i];
	}
	graph->folders = folders;
	graph->queue = arena_alloc(arena, (graph->count + 1) * sizeof(*graph->queue));
}

static void add_edges(struct graph *graph, const struct prepared *prepared, struct arena *arena)
{
	size_t bytes = (prepared->use_count + 1) * sizeof(*graph->by_user);

	graph->by_user = arena_alloc(arena, bytes);
	graph->by_module = arena_alloc(arena, bytes);
	for (size_t i = 0; i < prepared->use_count; i++) {
		const struct module_use *use = &prepared->uses[i];
		struct edge edge = { find(graph, use->dir, strlen(use->dir)),
			find(graph, use->module, strlen(use->module)) };

		if (edge.user == NULL || edge.module == NULL || edge.user == edge.module)
			continue;
		edge.module->is_module = true;
		graph->by_user[graph->edge_count++] = edge;
	}
	memcpy(graph->by_module, graph->by_user, bytes);
	qsort(graph->by_user, graph->edge_count, sizeof(struct edge), compare_users);
	qsort(graph->by_module, graph->edge_count, sizeof(struct edge), compare_modules);
}

/* The first edge in `edges` whose user, or module, is this folder. */
static size_t first_edge(const struct graph *graph, const struct folder *folder, bool of_user)
{
	const struct edge *edges = of_user ? graph->by_user : graph->by_module;
	size_t low = 0, high = graph->edge_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct folder *at = of_user ? edges[middle].user : edges[middle].module;

		if (at < folder)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- marks ---- */

/* A file belongs to the nearest folder above it that holds Terraform files: a template in a
 * subfolder touches its project. The root is touched by its own files only, or every README would
 * plan it. */
static void touch(const struct graph *graph, const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	struct folder *folder = NULL;

	if (path == NULL)
		return;
	if (length == 0)
		folder = find(graph, ".", 1);
	while (folder == NULL && length > 0) {
		folder = find(graph, path, length);
		do
			length--;
		while (length > 0 && path[length] != '/');
	}
	if (folder != NULL && folder->because == NULL)
		folder->because = folder->source = path;
}

/* Whoever uses a touched module is touched, at any depth. */
static void spread(struct graph *graph)
{
	size_t begin = 0, end = 0;

	for (size_t i = 0; i < graph->count; i++) {
		if (graph->folders[i].because != NULL)
			graph->queue[end++] = &graph->folders[i];
	}
	for (; begin < end; begin++) {
		struct folder *module = graph->queue[begin];

		for (size_t i = first_edge(graph, module, false);
			i < graph->edge_count && graph->by_module[i].module == module; i++) {
			struct folder *user = graph->by_module[i].user;

			if (user->source != NULL)
				continue;
			user->source = module->source;
			user->through = module->dir;
			graph->queue[end++] = user;
		}
	}
}

static void cover(struct graph *graph, struct folder *from)
{
	size_t begin = 0, end = 0;

	if (from->is_covered)
		return;
	from->is_covered = true;
	graph->queue[end++] = from;
	for (; begin < end; begin++) {
		struct folder *user = graph->queue[begin];

		for (size_t i = first_edge(graph, user, true);
			i < graph->edge_count && graph->by_user[i].user == user; i++) {
			struct folder *module = graph->by_user[i].module;

			if (module->is_covered)
				continue;
			module->is_covered = true;
			graph->queue[end++] = module;
		}
	}
}

/* A folder that others use is no project. Folders that use each other in a circle, and that nobody
 * outside uses, would all be none, and nothing would be planned: the first of each such circle is a
 * project, and its plan tells what is wrong. */
static void choose_projects(struct graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		if (graph->folders[i].exists && !graph->folders[i].is_module)
			cover(graph, &graph->folders[i]);
	}
	for (size_t i = 0; i < graph->count; i++) {
		struct folder *folder = &graph->folders[i];

		if (!folder->exists || folder->is_covered)
			continue;
		folder->is_module = false;
		cover(graph, folder);
	}
}

/* ---- the answer ---- */

static const char *reason(const struct folder *folder, struct arena *arena)
{
	if (folder->because != NULL)
		return arena_printf(arena, "%s changed", folder->because);
	return arena_printf(arena, "uses %s, where %s changed", folder->through, folder->source);
}

int projects_select(const struct prepared *prepared, const struct repo_config *config,
	struct arena *arena, struct project **ret, size_t *ret_count, struct err *err)
{
	struct project *projects = NULL;
	struct graph graph = { 0 };
	bool has_root_folder;
	size_t count = 0;

	add_folders(&graph, prepared, arena);
	add_edges(&graph, prepared, arena);
	for (size_t i = 0; i < prepared->changed_count; i++) {
		touch(&graph, prepared->changed[i].path);
		touch(&graph, prepared->changed[i].old_path);
	}
	spread(&graph);
	choose_projects(&graph);
	has_root_folder = find(&graph, "root", 4) != NULL;
	for (size_t i = 0; i < graph.count; i++) {
		const struct folder *folder = &graph.folders[i];

		if (!folder->exists || folder->is_module || folder->source == NULL)
			continue;
		if (count == PROJECTS_MAX)
			return err_user(err, ERR_LIMIT,
				"this change touches more than %d projects; split it",
				PROJECTS_MAX);
		projects = arena_push(arena, projects, count, sizeof(*projects));
		projects[count++] = (struct project){
			.name = str_equal(folder->dir, ".") && !has_root_folder ? "root"
										: folder->dir,
			.dir = folder->dir,
			.workspace = config->default_workspace,
			.tool = config->default_kind,
			.because = reason(folder, arena)
		};
	}
	*ret = projects;
	*ret_count = count;
	return 0;
}

/* ---- folders that are gone ---- */

static bool is_terraform(const char *path)
{
	return str_ends(path, ".tf") || str_ends(path, ".tf.json");
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void projects_gone(
	const struct prepared *prepared, struct arena *arena, const char ***ret, size_t *ret_count)
{
	const char **dirs = NULL;
	struct graph graph = { 0 };
	size_t count = 0, kept = 0;

	add_folders(&graph, prepared, arena);
	for (size_t i = 0; i < prepared->changed_count; i++) {
		const struct changed_file *file = &prepared->changed[i];
		const char *path = file->old_path != NULL ? file->old_path
				   : file->status == 'D'  ? file->path
							  : "";
		const char *slash = strrchr(path, '/'), *dir;
		const struct folder *folder;

		if (!is_terraform(path))
			continue;
		dir = slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
		folder = find(&graph, dir, strlen(dir));
		if (folder != NULL && folder->exists)
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
