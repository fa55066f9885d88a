/* Which channel a report is for. An environment that says where it is told is told there; one that
 * says nothing is told to the entries without a filter; entries with one get what they ask for. */
#include "orchestrator/engine/notices.h"

#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/regex.h"

static bool is_one_of(const struct name_list *patterns, const char *text, struct arena *arena)
{
	for (size_t i = 0; i < patterns->count; i++) {
		struct glob glob;
		struct err err;

		if (glob_compile(GLOB_NAME, "", patterns->list[i], arena, &glob, &err) == 0 &&
			glob_matches(&glob, text))
			return true;
	}
	return false;
}

static bool fits(const char *pattern, const char *text)
{
	_cleanup_regex_ struct regex *regex = NULL;
	bool found = false;
	struct err err;

	if (str_empty(pattern))
		return true;
	return regex_compile(pattern, strlen(pattern), &regex, &err) == 0 &&
	       regex_matches(regex, text, &found, &err) == 0 && found;
}

static bool is_owned(const struct name_list *owners, const struct drift_project *project)
{
	for (size_t i = 0; i < owners->count; i++) {
		for (size_t j = 0; j < project->owner_count; j++) {
			if (str_equal(owners->list[i], project->owners[j]))
				return true;
		}
	}
	return false;
}

static bool wants(
	const struct notification *to, const struct drift_project *project, struct arena *arena)
{
	return (to->projects.count == 0 || is_one_of(&to->projects, project->name, arena) ||
		       is_one_of(&to->projects, project->dir, arena)) &&
	       (to->owners.count == 0 || is_owned(&to->owners, project)) &&
	       fits(to->workspaces, project->workspace);
}

/* "slack:#platform", "mail:team": by its name, or Slack's channel. */
static bool is_named(const struct notification *to, const struct drift_report *report)
{
	size_t length = strlen(to->kind);

	for (size_t i = 0; i < report->notify_count; i++) {
		const char *word = report->notify[i];

		if (!str_starts(word, to->kind) || word[length] != ':')
			continue;
		if ((!str_empty(to->name) && str_equal(word + length + 1, to->name)) ||
			(!str_empty(to->channel) && str_equal(word + length + 1, to->channel)))
			return true;
	}
	return false;
}

static bool has_filter(const struct notification *to)
{
	return to->environments.count > 0 || to->projects.count > 0 || to->owners.count > 0;
}

const struct drift_report *notice_route(const struct notification *to,
	const struct drift_report *report, struct arena *arena, bool *ret_is_named)
{
	struct drift_report *ours;

	*ret_is_named = is_named(to, report);
	if (!(to->events & NOTIFY_DRIFT) || !fits(to->branches, report->base_ref))
		return NULL;
	if (to->environments.count > 0 && !is_one_of(&to->environments, report->environment, arena))
		return NULL;
	if (!*ret_is_named && !has_filter(to) && report->notify_count > 0 &&
		!str_equal(to->kind, "ping"))
		return NULL;
	ours = arena_alloc(arena, sizeof(*ours));
	*ours = *report;
	ours->projects = arena_alloc(arena, (report->project_count + 1) * sizeof(*ours->projects));
	ours->project_count = 0;
	for (size_t i = 0; i < report->project_count; i++) {
		if (wants(to, &report->projects[i], arena))
			ours->projects[ours->project_count++] = report->projects[i];
	}
	return ours->project_count == 0 && report->project_count > 0 ? NULL : ours;
}
