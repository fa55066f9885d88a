/* From libyaml's events to our tree. */
#include "orchestrator/lib/yaml.h"

#include "orchestrator/lib/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define TAG_TEXT "tag:yaml.org,2002:str"

struct anchor {
	const char *name;
	struct yaml_node *node; /* NULL while its own value is being read */
	int weight, height;	/* nodes and levels of the value, aliases written out */
};

struct caps { /* of one document */
	int depth, nodes;
	size_t scalar_bytes;
};

/* What people write is small; what programs write need not be: a definition of a resource is nested
 * twice as deep, and holds texts of a MiB. */
static const struct caps file_caps = { YAML_DEPTH_MAX, YAML_NODES_MAX, YAML_SCALAR_MAX },
			 stream_caps = { YAML_STREAM_DEPTH_MAX, YAML_STREAM_NODES_MAX,
				 YAML_STREAM_SCALAR_MAX };

struct reader {
	const struct caps *caps;
	yaml_parser_t parser;
	const char *bytes;
	size_t length;
	struct arena *arena;
	struct yaml_place *place; /* of the error */
	struct err *err;
	struct anchor anchors[YAML_ANCHORS_MAX];
	size_t anchor_count;
	int nodes;   /* so far, aliases written out */
	int deepest; /* level reached since somebody reset it */
	int documents, documents_max;
};

static struct yaml_place place_of(const yaml_mark_t *mark)
{
	return (struct yaml_place){ (int)mark->line + 1, (int)mark->column + 1 };
}

_printf_(3, 4) static int fail_at(
	struct reader *reader, struct yaml_place place, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*reader->place = place;
	return err_user(reader->err, ERR_CONFIG, "%s", text);
}

/* The parser has not come so far yet, so the place is counted here. */
static int fail_bytes(struct reader *reader, size_t offset)
{
	struct yaml_place place = { 1, 1 };
	unsigned char byte = offset < reader->length ? (unsigned char)reader->bytes[offset] : 0;

	for (size_t i = 0; i < offset && i < reader->length; i++) {
		if (reader->bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)reader->bytes[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	if (byte >= 0x80)
		return fail_at(reader, place,
			"the byte 0x%02x is not UTF-8; save the file as UTF-8", byte);
	return fail_at(reader, place, "the character 0x%02x does not belong in text", byte);
}

static int fail_parser(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	struct yaml_place place = place_of(&parser->problem_mark);

	if (parser->error == YAML_READER_ERROR)
		return fail_bytes(reader, parser->problem_offset);
	if (parser->problem == NULL)
		return fail_at(reader, place, "this is not YAML");
	if (parser->problem_mark.index < reader->length &&
		reader->bytes[parser->problem_mark.index] == '\t')
		return fail_at(reader, place, "this is not YAML: a tab cannot indent; use spaces");
	return fail_at(reader, place, "this is not YAML: %s%s%s", parser->problem,
		parser->context == NULL ? "" : " ", parser->context == NULL ? "" : parser->context);
}

static int next(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : fail_parser(reader);
}

/* ---- anchors and aliases ---- */

static struct anchor *find_anchor(struct reader *reader, const char *name)
{
	for (size_t i = reader->anchor_count; i > 0; i--) { /* the newest of that name wins */
		if (str_equal(reader->anchors[i - 1].name, name))
			return &reader->anchors[i - 1];
	}
	return NULL;
}

static const char *anchor_of(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.anchor
	       : event->type == YAML_SEQUENCE_START_EVENT
		       ? (const char *)event->data.sequence_start.anchor
	       : event->type == YAML_MAPPING_START_EVENT
		       ? (const char *)event->data.mapping_start.anchor
		       : NULL;
}

static int read_alias(
	struct reader *reader, const yaml_event_t *event, int depth, struct yaml_node **ret)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = find_anchor(reader, name);
	struct yaml_place place = place_of(&event->start_mark);

	if (anchor == NULL)
		return fail_at(reader, place, "there is no anchor &%.60s before this alias", name);
	if (anchor->node == NULL)
		return fail_at(
			reader, place, "the alias *%.60s stands inside of what it names", name);
	reader->nodes += anchor->weight - 1; /* the alias itself was counted */
	if (reader->nodes > reader->caps->nodes)
		return fail_at(reader, place,
			"with its aliases written out the file has too many entries");
	if (depth + anchor->height > reader->caps->depth)
		return fail_at(reader, place,
			"with its aliases written out the file is nested too deeply");
	if (depth + anchor->height > reader->deepest)
		reader->deepest = depth + anchor->height;
	*ret = anchor->node;
	return 0;
}

/* ---- nodes ---- */

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret);

static struct yaml_node *new_node(
	struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml_node *node = arena_alloc(reader->arena, sizeof(*node));

	node->kind = kind;
	node->at = place_of(mark);
	return node;
}

static int by_text_and_place(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order == 0)
		order = x->at.line - y->at.line;
	return order != 0 ? order : x->at.column - y->at.column;
}

