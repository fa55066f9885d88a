/* The whole comment: title, table, blocks, what must happen next; split into parts under the host's
 * limit. */
#include "orchestrator/engine/render_private.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/project_kind.h"

#include <stdio.h>
#include <string.h>

enum { SHORT_OID = 7, MARGIN = 700, BLOCK_MOST = 24000 };

/* ---- parts ---- */

struct page {
	const struct view *view;
	struct arena *arena;
	struct rendered *ret;
	struct strbuf part;
	const char *table_head; /* written again when a part begins inside the table */
	bool in_table, with_checks;
};

static void begin_part(struct page *page)
{
	strbuf_init(&page->part, page->view->limit_bytes + MARGIN);
	if (page->ret->part_count == 0)
		strbuf_printf(&page->part, "<!-- %s -->\n", page->view->marker);
	else
		strbuf_printf(&page->part, "<!-- %s:%zu -->\n### sluice · part %zu\n\n",
			page->view->marker, page->ret->part_count + 1, page->ret->part_count + 1);
	if (page->in_table)
		strbuf_puts(&page->part, page->table_head);
}

static void end_part(struct page *page)
{
	struct rendered *ret = page->ret;

	ret->parts = arena_push(page->arena, ret->parts, ret->part_count, sizeof(*ret->parts));
	ret->parts[ret->part_count++] = arena_strndup(
		page->arena, strbuf_text(&page->part), page->part.length);
	strbuf_release(&page->part);
}

/* One piece that must not be torn: a row, a block, a paragraph. */
static void put_piece(struct page *page, const struct strbuf *piece)
{
	if (page->part.length + piece->length + 100 > page->view->limit_bytes) {
		end_part(page);
		begin_part(page);
	}
	strbuf_append(&page->part, strbuf_text(piece), piece->length);
}

/* ---- title ---- */

struct tally {
	int ready, merges, failed, open, blocked, unchanged, applied, cancelled, interrupted,
		refused, skipped, against, held;
};

static struct tally count_jobs(const struct shown *shown, size_t count)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct job *job = shown[i].job;

		switch (job->state) {
		case JOB_BLOCKED:
			tally.blocked++;
			break;
		case JOB_HELD:
		case JOB_WAITING:
		case JOB_STARTING:
		case JOB_RUNNING:
			tally.open++;
			break;
		case JOB_DONE:
			if (job->op != JOB_PLAN || job->is_applied)
				tally.applied++;
			else if (render_against(&shown[i]) != NULL)
				tally.against++;
			else if (job->has_changes && render_failing(&shown[i]) != NULL)
				tally.held++;
			else if (job_is_merge(job))
				tally.merges++;
			else if (job->has_changes)
				tally.ready++;
			else
				tally.unchanged++;
			break;
		case JOB_FAILED:
			tally.failed++;
			break;
		case JOB_CANCELLED:
			tally.cancelled++;
			break;
		case JOB_INTERRUPTED:
			tally.interrupted++;
			break;
		case JOB_REFUSED:
			tally.refused++;
			break;
		case JOB_SKIPPED:
			tally.skipped++;
			break;
		}
	}
	return tally;
}

static void put_count(struct strbuf *out, int count, const char *word)
{
	if (count > 0)
		strbuf_printf(out, "%s%d %s", out->length == 0 ? "" : ", ", count, word);
}

