/* The keys of a repository's file: those of Atlantis, then our own. */
#include "config/repo_file.h"

#include "config/schema.h"
#include "config/words.h"
#include "config/workflow_file.h"
#include "orchestrator/model/plan_constructs.h"

#include <string.h>

const char *const repo_key_words[] = { "workflow", "plan_requirements", "apply_requirements",
	"import_requirements", "delete_source_branch_on_merge", "repo_locking", "repo_locks",
	"policy_check", "custom_policy_check", "silence_pr_comments", NULL };
const char *const requirement_words[] = { "approved", "mergeable", "undiverged", "policies_passed",
	NULL };

const char *const lock_words[] = { "on_plan", "on_apply", "disabled", NULL };
const char *const discover_words[] = { "auto", "enabled", "disabled", NULL };
const char *const silence_words[] = { "plan", "apply", NULL };
static const char *const distribution_words[] = { "terraform", "opentofu", NULL };
static const char *const kind_words[] = { "terraform", "opentofu", "kustomize", "helm", "manifests",
	NULL };
static const char *const threshold_words[] = { "low", "medium", "high", "critical", NULL };
static const char *const exclude_words[] = { "author", "committers", "initiator", "bots", NULL };
static const char *const action_words[] = { "create", "update", "delete", "replace", "import",
	"forget", "read", NULL };

enum { SECOND = 1000, MINUTE = 60 * SECOND, PEOPLE_MAX = 20, GROUPS = 1000000 };
#define DAYS(n) ((int64_t)(n)*24 * 60 * MINUTE)

/* ---- what holds for the repository and for one project ---- */

#define LOCK_KEYS(type, field)                                                                     \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "mode", CONFIG_ENUM, offsetof(type, field), LOCK_ON_PLAN, .words = lock_words,   \
			.fallback = "on_plan",                                                     \
			.help = "when a project begins to belong to one pull request" },           \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/* ---- projects ---- */

#define IN(field)   offsetof(struct project_file, config.field)
#define GIVEN(name) .mark = (name), .mark_at = offsetof(struct project_file, given)
#define REQUIREMENTS(when, field, name, text)                                                      \
	{                                                                                          \
		when, CONFIG_BITS, IN(field), .words = requirement_words, GIVEN(name),             \
					      .help = text                                         \
	}

static const struct config_key autoplan_keys[] = {
	{ "enabled", CONFIG_BOOL, IN(autoplan), .fallback = "true",
		.help = "plan without being asked" },
	{ "when_modified", CONFIG_TEXTS, IN(when_modified), .is_good = word_is_file_pattern,
		.expected = "a pattern over files, like **/*.tf or !docs/*",
		.fallback = "**/*.tf*, **/*.tofu, **/*.tofu.json, **/terragrunt.hcl, "
			    "**/.terraform.lock.hcl",
		.help = "files that matter to it, as seen from `dir`; in this order, `!` takes out "
			"again" },
	{ 0 },
};

