/* Replaces secret values in a stream of bytes.
 *
 * The text is looked at without its line ends, so that a value which a tool wrapped is found as
 * well. At each byte the next KEY bytes choose a short list of patterns. All places are found
 * before one is covered: values that overlap would otherwise leave the rest of one behind. */
#include "orchestrator/lib/mask.h"

#include <string.h>

enum {
	KEY = MASK_SHORTEST,
	HEADS = 4096,
	PIECE = 4096,	   /* a longer pattern is looked for in pieces */
	WINDOW = 32 << 10, /* this many bytes are always enough to go on */
	LONG_WORD = 16,
	TEXT_MAX = 64 << 20,
};

static const char instead[] = "***";

struct mask_pattern {
	char *bytes;
	size_t length;
	uint32_t next; /* with the same head */
};

/* ---- patterns ---- */

static uint32_t head_of(const char *bytes)
{
	uint64_t key = 0;

	memcpy(&key, bytes, KEY);
	return (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 52);
}

static void add_piece(struct mask *mask, const char *bytes, size_t length)
{
	uint32_t head;

	if (length < KEY)
		return;
	if (mask->heads == NULL)
		mask->heads = mem_alloc(HEADS * sizeof(*mask->heads));
	head = head_of(bytes);
	for (uint32_t i = mask->heads[head]; i != 0; i = mask->patterns[i - 1].next) {
		const struct mask_pattern *known = &mask->patterns[i - 1];

		if (known->length == length && memcmp(known->bytes, bytes, length) == 0)
			return;
	}
	if (mask->count == mask->room) {
		mask->room = mask->room == 0 ? 16 : 2 * mask->room;
		mask->patterns = mem_grow(mask->patterns, mask->room * sizeof(*mask->patterns));
	}
	mask->patterns[mask->count] = (struct mask_pattern){
		.bytes = mem_alloc(length), .length = length, .next = mask->heads[head]
	};
	memcpy(mask->patterns[mask->count].bytes, bytes, length);
	mask->heads[head] = (uint32_t)++mask->count;
	if (length > mask->longest)
		mask->longest = length;
}

/* Without line ends, which the text is read without too. */
static void add_pattern(struct mask *mask, const char *bytes, size_t length)
{
	_cleanup_free_ char *plain = mem_alloc(length + 1);
	size_t kept = 0;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n' && bytes[i] != '\r')
			plain[kept++] = bytes[i];
	}
	for (size_t at = 0; at < kept;) {
		size_t piece = kept - at > PIECE + KEY ? PIECE : kept - at;

		add_piece(mask, plain + at, piece);
		at += piece;
	}
	explicit_bzero(plain, length + 1);
}

/* ---- how a value may be written ---- */

typedef void encode_fn(const unsigned char *value, size_t length, struct strbuf *out);

/* The characters that depend on the value alone, when it stands `shift` bytes behind the start of
 * a group of three. */
static void put_base64(const unsigned char *value, size_t length, size_t shift,
	const char *alphabet, struct strbuf *out)
{
	size_t first = (shift * 8 + 5) / 6, end = (shift + length) * 8 / 6;

	for (size_t at = first; at < end; at++) {
		unsigned bits = 0;

		for (size_t bit = at * 6; bit < at * 6 + 6; bit++) {
			unsigned char byte = value[bit / 8 - shift];

			bits = bits << 1 | (byte >> (7 - bit % 8) & 1U);
		}
		strbuf_putc(out, alphabet[bits]);
	}
}

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static void encode_base64_0(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 0, ALNUM "+/", out);
}
static void encode_base64_1(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 1, ALNUM "+/", out);
}
static void encode_base64_2(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 2, ALNUM "+/", out);
}
static void encode_base64url_0(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 0, ALNUM "-_", out);
}
static void encode_base64url_1(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 1, ALNUM "-_", out);
}
static void encode_base64url_2(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_base64(value, length, 2, ALNUM "-_", out);
}

static void encode_hex(const unsigned char *value, size_t length, struct strbuf *out)
{
	for (size_t i = 0; i < length; i++)
		strbuf_printf(out, "%02x", value[i]);
}
static void encode_hex_upper(const unsigned char *value, size_t length, struct strbuf *out)
{
	for (size_t i = 0; i < length; i++)
		strbuf_printf(out, "%02X", value[i]);
}

static void put_percent(
	const unsigned char *value, size_t length, const char *format, struct strbuf *out)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr(ALNUM "-._~", value[i]) != NULL)
			strbuf_putc(out, (char)value[i]);
		else if (format[3] == 'X')
			strbuf_printf(out, "%%%02X", value[i]);
		else
			strbuf_printf(out, "%%%02x", value[i]);
	}
}
static void encode_percent(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_percent(value, length, "%02X", out);
}
static void encode_percent_lower(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_percent(value, length, "%02x", out);
}

