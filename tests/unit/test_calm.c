/* links: engine store model lib_loop lib_regex lib */
/* A year of looks at 200 projects, told by an engine that crashes, to channels that are away for
 * days or lose their answers, under a clock that jumps and settings that are edited: each slot in
 * which something changed is told once to each channel that it is for, and no other is told at all.
 * SEED=N: another year. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/notices.h"
#include "orchestrator/lib/seal.h"

#include <stdio.h>
#include <string.h>

enum {
	ENVIRONMENTS = 4,
	PROJECTS = 50, /* of each */
	DAYS = 365,
	TICKS = 24, /* of a day */
	TICK_MS = 86400000 / TICKS,
	KEYS_MAX = 4000,
	FLYING_MAX = 64,
};

enum state { CLEAN, DRIFTS, FAILS };

struct key {
	char text[100];
	int wanted, taken;
};

static struct {
	uint64_t dice;
	int64_t wall_ms, monotonic_ms, reports;
	bool is_away, is_calm;
	enum state states[ENVIRONMENTS][PROJECTS];
	int failures[ENVIRONMENTS][PROJECTS];
	struct key keys[KEYS_MAX];
	size_t key_count, told, repeats, crashes, jumps, edits;
	struct flying {
		notifier_done_cb done;
		void *owner;
		bool failed;
	} flying[FLYING_MAX];
	size_t flying_count;
	struct store *store;
	struct engine *engine;
	struct settings *settings;
} year;

static unsigned roll(unsigned sides)
{
	year.dice = year.dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(year.dice >> 33) % sides;
}

/* ---- what was wanted, and what came ---- */

static struct key *find_key(const char *text)
{
	size_t length = strcspn(text, "#");

	/* the name of a channel has that sign too: parts have it behind the whole */
	if (text[length] == '#' && strchr(text + length + 1, '#') != NULL)
		length += 1 + strcspn(text + length + 1, "#");
	else
		length = strlen(text);
	for (size_t i = 0; i < year.key_count; i++) {
		if (strlen(year.keys[i].text) == length &&
			strncmp(year.keys[i].text, text, length) == 0)
			return &year.keys[i];
	}
	assert_true(year.key_count < KEYS_MAX && length < sizeof(year.keys[0].text));
	memcpy(year.keys[year.key_count].text, text, length);
	return &year.keys[year.key_count++];
}

/* ---- the channels ---- */

/* What may have arrived is looked for, as a bot of Slack and whoever keeps ids can. */
static void send(_unused_ struct notifier *notifier, const struct notifier_request *request,
	notifier_done_cb done, void *owner)
{
	struct key *key = find_key(request->key);
	bool is_lost = !year.is_calm && (year.is_away || roll(12) == 0);
	bool loses_answer = !year.is_calm && !is_lost && roll(12) == 0;
	bool is_later_part = strlen(request->key) > strlen(key->text);

	if (!is_lost && !is_later_part) {
		if (key->taken > 0 && !request->is_repeat)
			fail_msg("%s comes again, and nobody says so", request->key);
		year.repeats += key->taken > 0;
		key->taken = 1;
	}
	assert_true(year.flying_count < FLYING_MAX);
	year.flying[year.flying_count++] = (struct flying){ done, owner, is_lost || loses_answer };
}

static void answer_all(void)
{
	size_t count = year.flying_count;

	year.flying_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct err err;

		err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "away");
		year.flying[i].done(year.flying[i].owner,
			&(struct notifier_answer){ .thread = "C024BE91L/1.1" },
			year.flying[i].failed ? &err : NULL);
	}
}

static struct notifier notifier = { .send = send };

/* ---- the engine's world ---- */

static int64_t wall(_unused_ const struct clock *clock)
{
	return year.wall_ms;
}

static int64_t monotonic(_unused_ const struct clock *clock)
{
	return year.monotonic_ms;
}

static void fill(_unused_ const struct entropy *entropy, void *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)out)[i] = (uint8_t)roll(256);
}

static void wake(_unused_ void *owner, _unused_ int64_t delay_ms)
{
}

