/* What must happen before an apply: one sentence, who was counted and who not, and how each rule
 * stands. The command to type stands there only when it would be taken. */
#include "orchestrator/engine/render_private.h"

static void put_votes(struct strbuf *out, const struct gate_verdict *gate)
{
	for (int counts = 1; counts >= 0; counts--) {
		bool is_first = true;

		for (size_t i = 0; i < gate->vote_count; i++) {
			const struct gate_vote *vote = &gate->votes[i];

			if (vote->counts != (counts == 1))
				continue;
			strbuf_puts(out,
				is_first ? (counts == 1 ? " Counted: " : " Not counted: ") : ", ");
			render_inline(out, vote->person);
			if (!vote->counts)
				strbuf_printf(out, " (%s)", vote->why);
			is_first = false;
		}
		if (!is_first)
			strbuf_puts(out, ".");
	}
	strbuf_puts(out, "\n");
}

/* Only where somebody wrote rules: the one that holds for all is said by the sentence. */
static void put_rules(struct strbuf *out, const struct gate_verdict *gate)
{
	static const char *const answers[] = {
		[RULE_HOLDS] = "yes", [RULE_FAILS] = "**no**", [RULE_SKIPPED] = "not asked"
	};
	bool has_own = false;

	for (size_t i = 0; i < gate->rule_count; i++)
		has_own = has_own || !gate->rules[i].is_builtin;
	if (!has_own)
		return;
	strbuf_puts(out, "\n| rule | for | holds | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < gate->rule_count; i++) {
		const struct gate_rule *rule = &gate->rules[i];

		strbuf_puts(out, "| ");
		if (!str_empty(rule->environment)) {
			render_inline(out, rule->environment);
			strbuf_puts(out, ": ");
		}
		render_inline(out, rule->name);
		strbuf_puts(out, " | ");
		render_inline(out, rule->projects);
		strbuf_printf(out, " | %s | ", answers[rule->answer]);
		render_inline(out, rule->text);
		strbuf_puts(out, " |\n");
	}
}

static void put_ready(struct strbuf *out, const struct view *view, int to_apply, int failed)
{
	const char *word = view->command_word;

	strbuf_puts(out, "**Ready.**");
	if (failed > 0)
		strbuf_printf(out,
			" Comment `%s apply -p NAME` to apply one of the %d that succeeded.", word,
			to_apply);
	else
		strbuf_printf(out, " Comment `%s apply` to apply %d project%s%s.", word, to_apply,
			to_apply == 1 ? "" : "s",
			to_apply == 1 ? "" : ", or add `-p NAME` for one");
	if (!str_empty(view->gate->not_by)) {
		strbuf_puts(out, " It must be asked for by somebody else than ");
		render_inline(out, view->gate->not_by);
		strbuf_puts(out, ", whose approval would not count then.");
	}
}

static void put_merge(struct strbuf *out, int to_apply, int to_merge, int failed)
{
	if (to_merge == 0)
		return;
	if (to_apply > 0)
		strbuf_printf(out, " The merge applies %d more.", to_merge);
	else if (failed > 0)
		strbuf_puts(out, "**Not ready.** What failed holds up the merge.");
	else
		strbuf_printf(out, "**Ready.** Merge it: that applies %d project%s.", to_merge,
			to_merge == 1 ? "" : "s");
}

void render_gates(
	struct strbuf *out, const struct view *view, int to_apply, int to_merge, int failed)
{
	if (view->gate->open) {
		if (to_apply > 0)
			put_ready(out, view, to_apply, failed);
		put_merge(out, to_apply, to_merge, failed);
	} else {
		strbuf_puts(out, to_apply > 0 ? "**To apply:** " : "**To merge:** ");
		render_inline(out, view->gate->missing);
		strbuf_putc(out, '.');
	}
	put_votes(out, view->gate);
	put_rules(out, view->gate);
}
