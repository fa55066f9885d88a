/* One project: its row and its block. */
#include "orchestrator/engine/render_private.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/model/project_kind.h"

#include <stdio.h>
#include <string.h>

enum { CONSTRUCTS_SHOWN = 10 };

static bool is_plan(const struct view *view)
{
	return view->run->kind == RUN_PLAN;
}

const struct kind_words *render_words(enum run_kind kind)
{
	static const struct kind_words words[] = {
		[RUN_PLAN] = { "planning", "planned", "plan failed", "not planned", "not planned" },
		[RUN_APPLY] = { "applying", "applied", "apply failed", "not applied",
			"not applied: the saved plan is gone" },
		[RUN_IMPORT] = { "importing", "imported", "import failed", "not imported",
			"not imported" },
		[RUN_STATE_RM] = { "removing from the state", "removed from the state",
			"removal failed", "not removed", "not removed" },
	};

	return &words[kind];
}

static void put_elapsed(struct strbuf *out, const struct view *view, const struct job *job)
{
	char text[CLOCK_TEXT_MAX];
	int64_t since = view->now_ms - job->started_ms;

	if (job->started_ms > 0 && since >= 1000)
		strbuf_printf(out, ", %s", clock_duration_text(since, text));
}

/* "waits for #12 by ann, 2nd in the queue"; without people where nothing can be escaped. */
void render_lock(struct strbuf *out, const struct view_job *shown, bool with_author)
{
	static const char *const endings[] = { "th", "st", "nd", "rd" };
	int place = shown->lock_place;
	bool is_teen = place % 100 >= 11 && place % 100 <= 13;

	strbuf_printf(out, "waits for #%lld", (long long)shown->lock_pull);
	if (with_author && !str_empty(shown->lock_author)) {
		strbuf_puts(out, " by ");
		render_inline(out, shown->lock_author);
	}
	strbuf_printf(out, ", %d%s in the queue", place,
		place % 10 <= 3 && !is_teen ? endings[place % 10] : endings[0]);
}

static void put_open_state(struct strbuf *out, const struct view *view, const struct shown *shown)
{
	const struct job *job = shown->job;
	char text[CLOCK_TEXT_MAX];

	if (job->state == JOB_BLOCKED && shown->view->lock_place == 0) {
		strbuf_puts(out, "its lock came; waits for those of other projects");
	} else if (job->state == JOB_BLOCKED) {
		render_lock(out, shown->view, true);
		strbuf_printf(out, "; held for %s",
			clock_duration_text(view->now_ms - shown->view->lock_since_ms, text));
	} else if (job->state == JOB_WAITING) {
		strbuf_puts(out, "waiting for a slot");
	} else if (job->state == JOB_HELD) {
		strbuf_puts(out, "waiting for the projects before it");
	} else {
		strbuf_puts(out, render_words(view->run->kind)->doing);
		put_elapsed(out, view, job);
	}
}

/* The machine's or a person's doing: no push can mend it. */
static bool is_ours(const struct job *job)
{
	return job->outcome == OUTCOME_SETUP_FAILED || job->outcome == OUTCOME_SIGNALLED ||
	       job->outcome == OUTCOME_BAD_RESULT || job->outcome == OUTCOME_UNKNOWN ||
	       job->outcome == OUTCOME_NEVER_BEGAN;
}

static const char *failed_word(const struct view *view, const struct job *job)
{
	if (job->outcome == OUTCOME_TIMED_OUT)
		return "timed out";
	if (job->outcome == OUTCOME_OUTPUT_CAP)
		return "stopped: too much output";
	if (job->outcome == OUTCOME_MEMORY_CAP)
		return "stopped: too much memory";
	if (job->outcome == OUTCOME_DISK_CAP)
		return "stopped: too much written";
	if (job->outcome == OUTCOME_SIGNALLED)
		return "killed";
	if (job->outcome == OUTCOME_PLAN_LOST)
		return render_words(view->run->kind)->lost;
	if (job->outcome == OUTCOME_SETUP_FAILED)
		return "could not be started";
	return job->op == JOB_HOOKS ? "failed" : render_words(view->run->kind)->failed;
}

