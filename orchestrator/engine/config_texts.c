/* The configuration in words. Every field that changes what holds is in the text of its part. */
#include "orchestrator/engine/config_texts.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/steps.h"

enum { TEXT_MAX = 256 << 10 };

static void put_word(struct strbuf *out, const char *word)
{
	strbuf_printf(out, "%s%s", out->length == 0 ? "" : ", ", word);
}

static void put_list(struct strbuf *out, const char *before, const struct name_list *names)
{
	for (size_t i = 0; i < names->count; i++)
		strbuf_printf(out, "%s%s", i == 0 ? before : " or ", names->list[i]);
}

static const char *take(struct strbuf *text, struct arena *arena)
{
	return arena_strdup(arena, strbuf_text(text));
}

const char *text_of_names(const struct name_list *names, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);

	for (size_t i = 0; i < names->count; i++)
		put_word(&out, names->list[i]);
	return take(&out, arena);
}

const char *text_of_requirements(unsigned bits, struct arena *arena)
{
	static const struct {
		unsigned bit;
		const char *name;
	} requirements[] = {
		{ REQUIRE_APPROVED, "approved" },
		{ REQUIRE_MERGEABLE, "mergeable" },
		{ REQUIRE_UNDIVERGED, "undiverged" },
		{ REQUIRE_POLICIES_PASSED, "policies_passed" },
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);

	for (size_t i = 0; i < countof(requirements); i++)
		if ((bits & requirements[i].bit) != 0)
			put_word(&out, requirements[i].name);
	return take(&out, arena);
}

/* ---- workflows ---- */

static void put_step(struct strbuf *out, const struct step *step)
{
	char time[CLOCK_TEXT_MAX];

	put_word(out, step_kind_name(step->kind));
	for (size_t i = 0; i < step->extra_arg_count; i++)
		strbuf_printf(out, " %s", step->extra_args[i]);
	if (!str_empty(step->name))
		strbuf_printf(out, " %s", step->name);
	if (step->value != NULL)
		strbuf_printf(out, "=%s", step->value);
	if (!str_empty(step->command))
		strbuf_printf(out, " `%s`", step->command);
	if (!str_empty(step->shell) && !str_equal(step->shell, "sh"))
		strbuf_printf(out, " (%s)", step->shell);
	for (size_t i = 0; i < step->shell_arg_count; i++)
		if (!str_equal(step->shell_args[i], "-c") || step->shell_arg_count > 1)
			strbuf_printf(out, " (%s)", step->shell_args[i]);
	if (step->output & OUTPUT_HIDE)
		strbuf_puts(out, " (hidden)");
	if (step->output & OUTPUT_STRIP_REFRESHING)
		strbuf_puts(out, " (without refreshing)");
	for (size_t i = 0; i < step->filter_count; i++)
		strbuf_printf(out, " (without /%s/)", step->filters[i]);
	if (step->timeout_ms > 0)
		strbuf_printf(out, " (at most %s)", clock_duration_text(step->timeout_ms, time));
}

const char *text_of_stage(const struct workflow *workflow, enum stage stage, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);
	const struct steps *steps = workflow == NULL ? NULL : &workflow->stages[stage];

	if (steps == NULL || !steps->is_given)
		return "as by default";
	for (size_t i = 0; i < steps->count; i++)
		put_step(&out, &steps->list[i]);
	return steps->count == 0 ? "nothing" : take(&out, arena);
}

/* ---- environments ---- */

static void put_people(struct strbuf *out, const struct people_rule *rule)
{
	strbuf_printf(out, "%d", rule->count);
	put_list(out, " of team ", &rule->teams);
	put_list(out, rule->teams.count > 0 ? " or of " : " of ", &rule->users);
	if (rule->has_owners)
		strbuf_puts(out, rule->teams.count + rule->users.count > 0 ? " or of code owners"
									   : " of code owners");
}

const char *text_of_people(const struct people_rule *rule, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);

	if (rule->count > 0)
		put_people(&out, rule);
	return take(&out, arena);
}

static void put_conditions(struct strbuf *out, const struct approval_rule *rule)
{
	const struct {
		const char *before;
		const struct name_list *names;
	} lists[] = {
		{ " if a path is ", &rule->if_paths },
		{ " if a label is ", &rule->if_labels },
		{ " if the author is ", &rule->if_authors },
		{ " if an action is ", &rule->if_plan_actions },
		{ " if a resource is ", &rule->if_resource_types },
		{ " if the plan has a ", &rule->if_plan_has },
	};

	for (size_t i = 0; i < countof(lists); i++)
		put_list(out, lists[i].before, lists[i].names);
	if (rule->if_more_than >= 0)
		strbuf_printf(out, " if more than %d change", rule->if_more_than);
	if (rule->if_runs_code)
		strbuf_puts(out, " if the plan runs code");
}

static void put_exclusions(struct strbuf *out, unsigned bits)
{
	static const char *const names[] = { "author", "committers", "initiator", "bots" };

	for (size_t i = 0; i < countof(names); i++)
		if ((bits & 1U << i) != 0)
			strbuf_printf(out, " not %s", names[i]);
}

const char *text_of_approvals(const struct environment *environment, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);

	for (size_t i = 0; i < environment->approval_count; i++) {
		const struct approval_rule *rule = &environment->approvals[i];

		put_word(&out, rule->name);
		strbuf_puts(&out, ": ");
		put_people(&out, &rule->require);
		for (size_t k = 0; k < rule->including_count; k++) {
			strbuf_puts(&out, " with ");
			put_people(&out, &rule->including[k]);
		}
		put_conditions(&out, rule);
		put_exclusions(&out, rule->exclude);
		if (!rule->binds_to_plan)
			strbuf_puts(&out, " for any plan of the head");
	}
	return take(&out, arena);
}

const char *text_of_freezes(const struct environment *environment, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);
	char time[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < environment->freeze_count; i++) {
		const struct freeze *freeze = &environment->freezes[i];

		put_word(&out, freeze->cron);
		strbuf_printf(&out, " for %s (%s) %s", clock_duration_text(freeze->for_ms, time),
			freeze->timezone, freeze->reason);
	}
	return take(&out, arena);
}

const char *text_of_drift(const struct environment *environment, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_MAX);
	const struct drift_rule *drift = &environment->drift;
	char time[CLOCK_TEXT_MAX];

	if (str_empty(drift->schedule))
		return "";
	strbuf_printf(&out, "%s (%s) spread over %s", drift->schedule, drift->timezone,
		clock_duration_text(drift->spread_ms, time));
	put_list(&out, ", tells ", &drift->notify);
	return take(&out, arena);
}
