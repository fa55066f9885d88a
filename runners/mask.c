/* Replaces secret values in a stream of bytes. */
#include "runners/mask.h"
#include <string.h>

enum { MASK_LONG = 16 };

static const char instead[] = "***";

static void add_one(struct mask *mask, const char *value, size_t length)
{
	size_t at = mask->count;

	if (length < MASK_SHORTEST || mask->count == MASK_VALUES_MAX)
		return;
	for (size_t i = 0; i < mask->count; i++)
		if (mask->lengths[i] == length && memcmp(mask->values[i], value, length) == 0)
			return;
	for (; at > 0 && mask->lengths[at - 1] < length; at--) {
		mask->values[at] = mask->values[at - 1];
		mask->lengths[at] = mask->lengths[at - 1];
	}
	mask->values[at] = mem_strndup(value, length);
	mask->lengths[at] = length;
	mask->begins[(unsigned char)value[0]] = true;
	mask->count++;
}

void mask_add(struct mask *mask, const char *value)
{
	add_one(mask, value, strlen(value));
	if (strchr(value, '\n') == NULL)
		return;
	for (const char *line = value; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		add_one(mask, line, length);
		line += length + (line[length] == '\n');
	}
}

void mask_add_quoted(struct mask *mask, const char *value)
{
	_cleanup_free_ char *quoted = NULL;

	if (strlen(value) >= MASK_LONG) {
		mask_add(mask, value);
		return;
	}
	if (strlen(value) < MASK_SHORTEST)
		return;
	quoted = mem_printf("\"%s\"", value);
	add_one(mask, quoted, strlen(quoted));
}

void mask_release(struct mask *mask)
{
	for (size_t i = 0; i < mask->count; i++) {
		explicit_bzero(mask->values[i], mask->lengths[i]);
		free(mask->values[i]);
	}
	*mask = (struct mask){ 0 };
}

/* The length of the value that stands at text; 0: none; -1: perhaps one, more bytes are needed. */
static ssize_t match(const struct mask *mask, const char *text, size_t length, bool is_last)
{
	for (size_t i = 0; i < mask->count; i++) {
		size_t known = mask->lengths[i] < length ? mask->lengths[i] : length;

		if (memcmp(mask->values[i], text, known) != 0)
			continue;
		if (known == mask->lengths[i])
			return (ssize_t)known;
		if (!is_last)
			return -1;
	}
	return 0;
}

size_t mask_append(
	const struct mask *mask, const char *text, size_t length, bool is_last, struct strbuf *out)
{
	size_t at = 0, plain = 0;

	while (at < length && mask->count > 0) {
		ssize_t hit;

		if (!mask->begins[(unsigned char)text[at]]) {
			at++;
			continue;
		}
		hit = match(mask, text + at, length - at, is_last);
		if (hit < 0)
			break;
		if (hit == 0) {
			at++;
			continue;
		}
		strbuf_append(out, text + plain, at - plain);
		strbuf_puts(out, instead);
		at += (size_t)hit;
		plain = at;
	}
	if (mask->count == 0)
		at = length;
	strbuf_append(out, text + plain, at - plain);
	return at;
}

static json_t *mask_text(const struct mask *mask, const char *text)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(16 << 20);

	mask_append(mask, text, strlen(text), true, &out);
	return json_string(strbuf_text(&out));
}

json_t *mask_json(const struct mask *mask, json_t *json)
{
	const char *key;
	json_t *item, *copy;
	size_t i;

	if (mask->count == 0)
		return json;
	if (json_is_string(json)) {
		copy = mask_text(mask, json_string_value(json));
		json_decref(json);
		return copy;
	}
	if (json_is_array(json)) {
		json_array_foreach (json, i, item)
			json_array_set_new(json, i, mask_json(mask, json_incref(item)));
	} else if (json_is_object(json)) {
		json_object_foreach (json, key, item)
			json_object_set_new(json, key, mask_json(mask, json_incref(item)));
	}
	return json;
}