void render_changes(struct strbuf *out, const struct view *view, const struct shown *shown)
{
	const struct job *job = shown->job;
	char text[200];

	switch (job->state) {
	case JOB_BLOCKED:
	case JOB_HELD:
	case JOB_WAITING:
	case JOB_STARTING:
	case JOB_RUNNING:
		put_open_state(out, view, shown);
		return;
	case JOB_DONE:
		if (!is_plan(view))
			strbuf_puts(out, render_words(view->run->kind)->done);
		else
			strbuf_puts(out, shown->has_summary ? plan_summary_text(&shown->summary,
								      text, sizeof(text))
					 : job->has_changes ? "changes"
							    : "no changes");
		return;
	case JOB_FAILED:
		strbuf_printf(out, "**%s**", failed_word(view, job));
		return;
	case JOB_CANCELLED:
		strbuf_puts(out, "cancelled");
		return;
	case JOB_INTERRUPTED:
		strbuf_puts(out, "**interrupted**: nobody can know how it ended");
		return;
	case JOB_REFUSED:
		strbuf_printf(out, "**%s**", render_words(view->run->kind)->refused);
		return;
	case JOB_SKIPPED:
		strbuf_puts(out, "**skipped**");
		return;
	}
}

void render_next(struct strbuf *out, const struct view *view, const struct shown *shown)
{
	const struct job *job = shown->job;

	if (view->superseded_by != NULL || view->run->state == RUN_SUPERSEDED)
		strbuf_puts(out, "superseded");
	else if (job->state == JOB_FAILED && is_ours(job))
		strbuf_printf(out, "`%s plan` again", view->command_word);
	else if (job->op == JOB_HOOKS)
		strbuf_puts(out, "–");
	else if (job->state == JOB_FAILED)
		strbuf_puts(out, "fix and push");
	else if (job->state == JOB_REFUSED && is_plan(view))
		strbuf_printf(out, "`%s plan` when it holds", view->command_word);
	else if (job->state == JOB_BLOCKED)
		strbuf_puts(out, "planned by itself when free");
	else if (job->state != JOB_DONE)
		strbuf_puts(out, "–");
	else if (job->is_applied)
		strbuf_puts(out, "applied");
	else if (render_against(shown) != NULL) {
		strbuf_puts(out, "policy set ");
		render_inline(out, render_against(shown)->name);
		strbuf_puts(out, " fails");
	} else if (render_failing(shown) != NULL) {
		strbuf_puts(out, "check ");
		render_inline(out, render_failing(shown)->name);
		strbuf_puts(out, " fails");
	} else if (view->gate == NULL)
		strbuf_puts(out, "–");
	else if (view->gate->open)
		strbuf_puts(out, job_is_merge(job) ? "ready: merge" : "ready");
	else
		strbuf_printf(out, "%d of %d approvals", view->gate->have, view->gate->need);
}

/* ---- the block ---- */

static const char *sign(enum plan_action action)
{
	switch (action) {
	case PLAN_CREATE:
		return "+";
	case PLAN_UPDATE:
		return "!";
	case PLAN_DELETE:
		return "-";
	case PLAN_REPLACE:
		return "-/+";
	case PLAN_FORGET:
		return "#";
	case PLAN_NO_OP:
	case PLAN_READ:
	case PLAN_IMPORT:
	case PLAN_MOVE:
		break;
	}
	return " ";
}

static void put_value(struct strbuf *out, const char *value)
{
	strbuf_puts(out, value == NULL ? "(none)" : value);
}

/* The tag of an image, or its digest, shortened; *ret_length is what stands before it. */
static const char *image_version(const char *image, size_t *ret_length)
{
	const char *slash = strrchr(image, '/'), *name = slash == NULL ? image : slash + 1,
		   *mark = strpbrk(name, ":@");

	*ret_length = mark == NULL ? strlen(image) : (size_t)(mark - image);
	return mark == NULL ? "" : mark + 1;
}

void render_image(struct strbuf *out, const struct plan_summary *summary)
{
	const struct plan_image *image = &summary->images[0];
	const char *before, *after, *slash;
	size_t was, is;

	if (summary->image_count == 0)
		return;
	before = image_version(image->before, &was);
	after = image_version(image->after, &is);
	strbuf_puts(out, ", image ");
	if (was == is && strncmp(image->before, image->after, was) == 0) {
		_cleanup_free_ char *name = mem_strndup(image->before, was);

		slash = strrchr(name, '/');
		render_inline(out, slash == NULL ? name : slash + 1);
		strbuf_putc(out, ' ');
	} else {
		before = image->before;
		after = image->after;
	}
	render_code_cell(out, before[0] == '\0' ? "latest" : before);
	strbuf_puts(out, " → ");
	render_code_cell(out, after[0] == '\0' ? "latest" : after);
	if (summary->image_count > 1 || summary->images_left_out > 0)
		strbuf_printf(out, " and %zu more",
			summary->image_count - 1 + (size_t)summary->images_left_out);
}

