/* What follows from an apply by break-glass: it is on record, its pull request is marked, and it
 * stays open until somebody else said what they found. */
#include "orchestrator/engine/asking.h"

#define LABEL "break-glass"

int break_glass_note(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err)
{
	const struct run *run = facts->run;
	const struct follow_up_row row = {
		.run = run->id, .pull = run->pull_id, .person = run->actor, .reason = run->reason
	};
	int r = store_follow_up_open(engine->store, &row, err);

	if (r == 0)
		r = engine_audit(engine, arena, "break-glass", run->actor, run->pull_id, run->id,
			err, "%s (%s) at %s, because: %s", facts->job->project,
			facts->job->workspace, run->head, run->reason);
	return r < 0 ? r
		     : effect_put(engine, EFFECT_LABEL, REPEAT_UPSERT,
			       arena_printf(arena, "label:%lld:" LABEL, (long long)run->pull_id.v),
			       facts->pull, run->id, (struct job_id){ 0 }, LABEL, 0, err);
}

static int close_all(struct asking *asking, const struct follow_up_row *rows, size_t count,
	size_t *ret_closed, struct err *err)
{
	const char *actor = asking->event->actor, *said = asking->command->targets[0];
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (strcasecmp(rows[i].person, actor) == 0)
			continue;
		++*ret_closed;
		r = store_follow_up_close(asking->engine->store, rows[i].run, actor, said, err);
		if (r == 0)
			r = engine_audit(asking->engine, asking->arena, "break-glass reviewed",
				actor, asking->pull->id, rows[i].run, err, "of %s: %s",
				rows[i].person, said);
	}
	return r;
}

int reviewed_command(struct asking *asking, struct err *err)
{
	struct reply reply = { .asked = "reviewed",
		.actor = asking->event->actor,
		.why = "",
		.next = "The break-glass of this pull request is reviewed, and off the list." };
	struct follow_up_row *rows = NULL;
	size_t count = 0, closed = 0;
	int r = store_follow_up_list(asking->engine->store, asking->arena, asking->pull->id,
		INT64_MAX, &rows, &count, err);

	if (r == 0 && count == 0)
		return asking_refuse(asking, "nothing here waits for a review",
			"`sluice audit follow-ups` lists what does.", err);
	if (r == 0)
		r = close_all(asking, rows, count, &closed, err);
	if (r == 0 && closed == 0)
		return asking_refuse(asking, "who broke the glass does not review it",
			"Ask somebody else to.", err);
	if (r == 0)
		r = reply_put(
			asking->engine, asking->arena, asking->pull, asking->ledger, &reply, err);
	return r < 0 ? r : asking_accept(asking, (struct run_id){ 0 }, err);
}
