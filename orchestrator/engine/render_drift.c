/* What a slot found, as a notice: failures first, then what is new, changed, over. */
#include "orchestrator/engine/render_notice.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/zone.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 1000, PATHS_SHOWN = 6, NAMES_SHOWN = 8, SHORT_HEAD = 7 };

static const char *moment(struct arena *arena, int64_t ms)
{
	int64_t minute = ms / 60000;
	struct civil civil = civil_of(minute / 1440);

	return arena_printf(arena, "%04d-%02d-%02d %02d:%02d UTC", civil.year, civil.month,
		civil.day, (int)(minute % 1440 / 60), (int)(minute % 60));
}

/* ---- one resource ---- */

static const char *sign_of(const struct drift_item *item)
{
	static const char *const signs[] = { [DRIFT_UPDATE] = "~",
		[DRIFT_CREATE] = "+",
		[DRIFT_DELETE] = "-",
		[DRIFT_REPLACE] = "-/+",
		[DRIFT_NONE] = "!" };

	if (item->life == DRIFT_RESOLVED)
		return "=";
	return (size_t)item->action < countof(signs) && signs[item->action] != NULL
		       ? signs[item->action]
		       : "~";
}

static void put_paths(struct strbuf *out, const struct drift_item *item)
{
	size_t shown = item->path_count < PATHS_SHOWN ? item->path_count : PATHS_SHOWN;
	size_t hidden = item->path_count - shown + (size_t)item->paths_left_out;

	for (size_t i = 0; i < shown; i++)
		strbuf_printf(out, "%s%.80s", i == 0 ? ": " : ", ", item->paths[i]);
	if (hidden > 0)
		strbuf_printf(out, " and %zu more", hidden);
}

static void put_end(struct strbuf *out, const struct drift_item *item)
{
	char text[32];

	strbuf_printf(out, "is over after %s",
		clock_duration_text(item->ended_ms - item->first_ms, text));
	if (!str_empty(item->by))
		strbuf_printf(out, ", by %.100s", item->by);
}

static const char *what_is_with(const struct drift_item *item, struct arena *arena)
{
	static const char *const said[] = { [DRIFT_DELETED] = "was deleted outside",
		[DRIFT_CHANGED] = "was changed outside",
		[DRIFT_UNAPPLIED] = "is merged, never applied",
		[DRIFT_CHECK] = "does not hold" };
	_cleanup_strbuf_ struct strbuf out = STRBUF(WORDS_MAX);

	if (item->life == DRIFT_RESOLVED) {
		put_end(&out, item);
	} else {
		strbuf_puts(&out, (size_t)item->class < countof(said) && said[item->class] != NULL
					  ? said[item->class]
					  : drift_class_name(item->class));
		put_paths(&out, item);
	}
	if (item->id > 0)
		strbuf_printf(&out, " (d%lld)", (long long)item->id);
	return arena_strdup(arena, strbuf_text(&out));
}

/* ---- a group ---- */

typedef bool (*item_filter)(const struct drift_item *item);

static bool is_new(const struct drift_item *item)
{
	return !drift_is_informational(item->class) && item->life == DRIFT_NEW;
}

static bool is_altered(const struct drift_item *item)
{
	return !drift_is_informational(item->class) && item->life == DRIFT_ALTERED;
}

static bool is_resolved(const struct drift_item *item)
{
	return !drift_is_informational(item->class) && item->life == DRIFT_RESOLVED;
}

static bool is_open(const struct drift_item *item)
{
	return !drift_is_informational(item->class) &&
	       (item->life == DRIFT_NEW || item->life == DRIFT_ALTERED ||
		       item->life == DRIFT_KNOWN);
}

static const char *place_of(
	const struct drift_project *project, const char *environment, struct arena *arena)
{
	bool has_workspace = !str_empty(project->workspace) &&
			     !str_equal(project->workspace, "default");

	return arena_printf(arena, "%s%s%s%s%s",
		str_equal(project->dir, project->name) ? "" : project->dir,
		has_workspace ? " workspace " : "", has_workspace ? project->workspace : "",
		str_empty(environment) ? "" : " of ", environment);
}

static struct notice_entry *add_entry(struct notice_group *group, struct arena *arena,
	const struct drift_project *project, const char *environment, const char *text)
{
	struct notice_entry *entry;

	group->entries = arena_push(arena, group->entries, group->entry_count, sizeof(*entry));
	entry = &group->entries[group->entry_count++];
	*entry = (struct notice_entry){
		.name = project->name, .where = place_of(project, environment, arena), .text = text
	};
	return entry;
}

static void add_items(struct notice_group *group, struct arena *arena,
	const struct drift_project *project, const char *environment, item_filter belongs)
{
	struct notice_entry *entry = NULL;

	for (size_t i = 0; i < project->items.count; i++) {
		const struct drift_item *item = &project->items.list[i];

		if (!belongs(item))
			continue;
		if (entry == NULL)
			entry = add_entry(group, arena, project, environment, "");
		entry->lines = arena_push(
			arena, entry->lines, entry->line_count, sizeof(*entry->lines));
		entry->lines[entry->line_count++] = (struct notice_line){ .sign = sign_of(item),
			.code = item->address,
			.text = what_is_with(item, arena) };
	}
	if (entry != NULL)
		entry->left_out = project->items.left_out;
}

