/* What the folders hold, and which local modules they use. */
#include "vcs/git/modules.h"
#include "vcs/git/base_scan.h"
#include "vcs/git/limits.h"
#include "vcs/git/module_cache.h"
#include "vcs/git/module_scan.h"
#include "vcs/git/names.h"
#include <string.h>

enum { LINK_STEPS_MAX = 8 };

struct finder {
	const struct manifest *manifest;
	struct arena *arena;
	git_odb *odb;
	const git_tree *root;
	struct module_cache cache;
	struct prepared *prepared;
	const char *workspace_dir; /* the folder whose workspace was found last, and in what file */
	size_t workspace_rank;
	struct err *err;
};

static const struct {
	const char *name;
	bool is_ending;
	enum folder_holds holds;
} file_kinds[] = {
	{ ".tf", true, HOLDS_TERRAFORM },
	{ ".tf.json", true, HOLDS_TERRAFORM },
	{ ".tofu", true, HOLDS_TOFU },
	{ ".tofu.json", true, HOLDS_TOFU },
	{ "terragrunt.hcl", false, HOLDS_TERRAGRUNT },
	{ "kustomization.yaml", false, HOLDS_KUSTOMIZE },
	{ "kustomization.yml", false, HOLDS_KUSTOMIZE },
	{ "Kustomization", false, HOLDS_KUSTOMIZE },
	{ "Chart.yaml", false, HOLDS_HELM },
	{ ".yaml", true, HOLDS_MANIFESTS },
	{ ".yml", true, HOLDS_MANIFESTS },
};

static unsigned holds_of(const char *name)
{
	unsigned holds = 0;

	for (size_t i = 0; i < countof(file_kinds); i++) {
		if (file_kinds[i].is_ending ? str_ends(name, file_kinds[i].name)
					    : str_equal(name, file_kinds[i].name))
			holds |= (unsigned)file_kinds[i].holds;
	}
	return holds;
}

static int use_add(struct finder *finder, const char *dir, const char *module)
{
	struct prepared *prepared = finder->prepared;

	if (strcmp(dir, module) == 0)
		return 0;
	if (prepared->use_count == LIMIT_USES)
		return err_user(finder->err, ERR_LIMIT, "local modules are used more than %d times",
			LIMIT_USES);
	prepared->uses = arena_push(
		finder->arena, prepared->uses, prepared->use_count, sizeof(prepared->uses[0]));
	prepared->uses[prepared->use_count++] = (struct module_use){ .dir = dir, .module = module };
	return 0;
}

/* The first file of the folder that names one has the word: *.tf before *.tf.json before those that
 * only OpenTofu reads. */
static void workspace_add(
	struct finder *finder, const char *dir, const char *file, const char *name)
{
	static const char *const endings[] = { ".tf", ".tf.json", ".tofu", ".tofu.json" };
	struct prepared *prepared = finder->prepared;
	struct folder_workspace *last;
	size_t rank = 0;

	while (rank + 1 < countof(endings) && !str_ends(file, endings[rank]))
		rank++;
	if (finder->workspace_dir == dir && rank >= finder->workspace_rank)
		return;
	if (finder->workspace_dir != dir) {
		prepared->workspaces = arena_push(finder->arena, prepared->workspaces,
			prepared->workspace_count, sizeof(prepared->workspaces[0]));
		prepared->workspace_count++;
	}
	finder->workspace_dir = dir;
	finder->workspace_rank = rank;
	last = &prepared->workspaces[prepared->workspace_count - 1];
	*last = (struct folder_workspace){ dir, arena_strdup(finder->arena, name) };
}

/* A folder that a kustomization is made of: the one that it names, or that of the file. */
static int base_add(struct finder *finder, const char *dir, const char *named)
{
	_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
	const char *path = name_resolve(finder->arena, dir, named), *slash;
	bool is_file;

	if (path == NULL || !name_path_is_fine(path))
		return 0; /* outside of the repository: it will not be built */
	is_file = str_ends(path, ".yaml") || str_ends(path, ".yml");
	if (!str_equal(path, ".") && git_tree_entry_bypath(&entry, finder->root, path) == 0)
		is_file = git_tree_entry_type(entry) == GIT_OBJECT_BLOB;
	slash = is_file ? strrchr(path, '/') : NULL;
	if (is_file)
		path = slash == NULL ? "."
				     : arena_strndup(finder->arena, path, (size_t)(slash - path));
	return use_add(finder, dir, path);
}

static int sources_add(struct finder *finder, const char *dir, const char *file,
	const char *sources, size_t length)
{
	int r = 0;

	for (size_t i = 0; i < length && r == 0; i += strlen(sources + i) + 1) {
		const char *module;

		if (sources[i] == MODULE_SCAN_WORKSPACE) {
			workspace_add(finder, dir, file, sources + i + 1);
			continue;
		}
		if (sources[i] == BASE_SCAN_PATH) {
			r = base_add(finder, dir, sources + i + 1);
			continue;
		}
		module = name_resolve(finder->arena, dir, sources + i);
		if (module == NULL)
			warnings_add(finder->manifest->warnings,
				"a module source in %s leaves the repository: %s", dir,
				name_shown(finder->arena, sources + i, strlen(sources + i), 200));
		else if (name_path_is_fine(module))
			r = use_add(finder, dir, module);
	}
	return r;
}

