/* What hosts know and did not tell, or told when nobody listened: heads that moved, pull requests
 * that closed, comments and reviews. At the start, and every hour. */
#include "orchestrator/engine/private.h"

enum {
	EVERY_MS = 3600 * 1000,
	SOON_MS = 60 * 1000,
	BACK_MS = 3600 * 1000, /* events may have been handled long after they happened */
};

struct listing { /* a question to a host */
	struct list in_engine;
	struct engine *engine; /* NULL: it went away before the host answered */
	struct repo_id repo;
	const char *name;
	struct pull_id pull; /* of a question about one, or 0 */
	struct arena arena;
};

static void listing_free(struct listing *listing)
{
	list_remove(&listing->in_engine);
	arena_release(&listing->arena);
	free(listing);
}

static struct listing *listing_new(struct engine *engine, const struct repo *repo)
{
	struct listing *listing = mem_alloc(sizeof(*listing));

	listing->engine = engine;
	listing->repo = repo->id;
	listing->name = arena_strdup(&listing->arena, repo->name);
	list_append(&engine->listings, &listing->in_engine);
	return listing;
}

/* A host that is away is asked again soon, not in an hour. */
static void look_soon(
	struct engine *engine, const struct host_answer *answer, const struct err *err)
{
	int64_t wait = answer != NULL && answer->retry_ms > SOON_MS ? answer->retry_ms : SOON_MS;

	engine_tell(engine, true, "a host could not say what was missed", err);
	if (engine->catchup_at_ms > engine_monotonic(engine) + wait)
		engine->catchup_at_ms = engine_monotonic(engine) + wait;
}

/* ---- comments and reviews ---- */

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "host", offsetof(struct vcs_event, host) },
	{ "repo", offsetof(struct vcs_event, repo) },
	{ "clone_url", offsetof(struct vcs_event, clone_url) },
	{ "actor", offsetof(struct vcs_event, actor) },
	{ "comment_id", offsetof(struct vcs_event, comment_id) },
	{ "body", offsetof(struct vcs_event, body) },
	{ "review_head", offsetof(struct vcs_event, review_head) },
};

static const char **text_of(const struct vcs_event *event, size_t i)
{
	return (const char **)(uintptr_t)((const char *)event + texts[i].offset);
}

void word_copy(struct vcs_event *to, const struct vcs_event *from, struct arena *arena)
{
	*to = *from;
	for (size_t i = 0; i < countof(texts); i++)
		*text_of(to, i) = arena_strdup(arena, *text_of(from, i));
}

static void post_word(struct engine *engine, const struct vcs_event *from)
{
	struct posted *posted = engine_post(engine, POSTED_WORD);

	word_copy(&posted->event, from, &posted->arena);
}

/* In the order in which they were said; of one second opinions come before commands. */
static int by_time(const void *a, const void *b)
{
	const struct vcs_event *one = a, *two = b;

	if (one->at_ms != two->at_ms)
		return one->at_ms < two->at_ms ? -1 : 1;
	return (one->kind == VCS_COMMENT) - (two->kind == VCS_COMMENT);
}

static void on_words(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct listing *listing = owner;
	struct engine *engine = listing->engine;

	if (engine != NULL && err != NULL)
		look_soon(engine, answer, err);
	if (engine != NULL && err == NULL && answer->pull_count > 0) {
		qsort(answer->pulls, answer->pull_count, sizeof(*answer->pulls), by_time);
		for (size_t i = 0; i < answer->pull_count; i++)
			post_word(engine, &answer->pulls[i]);
	}
	listing_free(listing);
}

static void ask_words(struct engine *engine, const struct listing *from, int64_t number)
{
	struct repo repo = { .id = from->repo, .name = from->name };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct listing *listing;
	struct vcs_host *host;
	struct err err;

	if (store_repo_load(engine->store, &arena, from->repo, &repo, &err) < 0)
		return;
	host = engine_host(engine, repo.host);
	listing = listing_new(engine, &repo);
	host->send(host,
		&(struct host_request){ .call = HOST_LIST_WORDS,
			.repo = listing->name,
			.number = number,
			.since_ms = engine->words_since_ms - BACK_MS },
		on_words, listing);
}

/* An approval that nobody has told us is worth something only when it was given after the plan that
 * stands now: whom it was given for cannot be seen any more. */
static int is_worthless(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct vcs_event *event, bool *ret, struct err *err)
{
	struct run run;
	int r;

	*ret = event->kind == VCS_APPROVED;
	if (!*ret || pull->plan_run.v == 0)
		return 0;
	r = store_run_load(engine->store, arena, pull->plan_run, &run, err);
	*ret = r < 0 || run.ended_ms == 0 || event->at_ms <= run.ended_ms ||
	       event->at_ms <= pull->head_seen_ms;
	return r;
}

