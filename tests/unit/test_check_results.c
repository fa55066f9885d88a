/* links: model lib */
/* Results of checks: what is believed of them when they are read, and what follows from counts. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"
#include "tests/lib/cases.h"

#include <stdio.h>
#include <string.h>

#define HIGH                                                                                       \
	"{\"severity\":\"high\",\"age\":\"new\",\"id\":\"A\",\"title\":\"t\",\"file\":\"f\","      \
	"\"line\":3}"

static const struct reading_case {
	const char *name, *json;
	bool is_read;
	const char *against; /* the check that holds the apply up, or NULL */
	const char *text;    /* of the first, or NULL */
} readings[] = {
	{ "nothing", "null", true, NULL, NULL },
	{ "no check", "[]", true, NULL, NULL },
	{ "one passes", "[{\"name\":\"a\",\"verdict\":\"passed\"}]", true, NULL, "passed" },
	{ "one fails",
		"[{\"name\":\"a\",\"verdict\":\"passed\"},{\"name\":\"b\",\"verdict\":\"failed\"}]",
		true, "b", "passed" },
	{ "soft", "[{\"name\":\"a\",\"verdict\":\"soft failed\",\"new\":[0,2]}]", true, NULL,
		"2 low" },
	{ "an error", "[{\"name\":\"a\",\"verdict\":\"error\",\"message\":\"hung\"}]", true, "a",
		"no answer" },
	{ "kinder than its counts", "[{\"name\":\"a\",\"verdict\":\"passed\",\"new\":[0,0,0,1]}]",
		true, "a", "1 high" },
	{ "kinder than its findings",
		"[{\"name\":\"a\",\"verdict\":\"passed\",\"findings\":[" HIGH "]}]", true, "a",
		"1 high" },
	{ "fewer than its findings",
		"[{\"name\":\"a\",\"verdict\":\"failed\",\"new\":[0,0,0,1],\"findings\":[" HIGH
		"," HIGH "]}]",
		true, "a", "2 high" },
	{ "no list", "{}", false, NULL, NULL },
	{ "without a name", "[{\"verdict\":\"passed\"}]", false, NULL, NULL },
	{ "without a verdict", "[{\"name\":\"a\"}]", false, NULL, NULL },
	{ "an unknown verdict", "[{\"name\":\"a\",\"verdict\":\"fine\"}]", false, NULL, NULL },
	{ "an unknown severity",
		"[{\"name\":\"a\",\"verdict\":\"passed\",\"findings\":[{\"severity\":\"odd\","
		"\"age\":\"new\"}]}]",
		false, NULL, NULL },
	{ "less than nothing", "[{\"name\":\"a\",\"verdict\":\"passed\",\"new\":[-1]}]", false,
		NULL, NULL },
	{ "too many", "[{\"name\":\"a\",\"verdict\":\"passed\",\"new\":[9000000]}]", false, NULL,
		NULL },
	{ "a text for a number", "[{\"name\":\"a\",\"verdict\":\"passed\",\"new\":[\"1\"]}]", false,
		NULL, NULL },
	{ "too many numbers", "[{\"name\":\"a\",\"verdict\":\"passed\",\"new\":[0,0,0,0,0,0]}]",
		false, NULL, NULL },
	{ "findings that are none", "[{\"name\":\"a\",\"verdict\":\"passed\",\"findings\":[1]}]",
		false, NULL, NULL },
};

static void reading(void **state)
{
	const struct reading_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = json_loads(row->json, JSON_DECODE_ANY, NULL), *again = NULL;
	const struct check_result *against;
	struct check_results results;
	char text[100];
	struct err err;
	int r = check_results_read(json, &arena, &results, &err);

	assert_int_equal(r == 0, row->is_read);
	if (r < 0)
		return;
	again = check_results_write(&results);
	assert_int_equal(check_results_read(again, &arena, &results, &err), 0);
	against = check_results_against(&results);
	assert_string_equal(
		against == NULL ? "" : against->name, row->against == NULL ? "" : row->against);
	if (row->text != NULL)
		assert_string_equal(
			check_result_text(&results.list[0], text, sizeof(text)), row->text);
}

