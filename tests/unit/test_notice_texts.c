/* links: engine store model lib_loop lib_regex lib */
/* What a report of drift says to people, byte for byte, as plain text and for Slack; a list of
 * reports is the digest of the week. The cases: tests/golden/notices.txt. */
#include "tests/lib/golden_cases.h"
#include "tests/lib/slack_judge.h"

#include "orchestrator/engine/render_notice.h"
#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { REPORTS_MAX = 10 };
static const int64_t now_ms = 1795000000000;

static int render(const json_t *json, struct arena *arena, struct notice *ret, struct err *err)
{
	struct drift_report reports[REPORTS_MAX];
	size_t count = json_is_array(json) ? json_array_size(json) : 1;
	int r = count > REPORTS_MAX ? -1 : 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = drift_report_read(json_is_array(json) ? json_array_get(json, i) : json, arena,
			&reports[i], err);
	if (r == 0 && json_is_array(json))
		render_drift_digest(reports, count, now_ms, arena, ret);
	else if (r == 0)
		render_drift(&reports[0], arena, ret);
	return r;
}

static void say(const char *bytes, size_t length, struct strbuf *said)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL, *messages = NULL;
	_cleanup_free_ char *text = NULL;
	struct notice notice;
	struct err err;

	if (jsonx_parse(bytes, length, DRIFT_REPORT_MAX, &json, &err) < 0 ||
		render(json, &arena, &notice, &err) < 0) {
		strbuf_printf(said, "%s\n", err.text);
		return;
	}
	strbuf_puts(said, render_plain(&notice, &arena));
	messages = render_slack(&notice, &arena);
	text = json_dumps(messages, JSON_INDENT(1));
	strbuf_printf(said, "\n%s\n", text);
	if (slack_judge(messages) != NULL)
		strbuf_printf(said, "Slack refuses it: %s\n", slack_judge(messages));
}

int main(int argc, char **argv)
{
	return golden_cases_run("tests/golden/notices.txt", say, argc, argv);
}