/* Into the inbox, as if it had been delivered: then it is asked who may do what, in its order. */
int catchup_word(
	struct engine *engine, struct arena *arena, const struct vcs_event *event, struct err *err)
{
	struct inbox_row row = { .host = event->host, .topic = CATCHUP_TOPIC };
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *body = NULL;
	bool is_seen = false, is_nothing = false;
	struct repo_id repo = { 0 };
	struct inbox_id id;
	struct pull pull;
	int r = store_repo_upsert(
		engine->store, event->host, event->repo, event->clone_url, &repo, err);

	if (r == 0)
		r = store_pull_find(engine->store, arena, repo, event->number, &pull, err);
	if (r == 0)
		r = store_ledger_has(
			engine->store, pull.id, event->kind, event->comment_id, &is_seen, err);
	if (r == 0 && !is_seen)
		r = is_worthless(engine, arena, &pull, event, &is_nothing, err);
	if (r < 0 || is_seen || is_nothing)
		return r;
	json = json_pack("{s:i, s:I, s:b, s:b}", "kind", (int)event->kind, "number",
		(json_int_t)event->number, "is_bot", event->actor_is_bot, "is_partial",
		event->is_partial);
	for (size_t i = 0; i < countof(texts); i++)
		json_object_set_new(json, texts[i].name, json_string(*text_of(event, i)));
	body = jsonx_text(json);
	row.delivery = arena_printf(arena, "missed:%s:%lld:%d:%s", event->repo,
		(long long)event->number, (int)event->kind, event->comment_id);
	row.body = body;
	row.length = strlen(body);
	r = store_inbox_put(engine->store, &row, &id, err);
	engine_look_again(engine, 0);
	return r == -ERR_EXISTS ? 0 : r;
}

int catchup_read(const char *bytes, size_t length, struct arena *arena, struct vcs_event *ret,
	struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct jsonx reader;
	int r = jsonx_parse(bytes, length, 1 << 20, &json, err);

	if (r < 0)
		return r;
	reader = jsonx_reader(json, "the event", err);
	*ret = (struct vcs_event){ .kind = (enum vcs_event_kind)jsonx_int(&reader, "kind"),
		.number = jsonx_int(&reader, "number"),
		.actor_is_bot = jsonx_bool_or(&reader, "is_bot", false),
		.is_partial = jsonx_bool_or(&reader, "is_partial", true),
		.author = "",
		.title = "",
		.head = "",
		.head_ref = "",
		.base_ref = "" };
	for (size_t i = 0; i < countof(texts); i++)
		*text_of(ret, i) = arena_strdup(arena, jsonx_string(&reader, texts[i].name));
	return reader.failed;
}

/* ---- pull requests ---- */

static void post_pull(struct engine *engine, const struct vcs_event *from)
{
	struct posted *posted = engine_post(engine, POSTED_PULL);
	struct arena *arena = &posted->arena;

	posted->event = *from;
	posted->event.kind =
		VCS_PULL_PUSHED; /* the newest head; nothing happens when it is known */
	posted->event.host = arena_strdup(arena, from->host);
	posted->event.repo = arena_strdup(arena, from->repo);
	posted->event.clone_url = arena_strdup(arena, from->clone_url);
	posted->event.actor = arena_strdup(arena, from->actor);
	posted->event.author = arena_strdup(arena, from->author);
	posted->event.title = arena_strdup(arena, from->title);
	posted->event.head = arena_strdup(arena, from->head);
	posted->event.head_ref = arena_strdup(arena, from->head_ref);
	posted->event.base_ref = arena_strdup(arena, from->base_ref);
	posted->event.branch = arena_strdup(arena, from->branch);
	posted->event.pusher = arena_strdup(arena, from->pusher);
	posted->event.comment_id = posted->event.body = posted->event.review_head = "";
}

static void on_gone(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct listing *listing = owner;
	struct engine *engine = listing->engine;
	bool is_away = err != NULL && err->code == ERR_MISSING;

	if (engine != NULL && err != NULL && !is_away) {
		look_soon(engine, answer, err);
	} else if (engine != NULL && (is_away || answer->pulls[0].is_closed)) {
		struct posted *posted = engine_post(engine, POSTED_PULL_GONE);

		posted->pull = listing->pull;
		posted->event.kind = !is_away && answer->pulls[0].is_merged ? VCS_PULL_MERGED
									    : VCS_PULL_CLOSED;
	}
	listing_free(listing);
}

