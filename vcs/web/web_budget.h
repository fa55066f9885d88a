/* How much one credential may ask for, and when. Pure: time is passed in (monotonic milliseconds,
 * and wall milliseconds where GitHub speaks of a time of day).
 *
 * Three limits: the primary one of requests an hour, told in the headers of every answer; the
 * secondary ones, told only when they are passed; and GitHub's wish of no more than 80 calls a
 * minute and 500 an hour that make something. While it is barred nothing is sent, whatever its
 * priority. */
#pragma once
#include "orchestrator/lib/base.h"

enum web_priority {
	WEB_HIGH = 0, /* somebody waits: commands, final states */
	WEB_NORMAL,   /* reads of catching up */
	WEB_LOW,      /* edits while something runs: the next one says more */
	WEB_PRIORITIES
};

struct web_budget {
	int64_t limit, remaining; /* primary; limit 0: not yet told */
	int64_t reset_ms;	  /* monotonic: the primary limit begins anew */
	int64_t barred_until_ms;  /* monotonic */
	int64_t strikes;	  /* secondary limits passed without being told how long */
	int64_t failures;	  /* in a row: the host is away */
	double minute, hour;	  /* calls that make something, still allowed */
	int64_t refilled_ms;
};

struct web_reply { /* what the budget reads of an answer */
	int status;
	int64_t limit, remaining; /* -1: not told */
	int64_t reset_s;	  /* since 1970; -1 */
	int64_t retry_after_s;	  /* -1 */
	bool says_secondary;	  /* the text speaks of a secondary limit or of abuse */
};

void web_budget_init(struct web_budget *budget, int64_t now_ms);
/* Milliseconds until a call may be sent; 0: now. */
int64_t web_budget_wait(const struct web_budget *budget, enum web_priority priority,
	bool makes_something, int64_t now_ms);
/* A call is on its way: what it costs is taken at once, answers come later. */
void web_budget_sent(struct web_budget *budget, bool makes_something, int64_t now_ms);
/* true: GitHub did not take the call because of a limit; it may be sent again after the wait. */
bool web_budget_answered(
	struct web_budget *budget, const struct web_reply *reply, int64_t now_ms, int64_t wall_ms);
/* The host was not reached or failed: after some of these nothing is sent for a while. */
void web_budget_failed(struct web_budget *budget, int64_t now_ms);
