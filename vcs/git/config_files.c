/* Reading the files of the configuration out of a tree. */
#include "vcs/git/config_files.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include <string.h>

static int blob_take(git_odb *odb, const git_tree_entry *entry, struct arena *arena,
	struct config_file *ret, struct err *err)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	int r;

	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
		git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK) {
		ret->problem = "is no regular file";
		return 0;
	}
	r = libgit_blob(odb, git_tree_entry_id(entry), LIMIT_CONFIG_BYTES, &blob, err);
	if (r == -ERR_LIMIT) {
		ret->problem = "is larger than 1 MiB";
		return 0;
	}
	if (r < 0)
		return r;
	ret->length = git_odb_object_size(blob);
	ret->bytes = arena_strndup(arena, git_odb_object_data(blob), ret->length);
	return 0;
}

int config_file_find(git_repository *repo, git_odb *odb, const git_oid *tree,
	const struct job_spec *spec, struct arena *arena, struct config_file *ret, struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *root = NULL;
	int code = git_tree_lookup(&root, repo, tree);

	*ret = (struct config_file){ .bytes = "" };
	if (code < 0)
		return libgit_fail(err, code, "cannot read a folder of the repository");
	for (size_t i = 0; i < spec->config_file_count; i++) {
		_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
		const char *path = name_resolve(arena, ".", spec->config_files[i]);

		if (path == NULL || str_equal(path, "."))
			return err_set(err, ERR_SYNTAX,
				"the job asks for a configuration file outside the repository");
		code = git_tree_entry_bypath(&entry, root, path);
		if (code == GIT_ENOTFOUND)
			continue;
		if (code < 0)
			return libgit_fail(err, code, "cannot look for %s", path);
		ret->name = path;
		return blob_take(odb, entry, arena, ret, err);
	}
	return 0;
}
