/* links: engine model lib_regex lib */
/* What a look leaves of what was found, and how it lives from one look to the next. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/drift_life.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/drift_rule.h"

#include <string.h>

enum { NOW = 1000000, DAY = 86400000 };

/* ---- life ---- */

static const struct life_case {
	const char *name;
	enum drift_life before; /* 0: it was not there */
	const char *was, *is;	/* fingerprints; is NULL: it is gone */
	int64_t until_ms;
	int runs, notify_after;
	enum drift_life after; /* 0: nobody is told that it is over */
} lives[] = {
	{ "new", 0, "", "a", 0, 0, 1, DRIFT_NEW },
	{ "new, and watched first", 0, "", "a", 0, 0, 3, DRIFT_WATCHED },
	{ "watched on", DRIFT_WATCHED, "a", "a", 0, 1, 3, DRIFT_WATCHED },
	{ "watched long enough", DRIFT_WATCHED, "a", "b", 0, 2, 3, DRIFT_NEW },
	{ "as it was", DRIFT_NEW, "a", "a", 0, 1, 1, DRIFT_KNOWN },
	{ "known", DRIFT_KNOWN, "a", "a", 0, 5, 1, DRIFT_KNOWN },
	{ "another", DRIFT_KNOWN, "a", "b", 0, 5, 1, DRIFT_ALTERED },
	{ "another again", DRIFT_ALTERED, "a", "b", 0, 5, 1, DRIFT_ALTERED },
	{ "over", DRIFT_KNOWN, "a", NULL, 0, 5, 1, DRIFT_RESOLVED },
	{ "over before anybody was told", DRIFT_WATCHED, "a", NULL, 0, 1, 3, 0 },
	{ "acknowledged", DRIFT_ACKNOWLEDGED, "a", "a", 0, 5, 1, DRIFT_ACKNOWLEDGED },
	{ "acknowledged, and not over yet", DRIFT_ACKNOWLEDGED, "a", "a", NOW + 1, 5, 1,
		DRIFT_ACKNOWLEDGED },
	{ "its time is over", DRIFT_ACKNOWLEDGED, "a", "a", NOW, 5, 1, DRIFT_NEW },
	{ "acknowledged, and another", DRIFT_ACKNOWLEDGED, "a", "b", NOW + 1, 5, 1, DRIFT_ALTERED },
	{ "acknowledged, and gone", DRIFT_ACKNOWLEDGED, "a", NULL, 0, 5, 1, DRIFT_RESOLVED },
	{ "put off", DRIFT_SNOOZED, "a", "a", NOW + 1, 5, 1, DRIFT_SNOOZED },
	{ "put off, whatever it becomes", DRIFT_SNOOZED, "a", "b", NOW + 1, 5, 1, DRIFT_SNOOZED },
	{ "put off long enough", DRIFT_SNOOZED, "a", "a", NOW, 5, 1, DRIFT_NEW },
	{ "put off long enough, and another", DRIFT_SNOOZED, "a", "b", NOW, 5, 1, DRIFT_ALTERED },
	{ "accepted", DRIFT_BASELINE, "a", "a", 0, 5, 1, DRIFT_BASELINE },
	{ "accepted, and another", DRIFT_BASELINE, "a", "b", 0, 5, 1, DRIFT_ALTERED },
	{ "accepted, and gone", DRIFT_BASELINE, "a", NULL, 0, 5, 1, 0 },
};

static void from_look_to_look(void **state)
{
	const struct life_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct drift_look look = { NOW, row->notify_after, "pull request #7" };
	struct drift_item was = { .id = 5,
		.address = "t.a",
		.class = DRIFT_CHANGED,
		.fingerprint = row->was,
		.life = row->before,
		.first_ms = 3,
		.until_ms = row->until_ms,
		.runs = row->runs,
		.by = "bob",
		.reason = "ticket" };
	struct drift_item is = { .address = "t.a", .class = DRIFT_DELETED, .fingerprint = row->is };
	const struct drift_items before = { &was, row->before != 0, 0 },
				 found = { &is, row->is != NULL, 0 };
	struct drift_items after, silent;

	drift_live(&before, &found, &look, &arena, &after, &silent);
	assert_int_equal(after.count, row->after != 0);
	assert_int_equal(silent.count, row->after == 0);
	if (row->after == 0)
		return;
	assert_int_equal(after.list[0].life, row->after);
	assert_int_equal(after.list[0].id, row->before != 0 ? 5 : 0);
	assert_int_equal(after.list[0].first_ms, row->before != 0 ? 3 : NOW);
	if (row->after == DRIFT_RESOLVED) {
		assert_string_equal(after.list[0].by, "pull request #7");
		assert_int_equal(after.list[0].ended_ms, NOW);
	} else {
		assert_int_equal(after.list[0].runs, row->runs + 1);
		assert_string_equal(after.list[0].by == NULL ? "" : after.list[0].by,
			row->after == row->before ? "bob" : "");
	}
}

