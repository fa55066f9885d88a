/* links: lib_yaml lib */
/* YAML behind caps: the tree and its places, aliases under a budget, what is refused, and files
 * made to cost more than they should. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/yaml.h"

#include <string.h>

enum {
	QUICK_MS = 20000
}; /* far below what quadratic work takes; under valgrind beside others too */

static int parse(const char *bytes, size_t length, struct arena *arena, struct yaml_node **ret,
	struct yaml_place *place, struct err *err)
{
	return yaml_parse(bytes, length, arena, ret, place, err);
}

/* {a: [x, "y"]} as it was understood: quoted scalars in quotes. */
static void print_tree(const struct yaml_node *node, struct strbuf *out)
{
	if (node->kind == YAML_SCALAR) {
		strbuf_printf(out, node->is_plain ? "%s" : "\"%s\"", node->text);
		return;
	}
	strbuf_putc(out, node->kind == YAML_MAP ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		if (i > 0)
			strbuf_puts(out, node->kind == YAML_MAP && i % 2 == 1 ? ": " : ", ");
		print_tree(node->items[i], out);
	}
	strbuf_putc(out, node->kind == YAML_MAP ? '}' : ']');
}

static const struct {
	const char *name, *text, *tree;
} trees[] = {
	{ "nothing", "", "{}" },
	{ "a comment", "# hello\n", "{}" },
	{ "an empty document", "---\n", "{}" },
	{ "a byte order mark",
		"\xef\xbb\xbf"
		"a: 1",
		"{a: 1}" },
	{ "flow and block", "a: [x, 'y', \"z\"]\nb:\n  c: 1\n  d:\n",
		"{a: [x, \"y\", \"z\"], b: {c: 1, d: }}" },
	{ "an alias", "a: &x {b: 1}\nc: *x\nd: [*x]\n", "{a: {b: 1}, c: {b: 1}, d: [{b: 1}]}" },
	{ "the newest anchor of a name", "a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}" },
	{ "text by its tag", "a: !!str 12\nb: ! 13\n", "{a: \"12\", b: \"13\"}" },
	{ "the same key in two maps", "a: {k: 1}\nb: {k: 2}\n", "{a: {k: 1}, b: {k: 2}}" },
	{ "a map merged", "a: &x {b: 1, c: 2}\nd: {<<: *x, e: 4}\n",
		"{a: {b: 1, c: 2}, d: {e: 4, b: 1, c: 2}}" },
	{ "two maps merged", "a: {<<: [{b: 1}, {c: 3}]}\n", "{a: {b: 1, c: 3}}" },
	{ "a merge of a merge", "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: {<<: *y}\n",
		"{a: {b: 1}, c: {d: 2, b: 1}, e: {d: 2, b: 1}}" },
	{ "a merge sign in quotes is a key", "a: {\"<<\": 1}\n", "{a: {\"<<\": 1}}" },
	{ "a list at the top", "- a\n- b\n", "[a, b]" },
	{ "a directive", "%YAML 1.1\n---\na: 1\n", "{a: 1}" },
	{ "line ends of another system", "a: 1\r\nb: 2\r\n", "{a: 1, b: 2}" },
};

static void test_tree(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);
	const __typeof__(trees[0]) *row = *state;
	struct yaml_node *root = NULL;
	struct yaml_place place;
	struct err err = { 0 };

	assert_ok(parse(row->text, strlen(row->text), &arena, &root, &place, &err), &err);
	print_tree(root, &out);
	assert_string_equal(strbuf_text(&out), row->tree);
}

