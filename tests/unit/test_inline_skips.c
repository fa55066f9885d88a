/* links: model lib */
/* Notes that make checks pass over something: what counts as one, and which are new. */
#include "orchestrator/model/inline_skips.h"
#include "tests/lib/cases.h"

#include <stdio.h>
#include <string.h>

static const struct find_case {
	const char *name, *text;
	const char *said; /* line:id ... */
} finds[] = {
	{ "none", "resource \"a\" \"b\" {}\n", "" },
	{ "checkov", "resource {\n  # checkov:skip=CKV_AWS_20:public on purpose\n}\n",
		"2:CKV_AWS_20" },
	{ "without a rule", "#checkov:skip\n", "1:checkov:skip" },
	{ "spaces and capitals", "#Checkov:Skip = CKV_1\n", "1:CKV_1" },
	{ "older names", "#bridgecrew:skip=BC_1\n//cortex:skip=C-2\n", "1:BC_1 2:C-2" },
	{ "an annotation", "  checkov.io/skip12: CKV_K8S_20=because\n", "1:CKV_K8S_20" },
	{ "others", "#tfsec:ignore:aws-s3\n# trivy:ignore:AVD-1\n# tflint-ignore: x_y\n",
		"1:aws-s3 2:AVD-1 3:x_y" },
	{ "two on a line", "checkov:skip=A checkov:skip=B", "1:A 1:B" },
	{ "at the end", "checkov:skip=", "1:checkov:skip" },
	{ "the rule is not on the next line", "checkov:skip=\nCKV_2", "1:checkov:skip" },
};

static void said(const struct inline_skips *skips, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = 0; i < skips->count; i++)
		(void)snprintf(ret + strlen(ret), size - strlen(ret), "%s%d:%s", i > 0 ? " " : "",
			skips->list[i].line, skips->list[i].id);
}

static void find(void **state)
{
	const struct find_case *row = *state;
	struct inline_skips skips;
	char text[400];

	inline_skips_find(row->text, strlen(row->text), &skips);
	said(&skips, text, sizeof(text));
	assert_string_equal(text, row->said);
}

static const struct drop_case {
	const char *name, *before, *now, *said;
} drops[] = {
	{ "moved", "checkov:skip=A\n", "\n\ncheckov:skip=A\n", "" },
	{ "added", "checkov:skip=A\n", "checkov:skip=A\ncheckov:skip=B\n", "2:B" },
	{ "once more", "checkov:skip=A\n", "checkov:skip=A\ncheckov:skip=A\n", "2:A" },
	{ "removed", "checkov:skip=A\n", "\n", "" },
	{ "exchanged", "checkov:skip=A\n", "checkov:skip=B\n", "1:B" },
};

static void drop(void **state)
{
	const struct drop_case *row = *state;
	struct inline_skips now, before;
	char text[400];

	inline_skips_find(row->now, strlen(row->now), &now);
	inline_skips_find(row->before, strlen(row->before), &before);
	inline_skips_drop(&now, &before);
	said(&now, text, sizeof(text));
	assert_string_equal(text, row->said);
}

static void many_are_cut(_unused_ void **state)
{
	_cleanup_free_ char *text = mem_alloc(20 * INLINE_SKIPS_MAX);
	struct inline_skips skips;

	memset(text, ' ', 20 * INLINE_SKIPS_MAX);
	for (int i = 0; i < INLINE_SKIPS_MAX + 5; i++)
		memcpy(text + (ptrdiff_t)i * 15, "checkov:skip=A", 14);
	inline_skips_find(text, 20 * INLINE_SKIPS_MAX, &skips);
	assert_int_equal(skips.count, INLINE_SKIPS_MAX);
}

int main(int argc, char **argv)
{
	CASES(finds, find);
	CASES(drops, drop);
	CASE(many_are_cut);
	return cases_run(argc, argv);
}
