/* Foreign text, made harmless for the place it stands in. */
#include "orchestrator/engine/render_notice.h"
#include "orchestrator/engine/render_private.h"

#include "orchestrator/lib/codec.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char gap[] = "\xe2\x80\x8b"; /* U+200B: breaks a mention or a link, shows nothing */

static uint32_t decode(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t point = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);

	for (size_t i = 1; i < length; i++)
		point = point << 6 | (bytes[i] & 0x3f);
	return point;
}

/* Characters that show nothing or turn the reading direction: they make a line say something else
 * than it is. */
static bool is_deceptive(uint32_t point)
{
	return (point >= 0x200b && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || point == 0xad ||
	       point == 0x061c || (point >= 0xe0000 && point <= 0xe007f) ||
	       (point >= 0x80 && point <= 0x9f) || point == 0x2028 || point == 0x2029;
}

/* The next character of foreign text: its bytes, or a replacement. Advances *at by at least one. */
static size_t next_char(const char *text, size_t length, size_t *at, const char **ret)
{
	size_t most = length - *at < 4 ? length - *at : 4, count = 0;
	unsigned char first = (unsigned char)text[*at];

	count = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
	*ret = text + *at;
	if (count == 0 || count > most || codec_utf8_prefix(text + *at, count) != count) {
		*ret = replacement;
		*at += 1;
		return strlen(replacement);
	}
	*at += count;
	if (is_deceptive(decode(*ret, count)) ||
		(count == 1 && (first < 0x20 || first == 0x7f) && first != '\n' && first != '\t')) {
		*ret = replacement;
		return strlen(replacement);
	}
	return count;
}

/* Would a host make a link of what begins here? */
static bool begins_link(const char *text, size_t length, size_t at)
{
	static const char *const words[] = { "://", "www.", "GH-", "gh-" };

	for (size_t i = 0; i < countof(words); i++) {
		if (length - at >= strlen(words[i]) &&
			strncmp(text + at, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

static void put_plain(struct strbuf *out, char c)
{
	switch (c) {
	case '<':
		strbuf_puts(out, "&lt;");
		break;
	case '>':
		strbuf_puts(out, "&gt;");
		break;
	case '&':
		strbuf_puts(out, "&amp;");
		break;
	case '\n':
	case '\t':
		strbuf_putc(out, ' ');
		break;
	case '@':
	case '#':
		strbuf_putc(out, c);
		strbuf_puts(out, gap);
		break;
	default:
		if (strchr("\\`*_[]()|~!{}", c) != NULL)
			strbuf_putc(out, '\\');
		strbuf_putc(out, c);
	}
}

static size_t hex_run(const char *text, size_t length, size_t at)
{
	size_t count = 0;

	while (at + count < length && strchr("0123456789abcdef", text[at + count]) != NULL &&
		text[at + count] != '\0')
		count++;
	return count;
}

void render_inline(struct strbuf *out, const char *text)
{
	size_t length = strlen(text), at = 0;
	bool in_word = false;

	while (at < length) {
		const char *bytes;
		size_t count, begin = at;

		if (begins_link(text, length, at)) { /* cut it after its first character */
			put_plain(out, text[at++]);
			strbuf_puts(out, gap);
			continue;
		}
		if (!in_word &&
			hex_run(text, length, at) >= 7) { /* a host would link it as a commit */
			strbuf_append(out, text + at, 3);
			strbuf_puts(out, gap);
			at += 3;
			in_word = true;
			continue;
		}
		count = next_char(text, length, &at, &bytes);
		if (count == 1)
			put_plain(out, bytes[0]);
		else
			strbuf_append(out, bytes, count);
		in_word = count > 1 ||
			  strchr("abcdefghijklmnopqrstuvwxyz0123456789", text[begin]) != NULL;
	}
}

static size_t longest_run(const char *text, size_t length, char c)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < length; i++) {
		run = text[i] == c ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void put_times(struct strbuf *out, char c, size_t times)
{
	while (times-- > 0)
		strbuf_putc(out, c);
}

static void put_code(struct strbuf *out, const char *text, bool in_table)
{
	size_t length = strlen(text), ticks = longest_run(text, length, '`') + 1, at = 0;
	bool needs_space = length == 0 || text[0] == '`' || text[length - 1] == '`';

	put_times(out, '`', ticks);
	if (needs_space)
		strbuf_putc(out, ' ');
	while (at < length) {
		const char *bytes;
		size_t count = next_char(text, length, &at, &bytes);

		if (count == 1 && (bytes[0] == '\n' || bytes[0] == '\t'))
			strbuf_putc(out, ' ');
		else if (count == 1 && bytes[0] == '<') /* "<!--" would read like a mark of ours to
							   a careless program */
			strbuf_printf(out, "<%s", at < length && text[at] == '!' ? gap : "");
		else if (count == 1 && bytes[0] == '|' && in_table)
			strbuf_puts(out, "\\|");
		else
			strbuf_append(out, bytes, count);
	}
	if (needs_space)
		strbuf_putc(out, ' ');
	put_times(out, '`', ticks);
}

void render_code(struct strbuf *out, const char *text)
{
	put_code(out, text, false);
}

void render_code_cell(struct strbuf *out, const char *text)
{
	put_code(out, text, true);
}

/* Inside <summary> Markdown is not read by every host: HTML only. */
void render_html(struct strbuf *out, const char *text)
{
	size_t length = strlen(text), at = 0;

	while (at < length) {
		const char *bytes;
		size_t count = next_char(text, length, &at, &bytes);

		if (count == 1 && strchr("<>&\"'`*_[]()|~\\!@#:{}\n\t", bytes[0]) != NULL)
			strbuf_printf(out, "&#%d;%s",
				bytes[0] == '\n' || bytes[0] == '\t' ? ' ' : bytes[0],
				bytes[0] == '@' || bytes[0] == '#' || bytes[0] == ':' ? gap : "");
		else
			strbuf_append(out, bytes, count);
	}
}

void render_fence(struct strbuf *out, const char *info, const char *text, size_t length)
{
	size_t ticks = longest_run(text, length, '`') + 1, at = 0;

	ticks = ticks < 3 ? 3 : ticks;
	put_times(out, '`', ticks);
	strbuf_printf(out, "%s\n", info);
	while (at < length) {
		const char *bytes;
		size_t count = next_char(text, length, &at, &bytes);

		strbuf_append(out, bytes, count);
	}
	if (length > 0 && text[length - 1] != '\n')
		strbuf_putc(out, '\n');
	put_times(out, '`', ticks);
	strbuf_putc(out, '\n');
}

/* ---- Slack and plain text ---- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Slack knows no backslash: a sign that would begin or end something gets a gap. */
static bool would_be_read(const char *text, size_t at)
{
	char before = at == 0 ? ' ' : text[at - 1], after = text[at + 1];

	switch (text[at]) {
	case '_':
		return !is_word(before) || !is_word(after);
	case ':':
		return after != ' ' && after != '\0';
	default:
		return text[at] != '\0' && strchr("*~`@#", text[at]) != NULL;
	}
}

static void put_slack_words(struct strbuf *out, const char *text, size_t at)
{
	if (strchr("<>&\n\t", text[at]) != NULL) {
		put_plain(out, text[at]);
		return;
	}
	strbuf_putc(out, text[at]);
	if (would_be_read(text, at))
		strbuf_puts(out, gap);
}

static void put_slack_code(struct strbuf *out, const char *text, size_t at)
{
	if (strchr("<>&\n\t", text[at]) != NULL)
		put_plain(out, text[at]);
	else
		strbuf_putc(out, text[at] == '`' ? '\'' : text[at]);
}

static void put_as_it_is(struct strbuf *out, const char *text, size_t at)
{
	strbuf_putc(out, strchr("\n\t", text[at]) != NULL ? ' ' : text[at]);
}

/* About `most` bytes of it as it comes out, then three dots: a character becomes five at most. */
static void put_foreign(struct strbuf *out, const char *text, size_t most,
	void (*put)(struct strbuf *out, const char *text, size_t at))
{
	size_t length = strlen(text), at = 0, end = out->length + most;

	while (at < length) {
		const char *bytes;
		size_t begin = at, count = next_char(text, length, &at, &bytes);

		if (out->length + count > end) {
			strbuf_puts(out, "...");
			return;
		}
		if (count == 1)
			put(out, text, begin);
		else
			strbuf_append(out, bytes, count);
	}
}

void render_slack_code(struct strbuf *out, const char *text, size_t most)
{
	strbuf_putc(out, '`');
	put_foreign(out, text[0] == '\0' ? " " : text, most, put_slack_code);
	strbuf_putc(out, '`');
}

void render_slack_words(struct strbuf *out, const char *text, size_t most)
{
	put_foreign(out, text, most, put_slack_words);
}

void render_plain_words(struct strbuf *out, const char *text, size_t most)
{
	put_foreign(out, text, most, put_as_it_is);
}

/* Keeps the beginning and the end, whole lines, and says how many lines are left out between. */
void render_cut(struct strbuf *out, const char *text, size_t most)
{
	size_t length = strlen(text), head, tail, lines = 0;

	if (length <= most) {
		strbuf_puts(out, text);
		return;
	}
	most = most > 60 ? most - 60 : 0;
	for (head = most / 2; head > 0 && text[head - 1] != '\n'; head--)
		;
	for (tail = length - most / 2; tail < length && text[tail - 1] != '\n'; tail++)
		;
	for (size_t i = head; i < tail; i++)
		lines += text[i] == '\n';
	strbuf_append(out, text, head);
	strbuf_printf(out, "... %zu lines left out ...\n", lines);
	strbuf_puts(out, text + tail);
}