/* A list does not say how a pull request ended that is not in it. */
static void ask_gone(struct engine *engine, const struct listing *from, const struct pull *pull)
{
	struct repo repo = { .id = from->repo, .name = from->name };
	struct vcs_host *host = engine_host(engine, pull->host);
	struct listing *listing = listing_new(engine, &repo);

	listing->pull = pull->id;
	host->send(host,
		&(struct host_request){ .call = HOST_COMPLETE,
			.repo = listing->name,
			.number = pull->number,
			.actor = "",
			.needs_pull = true },
		on_gone, listing);
}

/* Another head, or one of which nobody knows who brought it, and the host may. */
static bool is_news(
	const struct engine *engine, const struct pull *pull, const struct vcs_event *seen)
{
	const struct vcs_host *host = engine_host(engine, pull->host);

	return !str_equal(seen->head, pull->head) ||
	       (str_equal(pull->pusher, VCS_SOMEBODY) && host != NULL && host->knows_pushers);
}

static const struct vcs_event *listed(const struct host_answer *answer, int64_t number)
{
	for (size_t i = 0; i < answer->pull_count; i++) {
		if (answer->pulls[i].number == number)
			return &answer->pulls[i];
	}
	return NULL;
}

/* Known open pulls that the host lists no more, and those of which it has news. */
static void compare_known(struct engine *engine, const struct listing *listing,
	const struct host_answer *answer, const struct pull *pulls, size_t count)
{
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		const struct vcs_event *seen;

		if (pulls[i].repo_id.v != listing->repo.v)
			continue;
		known++;
		/* lists are in the same order on both sides most of the time */
		seen = known <= answer->pull_count &&
				       answer->pulls[answer->pull_count - known].number ==
					       pulls[i].number
			       ? &answer->pulls[answer->pull_count - known]
			       : listed(answer, pulls[i].number);
		if (seen == NULL) {
			ask_gone(engine, listing, &pulls[i]);
			continue;
		}
		if (is_news(engine, &pulls[i], seen))
			post_pull(engine, seen);
		ask_words(engine, listing, seen->number);
	}
}

static void find_new(
	struct engine *engine, const struct listing *listing, const struct host_answer *answer)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct pull pull;
	struct err err;

	for (size_t i = 0; i < answer->pull_count; i++) {
		if (store_pull_find(engine->store, &arena, listing->repo, answer->pulls[i].number,
			    &pull, &err) == -ERR_MISSING)
			post_pull(engine, &answer->pulls[i]);
	}
}

static void on_list(void *owner, const struct host_answer *answer, const struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct listing *listing = owner;
	struct engine *engine = listing->engine;
	struct pull *pulls = NULL;
	size_t count = 0;
	struct err problem;

	if (engine == NULL) {
		listing_free(listing);
		return;
	}
	if (err != NULL) {
		look_soon(engine, answer, err);
	} else if (store_pull_list(engine->store, &arena, PULL_OPEN, 1000000, &pulls, &count,
			   &problem) == 0) {
		compare_known(engine, listing, answer, pulls, count);
		find_new(engine, listing, answer);
	}
	listing_free(listing);
}

void listings_drop(struct engine *engine)
{
	struct list *item;

	while ((item = list_pop(&engine->listings)) != NULL)
		container_of(item, struct listing, in_engine)->engine = NULL;
}

int catchup_begin(struct engine *engine, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct repo *repos = NULL;
	size_t count = 0;
	int r = effects_pull_in(engine, err);

	if (r == 0)
		r = store_repo_list(engine->store, &arena, &repos, &count, err);
	if (r == 0 && engine->words_since_ms == 0)
		r = store_ledger_newest_ms(engine->store, &engine->words_since_ms, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct vcs_host *host = engine_host(engine, repos[i].host);
		struct listing *listing;

		if (host == NULL)
			continue;
		listing = listing_new(engine, &repos[i]);
		host->send(host,
			&(struct host_request){ .call = HOST_LIST_OPEN, .repo = listing->name },
			on_list, listing);
	}
	engine->next_words_since_ms = engine_now(engine);
	engine->catchup_at_ms = engine_monotonic(engine) + EVERY_MS;
	return r;
}

void catchup_tick(struct engine *engine)
{
	struct err err = { 0 };

	if (engine_monotonic(engine) < engine->catchup_at_ms)
		return;
	if (list_empty(&engine->listings)) /* nobody still needs the older time */
		engine->words_since_ms = engine->next_words_since_ms;
	if (catchup_begin(engine, &err) < 0)
		engine_tell(engine, true, "what was missed could not be looked for", &err);
}