static const struct config_key project_keys[] = {
	{ "name", CONFIG_TEXT, IN(name), .is_good = word_is_project,
		.expected = "letters, digits and -_.~/",
		.help = "for `-p` and for people; two projects of one folder and workspace need "
			"one" },
	{ "branch", CONFIG_TEXT, IN(branch), .is_good = word_is_regex_between_slashes,
		.expected = "a regular expression between slashes, like /main/",
		.help = "only for pull requests into such a branch" },
	{ "dir", CONFIG_TEXT, IN(dir), .is_required = true, .is_good = word_is_folder,
		.expected = "a folder inside the repository, like infra/network or apps/*",
		.help = "its folder, or a pattern over folders" },
	{ "workspace", CONFIG_TEXT, IN(workspace), .is_good = word_is_workspace,
		.is_empty_fine = true,
		.expected = "a workspace without /, \\, .., $, blanks and a leading - or ~",
		.fallback = "default", .help = "Terraform workspace" },
	{ "workflow", CONFIG_TEXT, IN(workflow), GIVEN(REPO_WORKFLOW), .fallback = "default",
		.help = "what is done at each stage; restricted" },
	{ "terraform_distribution", CONFIG_WORD, offsetof(struct project_file, distribution),
		.words = distribution_words, .help = "the same as `kind`" },
	{ "terraform_version", CONFIG_TEXT, IN(tool_version), .is_good = word_may_be_version,
		.expected = "one version, like 1.5.7 or v1.5.7", .help = "of the tool, exactly" },
	{ "autoplan", CONFIG_MAP, .keys = autoplan_keys },
	REQUIREMENTS("plan_requirements", plan_requires, REPO_PLAN_REQUIREMENTS,
		"what must hold before a plan is made; restricted"),
	REQUIREMENTS("apply_requirements", apply_requires, REPO_APPLY_REQUIREMENTS,
		"what must hold before an apply; restricted"),
	REQUIREMENTS("import_requirements", import_requires, REPO_IMPORT_REQUIREMENTS,
		"what must hold before an import; restricted"),
	{ "depends_on", CONFIG_TEXTS, IN(depends_on),
		.help = "names of projects that come first, at plan and at apply" },
	{ "execution_order_group", CONFIG_INT, IN(order_group), -GROUPS, GROUPS, .fallback = "0",
		.help = "lower groups come first" },
	{ "delete_source_branch_on_merge", CONFIG_BOOL, IN(delete_source_branch),
		GIVEN(REPO_DELETE_SOURCE_BRANCH), .help = "restricted" },
	{ "repo_locking", CONFIG_BOOL, offsetof(struct project_file, repo_locking),
		GIVEN(REPO_LOCKING), .help = "older way to say `repo_locks`; restricted" },
	{ "repo_locks", CONFIG_MAP, .keys = LOCK_KEYS(struct project_file, config.lock),
		GIVEN(REPO_LOCKS) },
	{ "policy_check", CONFIG_BOOL, IN(policy_check), GIVEN(REPO_POLICY_CHECK),
		.help = "run policy checks; restricted" },
	{ "custom_policy_check", CONFIG_BOOL, IN(custom_policy_check),
		GIVEN(REPO_CUSTOM_POLICY_CHECK),
		.help = "the steps of the workflow are the policy checks; restricted" },
	{ "silence_pr_comments", CONFIG_BITS, offsetof(struct project_file, silence),
		.words = silence_words, GIVEN(REPO_SILENCE),
		.help = "no comment for these while they go well; restricted" },
	/* our own */
	{ "kind", CONFIG_WORD, IN(kind), .words = kind_words, .is_native = true, .is_guard = true,
		.fallback = "terraform", .help = "what stands in the folder" },
	{ "environment", CONFIG_TEXT, IN(environment), .is_native = true, .is_guard = true,
		.help = "whose guards hold for it" },
	{ "checks", CONFIG_TEXTS, IN(checks), .most = 100, .is_native = true, .is_guard = true,
		.help = "what looks at each plan: secrets, conftest, or a check of the server" },
	{ "owners", CONFIG_TEXTS, IN(owners), .most = 100, .is_native = true, .is_guard = true,
		.is_one_or_list = true, .is_good = word_is_person, .expected = "a user, or @TEAM",
		.help = "people or @teams one of whom must have approved" },
	{ 0 },
};

static const struct project_file plain_project = {
	.config = { .name = "",
		.dir = ".",
		.branch = "",
		.workspace = "default",
		.kind = "",
		.tool_version = "",
		.environment = "",
		.workflow = "default",
		.autoplan = true },
	.repo_locking = true,
};

static const struct config_element project_element = { .size = sizeof(struct project_file),
	.at = IN(at),
	.node = offsetof(struct project_file, node),
	.initial = &plain_project };

/* ---- environments ---- */

#define PEOPLE_KEYS(type, field, least_people)                                                     \
	{ "count", CONFIG_INT, offsetof(type, field.count), least_people, PEOPLE_MAX,              \
		.is_guard = true, .fallback = "1", .help = "how many different people" },          \
		{ "team", CONFIG_TEXTS, offsetof(type, field.teams), .is_one_or_list = true,       \
			.is_guard = true, .help = "of these teams" },                              \
	{                                                                                          \
		"user", CONFIG_TEXTS, offsetof(type, field.users),                                 \
			.is_one_or_list = true, .is_guard = true, .help = "or these people"        \
	}

struct people_part { /* an element of `including` */
	struct people_rule rule;
};

#define OF_RULE(field) offsetof(struct approval_rule, field)

