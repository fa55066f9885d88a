/* Block style, two blanks a level. */
#include "config/yaml_write.h"

#include <string.h>
#include <strings.h>

/* ---- making ---- */

static struct yaml_node *new_node(struct arena *arena, enum yaml_kind kind)
{
	struct yaml_node *node = arena_alloc(arena, sizeof(*node));

	node->kind = kind;
	return node;
}

struct yaml_node *yaml_new_map(struct arena *arena)
{
	return new_node(arena, YAML_MAP);
}

struct yaml_node *yaml_new_list(struct arena *arena)
{
	return new_node(arena, YAML_LIST);
}

static bool is_word(const char *text)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y",
		"n", "~", "" };

	for (size_t i = 0; i < countof(words); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

/* Text that nobody takes for anything else: no number, none of the many words for true, no list, no
 * comment. Only in block style, which is all that is written here. */
static bool may_be_plain(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/";
	size_t length = strlen(text);

	if (length == 0 || strchr(letters, text[0]) == NULL || text[length - 1] == ' ' ||
		is_word(text))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~' ||
			(text[i] == ':' && (text[i + 1] == ' ' || text[i + 1] == '\0')) ||
			(text[i] == '#' && text[i - 1] == ' '))
			return false;
	}
	return true;
}

/* What means something without quotes that it does not mean with them. */
static bool must_be_plain(const char *text)
{
	return is_word(text) || (text[strspn(text, "0123456789abcdefABCDEFxXoO_.:+-TZ")] == '\0' &&
					strpbrk(text, "0123456789") != NULL &&
					strchr("0123456789+-.", text[0]) != NULL);
}

struct yaml_node *yaml_new_text(struct arena *arena, const char *text)
{
	struct yaml_node *node = new_node(arena, YAML_SCALAR);

	node->text = arena_strdup(arena, text);
	node->is_plain = may_be_plain(text);
	return node;
}

struct yaml_node *yaml_new_plain(struct arena *arena, const char *text)
{
	struct yaml_node *node = yaml_new_text(arena, text);

	node->is_plain = true;
	return node;
}

void yaml_add(struct arena *arena, struct yaml_node *list, struct yaml_node *item)
{
	list->items = arena_push(arena, list->items, list->count, sizeof(struct yaml_node *));
	list->items[list->count++] = item;
}

void yaml_set_key(
	struct arena *arena, struct yaml_node *map, const char *key, struct yaml_node *value)
{
	yaml_add(arena, map, yaml_new_text(arena, key));
	yaml_add(arena, map, value);
}

void yaml_set(struct arena *arena, struct yaml_node *map, const char *path, struct yaml_node *value)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL) {
		const char *key = arena_strndup(arena, path, (size_t)(dot - path));
		struct yaml_node *below = (struct yaml_node *)(uintptr_t)yaml_get(map, key);

		if (below == NULL) {
			below = yaml_new_map(arena);
			yaml_set_key(arena, map, key, below);
		}
		map = below;
		path = dot + 1;
	}
	yaml_set_key(arena, map, path, value);
}

/* ---- writing ---- */

static void indent(int depth, struct strbuf *out)
{
	for (int i = 0; i < depth; i++)
		strbuf_puts(out, "  ");
}

/* The code point at `text`, valid UTF-8 that is not ASCII; *ret_length bytes long. */
static unsigned code_point(const char *text, size_t *ret_length)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	unsigned point = first & (0x7fu >> length);

	for (size_t i = 1; i < length && text[i] != '\0'; i++)
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	*ret_length = strnlen(text, length);
	return point;
}

/* What a reader would refuse, or take for the end of a line. */
static bool must_be_escaped(unsigned point)
{
	return point < 0xa0 || point == 0x2028 || point == 0x2029 || point == 0xfeff ||
	       point > 0xfffd || (point >= 0xd800 && point < 0xe000);
}

