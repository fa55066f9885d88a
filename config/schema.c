/* Tables of keys as a reference page and as JSON Schema. */
#include "config/schema.h"

#include <jansson.h>
#include <string.h>

/* ---- the page ---- */

static void print_words(const char *const *words, const char *between, struct strbuf *out)
{
	for (const char *const *word = words; *word != NULL; word++)
		strbuf_printf(out, "%s`%s`", word == words ? "" : between, *word);
}

static void print_type(const struct config_key *key, struct strbuf *out)
{
	static const char *const types[] = { [CONFIG_TEXT] = "text",
		[CONFIG_BOOL] = "true or false",
		[CONFIG_INT] = "number",
		[CONFIG_DURATION] = "duration",
		[CONFIG_SIZE] = "size",
		[CONFIG_PATH] = "path",
		[CONFIG_WORD] = "",
		[CONFIG_ENUM] = "",
		[CONFIG_TEXTS] = "list of texts",
		[CONFIG_BITS] = "list of ",
		[CONFIG_MAP] = "keys",
		[CONFIG_LIST] = "list",
		[CONFIG_NAMED] = "names, each with keys",
		[CONFIG_CHOICE] = "exactly one key",
		[CONFIG_UNION] = "",
		[CONFIG_OWN] = "" };

	if (key->type == CONFIG_UNION) {
		for (const struct config_key *form = key->keys; form->name != NULL; form++)
			strbuf_printf(out, "%s%s", form == key->keys ? "" : " or ", form->name);
		return;
	}
	if (key->type == CONFIG_OWN)
		strbuf_puts(out, key->expected);
	if (key->type == CONFIG_TEXTS && key->words != NULL)
		strbuf_puts(out, "list of ");
	else
		strbuf_puts(out, types[key->type]);
	if (key->words != NULL)
		print_words(key->words, key->type <= CONFIG_ENUM ? " or " : ", ", out);
	if (key->is_one_or_list)
		strbuf_puts(out, ", or one of them");
}

static void print_row(const struct config_key *key, const char *path, struct strbuf *out)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *fallback = str_empty(key->fallback) ? "" : key->fallback;

	strbuf_printf(out, "| `%s` | ", path);
	print_type(key, out);
	if (key->most != 0 && config_items_max(key) == 0)
		strbuf_printf(out, ", %s to %s", config_number_text(&arena, key->type, key->least),
			config_number_text(&arena, key->type, key->most));
	strbuf_printf(out, " | %s%s%s | %s%s |\n", fallback[0] == '\0' ? "" : "`", fallback,
		fallback[0] == '\0' ? "" : "`", key->help, key->is_required ? "; required" : "");
}

static void print_below(const struct config_key *key, const char *path, struct strbuf *out)
{
	_cleanup_(arena_release) struct arena arena = { 0 };

	if (key->is_shown_elsewhere)
		return;
	if (key->type == CONFIG_LIST)
		path = arena_printf(&arena, "%s[]", path);
	else if (key->type == CONFIG_NAMED)
		path = arena_printf(&arena, "%s.NAME", path);
	if (key->type == CONFIG_UNION || (key->element != NULL && key->element->is_scalar_too)) {
		for (const struct config_key *form = key->keys; form->name != NULL; form++)
			print_below(form, path, out);
	} else if (key->keys != NULL) {
		config_reference(key->keys, arena_printf(&arena, "%s.", path), out);
	}
}

void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out)
{
	for (; keys->name != NULL; keys++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		const char *path = arena_printf(&arena, "%s%s", prefix, keys->name);

		if (keys->help != NULL)
			print_row(keys, path, out);
		print_below(keys, path, out);
	}
}

/* ---- the schema ---- */

/* Forms of a list's elements stand once in `definitions`, however often the list does. */
struct schema {
	json_t *definitions;
	const struct config_key *defined[8];
	const char *names[8];
	size_t count;
};

static json_t *type_of(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *types_of(const char *a, const char *b, const char *c)
{
	return c == NULL ? json_pack("{s:[s, s]}", "type", a, b)
			 : json_pack("{s:[s, s, s]}", "type", a, b, c);
}

static json_t *enumeration(const char *const *words)
{
	json_t *list = json_array();

	for (; *words != NULL; words++)
		(void)json_array_append_new(list, json_string(*words));
	return json_pack("{s:o}", "enum", list);
}

static json_t *any_of(json_t *one, json_t *other)
{
	return json_pack("{s:[o, o]}", "anyOf", one, other);
}

/* The same value, or none at all. */
static json_t *or_null(json_t *value)
{
	json_t *type = json_object_get(value, "type"), *words = json_object_get(value, "enum");

	if (words != NULL) {
		(void)json_array_append_new(words, json_null());
	} else if (json_is_string(type)) {
		(void)json_object_set_new(
			value, "type", json_pack("[s, s]", json_string_value(type), "null"));
	} else if (json_is_array(type)) {
		(void)json_array_append_new(type, json_string("null"));
	} else {
		return any_of(value, type_of("null"));
	}
	return value;
}

static json_t *list_of(const struct config_key *key)
{
	/* an unquoted 1.5 or true is text too where text is wanted */
	json_t *item = key->words != NULL ? enumeration(key->words)
					  : types_of("string", "number", "boolean");
	json_t *list = json_pack("{s:s, s:O, s:I}", "type", "array", "items", item, "maxItems",
		(json_int_t)config_items_max(key));

	if (key->is_one_or_list)
		return any_of(item, list);
	json_decref(item);
	return list;
}

static json_t *object_of(struct schema *schema, const struct config_key *keys, bool is_lenient);
static json_t *value_of(struct schema *schema, const struct config_key *key, bool is_lenient);

static json_t *union_of(struct schema *schema, const struct config_key *forms, bool is_lenient)
{
	json_t *list = json_array();

	for (; forms->name != NULL; forms++)
		(void)json_array_append_new(list, value_of(schema, forms, is_lenient));
	return json_pack("{s:o}", "anyOf", list);
}

static json_t *reference_to(struct schema *schema, const struct config_key *key, bool is_lenient)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	size_t i = 0;

	while (i < schema->count && schema->defined[i] != key->keys)
		i++;
	if (i == schema->count) {
		if (schema->count == countof(schema->defined))
			abort(); /* room for one more is one number */
		schema->defined[schema->count] = key->keys;
		schema->names[schema->count++] = key->name;
		(void)json_object_set_new(
			schema->definitions, key->name, union_of(schema, key->keys, is_lenient));
	}
	return json_pack(
		"{s:s}", "$ref", arena_printf(&arena, "#/definitions/%s", schema->names[i]));
}

