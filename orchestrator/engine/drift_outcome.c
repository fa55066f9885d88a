/* From the row of a job to the outcome of its project: always exactly one. */
#include "orchestrator/engine/drift.h"

enum { SUMMARY_MAX = 16 << 20, TEXT_MOST = 1500 };

/* Of a tool's own failure: what its words say it was. The first that fits. */
static const struct {
	const char *word, *sign;
} signs[] = {
	{ "lock", "acquiring the state lock" },
	{ "lock", "state lock" },
	{ "auth", "AccessDenied" },
	{ "auth", "ExpiredToken" },
	{ "auth", "Unauthorized" },
	{ "auth", "Forbidden" },
	{ "auth", "InvalidClientTokenId" },
	{ "auth", "No valid credential" },
	{ "auth", "no valid credential" },
	{ "auth", "could not find default credentials" },
	{ "auth", "StatusCode: 403" },
	{ "auth", "StatusCode: 401" },
};

static const char *word_of(const struct job *job)
{
	static const char *const words[] = { [OUTCOME_TOOL_FAILED] = NULL,
		[OUTCOME_SIGNALLED] = "signal",
		[OUTCOME_TIMED_OUT] = "timeout",
		[OUTCOME_OUTPUT_CAP] = "output",
		[OUTCOME_SETUP_FAILED] = "setup",
		[OUTCOME_BAD_RESULT] = "result",
		[OUTCOME_UNKNOWN] = "lost",
		[OUTCOME_NEVER_BEGAN] = "lost",
		[OUTCOME_MEMORY_CAP] = "memory",
		[OUTCOME_DISK_CAP] = "disk" };

	if ((size_t)job->outcome < countof(words) && words[job->outcome] != NULL)
		return words[job->outcome];
	if (job->outcome != OUTCOME_TOOL_FAILED)
		return "lost";
	for (size_t i = 0; i < countof(signs); i++)
		if (strstr(job->failure, signs[i].sign) != NULL ||
			strstr(job->output, signs[i].sign) != NULL)
			return signs[i].word;
	return str_empty(job->step) ? "plan" : job->step;
}

static void end_as(struct drift_project *project, enum drift_outcome outcome, const char *word,
	const char *text, struct arena *arena)
{
	size_t length = strlen(text);

	project->outcome = outcome;
	project->word = word;
	project->text = arena_strndup(
		arena, text, codec_utf8_prefix(text, length < TEXT_MOST ? length : TEXT_MOST));
}

static int read_found(const struct job *job, const struct drift_slot_facts *facts,
	struct arena *arena, struct drift_project *project, struct err *err)
{
	const struct drift_sieve sieve = {
		.rule = facts->rule, .key = facts->key, .today = facts->today
	};
	_cleanup_json_ json_t *summary = NULL;
	struct drift_items found;
	struct drift_hidden hidden;
	int r = jsonx_parse(job->summary, strlen(job->summary), SUMMARY_MAX, &summary, err);

	if (r == 0 && json_object_get(summary, "drift") == NULL)
		r = err_set(err, ERR_SYNTAX, "the tool's plan says nothing of drift");
	if (r == 0)
		r = drift_items_read(json_object_get(summary, "drift"), arena, &found, err);
	if (r < 0)
		return r;
	drift_sieve_items(&sieve, &found, arena, &project->items, &hidden);
	project->outcome = drift_outcome_of(&project->items);
	project->hidden = hidden.differences;
	project->hiding_rules = hidden.rules;
	for (size_t i = 0; i < project->items.count; i++)
		project->informational += drift_is_informational(project->items.list[i].class);
	if (hidden.expired > 0)
		project->text = arena_printf(arena,
			"%d ignore rules that would have hidden something here are over; mend what "
			"they hid, or write a new day",
			hidden.expired);
	return 0;
}

void drift_read_job(const struct job *job, const struct drift_slot_facts *facts,
	struct arena *arena, struct drift_project *ret)
{
	struct err err;

	*ret = (struct drift_project){ .name = job->project,
		.dir = job->dir,
		.workspace = job->workspace,
		.word = "",
		.text = "",
		.duration_ms = job->started_ms > 0 ? job->ended_ms - job->started_ms : 0 };
	if (job->state == JOB_DONE) {
		if (read_found(job, facts, arena, ret, &err) < 0)
			end_as(ret, DRIFT_ERROR, "result", err.text, arena);
	} else if (job->state == JOB_REFUSED) {
		end_as(ret, DRIFT_SKIPPED, "locked", job->failure, arena);
	} else if (job->state == JOB_SKIPPED) {
		end_as(ret, DRIFT_SKIPPED, "kind", job->failure, arena);
	} else if (job->state == JOB_FAILED) {
		end_as(ret, DRIFT_ERROR, word_of(job), job->failure, arena);
	} else if (facts->is_partial) {
		end_as(ret, DRIFT_SKIPPED, "capacity", "the time of this slot was over before it",
			arena);
	} else {
		end_as(ret, DRIFT_SKIPPED, "cancelled", "it was cancelled", arena);
	}
}
