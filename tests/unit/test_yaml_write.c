/* links: config lib_regex model lib_yaml lib */
/* What is written reads back as the same tree, whatever a text looks like. */
#include "tests/lib/cases.h"

#include "config/yaml_write.h"

#include <string.h>

static const struct {
	const char *name; /* the text */
	const char *written;
} texts[] = {
	{ "plan", "plan" },
	{ "/run/secrets/key.pem", "/run/secrets/key.pem" },
	{ "https://plan.acme.test", "https://plan.acme.test" },
	{ "", "\"\"" },
	{ "true", "\"true\"" },
	{ "No", "\"No\"" },
	{ "1.5", "\"1.5\"" },
	{ "~", "\"~\"" },
	{ "*", "\"*\"" },
	{ "!github.com/x", "\"!github.com/x\"" },
	{ "a: b", "\"a: b\"" },
	{ "a #b", "\"a #b\"" },
	{ "a:", "\"a:\"" },
	{ " a", "\" a\"" },
	{ "-", "\"-\"" },
	{ "say \"no\" \\ 'yes' [a, b] {c} | > & * ! % @ `",
		"say \"no\" \\ 'yes' [a, b] {c} | > & * ! % "
		"@ `" },
	{ "\"quoted\" \\", "\"\\\"quoted\\\" \\\\\"" },
	{ "/.*/", "/.*/" },
	{ "a#b:c", "a#b:c" },
	{ "a ", "\"a \"" },
	{ "\x07\x7f\ttab", "\"\\U00000007\\U0000007f\\ttab\"" },
	{ "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
	{ "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", "\"\\U00000085\\U00002028\\U0000feff\"" },
	{ "one\ntwo\n", "|\n    one\n    two" },
	{ "one\n\n  two", "|-\n    one\n\n      two" },
	{ "one\n\n", "\"one\\n\\n\"" },
	{ "\none", "\"\\none\"" },
	{ " one\ntwo", "\" one\\ntwo\"" },
};

static void test_text(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 16);
	const __typeof__(texts[0]) *row = *state;
	struct yaml_node *root = yaml_new_map(&arena), *again = NULL;
	struct yaml_place place;
	struct err err;

	yaml_set(&arena, root, "a.b", yaml_new_text(&arena, row->name));
	yaml_write(root, &out);
	assert_string_equal(strbuf_text(&out), arena_printf(&arena, "a:\n  b: %s\n", row->written));
	assert_ok(yaml_parse(strbuf_text(&out), out.length, &arena, &again, &place, &err), &err);
	assert_string_equal(yaml_get(yaml_get(again, "a"), "b")->text, row->name);
}

static void test_shapes(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 16);
	struct yaml_node *root = yaml_new_map(&arena), *list = yaml_new_list(&arena);
	struct yaml_node *item = yaml_new_map(&arena), *inner = yaml_new_list(&arena);

	yaml_set(&arena, item, "id", yaml_new_text(&arena, "/.*/"));
	yaml_set(&arena, item, "none", yaml_new_plain(&arena, ""));
	yaml_add(&arena, inner, yaml_new_plain(&arena, "3"));
	yaml_add(&arena, inner, yaml_new_plain(&arena, "-")); /* in [-] it is text */
	yaml_add(&arena, list, item);
	yaml_add(&arena, list, inner);
	yaml_add(&arena, list, yaml_new_list(&arena));
	yaml_set_key(&arena, root, "github.com", list);
	yaml_set(&arena, root, "empty", yaml_new_map(&arena));
	yaml_write(root, &out);
	assert_string_equal(strbuf_text(&out), "github.com:\n  - id: /.*/\n    none:\n  - - 3\n"
					       "    - \"-\"\n  - []\nempty: {}\n");
}

/* YAML has such keys, and with nothing written there is none. */
static void test_key_of_nothing(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 16);
	static const char text[] = "&nothing:\n  a: b\n";
	struct yaml_node *root = NULL, *again = NULL;
	struct yaml_place place;
	struct err err;

	assert_ok(yaml_parse(text, strlen(text), &arena, &root, &place, &err), &err);
	yaml_write(root, &out);
	assert_string_equal(strbuf_text(&out), "\"\":\n  a: b\n");
	assert_ok(yaml_parse(strbuf_text(&out), out.length, &arena, &again, &place, &err), &err);
}

int main(int argc, char **argv)
{
	CASES(texts, test_text);
	CASE(test_shapes);
	CASE(test_key_of_nothing);
	return cases_run(argc, argv);
}