/* Sorted, not compared pair by pair: a file may have one map with thousands of keys. */
static int refuse_repeated_keys(struct reader *reader, const struct yaml_node *map)
{
	_cleanup_free_ struct yaml_node **keys = mem_alloc((map->count / 2 + 1) * sizeof(*keys));
	const struct yaml_node *first = NULL;

	for (size_t i = 0; i < map->count; i += 2)
		keys[i / 2] = map->items[i];
	qsort(keys, map->count / 2, sizeof(*keys), by_text_and_place);
	for (size_t i = 1; i < map->count / 2; i++) {
		const struct yaml_node *key = keys[i];

		if (str_equal(key->text, keys[i - 1]->text) &&
			(first == NULL || key->at.line < first->at.line ||
				(key->at.line == first->at.line &&
					key->at.column < first->at.column)))
			first = key;
	}
	return first == NULL ? 0
			     : fail_at(reader, first->at, "the key \"%.100s\" is given twice",
				       first->text);
}

/* Aliases were counted as if written out, so the budget of entries holds for merged ones too. A key
 * that is there already is refused like any other key that is given twice: nobody shall have to
 * know which of them wins. */
static int add_pairs(struct reader *reader, struct yaml_node *map, const struct yaml_node *from)
{
	size_t before = map->count;

	for (size_t i = 0; i < from->count; i++) {
		for (size_t k = 0; i % 2 == 0 && k < before; k += 2) {
			if (str_equal(map->items[k]->text, from->items[i]->text))
				return fail_at(reader, map->items[k]->at,
					"the key \"%.100s\" is given twice: << brings it from "
					"line %d",
					map->items[k]->text, from->items[i]->at.line);
		}
		map->items = arena_push(reader->arena, map->items, map->count, sizeof(*map->items));
		map->items[map->count++] = from->items[i];
	}
	return 0;
}

static int merge_one(struct reader *reader, struct yaml_node *map, const struct yaml_node *from)
{
	if (from->kind != YAML_MAP)
		return fail_at(reader, from->at, "<< takes a map, or a list of maps");
	if (map->count / 2 > YAML_MERGE_MAX || from->count / 2 > YAML_MERGE_MAX)
		return fail_at(
			reader, from->at, "<< joins maps of at most %d keys", YAML_MERGE_MAX);
	return add_pairs(reader, map, from);
}