static void plan_words(struct strbuf *out, const struct view *view, const struct tally *tally)
{
	switch (view->run->state) {
	case RUN_QUEUED:
		strbuf_puts(out, "queued");
		return;
	case RUN_PREPARING:
		strbuf_puts(out, "reading the change");
		return;
	case RUN_HOOKS:
		strbuf_puts(out, "hooks of the server run");
		return;
	case RUN_SUPERSEDED:
		strbuf_printf(out,
			view->superseded_by == NULL ? "superseded by a newer plan"
						    : "superseded by %.*s",
			SHORT_OID, view->superseded_by == NULL ? "" : view->superseded_by);
		return;
	case RUN_CANCELLED:
		strbuf_puts(out, "cancelled");
		return;
	case RUN_FAILED:
		if (view->job_count == 0) {
			strbuf_puts(out, "cannot be planned");
			return;
		}
		break;
	case RUN_WORKING:
	case RUN_DONE:
	case RUN_REFUSED:
	case RUN_INTERRUPTED:
		break;
	}
	put_count(out, tally->failed, "failed");
	put_count(out, tally->against, "against policies");
	put_count(out, tally->held, "held by checks");
	put_count(out, tally->ready + tally->merges, "ready");
	put_count(out, tally->applied, "applied");
	put_count(out, tally->open, "on the way");
	put_count(out, tally->blocked, "waiting for a lock");
	put_count(out, tally->unchanged, "without changes");
	put_count(out, tally->refused, "not planned");
	put_count(out, tally->skipped, "skipped");
	put_count(out, tally->cancelled, "cancelled");
	if (out->length == 0)
		strbuf_puts(out, "no project is touched");
}

static void apply_words(struct strbuf *out, const struct view *view, const struct tally *tally)
{
	const struct kind_words *words = render_words(view->run->kind);
	char text[CLOCK_TEXT_MAX];

	if (!str_empty(view->run->reason))
		strbuf_puts(out, "by break-glass: ");
	if (view->run->state == RUN_PREPARING) {
		strbuf_puts(out, "reading what the base branch became");
		return;
	}
	if (!run_state_is_final(view->run->state)) {
		strbuf_printf(out, "%s %zu", words->doing, view->job_count);
		return;
	}
	strbuf_printf(out, "%s %d of %zu", words->done, tally->applied, view->job_count);
	if (tally->failed > 0)
		strbuf_printf(out, ", %d failed", tally->failed);
	if (tally->interrupted > 0)
		strbuf_printf(out, ", %d interrupted", tally->interrupted);
	if (tally->refused > 0)
		strbuf_printf(out, ", %d refused", tally->refused);
	if (tally->skipped > 0)
		strbuf_printf(out, ", %d skipped", tally->skipped);
	if (tally->cancelled > 0)
		strbuf_printf(out, ", %d cancelled", tally->cancelled);
	strbuf_printf(out, " · %s",
		clock_duration_text(view->run->ended_ms - view->run->created_ms, text));
}

static void words(struct strbuf *out, const struct view *view, const struct tally *tally)
{
	if (view->run->kind == RUN_PLAN)
		plan_words(out, view, tally);
	else
		apply_words(out, view, tally);
}

static void put_title(struct strbuf *out, const struct view *view, const struct tally *tally)
{
	_cleanup_strbuf_ struct strbuf state = STRBUF(1000);

	words(&state, view, tally);
	if (view->run->kind == RUN_PLAN) {
		strbuf_printf(out, "### sluice · plan of `%.*s` into ", SHORT_OID, view->run->head);
		render_code(out, view->pull->base_ref);
		strbuf_printf(out, " · %s\n\n", strbuf_text(&state));
	} else {
		strbuf_printf(out, "### sluice · %s · at `%.*s`\n\n", strbuf_text(&state),
			SHORT_OID, view->run->head);
	}
}

/* In red where the host has colours: everybody who reads a plan shall know what ran it. */
static void put_unguarded(struct strbuf *out)
{
	strbuf_puts(out, "> [!CAUTION]\n> **No sandbox:** on this server the code of a pull "
			 "request runs with all rights of the server. Its operator chose "
			 "that (`sandbox.mode: none`).\n\n");
}

static void put_sandbox(struct strbuf *out, const struct view *view)
{
	if (view->is_unguarded)
		put_unguarded(out);
	else if (view->wider_count > 0 && view->run->kind == RUN_PLAN) {
		strbuf_puts(out, "The sandbox of this server is wider than usual: ");
		for (size_t i = 0; i < view->wider_count; i++) {
			strbuf_puts(out, i > 0 ? ", " : "");
			render_code(out, view->wider[i]);
		}
		strbuf_puts(out, ".\n\n");
	}
}

