/* The walk over two values. Both sides of a map are sorted and walked as one, so that a map of a
 * hundred thousand keys costs no more than its size. */
#include "orchestrator/model/manifest_fields.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 300, TEXT_ROOM = 2048 };

/* ---- scalars ---- */

enum scalar { SCALAR_NULL, SCALAR_BOOL, SCALAR_NUMBER, SCALAR_TEXT };

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(text, words[i]))
			return true;
	return false;
}

static bool looks_like_number(const char *text)
{
	char *end;

	if (text[strspn(text, "+-")] == '\0' || strpbrk(text, "xXpPnN") != NULL)
		return false;
	(void)strtod(text, &end);
	return *end == '\0' && strpbrk(text, "0123456789") != NULL;
}

static enum scalar plain_kind(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const bools[] = { "true", "false", "True", "False", "TRUE", "FALSE" };

	return is_one_of(text, nulls, countof(nulls))	? SCALAR_NULL
	       : is_one_of(text, bools, countof(bools)) ? SCALAR_BOOL
	       : looks_like_number(text)		? SCALAR_NUMBER
							: SCALAR_TEXT;
}

static enum scalar scalar_kind(const struct yaml_node *node)
{
	return node->is_plain ? plain_kind(node->text) : SCALAR_TEXT;
}

bool field_is_null(const struct yaml_node *node)
{
	return node == NULL || (node->kind == YAML_SCALAR && scalar_kind(node) == SCALAR_NULL);
}

static bool is_same_scalar(const struct yaml_node *a, const struct yaml_node *b)
{
	enum scalar kind = scalar_kind(a);

	if (kind != scalar_kind(b))
		return false;
	if (strcmp(a->text, b->text) == 0 || kind == SCALAR_NULL)
		return true;
	if (kind == SCALAR_BOOL)
		return (a->text[0] | 0x20) == (b->text[0] | 0x20);
	/* 010 is eight to some readers and ten to others: written otherwise, it is another */
	return kind == SCALAR_NUMBER && a->text[0] != '0' && b->text[0] != '0' &&
	       strtod(a->text, NULL) == strtod(b->text, NULL);
}

/* As they are written, which most of what did not change is. */
static bool is_identical(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == YAML_SCALAR)
		return is_same_scalar(a, b);
	for (size_t i = 0; i < a->count; i++)
		if (!is_identical(a->items[i], b->items[i]))
			return false;
	return true;
}

/* ---- the walk ---- */

static void compare(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after);

static void compare_below(struct field_walk *walk, const char *text, bool is_item,
	const struct yaml_node *before, const struct yaml_node *after)
{
	if (walk->depth == FIELD_DEPTH_MAX) {
		walk->found(walk, before, after);
		return;
	}
	walk->steps[walk->depth++] = (struct field_step){ text, is_item };
	compare(walk, before, after);
	walk->depth--;
}

struct pair { /* of a map, or an item with its name */
	const char *key;
	const struct yaml_node *value;
	size_t number;
};

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

static struct pair *pairs_of_map(
	struct field_walk *walk, const struct yaml_node *map, size_t *ret_count)
{
	struct pair *pairs = arena_alloc(walk->arena, (map->count / 2 + 1) * sizeof(*pairs));

	for (size_t i = 0; i + 1 < map->count; i += 2)
		pairs[i / 2] = (struct pair){ map->items[i]->text, map->items[i + 1], i };
	*ret_count = map->count / 2;
	if (*ret_count > 1)
		qsort(pairs, *ret_count, sizeof(*pairs), by_key);
	return pairs;
}

static void compare_pairs(struct field_walk *walk, bool are_items, const struct pair *before,
	size_t before_count, const struct pair *after, size_t after_count)
{
	size_t i = 0, k = 0;

	while (i < before_count || k < after_count) {
		int order = i == before_count  ? 1
			    : k == after_count ? -1
					       : strcmp(before[i].key, after[k].key);
		const struct pair *one = order <= 0 ? &before[i++] : NULL,
				  *other = order >= 0 ? &after[k++] : NULL;

		compare_below(walk, one != NULL ? one->key : other->key, are_items,
			one == NULL ? NULL : one->value, other == NULL ? NULL : other->value);
	}
}

static void compare_maps(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	size_t before_count, after_count;
	const struct pair *a = pairs_of_map(walk, before, &before_count),
			  *b = pairs_of_map(walk, after, &after_count);

	compare_pairs(walk, false, a, before_count, b, after_count);
}

/* ---- lists ---- */

/* What names an item, by the field that holds the list; the first row whose keys all items have,
 * and that names each of them once. `second` has a value of its own where it is not written. */