static int file_scan(struct finder *finder, const char *dir, const char *name, const git_oid *oid)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	_cleanup_strbuf_ struct strbuf found = STRBUF(LIMIT_MODULE_FILE_BYTES);
	const char *sources;
	size_t length;
	int r;

	if (module_cache_get(&finder->cache, oid, &sources, &length))
		return sources_add(finder, dir, name, sources, length);
	r = libgit_blob(finder->odb, oid, LIMIT_MODULE_FILE_BYTES, &blob, finder->err);
	if (r == -ERR_LIMIT) {
		warnings_add(finder->manifest->warnings,
			"%s/%s is too large to be searched for modules", dir, name);
		return 0;
	}
	if (r < 0)
		return r;
	if (name_is_kustomization(name))
		base_scan(git_odb_object_data(blob), git_odb_object_size(blob), &found);
	else if (name_is_terraform_json(name))
		module_scan_json(git_odb_object_data(blob), git_odb_object_size(blob), &found);
	else
		module_scan(git_odb_object_data(blob), git_odb_object_size(blob), &found);
	module_cache_put(&finder->cache, oid, strbuf_text(&found), found.length);
	return sources_add(finder, dir, name, strbuf_text(&found), found.length);
}

/* The folder and object that a chain of links ends at; false when it ends nowhere or outside. */
static bool link_follow(struct finder *finder, const git_tree *root, const char *dir,
	const git_oid *link, const char **ret_dir, git_oid *ret_oid)
{
	git_oid oid = *link;

	for (int step = 0; step < LINK_STEPS_MAX; step++) {
		_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
		_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
		struct err ignored;
		const char *target, *path, *slash;

		if (libgit_blob(finder->odb, &oid, LIMIT_LINK_BYTES, &blob, &ignored) < 0)
			return false;
		target = arena_strndup(
			finder->arena, git_odb_object_data(blob), git_odb_object_size(blob));
		path = name_resolve(finder->arena, dir, target);
		if (path == NULL || git_tree_entry_bypath(&entry, root, path) < 0)
			return false;
		slash = strrchr(path, '/');
		dir = slash != NULL ? arena_strndup(finder->arena, path, (size_t)(slash - path))
				    : ".";
		oid = *git_tree_entry_id(entry);
		if (git_tree_entry_filemode(entry) != GIT_FILEMODE_LINK) {
			*ret_dir = dir;
			*ret_oid = oid;
			return git_tree_entry_type(entry) == GIT_OBJECT_BLOB;
		}
	}
	return false;
}

/* A linked file means what it says in the folder of the link, and changes when the file behind it
 * does. */
static int link_scan(struct finder *finder, const git_tree *root, const char *dir,
	const struct manifest_file *file)
{
	const char *target_dir;
	git_oid oid;
	int r;

	if (!link_follow(finder, root, dir, &file->oid, &target_dir, &oid))
		return 0;
	r = use_add(finder, dir, target_dir);
	return r < 0 ? r : file_scan(finder, dir, file->name, &oid);
}

static int dir_scan(struct finder *finder, const git_tree *root, const struct manifest_dir *dir)
{
	const struct manifest *manifest = finder->manifest;
	struct prepared *prepared = finder->prepared;
	unsigned holds = 0;
	int r = 0;

	for (size_t i = 0; i < dir->file_count && r == 0; i++) {
		const struct manifest_file *file = &manifest->files[dir->first_file + i];

		holds |= holds_of(file->name);
		if (!name_is_terraform(file->name) && !name_is_kustomization(file->name))
			continue;
		r = file->is_link ? link_scan(finder, root, dir->path, file)
				  : file_scan(finder, dir->path, file->name, &file->oid);
	}
	prepared->folders[prepared->folder_count++] = (struct tree_folder){ dir->path, holds };
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct tree_folder *left = a, *right = b;

	return strcmp(left->path, right->path);
}

static int by_dir(const void *a, const void *b)
{
	const struct folder_workspace *left = a, *right = b;

	return strcmp(left->dir, right->dir);
}

static int by_use(const void *a, const void *b)
{
	const struct module_use *left = a, *right = b;
	int order = strcmp(left->dir, right->dir);

	return order != 0 ? order : strcmp(left->module, right->module);
}

static void sort_unique(struct prepared *prepared)
{
	size_t count = 0;

	if (prepared->folder_count > 0)
		qsort(prepared->folders, prepared->folder_count, sizeof(prepared->folders[0]),
			by_path);
	if (prepared->workspace_count > 0)
		qsort(prepared->workspaces, prepared->workspace_count,
			sizeof(prepared->workspaces[0]), by_dir);
	if (prepared->use_count > 0)
		qsort(prepared->uses, prepared->use_count, sizeof(prepared->uses[0]), by_use);
	for (size_t i = 0; i < prepared->use_count; i++) {
		if (count == 0 || by_use(&prepared->uses[count - 1], &prepared->uses[i]) != 0)
			prepared->uses[count++] = prepared->uses[i];
	}
	prepared->use_count = count;
}

int modules_list(const struct manifest *manifest, const git_oid *tree, git_odb *odb, int dir_fd,
	struct prepared *prepared, struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *root = NULL;
	struct finder finder = {
		.manifest = manifest,
		.arena = manifest->arena,
		.odb = odb,
		.prepared = prepared,
		.err = err,
	};
	int code = git_tree_lookup(&root, manifest->repo, tree);
	int r = code < 0 ? libgit_fail(err, code, "cannot read the merged tree") : 0;

	if (r < 0)
		return r;
	finder.root = root;
	prepared->folders = arena_alloc(
		manifest->arena, (manifest->dir_count + 1) * sizeof(prepared->folders[0]));
	module_cache_open(&finder.cache, dir_fd);
	for (size_t i = 0; i < manifest->dir_count && r == 0; i++)
		r = dir_scan(&finder, root, &manifest->dirs[i]);
	module_cache_close(&finder.cache);
	if (r == 0)
		sort_unique(prepared);
	return r;
}
