/* Who goes next: the pull request with the fewest running jobs. The executor gives the slots; here
 * jobs are handed over so that one is staged for each, but only a few make themselves ready at a
 * time. */
#include "orchestrator/engine/private.h"

enum {
	LOOKAHEAD = 2000,
	STAGED_AT_ONCE = 4, /* more of them would only share the processors */
};

static int count_of(const struct job *jobs, size_t count, struct pull_id pull)
{
	int found = 0;

	for (size_t i = 0; i < count; i++)
		found += jobs[i].pull_id.v == pull.v;
	return found;
}

/* The waiting job whose pull has the fewest running ones; the oldest of equals. Taken jobs have id
 * 0. */
static struct job *fairest(
	struct job *waiting, size_t waiting_count, const struct job *running, size_t running_count)
{
	struct job *best = NULL;
	int best_count = 0;
	int64_t last_pull = 0;
	int last_count = 0;

	for (size_t i = 0; i < waiting_count; i++) {
		if (waiting[i].id.v == 0)
			continue;
		if (waiting[i].pull_id.v != last_pull) {
			last_pull = waiting[i].pull_id.v;
			last_count = count_of(running, running_count, waiting[i].pull_id);
		}
		if (best == NULL || last_count < best_count) {
			best = &waiting[i];
			best_count = last_count;
		}
	}
	return best;
}

/* What is known of the jobs that were handed over. */
struct load {
	struct job *active; /* those that need their slot yet, with room for more */
	size_t active_count, staged_count, drift_count;
	size_t room;	   /* for processes, whatever they do */
	bool has_promised; /* a slot, to one that is begun once and is not at work yet */
};

static int read_load(
	struct engine *engine, struct arena *arena, int slots, struct load *ret, struct err *err)
{
	static const enum job_state states[] = { JOB_STARTING, JOB_RUNNING };
	struct executor *executor = engine->world.executor;
	size_t most = 3 * (size_t)slots, all = 0;
	int r = 0;

	*ret = (struct load){ .active = arena_alloc(arena, most * sizeof(*ret->active)) };
	for (size_t k = 0; r == 0 && k < countof(states); k++) {
		struct job *jobs = NULL;
		size_t count = 0;

		r = store_job_list_open(
			engine->store, arena, states[k], (int)most, &jobs, &count, err);
		for (size_t i = 0; r == 0 && i < count && all < most; i++, all++) {
			enum job_phase phase = executor->phase(
				executor, jobs[i].id, jobs[i].attempt);

			ret->staged_count += phase == PHASE_STAGED;
			ret->drift_count += jobs[i].op == JOB_DRIFT;
			ret->has_promised |= states[k] == JOB_STARTING &&
					     job_repeat_class(jobs[i].op) == REPEAT_NEVER;
			if (phase != PHASE_READS)
				ret->active[ret->active_count++] = jobs[i];
		}
	}
	ret->room = most - all;
	return r;
}

/* Nobody is staged behind one whose start must be tried again: it would never find its slot free.
 */
static size_t most_active(const struct load *load, int slots)
{
	return (load->has_promised ? 1 : 2) * (size_t)slots;
}

/* What is begun once is not staged: between the last look at its gate and its first tool nobody
 * waits. It is not overtaken either, so that it gets the next slot but those of the staged. */
static bool may_go(const struct load *load, const struct job *job, int slots)
{
	if (job_repeat_class(job->op) == REPEAT_NEVER || job->op == JOB_DRIFT)
		return load->active_count < (size_t)slots;
	return load->active_count < most_active(load, slots) && load->staged_count < STAGED_AT_ONCE;
}

static bool is_full(const struct load *load, int slots)
{
	return load->room == 0 || load->active_count >= most_active(load, slots) ||
	       (load->active_count >= (size_t)slots && load->staged_count >= STAGED_AT_ONCE);
}

int slots_have_room(struct engine *engine, struct arena *arena, const struct job *job, bool *ret,
	struct err *err)
{
	int slots = engine->world.settings->slots;
	struct load load;
	size_t others = 0;
	int r = read_load(engine, arena, slots, &load, err);

	for (size_t i = 0; r == 0 && i < load.active_count; i++)
		others += load.active[i].id.v != job->id.v;
	*ret = others < (size_t)slots;
	return r;
}

static int hand_over(
	struct engine *engine, struct arena *arena, const struct job *job, struct err *err)
{
	int r = store_mark(engine->store, err);

	if (r == 0)
		r = job_event(engine, arena, job->id, job->attempt, EV_START, NULL, err);
	if (r == 0)
		return store_keep(engine->store, err);
	store_undo(engine->store);
	return r;
}

/* Who only looks gives way: in half of the slots, and where nobody else waits. It is not staged, so
 * that it stands before nobody. */
static int hand_over_drift(
	struct engine *engine, struct arena *arena, int slots, struct load *load, struct err *err)
{
	size_t most = slots > 1 ? (size_t)slots / 2 : 1;
	struct job *waiting = NULL;
	size_t count = 0;
	int r;

	if (load->drift_count >= most || load->room == 0)
		return 0;
	r = store_job_list_waiting(engine->store, arena, true, slots, &waiting, &count, err);
	for (size_t i = 0; r == 0 && i < count && load->room > 0; i++, load->room--) {
		if (load->drift_count >= most || !may_go(load, &waiting[i], slots))
			break;
		r = hand_over(engine, arena, &waiting[i], err);
		load->active[load->active_count++] = waiting[i];
		load->drift_count++;
	}
	return r;
}

/*~ 9. A job waits for a slot, and the pull request with the fewest running jobs goes first.
 * This one is git's. */
int slots_assign(struct engine *engine, struct arena *arena, int slots, struct err *err)
{
	struct executor *executor = engine->world.executor;
	struct job *waiting = NULL;
	size_t waiting_count = 0, left;
	struct load load;
	int r;

	executor->set_slots(executor, slots);
	r = read_load(engine, arena, slots, &load, err);
	if (r < 0 || is_full(&load, slots)) /* whoever waits: it need not be known */
		return r;
	r = store_job_list_waiting(
		engine->store, arena, false, LOOKAHEAD, &waiting, &waiting_count, err);
	left = waiting_count;
	for (; r == 0 && load.room > 0; load.room--) {
		struct job *job = fairest(waiting, waiting_count, load.active, load.active_count);

		if (job == NULL || !may_go(&load, job, slots))
			break;
		r = hand_over(engine, arena, job, err);
		load.active[load.active_count++] = *job;
		load.staged_count += job_repeat_class(job->op) != REPEAT_NEVER;
		load.has_promised |= job_repeat_class(job->op) == REPEAT_NEVER;
		job->id.v = 0;
		left--;
	}
	return r < 0 || left > 0 ? r : hand_over_drift(engine, arena, slots, &load, err);
}
