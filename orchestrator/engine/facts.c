/* What a host says of people and pull requests when a gate asks: who may write, who is in which
 * team, labels, mergeability. Owns the answers, which are good for seconds; a restart knows none. A
 * host is asked after the commit, once for all that wait, and what it does not say is not known. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/strbuf.h"

enum { KNOWN_MAX = 500, TRIES = 3, RETRY_FIRST_MS = 500, HOLD_MS = 60000, QUESTIONS_KEPT = 8192 };

struct known_facts {
	struct list in_engine;
	struct engine *engine; /* NULL: nobody waits any more, and the answer is the last user */
	struct pull_id pull;
	char *wanted, *asked; /* the questions as text; those that were sent */
	bool is_wanted, is_due, is_asked;
	int tries;
	int64_t not_before_ms;	 /* monotonic: it is asked again */
	struct inbox_id *behind; /* rows that wait for the answer */
	size_t behind_count, behind_room;
	/* the answer */
	struct arena arena;
	char *key; /* to which questions it is one; NULL: there is none */
	struct host_facts facts;
	bool has_facts;
	const char *problem; /* why there are none */
	int64_t at_ms;	     /* monotonic */
	char said[SHA256_HEX];
	bool is_news; /* the answer is another one than before */
};

static void facts_free(struct known_facts *known)
{
	arena_release(&known->arena);
	free(known->wanted);
	free(known->asked);
	free(known->key);
	free(known->behind);
	free(known);
}

static void facts_end(struct engine *engine, struct known_facts *known)
{
	list_remove(&known->in_engine);
	engine->facts_count--;
	known->engine = NULL;
	if (!known->is_asked)
		facts_free(known);
}

void facts_drop(struct engine *engine)
{
	while (!list_empty(&engine->facts))
		facts_end(engine, container_of(engine->facts.next, struct known_facts, in_engine));
}

static struct known_facts *facts_of(struct engine *engine, struct pull_id pull)
{
	struct known_facts *known;

	list_for_each (item, &engine->facts) {
		known = container_of(item, struct known_facts, in_engine);
		if (known->pull.v == pull.v)
			return known;
	}
	if (engine->facts_count >= KNOWN_MAX)
		facts_end(engine, container_of(engine->facts.next, struct known_facts, in_engine));
	known = mem_alloc(sizeof(*known));
	known->engine = engine;
	known->pull = pull;
	list_append(&engine->facts, &known->in_engine);
	engine->facts_count++;
	return known;
}

/* Questions as text: a line for each, "p" or "t" and the name. */
static bool has_question(const char *questions, char kind, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = questions; at != NULL && *at != '\0'; at += strcspn(at, "\n") + 1) {
		if (*at == kind && strcspn(at + 1, "\n") == length &&
			strncasecmp(at + 1, name, length) == 0)
			return true;
	}
	return false;
}

static bool covers(const char *questions, const struct gate_needs *needs)
{
	for (size_t i = 0; i < needs->people.count; i++) {
		if (!has_question(questions, 'p', needs->people.list[i]))
			return false;
	}
	for (size_t i = 0; i < needs->teams.count; i++) {
		if (!has_question(questions, 't', needs->teams.list[i]))
			return false;
	}
	return questions != NULL;
}

/* Questions of a pull only grow, so that those who look at some of its projects and those who look
 * at all do not ask in turns for ever. */
static char *questions_with(const char *before, const struct gate_needs *needs)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);

	if (before != NULL && strlen(before) < QUESTIONS_KEPT)
		strbuf_puts(&text, before);
	for (size_t i = 0; i < needs->people.count; i++) {
		if (!has_question(strbuf_text(&text), 'p', needs->people.list[i]))
			strbuf_printf(&text, "p%s\n", needs->people.list[i]);
	}
	for (size_t i = 0; i < needs->teams.count; i++) {
		if (!has_question(strbuf_text(&text), 't', needs->teams.list[i]))
			strbuf_printf(&text, "t%s\n", needs->teams.list[i]);
	}
	return mem_strdup(strbuf_text(&text));
}