/* "<<: *defaults" or "<<: [*a, *b]" */
static int merge(struct reader *reader, struct yaml_node *map)
{
	struct yaml_node *value = NULL;
	size_t at = 0;

	while (at < map->count &&
		!(map->items[at]->is_plain && str_equal(map->items[at]->text, "<<")))
		at += 2;
	if (at >= map->count)
		return 0;
	value = map->items[at + 1];
	memmove(&map->items[at], &map->items[at + 2], (map->count - at - 2) * sizeof(*map->items));
	map->count -= 2;
	if (value->kind == YAML_MAP)
		return merge_one(reader, map, value);
	if (value->kind != YAML_LIST)
		return fail_at(reader, value->at, "<< takes a map, or a list of maps");
	for (size_t i = 0; i < value->count; i++) {
		int r = merge_one(reader, map, value->items[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int end_map(struct reader *reader, struct yaml_node *map)
{
	int r = refuse_repeated_keys(reader, map);

	return r < 0 ? r : merge(reader, map);
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
		if (r < 0)
			return r;
		if (is_end)
			return node->kind == YAML_MAP ? end_map(reader, node) : 0;
		if (node->kind == YAML_MAP && node->count % 2 == 0 && child->kind != YAML_SCALAR)
			return fail_at(reader, child->at, "a key must be a plain word");
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

	if (length > reader->caps->scalar_bytes)
		return fail_at(reader, node->at, "this text is too long");
	if (memchr(bytes, '\0', length) != NULL || codec_utf8_prefix(bytes, length) != length)
		return fail_at(
			reader, node->at, "this text has a byte that does not belong in text");
	node->text = arena_strndup(reader->arena, bytes, length);
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			 event->data.scalar.tag == NULL;
	*ret = node;
	return 0;
}

static int refuse_tag(struct reader *reader, const yaml_event_t *event)
{
	const char *tag = event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.tag
			  : event->type == YAML_SEQUENCE_START_EVENT
				  ? (const char *)event->data.sequence_start.tag
			  : event->type == YAML_MAPPING_START_EVENT
				  ? (const char *)event->data.mapping_start.tag
				  : NULL;

	if (tag == NULL || (event->type == YAML_SCALAR_EVENT &&
				   (str_equal(tag, TAG_TEXT) || str_equal(tag, "!"))))
		return 0;
	return fail_at(reader, place_of(&event->start_mark),
		"tags like %.60s are not used here; write the value alone", tag);
}

static int read_value(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret)
{
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
	return fail_at(reader, place_of(&event->start_mark), "this does not belong here");
}

static int read_anchored(
	struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret)
{
	size_t mine = reader->anchor_count;
	int nodes_before = reader->nodes - 1, deepest_before = reader->deepest, r;

	if (mine == YAML_ANCHORS_MAX)
		return fail_at(reader, place_of(&event->start_mark),
			"the file has more than %d anchors", YAML_ANCHORS_MAX);
	reader->anchors[reader->anchor_count++] = (struct anchor){
		.name = arena_strdup(reader->arena, anchor_of(event)),
	};
	reader->deepest = depth;
	r = read_value(reader, event, depth, ret);
	if (r < 0)
		return r;
	reader->anchors[mine].node = *ret;
	reader->anchors[mine].weight = reader->nodes - nodes_before;
	reader->anchors[mine].height = reader->deepest - depth;
	if (deepest_before > reader->deepest)
		reader->deepest = deepest_before;
	return 0;
}

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node **ret)
{
	int r;

	if (++reader->nodes > reader->caps->nodes)
		return fail_at(
			reader, place_of(&event->start_mark), "the file has too many entries");
	if (depth > reader->caps->depth)
		return fail_at(
			reader, place_of(&event->start_mark), "the file is nested too deeply");
	if (depth > reader->deepest)
		reader->deepest = depth;
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(reader, event, depth, ret);
	r = refuse_tag(reader, event);
	if (r < 0)
		return r;
	return anchor_of(event) != NULL ? read_anchored(reader, event, depth, ret)
					: read_value(reader, event, depth, ret);
}

/* ---- documents ---- */

/* Caps hold for each document, and so do the names of its anchors. */
static void begin_document(struct reader *reader)
{
	reader->anchor_count = 0;
	reader->nodes = reader->deepest = 0;
	reader->documents++;
}

static int read_documents(struct reader *reader, yaml_document_cb take, void *owner)
{
	struct yaml_node *root = NULL;

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
			begin_document(reader);
			if (reader->documents > reader->documents_max)
				r = fail_at(reader, place_of(&event.start_mark),
					reader->documents_max == 1
						? "only one document is read"
						: "the file has too many documents");
		} else {
			r = read_node(reader, &event, 0, &root);
			if (r == 0)
				r = take(owner, root);
		}
		yaml_event_delete(&event);
		if (r < 0 || type == YAML_STREAM_END_EVENT)
			return r;
	}
}

/* Trap: the library compares every %TAG line with all before it, before it tells us anything. Any
 * of its line breaks may stand before one: \n, \r, and the last bytes of U+0085, U+2028 and U+2029.
 */
static int refuse_many_directives(struct reader *reader)
{
	static const char breaks[] = { '\n', '\r', '\x85', '\xa8', '\xa9' };
	const char *end = reader->bytes + reader->length;
	int found = 0;

	for (const char *at = reader->bytes; at < end; at++) {
		at = memchr(at, '%', (size_t)(end - at));
		if (at == NULL)
			return 0;
		if ((at == reader->bytes || memchr(breaks, at[-1], sizeof(breaks)) != NULL) &&
			++found > YAML_DIRECTIVES_MAX)
			return fail_at(reader, (struct yaml_place){ 0 },
				"the file has too many lines that begin with %%");
	}
	return 0;
}

static int parse(struct reader *reader, size_t cap, yaml_document_cb take, void *owner)
{
	size_t length = reader->length;
	const char *bytes = reader->bytes;
	int r;

	*reader->place = (struct yaml_place){ 0 };
	if (length > cap)
		return err_user(reader->err, ERR_CONFIG, "the file is larger than %zu bytes", cap);
	if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
		return err_user(reader->err, ERR_CONFIG, "the file is UTF-16; save it as UTF-8");
	r = refuse_many_directives(reader);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&reader->parser))
		abort();
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes, length);
	r = read_documents(reader, take, owner);
	yaml_parser_delete(&reader->parser);
	return r;
}

static int keep_document(void *owner, struct yaml_node *root)
{
	*(struct yaml_node **)owner = root;
	return 0;
}

int yaml_parse(const char *bytes, size_t length, struct arena *arena, struct yaml_node **ret,
	struct yaml_place *ret_place, struct err *err)
{
	struct reader reader = { .bytes = bytes,
		.length = length,
		.arena = arena,
		.place = ret_place,
		.err = err,
		.caps = &file_caps,
		.documents_max = 1 };
	yaml_mark_t begin = { 0 };
	struct yaml_node *root = new_node(&reader, YAML_MAP, &begin);
	int r = parse(&reader, YAML_BYTES_MAX, keep_document, &root);

	if (r < 0)
		return r;
	if (root->kind == YAML_SCALAR && root->is_plain && root->text[0] == '\0')
		root->kind = YAML_MAP; /* comments only, or "---" alone */
	*ret = root;
	return 0;
}

int yaml_parse_stream(const char *bytes, size_t length, size_t cap, struct arena *arena,
	yaml_document_cb take, void *owner, struct yaml_place *ret_place, struct err *err)
{
	struct reader reader = { .bytes = bytes,
		.length = length,
		.arena = arena,
		.place = ret_place,
		.err = err,
		.caps = &stream_caps,
		.documents_max = YAML_DOCUMENTS_MAX };

	return parse(&reader, cap, take, owner);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i + 1 < map->count; i += 2) {
		if (str_equal(map->items[i]->text, key))
			return map->items[i + 1];
	}
	return NULL;
}
