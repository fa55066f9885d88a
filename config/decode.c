/* The walk over a table of keys. */
#include "config/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- what is wrong ---- */

void config_complain(struct config_errors *errors, struct yaml_place at, const char *path,
	const char *hint, const char *format, ...)
{
	char text[400];
	va_list args;

	if (++errors->found > CONFIG_ERRORS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	errors->list = arena_push(
		&errors->arena, errors->list, errors->count, sizeof(*errors->list));
	errors->list[errors->count++] = (struct config_error){ .at = at,
		.path = arena_strdup(&errors->arena, path),
		.message = arena_strdup(&errors->arena, text),
		.hint = arena_strdup(&errors->arena, hint) };
}

void config_errors_release(struct config_errors *errors)
{
	arena_release(&errors->arena);
	*errors = (struct config_errors){ 0 };
}

void config_errors_text(const struct config_errors *errors, const char *file, struct strbuf *out)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		strbuf_printf(out, "%s%s", i == 0 ? "" : "\n", file);
		if (error->at.line > 0)
			strbuf_printf(out, ":%d:%d", error->at.line, error->at.column);
		strbuf_printf(out, ": %s%s%s%s%s", error->path, error->path[0] == '\0' ? "" : ": ",
			error->message, error->hint[0] == '\0' ? "" : "; ", error->hint);
	}
	if (errors->found > errors->count)
		strbuf_printf(out, "\n%s: and %zu more", file, errors->found - errors->count);
}

static size_t distance(const char *a, const char *b)
{
	size_t row[40], n = strlen(b);

	if (n >= countof(row) || strlen(a) >= countof(row))
		return 99;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t old = row[k], cost = corner + (a[i - 1] == b[k - 1] ? 0 : 1);

			if (old + 1 < cost)
				cost = old + 1;
			if (row[k - 1] + 1 < cost)
				cost = row[k - 1] + 1;
			row[k] = cost;
			corner = old;
		}
	}
	return row[n];
}

/* Where a key of that very name stands below these: "limits.body"; or NULL. */
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
	}
	return found;
}

static void complain_unknown(struct config_errors *errors, const struct config_key *keys,
	const struct yaml_node *key, const char *path)
{
	const char *best = NULL;
	size_t best_distance = strlen(key->text) < 6 ? strlen(key->text) / 2 + 1 : 4;

	if (errors->found >= CONFIG_ERRORS_MAX) {
		errors->found++;
		return;
	}
	for (const struct config_key *known = keys; known->name != NULL; known++) {
		size_t far = distance(key->text, known->name);

		if (far < best_distance) {
			best_distance = far;
			best = known->name;
		}
	}
	if (best == NULL)
		best = find_below(&errors->arena, keys, "", key->text);
	config_complain(errors, key->at, path,
		best == NULL ? "" : arena_printf(&errors->arena, "did you mean \"%s\"?", best),
		"unknown key");
}

/* ---- values ---- */

/* "90s", "1h30m", "250ms"; false when it is none. */
static bool read_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	int64_t total = 0;

	if (text[0] == '\0')
		return false;
	while (*text != '\0') {
		char *end;
		size_t length, i;
		long long value;

		errno = 0;
		value = strtoll(text, &end, 10);
		length = strspn(end, "dhms");
		if (end == text || value < 0 || value > 1000000 || errno != 0)
			return false;
		for (i = 0; i < countof(units); i++) {
			if (strlen(units[i].unit) <= length &&
				strncmp(end, units[i].unit, strlen(units[i].unit)) == 0 &&
				(end[strlen(units[i].unit)] == '\0' ||
					(end[strlen(units[i].unit)] >= '0' &&
						end[strlen(units[i].unit)] <= '9')))
				break;
		}
		if (i == countof(units))
			return false;
		total += value * units[i].ms;
		text = end + strlen(units[i].unit);
	}
	*ret_ms = total;
	return true;
}

