/* From libyaml's events to our tree. */
#include "config/yaml.h"

#include "orchestrator/lib/codec.h"

#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct arena *arena;
	struct err *err;
	int nodes;
};

static int fail_at(struct reader *reader, const yaml_mark_t *mark, const char *what)
{
	return err_user(reader->err, ERR_CONFIG, "%s:%zu:%zu: %s", reader->file, mark->line + 1,
		mark->column + 1, what);
}

static int next(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return 0;
	return fail_at(reader, &reader->parser.problem_mark,
		reader->parser.problem == NULL ? "this is not YAML" : reader->parser.problem);
}

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret);

static struct yaml_node *new_node(
	struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml_node *node = arena_alloc(reader->arena, sizeof(*node));

	node->kind = kind;
	node->line = (int)mark->line + 1;
	node->column = (int)mark->column + 1;
	return node;
}

static int refuse_repeated_key(
	struct reader *reader, const struct yaml_node *map, const struct yaml_node *key)
{
	yaml_mark_t mark = { .line = (size_t)key->line - 1, .column = (size_t)key->column - 1 };

	if (key->kind != YAML_SCALAR)
		return fail_at(reader, &mark, "a key must be a plain word");
	if (yaml_get(map, key->text) != NULL)
		return fail_at(reader, &mark,
			arena_printf(
				reader->arena, "the key \"%.100s\" is given twice", key->text));
	return 0;
}

/* Children until the event that ends this node. */
static int read_children(
	struct reader *reader, struct yaml_node *node, yaml_event_type_t end, int depth)
{
	for (;;) {
		struct yaml_node *child = NULL;
		yaml_event_t event;
		bool is_end;
		int r = next(reader, &event);

		if (r < 0)
			return r;
		is_end = event.type == end;
		r = is_end ? 0 : read_node(reader, &event, depth + 1, &child);
		yaml_event_delete(&event);
		if (r < 0 || is_end)
			return r;
		if (node->kind == YAML_MAP && node->count % 2 == 0) {
			r = refuse_repeated_key(reader, node, child);
			if (r < 0)
				return r;
		}
		node->items = arena_push(
			reader->arena, node->items, node->count, sizeof(*node->items));
		node->items[node->count++] = child;
	}
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct yaml_node **ret)
{
	const char *bytes = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct yaml_node *node = new_node(reader, YAML_SCALAR, &event->start_mark);

	if (length > YAML_SCALAR_MAX)
		return fail_at(reader, &event->start_mark, "this text is too long");
	if (memchr(bytes, '\0', length) != NULL || codec_utf8_prefix(bytes, length) != length)
		return fail_at(reader, &event->start_mark,
			"this text has a byte that does not belong in text");
	node->text = arena_strndup(reader->arena, bytes, length);
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	*ret = node;
	return 0;
}

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret)
{
	if (++reader->nodes > YAML_NODES_MAX)
		return fail_at(reader, &event->start_mark, "the file has too many entries");
	if (depth > YAML_DEPTH_MAX)
		return fail_at(reader, &event->start_mark, "the file is nested too deeply");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(reader, event, ret);
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		*ret = new_node(reader, YAML_LIST, &event->start_mark);
		return read_children(reader, *ret, YAML_SEQUENCE_END_EVENT, depth);
	}
	if (event->type == YAML_MAPPING_START_EVENT) {
		*ret = new_node(reader, YAML_MAP, &event->start_mark);
		return read_children(reader, *ret, YAML_MAPPING_END_EVENT, depth);
	}
	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(reader, &event->start_mark, "aliases are not used in this file");
	return fail_at(reader, &event->start_mark, "this does not belong here");
}

static int read_document(struct reader *reader, struct yaml_node **ret)
{
	bool is_read = false;

	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		int r = next(reader, &event);

		if (r < 0)
			return r;
		type = event.type;
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT ||
			type == YAML_STREAM_END_EVENT) {
			r = 0;
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			r = is_read ? fail_at(reader, &event.start_mark,
					      "only one document is read")
				    : 0;
		} else {
			is_read = true;
			r = read_node(reader, &event, 0, ret);
		}
		yaml_event_delete(&event);
		if (r < 0 || type == YAML_STREAM_END_EVENT)
			return r;
	}
}

int yaml_parse(const char *file, const char *bytes, size_t length, struct arena *arena,
	struct yaml_node **ret, struct err *err)
{
	struct reader reader = { .file = file, .arena = arena, .err = err };
	yaml_mark_t begin = { 0 };
	int r;

	*ret = new_node(&reader, YAML_MAP, &begin);
	if (length > YAML_BYTES_MAX)
		return err_user(err, ERR_CONFIG, "%s: the file is larger than %d bytes", file,
			YAML_BYTES_MAX);
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, length);
	r = read_document(&reader, ret);
	yaml_parser_delete(&reader.parser);
	return r;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i + 1 < map->count; i += 2) {
		if (map->items[i]->kind == YAML_SCALAR && str_equal(map->items[i]->text, key))
			return map->items[i + 1];
	}
	return NULL;
}
