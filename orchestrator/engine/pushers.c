/* Who brought the head of a pull request. Only the event of a push says so: who opens one, reviews
 * it or speaks there may have pushed nothing of it. Where nobody told, the host is asked; until it
 * has answered nobody knows, and rules that exclude who pushed ask for one approval more. */
#include "orchestrator/engine/private.h"

enum {
	TRIES = 4,	   /* in half a minute: hosts write it down a moment later */
	PATIENCE_MS = 500, /* of a comment that is about to be written */
};

const char *pusher_of(const struct vcs_event *event)
{
	const char *pusher = event->kind == VCS_PULL_PUSHED ? event->actor : event->pusher;

	return str_empty(pusher) ? VCS_SOMEBODY : pusher;
}

static bool is_unknown(const struct pull *pull)
{
	return pull->state == PULL_OPEN && str_equal(pull->pusher, VCS_SOMEBODY);
}

int pusher_ask(struct engine *engine, struct arena *arena, const struct pull *pull,
	const char *branch, struct err *err)
{
	const struct vcs_host *host = engine_host(engine, pull->host);

	if (!is_unknown(pull) || host == NULL || !host->knows_pushers || str_empty(branch) ||
		pull->from_fork) /* of which nothing is applied */
		return 0;
	return effect_put(engine, EFFECT_PUSHER, REPEAT_FREELY,
		arena_printf(arena, "pusher:%lld:%s", (long long)pull->id.v, pull->head), pull,
		(struct run_id){ 0 }, (struct job_id){ 0 }, branch, 0, err);
}

/* Of the head that stands there now, whichever was there when it was asked first. false: there is
 * nothing to be asked any more. */
bool pusher_request(const struct outbox_row *row, const struct pull *pull, struct host_request *ret)
{
	*ret = (struct host_request){ .call = HOST_PUSHER,
		.repo = pull->repo,
		.number = pull->number,
		.head = pull->head,
		.branch = row->payload };
	return is_unknown(pull);
}

bool pusher_tries_again(const struct posted *posted)
{
	return posted->effect == EFFECT_PUSHER && str_empty(posted->event.actor) &&
	       posted->tries < TRIES;
}

/* The comment says what is still needed, which may be less now. */
static int say(struct engine *engine, struct arena *arena, const struct pull *pull, struct err *err)
{
	struct run run;
	int r;

	if (pull->plan_run.v == 0)
		return 0;
	r = store_run_load(engine->store, arena, pull->plan_run, &run, err);
	return r < 0 || !run_state_is_final(run.state) ? r : run_say(engine, pull, &run, true, err);
}

int pusher_answered(struct engine *engine, const struct posted *posted, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct pull pull;
	int r = store_pull_load(engine->store, &arena, posted->pull, &pull, err);

	if (r < 0 || !is_unknown(&pull) || !str_equal(pull.head, posted->event.head))
		return r;
	if (str_empty(posted->event.actor))
		return 0;
	pull.pusher = posted->event.actor;
	r = store_pull_set_pusher(engine->store, pull.id, pull.pusher, err);
	if (r == 0)
		r = engine_audit(engine, &arena, "pusher", pull.pusher, pull.id,
			(struct run_id){ 0 }, err, "brought %s, says %s", pull.head, pull.host);
	return r < 0 ? r : say(engine, &arena, &pull, err);
}

int64_t pusher_patience_ms(const struct engine *engine, const struct pull *pull)
{
	list_for_each (item, (struct list *)&engine->flights) {
		const struct flight *flight = container_of(item, struct flight, in_engine);

		if (flight->effect == EFFECT_PUSHER && flight->pull.v == pull->id.v &&
			str_equal(flight->head, pull->head))
			return PATIENCE_MS;
	}
	return 0;
}