static void listen(
	_unused_ struct executor *executor, _unused_ const struct executor_events *events)
{
}

static void set_slots(_unused_ struct executor *executor, _unused_ int slots)
{
}

static bool sweep(_unused_ struct executor *executor, _unused_ struct sweep *round)
{
	return false;
}

static struct clock the_clock = { .wall_ms = wall, .monotonic_ms = monotonic };
static struct entropy chance = { .fill = fill };
static struct seal seal;
static struct executor executor = { .listen = listen, .set_slots = set_slots, .sweep = sweep };
static struct vcs_host *no_hosts[] = { NULL };

static struct notification channels[] = {
	{ .kind = "slack", .events = NOTIFY_DRIFT, .channel = "#ops", .url = "", .name = "" },
	{ .kind = "mail",
		.events = NOTIFY_DRIFT,
		.name = "first",
		.channel = "",
		.url = "",
		.environments = { .list = (const char *[]){ "e0" }, .count = 1 } },
};

/* The same channels, in another order each time. */
static struct settings *new_settings(void)
{
	struct settings *settings = mem_alloc(sizeof(*settings));

	*settings = (struct settings){ .refs = 1,
		.slots = 1,
		.status_prefix = "sluice",
		.tool = "terraform",
		.sweep_every_ms = 86400000,
		.keep_events_ms = INT64_MAX / 4 };
	settings->notifications = arena_alloc(&settings->arena, sizeof(channels));
	settings->notification_count = countof(channels);
	for (size_t i = 0, first = roll(2); i < countof(channels); i++)
		settings->notifications[i] = channels[(i + first) % countof(channels)];
	return settings;
}

static void start(void)
{
	struct engine_world world = { .clock = &the_clock,
		.entropy = &chance,
		.seal = &seal,
		.settings = year.settings,
		.executor = &executor,
		.hosts = no_hosts,
		.notifier = &notifier,
		.wake = wake };
	struct err err;

	assert_ok(engine_new(year.store, &world, &year.engine, &err), &err);
	assert_ok(engine_start(year.engine, &err), &err);
}

static void crash(void)
{
	engine_free(year.engine);
	answer_all(); /* nobody hears it */
	store_rollback(year.store);
	start();
	year.crashes++;
}

static void edit(void)
{
	struct settings *next = new_settings();
	struct err err;

	assert_ok(engine_reload(year.engine, next, &err), &err);
	settings_unref(year.settings);
	year.settings = next;
	year.edits++;
}

static void tick(int64_t ms)
{
	year.wall_ms += ms;
	year.monotonic_ms += ms;
	answer_all();
	engine_turn(year.engine);
	if (year.is_calm)
		return;
	if (roll(30) == 0)
		crash();
	if (roll(200) == 0)
		edit();
	if (roll(150) == 0) {
		year.wall_ms += ((int64_t)roll(96) - 48) * 3600000;
		year.jumps++;
	}
}

/* ---- the projects ---- */

/* One project a day later: what is to be seen of it, and whether that is a change. */
static bool live(int environment, int i, struct arena *arena, struct drift_project *ret)
{
	enum state before = year.states[environment][i], now = before;
	int *failures = &year.failures[environment][i];
	bool has_item, is_other = before == DRIFTS && roll(400) == 0;

	if (roll(250) == 0)
		now = (enum state)((before + 1 + (int)roll(2)) % 3);
	year.states[environment][i] = now;
	*failures = now == FAILS ? *failures + 1 : 0;
	*ret = (struct drift_project){ .name = arena_printf(arena, "p%d", i),
		.dir = "d",
		.workspace = "default",
		.environment = "",
		.word = now == FAILS ? "plan" : "",
		.text = "",
		.failures = *failures,
		.before = before == FAILS    ? DRIFT_ERROR
			  : before == DRIFTS ? DRIFT_FOUND
					     : DRIFT_CLEAN,
		.outcome = now == FAILS	   ? DRIFT_ERROR
			   : now == DRIFTS ? DRIFT_FOUND
					   : DRIFT_CLEAN };
	has_item = now == DRIFTS || (before == DRIFTS && now == CLEAN);
	if (has_item) {
		ret->items.list = arena_alloc(arena, sizeof(*ret->items.list));
		ret->items.count = 1;
		ret->items.list[0] = (struct drift_item){ .address = "a.b",
			.class = DRIFT_CHANGED,
			.action = DRIFT_UPDATE,
			.life = now != DRIFTS	   ? DRIFT_RESOLVED
				: before != DRIFTS ? DRIFT_NEW
				: is_other	   ? DRIFT_ALTERED
						   : DRIFT_KNOWN };
	}
	return now != before || (is_other && now == DRIFTS) || (now == FAILS && *failures == 3);
}

