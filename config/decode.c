/* The walk over a table of keys. */
#include "config/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- where we are ---- */

static void print_path(const struct config_path *path, struct strbuf *out)
{
	if (path == NULL)
		return;
	print_path(path->up, out);
	if (path->name == NULL)
		strbuf_printf(out, "[%zu]", path->index);
	else
		strbuf_printf(out, "%s%.60s%s", path->up == NULL ? "" : ".", path->name,
			strlen(path->name) > 60 ? "..." : "");
}

const char *config_path_text(struct config_errors *errors, const struct config_path *path)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(8192);

	if (errors->found >= CONFIG_ERRORS_MAX)
		return ""; /* nobody will see it */
	print_path(path, &text);
	return arena_strdup(&errors->arena, strbuf_text(&text));
}

struct config_place config_place(const struct config_decoder *decoder, struct yaml_place at)
{
	return (struct config_place){ decoder->file, at.line, at.column };
}

_printf_(4, 5) static void complain(const struct config_decoder *decoder,
	const struct yaml_node *node, const struct config_path *path, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config_complain(
		decoder->errors, node->at, config_path_text(decoder->errors, path), "", "%s", text);
}

/* Where a key of that very name stands below these: "limits.body", "repos[].branch"; or NULL. */
static const char *find_below(
	struct arena *arena, const struct config_key *keys, const char *prefix, const char *name)
{
	const char *found = NULL;

	for (; keys->name != NULL && found == NULL; keys++) {
		const char *path = arena_printf(arena, "%s%s", prefix, keys->name);

		if (prefix[0] != '\0' && str_equal(keys->name, name))
			found = path;
		else if (keys->type == CONFIG_MAP)
			found = find_below(
				arena, keys->keys, arena_printf(arena, "%s.", path), name);
		else if (keys->type == CONFIG_LIST && !keys->element->is_scalar_too)
			found = find_below(
				arena, keys->keys, arena_printf(arena, "%s[].", path), name);
	}
	return found;
}

static void complain_unknown(const struct config_decoder *decoder, const struct config_key *keys,
	const struct yaml_node *key, const struct config_path *path)
{
	struct config_errors *errors = decoder->errors;
	struct config_nearest nearest = config_nearest(key->text);

	if (errors->found >= CONFIG_ERRORS_MAX) {
		errors->found++;
		return;
	}
	for (const struct config_key *known = keys; known->name != NULL; known++)
		config_nearest_offer(&nearest, known->name);
	if (nearest.best == NULL)
		nearest.best = find_below(&errors->arena, keys, "", key->text);
	config_complain(errors, key->at, config_path_text(errors, path),
		config_did_you_mean(errors, nearest.best), "unknown key");
}

/* ---- lists and maps by name ---- */

static void take_items(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path,
	void (*take)(const struct config_decoder *, const struct config_key *,
		const struct yaml_node *, const struct config_path *, void *),
	void *into)
{
	if (value->kind == YAML_SCALAR && key->is_one_or_list) {
		take(decoder, key, value, path, into);
		return;
	}
	if (value->kind != YAML_LIST) {
		complain(decoder, value, path, "expected a list%s, like [a, b]",
			key->is_one_or_list ? " or one value" : "");
		return;
	}
	for (size_t i = 0; i < value->count; i++) {
		struct config_path item = { path, NULL, i };

		if (value->items[i]->kind == YAML_SCALAR)
			take(decoder, key, value->items[i], &item, into);
		else
			complain(decoder, value->items[i], &item, "expected one value");
	}
}

struct texts { /* where they go */
	const char ***list;
	size_t *count;
};

static void take_one_text(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *into)
{
	struct config_key as_text = *key;
	struct texts *texts = into;
	const char *text = NULL;

	as_text.type = key->words == NULL ? CONFIG_TEXT : CONFIG_WORD;
	config_take_scalar(decoder, &as_text, value, path, &text);
	if (text == NULL)
		return;
	*texts->list = arena_push(decoder->arena, *texts->list, *texts->count, sizeof(text));
	(*texts->list)[(*texts->count)++] = text;
}

static void take_one_bit(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *into)
{
	int word = config_take_word(decoder, key->words, value, path);

	if (word >= 0)
		*(unsigned *)into |= 1u << word;
}

