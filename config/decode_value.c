/* Single values: numbers with their units, words, texts. */
#include "config/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
			if (strlen(units[i].unit) == length &&
				strncmp(end, units[i].unit, length) == 0)
				break;
		}
		if (i == countof(units))
			return false;
		total += value * units[i].ms;
		text = end + length;
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

const char *config_number_text(struct arena *arena, enum config_type type, int64_t number)
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

_printf_(5, 6) static void complain(const struct config_decoder *decoder,
	const struct yaml_node *value, const struct config_path *path, const char *hint,
	const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config_complain(decoder->errors, value->at, config_path_text(decoder->errors, path), hint,
		"%s", text);
}

static void take_number(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *into)
{
	static const char *const expected[] = { [CONFIG_INT] = "a whole number",
		[CONFIG_DURATION] = "a duration like 90s, 10m or 1h30m",
		[CONFIG_SIZE] = "a size like 64KiB or 10MiB" };
	struct arena *arena = &decoder->errors->arena;
	int64_t number = 0;
	bool is_read = key->type == CONFIG_INT ? value->is_plain && read_int(value->text, &number)
		       : key->type == CONFIG_DURATION ? read_duration(value->text, &number)
						      : read_size(value->text, &number);

	if (!is_read)
		complain(decoder, value, path, "", "expected %s", expected[key->type]);
	else if (number < key->least || number > key->most)
		complain(decoder, value, path, "", "must lie between %s and %s",
			config_number_text(arena, key->type, key->least),
			config_number_text(arena, key->type, key->most));
	else if (key->type == CONFIG_INT)
		*(int *)into = (int)number;
	else
		*(int64_t *)into = number;
}

static void take_bool(const struct config_decoder *decoder, const struct yaml_node *value,
	const struct config_path *path, bool *into)
{
	static const struct {
		const char *word;
		bool is_true, is_older; /* of YAML 1.1: for lenient readers */
	} words[] = { { "true", true }, { "false", false }, { "True", true, true },
		{ "TRUE", true, true }, { "False", false, true }, { "FALSE", false, true },
		{ "yes", true, true }, { "Yes", true, true }, { "YES", true, true },
		{ "on", true, true }, { "On", true, true }, { "ON", true, true },
		{ "no", false, true }, { "No", false, true }, { "NO", false, true },
		{ "off", false, true }, { "Off", false, true }, { "OFF", false, true } };

	for (size_t i = 0; i < countof(words); i++) {
		if (!str_equal(value->text, words[i].word))
			continue;
		if (!value->is_plain)
			complain(decoder, value, path, "write it without quotes",
				"expected true or false");
		else if (words[i].is_older && !decoder->is_lenient)
			complain(decoder, value, path,
				words[i].is_true ? "write true" : "write false",
				"expected true or false");
		else
			*into = words[i].is_true;
		return;
	}
	complain(decoder, value, path, "", "expected true or false");
}

int config_take_word(const struct config_decoder *decoder, const char *const *words,
	const struct yaml_node *value, const struct config_path *path)
{
	_cleanup_strbuf_ struct strbuf list = STRBUF(400);
	struct config_nearest nearest = config_nearest(value->text);

	for (int i = 0; words[i] != NULL; i++) {
		if (str_equal(value->text, words[i]))
			return i;
		config_nearest_offer(&nearest, words[i]);
		strbuf_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	complain(decoder, value, path, config_did_you_mean(decoder->errors, nearest.best),
		"expected one of %s", strbuf_text(&list));
	return -1;
}

static void take_text(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, const char **into)
{
	struct err err;

	if (value->text[0] == '\0' && !key->is_empty_fine)
		complain(decoder, value, path, "leave the key out for the default",
			"expected a value");
	else if (key->type == CONFIG_PATH && value->text[0] != '/')
		complain(decoder, value, path, "", "expected an absolute path");
	else if (key->is_good != NULL && !key->is_good(value->text))
		complain(decoder, value, path, "", "expected %s", key->expected);
	else if (key->check != NULL && key->check(value->text, &err) < 0)
		complain(decoder, value, path, "", "%s", err.text);
	else
		*into = value->text;
}

void config_take_scalar(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *into)
{
	if (key->type == CONFIG_BOOL) {
		take_bool(decoder, value, path, into);
	} else if (key->type == CONFIG_WORD) {
		int word = config_take_word(decoder, key->words, value, path);

		if (word >= 0)
			*(const char **)into = key->words[word];
	} else if (key->type == CONFIG_ENUM) {
		int word = config_take_word(decoder, key->words, value, path);

		if (word >= 0)
			*(int *)into = (int)key->least + word;
	} else if (key->type == CONFIG_TEXT || key->type == CONFIG_PATH) {
		take_text(decoder, key, value, path, into);
	} else {
		take_number(decoder, key, value, path, into);
	}
}

bool config_is_given(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	bool may_be_empty = (decoder->is_lenient && !key->is_guard) || key->is_value_optional;

	if (!may_be_empty || value->kind != YAML_SCALAR || !value->is_plain)
		return true;
	for (size_t i = 0; i < countof(nulls); i++) {
		if (str_equal(value->text, nulls[i]))
			return false;
	}
	return true;
}
