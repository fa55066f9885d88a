/* The host of the world: what it tells, once, twice or never, and how it answers. */
#include "tests/sim/world.h"

#include "orchestrator/engine/engine.h"

#include <stdio.h>
#include <string.h>

/* Between fields of the world, which compilers fear to overlap. */
void world_copy(char *to, size_t size, const char *from)
{
	memmove(to, from, strnlen(from, size - 1) + 1);
	to[size - 1] = '\0';
}

static int verify(_unused_ const struct vcs_host *host, _unused_ const struct delivery *delivery,
	_unused_ struct err *err)
{
	return 0;
}

static void describe(const struct world *world, int64_t number, struct vcs_event *event)
{
	event->host = "fake";
	event->repo = "r";
	event->clone_url = "fake:r";
	event->number = number;
	event->author = world->pulls[number].author;
	event->title = "title";
	event->head_ref = "feature";
	event->base_ref = "main";
	event->branch = "feature";
	event->comment_id = event->body = event->review_head = "";
	event->actor_may_write = true;
}

static bool may_write(const char *actor)
{
	return !str_equal(actor, "reader");
}

/* Every second comment and review says as little as those of some hosts do. */
static void hide(struct vcs_event *event, long long seq)
{
	if (seq % 2 == 0 || (event->kind != VCS_COMMENT && event->kind != VCS_APPROVED &&
				    event->kind != VCS_CHANGES_REQUESTED))
		return;
	event->is_partial = true;
	event->actor_may_write = false;
	if (event->kind == VCS_COMMENT)
		event->head = event->base_ref = event->author = "";
}

/* "kind number actor head seq text" */
static int parse(_unused_ const struct vcs_host *host, const struct delivery *delivery,
	struct arena *arena, struct vcs_event *ret, struct err *err)
{
	char actor[16], head[48];
	long long number, seq;
	int kind, text = 0;

	if (sscanf(delivery->body, "%d %lld %15s %47s %lld %n", &kind, &number, actor, head, &seq,
		    &text) < 5)
		return err_set(err, ERR_SYNTAX, "not an event");
	describe(the_world, number, ret);
	ret->kind = (enum vcs_event_kind)kind;
	ret->actor = arena_strdup(arena, actor);
	ret->head = arena_strdup(arena, head);
	ret->comment_id = arena_printf(arena, "c%lld", seq);
	ret->body = arena_strdup(arena, delivery->body + text);
	ret->actor_may_write = may_write(actor);
	ret->actor_is_bot = str_equal(actor, "bot");
	hide(ret, seq);
	return 0;
}

static const char *delivery_id(
	_unused_ const struct vcs_host *host, const struct delivery *delivery)
{
	return delivery->owner;
}

/* Sometimes the host does not know, and git is asked again. */
static int tip(_unused_ const struct vcs_host *host, _unused_ const char *repo,
	_unused_ const char *branch, char ret[OID_HEX + 1], struct err *err)
{
	if (chance(the_world, 30))
		return err_set(err, ERR_MISSING, "no such branch");
	world_copy(ret, OID_HEX + 1, base_tip(the_world));
	return 0;
}

static void take_comment(struct world *world, const struct host_request *request)
{
	char key[96];

	snprintf(key, sizeof(key), "%lld %s", (long long)request->number, request->marker);
	for (size_t i = 0; i < world->marker_count; i++) {
		if (str_equal(world->markers[i], key))
			return;
	}
	if (world->marker_count < COMMENTS_MAX)
		snprintf(world->markers[world->marker_count++], sizeof(world->markers[0]), "%s",
			key);
}

/* A head that is seen, and not told of: a host does not say who brought it. */
static void see_head(struct fake_pull *pull)
{
	if (str_equal(pull->told_head, pull->head))
		return;
	world_copy(pull->told_head, sizeof(pull->told_head), pull->head);
	world_copy(pull->told_pusher, sizeof(pull->told_pusher), VCS_SOMEBODY);
}

/* Who pushed is told a moment later, or never. */
static void say_pusher(
	struct world *world, const struct host_request *request, struct host_answer *answer)
{
	struct fake_pull *pull = &world->pulls[request->number];

	if (!str_equal(request->head, pull->head) || (!world->is_fight && chance(world, 30)))
		return;
	answer->pulls[0] = (struct vcs_event){ .kind = VCS_PULL_PUSHED, .actor = pull->pusher };
	answer->pull_count = 1;
	if (str_equal(pull->told_head, pull->head))
		world_copy(pull->told_pusher, sizeof(pull->told_pusher), pull->pusher);
}

static void complete(
	struct world *world, const struct host_request *request, struct host_answer *answer)
{
	struct fake_pull *pull = &world->pulls[request->number];

	answer->pulls[0] = (struct vcs_event){ 0 };
	describe(world, request->number, &answer->pulls[0]);
	answer->pulls[0].actor_may_write = may_write(request->actor);
	answer->pull_count = 1;
	if (!request->needs_pull)
		return;
	answer->pulls[0].head = pull->head;
	answer->pulls[0].is_closed = !pull->open;
	if (!pull->open) {
		pull->told_open = false;
		return;
	}
	see_head(pull);
}

void world_join_or_leave(struct world *world, size_t member)
{
	struct fake_member *one = &world->members[member];

	one->is_in = !one->is_in;
	one->left_ms = one->is_in ? 0 : world->monotonic_ms;
	world_note(world, "%s %s the team", one->name, one->is_in ? "joins" : "leaves");
}

static bool is_in_team(const struct world *world, const char *person)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (str_equal(world->members[i].name, person))
			return world->members[i].is_in || str_equal(world->breaks, "team");
	}
	return false;
}

