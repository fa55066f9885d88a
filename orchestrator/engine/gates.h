/* May this plan set be applied? Pure: facts in, verdict with reasons out. First form: one approval,
 * by somebody who is not the author, not a committer, not the pusher, may write, is no bot; given
 * on this head, as seen by us, and later than the plan; and it is that person's latest word. A
 * change request by such a person that stands is a veto. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/prepared.h"
#include "orchestrator/model/vcs_event.h"

struct gate_opinion { /* one row of the ledger: an approval, a change request, a dismissal; oldest
			 first */
	int64_t ledger;
	enum vcs_event_kind kind;
	const char *person;
	bool is_bot, may_write;
	const char *head;	 /* our newest head when we saw it */
	const char *review_head; /* the host's word, "" when it gave none */
};

struct gate_facts {
	const char *author, *pusher,
		*initiator; /* initiator: who wrote `apply`; may apply, but see the rules */
	const char *head;
	bool has_plan;	  /* a whole, final plan set of this head exists */
	bool plan_failed; /* some project's plan failed */
	bool from_fork;
	int64_t plan_ledger;	       /* newest ledger row when the plan became final */
	const struct identity *people; /* who wrote the commits */
	size_t people_count;
	const struct gate_opinion *opinions;
	size_t opinion_count;
};

struct gate_vote {
	const char *person;
	bool counts;
	const char *why; /* Markdown of our own, safe as it stands: "counted", "author",
			    "approved `9d01b77`, before this plan", ... */
};

struct gate_verdict {
	bool open;
	const char *missing; /* one sentence for people when closed: what must happen next; plain
				text with names in it, to be escaped */
	int have, need;
	struct gate_vote *votes; /* each person once, latest word */
	size_t vote_count;
};

void gates_decide(const struct gate_facts *facts, struct arena *arena, struct gate_verdict *ret);
/* Is this login one of the commit identities? By name, e-mail, or the local part of the e-mail
 * before or after a plus sign; without case. */
bool gates_person_is(const char *login, const struct identity *identity);