static json_t *element_of(struct schema *schema, const struct config_key *key, bool is_lenient)
{
	return key->element->is_scalar_too ? reference_to(schema, key, is_lenient)
					   : object_of(schema, key->keys, is_lenient);
}

static json_t *choice_of(struct schema *schema, const struct config_key *keys, bool is_lenient)
{
	json_t *object = object_of(schema, keys, is_lenient);

	(void)json_object_set_new(object, "minProperties", json_integer(1));
	(void)json_object_set_new(object, "maxProperties", json_integer(1));
	return object;
}

static json_t *bare_value_of(struct schema *schema, const struct config_key *key, bool is_lenient)
{
	switch (key->type) {
	case CONFIG_TEXT:
		return types_of("string", "number", "boolean");
	case CONFIG_PATH:
		return json_pack("{s:s, s:s}", "type", "string", "pattern", "^/");
	case CONFIG_BOOL:
		return type_of("boolean");
	case CONFIG_INT:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
			(json_int_t)key->least, "maximum", (json_int_t)key->most);
	case CONFIG_DURATION:
		return json_pack(
			"{s:s, s:s}", "type", "string", "pattern", "^([0-9]+(ms|s|m|h|d))+$");
	case CONFIG_SIZE:
		return types_of("string", "integer", NULL);
	case CONFIG_WORD:
	case CONFIG_ENUM:
		return enumeration(key->words);
	case CONFIG_TEXTS:
	case CONFIG_BITS:
		return list_of(key);
	case CONFIG_MAP:
		return object_of(schema, key->keys, is_lenient);
	case CONFIG_LIST:
		return json_pack("{s:s, s:o, s:I}", "type", "array", "items",
			element_of(schema, key, is_lenient), "maxItems",
			(json_int_t)config_items_max(key));
	case CONFIG_NAMED:
		return json_pack("{s:s, s:o, s:I}", "type", "object", "additionalProperties",
			is_lenient && !key->is_guard ? or_null(element_of(schema, key, is_lenient))
						     : element_of(schema, key, is_lenient),
			"maxProperties", (json_int_t)config_items_max(key));
	case CONFIG_CHOICE:
		return choice_of(schema, key->keys, is_lenient);
	case CONFIG_UNION:
		return union_of(schema, key->keys, is_lenient);
	case CONFIG_OWN:
		return json_loads(key->schema, JSON_DECODE_ANY, NULL);
	}
	return NULL;
}

static json_t *value_of(struct schema *schema, const struct config_key *key, bool is_lenient)
{
	json_t *value;

	is_lenient = is_lenient || key->is_lenient;
	value = bare_value_of(schema, key, is_lenient);
	if (value == NULL)
		abort(); /* a `schema` of a table that is no JSON */
	if (!json_is_object(value))
		return value; /* "false": never */
	if ((is_lenient && !key->is_guard && !key->is_required) || key->is_value_optional)
		value = or_null(value);
	if (key->help != NULL)
		(void)json_object_set_new(value, "description", json_string(key->help));
	return value;
}

static json_t *object_of(struct schema *schema, const struct config_key *keys, bool is_lenient)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *object = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		"properties", properties);

	for (; keys->name != NULL; keys++) {
		(void)json_object_set_new(
			properties, keys->name, value_of(schema, keys, is_lenient));
		if (keys->is_required)
			(void)json_array_append_new(required, json_string(keys->name));
	}
	if (json_array_size(required) > 0)
		(void)json_object_set(object, "required", required);
	json_decref(required);
	return object;
}

char *config_schema_text(const struct config_key *keys, bool is_lenient, const char *title)
{
	struct schema schema = { .definitions = json_object() };
	json_t *document = json_pack(
		"{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", title);
	json_t *body = object_of(&schema, keys, is_lenient);
	char *text, *whole;

	(void)json_object_update(document, body);
	json_decref(body);
	(void)json_object_set_new(document, "definitions", schema.definitions);
	text = json_dumps(document, JSON_INDENT(1));
	json_decref(document);
	if (text == NULL)
		abort();
	whole = mem_printf("%s\n", text);
	free(text);
	return whole;
}