/* Loud, and with what is left to do: who comes by shall look at it. */
static void put_break_glass(struct strbuf *out, const struct view *view)
{
	if (str_empty(view->run->reason))
		return;
	strbuf_puts(out, "> [!WARNING]\n> **Break-glass** by ");
	render_inline(out, view->run->actor);
	strbuf_puts(out, ", whatever the rules say: ");
	render_inline(out, view->run->reason);
	strbuf_printf(out,
		"\n>\n> This stays open until somebody else has looked at it: `%s reviewed \"WHAT "
		"YOU FOUND\"`.\n\n",
		view->command_word);
}

/* ---- table ---- */

static const char *head_of_table(const struct view *view, bool with_checks)
{
	if (view->run->kind != RUN_PLAN)
		return "| project | result |\n|---|---|\n";
	return with_checks ? "| project | changes | checks | to apply |\n|---|---|---|---|\n"
			   : "| project | changes | to apply |\n|---|---|---|\n";
}

/* A column that nobody uses is none. */
static bool has_checks(const struct shown *shown, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (shown[i].has_summary && shown[i].summary.checked.count > 0)
			return true;
	return false;
}

static void put_row(struct page *page, const struct shown *shown)
{
	_cleanup_strbuf_ struct strbuf row = STRBUF(8000);
	const struct job *job = shown->job;

	strbuf_puts(&row, "| **");
	render_inline(&row, job->project);
	strbuf_puts(&row, "**");
	if (!str_empty(job->dir) && !str_equal(job->project, job->dir)) {
		strbuf_putc(&row, ' ');
		render_code_cell(&row, job->dir);
	}
	if (!str_empty(job->workspace) && !str_equal(job->workspace, "default")) {
		strbuf_puts(&row, " workspace ");
		render_code_cell(&row, job->workspace);
	}
	strbuf_puts(&row, " | ");
	render_changes(&row, page->view, shown);
	if (shown->has_summary && job->state == JOB_DONE)
		render_image(&row, &shown->summary);
	if (page->with_checks) {
		strbuf_puts(&row, " | ");
		render_checks_cell(&row, shown);
	}
	if (page->view->run->kind == RUN_PLAN) {
		strbuf_puts(&row, " | ");
		render_next(&row, page->view, shown);
	}
	strbuf_puts(&row, " |\n");
	put_piece(page, &row);
}

static bool is_quiet(const struct view *view, const struct shown *shown)
{
	return view->run->kind == RUN_PLAN && shown->job->state == JOB_DONE &&
	       !shown->job->has_changes && render_against(shown) == NULL;
}

static void put_table(
	struct page *page, const struct shown *shown, size_t count, const struct tally *tally)
{
	_cleanup_strbuf_ struct strbuf last = STRBUF(200);

	if (count == 0)
		return;
	page->with_checks = page->view->run->kind == RUN_PLAN && has_checks(shown, count);
	page->table_head = head_of_table(page->view, page->with_checks);
	strbuf_puts(&page->part, page->table_head);
	page->in_table = true;
	for (size_t i = 0; i < count; i++) {
		if (!is_quiet(page->view, &shown[i]))
			put_row(page, &shown[i]);
	}
	if (page->view->run->kind == RUN_PLAN && tally->unchanged > 0) {
		strbuf_printf(&last, "| %d project%s | no changes |%s |\n", tally->unchanged,
			tally->unchanged == 1 ? "" : "s", page->with_checks ? " |" : "");
		put_piece(page, &last);
	}
	page->in_table = false;
	strbuf_putc(&page->part, '\n');
}

/* ---- what must happen next ---- */

static void put_plan_end(struct strbuf *out, const struct view *view, const struct tally *tally)
{
	int to_apply = tally->ready + tally->held;

	if (!run_state_is_final(view->run->state) || view->superseded_by != NULL ||
		view->gate == NULL)
		return;
	if (view->run->state != RUN_DONE && view->run->state != RUN_FAILED)
		return;
	if (to_apply == 0 && tally->merges == 0 && tally->against > 0) {
		strbuf_printf(out,
			"**To apply:** fix what the policies say, and push; or their owners let it "
			"pass with `%s approve_policies`.\n",
			view->command_word);
		return;
	}
	if (to_apply == 0 && tally->merges == 0) {
		if (tally->applied > 0 && tally->failed == 0)
			strbuf_puts(out, "**Applied.** Nothing is left to do here.\n");
		return;
	}
	render_gates(out, view, to_apply, tally->merges,
		tally->failed + tally->refused + tally->against);
}