static const struct config_key from_keys[] = {
	{ "team", CONFIG_TEXTS, offsetof(struct approval_rule, require.teams),
		.is_one_or_list = true, .is_guard = true,
		.help = "only approvals of these teams count" },
	{ "user", CONFIG_TEXTS, offsetof(struct approval_rule, require.users),
		.is_one_or_list = true, .is_guard = true,
		.help = "or of these people; nobody named: all who may write" },
	{ "codeowners", CONFIG_BOOL, OF_RULE(require.has_owners), .is_guard = true,
		.help = "or of who owns what is changed, by CODEOWNERS of the base branch: one of "
			"each line that speaks of it" },
	{ 0 },
};

static const struct config_key part_keys[] = {
	PEOPLE_KEYS(struct people_part, rule, 1),
	{ "codeowners", CONFIG_BOOL, offsetof(struct people_part, rule.has_owners),
		.is_guard = true, .help = "or who owns what is changed, of each line for itself" },
	{ 0 },
};

static const struct people_part one_of_them = { .rule = { .count = 1 } };
static const struct config_element part_element = { .size = sizeof(struct people_part),
	.initial = &one_of_them };

static const struct config_key require_keys[] = {
	{ "count", CONFIG_INT, OF_RULE(require.count), 1, PEOPLE_MAX, .is_guard = true,
		.fallback = "1", .help = "how many different people" },
	{ "from", CONFIG_MAP, .keys = from_keys, .is_guard = true },
	{ "including", CONFIG_LIST, OF_RULE(including), .keys = part_keys, .element = &part_element,
		.count = OF_RULE(including_count), .is_guard = true, .help = "and among them" },
	{ 0 },
};

static const struct config_key if_plan_keys[] = {
	{ "any_action", CONFIG_TEXTS, OF_RULE(if_plan_actions), .words = action_words,
		.is_one_or_list = true, .is_guard = true,
		.help = "the plan does one of these to some resource" },
	{ "any_type", CONFIG_TEXTS, OF_RULE(if_resource_types), .is_one_or_list = true,
		.is_guard = true, .help = "it changes a resource of such a type, `aws_iam_*`" },
	{ "more_than", CONFIG_INT, OF_RULE(if_more_than), 0, GROUPS, .is_guard = true,
		.help = "it changes more than so many resources" },
	{ "runs_code", CONFIG_BOOL, OF_RULE(if_runs_code), .is_guard = true,
		.help = "it has a provisioner, a program, a call of an address or an action" },
	{ "has", CONFIG_TEXTS, OF_RULE(if_plan_has), .words = plan_construct_words,
		.is_one_or_list = true, .is_guard = true,
		.help = "it has one of these; module: one from elsewhere" },
	{ 0 },
};

static const struct config_key if_keys[] = {
	{ "plan", CONFIG_MAP, .keys = if_plan_keys, .is_guard = true },
	{ "paths", CONFIG_TEXTS, OF_RULE(if_paths), .is_one_or_list = true, .is_guard = true,
		.is_good = word_is_file_pattern, .expected = "a pattern over files",
		.help = "the pull request touches such a file" },
	{ "labels", CONFIG_TEXTS, OF_RULE(if_labels), .is_one_or_list = true, .is_guard = true,
		.help = "it has such a label" },
	{ "authors", CONFIG_TEXTS, OF_RULE(if_authors), .is_one_or_list = true, .is_guard = true,
		.help = "such a person opened it" },
	{ 0 },
};

static const struct config_key approval_keys[] = {
	{ "name", CONFIG_TEXT, OF_RULE(name), .is_required = true, .is_guard = true,
		.help = "what people are told is missing" },
	{ "if", CONFIG_MAP, .keys = if_keys, .is_guard = true },
	{ "require", CONFIG_MAP, .keys = require_keys, .is_required = true, .is_guard = true },
	{ "exclude", CONFIG_BITS, OF_RULE(exclude), .words = exclude_words, .is_guard = true,
		.fallback = "author, committers, initiator, bots",
		.help = "whose approvals do not count" },
	{ "binds_to_plan", CONFIG_BOOL, OF_RULE(binds_to_plan), .is_guard = true,
		.fallback = "true",
		.help = "an approval counts only when it is later than the plan" },
	{ 0 },
};

static const struct approval_rule plain_approval = { .name = "",
	.if_more_than = -1,
	.require = { .count = 1 },
	.exclude = EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_INITIATOR | EXCLUDE_BOTS,
	.binds_to_plan = true };