static const struct {
	const char *name, *text;
	int line, column;
	const char *said;
} refused[] = {
	{ "a key twice", "a: 1\nb: 2\na: 3\n", 3, 1, "the key \"a\" is given twice" },
	{ "the first of two such keys", "b: 1\na: 2\na: 3\nb: 4\n", 3, 1,
		"the key \"a\" is given twice" },
	{ "a key twice, written differently", "a: 1\n\"a\": 2\n", 2, 1, "given twice" },
	{ "a list as key", "? [a]\n: 1\n", 1, 3, "a key must be a plain word" },
	{ "two documents", "a: 1\n---\nb: 2\n", 2, 1, "only one document" },
	{ "an alias of nothing", "a: *x\n", 1, 4, "no anchor &x before" },
	{ "an alias inside itself", "a: &x [1, *x]\n", 1, 11, "stands inside of what it names" },
	{ "another tag", "a: !!binary aGk=\n", 1, 4, "tags like" },
	{ "a tag on a map", "a: !thing {b: 1}\n", 1, 4, "tags like !thing" },
	{ "a tab", "a:\n\tb: 1\n", 2, 1, "a tab cannot indent; use spaces" },
	{ "an open quote", "a: \"b\nc\n", 3, 1, "found unexpected end of stream" },
	{ "an open bracket", "a: [b, c\n", 2, 1, "this is not YAML" },
	{ "a NUL in text", "a: \"x\\0y\"\n", 1, 4, "a byte that does not belong in text" },
	{ "a control character", "b: \xc3\xa4\na: \x01\n", 2, 4,
		"the character 0x01 does not belong in text" },
	{ "broken UTF-8", "a: \xff\xfe\n", 1, 4, "the byte 0xff is not UTF-8; save the file as" },
	{ "UTF-16",
		"\xff\xfe"
		"a",
		0, 0, "the file is UTF-16; save it as UTF-8" },
	{ "a merge of a word", "a: {<<: b}\n", 1, 9, "<< takes a map, or a list of maps" },
	{ "a merge of words", "a: {<<: [{}, b]}\n", 1, 14, "<< takes a map, or a list of maps" },
	{ "a merged key that is there", "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", 4, 3,
		"the key \"b\" is given twice: << brings it from line 1" },
	{ "a key of two merged maps", "a: {<<: [{b: 1}, {b: 2}]}\n", 1, 11,
		"the key \"b\" is given twice" },
	{ "two merges", "a: {<<: {}, <<: {}}\n", 1, 13, "the key \"<<\" is given twice" },
};

static void test_refused(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const __typeof__(refused[0]) *row = *state;
	struct yaml_node *root = NULL;
	struct yaml_place place;
	struct err err = { 0 };
	int r = parse(row->text, strlen(row->text), &arena, &root, &place, &err);

	assert_err(r, &err, ERR_CONFIG, row->said);
	assert_int_equal(place.line, row->line);
	assert_int_equal(place.column, row->column);
}

/* `begin`, then `part` so often, then `end`; a %d in `part` is its number. */
static const struct {
	const char *name, *begin, *part;
	int times;
	const char *end, *said; /* NULL: it is fine */
} bombs[] = {
	{ "open brackets", "", "[", 200000, "", "nested too deeply" },
	{ "open braces", "", "{", 200000, "", "nested too deeply" },
	{ "dashes", "", "- ", 200000, "", "nested too deeply" },
	{ "question marks", "", "? ", 200000, "", "nested too deeply" },
	{ "keys of one map", "", "key%d: 1\n", 60000, "", "too many entries" },
	{ "keys that fit", "", "key%d: 1\n", 24000, "", NULL },
	{ "empty lists", "a: [", "[],", 60000, "]", "too many entries" },
	{ "anchors", "", "a%d: &a%d x\n", 10000, "", "more than 200 anchors" },
	{ "%TAG lines", "", "%%TAG !t%d! x\n", 60000, "--- a\n", "lines that begin with %" },
	{ "%TAG lines of another system", "", "%%TAG !t%d! x\r", 60000, "--- a\n",
		"lines that begin with %" },
	{ "%TAG lines of the next document", "a: 1\n...\n", "%%TAG !t%d! x\n", 60000, "--- a\n",
		"lines that begin with %" },
	{ "a long word", "a: ", "x", 900000, "", "this text is too long" },
	{ "a long quoted text", "a: \"", "x\n", 300000, "\"\n", "this text is too long" },
	{ "a long block", "a: |\n", " x\n", 200000, "", "this text is too long" },
	{ "colons", "", "a:", 400000, "", "too long" },
	{ "comments", "", "# x\n", 200000, "", NULL },
	{ "more bytes than a file has", "", "# x\n", 300000, "", "larger than" },
	{ "keys to merge", "a: &x {\n", "key%d: 1,\n", 201, "}\nb: {<<: *x}\n",
		"<< joins maps of at most 200 keys" },
	{ "merges of merges", "a: {<<: [", "{key%d: 1},", 300, "]}\n",
		"<< joins maps of at most 200 keys" },
	{ "levels of aliases", "a0: &a0 [x]\n", "b%d: &a1 [*a0]\n", 1, "c: [[[[[*a1]]]]]\n", NULL },
};