/* The configuration: what waits for a person, what changes, what was not taken. */
static void put_told(struct page *page)
{
	_cleanup_strbuf_ struct strbuf commands = STRBUF(200 << 10), changes = STRBUF(400 << 10),
				       notes = STRBUF(200 << 10);

	render_skips(&notes, page->view);
	render_commands(&commands, page->view);
	render_config_changes(&changes, page->view);
	render_notes(&notes, page->view);
	put_piece(page, &commands);
	put_piece(page, &changes);
	put_piece(page, &notes);
}

static void put_end(struct page *page, const struct tally *tally)
{
	_cleanup_strbuf_ struct strbuf end = STRBUF(32000);
	const struct view *view = page->view;

	for (size_t k = 0; k < view->note_count; k++) {
		render_inline(&end, view->notes[k]);
		strbuf_puts(&end, "\n\n");
	}
	if (view->run->kind == RUN_PLAN) {
		put_plan_end(&end, view, tally);
	} else if (view->run->kind != RUN_APPLY) {
		strbuf_puts(&end, "The plans of this pull request are void, because the state is "
				  "another one.");
		if (run_state_is_final(view->run->state))
			strbuf_printf(
				&end, " Comment `%s plan` to plan again.", view->command_word);
		strbuf_putc(&end, '\n');
	} else if (!str_empty(view->approvers)) {
		strbuf_puts(&end, "Approved by ");
		render_inline(&end, view->approvers);
		strbuf_puts(&end, ", asked for by ");
		render_inline(&end, view->run->actor);
		strbuf_puts(&end, ".\n");
	}
	put_piece(page, &end);
}

static void put_run_failure(struct page *page)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(16000), cut = STRBUF(8000);

	if (str_empty(page->view->run->failure))
		return;
	render_cut(&cut, page->view->run->failure, 6000);
	render_fence(&text, "", strbuf_text(&cut), cut.length);
	strbuf_printf(&text,
		"\nFix and push: the new push is planned by itself. If nothing is wrong with the "
		"push, ask again with `%s plan`.\n\n",
		page->view->command_word);
	put_piece(page, &text);
}

/* ---- the whole ---- */

static int danger_of(const struct shown *shown)
{
	const struct job *job = shown->job;
	const struct plan_summary *summary = &shown->summary;

	if (job->state == JOB_FAILED || job->state == JOB_INTERRUPTED)
		return 100;
	if (job->state == JOB_REFUSED || job->state == JOB_SKIPPED)
		return 90;
	if (render_against(shown) != NULL || render_failing(shown) != NULL)
		return 85;
	if (summary->delete + summary->replace > 0)
		return 80;
	if (job->state == JOB_BLOCKED)
		return 70;
	return job->has_changes ? 60 : job->state == JOB_DONE ? 10 : 50;
}

static int compare_danger(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	if (x->danger != y->danger)
		return y->danger - x->danger;
	return x->job->position - y->job->position;
}

static struct shown *collect(const struct view *view, struct arena *arena)
{
	struct shown *shown = arena_alloc(arena, (view->job_count + 1) * sizeof(*shown));

	for (size_t i = 0; i < view->job_count; i++) {
		const struct job *job = view->jobs[i].job;
		_cleanup_json_ json_t *json = NULL;
		struct err ignored; /* a summary that cannot be read is a plan without its list of
				       resources */

		shown[i].view = &view->jobs[i];
		shown[i].job = job;
		if (!str_empty(job->summary) && jsonx_parse(job->summary, strlen(job->summary),
							16 << 20, &json, &ignored) == 0)
			shown[i].has_summary = plan_summary_read(json, arena, &shown[i].summary,
						       &ignored) == 0;
		shown[i].danger = danger_of(&shown[i]);
	}
	if (view->job_count > 0)
		qsort(shown, view->job_count, sizeof(*shown), compare_danger);
	return shown;
}

