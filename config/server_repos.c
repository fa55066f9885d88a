/* What server.yaml shares with Atlantis' server-side file: `repos`, `policies`, `metrics`;
 * and `defaults`, which are flags there. */
#include "config/server_keys.h"

#include "config/repo_file.h"
#include "config/words.h"
#include "config/workflow_file.h"

#include <string.h>

/* ---- repos ---- */

#define RULE(field) offsetof(struct repo_rule, field)
#define GIVEN(bit)  .mark = (bit), .mark_at = RULE(given)

static const struct repo_rule plain_rule = {
	.id = "", .branch = "", .repo_config_file = "", .workflow = ""
};
const struct config_element server_repo = {
	.size = sizeof(struct repo_rule), .at = RULE(at), .initial = &plain_rule
};

static const struct config_key lock_keys[] = {
	{ "mode", CONFIG_ENUM, RULE(lock), .words = lock_words, .fallback = "on_plan",
		.help = "when a project begins to belong to one pull request" },
	{ 0 },
};

static const struct config_key rule_discover_keys[] = {
	{ "mode", CONFIG_ENUM, RULE(discover), .words = discover_words, .fallback = "auto",
		.help = "look for projects: only while none is listed, also beside those listed, "
			"never" },
	{ "ignore_paths", CONFIG_TEXTS, RULE(discover_ignore), .is_good = word_is_folder,
		.expected = "a pattern over folders", .help = "folders that are never projects" },
	{ 0 },
};

static const char *const compat_words[] = { "none", "atlantis", NULL };

const struct config_key server_repo_keys[] = {
	{ "id", CONFIG_TEXT, RULE(id), .is_required = true, .is_good = server_is_repo_id,
		.expected = "HOST/OWNER/REPO, or a regular expression between slashes, like /.*/",
		.help = "for which repositories; every entry that fits is applied, in this order" },
	{ "branch", CONFIG_TEXT, RULE(branch), .is_good = word_is_regex_between_slashes,
		.expected = "a regular expression between slashes, like /main/", GIVEN(REPO_BRANCH),
		.help = "only pull requests into such a branch are looked at" },
	{ "repo_config_file", CONFIG_TEXT, RULE(repo_config_file), .is_good = server_is_path_below,
		.expected = "a path inside the repository", GIVEN(REPO_CONFIG_FILE),
		.fallback = "sluice.yaml, else atlantis.yaml",
		.help = "the file in the repository" },
	{ "plan_requirements", CONFIG_BITS, RULE(plan_requires), .words = requirement_words,
		GIVEN(REPO_PLAN_REQUIREMENTS), .help = "what must hold before a plan is made" },
	{ "apply_requirements", CONFIG_BITS, RULE(apply_requires), .words = requirement_words,
		GIVEN(REPO_APPLY_REQUIREMENTS), .help = "what must hold before an apply" },
	{ "import_requirements", CONFIG_BITS, RULE(import_requires), .words = requirement_words,
		GIVEN(REPO_IMPORT_REQUIREMENTS), .help = "what must hold before an import" },
	{ "compat", CONFIG_ENUM, RULE(compat), .words = compat_words, GIVEN(REPO_COMPAT),
		.fallback = "none",
		.help = "`atlantis`: `approved` is what the host says of the pull request" },
	{ "workflow", CONFIG_TEXT, RULE(workflow), GIVEN(REPO_WORKFLOW), .fallback = "default",
		.help = "the workflow of projects that may not or do not name one" },
	{ "allowed_workflows", CONFIG_TEXTS, RULE(allowed_workflows), GIVEN(REPO_ALLOWED_WORKFLOWS),
		.help = "workflows of this file that a project may choose; else all" },
	{ "allowed_overrides", CONFIG_BITS, RULE(allowed_overrides), .words = repo_key_words,
		GIVEN(REPO_ALLOWED_OVERRIDES), .help = "what a repository may say for itself" },
	{ "allow_custom_workflows", CONFIG_BOOL, RULE(allow_custom_workflows),
		GIVEN(REPO_CUSTOM_WORKFLOWS), .fallback = "false",
		.help = "a repository may bring workflows, that is, commands of its own" },
	{ "pre_workflow_hooks", CONFIG_LIST, RULE(pre_hooks), .keys = hook_keys,
		.element = &hook_element, .count = RULE(pre_hook_count),
		.help = "commands before a plan chooses its projects, and before an apply; those "
			"of all entries add up. What they write is planned (Hooks, above)" },
	{ "post_workflow_hooks", CONFIG_LIST, RULE(post_hooks), .keys = hook_keys,
		.element = &hook_element, .count = RULE(post_hook_count),
		.is_shown_elsewhere = true,
		.help = "commands after all projects, with the same keys; those of all entries add "
			"up" },
	{ "delete_source_branch_on_merge", CONFIG_BOOL, RULE(delete_source_branch),
		GIVEN(REPO_DELETE_SOURCE_BRANCH), .fallback = "false",
		.help = "after an automerge" },
	{ "repo_locking", CONFIG_BOOL, RULE(repo_locking), GIVEN(REPO_LOCKING), .fallback = "true",
		.help = "older way to say `repo_locks`" },
	{ "repo_locks", CONFIG_MAP, .keys = lock_keys, GIVEN(REPO_LOCKS) },
	{ "policy_check", CONFIG_BOOL, RULE(policy_check), GIVEN(REPO_POLICY_CHECK),
		.help = "run policy checks" },
	{ "custom_policy_check", CONFIG_BOOL, RULE(custom_policy_check),
		GIVEN(REPO_CUSTOM_POLICY_CHECK), .fallback = "false",
		.help = "the steps of the workflow are the policy checks" },
	{ "autodiscover", CONFIG_MAP, .keys = rule_discover_keys, GIVEN(REPO_DISCOVER) },
	{ "silence_pr_comments", CONFIG_BITS, RULE(silence), .words = silence_words,
		GIVEN(REPO_SILENCE),
		.help = "no comment for these while they go well; statuses are said" },
	{ 0 },
};

