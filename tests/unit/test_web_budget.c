/* links: vcs_github model lib */
/* Limits of GitHub over a clock of our own: nothing is sent while barred, and important things go
 * first when little is left. */
#include "tests/lib/cases.h"

#include "vcs/web/web_budget.h"

enum { SECOND = 1000, MINUTE = 60000, HOUR = 3600000 };
static const int64_t wall = 1795000000000;

static struct web_budget fresh(void)
{
	struct web_budget budget;

	web_budget_init(&budget, 0);
	return budget;
}

static struct web_reply reply(int status)
{
	return (struct web_reply){
		.status = status, .limit = -1, .remaining = -1, .reset_s = -1, .retry_after_s = -1
	};
}

static int64_t wait_of(const struct web_budget *budget, int64_t now)
{
	return web_budget_wait(budget, WEB_HIGH, false, now);
}

static const struct refusal {
	const char *name;
	struct web_reply reply;
	bool is_limit;
	int64_t barred_ms; /* exactly */
} refusals[] = {
	{ "secondary with Retry-After", { 403, 5000, 4000, wall / 1000 + 900, 30, true }, true,
		30 * SECOND },
	{ "secondary as 429 with Retry-After", { 429, -1, -1, -1, 7, false }, true, 7 * SECOND },
	{ "secondary without Retry-After", { 403, 5000, 4000, wall / 1000 + 900, -1, true }, true,
		MINUTE },
	{ "429 and nothing else", { 429, -1, -1, -1, -1, false }, true, MINUTE },
	{ "Retry-After of nothing", { 429, -1, -1, -1, 0, false }, true, SECOND },
	{ "primary exhausted", { 403, 5000, 0, wall / 1000 + 900, -1, false }, true, 901 * SECOND },
	{ "primary exhausted as 429", { 429, 5000, 0, wall / 1000 + 900, -1, false }, true,
		901 * SECOND },
	{ "a reset long ago", { 403, 5000, 0, wall / 1000 - 900, -1, false }, true, SECOND },
	{ "a reset in a week", { 403, 5000, 0, wall / 1000 + 7 * 86400, -1, false }, true,
		HOUR + 5 * MINUTE },
	{ "a Retry-After of a year", { 429, -1, -1, -1, 31536000, false }, true,
		HOUR + 5 * MINUTE },
	{ "not allowed", { 403, 5000, 4000, wall / 1000 + 900, -1, false }, false, 0 },
	{ "not found", { 404, 5000, 4000, wall / 1000 + 900, -1, false }, false, 0 },
	{ "all is well", { 200, 5000, 4000, wall / 1000 + 900, -1, false }, false, 0 },
};

static void refused(void **state)
{
	const struct refusal *row = *state;
	struct web_budget budget = fresh();

	assert_int_equal(web_budget_answered(&budget, &row->reply, 5000, wall), row->is_limit);
	assert_int_equal(wait_of(&budget, 5000), row->barred_ms);
	for (int priority = 0; row->barred_ms > 0 && priority < WEB_PRIORITIES; priority++) {
		assert_true(
			web_budget_wait(&budget, priority, false, 5000 + row->barred_ms - 1) > 0);
		assert_true(
			web_budget_wait(&budget, priority, true, 5000 + row->barred_ms - 1) > 0);
	}
	assert_int_equal(wait_of(&budget, 5000 + row->barred_ms), 0);
}

/* Not told how long, and told again: a minute, two, four, and from the start once it worked. */
static void strikes_grow(void **state)
{
	struct web_budget budget = fresh();
	struct web_reply no = reply(403), yes = reply(200);
	int64_t now = 0, expected = MINUTE;

	(void)state;
	no.says_secondary = true;
	for (int i = 0; i < 9; i++) {
		assert_true(web_budget_answered(&budget, &no, now, wall));
		assert_int_equal(wait_of(&budget, now), expected);
		now += expected;
		expected = expected * 2 < HOUR ? expected * 2 : HOUR;
	}
	assert_false(web_budget_answered(&budget, &yes, now, wall));
	assert_true(web_budget_answered(&budget, &no, now, wall));
	assert_int_equal(wait_of(&budget, now), MINUTE);
}

/* A later, shorter word does not open what an earlier one has barred. */
static void bars_never_shorten(void **state)
{
	struct web_budget budget = fresh();
	struct web_reply one = reply(429), two = reply(429), fine = reply(200);

	(void)state;
	one.retry_after_s = 100;
	two.retry_after_s = 1;
	web_budget_answered(&budget, &one, 0, wall);
	web_budget_answered(&budget, &two, 0, wall);
	web_budget_answered(&budget, &fine, 0, wall);
	assert_int_equal(wait_of(&budget, 0), 100 * SECOND);
}

static const struct low {
	const char *name;
	int64_t remaining;
	bool may_high, may_normal, may_low;
} lows[] = {
	{ "plenty", 4000, true, true, true },
	{ "a fifth", 1001, true, true, true },
	{ "less", 1000, true, true, false },
	{ "a twentieth", 250, true, false, false },
	{ "one", 1, true, false, false },
	{ "none", 0, false, false, false },
};