static void want(const char *channel)
{
	char text[100];

	(void)snprintf(text, sizeof(text), "drift:%lld>%s", (long long)year.reports, channel);
	find_key(text)->wanted = 1;
	year.told++;
}

/* A slot ends in the transaction of its last job; a crash before the commit makes it end again. */
static void look(int environment)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_project projects[PROJECTS];
	struct drift_report report = { .id = ++year.reports,
		.repo = "acme/infra",
		.base_ref = "main",
		.base = "",
		.environment = arena_printf(&arena, "e%d", environment),
		.schedule = "0 8 * * 1-5",
		.asked_by = "",
		.text = "",
		.slot_ms = year.wall_ms,
		.projects = projects,
		.project_count = PROJECTS };
	bool is_news = false;
	struct err err;

	for (int i = 0; i < PROJECTS; i++)
		is_news = live(environment, i, &arena, &projects[i]) || is_news;
	if (is_news)
		want("slack:#ops");
	if (is_news && environment == 0)
		want("mail:first");
	do {
		assert_ok(notices_drift(year.engine, &arena, &report, &err), &err);
		if (roll(20) == 0) {
			crash();
			continue;
		}
		assert_ok(store_commit(year.store, &err), &err);
	} while (roll(20) == 0);
	/* the loop may have ended by a crash alone: once more is never too often */
	assert_ok(notices_drift(year.engine, &arena, &report, &err), &err);
	assert_ok(store_commit(year.store, &err), &err);
}

static void a_year(_unused_ void **state)
{
	int days = cases_are_slow() ? DAYS / 8 : DAYS;
	struct err err;

	year.dice = (uint64_t)strtoull(getenv("SEED") == NULL ? "1" : getenv("SEED"), NULL, 10);
	year.wall_ms = 1795000000000;
	year.monotonic_ms = 1000;
	seal_of_key((const uint8_t[SHA256_BYTES]){ 1 }, &seal);
	year.settings = new_settings();
	assert_ok(store_open(":memory:", &the_clock, &year.store, &err), &err);
	start();
	for (int day = 0; day < days; day++) {
		year.is_away = roll(30) == 0; /* a whole day */
		for (int at = 0; at < TICKS; at++) {
			if (at >= 8 && at < 8 + ENVIRONMENTS && day % 7 < 5)
				look(at - 8);
			tick(TICK_MS);
		}
	}
	year.is_calm = true;
	for (int i = 0; i < 400; i++)
		tick(TICK_MS);
	assert_int_equal(year.flying_count, 0);
	assert_true(engine_is_idle(year.engine));
	for (size_t i = 0; i < year.key_count; i++) {
		if (year.keys[i].wanted != year.keys[i].taken)
			fail_msg("%s: wanted %d, came %d", year.keys[i].text, year.keys[i].wanted,
				year.keys[i].taken);
	}
	print_message("%lld slots, %zu messages, %zu looked for and not repeated, %zu crashes, %zu "
		      "jumps of the clock, %zu edits\n",
		(long long)year.reports, year.told, year.repeats, year.crashes, year.jumps,
		year.edits);
	assert_true(days < DAYS || (year.told > 200 && year.repeats > 10 && year.crashes > 100 &&
					   year.jumps > 20));
	engine_free(year.engine);
	store_close(year.store);
	settings_unref(year.settings);
}

int main(int argc, char **argv)
{
	CASE(a_year);
	return cases_run(argc, argv);
}