/* Findings as letters: l m h c and u without a rating; capitals are old, '-' before one: skipped.
 */
static const struct judging_case {
	const char *name, *threshold, *findings;
	enum check_verdict verdict;
	const char *text;
} judgings[] = {
	{ "nothing", "", "", CHECK_PASSED, "passed" },
	{ "without a threshold any counts", "", "l", CHECK_FAILED, "1 low" },
	{ "below", "high", "lmm", CHECK_SOFT, "2 medium, 1 low" },
	{ "at it", "high", "lh", CHECK_FAILED, "1 high, 1 low" },
	{ "above", "high", "c", CHECK_FAILED, "1 critical" },
	{ "unrated reaches everything", "critical", "u", CHECK_FAILED, "1 unrated" },
	{ "a word that is no threshold", "sometimes", "l", CHECK_FAILED, "1 low" },
	{ "old ones", "", "HCLU", CHECK_PASSED, "passed" },
	{ "skipped ones", "", "-h-c", CHECK_PASSED, "passed" },
	{ "one new among old ones", "medium", "HHH-cm", CHECK_FAILED, "1 medium" },
};

static void judging(void **state)
{
	const struct judging_case *row = *state;
	struct check_finding findings[CHECK_FINDINGS_MAX];
	struct check_result result = {
		.name = "a", .tool = "", .message = "", .findings = findings
	};
	static const char letters[] = "ulmhc";
	char text[100];

	for (const char *at = row->findings; *at != '\0'; at++) {
		bool is_skipped = *at == '-';
		char letter = is_skipped ? *++at : *at;
		bool is_old = letter >= 'A' && letter <= 'Z';
		struct check_finding finding = { .id = "i",
			.title = "",
			.resource = "",
			.file = "",
			.age = is_skipped ? FINDING_SKIPPED
			       : is_old	  ? FINDING_OLD
					  : FINDING_NEW };

		finding.severity = (enum severity)(strchr(letters, letter | 0x20) - letters);
		check_result_add(&result, &finding);
	}
	check_result_judge(&result, row->threshold);
	assert_int_equal(result.verdict, row->verdict);
	assert_string_equal(check_result_text(&result, text, sizeof(text)), row->text);
	for (size_t i = 1; i < result.finding_count; i++)
		assert_true(findings[i - 1].age <= findings[i].age);
	result.verdict = CHECK_ERROR;
	check_result_judge(&result, row->threshold);
	assert_int_equal(result.verdict, CHECK_ERROR);
}

static void more_than_fits(_unused_ void **state)
{
	struct check_finding findings[CHECK_FINDINGS_MAX];
	struct check_result result = { .findings = findings };
	const struct check_finding one = {
		.severity = SEVERITY_LOW, .id = "", .title = "", .resource = "", .file = ""
	};

	for (int i = 0; i < 3 * CHECK_FINDINGS_MAX; i++)
		check_result_add(&result, &one);
	assert_int_equal(result.finding_count, CHECK_FINDINGS_MAX);
	assert_int_equal(check_result_count(&result, FINDING_NEW), 3 * CHECK_FINDINGS_MAX);
}

static const struct word_case {
	const char *name;
	enum severity severity;
} words[] = { { "low", SEVERITY_LOW }, { "HIGH", SEVERITY_HIGH }, { "Error", SEVERITY_HIGH },
	{ "warning", SEVERITY_MEDIUM }, { "note", SEVERITY_LOW }, { "CRITICAL", SEVERITY_CRITICAL },
	{ "", SEVERITY_UNKNOWN }, { "odd", SEVERITY_UNKNOWN } };

static void word(void **state)
{
	const struct word_case *row = *state;

	assert_int_equal(severity_read(row->name), row->severity);
}

int main(int argc, char **argv)
{
	CASES(readings, reading);
	CASES(judgings, judging);
	CASES(words, word);
	CASE(more_than_fits);
	return cases_run(argc, argv);
}