static const char *failure_of(const struct drift_project *project, struct arena *arena)
{
	return arena_printf(arena, "%s%s%s%s", project->word,
		project->failures > 1
			? arena_printf(arena, ", %d times in a row", project->failures)
			: "",
		str_empty(project->text) ? "" : ": ", project->text);
}

/* One that fails as it failed yesterday was told yesterday. */
static bool is_failure_news(const struct drift_project *project)
{
	struct drift_project alone = *project;

	alone.items = (struct drift_items){ 0 };
	return project->outcome == DRIFT_ERROR && drift_project_is_news(&alone);
}

static void add_group(struct notice *notice, struct arena *arena, const struct notice_group *group)
{
	if (group->entry_count == 0)
		return;
	notice->groups = arena_push(
		arena, notice->groups, notice->group_count, sizeof(*notice->groups));
	notice->groups[notice->group_count++] = *group;
}

static size_t lines_of(const struct notice_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->entry_count; i++)
		count += group->entries[i].line_count;
	return count;
}

/* ---- the lines at the end ---- */

struct tally {
	size_t clean, known, asleep, failing, recovered, skipped, hidden, rules;
	struct strbuf recovered_names, skipped_names;
};

static void put_name(struct strbuf *names, size_t place, const char *name, const char *why)
{
	if (place < NAMES_SHOWN)
		strbuf_printf(names, "%s%.60s%s%.60s%s", place == 0 ? "" : ", ", name,
			str_empty(why) ? "" : " (", why, str_empty(why) ? "" : ")");
	else if (place == NAMES_SHOWN)
		strbuf_puts(names, ", ...");
}

static void count_project(struct tally *tally, const struct drift_project *project)
{
	tally->clean += project->outcome == DRIFT_CLEAN;
	tally->failing += project->outcome == DRIFT_ERROR && !is_failure_news(project);
	tally->hidden += (size_t)project->hidden;
	tally->rules += (size_t)project->hiding_rules;
	for (size_t i = 0; i < project->items.count; i++) {
		const struct drift_item *item = &project->items.list[i];

		if (drift_is_informational(item->class) || drift_is_news(item))
			continue;
		tally->known += item->life == DRIFT_KNOWN;
		tally->asleep += item->life != DRIFT_KNOWN;
	}
	if (project->before == DRIFT_ERROR && project->outcome != DRIFT_ERROR &&
		project->outcome != DRIFT_SKIPPED)
		put_name(&tally->recovered_names, tally->recovered++, project->name, "");
	if (project->outcome == DRIFT_SKIPPED)
		put_name(&tally->skipped_names, tally->skipped++, project->name, project->word);
}

static void add_note(struct notice *notice, struct arena *arena, const char *text)
{
	notice->notes = arena_push(
		arena, notice->notes, notice->note_count, sizeof(*notice->notes));
	notice->notes[notice->note_count++] = text;
}

#define PLURAL(count) ((count) == 1 ? "" : "s")

static void add_tally(struct notice *notice, struct arena *arena, const struct tally *tally)
{
	if (tally->recovered > 0)
		add_note(notice, arena,
			arena_printf(arena, "looked at again after a failure: %s",
				strbuf_text(&tally->recovered_names)));
	if (tally->skipped > 0)
		add_note(notice, arena,
			arena_printf(
				arena, "not looked at: %s", strbuf_text(&tally->skipped_names)));
	if (tally->failing > 0)
		add_note(notice, arena,
			arena_printf(arena, "still failing, as told before: %zu project%s",
				tally->failing, PLURAL(tally->failing)));
	if (tally->known > 0)
		add_note(notice, arena,
			arena_printf(arena, "as told before: %zu resource%s", tally->known,
				PLURAL(tally->known)));
	if (tally->asleep > 0)
		add_note(notice, arena,
			arena_printf(arena, "acknowledged, snoozed or not seen often enough: %zu",
				tally->asleep));
	if (tally->hidden > 0)
		add_note(notice, arena,
			arena_printf(arena, "%zu difference%s hidden by %zu rule%s", tally->hidden,
				PLURAL(tally->hidden), tally->rules, PLURAL(tally->rules)));
	if (tally->clean > 0)
		add_note(notice, arena,
			arena_printf(
				arena, "clean: %zu project%s", tally->clean, PLURAL(tally->clean)));
}

static void release_tally(struct tally *tally)
{
	strbuf_release(&tally->recovered_names);
	strbuf_release(&tally->skipped_names);
}

/* ---- a slot ---- */

static void put_count(struct strbuf *out, size_t count, const char *word, bool *has_any)
{
	if (count == 0)
		return;
	strbuf_printf(out, "%s%zu %s", *has_any ? ", " : "", count, word);
	*has_any = true;
}