static const struct config_element approval_element = {
	.size = sizeof(struct approval_rule), .at = OF_RULE(at), .initial = &plain_approval
};

#define ZONE "a time zone like Europe/Berlin"

static const struct config_key freeze_keys[] = {
	{ "cron", CONFIG_TEXT, offsetof(struct freeze, cron), .is_required = true, .is_guard = true,
		.check = word_check_cron, .help = "when it begins" },
	{ "for", CONFIG_DURATION, offsetof(struct freeze, for_ms), MINUTE, DAYS(366),
		.is_required = true, .is_guard = true, .help = "how long no apply starts" },
	{ "timezone", CONFIG_TEXT, offsetof(struct freeze, timezone), .is_guard = true,
		.is_good = word_is_zone, .expected = ZONE, .fallback = "UTC", .help = "of `cron`" },
	{ "reason", CONFIG_TEXT, offsetof(struct freeze, reason), .is_guard = true,
		.help = "what people are told" },
	{ 0 },
};

static const struct freeze plain_freeze = { .cron = "", .timezone = "UTC", .reason = "" };
static const struct config_element freeze_element = {
	.size = sizeof(struct freeze), .at = offsetof(struct freeze, at), .initial = &plain_freeze
};

#define OF_ENVIRONMENT(field) offsetof(struct environment_file, environment.field)

static const struct config_key drift_keys[] = {
	{ "schedule", CONFIG_TEXT, OF_ENVIRONMENT(drift.schedule), .is_required = true,
		.is_guard = true, .check = word_check_cron, .help = "when drift is looked for" },
	{ "timezone", CONFIG_TEXT, OF_ENVIRONMENT(drift.timezone), .is_guard = true,
		.is_good = word_is_zone, .expected = ZONE, .fallback = "UTC",
		.help = "of `schedule`" },
	{ "spread", CONFIG_DURATION, OF_ENVIRONMENT(drift.spread_ms), 0, DAYS(1), .is_guard = true,
		.help = "projects begin somewhere in this time" },
	{ "notify", CONFIG_TEXTS, OF_ENVIRONMENT(drift.notify), .is_one_or_list = true,
		.is_guard = true, .help = "where the message goes, `slack:#platform`" },
	{ 0 },
};

static const struct config_key break_glass_keys[] = {
	{ "team", CONFIG_TEXTS, OF_ENVIRONMENT(break_glass.people.teams), .is_one_or_list = true,
		.is_guard = true, .help = "people of these teams" },
	{ "user", CONFIG_TEXTS, OF_ENVIRONMENT(break_glass.people.users), .is_one_or_list = true,
		.is_guard = true, .help = "or these people; nobody named: nobody" },
	{ "second", CONFIG_BOOL, OF_ENVIRONMENT(break_glass.needs_second), .is_guard = true,
		.fallback = "true", .help = "another of them has approved the plan" },
	{ 0 },
};

static const struct config_key environment_keys[] = {
	{ "approvals", CONFIG_LIST, OF_ENVIRONMENT(approvals), .most = 100, .keys = approval_keys,
		.element = &approval_element, .count = OF_ENVIRONMENT(approval_count),
		.is_guard = true, .help = "every rule that matches must hold before an apply" },
	{ "freeze", CONFIG_LIST, OF_ENVIRONMENT(freezes), .keys = freeze_keys,
		.element = &freeze_element, .count = OF_ENVIRONMENT(freeze_count), .is_guard = true,
		.help = "times without applies" },
	{ "break_glass", CONFIG_MAP, .keys = break_glass_keys, .is_guard = true },
	{ "credentials", CONFIG_TEXT, OF_ENVIRONMENT(credentials), .is_guard = true,
		.help = "profile of the server's configuration" },
	{ "drift", CONFIG_MAP, .keys = drift_keys, .is_guard = true,
		.help = "when the state is compared with the world" },
	{ 0 },
};

static const struct environment_file plain_environment = {
	.environment = { .credentials = "",
		.break_glass = { .people = { .count = 1 }, .needs_second = true },
		.drift = { .schedule = "", .timezone = "UTC" } }
};
static const struct config_element environment_element = { .size = sizeof(struct environment_file),
	.name = OF_ENVIRONMENT(name),
	.at = OF_ENVIRONMENT(at),
	.node = offsetof(struct environment_file, node),
	.initial = &plain_environment };

