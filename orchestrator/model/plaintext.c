/* One text, all rules. */
#include "orchestrator/model/plaintext.h"

#include "orchestrator/lib/strbuf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BINARY_LOOK = 8000 };

/* FNV-1a. */
static uint64_t mark_of(const char *rule, const char *value, size_t length)
{
	uint64_t mark = UINT64_C(14695981039346656037);

	for (; *rule != '\0'; rule++)
		mark = (mark ^ (unsigned char)*rule) * UINT64_C(1099511628211);
	for (size_t i = 0; i < length; i++)
		mark = (mark ^ (unsigned char)value[i]) * UINT64_C(1099511628211);
	return mark;
}

void plaintext_add(
	struct plaintext *found, const char *rule, int line, const char *value, size_t length)
{
	if (found->count == PLAINTEXT_MAX)
		return;
	for (size_t i = 0; i < found->count; i++) /* one line, one finding */
		if (found->list[i].line == line)
			return;
	found->list[found->count++] = (struct plaintext_finding){
		.rule = rule, .line = line, .mark = mark_of(rule, value, length)
	};
}

/* Of 1 and more; the C library has it in another library, for which this alone is no reason. */
static double log2_of(double x)
{
	double bits = 0, part = 1;

	for (; x >= 2; x /= 2)
		bits += 1;
	for (int i = 0; i < 12; i++) {
		part /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			bits += part;
		}
	}
	return bits;
}

double plaintext_entropy(const char *value, size_t length)
{
	size_t counts[256] = { 0 };
	double bits = 0;

	for (size_t i = 0; i < length; i++)
		counts[(unsigned char)value[i]]++;
	for (size_t i = 0; i < 256; i++)
		if (counts[i] > 0)
			bits += (double)counts[i] * log2_of((double)length / (double)counts[i]);
	return length == 0 ? 0 : bits / (double)length;
}

static bool holds(const char *value, size_t length, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= length; i++)
		if (strncasecmp(value + i, word, size) == 0)
			return true;
	return false;
}

/* "<password>", "${PASSWORD}", "$(PASSWORD)", "%PASSWORD%", "{{ x }}": a place, not a value. */
static bool is_reference(const char *value, size_t length)
{
	static const char *const insides[] = { "${", "$(", "{{", "<%" };

	for (size_t i = 0; i < countof(insides); i++)
		if (holds(value, length, insides[i]))
			return true;
	return length >= 2 &&
	       ((value[0] == '<' && value[length - 1] == '>') ||
		       (value[0] == '%' && value[length - 1] == '%') ||
		       (value[0] == '[' && value[length - 1] == ']') ||
		       (value[0] == '$' &&
			       (value[1] == '_' || (value[1] >= 'A' && value[1] <= 'Z'))));
}

/* "aaaaaaaa", "12345678", "abcdefgh" */
static bool is_keyboard(const char *value, size_t length)
{
	size_t same = 0, next = 0;

	for (size_t i = 1; i < length; i++) {
		same += value[i] == value[i - 1];
		next += value[i] == value[i - 1] + 1;
	}
	return length >= 2 && (same * 3 >= length * 2 || next * 3 >= length * 2);
}

static bool is_word(const char *value, size_t length)
{
	static const char *const words[] = { "example", "changeme", "change_me", "change-me",
		"placeholder", "replaceme", "replace_me", "replace-me", "replace_with", "your_",
		"your-", "dummy", "redacted", "xxxxx", "****", "....", "insert", "not-a-real",
		"notreal", "sample" };
	static const char *const whole[] = { "", "password", "passwd", "secret", "token", "todo",
		"test", "testing", "none", "null", "nil", "true", "false", "admin", "root", "user",
		"username", "default", "foo", "bar", "foobar", "baz", "pass", "key", "value",
		"string", "empty", "unset", "tbd", "n/a", "x", "..." };

	while (length > 0 && strchr(" \t\r\n", value[length - 1]) != NULL)
		length--;
	for (size_t i = 0; i < countof(whole); i++)
		if (strlen(whole[i]) == length && strncasecmp(whole[i], value, length) == 0)
			return true;
	for (size_t i = 0; i < countof(words); i++)
		if (holds(value, length, words[i]))
			return true;
	return is_reference(value, length) || is_keyboard(value, length);
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* The length, 0 when it is no base64. */
static size_t unbase64(const char *text, size_t length, char *ret, size_t most)
{
	unsigned bits = 0;
	size_t count = 0;
	int held = 0;

	for (const char *end = text + length; text < end; text++) {
		int digit = digit_of(*text);

		if (*text != '\0' && strchr("=\r\n ", *text) != NULL)
			continue;
		if (digit < 0)
			return 0;
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (count < most)
			ret[count++] = (char)(bits >> held & 0xff);
	}
	return count;
}

bool plaintext_is_placeholder(const char *value, size_t length)
{
	char plain[200];
	size_t size;

	if (is_word(value, length))
		return true;
	size = length < 4 ? 0 : unbase64(value, length, plain, sizeof(plain));
	for (size_t i = 0; i < size; i++)
		if ((plain[i] < ' ' || plain[i] > '~') && plain[i] != '\n')
			return false; /* no word was encoded: the value is what it seems */
	return size > 0 && is_word(plain, size);
}

/* ---- the file ---- */

static bool ends_with(const char *path, const char *end)
{
	size_t size = strlen(path), length = strlen(end);

	return size >= length && strcasecmp(path + size - length, end) == 0;
}

/* Where a value needs no quotes. In a program a word without them is a name. */
static bool has_bare_values(const char *path)
{
	static const char *const ends[] = { ".yaml", ".yml", ".env", ".properties", ".ini", ".cfg",
		".conf", ".cnf", ".envrc", ".netrc", ".npmrc", ".pypirc" };
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < countof(ends); i++)
		if (ends_with(path, ends[i]))
			return true;
	return str_starts(slash == NULL ? path : slash + 1, ".env");
}

static bool is_manifest(const char *path)
{
	return ends_with(path, ".yaml") || ends_with(path, ".yml") || ends_with(path, ".json");
}

static bool is_wide(const char *bytes, size_t length)
{
	return length >= 2 &&
	       (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
}

static int by_line(const void *a, const void *b)
{
	const struct plaintext_finding *x = a, *y = b;

	return x->line - y->line;
}

static void scan_text(const char *path, const char *bytes, size_t length, struct plaintext *ret)
{
	if (is_manifest(path))
		plaintext_manifests(bytes, length, ret);
	plaintext_tokens(bytes, length, ret);
	plaintext_assigned(bytes, length, has_bare_values(path), ret);
	if (ret->count > 0)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_line);
}

void plaintext_scan(const char *path, const char *bytes, size_t length, struct plaintext *ret)
{
	size_t look = length < BINARY_LOOK ? length : BINARY_LOOK;
	_cleanup_free_ char *narrow = NULL;
	size_t kept = 0;

	ret->count = 0;
	if (!is_wide(bytes, length)) {
		if (memchr(bytes, '\0', look) == NULL)
			scan_text(path, bytes, length, ret);
		return;
	}
	/* UTF-16: tools read it, so do we; of other letters nothing is left. */
	narrow = mem_alloc(length + 1);
	for (size_t i = 2; i < length; i++)
		if (bytes[i] != '\0')
			narrow[kept++] = bytes[i];
	scan_text(path, narrow, kept, ret);
}