/* ---- what are flags of Atlantis ---- */

static const char *const merge_words[] = { "merge", "rebase", "squash", NULL };

static const struct config_key default_discover_keys[] = {
	{ "mode", CONFIG_ENUM, AT(defaults.discover), .words = discover_words, .fallback = "auto",
		.help = "look for projects: only while none is listed, also beside those listed, "
			"never" },
	{ "ignore_paths", CONFIG_TEXTS, AT(defaults.discover_ignore), .is_good = word_is_folder,
		.expected = "a pattern over folders", .help = "folders that are never projects" },
	{ 0 },
};

const struct config_key server_default_keys[] = {
	{ "autoplan", CONFIG_BOOL, AT(defaults.autoplan), .fallback = "true",
		.help = "plan without being asked" },
	{ "autodiscover", CONFIG_MAP, .keys = default_discover_keys },
	{ "autoplan_files", CONFIG_TEXTS, AT(defaults.autoplan_files),
		.is_good = word_is_file_pattern,
		.expected = "a pattern over files, like **/*.tf or !docs/*",
		.help = "what makes a folder a project that is discovered" },
	{ "follow_modules", CONFIG_BOOL, AT(defaults.follow_modules), .fallback = "true",
		.help = "a changed local module plans its users" },
	{ "automerge", CONFIG_BOOL, AT(defaults.automerge), .fallback = "false",
		.help = "merge when everything is applied" },
	{ "merge_method", CONFIG_WORD, AT(defaults.merge_method), .words = merge_words,
		.help = "of an automerge; else as the host does it" },
	{ "parallel_plan", CONFIG_BOOL, AT(defaults.parallel_plan), .fallback = "true",
		.help = "projects of one group at the same time" },
	{ "parallel_apply", CONFIG_BOOL, AT(defaults.parallel_apply), .fallback = "false",
		.help = "the same for applies" },
	{ 0 },
};

/* ---- policies ---- */

#define SET(field) offsetof(struct policy_set, field)

static const char *const source_words[] = { "local", NULL };
static const struct policy_set plain_set = { .name = "", .path = "", .item_regex = "" };
static const struct config_element policy_set = {
	.size = sizeof(struct policy_set), .at = SET(at), .initial = &plain_set
};

