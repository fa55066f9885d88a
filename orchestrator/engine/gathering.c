/* What plans would do, who wrote what, and what a host says of people and teams: for the facts of
 * every gate. */
#include "orchestrator/engine/gathering.h"

const struct plan_summary *gather_plan(struct gathering *on, const struct job *job)
{
	struct plan_summary *plan = arena_alloc(on->arena, sizeof(*plan));
	_cleanup_json_ json_t *json = NULL;
	struct err ignored; /* then what it would do is not known */

	if (str_empty(job->summary) ||
		jsonx_parse(job->summary, strlen(job->summary), 16 << 20, &json, &ignored) < 0 ||
		plan_summary_read(json, on->arena, plan, &ignored) < 0)
		return NULL;
	return plan;
}

void gather_opinion(struct gathering *on, const struct gate_opinion *opinion)
{
	struct gate_opinion *list = arena_push(on->arena, (void *)(uintptr_t)on->facts.opinions,
		on->facts.opinion_count, sizeof(*list));

	list[on->facts.opinion_count++] = *opinion;
	on->facts.opinions = list;
}

void gather_need(struct gathering *on, struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcasecmp(list->list[i], name) == 0)
			return;
	}
	if (str_empty(name) || strchr(name, '\n') != NULL) /* nobody is called that */
		return;
	list->list = arena_push(on->arena, list->list, list->count, sizeof(*list->list));
	list->list[list->count++] = name;
}

void gather_teams(struct gathering *on, const struct name_list *teams)
{
	for (size_t i = 0; i < teams->count; i++)
		gather_need(on, &on->needs.teams, teams->list[i]);
}

static const struct team *own_team(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->team_count; i++) {
		if (str_equal(settings->teams[i].name, name))
			return &settings->teams[i];
	}
	return NULL;
}

static enum host_word is_in(const struct team *team, const char *person)
{
	for (size_t i = 0; i < team->members.count; i++) {
		if (strcasecmp(team->members.list[i], person) == 0)
			return WORD_YES;
	}
	return WORD_NO;
}

/* A team that the server's file names is what that file says; the host speaks of the others. */
static const struct host_facts *with_own_teams(struct gathering *on, const struct host_facts *host)
{
	const struct settings *settings = on->engine->world.settings;
	size_t pairs = on->needs.people.count * on->needs.teams.count;
	struct host_facts *facts = arena_alloc(on->arena, sizeof(*facts));

	*facts = *host;
	facts->member_count = 0;
	facts->members = arena_alloc(
		on->arena, (pairs + host->member_count + 1) * sizeof(*facts->members));
	for (size_t i = 0; i < host->member_count; i++) {
		if (own_team(settings, host->members[i].team) == NULL)
			facts->members[facts->member_count++] = host->members[i];
	}
	for (size_t i = 0; i < on->needs.teams.count; i++) {
		const struct team *team = own_team(settings, on->needs.teams.list[i]);

		for (size_t k = 0; team != NULL && k < on->needs.people.count; k++)
			facts->members[facts->member_count++] = (struct host_member){ team->name,
				on->needs.people.list[k], is_in(team, on->needs.people.list[k]) };
	}
	return facts;
}

void gather_host(struct gathering *on)
{
	const struct host_facts *host = NULL;
	bool is_fresh = facts_get(on->engine, on->pull->id, &on->needs, on->question->max_age_ms,
		&host, &on->facts.host_problem);

	if (on->question->is_fresh != NULL)
		*on->question->is_fresh = is_fresh;
	if (host != NULL)
		on->facts.host = with_own_teams(on, host);
}

/* Of the answer that was asked about last: several gates of a pull request are read in a row. */
struct authors {
	struct arena arena;
	const char *answer;
	struct prepared prepared;
};

void authors_forget(struct engine *engine)
{
	if (engine->authors != NULL)
		arena_release(&engine->authors->arena);
	free(engine->authors);
	engine->authors = NULL;
}

static int authors_read(struct engine *engine, const char *answer, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct authors *authors;
	int r = jsonx_parse(answer, strlen(answer), 8 << 20, &json, err);

	authors_forget(engine);
	if (r < 0)
		return r;
	engine->authors = authors = mem_alloc(sizeof(*authors));
	authors->answer = arena_strdup(&authors->arena, answer);
	r = prepared_read(json, &authors->arena, &authors->prepared, err);
	if (r < 0)
		authors_forget(engine);
	return r;
}

/* What is shown of it, which may be longer than that answer is the last one. */
static const struct prepared *copy_brought(const struct prepared *from, struct arena *arena)
{
	struct prepared *copy = arena_alloc(arena, sizeof(*copy));

	*copy = (struct prepared){ .secret_count = from->secret_count,
		.secrets_left_out = from->secrets_left_out,
		.skip_count = from->skip_count,
		.skips_left_out = from->skips_left_out };
	copy->secrets = arena_alloc(arena, (copy->secret_count + 1) * sizeof(*copy->secrets));
	copy->skips = arena_alloc(arena, (copy->skip_count + 1) * sizeof(*copy->skips));
	for (size_t i = 0; i < copy->secret_count; i++) {
		struct plain_secret *one = &copy->secrets[i];

		*one = from->secrets[i];
		one->path = arena_strdup(arena, one->path);
		one->rule = arena_strdup(arena, one->rule);
		one->commit = arena_strdup(arena, one->commit);
	}
	for (size_t i = 0; i < copy->skip_count; i++) {
		struct new_skip *one = &copy->skips[i];

		*one = from->skips[i];
		one->path = arena_strdup(arena, one->path);
		one->id = arena_strdup(arena, one->id);
	}
	return copy;
}

int gather_people(struct gathering *on, struct err *err)
{
	struct engine *engine = on->engine;
	const char *answer = on->plan_run->prepared;
	int r = 0;

	if (str_empty(answer))
		return 0;
	if (engine->authors == NULL || !str_equal(engine->authors->answer, answer))
		r = authors_read(engine, answer, err);
	if (r < 0)
		return r;
	on->facts.prepared = copy_brought(&engine->authors->prepared, on->arena);
	on->facts.people = engine->authors->prepared.people;
	on->facts.people_count = engine->authors->prepared.people_count;
	return 0;
}
