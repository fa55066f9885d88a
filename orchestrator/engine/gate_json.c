/* How the gate of a pull request stands, for programs and for `sluice gates`; also as it would
 * stand if some people approved now. Reads only. */
#include "orchestrator/engine/private.h"

enum { WHAT_IF_MAX = 50 };

static json_t *votes_json(const struct gate_vote *votes, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:b, s:o}", "person", jsonx_any(votes[i].person),
				      "counts", votes[i].counts, "why", jsonx_any(votes[i].why)));
	return list;
}

static json_t *rule_json(const struct gate_rule *rule)
{
	static const char *const answers[] = {
		[RULE_HOLDS] = "holds", [RULE_FAILS] = "fails", [RULE_SKIPPED] = "not asked"
	};
	json_t *json = json_pack("{s:o, s:o, s:o, s:s, s:i, s:i, s:o}", "environment",
		jsonx_any(rule->environment), "name", jsonx_any(rule->name), "projects",
		jsonx_any(rule->projects), "answer", answers[rule->answer], "have", rule->have,
		"need", rule->need, "text", jsonx_any(rule->text));

	json_object_set_new(json, "votes", votes_json(rule->votes, rule->vote_count));
	return json;
}

json_t *gate_as_json(const struct pull *pull, const struct gate_verdict *gate)
{
	json_t *rules = json_array();
	json_t *json = json_pack("{s:b, s:o, s:s, s:o, s:o, s:o}", "open", gate->open, "missing",
		jsonx_any(gate->missing), "head", pull->head, "plan_set",
		jsonx_any(gate->set_digest), "not_by", jsonx_any(gate->not_by), "votes",
		votes_json(gate->votes, gate->vote_count));

	for (size_t i = 0; i < gate->rule_count; i++)
		json_array_append_new(rules, rule_json(&gate->rules[i]));
	json_object_set_new(json, "rules", rules);
	return json;
}

static size_t split(const char *names, struct arena *arena, const char **ret)
{
	size_t count = 0;

	for (; names != NULL && *names != '\0' && count < WHAT_IF_MAX;
		names += strcspn(names, ",") + (names[strcspn(names, ",")] == ',')) {
		size_t length = strcspn(names, ",");

		if (length > 0)
			ret[count++] = arena_strndup(arena, names, length);
	}
	return count;
}

/* What is left to apply, as the comment has it. */
static size_t plans_left(const struct job *jobs, size_t count, struct job *ret)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		if (jobs[i].op == JOB_PLAN && jobs[i].state == JOB_DONE && jobs[i].has_changes &&
			!jobs[i].is_applied)
			ret[left++] = jobs[i];
	}
	return left;
}

/* A row for each policy set that found something in one of the plans. */
static int add_policies(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, bool *is_fresh,
	json_t *json, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < question->plan_count; i++) {
		struct policies_state state;
		bool knows = true;

		r = policies_read(engine, arena, pull, plan_run, &question->plans[i], "",
			&(struct gate_question){
				.max_age_ms = question->max_age_ms, .is_fresh = &knows },
			&state, err);
		*is_fresh = *is_fresh && knows;
		for (size_t k = 0; r == 0 && k < state.verdict.rule_count; k++) {
			struct gate_rule row = state.verdict.rules[k];

			row.name = arena_printf(arena, "policy set %s", row.name);
			json_array_append_new(json_object_get(json, "rules"), rule_json(&row));
		}
		if (r < 0 || state.verdict.open)
			continue;
		if (json_is_true(json_object_get(json, "open")))
			json_object_set_new(json, "missing", jsonx_any(state.verdict.missing));
		json_object_set_new(json, "open", json_false());
	}
	return r;
}

int engine_gates(struct engine *engine, struct pull_id id, const char *approve, json_t **ret,
	struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *what_if[WHAT_IF_MAX];
	_cleanup_json_ json_t *json = NULL;
	struct gate_question question = {
		.initiator = "", .max_age_ms = FACTS_NOW_MS, .what_if = what_if
	};
	struct gate_verdict gate = { 0 };
	struct job *jobs = NULL, *plans;
	bool is_fresh = true;
	struct run plan_run;
	struct pull pull;
	size_t count = 0;
	int r = store_pull_load(engine->store, &arena, id, &pull, err);

	if (r == 0)
		r = plan_set_load(engine, &arena, &pull, &plan_run, &jobs, &count, err);
	if (r < 0)
		return r;
	plans = arena_alloc(&arena, (count + 1) * sizeof(*plans));
	question.plans = plans;
	question.plan_count = plans_left(jobs, count, plans);
	question.is_fresh = &is_fresh;
	question.what_if_count = split(approve, &arena, what_if);
	r = gate_show(engine, &arena, &pull, &plan_run, &question, &gate, err);
	if (r == 0) {
		json = gate_as_json(&pull, &gate);
		r = add_policies(engine, &arena, &pull, &plan_run, &question, &is_fresh, json, err);
	}
	if (r == 0 && !is_fresh)
		return err_class_set(
			err, ERR_BUSY, ERR_CLASS_TEMP, "the host is being asked: ask again");
	if (r == 0)
		*ret = steal_ptr(json);
	return r;
}
