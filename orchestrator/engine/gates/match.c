/* Is a rule meant for this project and this plan? Pure. */
#include "orchestrator/engine/gates/inside.h"

#include "orchestrator/lib/glob.h"

#include <string.h>

static bool is_among(const struct name_list *names, const char *text)
{
	for (size_t i = 0; i < names->count; i++) {
		if (person_is_same(names->list[i], text))
			return true;
	}
	return false;
}

static enum host_word has_label(const struct gate_facts *facts, const struct name_list *labels)
{
	const struct host_facts *host = facts->host;

	if (host == NULL || !host->has_labels)
		return WORD_UNKNOWN;
	for (size_t i = 0; i < host->label_count; i++) {
		if (is_among(labels, host->labels[i]))
			return WORD_YES;
	}
	return WORD_NO;
}

static int count_of(const struct plan_summary *plan, const char *action)
{
	const struct {
		const char *name;
		int count;
	} counts[] = { { "create", plan->create }, { "update", plan->update },
		{ "delete", plan->delete }, { "replace", plan->replace },
		{ "import", plan->import }, { "forget", plan->forget }, { "read", plan->read } };

	for (size_t i = 0; i < countof(counts); i++) {
		if (str_equal(counts[i].name, action))
			return counts[i].count;
	}
	return 1; /* an action that nobody knows is taken to be there */
}

/* "module.x[0].data.aws_iam_role.this[\"a.b\"]" is of the type aws_iam_role. */
static const char *type_of(const char *address, struct arena *arena)
{
	for (;;) {
		size_t length = strcspn(address, ".[");

		if (length == 6 && strncmp(address, "module", 6) == 0 && address[6] == '.') {
			address += 7;
			address += strcspn(address, ".[");
			if (*address == '[') { /* a key may hold dots and brackets */
				const char *end = strstr(address, address[1] == '"' ? "\"]" : "]");

				if (end == NULL)
					return "";
				address = end + (address[1] == '"' ? 2 : 1);
			}
			address += *address == '.';
			continue;
		}
		if (length == 4 && strncmp(address, "data", 4) == 0 && address[4] == '.') {
			address += 5;
			continue;
		}
		return arena_strndup(arena, address, length);
	}
}

static bool has_type(
	const struct plan_summary *plan, const struct name_list *types, struct arena *arena)
{
	struct glob_list list;
	struct err
		ignored; /* a pattern that is none, like a list that was cut, is taken to match */

	if (plan->resources_left_out > 0 || glob_list_compile(GLOB_NAME, "", types->list,
						    types->count, arena, &list, &ignored) < 0)
		return true;
	for (size_t i = 0; i < plan->resource_count; i++) {
		const char *type = type_of(plan->resources[i].address, arena);

		if (str_empty(type) || glob_list_find(&list, type) != NULL)
			return true;
	}
	return false;
}

static bool has_construct(const struct plan_summary *plan, const struct name_list *words)
{
	for (size_t i = 0; i < words->count; i++) {
		if (plan_constructs_have(&plan->constructs, words->list[i]))
			return true;
	}
	return words->count == 0;
}

static bool asks_plan(const struct approval_rule *rule)
{
	return rule->if_plan_actions.count > 0 || rule->if_resource_types.count > 0 ||
	       rule->if_more_than >= 0 || rule->if_runs_code || rule->if_plan_has.count > 0;
}

static bool plan_matches(
	const struct plan_summary *plan, const struct approval_rule *rule, struct arena *arena)
{
	int changed = plan->create + plan->update + plan->delete + plan->replace + plan->forget +
		      plan->import + plan->move;
	bool has_action = rule->if_plan_actions.count == 0;

	for (size_t i = 0; i < rule->if_plan_actions.count; i++)
		has_action = has_action || count_of(plan, rule->if_plan_actions.list[i]) > 0;
	return has_action &&
	       (rule->if_resource_types.count == 0 ||
		       has_type(plan, &rule->if_resource_types, arena)) &&
	       (rule->if_more_than < 0 || changed > rule->if_more_than) &&
	       has_construct(plan, &rule->if_plan_has) &&
	       (!rule->if_runs_code || plan_constructs_run_code(&plan->constructs));
}

enum host_word rule_matches(const struct gate_facts *facts, const struct gate_project *project,
	const struct approval_rule *rule, struct arena *arena, const char **ret_why)
{
	enum host_word labels = WORD_YES;

	*ret_why = "";
	if (rule->if_paths.count > 0) {
		*ret_why = "no such file is touched";
		return WORD_NO;
	}
	if (rule->if_authors.count > 0 && !is_among(&rule->if_authors, facts->author)) {
		*ret_why = "somebody else opened it";
		return WORD_NO;
	}
	if (asks_plan(rule) && project->plan != NULL && !plan_matches(project->plan, rule, arena)) {
		*ret_why = "the plan does nothing of that";
		return WORD_NO;
	}
	if (rule->if_labels.count > 0)
		labels = has_label(facts, &rule->if_labels);
	if (labels == WORD_NO) {
		*ret_why = "it has no such label";
		return WORD_NO;
	}
	if (labels == WORD_UNKNOWN) {
		*ret_why = "it is not known which labels the pull request has";
		return WORD_UNKNOWN;
	}
	if (asks_plan(rule) && project->plan == NULL) {
		*ret_why = "what the plan would do cannot be read";
		return WORD_UNKNOWN;
	}
	return WORD_YES;
}
