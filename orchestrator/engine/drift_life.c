/* The life of findings. */
#include "orchestrator/engine/drift_life.h"

#include <string.h>

/* What is the same finding, whatever became of it: of one address drift is one thing and a change
 * that waits another. */
static int sort_of(enum drift_class class)
{
	return class == DRIFT_DELETED || class == DRIFT_IGNORED ? DRIFT_CHANGED : (int)class;
}

static struct drift_item *find(const struct drift_items *items, const struct drift_item *like)
{
	for (size_t i = 0; i < items->count; i++)
		if (sort_of(items->list[i].class) == sort_of(like->class) &&
			str_equal(items->list[i].address, like->address))
			return &items->list[i];
	return NULL;
}

static bool is_quiet(const struct drift_item *item, int64_t now_ms)
{
	return (item->life == DRIFT_ACKNOWLEDGED || item->life == DRIFT_SNOOZED ||
		       item->life == DRIFT_BASELINE) &&
	       (item->until_ms == 0 || item->until_ms > now_ms);
}

static enum drift_life life_of(const struct drift_item *before, const struct drift_item *now,
	const struct drift_look *look)
{
	bool is_same = str_equal(before->fingerprint, now->fingerprint);

	if (before->life == DRIFT_WATCHED)
		return now->runs >= look->notify_after ? DRIFT_NEW : DRIFT_WATCHED;
	if (is_quiet(before, look->now_ms) && (is_same || before->life == DRIFT_SNOOZED))
		return before->life;
	if (before->life == DRIFT_ACKNOWLEDGED || before->life == DRIFT_SNOOZED)
		return is_same ? DRIFT_NEW : DRIFT_ALTERED; /* its time is over, or it is another */
	return is_same ? DRIFT_KNOWN : DRIFT_ALTERED;
}

static void live_on(
	const struct drift_item *before, struct drift_item *now, const struct drift_look *look)
{
	now->id = before->id;
	now->first_ms = before->first_ms;
	now->last_ms = look->now_ms;
	now->runs = before->runs + 1;
	now->life = life_of(before, now, look);
	if (now->life == before->life) {
		now->until_ms = before->until_ms;
		now->by = before->by;
		now->reason = before->reason;
	}
}

static void begin(struct drift_item *now, const struct drift_look *look)
{
	now->first_ms = now->last_ms = look->now_ms;
	now->runs = 1;
	now->life = look->notify_after > 1 ? DRIFT_WATCHED : DRIFT_NEW;
}

void drift_live(const struct drift_items *before, const struct drift_items *found,
	const struct drift_look *look, struct arena *arena, struct drift_items *ret,
	struct drift_items *ret_silent)
{
	size_t most = before->count + found->count + 1;

	*ret = (struct drift_items){ .list = arena_alloc(arena, most * sizeof(*ret->list)),
		.left_out = found->left_out };
	*ret_silent = (struct drift_items){ .list = arena_alloc(arena, most * sizeof(*ret->list)) };
	for (size_t i = 0; i < found->count; i++) {
		struct drift_item now = found->list[i];
		const struct drift_item *old = find(before, &now);

		if (old != NULL)
			live_on(old, &now, look);
		else
			begin(&now, look);
		ret->list[ret->count++] = now;
	}
	/* of a list that was cut nobody knows what is not in it */
	for (size_t i = 0; found->left_out == 0 && i < before->count; i++) {
		struct drift_item gone = before->list[i];
		bool is_silent = gone.life == DRIFT_WATCHED || gone.life == DRIFT_BASELINE;

		if (find(found, &gone) != NULL)
			continue;
		gone.life = DRIFT_RESOLVED;
		gone.ended_ms = look->now_ms;
		gone.by = look->ended_by;
		if (is_silent)
			ret_silent->list[ret_silent->count++] = gone;
		else
			ret->list[ret->count++] = gone;
	}
}

void drift_say(struct drift_item *item, const struct drift_said *said)
{
	static const enum drift_life lives[] = { [DRIFT_WORD_ACK] = DRIFT_ACKNOWLEDGED,
		[DRIFT_WORD_SNOOZE] = DRIFT_SNOOZED,
		[DRIFT_WORD_WAKE] = DRIFT_KNOWN,
		[DRIFT_WORD_BASELINE] = DRIFT_BASELINE };

	item->life = lives[said->word];
	item->until_ms = said->word == DRIFT_WORD_WAKE ? 0 : said->until_ms;
	item->by = said->by;
	item->reason = said->reason;
}
