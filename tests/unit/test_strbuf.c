/* links: lib */
/* The growing string and its cap. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/strbuf.h"

#include <string.h>

static void an_empty_one_is_readable(_unused_ void **state)
{
	struct strbuf buf = STRBUF(10);

	assert_string_equal(strbuf_text(&buf), "");
	strbuf_clear(&buf);
	strbuf_truncate(&buf, 0);
	strbuf_append(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	strbuf_release(&buf);
	strbuf_release(&buf);
}

static void appends(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF(1000);

	strbuf_puts(&buf, "plan");
	strbuf_putc(&buf, ' ');
	strbuf_append(&buf, "a\0b", 3);
	strbuf_printf(&buf, " %d", 42);
	assert_int_equal(buf.length, 11);
	assert_memory_equal(buf.data, "plan a\0b 42", 12);
	assert_false(buf.overflowed);
}

static void prints_what_is_long(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF(100000);

	strbuf_printf(&buf, "%05000d", 7);
	assert_int_equal(buf.length, 5000);
	assert_int_equal(buf.data[4999], '7');
	strbuf_clear(&buf);
	strbuf_printf(&buf, "%0255d", 7); /* the room on the stack, to the byte */
	strbuf_printf(&buf, "%0256d", 8);
	assert_int_equal(buf.length, 511);
}

struct cap_case {
	const char *name;
	size_t cap;
	const char *kept;
	bool overflows;
};

static const struct cap_case cap_cases[] = {
	{ "room to spare", 100, "abcdefghij", false },
	{ "exactly enough", 10, "abcdefghij", false },
	{ "one too few", 9, "abcdefghi", true },
	{ "cut in the first piece", 2, "ab", true },
	{ "no room at all", 0, "", true },
};

static void stops_at_the_cap(void **state)
{
	const struct cap_case *row = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF(row->cap);

	strbuf_puts(&buf, "abcde");
	strbuf_printf(&buf, "%s", "fghij");
	assert_string_equal(strbuf_text(&buf), row->kept);
	assert_int_equal(buf.overflowed, row->overflows);
	assert_true(buf.room <= row->cap + 1 || buf.room <= 64);
}

static void stays_overflowed(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF(5);

	strbuf_puts(&buf, "abcdef");
	strbuf_truncate(&buf, 2);
	strbuf_puts(&buf, "x"); /* would fit, but something before it is missing */
	assert_string_equal(buf.data, "ab");
	assert_true(buf.overflowed);
	strbuf_clear(&buf);
	strbuf_puts(&buf, "xyz");
	assert_string_equal(buf.data, "xyz");
	assert_false(buf.overflowed);
}

static void truncates(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF(50);

	strbuf_puts(&buf, "abcdef");
	strbuf_truncate(&buf, 100);
	assert_string_equal(buf.data, "abcdef");
	strbuf_truncate(&buf, 3);
	strbuf_putc(&buf, '!');
	assert_string_equal(buf.data, "abc!");
}

static void gives_its_text_away(_unused_ void **state)
{
	struct strbuf buf = STRBUF(50);
	char *text;

	text = strbuf_steal(&buf);
	assert_string_equal(text, "");
	free(text);
	strbuf_puts(&buf, "mine");
	text = strbuf_steal(&buf);
	assert_string_equal(text, "mine");
	assert_string_equal(strbuf_text(&buf), "");
	assert_int_equal(buf.cap, 50);
	free(text);
}

static void grows_byte_by_byte(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF(70000);

	for (int i = 0; i < 70001; i++)
		strbuf_putc(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.length, 70000);
	assert_true(buf.overflowed);
	assert_int_equal(strlen(buf.data), 70000);
	assert_int_equal(buf.data[69999], 'a' + 69999 % 26);
}

int main(int argc, char **argv)
{
	CASE(an_empty_one_is_readable);
	CASE(appends);
	CASE(prints_what_is_long);
	CASES(cap_cases, stops_at_the_cap);
	CASE(stays_overflowed);
	CASE(truncates);
	CASE(gives_its_text_away);
	CASE(grows_byte_by_byte);
	return cases_run(argc, argv);
}
