/* May this plan set be applied? Pure: facts in, a verdict with its reasons out.
 *
 * Each project has the rules of its environment, or those that hold for all (gates_builtin). Every
 * rule that matches must hold, and one must match. An approval counts for a rule when it is that
 * person's latest word, was given on this head as we saw it, later than the plan where the rule
 * asks for that, by somebody whom the rule does not exclude. A change request by such a person that
 * stands is a veto. What is not known does not hold.
 *
 * Break-glass opens a gate in an emergency: for whom the environment names, by their own name,
 * where it asks for one with another of them who approved this very plan. It stands above rules,
 * owners, freezes, requirements and vetoes, and above nothing else: the plan is one of this head,
 * whole, and as it was written down. */
#pragma once
#include "orchestrator/model/plan_summary.h"
#include "orchestrator/model/prepared.h"
#include "orchestrator/model/project_guard.h"
#include "orchestrator/ports/vcs_host.h"

struct gate_opinion { /* one row of the ledger: an approval, a change request, a dismissal; oldest
			 first */
	int64_t ledger;
	enum vcs_event_kind kind;
	const char *person;
	bool is_bot, may_write;
	const char *head;	 /* our newest head when we saw it */
	const char *review_head; /* the host's word, "" when it gave none */
	bool is_what_if;	 /* nobody said it: only the host knows whether they may write */
};

struct gate_freeze { /* how one freeze of a guard stands now */
	bool is_on, is_unknown;
	int64_t until_ms;
};

struct gate_project {
	const char *name;
	const struct project_guard *guard;
	const struct plan_summary *plan;   /* NULL: what it would do is not known */
	const struct gate_freeze *freezes; /* guard->freeze_count of them */
	enum host_word undiverged;
	bool policies_passed;
};

struct gate_facts {
	const char *author, *pusher, *initiator; /* who wrote `apply`; "" while nobody has: then
						    somebody without a part in it is meant */
	const char *head;
	bool has_plan;	  /* a whole, final plan set of this head exists */
	bool plan_failed; /* some project's plan failed */
	bool from_fork;
	bool breaks_glass;	       /* the initiator says that it cannot wait for the rules */
	const char *set_problem;       /* why the plan set is not what was recorded, or NULL */
	int64_t plan_ledger;	       /* newest ledger row when the plan became final */
	const struct identity *people; /* who wrote the commits */
	size_t people_count;
	const struct prepared *prepared; /* what the commits bring; NULL: not known */
	const struct gate_opinion *opinions;
	size_t opinion_count;
	/* what the host says now */
	bool asks_host;		  /* it was needed; else only the ledger speaks of permissions */
	const char *host_problem; /* why it said nothing, or NULL */
	const struct host_facts *host;
	/* Nothing: every project is guarded by the built-in rule alone. */
	const struct gate_project *projects;
	size_t project_count;
};

struct gate_policy { /* a policy set that found something in a plan */
	const char *name;
	struct people_rule owners;  /* who may let it pass, and how many of them must */
	bool excludes_writers;	    /* who wrote the change does not count */
	struct gate_opinion *words; /* of those who let these findings pass */
	size_t word_count;
	const char *items; /* of what was found, to compare; NULL: it cannot be compared */
};

struct gate_vote {
	const char *person;
	bool counts;
	const char *why; /* Markdown of our own, safe as it stands: "counted", "author",
			    "approved `9d01b77`, before this plan", ... */
};

struct gate_rule { /* how one rule stands; projects for which it stands the same share it */
	const char *environment, *name, *projects;
	enum gate_answer { RULE_HOLDS = 1, RULE_FAILS, RULE_SKIPPED } answer;
	bool is_builtin;
	int have, need;		 /* approvals; need 0: it is not about approvals */
	const char *text;	 /* plain, with names in it: to be escaped */
	struct gate_vote *votes; /* of this rule */
	size_t vote_count;
};

struct gate_verdict {
	bool open;
	const char *missing; /* one sentence for people when closed: what must happen next; plain
				text with names in it, to be escaped */
	int have, need;	     /* of the rule that lacks most */
	struct gate_vote *votes; /* each person once, latest word; counts: for some rule */
	size_t vote_count;
	struct gate_rule *rules;
	size_t rule_count;
	const char *not_by; /* who counts only while somebody else asks for the apply; or NULL */
	bool is_broken;	    /* open by break-glass, whatever rules say */
	const struct prepared *prepared; /* of the facts */
	const char *set_digest;		 /* of the plan set that it is about, for the record */
};

void gates_decide(const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret);
/* May this project be planned? What its `plan_requires` asks for, of the head: there is no plan yet
 * that a word could be about. */
void gates_decide_plan(
	const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret);
/* May it be applied although these sets found something? A row for each, in their order. */
void gates_decide_policies(const struct gate_facts *facts, const char *project,
	const struct gate_policy *sets, size_t count, struct arena *arena,
	struct gate_verdict *ret);
/* Is this login one of the commit identities? By name, e-mail, or the local part of the e-mail
 * before or after a plus sign; without case. */
bool gates_person_is(const char *login, const struct identity *identity);
/* The rule of an environment whose base branch says nothing: for `production` two approvals, one of
 * them by the platform team, none by who wrote or started it; else one by somebody else. */
const struct approval_rule *gates_builtin(const char *environment);
