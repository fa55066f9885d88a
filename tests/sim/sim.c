/* Seeded histories of people, failures and crashes: sim SEED HISTORIES [-v] [outage] [fight]. */
#include "tests/sim/world.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"

#include <stdio.h>
#include <string.h>

enum {
	STEPS = 56,
	END_STEPS = 400,
	JUMP_MS = 3600000,
	AWAY_MS = 600000,   /* an outage of ten minutes ... */
	AWAY_EVENTS = 1000, /* ... and what people do in it */
};

static const char *const people[] = { "alice", "bob", "carol", "dave", "bot", "reader" };

static const char *someone(struct world *world)
{
	return people[roll(world, countof(people))];
}

static void new_head(struct world *world, struct fake_pull *pull, const char *pusher)
{
	for (int i = 0; i < OID_HEX; i++)
		pull->head[i] = "0123456789abcdef"[roll(world, 16)];
	memmove(pull->pusher, pusher, strnlen(pusher, sizeof(pull->pusher) - 1) + 1);
}

static void open_pull(struct world *world, int64_t number)
{
	struct fake_pull *pull = &world->pulls[number];
	const char *author = people[roll(world, 3)];

	pull->exists = pull->open = true;
	snprintf(pull->author, sizeof(pull->author), "%s", author);
	new_head(world, pull, author);
	world_tell(world, VCS_PULL_OPENED, number, author, "");
}

static void comment(struct world *world, int64_t number)
{
	static const char *const texts[] = { "apply", "sluice apply", "apply -d a", "plan",
		"plan -d b", "unlock", "cancel", "looks good", "sluice aply", "apply -d c", "apply",
		"apply", "sluice import -d a x.y i", "sluice state rm -d b x.y",
		"sluice import x.y i", "apply --break-glass 'it burns'" };

	world_tell(world, VCS_COMMENT, number, someone(world), texts[roll(world, countof(texts))]);
}

static void act(struct world *world)
{
	/* where more must agree fewer are about, or they would never */
	int64_t number = 1 + roll(world, world->is_guarded ? 2 : PULLS);
	struct fake_pull *pull = &world->pulls[number];
	uint32_t what = roll(world, 100);

	if (!pull->exists) {
		open_pull(world, number);
	} else if (!pull->open) {
		if (what < 10) {
			pull->open = true;
			world_tell(world, VCS_PULL_REOPENED, number, pull->author, "");
		}
	} else if (what < (world->is_guarded ? 3 : 8)) {
		new_head(world, pull, someone(world));
		world_tell(world, VCS_PULL_PUSHED, number, pull->pusher, "");
	} else if (what < 40) {
		/* more often by one whose word counts: an apply needs it */
		world_tell(world, VCS_APPROVED, number,
			roll(world, 2) == 0
				? world->is_guarded ? people[1 + roll(world, 3)] : "dave"
				: someone(world),
			"");
	} else if (what < 44) {
		world_tell(world, VCS_CHANGES_REQUESTED, number, someone(world), "");
	} else if (what < 48) {
		world_tell(world, VCS_REVIEW_DISMISSED, number, someone(world), "");
	} else if (world->is_guarded && what < 56) {
		world_tell(world, VCS_COMMENT, number, people[2 + roll(world, 2)],
			"sluice apply -d a --break-glass 'it burns'");
	} else if (what < 97) {
		comment(world, number);
	} else {
		pull->open = false;
		world_tell(world, what < 99 ? VCS_PULL_CLOSED : VCS_PULL_MERGED, number,
			someone(world), "");
	}
}

static void turns(struct world *world)
{
	world->wants_turn = true;
	for (int i = 0; i < 20 && world->wants_turn; i++) {
		world->wants_turn = false;
		engine_turn(world->engine);
	}
}

static json_t *gate_of(struct world *world, struct pull_id id, const char *approve)
{
	json_t *gate = NULL;
	struct err err;

	for (int i = 0; i < 3 && gate == NULL; i++) {
		if (engine_gates(world->engine, id, approve, &gate, &err) == -ERR_BUSY)
			turns(world); /* the host is asked */
	}
	return gate;
}

