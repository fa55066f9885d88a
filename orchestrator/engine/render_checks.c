/* What checks said of one plan, and what the commits bring: what is new on top, the rest folded. */
#include "orchestrator/engine/render_private.h"

enum { SECRETS_SHOWN = 10, SKIPS_SHOWN = 10, SHORT = 7 };

static bool is_checked(const struct shown *shown)
{
	return shown->job->op == JOB_PLAN && shown->job->state == JOB_DONE && shown->has_summary &&
	       shown->summary.checked.count > 0;
}

const struct check_result *render_failing(const struct shown *shown)
{
	return is_checked(shown) ? check_results_against(&shown->summary.checked) : NULL;
}

/* ---- the column ---- */

void render_checks_cell(struct strbuf *out, const struct shown *shown)
{
	const char *comma = "";
	char text[100];

	for (size_t i = 0; is_checked(shown) && i < shown->summary.checked.count; i++) {
		const struct check_result *result = &shown->summary.checked.list[i];
		const char *bold = result->verdict >= CHECK_FAILED ? "**" : "";

		if (result->verdict == CHECK_PASSED)
			continue;
		strbuf_puts(out, comma);
		if (shown->summary.checked.count > 1) {
			render_inline(out, result->name);
			strbuf_puts(out, ": ");
		}
		strbuf_printf(
			out, "%s%s%s", bold, check_result_text(result, text, sizeof(text)), bold);
		comma = ", ";
	}
	if (*comma == '\0')
		strbuf_puts(out, is_checked(shown) ? "passed" : "–");
}

/* ---- the block ---- */

static void put_finding(struct strbuf *out, const struct check_finding *finding)
{
	strbuf_printf(out, "- **%s** ", severity_name(finding->severity));
	render_inline(out, finding->id);
	if (!str_empty(finding->title)) {
		strbuf_putc(out, ' ');
		render_inline(out, finding->title);
	}
	if (!str_empty(finding->resource)) {
		strbuf_puts(out, ", ");
		render_code(out, finding->resource);
	}
	if (!str_empty(finding->file)) {
		_cleanup_free_ char *place = finding->line > 0 ? mem_printf("%s:%d", finding->file,
									 finding->line)
							       : mem_strdup(finding->file);

		strbuf_puts(out, ", ");
		render_code(out, place);
	}
	strbuf_putc(out, '\n');
}

/* Those of one age, in the order that they have. */
static void put_findings(
	struct strbuf *out, const struct check_result *result, enum finding_age age, size_t most)
{
	size_t before = out->length;
	int shown = 0, all = check_result_count(result, age);

	for (size_t i = 0; i < result->finding_count && out->length - before < most; i++) {
		if (result->findings[i].age != age)
			continue;
		put_finding(out, &result->findings[i]);
		shown++;
	}
	if (all > shown)
		strbuf_printf(out, "- and %d more\n", all - shown);
}

static void put_rest(
	struct strbuf *out, const struct view *view, const struct check_result *result, size_t most)
{
	int old = check_result_count(result, FINDING_OLD),
	    skipped = check_result_count(result, FINDING_SKIPPED);

	if (old + skipped == 0)
		return;
	strbuf_puts(out, view->has_folds ? "\n<details><summary>" : "\n");
	if (old > 0)
		strbuf_printf(out, "%d that %s before", old, old == 1 ? "was there" : "were there");
	if (skipped > 0)
		strbuf_printf(out, "%s%d skipped beside the code", old > 0 ? ", " : "", skipped);
	strbuf_puts(out, view->has_folds ? "</summary>\n\n" : "\n\n");
	put_findings(out, result, FINDING_OLD, most);
	if (skipped > 0) {
		strbuf_puts(out, old > 0 ? "\nSkipped:\n\n" : "");
		put_findings(out, result, FINDING_SKIPPED, most);
	}
	strbuf_puts(out, view->has_folds ? "</details>\n" : "\n");
}

