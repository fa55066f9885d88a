/* Deliveries that say too little: whether their actor may write, what head the pull request has.
 * Their rows stay in the inbox until the host has answered, and so does everything later about the
 * same pull request: what was seen at which head depends on the order. */
#include "orchestrator/engine/private.h"

enum {
	HOLD_MS = 60000, /* then the row is looked at again, whatever was answered or lost */
	RETRY_FIRST_MS = 1000,
	RETRY_MOST_MS = 300000,
};

struct partial {
	struct list in_engine;
	struct engine *engine; /* NULL: nobody waits any more, and the answer is the last user */
	struct inbox_id inbox;
	struct arena arena;
	const char *host, *repo, *actor, *base_ref;
	int64_t number;
	bool needs_pull, needs_review;
	bool is_asked, is_answered;
	int tries;
	struct vcs_event answer;
	struct vcs_event *withdrawn; /* reviews that the host does not tell of */
	size_t withdrawn_count;
	struct inbox_id *behind; /* rows of the same pull request that came later */
	size_t behind_count;
};

static void partial_free(struct partial *partial)
{
	arena_release(&partial->arena);
	free(partial);
}

static void partial_end(struct partial *partial)
{
	list_remove(&partial->in_engine);
	partial->engine = NULL;
	if (!partial->is_asked)
		partial_free(partial);
}

void partials_drop(struct engine *engine)
{
	list_for_each (item, &engine->partials) {
		partial_end(container_of(item, struct partial, in_engine));
	}
}

static struct partial *partial_find(struct engine *engine, const struct vcs_event *event)
{
	list_for_each (item, &engine->partials) {
		struct partial *partial = container_of(item, struct partial, in_engine);

		if (partial->number == event->number && str_equal(partial->host, event->host) &&
			str_equal(partial->repo, event->repo))
			return partial;
	}
	return NULL;
}

/* Ordinary talk and bots change nothing: nobody is asked about them. */
static bool is_needed(struct engine *engine, struct arena *arena, const struct vcs_event *event)
{
	struct command command = { 0 };

	if (!event->is_partial || event->actor_is_bot || !host_allows(engine, event))
		return false;
	if (event->kind != VCS_COMMENT)
		return true;
	command_parse(&engine->words, event->body, strlen(event->body), arena, &command);
	return command.kind != COMMAND_NONE;
}

/* ---- asking ---- */

static void keep_answer(struct partial *partial, const struct vcs_event *from)
{
	struct arena *arena = &partial->arena;

	partial->answer = *from;
	partial->answer.author = arena_strdup(arena, from->author);
	partial->answer.title = arena_strdup(arena, from->title);
	partial->answer.head = arena_strdup(arena, from->head);
	partial->answer.head_ref = arena_strdup(arena, from->head_ref);
	partial->answer.base_ref = arena_strdup(arena, from->base_ref);
	partial->answer.branch = arena_strdup(arena, from->branch);
	partial->answer.comment_id = arena_strdup(arena, from->comment_id);
	partial->answer.review_head = arena_strdup(arena, from->review_head);
	partial->is_answered = true;
}

static void keep_withdrawn(struct partial *partial, const struct vcs_event *events, size_t count)
{
	partial->withdrawn = arena_alloc(&partial->arena, count * sizeof(*events));
	partial->withdrawn_count = count;
	for (size_t i = 0; i < count; i++)
		word_copy(&partial->withdrawn[i], &events[i], &partial->arena);
}

static void on_answer(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct partial *partial = owner;
	struct posted *posted;

	partial->is_asked = false;
	if (partial->engine == NULL) {
		partial_free(partial);
		return;
	}
	if (err != NULL)
		engine_tell(partial->engine, true, "a host could not say who may do what", err);
	if (err == NULL && answer->pull_count > 0) {
		keep_answer(partial, &answer->pulls[0]);
		keep_withdrawn(partial, answer->pulls + 1, answer->pull_count - 1);
	} else if (err == NULL || err->class != ERR_CLASS_TEMP)
		keep_answer(partial, &(struct vcs_event){ .kind = VCS_IGNORED });
	posted = engine_post(partial->engine, POSTED_ANSWERED);
	posted->inbox = partial->inbox;
}

static void ask(struct engine *engine, struct partial *partial)
{
	struct vcs_host *host = engine_host(engine, partial->host);

	partial->is_asked = true;
	host->send(host,
		&(struct host_request){ .call = HOST_COMPLETE,
			.repo = partial->repo,
			.number = partial->number,
			.actor = partial->actor,
			.base_ref = partial->base_ref,
			.needs_pull = partial->needs_pull,
			.needs_review = partial->needs_review },
		on_answer, partial);
}

/* What is likely asked for next: where that branch stands. */
static const char *known_base(
	struct engine *engine, struct arena *arena, const struct vcs_event *event)
{
	struct repo_id repo = { 0 };
	struct pull pull;
	struct err err;