/* Its row may wait behind one of which the host has not said enough. */
static bool was_heard(struct world *world, struct pull_id id, const char *person)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct ledger_row *rows = NULL;
	size_t count = 0;
	struct err err;

	return store_ledger_list_pull(world->store, &arena, id, &rows, &count, &err) == 0 &&
	       count > 0 && rows[count - 1].kind == VCS_APPROVED &&
	       str_equal(rows[count - 1].actor, person);
}

/* Rows that wait for the host would be heard between the foretelling and what comes. */
static bool all_is_heard(struct world *world)
{
	struct store_counts counts;
	struct err err;

	return store_counts(world->store, &counts, &err) == 0 && counts.inbox_open == 0;
}

/* Of a person whom the host was silent about when it was asked, nothing can be foretold. */
static bool is_unsaid(const json_t *gate)
{
	_cleanup_free_ char *text = jsonx_text(gate);

	return strstr(text, "the host does not say") != NULL;
}

/* What would follow if somebody approved, is what follows when they do. Nothing fails meanwhile,
 * and nobody else acts. */
static void foretell(struct world *world, int64_t number)
{
	static const char *const who[] = { "alice", "bob", "carol", "dave", "reader" };
	const char *person = who[roll(world, countof(who))];
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *foretold = NULL, *came = NULL;
	struct pull *pulls = NULL;
	size_t count = 0;
	struct err err;

	if (!world->pulls[number].exists || !world->pulls[number].open || world->breaks != NULL ||
		store_pull_list(world->store, &arena, PULL_OPEN, 100, &pulls, &count, &err) < 0)
		return;
	world->calm = true;
	turns(world);
	for (size_t i = 0; i < count && all_is_heard(world); i++) {
		if (pulls[i].number != number)
			continue;
		foretold = gate_of(world, pulls[i].id, person);
		if (foretold == NULL) /* there is no plan */
			break;
		world_tell(world, VCS_APPROVED, number, person, "");
		turns(world);
		turns(world);
		came = gate_of(world, pulls[i].id, NULL);
		if (came != NULL && was_heard(world, pulls[i].id, person) &&
			!json_equal(foretold, came) && !is_unsaid(foretold) &&
			str_equal(json_string_value(json_object_get(foretold, "plan_set")),
				json_string_value(json_object_get(came, "plan_set"))))
			oracle_wrong(world, "what if %s approved: foretold %s, came %s", person,
				json_string_value(json_object_get(foretold, "missing")),
				json_string_value(json_object_get(came, "missing")));
	}
	world->calm = false;
}

/* A rule broken on purpose behind the engine's back: the oracle must see it. */
static void break_rule(struct world *world)
{
	int64_t number = 1 + roll(world, (uint32_t)world->pull_count);
	struct fake_pull *pull = &world->pulls[number];

	if (world->breaks == NULL || !pull->exists || !pull->open)
		return;
	if (str_equal(world->breaks, "gate")) { /* an approval that the oracle never heard of */
		size_t kept = world->opinion_count;

		world_tell(world, VCS_APPROVED, number, "dave", "");
		world->opinion_count = kept;
	} else if (str_equal(world->breaks, "lock")) { /* it vanishes while it is needed */
		_cleanup_(arena_release) struct arena arena = { 0 };
		struct lock_row *locks = NULL;
		struct pull_id next;
		size_t count = 0;
		struct err err;

		if (store_lock_list(world->store, &arena, &locks, &count, &err) == 0 && count > 0 &&
			store_lock_release(world->store, locks[0].repo, locks[0].dir,
				locks[0].workspace, locks[0].pull, &next, &err) < 0)
			return;
	}
}

static void pass_time(struct world *world, int64_t ms)
{
	world->monotonic_ms += ms;
	world->wall_ms += ms;
	if (chance(world, 1))
		world->wall_ms += chance(world, 50) ? JUMP_MS : -JUMP_MS;
}

static void step(struct world *world)
{
	if (chance(world, 60))
		act(world);
	if (chance(world, world->breaks == NULL ? 4 : 15))
		break_rule(world);
	if (chance(world, 5))
		world_join_or_leave(world, roll(world, MEMBERS));
	if (chance(world, 2))
		base_move(world);
	if (world->is_guarded && chance(world, 5))
		foretell(world, 1 + roll(world, (uint32_t)world->pull_count));
	world_step(world);
}

