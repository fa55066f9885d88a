/* The oldest of those that ask alike goes first: the engine chose the order when it handed them
 * over. */
#include "runners/executor_slots.h"
#include "orchestrator/model/job_slot.h"
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BRIEF_MS = 50 }; /* an init that takes longer waits for others, not for the processor */

static void say(const struct slot_user *user, char word)
{
	/* One that is gone gives back what it has by its end. */
	if (user->line >= 0 && send(user->line, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static void move(struct slot_user *user, enum slot_state state)
{
	user->slots->count[user->state]--;
	user->slots->count[state]++;
	user->state = state;
	user->is_told = false;
}

/* It may run its tools; it may hear that before it asks. */
static void tell(struct slot_user *user)
{
	if (!user->is_told && user->line >= 0)
		say(user, user->state == SLOT_HELD ? SLOT_GO : SLOT_GO_IN_LANE);
	user->is_told = user->line >= 0;
}

/* Where one that waits so may run now; it waits on where it is when that is nowhere. With a single
 * slot there is no lane, and what has run is shown in the slot. */
static enum slot_state place_for(const struct slots *slots, enum slot_state waits)
{
	const int *count = slots->count;
	bool has_slot = count[SLOT_HELD] < slots->total;
	bool has_lane = count[SLOT_INITS] + count[SLOT_SHOWS] < slots->total / 2;

	if (waits == SLOT_WAITS_TO_SHOW && has_lane && count[SLOT_SHOWS] < slots->processors)
		return SLOT_SHOWS;
	if (has_slot && (waits != SLOT_WAITS_TO_SHOW || slots->total == 1))
		return SLOT_HELD;
	return waits == SLOT_WAITS_TO_INIT && has_lane ? SLOT_INITS : waits;
}

/* What has run is shown before anything new begins; what is ready goes before what is not. A slot
 * that nobody waits for is promised to the oldest that makes itself ready. */
static void give_all(struct slots *slots)
{
	static const enum slot_state order[] = { SLOT_WAITS_TO_SHOW, SLOT_WAITS, SLOT_WAITS_TO_INIT,
		SLOT_STAGED };

	for (size_t i = 0; i < countof(order); i++) {
		list_for_each (item, &slots->users) {
			struct slot_user *user = container_of(item, struct slot_user, link);
			enum slot_state place;

			if (user->state != order[i])
				continue;
			place = place_for(slots, user->state);
			if (place == user->state)
				break;
			move(user, place);
			tell(user);
		}
	}
}

static void tell_moved(const struct slots *slots)
{
	if (slots->events->moved != NULL)
		slots->events->moved(slots->events->owner);
}

static void brief_end(struct slot_user *user)
{
	loop_timer_free(user->brief);
	user->brief = NULL;
}

static void on_brief(void *owner)
{
	struct slot_user *user = owner;

	brief_end(user);
	tell_moved(user->slots);
}

/* From an init that is quick to its tool a job computes, as it did before it asked. */
static void brief_begin(struct slot_user *user)
{
	brief_end(user);
	user->brief = loop_timer_new(user->slots->loop, on_brief, user);
	loop_timer_arm(user->brief, BRIEF_MS);
}

static void disconnect(struct slot_user *user)
{
	loop_poll_free(user->poll);
	user->poll = NULL;
	fd_closep(&user->line);
}

static void hear(struct slot_user *user, char word)
{
	struct slots *slots = user->slots;

	if (word == SLOT_ASK_INIT)
		brief_begin(user);
	else
		brief_end(user);
	switch ((enum slot_word)word) {
	case SLOT_READY:
		break;
	case SLOT_ASK:
	case SLOT_ASK_INIT:
		user->has_asked = true;
		if (user->state == SLOT_HELD)
			tell(user);
		else
			move(user, word == SLOT_ASK ? SLOT_WAITS : SLOT_WAITS_TO_INIT);
		break;
	case SLOT_ASK_SHOW:
	case SLOT_BACK:
		user->is_past = true;
		move(user, word == SLOT_BACK ? SLOT_DONE : SLOT_WAITS_TO_SHOW);
		break;
	case SLOT_GO:
	case SLOT_GO_IN_LANE:
		return;
	}
	give_all(slots);
	tell_moved(slots);
}

static void on_line(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct slot_user *user = owner;
	char word;
	ssize_t got;

	while ((got = recv(user->line, &word, 1, MSG_DONTWAIT)) == 1)
		hear(user, word);
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		disconnect(user); /* its end is told by its process */
}

void slots_init(struct slots *slots, struct loop *loop, const struct executor_events *events)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*slots = (struct slots){ .loop = loop,
		.total = INT_MAX,
		.processors = processors > 0 ? (int)processors : 1,
		.events = events };
	list_init(&slots->users);
}

void slots_set(struct slots *slots, int total)
{
	if (slots->total == total)
		return;
	slots->total = total;
	give_all(slots);
}

void slot_join(struct slots *slots, struct slot_user *user, bool is_running)
{
	*user = (struct slot_user){
		.slots = slots, .state = SLOT_STAGED, .has_asked = is_running, .line = -1
	};
	list_append(&slots->users, &user->link);
	slots->count[SLOT_STAGED]++;
	if (is_running)
		slot_hold(user);
	give_all(slots);
}

void slot_hold(struct slot_user *user)
{
	move(user, SLOT_HELD);
}

void slot_leave(struct slot_user *user)
{
	disconnect(user);
	brief_end(user);
	list_remove(&user->link);
	move(user, SLOT_DONE);
	give_all(user->slots);
}

enum job_phase slot_phase(const struct slot_user *user)
{
	if (user == NULL || !user->has_asked || user->brief != NULL)
		return PHASE_STAGED;
	return user->is_past ? PHASE_READS : PHASE_TOOLS;
}

void slot_connect(struct slot_user *user, int line)
{
	if (line < 0) {
		user->has_asked = true;
		slot_hold(user);
		return;
	}
	user->line = line;
	user->poll = loop_poll_new(user->slots->loop, line, on_line, user);
	loop_poll_want(user->poll, true, false);
	if (user->state == SLOT_HELD)
		tell(user);
}
