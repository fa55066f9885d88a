/* What policies said of one plan. */
#include "orchestrator/engine/render_private.h"

static const struct gate_rule *rule_of(const struct shown *shown, const char *set)
{
	const struct gate_verdict *policies = shown->view->policies;

	for (size_t i = 0; policies != NULL && i < policies->rule_count; i++) {
		if (str_equal(policies->rules[i].name, set))
			return &policies->rules[i];
	}
	return NULL;
}

const struct policy_result *render_against(const struct shown *shown)
{
	bool is_plan = shown->job->op == JOB_PLAN && shown->job->state == JOB_DONE;

	if (!is_plan || !shown->has_summary)
		return NULL;
	for (size_t i = 0; i < shown->summary.policies.count; i++) {
		const struct policy_result *result = &shown->summary.policies.list[i];
		const struct gate_rule *rule = rule_of(shown, result->name);

		if (result->failed > 0 && (rule == NULL || rule->answer != RULE_HOLDS))
			return result;
	}
	return NULL;
}

/* Who let it pass, and whose word does not count. */
static void put_owners(struct strbuf *out, const struct gate_rule *rule)
{
	if (rule == NULL)
		return;
	strbuf_puts(out, rule->answer == RULE_HOLDS ? "; let pass: " : "; owners: ");
	render_inline(out, rule->text);
	for (size_t i = 0; i < rule->vote_count; i++) {
		if (rule->votes[i].counts)
			continue;
		strbuf_puts(out, "; not counted: ");
		render_inline(out, rule->votes[i].person);
		strbuf_printf(out, " (%s)", rule->votes[i].why);
	}
}

static void put_words(struct strbuf *out, const char *kind, const char *const *words, size_t count,
	int all, size_t most)
{
	size_t i = 0;

	for (; i < count && out->length < most; i++) {
		strbuf_printf(out, "- %s: ", kind);
		render_inline(out, words[i]);
		strbuf_putc(out, '\n');
	}
	if (all > (int)i)
		strbuf_printf(out, "- and %d more %s\n", all - (int)i, kind);
}

static void put_counts(struct strbuf *out, const struct policy_result *result)
{
	const struct {
		int count;
		const char *before, *after;
	} counts[] = {
		{ result->failed, "**", " failed**" },
		{ result->warned, "", " warned" },
		{ result->excepted, "", " excepted" },
		{ result->passed, "", " passed" },
	};
	const char *comma = "";

	for (size_t i = 0; i < countof(counts); i++) {
		if (counts[i].count == 0)
			continue;
		strbuf_printf(
			out, "%s%s%d%s", comma, counts[i].before, counts[i].count, counts[i].after);
		comma = ", ";
	}
}

void render_policies(struct strbuf *out, const struct shown *shown, size_t most)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	const struct policy_results *results = &shown->summary.policies;
	size_t i = 0;

	for (; i < results->count && text.length < most; i++) {
		const struct policy_result *result = &results->list[i];

		strbuf_puts(&text, "\nPolicy set **");
		render_inline(&text, result->name);
		strbuf_puts(&text, "**: ");
		put_counts(&text, result);
		if (result->failed > 0)
			put_owners(&text, rule_of(shown, result->name));
		strbuf_puts(&text, "\n");
		if (result->failed + result->warned > 0)
			strbuf_putc(&text, '\n');
		put_words(&text, "failed", result->failures, result->failure_count, result->failed,
			most);
		put_words(&text, "warned", result->warnings, result->warning_count, result->warned,
			most);
	}
	if (i < results->count)
		strbuf_printf(&text, "\nand %zu more policy sets\n", results->count - i);
	strbuf_append(out, strbuf_text(&text), text.length);
}
