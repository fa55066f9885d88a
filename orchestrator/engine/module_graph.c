/* Folders are nodes and "uses as a module" are edges. Marks travel along edges by a queue, once
 * over each: the graph comes out of a pull request and can be as large and as tangled as somebody
 * likes.
 */
#include "orchestrator/engine/module_graph.h"

#include <string.h>

struct graph_edge {
	struct graph_folder *user, *module;
};

static int compare_folders(const void *a, const void *b)
{
	const struct graph_folder *x = a, *y = b;
	int order = strcmp(x->dir, y->dir);

	return order != 0 ? order : (int)y->exists - (int)x->exists;
}

struct graph_folder *module_graph_find(
	const struct module_graph *graph, const char *dir, size_t length)
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
	const struct graph_edge *x = a, *y = b;

	return x->user < y->user ? -1 : x->user > y->user;
}

static int compare_modules(const void *a, const void *b)
{
	const struct graph_edge *x = a, *y = b;

	return x->module < y->module ? -1 : x->module > y->module;
}

static void add_folders(
	struct module_graph *graph, const struct prepared *prepared, struct arena *arena)
{
	size_t room = prepared->folder_count + prepared->use_count, count = 0;
	struct graph_folder *folders = arena_alloc(arena, (room + 1) * sizeof(*folders));

	for (size_t i = 0; i < prepared->folder_count; i++)
		folders[count++] = (struct graph_folder){ .dir = prepared->folders[i].path,
			.holds = prepared->folders[i].holds,
			.exists = true };
	for (size_t i = 0; i < prepared->use_count; i++) {
		const char *module = prepared->uses[i].module;

		if (prepared_folder(prepared, module, strlen(module)) == NULL)
			folders[count++] = (struct graph_folder){ .dir = module };
	}
	qsort(folders, count, sizeof(*folders), compare_folders);
	for (size_t i = 0; i < count; i++) {
		if (graph->count == 0 || !str_equal(folders[graph->count - 1].dir, folders[i].dir))
			folders[graph->count++] = folders[i];
	}
	graph->folders = folders;
	graph->queue = arena_alloc(arena, (graph->count + 1) * sizeof(*graph->queue));
}

static void add_edges(
	struct module_graph *graph, const struct prepared *prepared, struct arena *arena)
{
	size_t bytes = (prepared->use_count + 1) * sizeof(*graph->by_user);

	graph->by_user = arena_alloc(arena, bytes);
	graph->by_module = arena_alloc(arena, bytes);
	for (size_t i = 0; i < prepared->use_count; i++) {
		const struct module_use *use = &prepared->uses[i];
		struct graph_edge edge = { module_graph_find(graph, use->dir, strlen(use->dir)),
			module_graph_find(graph, use->module, strlen(use->module)) };

		if (edge.user == NULL || edge.module == NULL || edge.user == edge.module)
			continue;
		edge.module->is_module = true;
		edge.module->is_base = edge.module->is_base ||
				       (edge.user->holds & HOLDS_KUSTOMIZE) != 0;
		graph->by_user[graph->edge_count++] = edge;
	}
	memcpy(graph->by_module, graph->by_user, bytes);
	qsort(graph->by_user, graph->edge_count, sizeof(struct graph_edge), compare_users);
	qsort(graph->by_module, graph->edge_count, sizeof(struct graph_edge), compare_modules);
}

/* The first edge in `edges` whose user, or module, is this folder. */
static size_t first_edge(
	const struct module_graph *graph, const struct graph_folder *folder, bool of_user)
{
	const struct graph_edge *edges = of_user ? graph->by_user : graph->by_module;
	size_t low = 0, high = graph->edge_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct graph_folder *at = of_user ? edges[middle].user : edges[middle].module;

		if (at < folder)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void module_graph_spread(struct module_graph *graph)
{
	size_t begin = 0, end = 0;

	for (size_t i = 0; i < graph->count; i++) {
		if (graph->folders[i].because != NULL)
			graph->queue[end++] = &graph->folders[i];
	}
	for (; begin < end; begin++) {
		struct graph_folder *module = graph->queue[begin];

		for (size_t i = first_edge(graph, module, false);
			i < graph->edge_count && graph->by_module[i].module == module; i++) {
			struct graph_folder *user = graph->by_module[i].user;

			if (user->source != NULL)
				continue;
			user->source = module->source;
			user->through = module->dir;
			graph->queue[end++] = user;
		}
	}
}

static void cover(struct module_graph *graph, struct graph_folder *from)
{
	size_t begin = 0, end = 0;

	if (from->is_covered)
		return;
	from->is_covered = true;
	graph->queue[end++] = from;
	for (; begin < end; begin++) {
		struct graph_folder *user = graph->queue[begin];

		for (size_t i = first_edge(graph, user, true);
			i < graph->edge_count && graph->by_user[i].user == user; i++) {
			struct graph_folder *module = graph->by_user[i].module;

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
static void choose_projects(struct module_graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		if ((graph->folders[i].holds & HOLDS_STACK) != 0 && !graph->folders[i].is_module)
			cover(graph, &graph->folders[i]);
	}
	for (size_t i = 0; i < graph->count; i++) {
		struct graph_folder *folder = &graph->folders[i];

		if ((folder->holds & HOLDS_STACK) == 0 || folder->is_covered)
			continue;
		folder->is_module = false;
		cover(graph, folder);
	}
}

void module_graph_build(
	struct module_graph *graph, const struct prepared *prepared, struct arena *arena)
{
	*graph = (struct module_graph){ 0 };
	add_folders(graph, prepared, arena);
	add_edges(graph, prepared, arena);
	choose_projects(graph);
}
