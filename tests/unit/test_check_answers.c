/* links: runner model lib */
/* What checkov, tools with SARIF and tools about cost print, in our words; tools that lie are
 * refused with a reason. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"
#include "runners/check_answers.h"
#include "runners/confined.h"
#include "runners/output.h"
#include "tests/lib/cases.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define FOUND(id, resource, side, more)                                                            \
	"{\"check_id\":\"" id "\",\"check_name\":\"n\",\"resource\":\"" resource                   \
	"\",\"file_path\":\"/main.tf\",\"file_line_range\":[4,9],\"file_abs_path\":\"/x/" side     \
	".json\"" more "}"
#define CHECKOV(failed, skipped)                                                                   \
	"{\"check_type\":\"terraform_plan\",\"results\":{\"failed_checks\":[" failed               \
	"],\"skipped_checks\":[" skipped "]},\"summary\":{\"parsing_errors\":0,"                   \
	"\"checkov_version\":\"3.2\"}}"
#define SARIF(rules, results)                                                                      \
	"{\"runs\":[{\"tool\":{\"driver\":{\"name\":\"t\",\"version\":\"1\",\"rules\":[" rules     \
	"]}},\"results\":[" results "]}]}"
#define PLACE(uri)                                                                                 \
	"\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"" uri               \
	"\"},\"region\":{\"startLine\":7}}}]"

/* findings as "age severity id file:line"; or what the refusal begins with */
static const struct answer_case {
	const char *name;
	confined_cb interpret;
	const char *printed, *said;
	bool is_refused;
} answers[] = {
	{ "checkov: nothing failed", checkov_interpret, CHECKOV("", ""), "checkov 3.2:" },
	{ "checkov: new", checkov_interpret, CHECKOV(FOUND("A", "r", "after", ""), ""),
		"checkov 3.2: new unrated A main.tf:4" },
	{ "checkov: it was there", checkov_interpret,
		CHECKOV(FOUND("A", "r", "after", "") "," FOUND("A", "r", "before", ""), ""),
		"checkov 3.2: old unrated A main.tf:4" },
	{ "checkov: of another resource", checkov_interpret,
		CHECKOV(FOUND("A", "r", "after", "") "," FOUND("A", "q", "before", ""), ""),
		"checkov 3.2: new unrated A main.tf:4" },
	{ "checkov: mended", checkov_interpret, CHECKOV(FOUND("A", "r", "before", ""), ""),
		"checkov 3.2:" },
	{ "checkov: skipped", checkov_interpret, CHECKOV("", FOUND("A", "r", "after", "")),
		"checkov 3.2: skipped unrated A main.tf:4" },
	{ "checkov: rated", checkov_interpret,
		CHECKOV(FOUND("A", "r", "after", ",\"severity\":\"HIGH\""), ""),
		"checkov 3.2: new high A main.tf:4" },
	{ "checkov: several frameworks", checkov_interpret,
		"[" CHECKOV(FOUND("A", "r", "after", ""), "") "," CHECKOV("", "") "]",
		"checkov 3.2: new unrated A main.tf:4" },
	{ "checkov: nothing to look at", checkov_interpret,
		"{\"passed\":0,\"resource_count\":0,\"checkov_version\":\"3.2\"}", "checkov 3.2:" },
	{ "checkov: no output", checkov_interpret, "", "what it printed is no JSON", true },
	{ "checkov: words", checkov_interpret, "PASSED", "what it printed is no JSON", true },
	{ "checkov: half", checkov_interpret, "{\"results\":{\"fai", "what it printed is no JSON",
		true },
	{ "checkov: empty list", checkov_interpret, "[]", "what it printed is an empty list",
		true },
	{ "checkov: another object", checkov_interpret, "{}", "what it printed is JSON, but not",
		true },
	{ "checkov: no list of failures", checkov_interpret,
		"{\"results\":{},\"summary\":{\"checkov_version\":\"3\"}}",
		"what it printed is JSON, but not", true },
	{ "checkov: resources and no results", checkov_interpret,
		"{\"resource_count\":3,\"checkov_version\":\"3\"}",
		"what it printed is JSON, but not", true },
	{ "checkov: it could not read", checkov_interpret,
		"{\"results\":{\"failed_checks\":[]},\"summary\":{\"parsing_errors\":1,"
		"\"checkov_version\":\"3\"}}",
		"checkov could not read", true },
	{ "sarif: nothing", sarif_interpret, SARIF("", ""), "t 1:" },
	{ "sarif: levels", sarif_interpret,
		SARIF("",
			"{\"ruleId\":\"A\",\"level\":\"error\",\"message\":{\"text\":\"m\"}," PLACE(
				"a/b.tf") "},{\"ruleId\":\"B\",\"level\":\"note\"}"),
		"t 1: new high A a/b.tf:7; new low B :0" },
	{ "sarif: without a level", sarif_interpret, SARIF("", "{\"ruleId\":\"A\"}"),
		"t 1: new medium A :0" },
	{ "sarif: the rule's level", sarif_interpret,
		SARIF("{\"id\":\"A\",\"defaultConfiguration\":{\"level\":\"error\"}}",
			"{\"ruleId\":\"A\"}"),
		"t 1: new high A :0" },
	{ "sarif: the rule's score", sarif_interpret,
		SARIF("{\"id\":\"A\",\"properties\":{\"security-severity\":\"9.8\"}}",
			"{\"ruleId\":\"A\",\"ruleIndex\":0,\"level\":\"note\"}"),
		"t 1: new critical A :0" },
	{ "sarif: suppressed", sarif_interpret,
		SARIF("", "{\"ruleId\":\"A\",\"suppressions\":[{\"kind\":\"inSource\"}]}"),
		"t 1: skipped medium A :0" },
	{ "sarif: what passed", sarif_interpret, SARIF("", "{\"ruleId\":\"A\",\"kind\":\"pass\"}"),
		"t 1:" },
	{ "sarif: in the tree", sarif_interpret,
		SARIF("", "{\"ruleId\":\"A\"," PLACE("file:///source/p/a.tf") "}"),
		"t 1: new medium A p/a.tf:7" },
	{ "sarif: out of the tree", sarif_interpret,
		SARIF("", "{\"ruleId\":\"A\"," PLACE("/etc/passwd") "}"), "t 1: new medium A :7" },
	{ "sarif: up and out", sarif_interpret,
		SARIF("", "{\"ruleId\":\"A\"," PLACE("a/../../etc/passwd") "}"),
		"t 1: new medium A :7" },
	{ "sarif: another host", sarif_interpret,
		SARIF("", "{\"ruleId\":\"A\"," PLACE("https://evil.example/a") "}"),
		"t 1: new medium A :7" },
	{ "sarif: it did not succeed", sarif_interpret,
		"{\"runs\":[{\"invocations\":[{\"executionSuccessful\":false}],\"tool\":{"
		"\"driver\":{"
		"\"name\":\"t\"}},\"results\":[]}]}",
		"the tool says itself", true },
	{ "sarif: no runs", sarif_interpret, "{\"runs\":[]}",
		"what it printed is JSON, but no SARIF", true },
	{ "sarif: no results", sarif_interpret,
		"{\"runs\":[{\"tool\":{\"driver\":{\"name\":\"t\"}}}]}",
		"what it printed is JSON, but no SARIF with", true },
	{ "sarif: no JSON", sarif_interpret, "ok", "what it printed is no JSON", true },
	{ "cost: words", cost_interpret, "{\"summary\":\"three euros\"}", "three euros" },
	{ "cost: numbers", cost_interpret,
		"{\"totalMonthlyCost\":\"100.5\",\"diffTotalMonthlyCost\":-3,\"currency\":\"USD\"}",
		"-3.00 USD a month, 100.5 in all" },
	{ "cost: nothing", cost_interpret, "{}", "what it printed has neither", true },
	{ "cost: a list", cost_interpret, "[]", "what it printed is no JSON object", true },
};

