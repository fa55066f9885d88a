/* Private to the renderer. */
#pragma once
#include "orchestrator/engine/render.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/plan_summary.h"

/* One project as it is shown: the job, and what its plan says. */
struct shown {
	const struct view_job *view;
	const struct job *job;
	struct plan_summary summary;
	bool has_summary;
	int danger; /* larger is shown first */
};

/* What a kind of run is called while it runs, when it went well, when not. */
struct kind_words {
	const char *doing, *done, *failed, *refused, *lost;
};
const struct kind_words *render_words(enum run_kind kind);

void render_code_cell(struct strbuf *out, const char *text);
void render_html(struct strbuf *out, const char *text);
void render_cut(struct strbuf *out, const char *text, size_t most);

void render_lock(struct strbuf *out, const struct view_job *shown, bool with_author);
/* What stands in the column "changes" or "result". */
void render_changes(struct strbuf *out, const struct view *view, const struct shown *shown);
/* What stands in the column "to apply". */
void render_next(struct strbuf *out, const struct view *view, const struct shown *shown);
/* What stands between these plans and their apply, or the merge that applies them. */
void render_gates(
	struct strbuf *out, const struct view *view, int to_apply, int to_merge, int failed);
/* "image shop 1.4.2 → 1.5.0", of the first that changes. */
void render_image(struct strbuf *out, const struct plan_summary *summary);
/* Of the configuration; nothing when there is nothing to tell. */
void render_commands(struct strbuf *out, const struct view *view);
void render_config_changes(struct strbuf *out, const struct view *view);
void render_notes(struct strbuf *out, const struct view *view);
/* The first policy set that fails and that its owners did not let pass, or NULL; and what all said.
 */
const struct policy_result *render_against(const struct shown *shown);
void render_policies(struct strbuf *out, const struct shown *shown, size_t most);
/* A check that holds the project up, or NULL; what stands in the column "checks"; what all said. */
const struct check_result *render_failing(const struct shown *shown);
void render_checks_cell(struct strbuf *out, const struct shown *shown);
void render_checks(
	struct strbuf *out, const struct view *view, const struct shown *shown, size_t most);
/* What the commits bring: secrets in plain text, notes that skip checks. */
void render_secrets(struct strbuf *out, const struct view *view);
void render_skips(struct strbuf *out, const struct view *view);
/* The folded block of one project; nothing when there is nothing to unfold. */
void render_block(struct strbuf *out, const struct view *view, const struct shown *shown,
	bool is_open, size_t most);