void world_step(struct world *world)
{
	world_work(world);
	turns(world);
	if (world->monotonic_ms % 31 == 0) /* no dice: histories stay as they were */
		world_reload(world);
	if (chance(world, 2))
		world_crash(world);
	pass_time(world, 1 + roll(world, 1500));
	oracle_step(world);
}

/* Nothing fails any more; a restart asks the host for what was lost; then time only passes. */
static void rest(struct world *world)
{
	world->calm = true;
	fault_init(NULL, NULL);
	pass_time(world, 5000);
	turns(world);
	world_crash(world);
	for (int i = 0; i < END_STEPS && world->wrong == NULL; i++) {
		world_work(world);
		turns(world);
		pass_time(world, 2000);
		oracle_step(world);
		if (i > 20 && engine_is_idle(world->engine))
			break;
	}
	oracle_end(world);
}

/* The host tells us everything, and answers nothing. */
static void outage(struct world *world)
{
	world->away_until_ms = world->monotonic_ms + AWAY_MS;
	for (int i = 0; i < AWAY_EVENTS && world->wrong == NULL; i++) {
		act(world);
		world_work(world);
		turns(world);
		if (i % 200 == 199)
			world_crash(world);
		world->monotonic_ms += AWAY_MS / AWAY_EVENTS;
		world->wall_ms += AWAY_MS / AWAY_EVENTS;
		oracle_step(world);
	}
	if (world->breaks != NULL && str_equal(world->breaks, "outage")) /* it never ends */
		world->away_until_ms = INT64_MAX;
	if (world->refused == 0)
		oracle_wrong(world, "nobody was refused: that was no outage");
}

static const char *history(struct world *world, struct store *store, uint64_t seed)
{
	char fault[40];
	struct err err;

	world_init(world, store, seed);
	fault_init(NULL, NULL);
	if (store_wipe(store, &err) < 0)
		return "the store cannot be wiped";
	world_start(world);
	if (chance(world, 10)) { /* a disk that is full for one moment */
		snprintf(fault, sizeof(fault), "fail:%s:%u",
			chance(world, 50) ? "store.commit" : "store.write", 1 + roll(world, 400));
		fault_init(fault, NULL);
	}
	for (int i = 0; i < STEPS && world->wrong == NULL && !world->is_fight; i++)
		step(world);
	if (world->is_fight)
		fight(world);
	if (world->has_outage && world->wrong == NULL)
		outage(world);
	if (world->wrong == NULL)
		rest(world);
	if (world->has_outage && world->wrong == NULL)
		oracle_said(world);
	engine_free(world->engine);
	world->engine = NULL;
	settings_unref(world->newest);
	world->newest = NULL;
	return world->wrong;
}

int main(int argc, char **argv)
{
	static struct world world;
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
	struct store *store = NULL;
	int64_t glasses = 0;
	struct err err;

	for (int i = 3; i < argc; i++) {
		world.verbose |= strcmp(argv[i], "-v") == 0;
		world.has_outage |= strcmp(argv[i], "outage") == 0;
		world.is_fight |= strcmp(argv[i], "fight") == 0;
	}
	world.breaks = getenv("SIM_BREAK");
	if (world.breaks != NULL && world.breaks[0] == '\0')
		world.breaks = NULL;
	world_init(&world, NULL, seed);
	if (store_open(":memory:", &world.clock, &store, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (long i = 0; i < count; i++) {
		const char *wrong = history(&world, store, seed + (uint64_t)i);

		glasses += world.glasses;
		if (wrong != NULL) {
			printf("seed %llu: %s\nsee it: %s %llu 1 -v%s\n",
				(unsigned long long)(seed + (uint64_t)i), wrong, argv[0],
				(unsigned long long)(seed + (uint64_t)i),
				world.has_outage ? " outage"
				: world.is_fight ? " fight"
						 : "");
			store_close(store);
			return 1;
		}
	}
	printf("%ld histories from seed %llu, %lld applies by break-glass\n", count,
		(unsigned long long)seed, (long long)glasses);
	store_close(store);
	return 0;
}
