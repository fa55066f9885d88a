/* What the files of the gate share. */
#pragma once
#include "orchestrator/engine/gates/gates.h"

/* ---- people.c ---- */
bool person_is_same(const char *a, const char *b); /* logins, without case; "" is nobody */
bool pusher_is_unknown(const struct gate_facts *facts);
/* Why the approval of this person does not count for the rule, or NULL. */
const char *person_excluded(const struct gate_facts *facts, const struct approval_rule *rule,
	const struct gate_opinion *opinion, struct arena *arena);
/* Why this opinion does not count for the rule, or NULL. */
const char *opinion_refused(const struct gate_facts *facts, const struct approval_rule *rule,
	const struct gate_opinion *opinion, struct arena *arena);
bool opinion_is_latest(const struct gate_facts *facts, size_t i);
/* Is the person one of these teams or users? Both lists empty: yes. */
enum host_word person_belongs(
	const struct gate_facts *facts, const struct people_rule *people, const char *person);

/* ---- glass.c ---- */
/* May the initiator apply this project although its rules do not hold? */
void glass_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret);

/* ---- match.c ---- */
/* Is the rule meant for this project? UNKNOWN: *ret_why says what is not known. */
enum host_word rule_matches(const struct gate_facts *facts, const struct gate_project *project,
	const struct approval_rule *rule, struct arena *arena, const char **ret_why);

/* ---- checks.c ---- */
/* What checks found, notes that skip them, secrets in plain text. */
void checks_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *verdict);

/* ---- rules.c ---- */
struct gate_rule row_of(const struct gate_project *project, const char *name);
/* A row for each project; those that stand alike become one. */
void add_row(struct gate_verdict *verdict, const struct gate_project *project,
	const struct gate_rule *row, struct arena *arena);
/* Counts the approvals of the facts for this rule: votes, text and answer of the row. */
void votes_count(const struct gate_facts *facts, const struct approval_rule *rule,
	struct gate_rule *row, struct arena *arena);
/* Adds how everything that guards one project stands. */
void rules_judge(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret);
/* The same for everything that a plan waits for. */
void rules_judge_plan(const struct gate_facts *facts, const struct gate_project *project,
	struct arena *arena, struct gate_verdict *ret);
