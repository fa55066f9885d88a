/* links: runner model lib */
/* What conftest prints, in our words; and what is believed of our words when they are read again.
 */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/policy_results.h"
#include "runners/conftest.h"
#include "runners/output.h"
#include "tests/lib/cases.h"

#include <string.h>
#include <sys/mman.h>

static const struct answer_case {
	const char *name;
	const char *printed;
	int code;
	const char *answer; /* exactly, or what the error begins with */
} answers[] = {
	{ "passes", "[{\"successes\":3}]", 0,
		"{\"failures\":[],\"warnings\":[],\"passed\":3,\"failed\":0,\"warned\":0,"
		"\"excepted\":0}" },
	{ "several namespaces",
		"[{\"successes\":1,\"failures\":[{\"msg\":\"no\\tgood\"},{\"metadata\":{}}]},{"
		"\"successes\":2,"
		"\"warnings\":[{\"msg\":\"w\"}],\"exceptions\":[{}]}]",
		0,
		"{\"failures\":[\"no good\",\"(without a "
		"message)\"],\"warnings\":[\"w\"],\"passed\":3,"
		"\"failed\":2,\"warned\":1,\"excepted\":1}" },
	{ "nothing asked", "[]", 0,
		"{\"failures\":[],\"warnings\":[],\"passed\":0,\"failed\":0,\"warned\":0,"
		"\"excepted\":0}" },
	{ "no output", "", 1, "what it printed is no JSON" },
	{ "a word", "PASS", 1, "what it printed is no JSON" },
	{ "half a list", "[{\"successes\":1}", 1, "what it printed is no JSON" },
	{ "an object", "{}", 1, "what it printed is JSON, but not" },
	{ "null", "null", 1, "what it printed is" },
	{ "a number", "[1]", 1, "what it printed is JSON, but not" },
	{ "an empty element", "[{}]", 1, "what it printed is JSON, but not" },
	{ "text for a number", "[{\"successes\":\"3\"}]", 1, "what it printed is JSON, but not" },
	{ "less than nothing", "[{\"successes\":-3}]", 1, "what it printed is JSON, but not" },
	{ "an object for a list", "[{\"successes\":1,\"failures\":{}}]", 1,
		"what it printed is JSON, but not" },
	{ "text for a message", "[{\"successes\":1,\"failures\":[\"x\"]}]", 1,
		"what it printed is JSON, but not" },
};

static void answer(void **state)
{
	const struct answer_case *row = *state;
	_cleanup_fd_ int in = memfd_create("in", MFD_CLOEXEC),
			 out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	struct err err;

	assert_int_equal(write(in, row->printed, strlen(row->printed)), strlen(row->printed));
	assert_int_equal(conftest_interpret(in, out), row->code);
	assert_int_equal(output_read_fd(out, 1 << 20, &text, &length, &err), 0);
	if (row->code == 0)
		assert_string_equal(text, row->answer);
	else
		assert_memory_equal(text, row->answer, strlen(row->answer));
}

static const struct reading_case {
	const char *name;
	const char *json;
	bool is_read, passes;
	const char *against; /* the set that fails, or NULL */
} readings[] = {
	{ "not asked", "null", true, false, NULL },
	{ "no set", "[]", true, false, NULL },
	{ "one passes", "[{\"name\":\"a\",\"passed\":1}]", true, true, NULL },
	{ "one fails", "[{\"name\":\"a\",\"passed\":1},{\"name\":\"b\",\"failed\":1}]", true, false,
		"b" },
	{ "warnings only", "[{\"name\":\"a\",\"warned\":9}]", true, true, NULL },
	{ "kinder than its messages", "[{\"name\":\"a\",\"failed\":0,\"failures\":[\"x\"]}]", true,
		false, "a" },
	{ "no list", "{}", false, false, NULL },
	{ "without a name", "[{}]", false, false, NULL },
	{ "a name that is none", "[{\"name\":1}]", false, false, NULL },
	{ "negative", "[{\"name\":\"a\",\"failed\":-1}]", false, false, NULL },
	{ "too many", "[{\"name\":\"a\",\"failed\":2000000}]", false, false, NULL },
	{ "a message that is none", "[{\"name\":\"a\",\"failures\":[1]}]", false, false, NULL },
	{ "no list of messages", "[{\"name\":\"a\",\"failures\":\"x\"}]", false, false, NULL },
};

static void reading(void **state)
{
	const struct reading_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = json_loads(row->json, JSON_DECODE_ANY, NULL), *again = NULL;
	struct policy_results results;
	const struct policy_result *against;
	struct err err;
	int r = policy_results_read(json, &arena, &results, &err);

	assert_int_equal(r == 0, row->is_read);
	if (r < 0)
		return;
	again = policy_results_write(&results);
	assert_int_equal(policy_results_read(again, &arena, &results, &err), 0);
	against = policy_results_against(&results);
	assert_int_equal(results.count > 0 && against == NULL, row->passes);
	assert_string_equal(
		against == NULL ? "" : against->name, row->against == NULL ? "" : row->against);
}

int main(int argc, char **argv)
{
	CASES(answers, answer);
	CASES(readings, reading);
	return cases_run(argc, argv);
}