#define OWNER_KEYS(place)                                                                          \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "users", CONFIG_TEXTS, place + offsetof(struct owners, users),                   \
			.help = "may let pass what policies found" },                              \
			{ "teams", CONFIG_TEXTS, place + offsetof(struct owners, teams),           \
				.help = "likewise, each of the team" },                            \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

static void take_source(const struct config_decoder *decoder, _unused_ const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, _unused_ void *base)
{
	(void)config_take_word(decoder, source_words, value, path);
}

static const struct config_key policy_set_keys[] = {
	{ "name", CONFIG_TEXT, SET(name), .is_required = true, .is_good = server_is_name,
		.expected = "letters, digits and ._-", .help = "for people and for commands" },
	{ "path", CONFIG_PATH, SET(path), .is_required = true,
		.help = "the folder with its rules, on this machine; conftest sees it and the "
			"plan, "
			"nothing else" },
	{ "source", CONFIG_OWN, .take = take_source, .expected = "`local`",
		.schema = "{\"enum\": [\"local\"]}", .fallback = "local",
		.help = "where the rules come from" },
	{ "owners", CONFIG_MAP, .keys = OWNER_KEYS(SET(owners)) },
	{ "approve_count", CONFIG_INT, SET(approve_count), 1, 20,
		.help = "how many owners; else that of all sets" },
	{ "sticky_policy_approvals", CONFIG_BOOL, SET(sticky),
		.help = "approvals outlive a plan that fails in the same items" },
	{ "policy_item_regex", CONFIG_TEXT, SET(item_regex), .is_good = server_is_regex,
		.expected = "a regular expression", .help = "what of the output is one item" },
	{ "prevent_self_approve", CONFIG_BOOL, SET(prevent_self_approve), .fallback = "false",
		.help = "who wrote the change does not count" },
	{ 0 },
};

const struct config_key server_policy_keys[] = {
	{ "conftest_version", CONFIG_TEXT, AT(policies.conftest_version),
		.is_good = word_is_version, .expected = "one version, like 0.56.0",
		.help = "of the pinned tools; else the conftest of tools.conftest, or of PATH" },
	{ "owners", CONFIG_MAP, .keys = OWNER_KEYS(AT(policies.owners)) },
	{ "approve_count", CONFIG_INT, AT(policies.approve_count), 1, 20, .fallback = "1",
		.help = "how many owners must let it pass" },
	{ "sticky_policy_approvals", CONFIG_BOOL, AT(policies.sticky), .fallback = "false",
		.help = "approvals outlive a plan that fails in the same items" },
	{ "policy_item_regex", CONFIG_TEXT, AT(policies.item_regex), .is_good = server_is_regex,
		.expected = "a regular expression", .fallback = "(?s).+",
		.help = "what of the output is one item" },
	{ "policy_sets", CONFIG_LIST, AT(policies.sets), .keys = policy_set_keys,
		.element = &policy_set, .count = AT(policies.set_count),
		.help = "the rules by name; each is asked where policy_check is on" },
	{ 0 },
};

/* ---- metrics ---- */

static const struct config_key statsd_keys[] = {
	{ "host", CONFIG_TEXT, AT(metrics.statsd_host), .is_required = true,
		.help = "where figures are sent, by UDP: those of /metrics by their names there, "
			"counters as what came since the last time, gauges, timings in "
			"milliseconds" },
	{ "port", CONFIG_TEXT, AT(metrics.statsd_port), .is_required = true,
		.is_good = server_is_port, .expected = "a number up to 65535", .help = "its port" },
	{ "tags", CONFIG_TEXTS, AT(metrics.statsd_tags), .is_good = server_is_tag,
		.expected = "name:value, of letters, digits and ._-/",
		.help = "go with each figure, as `|#name:value`; not every statsd knows them" },
	{ "every", CONFIG_DURATION, AT(metrics.statsd_every_ms), 100, 86400000, .fallback = "10s",
		.help = "how often" },
	{ 0 },
};