static void build(
	struct strbuf *out, const char *begin, const char *part, int times, const char *end)
{
	strbuf_puts(out, begin);
	for (int i = 0; i < times; i++) {
		for (const char *at = part; *at != '\0'; at++) {
			if (at[0] == '%' && (at[1] == 'd' || at[1] == '%')) {
				if (at[1] == 'd')
					strbuf_printf(out, "%d", i);
				else
					strbuf_putc(out, '%');
				at++;
			} else {
				strbuf_putc(out, *at);
			}
		}
	}
	strbuf_puts(out, end);
}

/* ---- streams ---- */

static const struct {
	const char *name, *text;
	int documents; /* that were given before the end, or the error */
	const char *said;
} streams[] = {
	{ "one", "a: 1\n", 1, NULL },
	{ "three", "a: 1\n---\nb: 2\n---\n{c: 3}\n", 3, NULL },
	{ "empty ones between", "---\n---\na: 1\n---\n", 3, NULL },
	{ "nothing", "", 0, NULL },
	{ "an anchor ends with its document", "a: &x 1\n---\nb: *x\n", 1, "there is no anchor" },
	{ "what stands before an error is seen", "a: 1\n---\nb: 2\n---\n{{ c }}: [\n", 2,
		"a key must be a plain word" },
	{ "who takes may end it", "a: 1\n---\nstop: 1\n---\nc: 1\n", 2, "enough" },
};

struct taken {
	int count;
	struct err *err;
};

static int take(void *owner, struct yaml_node *root)
{
	struct taken *taken = owner;

	taken->count++;
	return yaml_get(root, "stop") == NULL ? 0 : err_user(taken->err, ERR_CONFIG, "enough");
}

static void test_stream(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const __typeof__(streams[0]) *row = *state;
	struct yaml_place place;
	struct err err = { 0 };
	struct taken taken = { .err = &err };
	int r = yaml_parse_stream(
		row->text, strlen(row->text), YAML_BYTES_MAX, &arena, take, &taken, &place, &err);

	assert_int_equal(taken.count, row->documents);
	if (row->said == NULL)
		assert_ok(r, &err);
	else
		assert_err(r, &err, ERR_CONFIG, row->said);
}

static void must_end_quickly(const struct strbuf *text, const char *said)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	int64_t began = clock_monotonic_ms(&clock_system);
	struct yaml_node *root = NULL;
	struct yaml_place place;
	struct err err = { 0 };
	int r;

	assert_false(text->overflowed);
	r = parse(strbuf_text(text), text->length, &arena, &root, &place, &err);
	assert_true(clock_monotonic_ms(&clock_system) - began < QUICK_MS);
	assert_true(arena_bytes(&arena) < 32 << 20);
	if (said == NULL)
		assert_ok(r, &err);
	else
		assert_err(r, &err, ERR_CONFIG, said);
}

static void test_bomb(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4 << 20);
	const __typeof__(bombs[0]) *row = *state;

	build(&text, row->begin, row->part, row->times, row->end);
	must_end_quickly(&text, row->said);
}

/* Nine of nine of nine ...: a few hundred bytes, a billion entries. */
static void test_billion_laughs(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 16);

	strbuf_puts(&text, "a: &a [x, x, x, x, x, x, x, x, x]\n");
	for (char c = 'b'; c < 'k'; c++) {
		strbuf_printf(&text, "%c: &%c [", c, c);
		for (int i = 0; i < 9; i++)
			strbuf_printf(&text, "%s*%c", i == 0 ? "" : ", ", c - 1);
		strbuf_puts(&text, "]\n");
	}
	must_end_quickly(&text, "with its aliases written out the file has too many entries");
}

/* Each alias one level deeper than the last: what a walk would need as stack. */
static void test_ladder_of_aliases(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 16);

	strbuf_puts(&text, "k0: &a0 [x]\n");
	for (int i = 1; i < 60; i++)
		strbuf_printf(&text, "k%d: &a%d [*a%d]\n", i, i, i - 1);
	must_end_quickly(&text, "with its aliases written out the file is nested too deeply");
}

int main(int argc, char **argv)
{
	CASES(trees, test_tree);
	CASES(refused, test_refused);
	CASES(bombs, test_bomb);
	CASES(streams, test_stream);
	CASE(test_billion_laughs);
	CASE(test_ladder_of_aliases);
	return cases_run(argc, argv);
}
