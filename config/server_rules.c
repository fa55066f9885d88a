/* One key after the other, so that no rule can forget one. */
#include "config/server_rules.h"

#include "orchestrator/lib/regex.h"

#include <string.h>

int server_rules_match(const char *pattern, const char *text, bool *ret_matches, struct err *err)
{
	_cleanup_regex_ struct regex *regex = NULL;
	size_t length = strlen(pattern);
	int r;

	if (length < 2 || pattern[0] != '/' || pattern[length - 1] != '/') {
		*ret_matches = str_equal(pattern, text);
		return 0;
	}
	r = regex_compile(pattern + 1, length - 2, &regex, err);
	return r < 0 ? r : regex_matches(regex, text, ret_matches, err);
}

static void append_hooks(struct arena *arena, struct hook **list, size_t *count,
	const struct hook *more, size_t more_count)
{
	for (size_t i = 0; i < more_count; i++) {
		*list = arena_push(arena, *list, *count, sizeof(**list));
		(*list)[(*count)++] = more[i];
	}
}

static void take_rule(struct arena *arena, struct server_rules *rules, const struct repo_rule *rule)
{
	if (rule->given & REPO_WORKFLOW)
		rules->workflow = rule->workflow;
	if (rule->given & REPO_PLAN_REQUIREMENTS)
		rules->plan_requires = rule->plan_requires;
	if (rule->given & REPO_APPLY_REQUIREMENTS)
		rules->apply_requires = rule->apply_requires;
	if (rule->given & REPO_IMPORT_REQUIREMENTS)
		rules->import_requires = rule->import_requires;
	if (rule->given & REPO_DELETE_SOURCE_BRANCH)
		rules->delete_source_branch = rule->delete_source_branch;
	if (rule->given & (REPO_LOCKING | REPO_LOCKS))
		rules->lock = rule->lock;
	if (rule->given & REPO_POLICY_CHECK)
		rules->policy_check = rule->policy_check;
	if (rule->given & REPO_CUSTOM_POLICY_CHECK)
		rules->custom_policy_check = rule->custom_policy_check;
	if (rule->given & REPO_COMPAT)
		rules->compat = rule->compat;
	if (rule->given & REPO_SILENCE) {
		rules->silence_plan = rule->silence_plan;
		rules->silence_apply = rule->silence_apply;
	}
	if (rule->given & REPO_BRANCH)
		rules->branch = rule->branch;
	if (rule->given & REPO_CONFIG_FILE)
		rules->config_file = rule->repo_config_file;
	if (rule->given & REPO_ALLOWED_WORKFLOWS)
		rules->allowed_workflows = rule->allowed_workflows;
	if (rule->given & REPO_ALLOWED_OVERRIDES)
		rules->allowed_overrides = rule->allowed_overrides;
	if (rule->given & REPO_CUSTOM_WORKFLOWS)
		rules->allow_custom_workflows = rule->allow_custom_workflows;
	if (rule->given & REPO_DISCOVER) {
		rules->has_discover = true;
		rules->discover = rule->discover;
		rules->discover_ignore = rule->discover_ignore;
	}
	append_hooks(arena, &rules->pre_hooks, &rules->pre_hook_count, rule->pre_hooks,
		rule->pre_hook_count);
	append_hooks(arena, &rules->post_hooks, &rules->post_hook_count, rule->post_hooks,
		rule->post_hook_count);
}

int server_rules_for(const struct settings *settings, const char *host, const char *repo,
	struct arena *arena, struct server_rules *ret, struct err *err)
{
	const char *id = arena_printf(arena, "%s/%s", host, repo);

	*ret = (struct server_rules){ .workflow = "default" };
	for (size_t i = 0; i < settings->repo_rule_count; i++) {
		const struct repo_rule *rule = &settings->repo_rules[i];
		bool matches = false;
		int r = server_rules_match(rule->id, id, &matches, err);

		if (r < 0)
			return err_wrap(err, "the rule %s of the server", rule->id);
		if (matches)
			take_rule(arena, ret, rule);
	}
	return 0;
}
