/* links: lib */
/* Secrets in every writing, at every border of a stream; and words that stay. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/mask.h"
#include <string.h>

static void put(struct mask *mask, const char *text, size_t chunk, struct strbuf *out)
{
	struct mask_flow flow = { 0 };
	size_t length = strlen(text), begin = 0, seen = 0;

	do {
		seen = seen + chunk < length ? seen + chunk : length;
		begin += mask_append(
			mask, &flow, text + begin, seen - begin, seen == length, out, NULL);
	} while (begin < length);
}

static const struct text_case {
	const char *name, *text, *shown;
} texts[] = {
	{ "as it is", "is s3cret-<one>&\"two\"? yes", "is ***? yes" },
	{ "twice", "s3cret-<one>&\"two\" s3cret-<one>&\"two\"", "*** ***" },
	{ "over lines", "is s3cr\net-<one>\r\n&\"tw\n\no\"? yes", "is ***? yes" },
	{ "line ends beside it stay", "a\ns3cret-<one>&\"two\"\nb", "a\n***\nb" },
	{ "base64", "czNjcmV0LTxvbmU+JiJ0d28i", "***" },
	{ "base64, one byte later", "eHMzY3JldC08b25lPiYidHdvIg==", "eH***g==" },
	{ "base64, two bytes later", "eHhzM2NyZXQtPG9uZT4mInR3byI=", "eHh***I=" },
	{ "base64 for addresses", "czNjcmV0LTxvbmU-JiJ0d28i", "***" },
	{ "base64 over lines", "czNjcmV0LTxv\nbmU+JiJ0d28i", "***" },
	{ "hex", "[7333637265742d3c6f6e653e262274776f22]", "[***]" },
	{ "hex in capitals", "7333637265742D3C6F6E653E262274776F22", "***" },
	{ "in an address", "?q=s3cret-%3Cone%3E%26%22two%22&x", "?q=***&x" },
	{ "in an address, lower case", "s3cret-%3cone%3e%26%22two%22", "***" },
	{ "in JSON", "\"s3cret-<one>&\\\"two\\\"\"", "\"***\"" },
	{ "in JSON for HTML", "\"s3cret-\\u003cone\\u003e\\u0026\\\"two\\\"\"", "\"***\"" },
	{ "cut off by the end", "x s3cret-<on", "x ***" },
	{ "too little of it to be one", "x s3cre", "x s3cre" },
	{ "nearly", "s3cret-<onE>&\"two\"", "s3cret-<onE>&\"two\"" },
	{ "one that holds another", "overlapping", "***" },
	{ "two that overlap", "-overlapped overlap-ping-", "-***ed ***-" },
	{ "a line of several", "x first line y", "x *** y" },
	{ "all lines", "first line\nsecond line", "***" },
	{ "an ordinary word", "postgres is a \"postgres\"", "postgres is a ***" },
	{ "a long one is no word", "xa-value-that-is-longx", "x***x" },
	{ "short ones are words", "pwd", "pwd" },
	{ "nothing", "", "" },
};

static struct mask make_mask(void)
{
	struct mask mask = { 0 };

	mask_add(&mask, "s3cret-<one>&\"two\"");
	mask_add(&mask, "overlap");
	mask_add(&mask, "overlapping");
	mask_add(&mask, "overlap-ping");
	mask_add(&mask, "verlapp");
	mask_add(&mask, "pwd");
	mask_add(&mask, "first line\nsecond line");
	mask_add_quoted(&mask, "postgres");
	mask_add_quoted(&mask, "a-value-that-is-long");
	return mask;
}

static void hides_it_at_every_border(void **state)
{
	const struct text_case *row = *state;
	struct mask mask = make_mask();

	for (size_t chunk = 1; chunk <= strlen(row->text) + 1; chunk++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF(4096);

		put(&mask, row->text, chunk, &out);
		assert_string_equal(strbuf_text(&out), row->shown);
	}
	mask_release(&mask);
}

static void a_long_value_goes_in_pieces(_unused_ void **state)
{
	enum { LENGTH = 20000 };
	_cleanup_free_ char *value = mem_alloc(LENGTH + 1), *text = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	struct mask mask = { 0 };

	for (size_t i = 0; i < LENGTH; i++)
		value[i] = (char)('a' + (i * i + i / 7) % 26);
	mask_add(&mask, value);
	text = mem_printf("<%s>", value);
	put(&mask, text, 5000, &out);
	assert_string_equal(strbuf_text(&out), "<***>");
	mask_release(&mask);
}

/* A stream that never brings enough to judge still goes on. */
static void goes_on_over_empty_lines(_unused_ void **state)
{
	enum { LENGTH = 200000 };
	_cleanup_free_ char *text = mem_alloc(LENGTH + 1);
	_cleanup_strbuf_ struct strbuf out = STRBUF(1 << 20);
	struct mask mask = make_mask();
	struct mask_flow flow = { 0 };
	size_t used;

	memset(text, '\n', LENGTH);
	text[0] = 'x';
	used = mask_append(&mask, &flow, text, 64 << 10, false, &out, NULL);
	assert_true(used > 0);
	mask_release(&mask);
}

static void counts_what_it_hides(_unused_ void **state)
{
	struct mask mask = make_mask();
	size_t hits = 0;
	_cleanup_free_ char *text = mask_text(&mask, "overlap, overlapping and overlap", &hits);
	_cleanup_free_ char *same = mask_text(&(struct mask){ 0 }, "overlap", &hits);

	assert_string_equal(text, "***, *** and ***");
	assert_string_equal(same, "overlap");
	assert_int_equal(hits, 3);
	mask_release(&mask);
}

static void hides_in_json(_unused_ void **state)
{
	struct mask mask = make_mask();
	json_t *json = mask_json(
		&mask, json_pack("{s:[s,i,{s:s}]}", "a", "overlap", 1, "b", "x overlapping"));
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text, "{\"a\":[\"***\",1,{\"b\":\"x ***\"}]}");
	json_decref(json);
	mask_release(&mask);
}

int main(int argc, char **argv)
{
	CASES(texts, hides_it_at_every_border);
	CASE(a_long_value_goes_in_pieces);
	CASE(goes_on_over_empty_lines);
	CASE(counts_what_it_hides);
	CASE(hides_in_json);
	return cases_run(argc, argv);
}
