/* Which characters of Unicode make a line say something else than it is. */
#include "orchestrator/engine/characters.h"

#include "orchestrator/lib/codec.h"

struct range {
	uint32_t first, last;
	enum character_kind kind;
};

/* Sorted. Hidden: format characters, fillers, tags, and what separates lines beside the line feed.
 * Selectors of emoji presentation stay: they are in ordinary text, and turn nothing. */
static const struct range ranges[] = {
	{ 0x00, 0x08, CHARACTER_CONTROL },
	{ 0x0b, 0x1f, CHARACTER_CONTROL },
	{ 0x7f, 0x9f, CHARACTER_CONTROL },
	{ 0xa0, 0xa0, CHARACTER_SPACE },
	{ 0xad, 0xad, CHARACTER_HIDDEN },
	{ 0x34f, 0x34f, CHARACTER_HIDDEN },
	{ 0x61c, 0x61c, CHARACTER_HIDDEN },
	{ 0x115f, 0x1160, CHARACTER_HIDDEN },
	{ 0x1680, 0x1680, CHARACTER_SPACE },
	{ 0x17b4, 0x17b5, CHARACTER_HIDDEN },
	{ 0x180b, 0x180f, CHARACTER_HIDDEN },
	{ 0x2000, 0x200a, CHARACTER_SPACE },
	{ 0x200b, 0x200f, CHARACTER_HIDDEN },
	{ 0x2028, 0x202e, CHARACTER_HIDDEN },
	{ 0x202f, 0x202f, CHARACTER_SPACE },
	{ 0x205f, 0x205f, CHARACTER_SPACE },
	{ 0x2060, 0x206f, CHARACTER_HIDDEN },
	{ 0x2800, 0x2800, CHARACTER_SPACE },
	{ 0x3000, 0x3000, CHARACTER_SPACE },
	{ 0x3164, 0x3164, CHARACTER_HIDDEN },
	{ 0xfeff, 0xfeff, CHARACTER_HIDDEN },
	{ 0xffa0, 0xffa0, CHARACTER_HIDDEN },
	{ 0xfff0, 0xfffb, CHARACTER_HIDDEN },
	{ 0x1d173, 0x1d17a, CHARACTER_HIDDEN },
	{ 0xe0000, 0xe0fff, CHARACTER_HIDDEN },
};

static enum character_kind kind_of(uint32_t point)
{
	size_t low = 0, high = countof(ranges);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (point > ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < countof(ranges) && point >= ranges[low].first ? ranges[low].kind
								   : CHARACTER_PLAIN;
}

enum character_kind character_at(const char *text, size_t length, size_t at, size_t *ret_bytes)
{
	const unsigned char *bytes = (const unsigned char *)text + at;
	size_t count = bytes[0] < 0x80	  ? 1
		       : bytes[0] >= 0xf0 ? 4
		       : bytes[0] >= 0xe0 ? 3
		       : bytes[0] >= 0xc0 ? 2
					  : 0;
	uint32_t point;

	*ret_bytes = 1;
	if (bytes[0] >= ' ' && bytes[0] < 0x7f) /* nearly all there is */
		return CHARACTER_PLAIN;
	if (count == 0 || count > length - at || codec_utf8_prefix(text + at, count) != count)
		return CHARACTER_BROKEN;
	*ret_bytes = count;
	point = count == 1 ? bytes[0] : bytes[0] & (0x7fu >> count);
	for (size_t i = 1; i < count; i++)
		point = point << 6 | (bytes[i] & 0x3f);
	return kind_of(point);
}

bool characters_are_plain(const char *text, size_t length)
{
	for (size_t at = 0, bytes; at < length; at += bytes) {
		if (character_at(text, length, at, &bytes) != CHARACTER_PLAIN)
			return false;
	}
	return true;
}