/* Now and then the host does not know, which opens nothing. */
static void say_facts(
	struct world *world, const struct host_request *request, struct host_facts *facts)
{
	static struct host_person people[OPINIONS_MAX];
	static struct host_member members[OPINIONS_MAX];

	*facts = (struct host_facts){ .mergeable_why = "", .people = people, .members = members };
	for (size_t i = 0; i < request->person_count && i < OPINIONS_MAX; i++) {
		people[facts->person_count++] = (struct host_person){ request->people[i],
			chance(world, 2)		? WORD_UNKNOWN
			: may_write(request->people[i]) ? WORD_YES
							: WORD_NO };
		if (request->team_count > 0)
			members[facts->member_count++] = (struct host_member){ request->teams[0],
				request->people[i],
				chance(world, 2)			? WORD_UNKNOWN
				: is_in_team(world, request->people[i]) ? WORD_YES
									: WORD_NO };
	}
}

static void send_request(_unused_ struct vcs_host *host, const struct host_request *request,
	host_done_cb done, void *owner)
{
	struct world *world = the_world;
	struct vcs_event pulls[PULLS_MAX]; /* who is answered may ask again meanwhile */
	struct host_answer answer = { .pulls = pulls };
	struct host_facts facts;
	struct err err;

	if (world->monotonic_ms < world->away_until_ms || chance(world, 5)) {
		world->refused += world->monotonic_ms < world->away_until_ms;
		err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "the host is away");
		done(owner, NULL, &err);
		return;
	}
	if (request->call == HOST_COMMENT_UPSERT)
		take_comment(world, request);
	if (chance(world, 3)) { /* it acted, and the answer was lost */
		err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "the connection broke");
		done(owner, NULL, &err);
		return;
	}
	for (int64_t i = 1; request->call == HOST_LIST_OPEN && i <= world->pull_count; i++) {
		struct fake_pull *pull = &world->pulls[i];

		if (!pull->exists || !pull->open)
			continue;
		pulls[answer.pull_count] = (struct vcs_event){ 0 };
		describe(world, i, &pulls[answer.pull_count]);
		pulls[answer.pull_count].kind = VCS_PULL_OPENED;
		pulls[answer.pull_count].actor = VCS_SOMEBODY;
		pulls[answer.pull_count++].head = pull->head;
		see_head(pull);
		pull->told_open = true;
	}
	if (request->call == HOST_FACTS) {
		say_facts(world, request, &facts);
		answer.facts = &facts;
	}
	if (request->call == HOST_COMPLETE)
		complete(world, request, &answer);
	if (request->call == HOST_PUSHER)
		say_pusher(world, request, &answer);
	done(owner, &answer, NULL);
}

static void on_accepted(
	_unused_ void *owner, _unused_ bool is_repeat, _unused_ const struct err *err)
{
}

static const char *no_header(_unused_ const struct delivery *delivery, _unused_ const char *name)
{
	return NULL;
}

/* Told once, twice, or not at all. */
void world_tell(struct world *world, enum vcs_event_kind kind, int64_t number, const char *actor,
	const char *text)
{
	struct fake_pull *pull = &world->pulls[number];
	struct delivery delivery = { .header = no_header };
	char body[200], id[32];
	struct err err;
	int times = chance(world, 4) ? 0 : chance(world, 5) ? 2 : 1;
	bool is_head = kind == VCS_PULL_OPENED || kind == VCS_PULL_PUSHED ||
		       kind == VCS_PULL_REOPENED;

	world->seq++;
	snprintf(body, sizeof(body), "%d %lld %s %s %lld %s", (int)kind, (long long)number, actor,
		pull->head, (long long)world->seq, text);
	snprintf(id, sizeof(id), "d%lld", (long long)++world->deliveries);
	delivery.owner = id;
	delivery.body = body;
	delivery.length = strlen(body);
	for (int i = 0; i < times; i++) {
		if (engine_intake(world->engine, "fake", &delivery, on_accepted, NULL, &err) < 0)
			return; /* refused: the host keeps it, and we call it lost */
	}
	world_note(world, "told %dx: %s %lld by %s %s", times, vcs_event_kind_name(kind),
		(long long)number, actor, text);
	if (times == 0)
		return;
	is_head = is_head ||
		  !pull->told_head[0]; /* any event that describes the pull makes it known */
	if (is_head) {
		/* who pushed a head is still known when its pull is opened again */
		if (kind == VCS_PULL_PUSHED || !str_equal(pull->told_head, pull->head))
			world_copy(pull->told_pusher, sizeof(pull->told_pusher),
				kind == VCS_PULL_PUSHED ? actor : VCS_SOMEBODY);
		world_copy(pull->told_head, sizeof(pull->told_head), pull->head);
	} else if (kind == VCS_COMMENT) {
		see_head(pull); /* it says so too */
	}
	pull->told_open = kind != VCS_PULL_CLOSED && kind != VCS_PULL_MERGED &&
			  (is_head || pull->told_open);
	if ((kind == VCS_APPROVED || kind == VCS_CHANGES_REQUESTED ||
		    kind == VCS_REVIEW_DISMISSED) &&
		world->opinion_count < world->opinions_most) {
		struct fake_opinion *opinion = &world->opinions[world->opinion_count++];

		*opinion =
			(struct fake_opinion){ .seq = world->seq, .number = number, .kind = kind };
		world_copy(opinion->person, sizeof(opinion->person), actor);
		world_copy(opinion->head, sizeof(opinion->head), pull->told_head);
	}
}

void world_host_init(struct world *world)
{
	world->host = (struct vcs_host){ .name = "fake",
		.comment_bytes_max = 65536,
		.description_bytes_max = 140,
		.has_folds = true,
		.knows_pushers = true,
		.verify = verify,
		.parse = parse,
		.delivery_id = delivery_id,
		.tip = tip,
		.send = send_request };
}