/*~ 24. Rows become the comment that people read: the answer first, nothing of a plan able to
 * imitate our words. */
void render_run(const struct view *view, struct arena *arena, struct rendered *ret)
{
	struct shown *shown = collect(view, arena);
	struct tally tally = count_jobs(shown, view->job_count);
	struct page page = { .view = view, .arena = arena, .ret = ret };
	size_t most = view->limit_bytes - MARGIN < BLOCK_MOST ? view->limit_bytes - MARGIN
							      : BLOCK_MOST;

	*ret = (struct rendered){ 0 };
	begin_part(&page);
	put_title(&page.part, view, &tally);
	put_sandbox(&page.part, view);
	put_break_glass(&page.part, view);
	render_secrets(&page.part, view);
	put_run_failure(&page);
	put_table(&page, shown, view->job_count, &tally);
	for (size_t i = 0; i < view->job_count; i++) {
		_cleanup_strbuf_ struct strbuf block = STRBUF(2 << 20);
		bool is_open = shown[i].danger >= 90 || view->job_count == 1;

		render_block(&block, view, &shown[i], is_open, most);
		for (size_t less = most / 2;
			block.length + MARGIN > view->limit_bytes && less > 200; less /= 2) {
			strbuf_clear(&block); /* escaping made it longer than the limit */
			render_block(&block, view, &shown[i], is_open, less);
		}
		put_piece(&page, &block);
	}
	put_told(&page);
	put_end(&page, &tally);
	end_part(&page);
}

const char *render_reply(const struct reply *reply, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(16000);

	strbuf_printf(&out, "<!-- %s -->\n", reply->marker);
	if (reply->is_unguarded)
		put_unguarded(&out);
	if (!str_empty(reply->why)) {
		strbuf_printf(&out, "**Not %s**",
			str_equal(reply->asked, "apply")	      ? "applied"
			: str_equal(reply->asked, "plan")	      ? "planned"
			: str_equal(reply->asked, "unlock")	      ? "unlocked"
			: str_equal(reply->asked, "cancel")	      ? "cancelled"
			: str_equal(reply->asked, "import")	      ? "imported"
			: str_equal(reply->asked, "state rm")	      ? "removed"
			: str_equal(reply->asked, "approve_policies") ? "approved"
			: str_equal(reply->asked, "reviewed")	      ? "reviewed"
			: str_equal(reply->asked, "merge")	      ? "merged"
								      : "understood");
		strbuf_puts(&out, " (asked by ");
		render_inline(&out, reply->actor);
		strbuf_puts(&out, "): ");
		render_inline(&out, reply->why);
		strbuf_putc(&out, '.');
	} else {
		strbuf_puts(&out, "**Done** (asked by ");
		render_inline(&out, reply->actor);
		strbuf_puts(&out, ").");
	}
	strbuf_printf(&out, " %s\n", reply->next);
	return arena_strdup(arena, strbuf_text(&out));
}

const char *render_status(const struct view *view, size_t limit, struct arena *arena)
{
	struct shown *shown = collect(view, arena);
	struct tally tally = count_jobs(shown, view->job_count);
	_cleanup_strbuf_ struct strbuf out = STRBUF(2000);

	words(&out, view, &tally);
	for (size_t i = 0; i < view->job_count; i++) {
		if (shown[i].job->state != JOB_BLOCKED || shown[i].view->lock_place == 0)
			continue;
		strbuf_puts(&out, "; ");
		render_lock(&out, shown[i].view, false);
		break;
	}
	if (view->run->kind == RUN_PLAN && view->gate != NULL && tally.ready + tally.merges > 0)
		strbuf_printf(&out, "; %d of %d approvals", view->gate->have, view->gate->need);
	strbuf_truncate(&out, limit - 1);
	return arena_strdup(arena, strbuf_text(&out));
}
