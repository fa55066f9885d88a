/* Limits of one credential. */
#include "vcs/web/web_budget.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	/* what may go at once, and what comes back: together 80 in any minute, 500 in any hour */
	MINUTE_BURST = 60,
	MINUTE_BACK = 20,
	HOUR_BURST = 250,
	HOUR_BACK = 250,
	FAILURES_ALLOWED = 3,
	AWAY_FIRST_MS = SECOND,
	AWAY_MOST_MS = 30 * SECOND,
	BAR_MOST_MS = HOUR + 5 * MINUTE, /* a clock that is wrong must not bar for ever */
};

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* first, twice that, four times that, up to a most */
static int64_t growing(int64_t first, int64_t times, int64_t limit)
{
	int64_t wait = first;

	for (int64_t i = 1; i < times && wait < limit; i++)
		wait *= 2;
	return least(wait, limit);
}

void web_budget_init(struct web_budget *budget, int64_t now_ms)
{
	*budget = (struct web_budget){
		.minute = MINUTE_BURST, .hour = HOUR_BURST, .refilled_ms = now_ms
	};
}

/* ---- calls that make something ---- */

struct bucket {
	double full, back; /* back: in one period */
	int64_t period_ms;
};

static const struct bucket of_minute = { MINUTE_BURST, MINUTE_BACK, MINUTE };
static const struct bucket of_hour = { HOUR_BURST, HOUR_BACK, HOUR };

static double refilled(const struct bucket *bucket, double left, int64_t passed_ms)
{
	left += (double)passed_ms * bucket->back / (double)bucket->period_ms;
	return left < bucket->full ? left : bucket->full;
}

/* What must be left for the more important ones, in hundredths of the whole. */
static int64_t kept(enum web_priority priority)
{
	return priority == WEB_HIGH ? 0 : priority == WEB_NORMAL ? 10 : 40;
}

static int64_t bucket_wait(const struct bucket *bucket, double left, enum web_priority priority)
{
	double needed = 1.0 + bucket->full * (double)kept(priority) / 100.0;

	if (left >= needed)
		return 0;
	return (int64_t)((needed - left) * (double)bucket->period_ms / bucket->back) + 1;
}

/* A host that tells no limits, as most Enterprise servers, has none. */
static int64_t make_wait(
	const struct web_budget *budget, enum web_priority priority, int64_t now_ms)
{
	int64_t passed = most(now_ms - budget->refilled_ms, 0);

	if (budget->limit == 0)
		return 0;
	return most(bucket_wait(&of_minute, refilled(&of_minute, budget->minute, passed), priority),
		bucket_wait(&of_hour, refilled(&of_hour, budget->hour, passed), priority));
}

/* ---- all of them ---- */

int64_t web_budget_wait(const struct web_budget *budget, enum web_priority priority,
	bool makes_something, int64_t now_ms)
{
	int64_t wait = most(budget->barred_until_ms - now_ms, 0);

	if (budget->limit > 0 && budget->reset_ms > now_ms &&
		budget->remaining <= budget->limit * kept(priority) / 200)
		wait = most(wait, budget->reset_ms - now_ms);
	return makes_something ? most(wait, make_wait(budget, priority, now_ms)) : wait;
}

void web_budget_sent(struct web_budget *budget, bool makes_something, int64_t now_ms)
{
	int64_t passed = most(now_ms - budget->refilled_ms, 0);

	budget->remaining = most(budget->remaining - 1, 0);
	budget->minute = refilled(&of_minute, budget->minute, passed);
	budget->hour = refilled(&of_hour, budget->hour, passed);
	budget->refilled_ms = most(now_ms, budget->refilled_ms);
	if (makes_something) {
		budget->minute -= 1;
		budget->hour -= 1;
	}
}

static void bar(struct web_budget *budget, int64_t now_ms, int64_t wait_ms)
{
	wait_ms = least(most(wait_ms, SECOND), BAR_MOST_MS);
	budget->barred_until_ms = most(budget->barred_until_ms, now_ms + wait_ms);
}

/* Answers come in another order than the calls: of one hour the smallest number is the newest. */
static void take_primary(
	struct web_budget *budget, const struct web_reply *reply, int64_t now_ms, int64_t wall_ms)
{
	int64_t reset_ms;

	if (reply->limit <= 0 || reply->remaining < 0 || reply->reset_s < 0)
		return;
	reset_ms = now_ms + least(most(reply->reset_s * SECOND - wall_ms + SECOND, 0), BAR_MOST_MS);
	if (budget->limit == reply->limit && now_ms < budget->reset_ms &&
		reset_ms < budget->reset_ms + 5 * SECOND)
		budget->remaining = least(budget->remaining, reply->remaining);
	else
		budget->remaining = reply->remaining;
	budget->limit = reply->limit;
	budget->reset_ms = reset_ms;
}

bool web_budget_answered(
	struct web_budget *budget, const struct web_reply *reply, int64_t now_ms, int64_t wall_ms)
{
	bool is_refusal = reply->status == 403 || reply->status == 429;

	take_primary(budget, reply, now_ms, wall_ms);
	if (reply->status >= 500) {
		web_budget_failed(budget, now_ms);
		if (reply->retry_after_s > 0)
			bar(budget, now_ms, reply->retry_after_s * SECOND);
		return false;
	}
	budget->failures = 0;
	if (!is_refusal) {
		budget->strikes = 0;
		return false;
	}
	if (reply->retry_after_s >= 0) {
		bar(budget, now_ms, reply->retry_after_s * SECOND);
		return true;
	}
	if (reply->remaining == 0 && reply->reset_s >= 0) {
		bar(budget, now_ms, reply->reset_s * SECOND - wall_ms + SECOND);
		return true;
	}
	if (!reply->says_secondary && reply->status != 429)
		return false; /* simply not allowed */
	bar(budget, now_ms, growing(MINUTE, ++budget->strikes, HOUR));
	return true;
}

void web_budget_failed(struct web_budget *budget, int64_t now_ms)
{
	if (++budget->failures >= FAILURES_ALLOWED)
		bar(budget, now_ms,
			growing(AWAY_FIRST_MS, budget->failures - FAILURES_ALLOWED + 1,
				AWAY_MOST_MS));
}
