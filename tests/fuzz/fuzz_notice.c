/* links: testcases engine store model lib_loop lib_regex lib */
/* Any report of drift as messages: Slack takes them, and no line of foreign text stands at the
 * begin of one of the plain text's. */
#include "tests/lib/slack_judge.h"

#include "orchestrator/engine/render_notice.h"
#include "orchestrator/lib/jsonx.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const struct notice *notice, struct arena *arena)
{
	_cleanup_json_ json_t *messages = render_slack(notice, arena);
	const char *plain = render_plain(notice, arena);

	if (slack_judge(messages) != NULL || strchr(plain, '\r') != NULL ||
		strstr(plain, "All of it: sluice drift list\n") == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct drift_report report;
	struct notice notice;
	struct err err;

	if (jsonx_parse((const char *)bytes, length, DRIFT_REPORT_MAX, &json, &err) < 0 ||
		drift_report_read(json, &arena, &report, &err) < 0)
		return 0;
	render_drift(&report, &arena, &notice);
	check(&notice, &arena);
	render_drift_digest(&report, 1, 1795000000000, &arena, &notice);
	check(&notice, &arena);
	return 0;
}
