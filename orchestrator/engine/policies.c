/* What policies hold up, and who let it pass. The findings come from the summary of the plan, which
 * never changes; whose a set is stands in the newest server.yaml. */
#include "orchestrator/engine/gathering.h"

#include "orchestrator/lib/regex.h"
#include "orchestrator/lib/seal.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/steps.h"

enum { ITEMS_MAX = 1000, ITEM_HEX = 32 };

#define CUSTOM_SET "custom" /* the steps of a workflow instead of a set */

/* ---- what was found, to be compared ---- */

/* One line of hexadecimal digits. */
static bool has_line(const char *lines, const char *line)
{
	for (const char *at = lines; *at != '\0'; at += ITEM_HEX + 1) {
		if (strlen(at) > ITEM_HEX && strncmp(at, line, ITEM_HEX) == 0)
			return true;
		if (strlen(at) <= ITEM_HEX)
			break;
	}
	return false;
}

static bool has_lines(const char *lines, const char *wanted)
{
	for (; *wanted != '\0'; wanted += ITEM_HEX + 1) {
		if (!has_line(lines, wanted))
			return false;
	}
	return true;
}

/* All of what failed as one text; NULL when some of it was left out. */
static const char *text_of(const struct policy_result *result, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(64 << 10);

	if ((size_t)result->failed != result->failure_count)
		return NULL;
	for (size_t i = 0; i < result->failure_count; i++) {
		if (strlen(result->failures[i]) > POLICY_WORD_BYTES_MAX - 4) /* cut, perhaps */
			return NULL;
		strbuf_printf(&text, "%s%s", i == 0 ? "" : "\n", result->failures[i]);
	}
	return arena_strdup(arena, strbuf_text(&text));
}

/* A line for each different item; NULL: nothing that could be compared. */
static const char *items_of(
	const struct policy_result *result, const char *pattern, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(ITEMS_MAX * (ITEM_HEX + 1) + 1);
	const char *text = text_of(result, arena);
	_cleanup_regex_ struct regex *regex = NULL;
	size_t at = 0, from = 0, to = 0;
	struct err ignored; /* then the approval holds for these plans only */
	bool found = true;

	if (text == NULL || regex_compile(pattern, strlen(pattern), &regex, &ignored) < 0)
		return NULL;
	for (int i = 0; i < ITEMS_MAX; i++, at = to) {
		char hex[SHA256_HEX];

		if (regex_find(regex, text, strlen(text), at, &found, &from, &to, &ignored) < 0 ||
			(found && from == to))
			return NULL;
		if (!found)
			return lines.length == 0 ? NULL : arena_strdup(arena, strbuf_text(&lines));
		codec_sha256_hex(text + from, to - from, hex);
		if (!has_line(strbuf_text(&lines), hex))
			strbuf_printf(&lines, "%.*s\n", ITEM_HEX, hex);
	}
	return NULL;
}

/* ---- whose they are ---- */

static const struct policy_set *set_called(const struct policies *policies, const char *name)
{
	for (size_t i = 0; i < policies->set_count; i++) {
		if (str_equal(policies->sets[i].name, name))
			return &policies->sets[i];
	}
	return NULL;
}

static struct name_list both(
	const struct name_list *a, const struct name_list *b, struct arena *arena)
{
	struct name_list list = { arena_alloc(
					  arena, (a->count + b->count + 1) * sizeof(*list.list)),
		a->count + b->count };

	for (size_t i = 0; i < list.count; i++)
		list.list[i] = i < a->count ? a->list[i] : b->list[i - a->count];
	return list;
}

/* Owners of all sets own each; a set that is gone has none. */
static void find_owners(const struct policies *policies, const char *name, struct arena *arena,
	struct gate_policy *ret, struct policy_set *ret_set)
{
	const struct policy_set *set = set_called(policies, name);