/* ---- discovery and checks ---- */

#define OF_DISCOVER(field) offsetof(struct discover_file, rule.field)

static const struct config_key discover_keys[] = {
	{ "kind", CONFIG_WORD, OF_DISCOVER(kind), .words = kind_words, .is_guard = true,
		.help = "what stands in such a folder; the server's tool when it is left out" },
	{ "dirs", CONFIG_TEXTS, OF_DISCOVER(dirs), .most = 100, .is_required = true,
		.is_one_or_list = true, .is_guard = true, .is_good = word_is_folder,
		.expected = "a pattern over folders, like services/*/overlays/*",
		.help = "each folder that matches is a project" },
	{ "exclude", CONFIG_TEXTS, OF_DISCOVER(exclude), .most = 100, .is_one_or_list = true,
		.is_guard = true, .is_good = word_is_folder, .expected = "a pattern over folders",
		.help = "but these" },
	{ "name", CONFIG_TEXT, OF_DISCOVER(name), .is_guard = true,
		.help = "its name; {1}, {2} are what the stars of `dirs` matched" },
	{ "environment", CONFIG_TEXT, OF_DISCOVER(environment), .is_guard = true,
		.help = "whose guards hold for it, also with {1}" },
	{ "workflow", CONFIG_TEXT, OF_DISCOVER(workflow), .is_guard = true, .fallback = "default",
		.help = "what is done at each stage; restricted" },
	{ 0 },
};

static const struct discover_file plain_discover = {
	.rule = { .kind = "", .name = "", .environment = "", .workflow = "default" }
};
static const struct config_element discover_element = { .size = sizeof(struct discover_file),
	.at = OF_DISCOVER(at),
	.node = offsetof(struct discover_file, node),
	.initial = &plain_discover };

static const struct config_key skip_keys[] = {
	PEOPLE_KEYS(struct check_config, skip_needs, 1),
	{ 0 },
};

static const struct config_key check_keys[] = {
	{ "threshold", CONFIG_WORD, offsetof(struct check_config, threshold),
		.words = threshold_words, .is_guard = true,
		.help = "findings below it do not fail; without it any does" },
	{ "skip_needs", CONFIG_MAP, .keys = skip_keys, .is_guard = true },
	{ 0 },
};

static const struct check_config plain_check = { .threshold = "" };
static const struct config_element check_element = { .size = sizeof(struct check_config),
	.name = offsetof(struct check_config, name),
	.at = offsetof(struct check_config, at),
	.initial = &plain_check };

/* ---- the file ---- */

#define OF_FILE(field) offsetof(struct repo_file, field)
#undef GIVEN
#define GIVEN(name) .mark = (name), .mark_at = OF_FILE(given)

static void ignore(_unused_ const struct config_decoder *decoder,
	_unused_ const struct config_key *key, _unused_ const struct yaml_node *value,
	_unused_ const struct config_path *path, _unused_ void *base)
{
}

static const struct config_key autodiscover_keys[] = {
	{ "mode", CONFIG_ENUM, OF_FILE(discover), DISCOVER_AUTO, .words = discover_words,
		GIVEN(FILE_DISCOVER_MODE), .fallback = "auto",
		.help = "look for projects: only while none is listed, also beside those listed, "
			"never" },
	{ "ignore_paths", CONFIG_TEXTS, OF_FILE(discover_ignore), .is_good = word_is_folder,
		.expected = "a pattern over folders", .help = "folders that are never projects" },
	{ 0 },
};

