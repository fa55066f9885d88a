/* Notices as channels want them. Pure: what does not fit is cut between resources, and counted. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/drift.h"
#include "orchestrator/model/notice.h"

/* Slack's own limits, and ours within them: a message of rich blocks is refused near 13,000
 * characters, which no page of theirs says. */
enum {
	SLACK_BLOCKS_MAX = 49, /* of 50: one is for who sends it */
	SLACK_TEXT_MAX = 3000,
	SLACK_HEADER_MAX = 150,
	SLACK_MESSAGE_MAX = 12000,
	NOTICE_PARTS_MAX =
		4, /* messages of one notice; the others go into the first one's thread */
	NOTICE_PLAIN_MAX = 200 << 10,
};

/* [{"text", "blocks"}, ...], at most NOTICE_PARTS_MAX; owned by the caller. */
json_t *render_slack(const struct notice *notice, struct arena *arena);
/* For mail and terminals. */
const char *render_plain(const struct notice *notice, struct arena *arena);

/* One slot: what failed, is new, changed, is over; what is as it was told before is only counted.
 */
void render_drift(const struct drift_report *report, struct arena *arena, struct notice *ret);
/* All that is open, once a week: the newest report of each environment. */
void render_drift_digest(const struct drift_report *reports, size_t count, int64_t now_ms,
	struct arena *arena, struct notice *ret);

struct strbuf;
/* Foreign text for Slack, in `code` or among words, and for plain text; cut after about
 * `most` bytes (at most eight more). */
void render_slack_code(struct strbuf *out, const char *text, size_t most);
void render_slack_words(struct strbuf *out, const char *text, size_t most);
void render_plain_words(struct strbuf *out, const char *text, size_t most);
