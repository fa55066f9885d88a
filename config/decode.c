/* The walk over a table of keys. */
#include "config/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERRORS_MAX = 50 };

void config_complain(
	struct config_errors *errors, const struct yaml_node *at, const char *format, ...)
{
	char text[400];
	va_list args;

	if (++errors->count > ERRORS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strbuf_printf(&errors->text, "%s%s:%d:%d: %s", errors->text.length == 0 ? "" : "\n",
		errors->file, at->line, at->column, text);
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

static void complain_unknown(struct config_errors *errors, const struct config_key *keys,
	const struct yaml_node *key, const char *path)
{
	const char *best = NULL;
	size_t best_distance = 4;

	for (; keys->name != NULL; keys++) {
		size_t far = distance(key->text, keys->name);

		if (far < best_distance) {
			best_distance = far;
			best = keys->name;
		}
	}
	config_complain(errors, key, "unknown key \"%.60s\"%s%s%s%s%s%s", key->text,
		path[0] == '\0' ? "" : " in ", path, best == NULL ? "" : "; did you mean \"",
		best == NULL ? "" : best, best == NULL ? "" : "\"?", "");
}

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

static void take_number(const struct config_key *key, const struct yaml_node *value,
	const char *path, void *into, struct config_errors *errors)
{
	static const char *const expected[] = { [CONFIG_INT] = "a whole number",
		[CONFIG_DURATION] = "a duration like 90s, 10m or 1h",
		[CONFIG_SIZE] = "a size like 64KiB or 10MiB" };
	int64_t number = 0;
	bool is_read = key->type == CONFIG_INT	      ? read_int(value->text, &number)
		       : key->type == CONFIG_DURATION ? read_duration(value->text, &number)
						      : read_size(value->text, &number);

	if (!is_read)
		config_complain(errors, value, "%s: expected %s", path, expected[key->type]);
	else if (number < key->least || number > key->most)
		config_complain(errors, value, "%s: must lie between %lld and %lld%s", path,
			(long long)key->least, (long long)key->most,
			key->type == CONFIG_DURATION ? " ms"
			: key->type == CONFIG_SIZE   ? " bytes"
						     : "");
	else if (key->type == CONFIG_INT)
		*(int *)into = (int)number;
	else
		*(int64_t *)into = number;
}

static void take_bool(
	const struct yaml_node *value, const char *path, bool *into, struct config_errors *errors)
{
	bool is_true = str_equal(value->text, "true");

	if (!value->is_plain || (!is_true && !str_equal(value->text, "false")))
		config_complain(errors, value, "%s: expected true or false", path);
	else
		*into = is_true;
}

static void take_word(const struct config_key *key, const struct yaml_node *value, const char *path,
	const char **into, struct arena *arena, struct config_errors *errors)
{
	_cleanup_strbuf_ struct strbuf words = STRBUF(400);

	for (const char *const *word = key->words; *word != NULL; word++) {
		if (str_equal(*word, value->text)) {
			*into = arena_strdup(arena, value->text);
			return;
		}
		strbuf_printf(&words, "%s%s", words.length == 0 ? "" : ", ", *word);
	}
	config_complain(errors, value, "%s: expected one of %s", path, strbuf_text(&words));
}

static void take_value(const struct config_key *key, const struct yaml_node *value,
	const char *path, void *base, struct arena *arena, struct config_errors *errors)
{
	void *into = (char *)base + key->offset;

	if (key->type == CONFIG_MAP) {
		if (value->kind != YAML_MAP)
			config_complain(errors, value, "%s: expected keys below it", path);
		else
			config_decode(key->keys, value, path, base, arena, errors);
		return;
	}
	if (value->kind != YAML_SCALAR) {
		config_complain(errors, value, "%s: expected one value", path);
		return;
	}
	switch (key->type) {
	case CONFIG_TEXT:
		*(const char **)into = arena_strdup(arena, value->text);
		return;
	case CONFIG_PATH:
		if (value->text[0] != '/')
			config_complain(errors, value, "%s: expected an absolute path", path);
		*(const char **)into = arena_strdup(arena, value->text);
		return;
	case CONFIG_WORD:
		take_word(key, value, path, into, arena, errors);
		return;
	case CONFIG_BOOL:
		take_bool(value, path, into, errors);
		return;
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		take_number(key, value, path, into, errors);
		return;
	case CONFIG_MAP:
		return;
	}
}

void config_decode(const struct config_key *keys, const struct yaml_node *node, const char *path,
	void *into, struct arena *arena, struct config_errors *errors)
{
	if (node->kind != YAML_MAP) {
		config_complain(errors, node, "expected keys, like \"slots: 8\"");
		return;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		const struct config_key *key = keys;
		const char *whole = path[0] == '\0' ? node->items[i]->text
						    : arena_printf(arena, "%s.%s", path,
							      node->items[i]->text);

		while (key->name != NULL && !str_equal(key->name, node->items[i]->text))
			key++;
		if (key->name == NULL)
			complain_unknown(errors, keys, node->items[i], path);
		else
			take_value(key, node->items[i + 1], whole, into, arena, errors);
	}
}

void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out)
{
	static const char *const types[] = { "text", "true or false", "number", "duration", "size",
		"path", "word", "" };

	for (; keys->name != NULL; keys++) {
		if (keys->type == CONFIG_MAP) {
			_cleanup_free_ char *longer = mem_printf("%s%s.", prefix, keys->name);

			config_reference(keys->keys, longer, out);
			continue;
		}
		strbuf_printf(out, "| `%s%s` | %s | %s%s%s | %s |\n", prefix, keys->name,
			types[keys->type], keys->fallback[0] == '\0' ? "" : "`", keys->fallback,
			keys->fallback[0] == '\0' ? "" : "`", keys->help);
	}
}
