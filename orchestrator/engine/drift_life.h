/* How findings live from one look at a project to the next. Pure: what was open, what is found now
 * and the time in, what is open and what is over out.
 *
 *     (not there) -> new -> known -> resolved
 *          \-> watched -/      \-> changed -> known          another fingerprint
 *                               \-> acknowledged, snoozed, baseline: quiet, by somebody's word
 */
#pragma once
#include "orchestrator/model/drift.h"

struct drift_look {
	int64_t now_ms;
	int notify_after;     /* looks in a row before a finding is news */
	const char *ended_by; /* of what is not there any more: "pull request #12" */
};

/* Each of `found` with its id, its times and its life; then what was open before and is over, as
 * resolved, but for what nobody was ever told of: that is only closed (*ret_silent). */
void drift_live(const struct drift_items *before, const struct drift_items *found,
	const struct drift_look *look, struct arena *arena, struct drift_items *ret,
	struct drift_items *ret_silent);

enum drift_word { DRIFT_WORD_ACK = 1, DRIFT_WORD_SNOOZE, DRIFT_WORD_WAKE, DRIFT_WORD_BASELINE };

struct drift_said { /* what somebody says of a finding */
	enum drift_word word;
	int64_t until_ms; /* 0: for ever */
	const char *by, *reason;
};

void drift_say(struct drift_item *item, const struct drift_said *said);