	*ret_set = (struct policy_set){ .approve_count = policies->approve_count,
		.sticky = policies->sticky,
		.item_regex = policies->item_regex };
	if (set != NULL)
		*ret_set = *set;
	ret->name = name;
	ret->excludes_writers = ret_set->prevent_self_approve;
	if (set == NULL && !str_equal(name, CUSTOM_SET))
		return;
	ret->owners.count = ret_set->approve_count;
	ret->owners.teams = both(&ret_set->owners.teams, &policies->owners.teams, arena);
	ret->owners.users = both(&ret_set->owners.users, &policies->owners.users, arena);
}

/* ---- who let it pass ---- */

/* All of it, each part known by its place: a part that holds a line end moves nothing. */
static const char *sealed_text(const struct policy_word_row *row, struct arena *arena)
{
	_cleanup_json_ json_t *json = json_pack("[I, I, I, b]", (json_int_t)row->id,
		(json_int_t)row->pull.v, (json_int_t)row->run.v, row->is_clear);
	const char *const texts[] = { row->dir, row->workspace, row->project, row->policy_set,
		row->person, row->items };
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < countof(texts); i++)
		json_array_append_new(json, jsonx_any(texts[i]));
	text = jsonx_text(json);
	return arena_printf(arena, "policy word\n%s", text);
}

int policy_word_record(
	struct engine *engine, struct arena *arena, struct policy_word_row *row, struct err *err)
{
	char mark[SEAL_MARK_MAX];
	int r = store_policy_word_next(engine->store, &row->id, err);

	if (r < 0)
		return r;
	seal_mark(engine->world.seal, sealed_text(row, arena), mark);
	row->seal = mark;
	r = store_policy_word_put(engine->store, row, err);
	row->seal = NULL;
	return r;
}

/* Who takes words back is heard in any case: it only makes it stricter. */
static bool is_said(const struct gathering *on, const struct policy_word_row *row)
{
	return row->is_clear || seal_check(on->engine->world.seal, sealed_text(row, on->arena),
					row->seal) == SEAL_HOLDS;
}

static void add_word(struct gathering *on, struct gate_policy *set, int64_t id, const char *person)
{
	set->words = arena_push(on->arena, set->words, set->word_count, sizeof(*set->words));
	set->words[set->word_count++] = (struct gate_opinion){ .ledger = id,
		.kind = VCS_APPROVED,
		.person = person,
		.may_write = true, /* then; the host says of now */
		.head = on->plan_run->head,
		.review_head = "" };
	gather_need(on, &on->needs.people, person);
}

/* A word is of one plan; where a set is sticky, also of later ones in which nothing else is found.
 */
static void find_words(struct gathering *on, const struct job *plan,
	const struct policy_word_row *rows, size_t count, bool is_sticky, struct gate_policy *set)
{
	for (size_t i = 0; i < count; i++) {
		const struct policy_word_row *row = &rows[i];

		if (!str_equal(row->policy_set, set->name) || !str_equal(row->dir, plan->dir) ||
			!str_equal(row->workspace, plan->workspace) ||
			!str_equal(row->project, plan->project) || !is_said(on, row))
			continue;
		if (row->is_clear)
			set->word_count = 0;
		else if (row->run.v == on->plan_run->id.v ||
			 (is_sticky && set->items != NULL && has_lines(row->items, set->items)))
			add_word(on, set, row->id, row->person);
	}
}

static int gather_sets(struct gathering *on, const struct job *plan,
	const struct policy_results *results, const char *adding, struct policies_state *ret,
	struct err *err)
{
	const struct policies *policies = &on->engine->world.settings->policies;
	struct policy_word_row *rows = NULL;
	size_t count = 0;
	int r = store_policy_word_list(
		on->engine->store, on->arena, on->pull->id, &rows, &count, err);

	ret->sets = arena_alloc(on->arena, (results->count + 1) * sizeof(*ret->sets));
	for (size_t i = 0; r == 0 && i < results->count; i++) {
		struct gate_policy *set = &ret->sets[ret->set_count];
		struct policy_set as_configured;

		if (results->list[i].failed == 0)
			continue;
		ret->set_count++;
		*set = (struct gate_policy){ 0 };
		find_owners(policies, results->list[i].name, on->arena, set, &as_configured);
		set->items = items_of(&results->list[i], as_configured.item_regex, on->arena);
		find_words(on, plan, rows, count, as_configured.sticky, set);
		if (!str_empty(adding))
			add_word(on, set, INT64_MAX, adding);
		on->facts.asks_host = on->facts.asks_host || set->word_count > 0;
		gather_teams(on, &set->owners.teams);
	}
	return r;
}

