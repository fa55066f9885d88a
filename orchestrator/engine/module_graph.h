/* The folders of a tree and what they use: local modules, and what a kustomization is made of.
 * Pure. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/prepared.h"

struct graph_folder {
	const char *dir;
	unsigned holds;	     /* enum folder_holds; 0 as well when it does not exist */
	bool exists;	     /* false: used as a module, and not there */
	bool is_base;	     /* a kustomization is made of it, among others */
	bool is_module;	     /* another folder uses it, and one of its users, at any depth, is used
			      by none */
	const char *because; /* a file of it that was touched, or NULL */
	const char *source;  /* the same, of the folder that it was reached from */
	const char *through; /* the module folder through which it was reached, or NULL */
	bool is_covered;     /* private */
};

struct module_graph {
	struct graph_folder *folders; /* sorted by dir, each once */
	size_t count;
	struct graph_edge *by_user, *by_module; /* the same edges in two orders */
	size_t edge_count;
	struct graph_folder **queue; /* room for each folder once */
};

void module_graph_build(
	struct module_graph *graph, const struct prepared *prepared, struct arena *arena);
/* The folder named by the first `length` bytes of `dir`, or NULL. */
struct graph_folder *module_graph_find(
	const struct module_graph *graph, const char *dir, size_t length);
/* Whoever uses a folder that was touched (`because` is set) is touched, at any depth. */
void module_graph_spread(struct module_graph *graph);
