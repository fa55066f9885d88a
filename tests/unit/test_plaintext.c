/* links: model lib_yaml lib */
/* Secrets in plain text: the files of tests/corpora/plaintext, each with values that are made here,
 * so that none stands in a file; several of them, because what looks random is a question of luck.
 */
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/plaintext.h"
#include "tests/lib/cases.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORPUS "tests/corpora/plaintext/"

enum { FILE_MAX = 64 << 10, SEEDS = 40, FILES_MAX = 200 };

/* ---- values ---- */

static uint64_t state_of_luck;

static char pick(const char *from)
{
	state_of_luck = state_of_luck * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
	return from[(state_of_luck >> 33) % strlen(from)];
}

#define LETTERS	 "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	 "0123456789"

static const char *set_called(const char *name, size_t length)
{
	static const struct {
		const char *name, *set;
	} sets[] = {
		{ "alnum", LETTERS CAPITALS DIGITS },
		{ "mixed", LETTERS CAPITALS DIGITS },
		{ "word", LETTERS CAPITALS DIGITS "-_" },
		{ "b64s", LETTERS CAPITALS DIGITS "+/" },
		{ "hex", DIGITS "abcdef" },
		{ "base32", CAPITALS "234567" },
		{ "upper", CAPITALS DIGITS },
		{ "lower", LETTERS DIGITS },
		{ "digit", DIGITS },
	};

	for (size_t i = 0; i < countof(sets); i++)
		if (strlen(sets[i].name) == length && strncmp(sets[i].name, name, length) == 0)
			return sets[i].set;
	fail_msg("the corpus asks for %.*s", (int)length, name);
	return NULL;
}

static void put_base64(struct strbuf *out, const char *text, size_t length)
{
	static const char digits[] = CAPITALS LETTERS DIGITS "+/";

	for (size_t i = 0; i < length; i += 3) {
		unsigned bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < length ? (unsigned char)text[i + k] : 0U);
		for (int k = 3; k >= 0; k--)
			strbuf_putc(out,
				i + (size_t)(3 - k) > length ? '=' : digits[bits >> (6 * k) & 63]);
	}
}

/* "alnum:36", or "enc:alnum:16" for its base64. */
static void put_value(struct strbuf *out, const char *order, size_t length)
{
	bool is_encoded = length > 4 && strncmp(order, "enc:", 4) == 0;
	const char *set_name = order + (is_encoded ? 4 : 0);
	const char *colon = memchr(set_name, ':', length - (is_encoded ? 4 : 0));
	char value[2000];
	size_t count;

	assert_non_null(colon);
	count = strtoul(colon + 1, NULL, 10);
	assert_in_range(count, 1, sizeof(value));
	for (size_t i = 0; i < count; i++)
		value[i] = pick(set_called(set_name, (size_t)(colon - set_name)));
	/* nobody's generator leaves them out */
	if (strncmp(set_name, "mixed", 5) == 0) {
		value[3] = '7';
		value[5] = 'q';
	}
	if (is_encoded)
		put_base64(out, value, count);
	else
		strbuf_append(out, value, count);
}

static void expand(const char *text, struct strbuf *out)
{
	while (*text != '\0') {
		const char *end = strncmp(text, "@{", 2) == 0 ? strchr(text, '}') : NULL;

		if (end == NULL) {
			strbuf_putc(out, *text++);
			continue;
		}
		put_value(out, text + 2, (size_t)(end - text - 2));
		text = end + 1;
	}
}

/* ---- files ---- */

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = mem_alloc(FILE_MAX);
	size_t length;

	if (file == NULL)
		fail_msg("cannot open %s", path);
	length = fread(text, 1, FILE_MAX - 1, file);
	text[length] = '\0';
	(void)fclose(file);
	return text;
}

/* Two words before a text say what bytes it becomes. */
static void encode(struct strbuf *text)
{
	_cleanup_free_ char *plain = mem_strdup(strbuf_text(text));

	if (str_starts(plain, "BINARY:")) {
		strbuf_clear(text);
		strbuf_append(text,
			"\x7f"
			"ELF\0\0",
			6);
		strbuf_puts(text, plain + 7);
	} else if (str_starts(plain, "UTF16:")) {
		strbuf_clear(text);
		strbuf_append(text, "\xff\xfe", 2);
		for (const char *at = plain + 6; *at != '\0'; at++)
			strbuf_append(text, (const char[]){ *at, '\0' }, 2);
	}
}