bool facts_get(struct engine *engine, struct pull_id pull, const struct gate_needs *needs,
	int64_t max_age_ms, const struct host_facts **ret, const char **ret_problem)
{
	struct known_facts *known = facts_of(engine, pull);
	bool is_answer = covers(known->key, needs);

	*ret = is_answer && known->has_facts ? &known->facts : NULL;
	*ret_problem = is_answer ? known->problem : NULL;
	if (is_answer && engine_monotonic(engine) - known->at_ms <= max_age_ms)
		return true;
	if (!known->is_wanted || !covers(known->wanted, needs)) {
		char *wanted = questions_with(known->is_wanted ? known->wanted : known->key, needs);

		free(known->wanted);
		known->wanted = wanted;
		known->is_wanted = true;
		known->tries = 0;
		known->not_before_ms = 0;
	}
	if (!known->is_asked)
		engine_post(engine, POSTED_FACTS)->pull = pull;
	return false;
}

int facts_hold(struct engine *engine, struct pull_id pull, struct inbox_id row, struct err *err)
{
	struct known_facts *known = facts_of(engine, pull);

	if (known->behind_count == known->behind_room) {
		known->behind_room = known->behind_room == 0 ? 4 : 2 * known->behind_room;
		known->behind = mem_grow(
			known->behind, known->behind_room * sizeof(*known->behind));
	}
	known->behind[known->behind_count++] = row;
	return inbox_hold(engine, row, HOLD_MS, err);
}

/* ---- asking ---- */

static void keep_answer(struct known_facts *known, const struct host_facts *from)
{
	struct arena *arena = &known->arena;
	struct host_facts *to = &known->facts;

	*to = *from;
	to->mergeable_why = arena_strdup(arena, from->mergeable_why);
	to->labels = arena_alloc(arena, (from->label_count + 1) * sizeof(*to->labels));
	to->people = arena_alloc(arena, (from->person_count + 1) * sizeof(*to->people));
	to->members = arena_alloc(arena, (from->member_count + 1) * sizeof(*to->members));
	for (size_t i = 0; i < from->label_count; i++)
		to->labels[i] = arena_strdup(arena, from->labels[i]);
	for (size_t i = 0; i < from->person_count; i++)
		to->people[i] = (struct host_person){ arena_strdup(arena, from->people[i].name),
			from->people[i].may_write };
	for (size_t i = 0; i < from->member_count; i++)
		to->members[i] = (struct host_member){ arena_strdup(arena, from->members[i].team),
			arena_strdup(arena, from->members[i].person), from->members[i].is_member };
	known->has_facts = true;
}

/* A comment is written anew only when the answer is another one. */
static void compare(struct known_facts *known)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	const struct host_facts *facts = &known->facts;
	char digest[SHA256_HEX];

	strbuf_printf(&text, "%s\n%d %d %d %s\n%s\n", known->key, known->has_facts,
		(int)facts->mergeable, (int)facts->approved,
		facts->mergeable_why == NULL ? "" : facts->mergeable_why,
		known->problem == NULL ? "" : known->problem);
	for (size_t i = 0; i < facts->label_count; i++)
		strbuf_printf(&text, "%s\n", facts->labels[i]);
	for (size_t i = 0; i < facts->person_count; i++)
		strbuf_printf(&text, "%d\n", (int)facts->people[i].may_write);
	for (size_t i = 0; i < facts->member_count; i++)
		strbuf_printf(&text, "%d\n", (int)facts->members[i].is_member);
	codec_sha256_hex(strbuf_text(&text), text.length, digest);
	known->is_news = known->is_news || !str_equal(digest, known->said);
	memcpy(known->said, digest, sizeof(digest));
}