static void little_is_left(void **state)
{
	const struct low *row = *state;
	struct web_budget budget = fresh();
	struct web_reply told = reply(200);
	bool may[] = { row->may_high, row->may_normal, row->may_low };

	told.limit = 5000;
	told.remaining = row->remaining;
	told.reset_s = wall / 1000 + 600;
	web_budget_answered(&budget, &told, 0, wall);
	for (int priority = 0; priority < WEB_PRIORITIES; priority++) {
		int64_t wait = web_budget_wait(&budget, priority, false, 0);

		assert_int_equal(wait, may[priority] ? 0 : 601 * SECOND);
		assert_int_equal(web_budget_wait(&budget, priority, false, 601 * SECOND), 0);
	}
}

/* What was sent since the last answer counts, and late answers give nothing back. */
static void sent_counts_at_once(void **state)
{
	struct web_budget budget = fresh();
	struct web_reply told = reply(200);

	(void)state;
	told.limit = 60;
	told.remaining = 2;
	told.reset_s = wall / 1000 + 600;
	web_budget_answered(&budget, &told, 0, wall);
	web_budget_sent(&budget, false, 1);
	assert_int_equal(wait_of(&budget, 1), 0);
	web_budget_sent(&budget, false, 1);
	assert_int_equal(wait_of(&budget, 1), 601 * SECOND - 1);
	told.remaining = 1;
	web_budget_answered(&budget, &told, 2, wall);
	assert_true(wait_of(&budget, 2) > 0);
	told.remaining = 59; /* the next hour */
	told.reset_s += 3600;
	web_budget_answered(&budget, &told, 601 * SECOND, wall + 601 * SECOND);
	assert_int_equal(wait_of(&budget, 601 * SECOND), 0);
}

static struct web_budget told_limits(void)
{
	struct web_budget budget = fresh();
	struct web_reply told = reply(200);

	told.limit = told.remaining = 1000000;
	told.reset_s = wall / 1000 + 3600;
	web_budget_answered(&budget, &told, 0, wall);
	return budget;
}

/* In no minute more than 80, in no hour more than 500. */
static void makes_are_few(void **state)
{
	enum { STEP = 100, SENT_MAX = 4000 };
	static int64_t sent[SENT_MAX];
	struct web_budget budget = told_limits();
	int count = 0;

	(void)state;
	for (int64_t now = 0; now < 3 * HOUR; now += STEP) {
		if (web_budget_wait(&budget, WEB_HIGH, true, now) > 0)
			continue;
		web_budget_sent(&budget, true, now);
		assert_true(count < SENT_MAX);
		sent[count++] = now;
		if (count > 80)
			assert_true(now - sent[count - 81] >= MINUTE);
		if (count > 500)
			assert_true(now - sent[count - 501] >= HOUR);
	}
	assert_in_range(count, 900, 1100);
}

static void edits_leave_room(void **state)
{
	struct web_budget budget = told_limits();
	int sent = 0;

	(void)state;
	for (; web_budget_wait(&budget, WEB_LOW, true, 0) == 0; sent++)
		web_budget_sent(&budget, true, 0);
	assert_in_range(sent, 20, 40);
	assert_int_equal(web_budget_wait(&budget, WEB_HIGH, true, 0), 0);
	assert_int_equal(web_budget_wait(&budget, WEB_LOW, false, 0), 0);
}

/* An Enterprise server without limits is not slowed down. */
static void no_limits_told(void **state)
{
	struct web_budget budget = fresh();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(web_budget_wait(&budget, WEB_LOW, true, 0), 0);
		web_budget_sent(&budget, true, 0);
	}
}

/* Three failures in a row, and the host is left alone: a second, two, four ... thirty. */
static void away(void **state)
{
	struct web_budget budget = fresh();
	struct web_reply broken = reply(502), fine = reply(200);
	int64_t expected = SECOND, now = 0;

	(void)state;
	web_budget_failed(&budget, now);
	web_budget_failed(&budget, now);
	assert_int_equal(wait_of(&budget, now), 0);
	for (int i = 0; i < 8; i++) {
		assert_false(web_budget_answered(&budget, &broken, now, wall));
		assert_int_equal(wait_of(&budget, now), expected);
		now += expected;
		expected = expected * 2 < 30 * SECOND ? expected * 2 : 30 * SECOND;
	}
	web_budget_answered(&budget, &fine, now, wall);
	web_budget_failed(&budget, now);
	assert_int_equal(wait_of(&budget, now), 0);
	broken.retry_after_s = 20;
	web_budget_answered(&budget, &broken, now, wall);
	assert_int_equal(wait_of(&budget, now), 20 * SECOND);
}

int main(int argc, char **argv)
{
	CASES(refusals, refused);
	CASE(strikes_grow);
	CASE(bars_never_shorten);
	CASES(lows, little_is_left);
	CASE(sent_counts_at_once);
	CASE(makes_are_few);
	CASE(edits_leave_room);
	CASE(no_limits_told);
	CASE(away);
	return cases_run(argc, argv);
}