static void say(const struct check_result *result, char *ret, size_t size)
{
	static const char *const ages[] = { "new", "old", "skipped" };

	(void)snprintf(ret, size, "%s", result->message);
	if (!str_empty(result->tool))
		(void)snprintf(ret, size, "%s:", result->tool);
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *one = &result->findings[i];
		size_t used = strlen(ret);

		(void)snprintf(ret + used, size - used, "%s %s %s %s %s:%d", i > 0 ? ";" : "",
			ages[one->age], severity_name(one->severity), one->id, one->file,
			one->line);
	}
}

static int run(confined_cb interpret, const char *printed, char **ret)
{
	_cleanup_fd_ int in = memfd_create("in", MFD_CLOEXEC),
			 out = memfd_create("out", MFD_CLOEXEC);
	size_t length = 0;
	struct err err;
	int code;

	assert_int_equal(write(in, printed, strlen(printed)), strlen(printed));
	code = interpret(in, out);
	assert_int_equal(output_read_fd(out, 1 << 20, ret, &length, &err), 0);
	return code;
}

static void answer(void **state)
{
	const struct answer_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	struct check_results results;
	char said[1000];
	struct err err;
	int code = run(row->interpret, row->printed, &text);

	assert_int_equal(code, row->is_refused);
	if (row->is_refused) {
		assert_memory_equal(text, row->said, strlen(row->said));
		return;
	}
	assert_ok(jsonx_parse(text, strlen(text), 1 << 20, &json, &err), &err);
	assert_ok(check_results_read(json, &arena, &results, &err), &err);
	assert_int_equal(results.count, 1);
	say(&results.list[0], said, sizeof(said));
	assert_string_equal(said, row->said);
}

static void plan_before(_unused_ void **state)
{
	static const char plan[] = "{\"planned_values\":{\"root_module\":{\"resources\":[{"
				   "\"address\":\"a\"},{\"address\":"
				   "\"b\"}]}},\"prior_state\":{\"values\":{\"root_module\":{"
				   "\"resources\":[{\"address\":\"a\"}]}"
				   "}},\"resource_changes\":[{\"address\":\"a\",\"change\":{"
				   "\"actions\":[\"update\"],\"before\":"
				   "{\"x\":1},\"after\":{\"x\":2},\"after_unknown\":{\"y\":true}}},"
				   "{\"address\":\"b\",\"change\":{"
				   "\"actions\":[\"create\"],\"before\":null,\"after\":{}}}]}";
	_cleanup_free_ char *text = NULL, *none = NULL, *odd = NULL;

	assert_int_equal(run(checkov_before, plan, &text), 0);
	assert_string_equal(text,
		"{\"planned_values\":{\"root_module\":{\"resources\":[{\"address\":\"a\"}]}},"
		"\"resource_changes\":[{\"address\":\"a\",\"change\":{\"actions\":[\"no-op\"],"
		"\"before\":{"
		"\"x\":1},\"after\":{\"x\":1},\"after_unknown\":{}}}]}");
	assert_int_equal(run(checkov_before, "{\"planned_values\":{}}", &none), 0);
	assert_string_equal(none, "");
	assert_int_equal(run(checkov_before, "no", &odd), 1);
}

int main(int argc, char **argv)
{
	CASES(answers, answer);
	CASE(plan_before);
	return cases_run(argc, argv);
}
