/* Documents become resources with an identity. */
#include "orchestrator/model/manifest_list.h"

#include "orchestrator/lib/codec.h"

#include <stdlib.h>
#include <string.h>

const char *manifest_printable(const char *text, size_t most, struct arena *arena)
{
	size_t length = codec_utf8_prefix(text, strnlen(text, most));
	char *copy = arena_strndup(arena, text, length);

	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return copy;
}

const char *manifest_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = map == NULL || map->kind != YAML_MAP ? NULL
									    : yaml_get(map, key);

	return node != NULL && node->kind == YAML_SCALAR ? node->text : NULL;
}

static bool is_nothing(const struct yaml_node *root)
{
	return root->kind == YAML_SCALAR && root->is_plain &&
	       (root->text[0] == '\0' || str_equal(root->text, "null") ||
		       str_equal(root->text, "~"));
}

static int no_resource(
	struct manifest_list *list, const struct yaml_node *root, const char *why, struct err *err)
{
	if (list->skips_others) {
		list->skipped++;
		return 0;
	}
	return err_user(
		err, ERR_SYNTAX, "what begins in line %d is no resource: %s", root->at.line, why);
}

static int add_one(struct manifest_list *list, const struct yaml_node *root, struct err *err)
{
	const struct yaml_node *metadata = root->kind == YAML_MAP ? yaml_get(root, "metadata")
								  : NULL;
	const char *version = manifest_text(root, "apiVersion"),
		   *kind = manifest_text(root, "kind"), *name = manifest_text(metadata, "name"),
		   *space = manifest_text(metadata, "namespace"), *slash;
	struct arena *arena = list->arena;

	if (str_empty(version) || str_empty(kind))
		return no_resource(list, root, "it has no apiVersion or no kind", err);
	if (str_empty(name))
		name = manifest_text(metadata, "generateName");
	if (str_empty(name))
		return no_resource(list, root, "it has no metadata.name", err);
	if (list->count == MANIFESTS_MAX)
		return err_user(err, ERR_LIMIT, "there are more than %d resources", MANIFESTS_MAX);
	slash = strchr(version, '/');
	list->items = arena_push(arena, list->items, list->count, sizeof(*list->items));
	list->items[list->count] = (struct manifest){
		.group = slash == NULL ? ""
				       : arena_strndup(arena, version, (size_t)(slash - version)),
		.kind = manifest_printable(kind, MANIFEST_NAME_MAX, arena),
		.space = space == NULL ? "" : manifest_printable(space, MANIFEST_NAME_MAX, arena),
		.name = manifest_printable(name, MANIFEST_NAME_MAX, arena),
		.root = root,
		.number = list->count,
	};
	list->items[list->count].group = manifest_printable(
		list->items[list->count].group, MANIFEST_NAME_MAX, arena);
	list->count++;
	return 0;
}

int manifest_list_add(struct manifest_list *list, const struct yaml_node *root, struct err *err)
{
	const char *kind = manifest_text(root, "kind");
	const struct yaml_node *items = root->kind == YAML_MAP ? yaml_get(root, "items") : NULL;
	int r = 0;

	if (is_nothing(root))
		return 0;
	if (kind == NULL || !str_ends(kind, "List") || items == NULL || items->kind != YAML_LIST)
		return add_one(list, root, err);
	for (size_t i = 0; r == 0 && i < items->count; i++)
		r = add_one(list, items->items[i], err);
	return r;
}

/* ---- order ---- */

int manifest_compare(const struct manifest *a, const struct manifest *b)
{
	int order = strcmp(a->kind, b->kind);

	if (order == 0)
		order = strcmp(a->space, b->space);
	if (order == 0)
		order = strcmp(a->name, b->name);
	return order != 0 ? order : strcmp(a->group, b->group);
}

static int by_identity(const void *a, const void *b)
{
	const struct manifest *x = a, *y = b;
	int order = manifest_compare(x, y);

	return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

void manifest_list_sort(struct manifest_list *list, const struct manifest **ret_twice)
{
	size_t kept = 0;

	*ret_twice = NULL;
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), by_identity);
	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 && manifest_compare(&list->items[kept - 1], &list->items[i]) == 0)
			*ret_twice = &list->items[--kept];
		list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

const char *manifest_address(const struct manifest *manifest, struct arena *arena)
{
	bool is_own = strchr(manifest->group, '.') == NULL || str_ends(manifest->group, ".k8s.io");

	return arena_printf(arena, "%s.%s%s%s%s%s%s", manifest->kind, manifest->space,
		manifest->space[0] == '\0' ? "" : "/", manifest->name, is_own ? "" : " (",
		is_own ? "" : manifest->group, is_own ? "" : ")");
}
