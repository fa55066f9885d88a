/* Who may run tools now. A job is staged: it makes everything ready, asks over its line, and runs
 * its tool when a slot is given to it. Around the tool of a plan there are shorter ones, its init
 * before and the renderings after: those have lanes, half as many as there are slots, so that what
 * was planned is shown, and what comes next is made ready, while all slots are taken. Owns the
 * server's ends of the lines; a staged job whose line breaks goes away without having begun. */
#pragma once
#include "orchestrator/lib/list.h"
#include "orchestrator/lib/loop.h"
#include "orchestrator/ports/executor.h"

enum slot_state {
	SLOT_STAGED = 1, /* makes itself ready */
	SLOT_WAITS_TO_INIT,
	SLOT_WAITS,
	SLOT_WAITS_TO_SHOW,
	SLOT_INITS, /* in a lane */
	SLOT_SHOWS, /* in a lane */
	SLOT_HELD,
	SLOT_DONE,
	SLOT_STATES
};

struct slots {
	struct loop *loop;
	struct list users; /* struct slot_user, oldest first */
	int total;
	int count[SLOT_STATES];
	int processors; /* renderings compute: more of them at a time would only delay tools */
	const struct executor_events *events; /* `moved` is told, from the loop only */
};

struct slot_user {
	struct list link;
	struct slots *slots;
	enum slot_state state;
	bool is_told;		  /* that it may go on, since it is in this state */
	bool has_asked;		  /* it is ready, or was */
	struct loop_timer *brief; /* its init may be over in a moment: not ready yet; or NULL */
	bool is_past;		  /* its slot is not needed again */
	int line;		  /* -1: nothing is heard of it, so it has its slot to its end */
	struct loop_poll *poll;
};

/* No limit yet. */
void slots_init(struct slots *slots, struct loop *loop, const struct executor_events *events);
void slots_set(struct slots *slots, int total);
/* `is_running`: it was found at work, and has a slot. */
void slot_join(struct slots *slots, struct slot_user *user, bool is_running);
/* It has its slot from now on, before it asks. */
void slot_hold(struct slot_user *user);
void slot_leave(struct slot_user *user);
enum job_phase slot_phase(const struct slot_user *user); /* NULL: it has not come that far */
/* Takes the descriptor; -1: the job has its slot to its end. */
void slot_connect(struct slot_user *user, int line);
