/* links: config model lib_regex lib_yaml lib */
/* Which patterns over folders can mean the same one. */
#include "tests/lib/cases.h"

#include "config/overlap.h"
#include "orchestrator/lib/strbuf.h"

static const struct {
	const char *name, *other;
	bool overlaps;
} pairs[] = {
	{ "a", "a", true },
	{ "a", "b", false },
	{ "a/*", "a/b", true },
	{ "a/*", "a", false },
	{ "a/*", "a/b/c", false },
	{ "a/*", "*/b", true },
	{ "a/*", "b/*", false },
	{ "a/*/c", "a/b/*", true },
	{ "a/x*", "a/*y", true },
	{ "a/x*", "a/y*", false },
	{ "a/?", "a/bc", false },
	{ "a/?", "a/\xc3\xa9", true },
	{ "a/**", "a", true },
	{ "a/**", "a/b/c", true },
	{ "a/**", "ab", false },
	{ "**/c", "a/b/c", true },
	{ "**/c", "c", true },
	{ "**/c", "a/bc", false },
	{ "**", "a/b", true },
	{ "a/**/**", "a", true },
	{ "{a,b}/*", "b/c", true },
	{ "{a,b}/*", "c/d", false },
	{ "{a,b}/x", "{b,c}/x", true },
	{ "{a,b}/x", "{c,d}/x", false },
	{ "a/[bc]", "a/c", true },
	{ "a/b*c*d", "a/bxcyd", true },
	{ "a/b*c*d", "a/b*e", false },
	{ "services/*/overlays/*", "services/*/base", false },
	{ "infrastructure/*", "infrastructure/modules/*", false },
};

static void test_pair(void **state)
{
	const __typeof__(pairs[0]) *row = *state;
	long steps = OVERLAP_STEPS;

	assert_int_equal(overlap_of(row->name, row->other, &steps), row->overlaps);
	assert_int_equal(overlap_of(row->other, row->name, &steps), row->overlaps);
}

/* Who cannot be told apart in time counts as the same. */
static void test_too_costly(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf one = STRBUF(2000), other = STRBUF(2000);
	long steps = OVERLAP_STEPS;
	int calls = 0;

	for (int i = 0; i < 30; i++) {
		strbuf_puts(&one, "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
		strbuf_puts(&other, "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
	}
	strbuf_puts(&one, "b");
	strbuf_puts(&other, "c");
	while (!overlap_of(strbuf_text(&one), strbuf_text(&other), &steps) && calls < 100)
		calls++;
	assert_true(calls >= 1 && calls < 100);
}

int main(int argc, char **argv)
{
	CASES(pairs, test_pair);
	CASE(test_too_costly);
	return cases_run(argc, argv);
}
