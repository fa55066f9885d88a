/* Facts of whole trees. A tree has one of sixteen places, by its id; the newest stays there. The
 * number in the name rises when a fact comes to mean something else. */
#include "vcs/git/facts_cache.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/git/folder.h"
#include "vcs/git/limits.h"
#include <stdio.h>
#include <string.h>

enum { FACTS_PLACES = 16, FACTS_NAME_MAX = 32 };

static void place_of(const git_oid *tree, char name[FACTS_NAME_MAX])
{
	(void)snprintf(name, FACTS_NAME_MAX, "facts2-%u.json", tree->id[0] % FACTS_PLACES);
}

bool facts_cache_get(
	int dir_fd, const git_oid *tree, struct arena *arena, struct prepared *prepared)
{
	_cleanup_json_ json_t *json = NULL;
	char name[FACTS_NAME_MAX], hex[GIT_OID_HEXSZ + 1];
	struct prepared kept;
	struct err ignored;

	if (dir_fd < 0)
		return false;
	place_of(tree, name);
	git_oid_tostr(hex, sizeof(hex), tree);
	if (jsonx_read_at(dir_fd, name, LIMIT_ANSWER_BYTES, &json, &ignored) < 0 ||
		prepared_read(json, arena, &kept, &ignored) < 0 || !str_equal(kept.tree, hex))
		return false;
	prepared->folders = kept.folders;
	prepared->folder_count = kept.folder_count;
	prepared->workspaces = kept.workspaces;
	prepared->workspace_count = kept.workspace_count;
	prepared->uses = kept.uses;
	prepared->use_count = kept.use_count;
	return true;
}

void facts_cache_put(int dir_fd, const git_oid *tree, const struct prepared *prepared)
{
	char name[FACTS_NAME_MAX], hex[GIT_OID_HEXSZ + 1];
	struct prepared kept = { .head = "",
		.base = "",
		.merge_base = "",
		.tree = hex,
		.base_tree = "",
		.folders = prepared->folders,
		.folder_count = prepared->folder_count,
		.workspaces = prepared->workspaces,
		.workspace_count = prepared->workspace_count,
		.uses = prepared->uses,
		.use_count = prepared->use_count };
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	int r;

	if (dir_fd < 0)
		return;
	place_of(tree, name);
	git_oid_tostr(hex, sizeof(hex), tree);
	json = prepared_write(&kept);
	text = jsonx_text(json);
	r = folder_replace(dir_fd, name, text, strlen(text), &ignored);
	(void)r;
}
