/* Which projects a change touches. Pure. */
#include "orchestrator/engine/projects.h"

#include <string.h>

/* A folder of the merged tree that holds Terraform files. */
struct folder {
	const char *dir;
	const char *because; /* a file directly in it that was touched, or NULL */
	const char *through; /* the module folder through which it was reached, or NULL */
	bool is_module;
};

struct selection {
	struct folder *folders; /* sorted by dir */
	size_t count;
	const struct prepared *prepared;
};

static int compare_folders(const void *a, const void *b)
{
	return strcmp(((const struct folder *)a)->dir, ((const struct folder *)b)->dir);
}

static struct folder *find(const struct selection *selection, const char *dir)
{
	struct folder key = { .dir = dir };

	return selection->count == 0 ? NULL
				     : bsearch(&key, selection->folders, selection->count,
					       sizeof(key), compare_folders);
}

static const char *folder_of(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
}

/* A file belongs to the nearest folder above it that holds Terraform files: a template in a
 * subfolder touches its project. The root is touched by its own files only, or every README would
 * plan it. */
static void touch(const struct selection *selection, const char *path, struct arena *arena)
{
	const char *dir = path == NULL ? "." : folder_of(path, arena);
	struct folder *folder = path == NULL ? NULL : find(selection, dir);

	while (folder == NULL && !str_equal(dir, ".")) {
		dir = folder_of(dir, arena);
		folder = str_equal(dir, ".") ? NULL : find(selection, dir);
	}
	if (folder != NULL && folder->because == NULL)
		folder->because = path;
}

static bool is_reached(const struct folder *folder)
{
	return folder->because != NULL || folder->through != NULL;
}

/* Whoever uses a touched module is touched, at any depth; ends because each round marks at least
 * one more. */
static void spread(const struct selection *selection)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < selection->prepared->use_count; i++) {
			const struct module_use *use = &selection->prepared->uses[i];
			struct folder *user = find(selection, use->dir),
				      *module = find(selection, use->module);

			if (user == NULL || module == NULL || user == module || is_reached(user) ||
				!is_reached(module))
				continue;
			user->through = module->dir;
			changed = true;
		}
	}
}

static const char *reason(
	const struct selection *selection, const struct folder *folder, struct arena *arena)
{
	const struct folder *source = folder;

	if (folder->because != NULL)
		return arena_printf(arena, "%s changed", folder->because);
	for (size_t i = 0; source->because == NULL && i <= selection->count; i++)
		source = find(selection, source->through);
	return arena_printf(arena, "uses %s, where %s changed", folder->through,
		source->because == NULL ? "a file" : source->because);
}

int projects_select(const struct prepared *prepared, const struct repo_config *config,
	struct arena *arena, struct project **ret, size_t *ret_count, struct err *err)
{
	struct selection selection = { .count = prepared->dir_count, .prepared = prepared };
	struct project *projects = NULL;
	size_t count = 0;

	selection.folders = arena_alloc(
		arena, (prepared->dir_count + 1) * sizeof(*selection.folders));
	for (size_t i = 0; i < prepared->dir_count; i++)
		selection.folders[i].dir = prepared->dirs[i];
	qsort(selection.folders, selection.count, sizeof(*selection.folders), compare_folders);
	for (size_t i = 0; i < prepared->changed_count; i++) {
		touch(&selection, prepared->changed[i].path, arena);
		touch(&selection, prepared->changed[i].old_path, arena);
	}
	for (size_t i = 0; i < prepared->use_count; i++) {
		struct folder *module = find(&selection, prepared->uses[i].module);

		if (module != NULL && !str_equal(prepared->uses[i].dir, prepared->uses[i].module))
			module->is_module = true;
	}
	spread(&selection);
	for (size_t i = 0; i < selection.count; i++) {
		const struct folder *folder = &selection.folders[i];

		if (folder->is_module || !is_reached(folder))
			continue;
		if (count == PROJECTS_MAX)
			return err_user(err, ERR_LIMIT,
				"this change touches more than %d projects; split it",
				PROJECTS_MAX);
		projects = arena_push(arena, projects, count, sizeof(*projects));
		projects[count++] = (struct project){
			.name = str_equal(folder->dir, ".") ? "root" : folder->dir,
			.dir = folder->dir,
			.workspace = config->workspace,
			.tool = config->tool,
			.because = reason(&selection, folder, arena)
		};
	}
	*ret = projects;
	*ret_count = count;
	return 0;
}
