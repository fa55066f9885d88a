/* The projects before a job. */
#include "orchestrator/engine/precedence.h"

#include <string.h>

bool precedence_names(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at != NULL && *at != '\0';) {
		size_t line = strcspn(at, "\n");

		if (line == length && strncmp(at, name, length) == 0)
			return true;
		at += line;
		at += *at == '\n';
	}
	return false;
}

enum precedence precedence_of(const struct job *job, const struct job *jobs, size_t count,
	struct arena *arena, const char **ret_why)
{
	enum precedence verdict = PRECEDENCE_GO;

	for (size_t i = 0; i < count; i++) {
		const struct job *other = &jobs[i];
		bool is_named, is_earlier = other->order_group < job->order_group;
		/* who waits for another pull request keeps nobody of its own waiting */
		bool is_ahead = job->goes_alone && other->order_group == job->order_group &&
				other->position < job->position && other->state != JOB_BLOCKED;

		if (other->op == JOB_HOOKS && job->op != JOB_HOOKS) {
			if (!job_state_is_final(other->state)) {
				verdict = PRECEDENCE_WAIT;
			} else if (other->state != JOB_DONE) {
				*ret_why = "the hooks of the server did not succeed";
				return PRECEDENCE_SKIP;
			}
			continue;
		}
		if (other->id.v == job->id.v || other->op != job->op)
			continue;
		is_named = precedence_names(job->depends_on, other->project);
		if (!is_named && !is_earlier && !is_ahead)
			continue;
		if (!job_state_is_final(other->state)) {
			verdict = PRECEDENCE_WAIT;
		} else if (other->state != JOB_DONE &&
			   (is_named || (is_earlier && job->aborts_with_group))) {
			*ret_why = arena_printf(arena, "%s %s, and %s", other->project,
				other->state == JOB_CANCELLED ? "was cancelled"
				: other->state == JOB_SKIPPED ? "was skipped"
							      : "did not succeed",
				is_named ? "this project depends on it"
					 : "its group comes before this one");
			return PRECEDENCE_SKIP;
		}
	}
	return verdict;
}