static void put_json(
	const unsigned char *value, size_t length, bool is_for_html, struct strbuf *out)
{
	static const char control[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

	for (size_t i = 0; i < length; i++) {
		const char *at = strchr(control, value[i]);

		if (at != NULL)
			strbuf_printf(out, "\\%c", letters[at - control]);
		else if (value[i] < 0x20 || (is_for_html && strchr("<>&", value[i]) != NULL))
			strbuf_printf(out, "\\u%04x", value[i]);
		else
			strbuf_putc(out, (char)value[i]);
	}
}
static void encode_json(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_json(value, length, false, out);
}
static void encode_json_html(const unsigned char *value, size_t length, struct strbuf *out)
{
	put_json(value, length, true, out);
}

static encode_fn *const encodings[] = { encode_base64_0, encode_base64_1, encode_base64_2,
	encode_base64url_0, encode_base64url_1, encode_base64url_2, encode_hex, encode_hex_upper,
	encode_percent, encode_percent_lower, encode_json, encode_json_html };

static void add_encoded(struct mask *mask, const char *value, size_t length)
{
	for (size_t i = 0; i < countof(encodings); i++) {
		struct strbuf out = STRBUF(8 * length + 16);

		encodings[i]((const unsigned char *)value, length, &out);
		add_pattern(mask, strbuf_text(&out), out.length);
		if (out.data != NULL)
			explicit_bzero(out.data, out.length);
		strbuf_release(&out);
	}
}

void mask_add(struct mask *mask, const char *value)
{
	size_t length = strlen(value);

	if (length < MASK_SHORTEST || mask->values == MASK_VALUES_MAX)
		return;
	mask->values++;
	add_pattern(mask, value, length);
	if (length >= MASK_SHORTEST_ENCODED)
		add_encoded(mask, value, length);
	for (const char *line = value; strchr(value, '\n') != NULL && *line != '\0';) {
		size_t end = strcspn(line, "\n");

		add_pattern(mask, line, end);
		line += end + (line[end] == '\n');
	}
}

void mask_add_quoted(struct mask *mask, const char *value)
{
	_cleanup_free_ char *quoted = NULL;

	if (strlen(value) >= LONG_WORD) {
		mask_add(mask, value);
		return;
	}
	if (strlen(value) < MASK_SHORTEST || mask->values == MASK_VALUES_MAX)
		return;
	mask->values++;
	quoted = mem_printf("\"%s\"", value);
	add_pattern(mask, quoted, strlen(quoted));
}

void mask_release(struct mask *mask)
{
	for (size_t i = 0; i < mask->count; i++) {
		explicit_bzero(mask->patterns[i].bytes, mask->patterns[i].length);
		free(mask->patterns[i].bytes);
	}
	free(mask->patterns);
	free(mask->heads);
	*mask = (struct mask){ 0 };
}

/* ---- texts ---- */

struct view { /* a text without its line ends */
	char *bytes;
	uint32_t *places; /* in the text */
	size_t count;
};

static void view_make(struct view *view, const char *text, size_t length)
{
	view->bytes = mem_alloc(length + sizeof(uint64_t));
	view->places = mem_alloc((length + 1) * sizeof(*view->places));
	view->count = 0;
	for (size_t i = 0; i < length; i++) {
		view->bytes[view->count] = text[i];
		view->places[view->count] = (uint32_t)i;
		view->count += text[i] != '\n' && text[i] != '\r';
	}
	view->places[view->count] = (uint32_t)length;
}

static void view_release(struct view *view)
{
	free(view->bytes);
	free(view->places);
}

/* How much of a value stands at `at`: the longest, or all that is left when a value is cut off by
 * the end. */
static size_t match(const struct mask *mask, const struct view *view, size_t at, bool is_last)
{
	size_t left = view->count - at, best = 0;

	if (left < KEY)
		return 0;
	for (uint32_t i = mask->heads[head_of(view->bytes + at)]; i != 0;
		i = mask->patterns[i - 1].next) {
		const struct mask_pattern *known = &mask->patterns[i - 1];
		size_t length = known->length <= left ? known->length : is_last ? left : 0;

		if (length > best && memcmp(known->bytes, view->bytes + at, length) == 0)
			best = length;
	}
	return best;
}

/* How many bytes of the view can be judged now. */
static size_t judged(const struct mask *mask, const struct view *view, size_t length, bool is_last)
{
	if (is_last)
		return view->count;
	if (view->count >= mask->longest)
		return view->count - mask->longest + 1;
	return length >= WINDOW && view->count > 0 ? 1 : 0;
}

size_t mask_append(const struct mask *mask, struct mask_flow *flow, const char *text, size_t length,
	bool is_last, struct strbuf *out, size_t *ret_hits)
{
	size_t covered = flow->covered, done = 0, used, limit;
	bool is_covering = covered > 0;
	struct view view;

	if (mask->count == 0) {
		strbuf_append(out, text, length);
		return length;
	}
	view_make(&view, text, length);
	limit = judged(mask, &view, length, is_last);
	for (size_t at = 0; at < limit; at++) {
		size_t hit = match(mask, &view, at, is_last);

		if (hit > 0 && at + hit > covered)
			covered = at + hit;
		if (at >= covered) {
			is_covering = false;
			continue;
		}
		if (!is_covering) {
			strbuf_append(out, text + done, view.places[at] - done);
			strbuf_puts(out, instead);
			if (ret_hits != NULL)
				(*ret_hits)++;
		}
		is_covering = true;
		done = view.places[at] + 1;
	}
	used = is_last ? length : view.places[limit];
	strbuf_append(out, text + done, used - done);
	flow->covered = covered > limit ? covered - limit : 0;
	view_release(&view);
	return used;
}

char *mask_text(const struct mask *mask, const char *text, size_t *ret_hits)
{
	struct strbuf out = STRBUF(TEXT_MAX);
	struct mask_flow flow = { 0 };

	mask_append(mask, &flow, text, strlen(text), true, &out, ret_hits);
	return out.data == NULL ? mem_strdup("") : strbuf_steal(&out);
}

json_t *mask_json(const struct mask *mask, json_t *json)
{
	const char *key;
	json_t *item, *copy;
	size_t i;

	if (mask->count == 0)
		return json;
	if (json_is_string(json)) {
		_cleanup_free_ char *text = mask_text(mask, json_string_value(json), NULL);

		copy = json_string(text);
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