static const char *title_of(const struct drift_report *report, const struct notice_group groups[4],
	size_t recovered, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(WORDS_MAX);
	bool has_any = false;

	strbuf_printf(&out, "sluice: drift in %.60s: ",
		str_empty(report->environment) ? report->repo : report->environment);
	put_count(&out, groups[0].entry_count, "failed", &has_any);
	put_count(&out, lines_of(&groups[1]), "new", &has_any);
	put_count(&out, lines_of(&groups[2]), "changed", &has_any);
	put_count(&out, lines_of(&groups[3]), "over", &has_any);
	put_count(&out, recovered, "no longer failing", &has_any);
	if (!str_empty(report->text))
		strbuf_printf(&out, "%snothing could be looked at", has_any ? "; " : "");
	else if (report->is_partial)
		strbuf_printf(&out, "%snot all was looked at", has_any ? "; " : "");
	else if (!has_any)
		strbuf_puts(&out, report->missed > 0 ? "a look was missed" : "nothing new");
	return arena_strdup(arena, strbuf_text(&out));
}

static const char *subtitle_of(const struct drift_report *report, struct arena *arena)
{
	return arena_printf(arena, "%s, %s%s%.*s, %s%s%s", report->repo, report->base_ref,
		str_empty(report->base) ? "" : " at ", SHORT_HEAD, report->base,
		moment(arena, report->slot_ms), str_empty(report->asked_by) ? "" : ", asked by ",
		report->asked_by);
}

static void add_slot_notes(
	const struct drift_report *report, struct arena *arena, struct notice *notice)
{
	if (!str_empty(report->text))
		add_note(notice, arena,
			arena_printf(arena, "why nothing was looked at: %s", report->text));
	if (report->is_partial)
		add_note(notice, arena,
			"the time of this slot was over before all projects had been looked at");
	if (report->missed > 0)
		add_note(notice, arena,
			arena_printf(arena, "missed before it: %d slot%s, nobody could look then",
				report->missed, PLURAL(report->missed)));
}

void render_drift(const struct drift_report *report, struct arena *arena, struct notice *ret)
{
	static const item_filter filters[] = { NULL, is_new, is_altered, is_resolved };
	struct notice_group groups[] = { { .title = "Failed" }, { .title = "New" },
		{ .title = "Changed" }, { .title = "Over" } };
	struct tally tally = { .recovered_names = STRBUF(WORDS_MAX),
		.skipped_names = STRBUF(WORDS_MAX) };

	*ret = (struct notice){ .more = "sluice drift list" };
	for (size_t i = 0; i < report->project_count; i++) {
		const struct drift_project *project = &report->projects[i];

		count_project(&tally, project);
		if (is_failure_news(project))
			add_entry(&groups[0], arena, project, "", failure_of(project, arena));
		for (size_t j = 1; j < countof(groups); j++)
			add_items(&groups[j], arena, project, "", filters[j]);
	}
	for (size_t i = 0; i < countof(groups); i++)
		add_group(ret, arena, &groups[i]);
	ret->title = title_of(report, groups, tally.recovered, arena);
	ret->subtitle = subtitle_of(report, arena);
	add_slot_notes(report, arena, ret);
	add_tally(ret, arena, &tally);
	release_tally(&tally);
}

/* ---- once a week ---- */

static const char *digest_title(size_t projects, size_t failed, size_t open, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(WORDS_MAX);
	bool has_any = false;

	strbuf_printf(&out, "sluice: still watching %zu project%s: ", projects, PLURAL(projects));
	put_count(&out, failed, "failing", &has_any);
	put_count(&out, open, "open", &has_any);
	if (!has_any)
		strbuf_puts(&out, "all is as it was applied");
	return arena_strdup(arena, strbuf_text(&out));
}

void render_drift_digest(const struct drift_report *reports, size_t count, int64_t now_ms,
	struct arena *arena, struct notice *ret)
{
	struct notice_group failing = { .title = "Failing" }, open = { .title = "Open" };
	struct tally tally = { .recovered_names = STRBUF(WORDS_MAX),
		.skipped_names = STRBUF(WORDS_MAX) };
	size_t projects = 0;

	*ret = (struct notice){ .more = "sluice drift list" };
	for (size_t i = 0; i < count; i++) {
		projects += reports[i].project_count;
		for (size_t j = 0; j < reports[i].project_count; j++) {
			const struct drift_project *project = &reports[i].projects[j];

			count_project(&tally, project);
			if (project->outcome == DRIFT_ERROR)
				add_entry(&failing, arena, project, reports[i].environment,
					failure_of(project, arena));
			add_items(&open, arena, project, reports[i].environment, is_open);
		}
		add_note(ret, arena,
			arena_printf(arena, "%s %s: looked last %s%s", reports[i].repo,
				reports[i].environment, moment(arena, reports[i].slot_ms),
				reports[i].is_partial || !str_empty(reports[i].text)
					? ", and not at all of it"
					: ""));
	}
	add_group(ret, arena, &failing);
	add_group(ret, arena, &open);
	ret->title = digest_title(projects, failing.entry_count, lines_of(&open), arena);
	ret->subtitle = moment(arena, now_ms);
	tally.known = tally.failing = tally.recovered = 0; /* they stand above */
	add_tally(ret, arena, &tally);
	release_tally(&tally);
}