static const struct list_key {
	const char *field, *first, *second, *unwritten;
	bool in_order; /* what comes first is done first */
} list_keys[] = {
	{ "initContainers", "name", NULL, NULL, true },
	{ "volumeMounts", "mountPath", NULL, NULL, false },
	{ "volumeDevices", "devicePath", NULL, NULL, false },
	{ "ports", "containerPort", "protocol", "TCP", false },
	{ "ports", "port", "protocol", "TCP", false }, { "hostAliases", "ip", NULL, NULL, false },
	{ "topologySpreadConstraints", "topologyKey", "whenUnsatisfiable", "", false },
	{ "conditions", "type", NULL, NULL, false },
	{ "ownerReferences", "uid", NULL, NULL, false }, { "subjects", "kind", "name", "", false },
	{ "paths", "path", "pathType", "", false }, { "rules", "host", NULL, NULL, false },
	{ "tls", "secretName", NULL, NULL, false },
	{ "matchExpressions", "key", NULL, NULL, false },
	{ NULL, "name", NULL, NULL, false }, /* containers, env, volumes, and whatever has one */
	{ NULL, "metadata", "name", NULL, false }, /* volumeClaimTemplates */
};

static const char *scalar_below(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = map == NULL || map->kind != YAML_MAP ? NULL
									    : yaml_get(map, key);

	return node != NULL && node->kind == YAML_SCALAR ? node->text : NULL;
}

/* NULL: it has no such name. */
static const char *name_of(
	struct field_walk *walk, const struct yaml_node *item, const struct list_key *key)
{
	const char *first, *second;

	if (str_equal(key->first, "metadata"))
		return item->kind == YAML_MAP ? scalar_below(yaml_get(item, "metadata"), "name")
					      : NULL;
	first = scalar_below(item, key->first);
	if (first == NULL || key->second == NULL)
		return first;
	second = scalar_below(item, key->second);
	if (second == NULL || str_equal(second, key->unwritten))
		return first;
	return arena_printf(walk->arena, "%.*s/%.*s", KEY_MAX, first, KEY_MAX, second);
}

static struct pair *pairs_of_list(
	struct field_walk *walk, const struct yaml_node *list, const struct list_key *key)
{
	struct pair *pairs = arena_alloc(walk->arena, (list->count + 1) * sizeof(*pairs));

	for (size_t i = 0; i < list->count; i++) {
		pairs[i] = (struct pair){ name_of(walk, list->items[i], key), list->items[i], i };
		if (pairs[i].key == NULL)
			return NULL;
	}
	if (list->count > 1)
		qsort(pairs, list->count, sizeof(*pairs), by_key);
	for (size_t i = 1; i < list->count; i++)
		if (strcmp(pairs[i - 1].key, pairs[i].key) == 0)
			return NULL;
	return pairs;
}

/* Do those that both sides have come in the same order? */
static bool is_same_order(struct field_walk *walk, const struct yaml_node *before,
	const struct yaml_node *after, const struct list_key *key)
{
	size_t k = 0;

	for (size_t i = 0; i < before->count; i++) {
		const char *name = name_of(walk, before->items[i], key);

		for (size_t n = 0; n < after->count; n++) {
			if (strcmp(name, name_of(walk, after->items[n], key)) != 0)
				continue;
			if (n < k)
				return false;
			k = n;
		}
	}
	return true;
}

static bool compare_named(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	const char *field = walk->depth > 0 ? walk->steps[walk->depth - 1].text : "";

	for (size_t i = 0; i < countof(list_keys); i++) {
		const struct list_key *key = &list_keys[i];
		const struct pair *a, *b;

		if (key->field != NULL && !str_equal(key->field, field))
			continue;
		a = pairs_of_list(walk, before, key);
		b = a == NULL ? NULL : pairs_of_list(walk, after, key);
		if (b == NULL)
			continue;
		if (key->in_order && before->count + after->count < 200 &&
			!is_same_order(walk, before, after, key))
			walk->found(walk, before, after);
		compare_pairs(walk, true, a, before->count, b, after->count);
		return true;
	}
	return false;
}

static bool holds_scalars(const struct yaml_node *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->kind != YAML_SCALAR)
			return false;
	return true;
}

static void compare_at(struct field_walk *walk, size_t number, const struct yaml_node *before,
	const struct yaml_node *after)
{
	compare_below(walk, arena_printf(walk->arena, "%zu", number), true, before, after);
}

/* Without names the place is what is left: what is the same at both ends is passed over, and as
 * many on each side are held against each other. */
static void compare_places(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	size_t begin = 0, a = before->count, b = after->count;

	while (begin < a && begin < b && is_identical(before->items[begin], after->items[begin]))
		begin++;
	while (a > begin && b > begin && is_identical(before->items[a - 1], after->items[b - 1])) {
		a--;
		b--;
	}
	for (size_t i = begin; i < a || i < b; i++)
		compare_at(
			walk, i, i < a ? before->items[i] : NULL, i < b ? after->items[i] : NULL);
}

static void compare_lists(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	if (holds_scalars(before) && holds_scalars(after))
		walk->found(walk, before, after); /* arguments, say: read as one */
	else if (!compare_named(walk, before, after))
		compare_places(walk, before, after);
}