static bool read_size(const char *text, int64_t *ret_bytes)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = { { "", 1 }, { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 },
		{ "GiB", 1 << 30 } };
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || value < 0 || value > 1000000000 || errno != 0)
		return false;
	for (size_t i = 0; i < countof(units); i++) {
		if (str_equal(end, units[i].unit)) {
			*ret_bytes = value * units[i].bytes;
			return true;
		}
	}
	return false;
}

static bool read_int(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return end != text && *end == '\0' && errno == 0;
}

/* As a person would write it. */
static const char *number_text(struct arena *arena, enum config_type type, int64_t number)
{
	static const struct {
		enum config_type type;
		int64_t worth;
		const char *unit;
	} units[] = { { CONFIG_DURATION, 86400000, "d" }, { CONFIG_DURATION, 3600000, "h" },
		{ CONFIG_DURATION, 60000, "m" }, { CONFIG_DURATION, 1000, "s" },
		{ CONFIG_DURATION, 1, "ms" }, { CONFIG_SIZE, 1 << 30, "GiB" },
		{ CONFIG_SIZE, 1 << 20, "MiB" }, { CONFIG_SIZE, 1 << 10, "KiB" },
		{ CONFIG_SIZE, 1, "B" } };

	for (size_t i = 0; i < countof(units) && number > 0; i++) {
		if (units[i].type == type && number % units[i].worth == 0)
			return arena_printf(arena, "%lld%s", (long long)(number / units[i].worth),
				units[i].unit);
	}
	return arena_printf(arena, "%lld", (long long)number);
}

static void take_number(const struct config_key *key, const struct yaml_node *value,
	const char *path, void *into, struct config_errors *errors)
{
	static const char *const expected[] = { [CONFIG_INT] = "a whole number",
		[CONFIG_DURATION] = "a duration like 90s, 10m or 1h30m",
		[CONFIG_SIZE] = "a size like 64KiB or 10MiB" };
	int64_t number = 0;
	bool is_read = key->type == CONFIG_INT ? value->is_plain && read_int(value->text, &number)
		       : key->type == CONFIG_DURATION ? read_duration(value->text, &number)
						      : read_size(value->text, &number);

	if (!is_read)
		config_complain(errors, value->at, path, "", "expected %s", expected[key->type]);
	else if (number < key->least || number > key->most)
		config_complain(errors, value->at, path, "", "must lie between %s and %s",
			number_text(&errors->arena, key->type, key->least),
			number_text(&errors->arena, key->type, key->most));
	else if (key->type == CONFIG_INT)
		*(int *)into = (int)number;
	else
		*(int64_t *)into = number;
}

static void take_bool(
	const struct yaml_node *value, const char *path, bool *into, struct config_errors *errors)
{
	static const struct {
		const char *word, *hint;
	} other_words[] = { { "yes", "write true" }, { "on", "write true" },
		{ "True", "write true" }, { "TRUE", "write true" }, { "no", "write false" },
		{ "off", "write false" }, { "False", "write false" }, { "FALSE", "write false" } };
	bool is_true = str_equal(value->text, "true");
	const char *hint = "";

	if (value->is_plain && (is_true || str_equal(value->text, "false"))) {
		*into = is_true;
		return;
	}
	for (size_t i = 0; i < countof(other_words); i++) {
		if (str_equal(value->text, other_words[i].word))
			hint = other_words[i].hint;
	}
	if (!value->is_plain)
		hint = "write it without quotes";
	config_complain(errors, value->at, path, hint, "expected true or false");
}

static void take_word(const struct config_key *key, const struct yaml_node *value, const char *path,
	const char **into, struct config_errors *errors)
{
	_cleanup_strbuf_ struct strbuf words = STRBUF(400);
	const char *best = NULL;
	size_t best_distance = 4;

	for (const char *const *word = key->words; *word != NULL; word++) {
		size_t far = distance(value->text, *word);

		if (far == 0) {
			*into = *word;
			return;
		}
		if (far < best_distance) {
			best_distance = far;
			best = *word;
		}
		strbuf_printf(&words, "%s%s", words.length == 0 ? "" : ", ", *word);
	}
	config_complain(errors, value->at, path,
		best == NULL ? "" : arena_printf(&errors->arena, "did you mean \"%s\"?", best),
		"expected one of %s", strbuf_text(&words));
}

