/* Who may run now: never more jobs than slots, and the pull request with the fewest running jobs
 * goes first. */
#include "orchestrator/engine/private.h"

enum { LOOKAHEAD = 2000 };

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

/*~ 9. A job waits for a slot, and the pull request with the fewest running jobs goes first.
 * This one is git's. */
int slots_assign(struct engine *engine, struct arena *arena, int slots, struct err *err)
{
	struct job *waiting = NULL, *starting = NULL, *running = NULL, *active;
	size_t waiting_count = 0, starting_count = 0, running_count = 0, active_count;
	int r = store_job_list_state(
		engine->store, arena, JOB_WAITING, LOOKAHEAD, &waiting, &waiting_count, err);

	if (r < 0 || waiting_count == 0)
		return r;
	r = store_job_list_state(
		engine->store, arena, JOB_STARTING, slots, &starting, &starting_count, err);
	if (r == 0)
		r = store_job_list_state(
			engine->store, arena, JOB_RUNNING, slots, &running, &running_count, err);
	if (r < 0)
		return r;
	active_count = starting_count + running_count;
	active = arena_alloc(arena, ((size_t)slots + active_count + 1) * sizeof(*active));
	if (starting_count > 0)
		memcpy(active, starting, starting_count * sizeof(*active));
	if (running_count > 0)
		memcpy(active + starting_count, running, running_count * sizeof(*active));
	while (r == 0 && active_count < (size_t)slots) {
		struct job *job = fairest(waiting, waiting_count, active, active_count);

		if (job == NULL)
			break;
		r = store_mark(engine->store, err);
		if (r == 0)
			r = job_event(engine, arena, job->id, job->attempt, EV_START, NULL, err);
		if (r == 0)
			r = store_keep(engine->store, err);
		else
			store_undo(engine->store);
		active[active_count++] = *job;
		job->id.v = 0;
	}
	return r;
}