static void on_facts(void *owner, const struct host_answer *answer, const struct err *err)
{
	struct known_facts *known = owner;
	struct posted *posted;

	known->is_asked = false;
	if (known->engine == NULL) {
		facts_free(known);
		return;
	}
	posted = engine_post(known->engine, POSTED_FACTS);
	posted->pull = known->pull;
	if (err != NULL && err->class == ERR_CLASS_TEMP && known->tries < TRIES) {
		known->not_before_ms = engine_monotonic(known->engine) +
				       ((int64_t)RETRY_FIRST_MS << known->tries);
		posted->not_before_ms = known->not_before_ms;
		return;
	}
	if (err != NULL)
		engine_tell(known->engine, true, "a host could not say what a gate asks", err);
	posted->is_answer = true; /* whatever it is */
	arena_release(&known->arena);
	known->facts = (struct host_facts){ 0 };
	known->has_facts = false;
	known->problem = err != NULL ? arena_strdup(&known->arena, err->text) : NULL;
	if (err == NULL && answer != NULL && answer->facts != NULL)
		keep_answer(known, answer->facts);
	else if (err == NULL)
		known->problem = "it knows nothing of people and teams";
	free(known->key);
	known->key = steal_ptr(known->asked);
	known->is_wanted = !str_equal(known->key, known->wanted);
	known->at_ms = engine_monotonic(known->engine);
	compare(known);
}

static void read_questions(const char *text, struct arena *arena, struct gate_needs *ret)
{
	*ret = (struct gate_needs){ 0 };
	for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
		struct name_list *list = *text == 'p' ? &ret->people : &ret->teams;

		list->list = arena_push(
			arena, (void *)list->list, list->count, sizeof(*list->list));
		list->list[list->count++] = arena_strndup(arena, text + 1, strcspn(text, "\n") - 1);
	}
}

static void ask(struct engine *engine, struct known_facts *known)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct gate_needs needs;
	struct vcs_host *host;
	struct pull pull;
	struct err err;

	known->tries++;
	known->is_asked = true;
	free(known->asked);
	known->asked = mem_strdup(known->wanted);
	if (store_pull_load(engine->store, &arena, known->pull, &pull, &err) < 0) {
		on_facts(known, NULL, &err);
		return;
	}
	host = engine_host(engine, pull.host);
	if (host == NULL) {
		err_set(&err, ERR_CONFIG, "host %s is no longer configured", pull.host);
		on_facts(known, NULL, &err);
		return;
	}
	read_questions(known->asked, &arena, &needs);
	host->send(host,
		&(struct host_request){ .call = HOST_FACTS,
			.repo = pull.repo,
			.number = pull.number,
			.head = pull.head,
			.base_ref = pull.base_ref,
			.context = engine->world.settings->status_prefix,
			.people = needs.people.list,
			.person_count = needs.people.count,
			.teams = needs.teams.list,
			.team_count = needs.teams.count },
		on_facts, known);
}

void facts_send(struct engine *engine)
{
	list_for_each (item, &engine->facts) {
		struct known_facts *known = container_of(item, struct known_facts, in_engine);

		if (known->is_wanted && !known->is_asked && known->is_due &&
			engine_monotonic(engine) >= known->not_before_ms) {
			known->is_due = false;
			ask(engine, known);
		}
	}
}

/* ---- what waits ---- */

static int release(struct engine *engine, struct known_facts *known, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < known->behind_count; i++)
		r = inbox_hold(engine, known->behind[i], 0, err);
	known->behind_count = 0;
	engine->slots_may_be_free = true;
	return r;
}

int facts_answered(
	struct engine *engine, struct arena *arena, const struct posted *posted, struct err *err)
{
	struct known_facts *known = facts_of(engine, posted->pull);
	struct pull pull;
	struct run run;
	int r;

	known->is_due = true;
	engine->commit_is_urgent = true; /* a question is sent after it, and people wait */
	if (!posted->is_answer)
		return 0;
	r = release(engine, known, err);
	if (r < 0 || !known->is_news)
		return r;
	known->is_news = false;
	r = store_pull_load(engine->store, arena, posted->pull, &pull, err);
	if (r < 0 || pull.plan_run.v == 0)
		return r;
	r = store_run_load(engine->store, arena, pull.plan_run, &run, err);
	if (r == 0)
		r = merges_say(engine, arena, &pull, &run, err);
	return r < 0 || !run_state_is_final(run.state) ? r
						       : run_say(engine, &pull, &run, true, err);
}
