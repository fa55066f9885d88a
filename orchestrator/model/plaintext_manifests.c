/* Secrets in manifests of Kubernetes: read as YAML, as what applies them does; a file that is no
 * YAML (a template, say) is read by its lines. */
#include "orchestrator/model/plaintext.h"

#include "orchestrator/lib/yaml.h"

#include <string.h>

static const char secret_rule[] = "kubernetes-secret", sops_rule[] = "sops-partly-encrypted",
		  generator_rule[] = "secret-generator", variable_rule[] = "environment-secret";

/* ---- values ---- */

/* The word stands for a value that comes from elsewhere, or for none. */
static bool is_harmless(const struct yaml_node *value)
{
	return value->kind != YAML_SCALAR ||
	       plaintext_is_placeholder(value->text, strlen(value->text));
}

/* ---- one map ---- */

static bool is_word(const struct yaml_node *map, const char *key, const char *word)
{
	const struct yaml_node *value = yaml_get(map, key);

	return value != NULL && value->kind == YAML_SCALAR && str_equal(value->text, word);
}

static void look_at_data(
	const struct yaml_node *secret, const char *key, bool has_sops, struct plaintext *ret)
{
	const struct yaml_node *data = yaml_get(secret, key);

	for (size_t i = 0; data != NULL && data->kind == YAML_MAP && i + 1 < data->count; i += 2) {
		const struct yaml_node *value = data->items[i + 1];

		if (is_harmless(value) || (has_sops && str_starts(value->text, "ENC[")))
			continue;
		plaintext_add(ret, has_sops ? sops_rule : secret_rule, value->at.line, value->text,
			strlen(value->text));
	}
}

/* SOPS vouches for a file by the code over all of it; the word alone is none. */
static bool has_sops(const struct yaml_node *map)
{
	const struct yaml_node *sops = yaml_get(map, "sops");
	const struct yaml_node *mac = sops == NULL ? NULL : yaml_get(sops, "mac");

	return mac != NULL && mac->kind == YAML_SCALAR && str_starts(mac->text, "ENC[");
}

/* secretGenerator: [{literals: [password=hunter]}] of a kustomization. */
static void look_at_generators(const struct yaml_node *map, struct plaintext *ret)
{
	const struct yaml_node *list = yaml_get(map, "secretGenerator");

	for (size_t i = 0; list != NULL && list->kind == YAML_LIST && i < list->count; i++) {
		const struct yaml_node *literals = yaml_get(list->items[i], "literals");

		for (size_t k = 0;
			literals != NULL && literals->kind == YAML_LIST && k < literals->count;
			k++) {
			const struct yaml_node *literal = literals->items[k];
			const char *value = literal->kind == YAML_SCALAR
						    ? strchr(literal->text, '=')
						    : NULL;

			if (value != NULL &&
				!plaintext_is_placeholder(value + 1, strlen(value + 1)))
				plaintext_add(ret, generator_rule, literal->at.line, value + 1,
					strlen(value + 1));
		}
	}
}

/* {name: DB_PASSWORD, value: ...} of a container. */
static void look_at_variable(const struct yaml_node *map, struct plaintext *ret)
{
	const struct yaml_node *name = yaml_get(map, "name"), *value = yaml_get(map, "value");

	if (name == NULL || value == NULL || name->kind != YAML_SCALAR ||
		value->kind != YAML_SCALAR)
		return;
	if (plaintext_is_secret_name(name->text, strlen(name->text)) &&
		plaintext_looks_secret(value->text, strlen(value->text)))
		plaintext_add(ret, variable_rule, value->at.line, value->text, strlen(value->text));
}