static void put_result(
	struct strbuf *out, const struct view *view, const struct check_result *result, size_t most)
{
	bool is_hard = result->verdict >= CHECK_FAILED;
	char text[100];

	strbuf_puts(out, "\nCheck **");
	render_inline(out, result->name);
	strbuf_puts(out, "**");
	if (!str_empty(result->tool) && !str_equal(result->tool, result->name)) {
		strbuf_puts(out, " (");
		render_inline(out, result->tool);
		strbuf_puts(out, ")");
	}
	strbuf_printf(out, ": %s%s%s", is_hard ? "**" : "",
		check_result_text(result, text, sizeof(text)), is_hard ? "**" : "");
	if (result->verdict == CHECK_SOFT)
		strbuf_puts(out, ", below the threshold");
	if (!str_empty(result->message)) {
		strbuf_puts(out, ": ");
		render_inline(out, result->message);
	}
	strbuf_puts(out, "\n");
	if (check_result_count(result, FINDING_NEW) > 0)
		strbuf_putc(out, '\n');
	put_findings(out, result, FINDING_NEW, most);
	put_rest(out, view, result, most / 2);
}

void render_checks(
	struct strbuf *out, const struct view *view, const struct shown *shown, size_t most)
{
	const struct check_results *results = &shown->summary.checked;

	for (size_t i = 0; i < results->count; i++)
		put_result(out, view, &results->list[i], most / results->count);
}

/* ---- what the commits bring ---- */

static void put_place(struct strbuf *out, const char *path, int line)
{
	_cleanup_free_ char *place = line > 0 ? mem_printf("%s:%d", path, line) : mem_strdup(path);

	render_code(out, place);
}

void render_secrets(struct strbuf *out, const struct view *view)
{
	const struct prepared *prepared = view->gate == NULL ? NULL : view->gate->prepared;
	size_t i = 0, all;

	if (prepared == NULL || prepared->secret_count == 0)
		return;
	all = prepared->secret_count + prepared->secrets_left_out;
	strbuf_printf(out,
		"> [!CAUTION]\n> **%zu secret%s in plain text.** Whoever can read this branch can "
		"read %s: make the value%s worthless first, then take %s out of every commit.\n\n",
		all, all == 1 ? "" : "s", all == 1 ? "it" : "them", all == 1 ? "" : "s",
		all == 1 ? "it" : "them");
	for (; i < prepared->secret_count && i < SECRETS_SHOWN; i++) {
		const struct plain_secret *one = &prepared->secrets[i];

		strbuf_puts(out, "- ");
		put_place(out, one->path, one->line);
		strbuf_puts(out, " ");
		render_inline(out, one->rule);
		strbuf_printf(out, ", since `%.*s`", SHORT, one->commit);
		strbuf_puts(out, one->is_gone ? ", removed later: still in the history\n" : "\n");
	}
	if (all > i)
		strbuf_printf(out, "- and %zu more\n", all - i);
	strbuf_putc(out, '\n');
}

void render_skips(struct strbuf *out, const struct view *view)
{
	const struct prepared *prepared = view->gate == NULL ? NULL : view->gate->prepared;
	size_t i = 0, all;

	if (prepared == NULL || prepared->skip_count == 0)
		return;
	all = prepared->skip_count + prepared->skips_left_out;
	strbuf_printf(out, "%zu new note%s beside the code %s checks pass over something:\n\n", all,
		all == 1 ? "" : "s", all == 1 ? "makes" : "make");
	for (; i < prepared->skip_count && i < SKIPS_SHOWN; i++) {
		strbuf_puts(out, "- ");
		render_inline(out, prepared->skips[i].id);
		strbuf_puts(out, " in ");
		put_place(out, prepared->skips[i].path, prepared->skips[i].line);
		strbuf_putc(out, '\n');
	}
	if (all > i)
		strbuf_printf(out, "- and %zu more\n", all - i);
	strbuf_putc(out, '\n');
}