/* Double quotes can say everything. */
static void write_quoted(const char *text, struct strbuf *out)
{
	strbuf_putc(out, '"');
	while (*text != '\0') {
		size_t length = 1;
		unsigned char c = (unsigned char)*text;
		unsigned point = c < 0x80 ? c : code_point(text, &length);

		if (c == '"' || c == '\\')
			strbuf_printf(out, "\\%c", c);
		else if (c == '\n')
			strbuf_puts(out, "\\n");
		else if (c == '\t')
			strbuf_puts(out, "\\t");
		else if (c < ' ' || c == 0x7f || (c >= 0x80 && must_be_escaped(point)))
			strbuf_printf(out, "\\U%08x", point);
		else
			strbuf_append(out, text, length);
		text += length;
	}
	strbuf_putc(out, '"');
}

/* A script reads better as it was written. */
static bool may_be_literal(const char *text)
{
	size_t length = strlen(text);

	if (length < 2 || strchr(text, '\n') == NULL || text[0] == ' ' || text[0] == '\n' ||
		(text[length - 1] == '\n' && text[length - 2] == '\n'))
		return false;
	for (const char *at = text; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;

		if ((c < ' ' && c != '\n') || c >= 0x7f)
			return false;
	}
	return true;
}

static void write_literal(const char *text, int depth, struct strbuf *out)
{
	strbuf_puts(out, str_ends(text, "\n") ? "|" : "|-");
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		strbuf_putc(out, '\n');
		if (length > 0)
			indent(depth, out);
		strbuf_append(out, text, length);
		text += length;
		text += *text == '\n';
	}
}

/* A plain text of flow style, "-" or one over several lines, may be none here: text it stays. */
static bool is_written_plain(const struct yaml_node *node)
{
	return node->is_plain && (may_be_plain(node->text) || must_be_plain(node->text));
}

static void write_scalar(const struct yaml_node *node, int depth, struct strbuf *out)
{
	if (is_written_plain(node))
		strbuf_puts(out, node->text);
	else if (may_be_literal(node->text))
		write_literal(node->text, depth, out);
	else
		write_quoted(node->text, out);
}

static void write_key(const struct yaml_node *key, struct strbuf *out)
{
	if (is_written_plain(key) && !str_empty(key->text))
		strbuf_puts(out, key->text);
	else
		write_quoted(key->text, out);
	strbuf_putc(out, ':');
}

/* What follows "key:" or "-", with its line end. */
static void write_value(const struct yaml_node *node, int depth, bool is_item, struct strbuf *out);

static void write_block(const struct yaml_node *node, int depth, bool is_begun, struct strbuf *out)
{
	size_t step = node->kind == YAML_MAP ? 2 : 1;

	for (size_t i = 0; i < node->count; i += step) {
		if (i > 0 || !is_begun)
			indent(depth, out);
		if (step == 2)
			write_key(node->items[i], out);
		else
			strbuf_putc(out, '-');
		write_value(node->items[i + step - 1], depth, step == 1, out);
	}
}

static void write_value(const struct yaml_node *node, int depth, bool is_item, struct strbuf *out)
{
	if (node->kind == YAML_SCALAR) {
		if (node->text[0] != '\0' || !node->is_plain)
			strbuf_putc(out, ' ');
		write_scalar(node, depth + 1, out);
		strbuf_putc(out, '\n');
	} else if (node->count == 0) {
		strbuf_puts(out, node->kind == YAML_MAP ? " {}\n" : " []\n");
	} else if (is_item) {
		strbuf_putc(out, ' ');
		write_block(node, depth + 1, true, out);
	} else {
		strbuf_putc(out, '\n');
		write_block(node, depth + 1, false, out);
	}
}

void yaml_write(const struct yaml_node *node, struct strbuf *out)
{
	if (node->kind == YAML_SCALAR || node->count == 0)
		write_value(node, 0, false, out);
	else
		write_block(node, 0, false, out);
}