static void scan(const char *folder, const char *name, uint64_t seed, struct plaintext *ret)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(FILE_MAX);
	_cleanup_free_ char *path = mem_printf(CORPUS "%s/%s.in", folder, name), *raw = NULL;

	state_of_luck = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	raw = read_file(path);
	expand(raw, &text);
	encode(&text);
	plaintext_scan(name, strbuf_text(&text), text.length, ret);
}

static void said(const struct plaintext *found, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = 0; i < found->count; i++)
		(void)snprintf(ret + strlen(ret), size - strlen(ret), "%s%s:%d", i > 0 ? " " : "",
			found->list[i].rule, found->list[i].line);
}

struct file_case {
	const char *name, *folder, *expected;
};

static void file_is_judged(void **state)
{
	const struct file_case *file = *state;
	struct plaintext found;
	char text[1000];

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		scan(file->folder, file->name, seed, &found);
		said(&found, text, sizeof(text));
		if (strcmp(text, file->expected) != 0)
			fail_msg("%s/%s, seed %d: found \"%s\" instead of \"%s\"", file->folder,
				file->name, (int)seed, text, file->expected);
	}
}

/* ---- what else is promised ---- */

static void values_are_told_apart(_unused_ void **state)
{
	static const char *const names[] = { "ci.sh", "id_rsa", "secret.yaml", "prod.env" };

	for (size_t i = 0; i < countof(names); i++) {
		struct plaintext one, same, other;

		scan("block", names[i], 1, &one);
		scan("block", names[i], 1, &same);
		scan("block", names[i], 2, &other);
		assert_true(one.list[0].mark == same.list[0].mark);
		assert_false(one.list[0].mark == other.list[0].mark);
	}
}

static void many_are_cut(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	struct plaintext found;

	state_of_luck = 7;
	for (int i = 0; i < 3 * PLAINTEXT_MAX; i++)
		expand("ghp_@{alnum:36}\n", &text);
	plaintext_scan("x", strbuf_text(&text), text.length, &found);
	assert_int_equal(found.count, PLAINTEXT_MAX);
}

/* Luck must not hide a token: what random bytes happen to say is no placeholder. */
static void every_token_is_found(_unused_ void **state)
{
	state_of_luck = 11;
	for (int i = 0; i < 20000; i++) {
		_cleanup_strbuf_ struct strbuf text = STRBUF(100);
		struct plaintext found;

		expand("ghp_@{alnum:36}", &text);
		plaintext_scan("x", strbuf_text(&text), text.length, &found);
		if (found.count != 1)
			fail_msg("%s is not found", strbuf_text(&text));
	}
}

static void nothing_in_nothing(_unused_ void **state)
{
	struct plaintext found;

	plaintext_scan("x.yaml", "", 0, &found);
	assert_int_equal(found.count, 0);
	plaintext_scan("x.yaml", "\xff\xfe", 2, &found);
	assert_int_equal(found.count, 0);
}

/* ---- the list of files ---- */

static struct file_case files[FILES_MAX];

static size_t list_blocking(char *index)
{
	size_t count = 0;

	for (char *line; (line = strsep(&index, "\n")) != NULL;) {
		char *tab = strchr(line, '\t');

		if (line[0] == '#' || tab == NULL)
			continue;
		*tab = '\0';
		assert_true(count < FILES_MAX);
		files[count++] = (struct file_case){ mem_strdup(line), "block",
			mem_strdup(tab + 1) };
	}
	return count;
}

static size_t list_passing(size_t count)
{
	DIR *dir = opendir(CORPUS "pass");
	struct dirent *entry;

	if (dir == NULL)
		abort();
	while ((entry = readdir(dir)) != NULL) {
		char *end = strstr(entry->d_name, ".in");

		if (end == NULL || count == FILES_MAX)
			continue;
		files[count++] = (struct file_case){
			mem_printf("%.*s", (int)(end - entry->d_name), entry->d_name), "pass", ""
		};
	}
	(void)closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *index = read_file(CORPUS "expected.txt");
	size_t blocking = list_blocking(index), all = list_passing(blocking);

	if (blocking < 60 || all - blocking < 60)
		abort(); /* a part of the corpus is gone */
	for (size_t i = 0; i < all; i++)
		cases_add("file", files[i].name, file_is_judged, &files[i]);
	CASE(values_are_told_apart);
	CASE(many_are_cut);
	CASE(every_token_is_found);
	CASE(nothing_in_nothing);
	return cases_run(argc, argv);
}
