/* Owners of what is changed: each line of the file that speaks, once. */
#include "vcs/git/owners.h"
#include "orchestrator/model/codeowners.h"
#include "vcs/git/limits.h"
#include <string.h>

struct owning {
	const struct codeowners *owners;
	struct arena *arena;
	struct prepared *prepared;
	bool *is_named; /* by rule */
};

static int file_read(git_repository *repo, git_odb *odb, const git_oid *tree, struct arena *arena,
	struct prepared *prepared, struct codeowners *ret, struct err *err)
{
	_cleanup_(git_tree_freep) git_tree *root = NULL;
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	_cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
	int code = git_tree_lookup(&root, repo, tree), r;

	for (size_t i = 0; code == 0 && entry == NULL && codeowners_places[i] != NULL; i++) {
		code = git_tree_entry_bypath(&entry, root, codeowners_places[i]);
		if (code == 0)
			prepared->owners_file = codeowners_places[i];
		code = code == GIT_ENOTFOUND ? 0 : code;
	}
	if (code < 0)
		return libgit_fail(err, code, "cannot look for CODEOWNERS");
	if (entry == NULL)
		return 0;
	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
		git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK)
		return err_user(err, ERR_LIMIT, "is no regular file");
	r = libgit_blob(odb, git_tree_entry_id(entry), CODEOWNERS_BYTES_MAX, &blob, err);
	return r < 0 ? r
		     : codeowners_read(git_odb_object_data(blob), git_odb_object_size(blob), arena,
			       ret, err);
}

static int add_path(struct owning *owning, const char *path, struct err *err)
{
	const struct codeowners_rule *rule = codeowners_find(owning->owners, path);
	struct prepared *prepared = owning->prepared;
	size_t number;

	if (rule == NULL || rule->owner_count == 0)
		return 0;
	number = (size_t)(rule - owning->owners->rules);
	if (owning->is_named[number])
		return 0;
	if (prepared->owner_count == LIMIT_OWNERS)
		return err_user(
			err, ERR_LIMIT, "names more than %d groups of owners here", LIMIT_OWNERS);
	owning->is_named[number] = true;
	prepared->owners = arena_push(
		owning->arena, prepared->owners, prepared->owner_count, sizeof(*prepared->owners));
	prepared->owners[prepared->owner_count++] = (struct code_owners){ .path = path,
		.line = rule->line,
		.names = rule->owners,
		.name_count = rule->owner_count };
	return 0;
}

int owners_list(git_repository *repo, git_odb *odb, const git_oid *base_tree, struct arena *arena,
	struct prepared *prepared, struct err *err)
{
	struct codeowners owners = { 0 };
	struct owning owning = { .owners = &owners, .arena = arena, .prepared = prepared };
	int r = file_read(repo, odb, base_tree, arena, prepared, &owners, err);

	owning.is_named = arena_alloc(arena, (owners.rule_count + 1) * sizeof(*owning.is_named));
	for (size_t i = 0; r == 0 && i < prepared->changed_count; i++) {
		r = add_path(&owning, prepared->changed[i].path, err);
		if (r == 0 && prepared->changed[i].old_path != NULL)
			r = add_path(&owning, prepared->changed[i].old_path, err);
	}
	if (r != -ERR_LIMIT)
		return r;
	/* nobody's word can be enough, and people learn why */
	prepared->owners_problem = arena_strdup(arena, err->text);
	return 0;
}