/* What a list that was cut does not hold is not over. */
static void a_cut_list_ends_nothing(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct drift_look look = { NOW, 1, "" };
	struct drift_item was = { .address = "t.a", .class = DRIFT_CHANGED, .life = DRIFT_KNOWN };
	const struct drift_items before = { &was, 1, 0 }, found = { NULL, 0, 3 };
	struct drift_items after, silent;

	drift_live(&before, &found, &look, &arena, &after, &silent);
	assert_int_equal(after.count + silent.count, 0);
}

/* ---- the sieve ---- */

static const struct sieve_case {
	const char *name, *ignore; /* JSON of one ignore rule */
	const char *left;	   /* paths that are left; NULL: nothing of the item */
	int hidden, expired;
} sieves[] = {
	{ "no rule fits", "{\"address\":\"t.b\"}", "tags.a,size", 0, 0 },
	{ "the whole resource", "{\"address\":\"module.*.t.a*\"}", NULL, 1, 0 },
	{ "its type", "{\"type\":\"aws_*\"}", NULL, 1, 0 },
	{ "one attribute", "{\"paths\":[\"tags.*\"]}", "size", 1, 0 },
	{ "all attributes", "{\"paths\":[\"tags.*\",\"size\"]}", NULL, 2, 0 },
	{ "of another type", "{\"type\":\"azure\",\"paths\":[\"size\"]}", "tags.a,size", 0, 0 },
	{ "on its last day", "{\"paths\":[\"size\"],\"expires\":\"2026-11-21\"}", "tags.a", 1, 0 },
	{ "the day after", "{\"paths\":[\"size\"],\"expires\":\"2026-11-20\"}", "tags.a,size", 0,
		1 },
};

static void what_rules_leave(void **state)
{
	const struct sieve_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *text = mem_printf("{\"ignore\":[%s]}", row->ignore);
	_cleanup_json_ json_t *json = NULL;
	const char *paths[] = { "tags.a", "size" }, *hashes[] = { "1", "2" };
	struct drift_item item = { .address = "module.m.t.a[0]",
		.type = "aws_thing",
		.class = DRIFT_CHANGED,
		.action = DRIFT_UPDATE,
		.paths = paths,
		.path_count = 2,
		.hashes = hashes,
		.hash_count = 2 };
	const struct drift_items found = { &item, 1, 0 };
	struct drift_rule rule;
	struct drift_hidden hidden;
	struct drift_items left;
	struct err err = { 0 };

	assert_ok(jsonx_parse(text, strlen(text), 4096, &json, &err), &err);
	assert_ok(drift_rule_read(json, &arena, &rule, &err), &err);
	drift_sieve_items(&(struct drift_sieve){ &rule, { "key", 3 }, "2026-11-21" }, &found,
		&arena, &left, &hidden);
	assert_int_equal(hidden.differences, row->hidden);
	assert_int_equal(hidden.expired > 0, row->expired);
	assert_int_equal(hidden.rules, row->hidden > 0);
	assert_int_equal(left.count, row->left != NULL);
	if (row->left == NULL)
		return;
	assert_int_equal(left.list[0].path_count, strchr(row->left, ',') == NULL ? 1 : 2);
	assert_memory_equal(left.list[0].paths[0], row->left, strlen(left.list[0].paths[0]));
	assert_int_equal(strlen(left.list[0].fingerprint), DRIFT_HASH_HEX - 1);
	assert_int_equal(left.list[0].hash_count, 0); /* no hash of a value without the key */
}

static const char *fingerprint_of(
	const char *key, const char *first, const char *second, struct arena *arena)
{
	const char *paths[] = { "a", "b" }, *hashes[] = { first, second };
	struct drift_item item = { .address = "t.a",
		.class = DRIFT_CHANGED,
		.paths = paths,
		.path_count = 2,
		.hashes = hashes,
		.hash_count = 2 };
	const struct drift_items found = { &item, 1, 0 };
	struct drift_hidden hidden;
	struct drift_items left;

	drift_sieve_items(&(struct drift_sieve){ NULL, { key, strlen(key) }, "" }, &found, arena,
		&left, &hidden);
	return left.list[0].fingerprint;
}

static void a_fingerprint_is_of_values_and_key(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *one = fingerprint_of("key", "1", "2", &arena);

	assert_string_equal(one, fingerprint_of("key", "2", "1", &arena)); /* in whatever order */
	assert_string_not_equal(one, fingerprint_of("key", "1", "3", &arena));
	assert_string_not_equal(one, fingerprint_of("other", "1", "2", &arena));
}

int main(int argc, char **argv)
{
	CASES(lives, from_look_to_look);
	CASE(a_cut_list_ends_nothing);
	CASES(sieves, what_rules_leave);
	CASE(a_fingerprint_is_of_values_and_key);
	return cases_run(argc, argv);
}