static void take_text(const struct config_key *key, const struct yaml_node *value, const char *path,
	const char **into, struct arena *arena, struct config_errors *errors)
{
	if (value->text[0] == '\0')
		config_complain(errors, value->at, path, "leave the key out for the default",
			"expected a value");
	else if (key->type == CONFIG_PATH && value->text[0] != '/')
		config_complain(errors, value->at, path, "", "expected an absolute path");
	else if (key->is_good != NULL && !key->is_good(value->text))
		config_complain(errors, value->at, path, "", "expected %s", key->expected);
	else
		*into = arena_strdup(arena, value->text);
}

static void take_value(const struct config_key *key, const struct yaml_node *value,
	const char *path, void *base, struct arena *arena, struct config_errors *errors)
{
	void *into = (char *)base + key->offset;

	if (key->type == CONFIG_MAP && value->kind != YAML_MAP) {
		config_complain(errors, value->at, path, "", "expected keys below it");
		return;
	}
	if (key->type != CONFIG_MAP && value->kind != YAML_SCALAR) {
		config_complain(errors, value->at, path, "", "expected one value, not a %s",
			value->kind == YAML_LIST ? "list" : "map");
		return;
	}
	switch (key->type) {
	case CONFIG_MAP:
		config_decode(key->keys, value, path, base, arena, errors);
		return;
	case CONFIG_TEXT:
	case CONFIG_PATH:
		take_text(key, value, path, into, arena, errors);
		return;
	case CONFIG_WORD:
		take_word(key, value, path, into, errors);
		return;
	case CONFIG_BOOL:
		take_bool(value, path, into, errors);
		return;
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		take_number(key, value, path, into, errors);
		return;
	}
}

/* ---- the walk ---- */

void config_decode(const struct config_key *keys, const struct yaml_node *node, const char *path,
	void *into, struct arena *arena, struct config_errors *errors)
{
	if (node->kind != YAML_MAP) {
		config_complain(
			errors, node->at, path, "", "expected keys, like \"%s: ...\"", keys->name);
		return;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		const struct config_key *key = keys;
		const char *name = node->items[i]->text;
		const char *whole = arena_printf(&errors->arena, "%s%s%.60s%s", path,
			path[0] == '\0' ? "" : ".", name, strlen(name) > 60 ? "..." : "");

		while (key->name != NULL && !str_equal(key->name, name))
			key++;
		if (key->name == NULL)
			complain_unknown(errors, keys, node->items[i], whole);
		else
			take_value(key, node->items[i + 1], whole, into, arena, errors);
	}
}

void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out)
{
	static const char *const types[] = { "text", "true or false", "number", "duration", "size",
		"path", "", "" };
	_cleanup_(arena_release) struct arena arena = { 0 };

	for (; keys->name != NULL; keys++) {
		if (keys->type == CONFIG_MAP) {
			config_reference(
				keys->keys, arena_printf(&arena, "%s%s.", prefix, keys->name), out);
			continue;
		}
		strbuf_printf(out, "| `%s%s` | %s", prefix, keys->name, types[keys->type]);
		if (keys->most != 0)
			strbuf_printf(out, ", %s to %s",
				number_text(&arena, keys->type, keys->least),
				number_text(&arena, keys->type, keys->most));
		for (const char *const *word = keys->words; word != NULL && *word != NULL; word++)
			strbuf_printf(out, "%s`%s`", word == keys->words ? "" : " or ", *word);
		strbuf_printf(out, " | %s%s%s | %s |\n", keys->fallback[0] == '\0' ? "" : "`",
			keys->fallback, keys->fallback[0] == '\0' ? "" : "`", keys->help);
	}
}
