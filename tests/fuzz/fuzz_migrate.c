/* links: config model lib_regex lib_yaml lib */
/* Lines of flags, a line "---", then a file of repos. Whatever they say: the result is YAML, valid
 * or with errors that say why not; a secret never stands in it; and what the writer writes reads
 * back as the same tree. */
#include "config/migrate.h"
#include "config/yaml_write.h"

#include <string.h>

#define SECRET "fuzz-secret-0123456789"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == YAML_SCALAR && strcmp(a->text, b->text) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!is_same(a->items[i], b->items[i]))
			return false;
	}
	return true;
}

/* The library reads no simple key of more than 1024 bytes, and written out aliases may be many. */
static bool is_small(const struct yaml_node *node, int depth)
{
	if (depth > 20 || (node->kind == YAML_SCALAR && strlen(node->text) > 200))
		return false;
	for (size_t i = 0; i < node->count; i++) {
		if (!is_small(node->items[i], depth + 1))
			return false;
	}
	return true;
}

static void must_read_back(const char *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf text = STRBUF(YAML_BYTES_MAX);
	struct yaml_node *root = NULL, *again = NULL;
	struct yaml_place place;
	struct err err;

	if (yaml_parse(bytes, length, &arena, &root, &place, &err) < 0 || !is_small(root, 0))
		return;
	yaml_write(root, &text);
	if (text.overflowed)
		return;
	if (yaml_parse(strbuf_text(&text), text.length, &arena, &again, &place, &err) < 0 ||
		!is_same(root, again))
		abort();
}

static void take_lines(struct migration *migration, char *text, struct err *err)
{
	char *argv[64], *rest = NULL;
	int argc = 0;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL && argc < 64;
		line = strtok_r(NULL, "\n", &rest))
		argv[argc++] = line;
	(void)!migrate_take_flags(migration, argc, argv, err);
	migrate_take_environment(migration, "ATLANTIS_GH_TOKEN", SECRET);
	migrate_take_environment(migration, "ATLANTIS_GH_WEBHOOK_SECRET", SECRET);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(YAML_BYTES_MAX);
	_cleanup_free_ char *text = mem_strndup((const char *)bytes, length);
	struct migration migration = { 0 };
	struct config_errors errors = { 0 };
	struct err err = { 0 };
	bool is_told = strstr(text, SECRET) != NULL; /* by the input itself */
	char *file = strstr(text, "\n---\n");
	int r = 0;

	if (file != NULL) {
		*file = '\0';
		file += strlen("\n---\n");
		must_read_back(file, strlen(file));
		r = migrate_take_repos(&migration, file, strlen(file), &errors, &err);
	}
	if (r == 0) {
		take_lines(&migration, text, &err);
		r = migrate_finish(&migration, &out, &errors, &err);
	}
	if ((r == 0) != (errors.found == 0) && err.code != ERR_LIMIT)
		abort();
	if (!is_told && strstr(strbuf_text(&out), SECRET) != NULL)
		abort();
	config_errors_release(&errors);
	migrate_release(&migration);
	return 0;
}