/* Lists and templates hold objects at any depth. */
static void look_at_node(const struct yaml_node *node, struct plaintext *ret)
{
	if (ret->count == PLAINTEXT_MAX)
		return;
	if (node->kind == YAML_MAP) {
		if (is_word(node, "kind", "Secret")) {
			look_at_data(node, "data", has_sops(node), ret);
			look_at_data(node, "stringData", has_sops(node), ret);
		}
		look_at_generators(node, ret);
		look_at_variable(node, ret);
	}
	for (size_t i = 0; i < node->count; i++)
		if (node->items[i]->kind != YAML_SCALAR)
			look_at_node(node->items[i], ret);
}

static int take_document(void *owner, struct yaml_node *root)
{
	look_at_node(root, owner);
	return 0;
}

/* ---- by lines ---- */

struct lines {
	int indent; /* of the key "data" that we are in; -1: in none */
	bool is_secret;
	struct plaintext *found;
};

static size_t indent_of(const struct text_line *line)
{
	size_t indent = 0;

	while (indent < line->length && (line->bytes[indent] == ' ' || line->bytes[indent] == '-'))
		indent++;
	return indent;
}

static bool begins(const struct text_line *line, size_t at, const char *word)
{
	size_t size = strlen(word);

	return line->length >= at + size && memcmp(line->bytes + at, word, size) == 0;
}

static void look_at_pair(struct lines *lines, const struct text_line *line, size_t indent)
{
	const char *end = line->bytes + line->length;
	const char *value = memchr(line->bytes + indent, ':', line->length - indent);

	if (value == NULL)
		return;
	for (value++; value < end && strchr(" \"'", *value) != NULL; value++)
		;
	while (end > value && strchr(" \r\"'", end[-1]) != NULL)
		end--;
	if (end - value < 4 || *value == '|' || *value == '#' ||
		plaintext_is_placeholder(value, (size_t)(end - value)) ||
		memmem(value, (size_t)(end - value), "ENC[", 4) != NULL)
		return;
	plaintext_add(lines->found, secret_rule, line->number, value, (size_t)(end - value));
}

static void look_at_line(struct lines *lines, const struct text_line *line)
{
	size_t indent = indent_of(line);

	if (begins(line, 0, "---")) {
		*lines = (struct lines){ .indent = -1, .found = lines->found };
		return;
	}
	if (begins(line, indent, "kind:"))
		lines->is_secret = memmem(line->bytes, line->length, "Secret", 6) != NULL &&
				   memmem(line->bytes, line->length, "SealedSecret", 12) == NULL &&
				   memmem(line->bytes, line->length, "ExternalSecret", 14) ==
					   NULL &&
				   memmem(line->bytes, line->length, "SecretStore", 11) == NULL;
	if (begins(line, indent, "data:") || begins(line, indent, "stringData:")) {
		lines->indent = (int)indent;
		return;
	}
	if (indent < line->length && lines->indent >= 0 && (int)indent <= lines->indent &&
		!begins(line, indent, "{{") && !begins(line, indent, "#"))
		lines->indent = -1;
	if (lines->is_secret && lines->indent >= 0 && (int)indent > lines->indent &&
		!begins(line, indent, "#"))
		look_at_pair(lines, line, indent);
}

/* What stands before `kind` is not seen; templates begin with it. */
static void look_at_lines(const char *bytes, size_t length, struct plaintext *ret)
{
	const char *end = bytes + length;
	struct lines lines = { .indent = -1, .found = ret };
	struct text_line line = { .bytes = bytes, .number = 1 };

	for (; line.bytes < end; line.bytes += line.length + 1, line.number++) {
		const char *stop = memchr(line.bytes, '\n', (size_t)(end - line.bytes));

		line.length = (size_t)((stop == NULL ? end : stop) - line.bytes);
		look_at_line(&lines, &line);
	}
}

void plaintext_manifests(const char *bytes, size_t length, struct plaintext *ret)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct yaml_place place;
	struct err ignored; /* then the lines are looked at */

	if (yaml_parse_stream(bytes, length, PLAINTEXT_BYTES_MAX, &arena, take_document, ret,
		    &place, &ignored) < 0)
		look_at_lines(bytes, length, ret);
}