static void put_attributes(struct strbuf *out, const struct plan_resource *resource)
{
	for (size_t i = 0; i < resource->attribute_count; i++) {
		const struct plan_attribute *attribute = &resource->attributes[i];

		strbuf_printf(out, "%s%s: ", i == 0 ? "" : "\n                                   ",
			attribute->path);
		put_value(out, attribute->before);
		strbuf_puts(out, " → ");
		put_value(out, attribute->after);
		if (attribute->forces_replace)
			strbuf_puts(out, "  (forces replacement)");
	}
	if (resource->attributes_left_out > 0)
		strbuf_printf(out, "\n                                   and %d more",
			resource->attributes_left_out);
}

static void put_resources(struct strbuf *out, const struct plan_summary *summary, size_t most)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(4 << 20), cut = STRBUF(1 << 20);

	for (size_t i = 0; i < summary->image_count; i++)
		strbuf_printf(&lines, "!   image %s → %s\n", summary->images[i].before,
			summary->images[i].after);
	for (size_t i = 0; i < summary->resource_count; i++) {
		const struct plan_resource *resource = &summary->resources[i];

		if (resource->action == PLAN_READ || resource->action == PLAN_NO_OP)
			continue;
		strbuf_printf(&lines, "%-4s%s", sign(resource->action), resource->address);
		if (resource->note != NULL)
			strbuf_printf(&lines, "  (%s)", resource->note);
		for (size_t pad = strlen(resource->address);
			resource->attribute_count > 0 && pad < 30; pad++)
			strbuf_putc(&lines, ' ');
		strbuf_putc(&lines, resource->attribute_count > 0 ? ' ' : '\n');
		put_attributes(&lines, resource);
		if (resource->attribute_count > 0)
			strbuf_putc(&lines, '\n');
		if (resource->hidden > 0)
			strbuf_printf(&lines,
				"      %d difference%s of generated fields %s not shown\n",
				resource->hidden, resource->hidden == 1 ? "" : "s",
				resource->hidden == 1 ? "is" : "are");
		if (resource->moved_from != NULL)
			strbuf_printf(&lines, "      moved from %s\n", resource->moved_from);
	}
	if (summary->resources_left_out > 0)
		strbuf_printf(&lines, "... %d more resources\n", summary->resources_left_out);
	if (summary->output_changes > 0)
		strbuf_printf(&lines, "    %d output%s\n", summary->output_changes,
			summary->output_changes == 1 ? " changes" : "s change");
	if (lines.length == 0)
		return;
	render_cut(&cut, strbuf_text(&lines), most);
	render_fence(out, "diff", strbuf_text(&cut), cut.length);
}

/* What the plan does not say by itself: programs, addresses, what others wrote. */
static void put_constructs(
	struct strbuf *out, const struct view *view, const struct plan_constructs *constructs)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	bool is_code = plan_constructs_run_code(constructs);

	if (constructs->count == 0)
		return;
	strbuf_puts(out, view->has_folds ? "\n<details><summary>" : "\n");
	if (is_code)
		strbuf_puts(out, view->has_folds ? "<b>Runs code</b>: " : "**Runs code**: ");
	plan_constructs_count(constructs, out);
	strbuf_puts(out, view->has_folds ? "</summary>\n\n" : "\n\n");
	for (size_t i = 0; i < constructs->count && i < CONSTRUCTS_SHOWN; i++) {
		strbuf_puts(out, "- ");
		render_inline(out, constructs->list[i].address);
		strbuf_puts(out, " ");
		render_inline(out, plan_construct_text(&constructs->list[i], &arena));
		strbuf_puts(out, "\n");
	}
	if (constructs->count > CONSTRUCTS_SHOWN)
		strbuf_printf(out, "- %zu more\n", constructs->count - CONSTRUCTS_SHOWN);
	strbuf_puts(out, view->has_folds ? "</details>\n" : "\n");
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void put_output(
	struct strbuf *out, const struct view *view, const struct job *job, size_t most)
{
	_cleanup_strbuf_ struct strbuf cut = STRBUF(1 << 20);