static void take_bits(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, unsigned *into)
{
	*into = 0; /* a list that is given replaces the default, also when it is empty */
	take_items(decoder, key, value, path, take_one_bit, into);
}

static void take_texts(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, char *base)
{
	size_t count = key->count != 0 ? key->count
				       : key->offset + offsetof(struct name_list, count);
	struct texts texts = { (const char ***)(void *)(base + key->offset),
		(size_t *)(void *)(base + count) };

	*texts.list = NULL;
	*texts.count = 0;
	take_items(decoder, key, value, path, take_one_text, &texts);
}

static void take_element(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, char *element)
{
	const struct config_element *shape = key->element;

	if (shape->initial != NULL)
		memcpy(element, shape->initial, shape->size);
	if (shape->at != 0)
		*(struct config_place *)(void *)(element + shape->at) = config_place(
			decoder, value->at);
	if (shape->node != 0)
		*(const struct yaml_node **)(void *)(element + shape->node) = value;
	if (shape->is_scalar_too) {
		struct config_key forms = {
			.type = CONFIG_UNION, .keys = key->keys, .is_guard = true
		};

		config_take(decoder, &forms, value, path, element);
	} else if (key->type == CONFIG_LIST || config_is_given(decoder, key, value)) {
		config_decode(decoder, key->keys, value, path, element);
	}
}

/* Elements keep their place in the list also when something of them is wrong: paths count on it. */
static void take_list(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, char *base)
{
	const struct config_element *shape = key->element;
	size_t step = value->kind == YAML_MAP ? 2 : 1, count = value->count / step;
	char *elements = arena_alloc(decoder->arena, (count + 1) * shape->size);

	for (size_t i = 0; i < count; i++) {
		struct config_path item = { path, NULL, i };

		if (step == 2)
			item.name = value->items[2 * i]->text;
		take_element(decoder, key, value->items[step * i + step - 1], &item,
			elements + i * shape->size);
		if (step == 2)
			*(const char **)(void *)(elements + i * shape->size +
						 shape->name) = item.name;
	}
	*(void **)(void *)(base + key->offset) = elements;
	*(size_t *)(void *)(base + key->count) = count;
}

int64_t config_items_max(const struct config_key *key)
{
	bool is_list = key->type == CONFIG_TEXTS || key->type == CONFIG_BITS ||
		       key->type == CONFIG_LIST || key->type == CONFIG_NAMED;

	return !is_list ? 0 : key->most != 0 ? key->most : CONFIG_ITEMS_MAX;
}

/* What is done with the entries may take their number by itself. */
static bool is_too_long(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path)
{
	int64_t most = config_items_max(key);
	size_t count = value->kind == YAML_MAP ? value->count / 2 : value->count;

	if (most == 0 || (int64_t)count <= most)
		return false;
	complain(decoder, value, path, "expected at most %lld entries, not %zu", (long long)most,
		count);
	return true;
}

/* ---- one value ---- */

static bool takes_kind(const struct config_key *form, enum yaml_kind kind)
{
	switch (form->type) {
	case CONFIG_TEXTS:
	case CONFIG_BITS:
		return kind == YAML_LIST || (kind == YAML_SCALAR && form->is_one_or_list);
	case CONFIG_LIST:
		return kind == YAML_LIST;
	case CONFIG_MAP:
	case CONFIG_NAMED:
	case CONFIG_CHOICE:
		return kind == YAML_MAP;
	case CONFIG_UNION:
	case CONFIG_OWN:
		return true;
	case CONFIG_TEXT:
	case CONFIG_BOOL:
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_PATH:
	case CONFIG_WORD:
	case CONFIG_ENUM:
		return kind == YAML_SCALAR;
	}
	return false;
}

static const char *kind_name(enum yaml_kind kind)
{
	return kind == YAML_LIST ? "a list" : kind == YAML_MAP ? "a map" : "one value";
}

static void take_union(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base)
{
	_cleanup_strbuf_ struct strbuf forms = STRBUF(200);

	for (const struct config_key *form = key->keys; form->name != NULL; form++) {
		if (takes_kind(form, value->kind)) {
			config_take(decoder, form, value, path, base);
			return;
		}
		strbuf_printf(&forms, "%s%s", form == key->keys ? "" : " or ", form->name);
	}
	complain(decoder, value, path, "expected %s, not %s", strbuf_text(&forms),
		kind_name(value->kind));
}

