/* links: lib_yaml lib */
/* Any bytes as YAML: refused with a reason and a place inside of the file, or a tree within its
 * caps. */
#include "orchestrator/lib/yaml.h"

#include "orchestrator/lib/codec.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int count_lines(const char *bytes, size_t length)
{
	int lines = 1;

	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n' || bytes[i] == '\r' || (bytes[i] & 0x80) != 0;
	return lines;
}

/* What a walk meets, aliases written out. */
static int walk(const struct yaml_node *node, int depth, int lines)
{
	int nodes = 1;

	if (depth > YAML_DEPTH_MAX || node->at.line < 1 || node->at.line > lines + 1)
		abort();
	if (node->kind == YAML_SCALAR &&
		(strlen(node->text) > YAML_SCALAR_MAX ||
			codec_utf8_prefix(node->text, strlen(node->text)) != strlen(node->text)))
		abort();
	if (node->kind == YAML_MAP && node->count % 2 != 0)
		abort();
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == YAML_MAP && i % 2 == 0 &&
			yaml_get(node, node->items[i]->text) != node->items[i + 1])
			abort(); /* a key that is there twice */
		nodes += walk(node->items[i], depth + 1, lines);
		if (nodes > YAML_NODES_MAX)
			abort();
	}
	return nodes;
}

static int take(void *owner, struct yaml_node *root)
{
	if (root == NULL || ++*(int *)owner > YAML_DOCUMENTS_MAX)
		abort();
	return 0;
}

/* What is one document is the first of a stream too. */
static void read_stream(const uint8_t *bytes, size_t length, bool is_one)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct yaml_place place;
	struct err err = { 0 };
	int count = 0;
	int r = yaml_parse_stream(
		(const char *)bytes, length, YAML_BYTES_MAX, &arena, take, &count, &place, &err);

	if (is_one && (r < 0 || count > 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int lines = count_lines((const char *)bytes, length);
	struct yaml_node *root = NULL;
	struct yaml_place place;
	struct err err = { 0 };
	int r = yaml_parse((const char *)bytes, length, &arena, &root, &place, &err);

	if (r == 0)
		(void)walk(root, 0, lines);
	else if (root != NULL || r != -(int)err.code || err.text[0] == '\0' ||
		 place.line > lines + 1)
		abort();
	read_stream(bytes, length, r == 0);
	return 0;
}