/* ---- any two ---- */

/* Of a map of texts each is a difference of its own; anything else is shown as one. */
static bool is_flat(const struct field_walk *walk, const struct yaml_node *node)
{
	if (walk->depth > 0 && walk->steps[walk->depth - 1].is_item)
		return false;
	return node != NULL && node->kind == YAML_MAP && node->count > 0 && holds_scalars(node);
}

static void compare_one_side(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	static const struct yaml_node nothing = { .kind = YAML_MAP };

	if (is_flat(walk, before))
		compare_maps(walk, before, &nothing);
	else if (is_flat(walk, after))
		compare_maps(walk, &nothing, after);
	else
		walk->found(walk, before, after);
}

static void compare(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	if (field_is_null(before) && field_is_null(after))
		return;
	if (field_is_null(before) || field_is_null(after)) {
		compare_one_side(walk, field_is_null(before) ? NULL : before,
			field_is_null(after) ? NULL : after);
		return;
	}
	if (is_identical(before, after))
		return;
	if (before->kind == YAML_MAP && after->kind == YAML_MAP)
		compare_maps(walk, before, after);
	else if (before->kind == YAML_LIST && after->kind == YAML_LIST)
		compare_lists(walk, before, after);
	else if (before->kind != YAML_SCALAR || after->kind != YAML_SCALAR ||
		 walk->is_renamed == NULL || !walk->is_renamed(walk, before->text, after->text))
		walk->found(walk, before, after);
}

void field_compare(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	walk->depth = 0;
	compare(walk, before, after);
}

/* ---- for people ---- */

static void put_line(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			strbuf_puts(out, "\\n");
		else
			strbuf_putc(
				out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
	}
}

const char *field_path(const struct field_walk *walk)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(FIELD_PATH_MAX);

	for (size_t i = 0; i < walk->depth; i++) {
		const struct field_step *step = &walk->steps[i];
		bool is_word = strpbrk(step->text, "./[] \"\n") == NULL && step->text[0] != '\0';

		if (step->is_item || !is_word)
			strbuf_puts(&out, step->is_item ? "[" : "[\"");
		else if (i > 0)
			strbuf_putc(&out, '.');
		put_line(&out, step->text);
		if (step->is_item || !is_word)
			strbuf_puts(&out, step->is_item ? "]" : "\"]");
	}
	return arena_strndup(
		walk->arena, strbuf_text(&out), codec_utf8_prefix(strbuf_text(&out), out.length));
}

static void put_scalar(struct strbuf *out, const struct yaml_node *node)
{
	bool is_doubtful = !node->is_plain && plain_kind(node->text) != SCALAR_TEXT;

	if (is_doubtful)
		strbuf_putc(out, '"');
	put_line(out, node->text);
	if (is_doubtful)
		strbuf_putc(out, '"');
}

static void put_node(
	struct strbuf *out, const struct yaml_node *node, bool (*is_secret)(const char *name));

static void put_map(
	struct strbuf *out, const struct yaml_node *map, bool (*is_secret)(const char *name))
{
	const char *name = scalar_below(map, "name");
	bool hides = name != NULL && is_secret != NULL && is_secret(name);

	strbuf_putc(out, '{');
	for (size_t i = 0; i + 1 < map->count && !out->overflowed; i += 2) {
		const char *key = map->items[i]->text;

		strbuf_puts(out, i == 0 ? "" : ", ");
		put_line(out, key);
		strbuf_puts(out, ": ");
		if ((hides && str_equal(key, "value")) ||
			(is_secret != NULL && map->items[i + 1]->kind == YAML_SCALAR &&
				is_secret(key)))
			strbuf_puts(out, "(hidden)");
		else
			put_node(out, map->items[i + 1], is_secret);
	}
	strbuf_putc(out, '}');
}

static void put_node(
	struct strbuf *out, const struct yaml_node *node, bool (*is_secret)(const char *name))
{
	if (node->kind == YAML_SCALAR) {
		put_scalar(out, node);
	} else if (node->kind == YAML_MAP) {
		put_map(out, node, is_secret);
	} else {
		strbuf_putc(out, '[');
		for (size_t i = 0; i < node->count && !out->overflowed; i++) {
			strbuf_puts(out, i == 0 ? "" : ", ");
			put_node(out, node->items[i], is_secret);
		}
		strbuf_putc(out, ']');
	}
}

const char *field_text(const struct yaml_node *node, size_t most,
	bool (*is_secret)(const char *name), struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_ROOM);
	const char *text;
	size_t length;

	put_node(&out, node, is_secret);
	text = strbuf_text(&out);
	if (!out.overflowed && out.length <= most)
		return arena_strdup(arena, text);
	length = codec_utf8_prefix(text, most > 3 ? most - 3 : 0);
	return arena_printf(arena, "%.*s...", (int)length, text);
}