	if (str_empty(job->output))
		return;
	render_cut(&cut, job->output, most);
	if (view->has_folds) {
		strbuf_puts(out, "\n<details><summary>output of ");
		render_html(out, job->op == JOB_HOOKS ? "the hooks" : job->tool);
		strbuf_printf(out, ", %zu line%s</summary>\n\n", count_lines(job->output),
			count_lines(job->output) == 1 ? "" : "s");
	} else {
		strbuf_puts(out, "\nOutput:\n\n");
	}
	render_fence(out, "", strbuf_text(&cut), cut.length);
	if (view->has_folds)
		strbuf_puts(out, "</details>\n");
}

static void put_plan_command(
	struct strbuf *out, const struct view *view, const char *flag, const char *name)
{
	_cleanup_free_ char *command = mem_printf("%s plan %s %s", view->command_word, flag, name);

	render_code(out, command);
}

static void put_failure(
	struct strbuf *out, const struct view *view, const struct job *job, size_t most)
{
	_cleanup_strbuf_ struct strbuf cut = STRBUF(1 << 20);

	if (str_empty(job->failure))
		return;
	render_cut(&cut, job->failure, most);
	render_fence(out, "", strbuf_text(&cut), cut.length);
	if (is_plan(view) || job->state != JOB_FAILED || job->op == JOB_HOOKS)
		return;
	strbuf_puts(out, job->outcome == OUTCOME_PLAN_LOST || job->outcome == OUTCOME_SETUP_FAILED
				 ? "\nThe state is as it was. Plan again with "
				 : "\nThe state is as the tool left it after the error. Look again "
				   "with ");
	put_plan_command(out, view, "-p", job->project);
	strbuf_puts(out, ".\n");
}

static void put_interrupted(struct strbuf *out, const struct view *view, const struct job *job)
{
	char time[CLOCK_TEXT_MAX];

	strbuf_printf(out,
		"\nKnown: it was started at %s, and there is no result. The lock is kept.\n\n",
		clock_text(job->started_ms, time));
	strbuf_puts(out, "Choose: look at what is real with ");
	put_plan_command(out, view, "-d", job->dir);
	strbuf_printf(out, ", or give the lock up with `%s unlock`.\n", view->command_word);
}

static void put_title(
	struct strbuf *out, const struct view *view, const struct shown *shown, bool is_open)
{
	_cleanup_strbuf_ struct strbuf changes = STRBUF(2000);

	render_changes(&changes, view, shown);
	if (view->has_folds) {
		strbuf_printf(out, "<details%s><summary><b>", is_open ? " open" : "");
		render_html(out, shown->job->project);
		strbuf_puts(out, "</b>: ");
		for (const char *c = strbuf_text(&changes); *c != '\0'; c++)
			if (*c != '*')
				strbuf_putc(out, *c);
		if (shown->job->state == JOB_FAILED && !str_empty(shown->job->step)) {
			strbuf_puts(out, " in <code>");
			render_html(out, shown->job->step);
			strbuf_puts(out, "</code>");
		}
		strbuf_puts(out, "</summary>\n\n");
	} else {
		strbuf_puts(out, "**");
		render_inline(out, shown->job->project);
		strbuf_printf(out, "**: %s\n\n", strbuf_text(&changes));
	}
}

void render_block(struct strbuf *out, const struct view *view, const struct shown *shown,
	bool is_open, size_t most)
{
	const struct job *job = shown->job;
	bool says_something = job->state == JOB_FAILED || job->state == JOB_INTERRUPTED ||
			      job->state == JOB_REFUSED || job->state == JOB_SKIPPED ||
			      (job->state == JOB_DONE &&
				      (is_plan(view) ? job->has_changes || render_against(shown)
						     : !str_empty(job->output)));

	if (!says_something)
		return;
	put_title(out, view, shown, is_open);
	put_failure(out, view, job, most / 4);
	if (job->state == JOB_INTERRUPTED)
		put_interrupted(out, view, job);
	if (is_plan(view) && shown->has_summary) {
		put_resources(out, &shown->summary, most / 3);
		put_constructs(out, view, &shown->summary.constructs);
		render_policies(out, shown, most / 6);
		render_checks(out, view, shown, most / 6);
	}
	put_output(out, view, job, most / 3);
	strbuf_puts(out, view->has_folds ? "</details>\n\n" : "\n");
}