static const struct config_key file_keys[] = {
	{ "version", CONFIG_INT, OF_FILE(version), 2, 3, .is_required = true,
		.help = "3; 2 for files that are older" },
	{ "automerge", CONFIG_BOOL, OF_FILE(automerge), GIVEN(FILE_AUTOMERGE), .fallback = "false",
		.help = "merge when everything is applied" },
	{ "autodiscover", CONFIG_MAP, .keys = autodiscover_keys },
	{ "delete_source_branch_on_merge", CONFIG_BOOL, OF_FILE(delete_source_branch),
		GIVEN(REPO_DELETE_SOURCE_BRANCH), .fallback = "false",
		.help = "after an automerge" },
	{ "parallel_plan", CONFIG_BOOL, OF_FILE(parallel_plan), GIVEN(FILE_PARALLEL_PLAN),
		.fallback = "true", .help = "projects of one group at the same time" },
	{ "parallel_apply", CONFIG_BOOL, OF_FILE(parallel_apply), GIVEN(FILE_PARALLEL_APPLY),
		.fallback = "false", .help = "the same for applies" },
	{ "abort_on_execution_order_fail", CONFIG_BOOL, OF_FILE(abort_on_failure),
		GIVEN(FILE_ABORT), .fallback = "false",
		.help = "a group that fails stops those behind it" },
	{ "emoji_reaction", CONFIG_TEXT, OF_FILE(emoji), .is_empty_fine = true,
		.help = "read and not used" },
	{ "allowed_regexp_prefixes", CONFIG_TEXTS, OF_FILE(project_patterns),
		.help = "a pattern after `-p` must begin with one of these" },
	{ "repo_locks", CONFIG_MAP, .keys = LOCK_KEYS(struct repo_file, lock), GIVEN(REPO_LOCKS) },
	{ "silence_pr_comments", CONFIG_BITS, OF_FILE(silence), .words = silence_words,
		GIVEN(REPO_SILENCE),
		.help = "no comment for these while they go well; restricted" },
	{ "projects", CONFIG_LIST, OF_FILE(projects), .most = 5000, .keys = project_keys,
		.element = &project_element, .count = OF_FILE(project_count),
		.help = "what is planned and applied as one" },
	{ "workflows", CONFIG_NAMED, OF_FILE(workflows), .most = 500, .keys = workflow_keys,
		.element = &workflow_element, .count = OF_FILE(workflow_count),
		.help = "steps of the stages plan, apply, policy_check, import and state_rm; "
			"the server must allow it" },
	{ "policies", CONFIG_OWN, .take = ignore, .expected = "keys", .schema = "{}",
		GIVEN(FILE_POLICIES), .help = "read and not used: the server's count" },
	/* our own */
	{ "environments", CONFIG_NAMED, OF_FILE(environments), .most = 200,
		.keys = environment_keys, .element = &environment_element,
		.count = OF_FILE(environment_count), .is_native = true, .is_guard = true,
		.help = "what guards the projects that name one" },
	{ "discover", CONFIG_LIST, OF_FILE(discover_rules), .most = 100, .keys = discover_keys,
		.element = &discover_element, .count = OF_FILE(discover_rule_count),
		.is_native = true, .is_guard = true, .help = "projects by the form of their path" },
	{ "checks", CONFIG_NAMED, OF_FILE(checks), .most = 100, .keys = check_keys,
		.element = &check_element, .count = OF_FILE(check_count), .is_native = true,
		.is_guard = true, .help = "how the checks judge" },
	{ "follow_modules", CONFIG_BOOL, OF_FILE(follow_modules), GIVEN(FILE_FOLLOW_MODULES),
		.is_native = true, .is_guard = true, .fallback = "true",
		.help = "a changed local module plans its users" },
	{ 0 },
};

void repo_file_reference(struct strbuf *out)
{
	strbuf_puts(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	config_reference(file_keys, "", out);
}

char *repo_file_schema(void)
{
	return config_schema_text(file_keys, true, "sluice.yaml");
}

/* ---- reading ---- */

static bool is_foreign_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return str_starts(slash == NULL ? name : slash + 1, "atlantis.");
}

int repo_file_parse(const char *name, const char *bytes, size_t length, struct arena *arena,
	struct repo_file *ret, struct config_errors *errors, struct err *err)
{
	const struct config_decoder decoder = { .file = name,
		.is_lenient = true,
		.is_foreign = is_foreign_name(name),
		.arena = arena,
		.errors = errors };
	struct yaml_node *root = NULL;
	struct yaml_place place;

	*ret = (struct repo_file){
		.name = name, .emoji = "", .follow_modules = true, .parallel_plan = true
	};
	if (yaml_parse(bytes, length, arena, &root, &place, err) < 0) {
		config_complain(errors, place, "", "", "%s", err->text);
	} else {
		ret->root = root;
		config_decode(&decoder, file_keys, root, NULL, ret);
		repo_file_check(&decoder, ret);
		config_errors_sort(errors);
	}
	if (errors->found == 0)
		return 0;
	return err_user(err, ERR_CONFIG, "%s has %zu error%s", name, errors->found,
		errors->found == 1 ? "" : "s");
}
