/* Brings the facts of the gate together; the verdict is gates.c's. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/strbuf.h"

int gate_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, bool plan_failed, const char *initiator,
	struct gate_verdict *ret, struct err *err)
{
	struct gate_facts facts = { .author = pull->author,
		.pusher = pull->pusher,
		.initiator = initiator,
		.head = pull->head,
		.plan_failed = plan_failed,
		.from_fork = pull->from_fork,
		.plan_ledger = plan_run->ended_ledger };
	struct gate_opinion *opinions = NULL;
	struct prepared prepared = { 0 };
	struct ledger_row *rows = NULL;
	_cleanup_json_ json_t *json = NULL;
	size_t count = 0;
	int r = store_ledger_list_pull(engine->store, arena, pull->id, &rows, &count, err);

	facts.has_plan = (plan_run->state == RUN_DONE || plan_run->state == RUN_FAILED) &&
			 str_equal(plan_run->head, pull->head) &&
			 pull->plan_run.v == plan_run->id.v;
	if (r == 0 && !str_empty(plan_run->prepared)) {
		r = jsonx_parse(
			plan_run->prepared, strlen(plan_run->prepared), 8 << 20, &json, err);
		if (r == 0)
			r = prepared_read(json, arena, &prepared, err);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].kind != VCS_APPROVED && rows[i].kind != VCS_CHANGES_REQUESTED &&
			rows[i].kind != VCS_REVIEW_DISMISSED)
			continue;
		opinions = arena_push(arena, opinions, facts.opinion_count, sizeof(*opinions));
		opinions[facts.opinion_count++] = (struct gate_opinion){ .ledger = rows[i].id,
			.kind = rows[i].kind,
			.person = rows[i].actor,
			.is_bot = rows[i].actor_is_bot,
			.may_write = rows[i].actor_may_write,
			.head = rows[i].head,
			.review_head = arena_strndup(
				arena, rows[i].detail, strcspn(rows[i].detail, " ")) };
	}
	facts.opinions = opinions;
	facts.people = prepared.people;
	facts.people_count = prepared.people_count;
	gates_decide(&facts, arena, ret);
	return 0;
}

const char *gate_counted(const struct gate_verdict *gate, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf names = STRBUF(4096);

	for (size_t i = 0; i < gate->vote_count; i++) {
		if (gate->votes[i].counts)
			strbuf_printf(&names, "%s%s", names.length == 0 ? "" : ", ",
				gate->votes[i].person);
	}
	return arena_strdup(arena, strbuf_text(&names));
}