int policies_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *plan, const char *adding,
	const struct gate_question *question, struct policies_state *ret, struct err *err)
{
	struct gathering on = { .engine = engine,
		.arena = arena,
		.pull = pull,
		.plan_run = plan_run,
		.question = question,
		.facts = { .author = pull->author,
			.pusher = pull->pusher,
			.initiator = "",
			.head = plan_run->head } };
	const struct plan_summary *summary = gather_plan(&on, plan);
	int r;

	*ret = (struct policies_state){ .verdict = { .open = true, .missing = "" } };
	if (question->is_fresh != NULL)
		*question->is_fresh = true;
	if (summary == NULL) {
		ret->verdict.open = str_empty(plan->summary);
		ret->verdict.missing = arena_printf(
			arena, "what the policies said of %s cannot be read", plan->project);
		return 0;
	}
	if (policy_results_against(&summary->policies) == NULL)
		return 0;
	r = gather_sets(&on, plan, &summary->policies, adding, ret, err);
	if (r == 0)
		r = gather_people(&on, err);
	if (r < 0)
		return r;
	if (on.facts.asks_host)
		gather_host(&on);
	gates_decide_policies(
		&on.facts, plan->project, ret->sets, ret->set_count, arena, &ret->verdict);
	return 0;
}

/* ---- the status ---- */

static bool checks_policies(const struct job *job, struct arena *arena)
{
	struct recipe recipe;
	struct err ignored; /* then its plan says so */

	return job->op == JOB_PLAN && recipe_read(job->recipe, arena, &recipe, &ignored) == 0 &&
	       recipe.checks_policies;
}

int policies_status_put(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err)
{
	struct job *jobs = NULL;
	bool checks = false;
	size_t count = 0;
	int r = store_job_list_run(engine->store, arena, run->id, &jobs, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		checks = checks || checks_policies(&jobs[i], arena);
	if (r < 0 || !checks)
		return r;
	return effect_put(engine, EFFECT_STATUS, REPEAT_UPSERT,
		arena_printf(arena, "status:policies:%lld", (long long)run->id.v), pull, run->id,
		(struct job_id){ 0 }, POLICIES_STATUS, 0, err);
}

int policies_status_request(struct engine *engine, struct arena *arena,
	const struct outbox_row *row, struct host_request *request, struct err *err)
{
	const struct gate_question question = { .max_age_ms = FACTS_SHOWN_MS };
	struct job *jobs = NULL;
	size_t count = 0, passed = 0;
	struct pull pull;
	struct run run;
	int r = store_run_load(engine->store, arena, row->run, &run, err);

	if (r == 0)
		r = store_pull_load(engine->store, arena, run.pull_id, &pull, err);
	if (r == 0)
		r = store_job_list_run(engine->store, arena, run.id, &jobs, &count, err);
	request->context = arena_printf(
		arena, "%s/policy_check", engine_settings(engine, row->run)->status_prefix);
	request->status = STATUS_SUCCESS;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct policies_state state = { 0 };

		if (!checks_policies(&jobs[i], arena))
			continue;
		if (jobs[i].state == JOB_DONE)
			r = policies_read(
				engine, arena, &pull, &run, &jobs[i], "", &question, &state, err);
		else
			state.verdict.missing = arena_printf(
				arena, "%s has no plan to check", jobs[i].project);
		passed += state.verdict.open;
		if (state.verdict.open || request->status != STATUS_SUCCESS)
			continue;
		request->status = STATUS_FAILURE;
		request->description = arena_printf(arena, "%.130s", state.verdict.missing);
	}
	if (request->status == STATUS_SUCCESS)
		request->description = arena_printf(
			arena, "%zu project%s", passed, passed == 1 ? " passes" : "s pass");
	request->annotation_count = 0;
	return r;
}