	if (store_repo_upsert(
		    engine->store, event->host, event->repo, event->clone_url, &repo, &err) < 0 ||
		store_pull_find(engine->store, arena, repo, event->number, &pull, &err) < 0)
		return "";
	return pull.base_ref;
}

/* Which review it was decides whether it counts, and whether it was seen before. */
static bool is_nameless_review(const struct vcs_event *event)
{
	return (event->kind == VCS_APPROVED || event->kind == VCS_CHANGES_REQUESTED) &&
	       str_empty(event->comment_id);
}

static struct partial *partial_new(
	struct engine *engine, struct inbox_id inbox, const struct vcs_event *event)
{
	struct partial *partial = mem_alloc(sizeof(*partial));

	partial->engine = engine;
	partial->inbox = inbox;
	partial->host = arena_strdup(&partial->arena, event->host);
	partial->repo = arena_strdup(&partial->arena, event->repo);
	partial->actor = arena_strdup(&partial->arena, event->actor);
	partial->number = event->number;
	partial->needs_pull = str_empty(event->head);
	partial->needs_review = is_nameless_review(event);
	partial->base_ref = known_base(engine, &partial->arena, event);
	list_append(&engine->partials, &partial->in_engine);
	return partial;
}

/* ---- the row ---- */

static void complete(struct vcs_event *event, const struct vcs_event *answer, struct arena *arena)
{
	event->is_partial = false;
	event->actor_may_write = answer->actor_may_write;
	if (is_nameless_review(event)) { /* what stands there now, not what was said to stand */
		event->kind = answer->kind;
		event->comment_id = arena_strdup(arena, answer->comment_id);
		event->review_head = arena_strdup(arena, answer->review_head);
	}
	if (!str_empty(event->head) || str_empty(answer->head))
		return;
	event->author = arena_strdup(arena, answer->author);
	event->title = arena_strdup(arena, answer->title);
	event->head = arena_strdup(arena, answer->head);
	event->head_ref = arena_strdup(arena, answer->head_ref);
	event->base_ref = arena_strdup(arena, answer->base_ref);
	event->branch = arena_strdup(arena, answer->branch);
	event->from_fork = answer->from_fork;
	event->is_draft = answer->is_draft;
	event->is_closed = answer->is_closed;
	event->is_merged = answer->is_merged;
}

int inbox_hold(struct engine *engine, struct inbox_id id, int64_t ms, struct err *err)
{
	engine->inbox_has_deferred = true;
	engine_look_again(engine, ms);
	return store_inbox_due(engine->store, id, engine_now(engine) + ms, err);
}

/* The answer is used once, and those behind may go on. */
static int use_answer(struct engine *engine, struct arena *arena, struct partial *partial,
	struct vcs_event *event, struct err *err)
{
	const char *outcome;
	int r = 0;

	complete(event, &partial->answer, arena);
	for (size_t i = 0; r == 0 && i < partial->withdrawn_count; i++)
		r = pull_event_handle(engine, arena, &partial->withdrawn[i], &outcome, err);
	for (size_t i = 0; r == 0 && i < partial->behind_count; i++)
		r = inbox_hold(engine, partial->behind[i], 0, err);
	partial_end(partial);
	return r;
}

int partial_pass(struct engine *engine, struct arena *arena, struct inbox_id id,
	struct vcs_event *event, bool *ret_waits, struct err *err)
{
	struct partial *partial = partial_find(engine, event);

	*ret_waits = false;
	if (partial == NULL && !is_needed(engine, arena, event))
		return 0;
	if (partial == NULL)
		partial = partial_new(engine, id, event);
	if (partial->inbox.v == id.v && partial->is_answered)
		return use_answer(engine, arena, partial, event, err);
	*ret_waits = true;
	if (partial->inbox.v != id.v) {
		partial->behind = arena_push(&partial->arena, partial->behind,
			partial->behind_count, sizeof(*partial->behind));
		partial->behind[partial->behind_count++] = id;
	} else if (!partial->is_asked) {
		ask(engine, partial);
	}
	return inbox_hold(engine, id, HOLD_MS, err);
}

/* The row is due: at once, or when the host may be asked again. */
int partial_answered(struct engine *engine, struct inbox_id id, struct err *err)
{
	int64_t wait = RETRY_FIRST_MS;

	list_for_each (item, &engine->partials) {
		struct partial *partial = container_of(item, struct partial, in_engine);

		if (partial->inbox.v != id.v)
			continue;
		if (partial->is_answered)
			return inbox_hold(engine, id, 0, err);
		for (int i = 0; i < partial->tries && wait < RETRY_MOST_MS; i++)
			wait *= 2;
		partial->tries++;
		return inbox_hold(engine, id, wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS, err);
	}
	return 0;
}