static const struct config_key prometheus_keys[] = {
	{ "endpoint", CONFIG_PATH, AT(metrics.prometheus_path), .fallback = "/metrics",
		.is_good = server_is_endpoint,
		.expected = "a path of letters, digits and ._-/ that no other door has",
		.help = "where figures are read; on the unix socket at /metrics, always" },
	{ 0 },
};

const struct config_key server_metrics_keys[] = {
	{ "statsd", CONFIG_MAP, .keys = statsd_keys },
	{ "prometheus", CONFIG_MAP, .keys = prometheus_keys },
	{ 0 },
};

/* ---- the whole ---- */

static bool has_workflow(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->workflow_count; i++) {
		if (str_equal(settings->workflows[i].name, name))
			return true;
	}
	return str_equal(name, "default");
}

static void check_workflow(const struct config_decoder *decoder, const struct settings *settings,
	const struct repo_rule *rule, const char *path, const char *name)
{
	struct config_nearest nearest = config_nearest(name);

	if (has_workflow(settings, name))
		return;
	for (size_t i = 0; i < settings->workflow_count; i++)
		config_nearest_offer(&nearest, settings->workflows[i].name);
	server_complain(decoder->errors, &rule->at, path,
		config_did_you_mean(decoder->errors, nearest.best),
		"there is no workflow \"%.60s\" below workflows", name);
}

static void finish_rule(const struct config_decoder *decoder, const struct settings *settings,
	struct repo_rule *rule, const char *path)
{
	if ((rule->given & REPO_LOCKING) != 0 && (rule->given & REPO_LOCKS) == 0)
		rule->lock = rule->repo_locking ? LOCK_ON_PLAN : LOCK_DISABLED;
	rule->silence_plan = (rule->silence & SILENCE_PLAN) != 0;
	rule->silence_apply = (rule->silence & SILENCE_APPLY) != 0;
	if ((rule->given & REPO_WORKFLOW) != 0)
		check_workflow(decoder, settings, rule,
			arena_printf(&decoder->errors->arena, "%s.workflow", path), rule->workflow);
	for (size_t i = 0; i < rule->allowed_workflows.count; i++)
		check_workflow(decoder, settings, rule,
			arena_printf(&decoder->errors->arena, "%s.allowed_workflows[%zu]", path, i),
			rule->allowed_workflows.list[i]);
	for (size_t i = 0; i < rule->pre_hook_count; i++)
		hook_finish(decoder, &rule->pre_hooks[i],
			arena_printf(
				&decoder->errors->arena, "%s.pre_workflow_hooks[%zu]", path, i));
	for (size_t i = 0; i < rule->post_hook_count; i++)
		hook_finish(decoder, &rule->post_hooks[i],
			arena_printf(
				&decoder->errors->arena, "%s.post_workflow_hooks[%zu]", path, i));
}

static void finish_policies(const struct config_decoder *decoder, struct policies *policies)
{
	for (size_t i = 0; i < policies->set_count; i++) {
		struct policy_set *set = &policies->sets[i];

		if (set->approve_count == 0)
			set->approve_count = policies->approve_count;
		if (set->item_regex[0] == '\0')
			set->item_regex = policies->item_regex;
		set->sticky = set->sticky || policies->sticky;
		for (size_t k = 0; k < i; k++) {
			if (str_equal(policies->sets[k].name, set->name))
				server_complain(decoder->errors, &set->at,
					arena_printf(&decoder->errors->arena,
						"policies.policy_sets[%zu].name", i),
					"", "an earlier set has this name");
		}
	}
}

void server_repos_finish(const struct config_decoder *decoder, struct settings *settings)
{
	for (size_t i = 0; i < settings->workflow_count; i++) {
		settings->workflows[i].origin = ORIGIN_SERVER;
		workflow_finish(decoder, &settings->workflows[i], false);
	}
	for (size_t i = 0; i < settings->repo_rule_count; i++)
		finish_rule(decoder, settings, &settings->repo_rules[i],
			arena_printf(&decoder->errors->arena, "repos[%zu]", i));
	finish_policies(decoder, &settings->policies);
}