static void take_choice(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base)
{
	_cleanup_strbuf_ struct strbuf names = STRBUF(400);

	if (value->count == 2) {
		config_decode(decoder, key->keys, value, path, base);
		return;
	}
	for (const struct config_key *one = key->keys; one->name != NULL; one++)
		strbuf_printf(&names, "%s%s", one == key->keys ? "" : ", ", one->name);
	complain(decoder, value->count == 0 ? value : value->items[2], path,
		"expected exactly one of %s", strbuf_text(&names));
}

static bool is_expected_kind(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path)
{
	if (key->type == CONFIG_TEXTS || key->type == CONFIG_BITS || takes_kind(key, value->kind))
		return true;
	if (key->type == CONFIG_LIST)
		complain(decoder, value, path, "expected a list");
	else if (key->type == CONFIG_NAMED)
		complain(decoder, value, path, "expected names with keys below each");
	else if (key->type == CONFIG_MAP || key->type == CONFIG_CHOICE)
		complain(decoder, value, path, "expected keys below it");
	else
		complain(
			decoder, value, path, "expected one value, not %s", kind_name(value->kind));
	return false;
}

static void set_mark(const struct config_key *key, void *base)
{
	if (key->mark != 0)
		*(unsigned *)(void *)((char *)base + key->mark_at) |= key->mark;
}

void config_take(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base)
{
	struct config_decoder lenient = *decoder;
	void *into = (char *)base + key->offset;
	bool is_given;

	lenient.is_lenient = decoder->is_lenient || key->is_lenient;
	decoder = &lenient;
	is_given = config_is_given(decoder, key, value);
	if (is_given || key->is_value_optional)
		set_mark(key, base);
	if (!is_given || !is_expected_kind(decoder, key, value, path) ||
		is_too_long(decoder, key, value, path))
		return;
	switch (key->type) {
	case CONFIG_MAP:
		config_decode(decoder, key->keys, value, path, base);
		return;
	case CONFIG_LIST:
	case CONFIG_NAMED:
		take_list(decoder, key, value, path, base);
		return;
	case CONFIG_CHOICE:
		take_choice(decoder, key, value, path, base);
		return;
	case CONFIG_UNION:
		take_union(decoder, key, value, path, base);
		return;
	case CONFIG_OWN:
		key->take(decoder, key, value, path, base);
		return;
	case CONFIG_TEXTS:
		take_texts(decoder, key, value, path, base);
		return;
	case CONFIG_BITS:
		take_bits(decoder, key, value, path, into);
		return;
	case CONFIG_TEXT:
	case CONFIG_BOOL:
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_PATH:
	case CONFIG_WORD:
	case CONFIG_ENUM:
		config_take_scalar(decoder, key, value, path, into);
		return;
	}
}

/* ---- the walk ---- */

static void ask_for_required(const struct config_decoder *decoder, const struct config_key *keys,
	const struct yaml_node *node, const struct config_path *path)
{
	for (; keys->name != NULL; keys++) {
		const struct yaml_node *value = keys->is_required ? yaml_get(node, keys->name)
								  : NULL;

		if (keys->is_required && (value == NULL || !config_is_given(decoder, keys, value)))
			complain(decoder, value == NULL ? node : value, path,
				"the key \"%s\" is missing", keys->name);
	}
}

void config_decode(const struct config_decoder *decoder, const struct config_key *keys,
	const struct yaml_node *node, const struct config_path *path, void *into)
{
	if (node->kind != YAML_MAP) {
		complain(decoder, node, path, "expected keys, like \"%s: ...\"", keys->name);
		return;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		const struct config_key *key = keys;
		struct config_path whole = { path, node->items[i]->text, 0 };

		while (key->name != NULL && !str_equal(key->name, whole.name))
			key++;
		if (key->name == NULL)
			complain_unknown(decoder, keys, node->items[i], &whole);
		else if (key->is_native && decoder->is_foreign)
			complain(decoder, node->items[i], &whole,
				"only sluice.yaml may say this; rename the file");
		else
			config_take(decoder, key, node->items[i + 1], &whole, into);
	}
	ask_for_required(decoder, keys, node, path);
}
