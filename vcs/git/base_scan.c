/* The fields of a kustomization that name files and folders. */
#include "vcs/git/base_scan.h"

#include "orchestrator/lib/yaml.h"

#include <string.h>

/* What a field holds: texts that are paths, or maps with a key that holds some. */
static const struct field {
	const char *name, *key;
} fields[] = {
	{ "resources", NULL },
	{ "bases", NULL },
	{ "components", NULL },
	{ "crds", NULL },
	{ "configurations", NULL },
	{ "generators", NULL },
	{ "transformers", NULL },
	{ "validators", NULL },
	{ "patchesStrategicMerge", NULL },
	{ "patches", "path" },
	{ "patchesJson6902", "path" },
	{ "replacements", "path" },
	{ "helmCharts", "valuesFile" },
	{ "configMapGenerator", "files" },
	{ "configMapGenerator", "envs" },
	{ "configMapGenerator", "env" },
	{ "secretGenerator", "files" },
	{ "secretGenerator", "envs" },
	{ "secretGenerator", "env" },
};

static bool is_elsewhere(const char *path)
{
	return path[0] == '\0' || path[0] == '/' || strstr(path, "://") != NULL ||
	       strstr(path, "?ref=") != NULL || strncmp(path, "git@", 4) == 0 ||
	       strncmp(path, "github.com/", 11) == 0 || strchr(path, '\n') != NULL;
}

/* "name=path" of a generator's files. */
static void put_path(const struct yaml_node *node, bool may_have_name, struct strbuf *out)
{
	const char *path = node->kind == YAML_SCALAR ? node->text : "";
	const char *equals = may_have_name ? strchr(path, '=') : NULL;

	path = equals == NULL ? path : equals + 1;
	if (is_elsewhere(path))
		return;
	strbuf_putc(out, BASE_SCAN_PATH);
	strbuf_append(out, path, strlen(path) + 1);
}

static void put_value(const struct yaml_node *value, bool may_have_name, struct strbuf *out)
{
	if (value == NULL)
		return;
	if (value->kind != YAML_LIST)
		put_path(value, may_have_name, out);
	for (size_t i = 0; value->kind == YAML_LIST && i < value->count; i++)
		put_path(value->items[i], may_have_name, out);
}

void base_scan(const char *bytes, size_t length, struct strbuf *out)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct yaml_node *root = NULL;
	struct yaml_place place;
	struct err ignored;

	if (yaml_parse(bytes, length, &arena, &root, &place, &ignored) < 0 ||
		root->kind != YAML_MAP)
		return;
	for (size_t i = 0; i < countof(fields); i++) {
		const struct yaml_node *list = yaml_get(root, fields[i].name);

		if (list == NULL || list->kind != YAML_LIST)
			continue;
		for (size_t k = 0; k < list->count; k++) {
			const struct yaml_node *item = list->items[k];

			if (fields[i].key == NULL)
				put_path(item, false, out);
			else if (item->kind == YAML_MAP)
				put_value(yaml_get(item, fields[i].key),
					str_equal(fields[i].key, "files"), out);
		}
	}
}
