/* The merge, part by part. */
#include "config/effective.h"

#include "config/merge.h"
#include "config/overlap.h"
#include "orchestrator/model/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 200 }; /* more than anybody reads */

/* ---- what is said about it ---- */

void merge_note(
	struct merge *merge, struct config_place at, const char *path, const char *format, ...)
{
	struct repo_config *out = merge->out;
	char text[400];
	va_list args;

	if (out->note_count == NOTES_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	out->notes = arena_push(merge->arena, out->notes, out->note_count, sizeof(*out->notes));
	out->notes[out->note_count++] = (struct config_note){ at, arena_strdup(merge->arena, path),
		arena_strdup(merge->arena, text) };
}

struct config_place place_in(
	const struct repo_file *file, const struct yaml_node *node, const char *key)
{
	struct yaml_place at = repo_file_place(node, key);

	return (struct config_place){ file->name, at.line, at.column };
}

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a == NULL || b == NULL || a->kind != b->kind || a->count != b->count)
		return a == b;
	if (a->kind == YAML_SCALAR)
		return str_equal(a->text, b->text);
	for (size_t i = 0; i < a->count; i++) {
		if (!is_same(a->items[i], b->items[i]))
			return false;
	}
	return true;
}

static const struct yaml_node *node_of(
	const struct repo_file *file, const char *section, const char *name)
{
	const struct yaml_node *map = file == NULL || file->root == NULL
					      ? NULL
					      : yaml_get(file->root, section);

	return map == NULL ? NULL : yaml_get(map, name);
}

/* ---- workflows ---- */

const struct workflow *find_workflow(const struct workflow *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_equal(list[i].name, name))
			return &list[i];
	}
	return NULL;
}

static void add_workflow(
	struct merge *merge, const struct workflow *workflow, enum config_origin origin)
{
	struct repo_config *out = merge->out;
	struct workflow *same = NULL;

	for (size_t i = 0; i < out->workflow_count; i++) {
		if (str_equal(out->workflows[i].name, workflow->name))
			same = &out->workflows[i];
	}
	if (same == NULL) {
		out->workflows = arena_push(
			merge->arena, out->workflows, out->workflow_count, sizeof(*out->workflows));
		same = &out->workflows[out->workflow_count++];
	}
	*same = *workflow;
	same->origin = origin;
}

static bool runs_command(const struct steps *steps, const char *command)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (str_equal(steps->list[i].command, command))
			return true;
	}
	return false;
}

/* Commands of the head that are not in `known`: new ones of a new workflow must be released by a
 * person, new ones of a workflow that is there wait for the merge. */
static void tell_commands(
	struct merge *merge, const struct workflow *workflow, const struct workflow *known)
{
	struct repo_config *out = merge->out;

	for (size_t i = 0; i < STAGE_COUNT; i++) {
		const struct steps *steps = &workflow->stages[i];

		for (size_t k = 0; k < steps->count; k++) {
			const struct step *step = &steps->list[k];
			const char *stage = stage_name((enum stage)i);

			if (step->command[0] == '\0')
				continue;
			if (known == NULL) {
				out->new_commands = arena_push(merge->arena, out->new_commands,
					out->new_command_count, sizeof(*out->new_commands));
				out->new_commands[out->new_command_count++] = (struct new_command){
					workflow->name, stage, step->command, step->at
				};
			} else if (!runs_command(&known->stages[i], step->command)) {
				merge_note(merge, step->at,
					arena_printf(merge->arena, "workflows.%.60s.%s.steps[%zu]",
						workflow->name, stage, k),
					"the command \"%.200s\" is new; it is not run until it is "
					"merged",
					step->command);
			}
		}
	}
}

/* Its policy checks are the default ones, or it could check nothing. */
static void add_new_workflow(struct merge *merge, struct workflow workflow, const char *path)
{
	if (workflow.stages[STAGE_POLICY_CHECK].is_given)
		merge_note(merge, workflow.at, arena_printf(merge->arena, "%s.policy_check", path),
			"not taken; " UNTIL_MERGED);
	workflow.stages[STAGE_POLICY_CHECK] = (struct steps){ 0 };
	add_workflow(merge, &workflow, ORIGIN_HEAD);
	tell_commands(merge, &workflow, NULL);
}

static void merge_head_workflow(struct merge *merge, const struct workflow *workflow)
{
	const struct repo_file *base = merge->in->base, *head = merge->in->head;
	const struct settings *settings = merge->in->settings;
	const struct workflow *known = base == NULL ? NULL
						    : find_workflow(base->workflows,
							      base->workflow_count, workflow->name);
	const char *path = arena_printf(merge->arena, "workflows.%.60s", workflow->name);

	if (known == NULL && (str_equal(workflow->name, "default") ||
				     find_workflow(settings->workflows, settings->workflow_count,
					     workflow->name) != NULL)) {
		merge_note(merge, workflow->at, path,
			"the server has a workflow of this name; " UNTIL_MERGED);
	} else if (known == NULL) {
		add_new_workflow(merge, *workflow, path);
	} else if (!is_same(node_of(base, "workflows", workflow->name),
			   node_of(head, "workflows", workflow->name))) {
		merge_note(merge, workflow->at, path, "changed; " UNTIL_MERGED);
		tell_commands(merge, workflow, known);
	}
}

static void merge_workflows(struct merge *merge)
{
	static const struct workflow plain = { .name = "default" };
	const struct repo_file *base = merge->in->base, *head = merge->in->head;
	const struct settings *settings = merge->in->settings;

	add_workflow(merge, &plain, ORIGIN_DEFAULT);
	for (size_t i = 0; i < settings->workflow_count; i++)
		add_workflow(merge, &settings->workflows[i], ORIGIN_SERVER);
	if (!merge->in->rules->allow_custom_workflows)
		return;
	for (size_t i = 0; base != NULL && i < base->workflow_count; i++)
		add_workflow(merge, &base->workflows[i], ORIGIN_BASE);
	for (size_t i = 0; !merge->is_base_alone && i < head->workflow_count; i++)
		merge_head_workflow(merge, &head->workflows[i]);
	for (size_t i = 0; !merge->is_base_alone && base != NULL && i < base->workflow_count; i++) {
		if (node_of(head, "workflows", base->workflows[i].name) == NULL)
			merge_note(merge, base->workflows[i].at,
				arena_printf(
					merge->arena, "workflows.%.60s", base->workflows[i].name),
				"removed; " UNTIL_MERGED);
	}
}

/* ---- environments and checks ---- */

static void add_environment(struct merge *merge, const struct environment *environment)
{
	const struct settings *settings = merge->in->settings;
	struct repo_config *out = merge->out;
	const struct credential_profile *profile = settings_credentials(
		settings, environment->credentials);
	bool is_known = environment->credentials[0] == '\0' || profile != NULL;

	if (!is_known)
		merge_note(merge, environment->at,
			arena_printf(
				merge->arena, "environments.%.60s.credentials", environment->name),
			"the server has no credential profile \"%.60s\"", environment->credentials);

	out->environments = arena_push(merge->arena, out->environments, out->environment_count,
		sizeof(*out->environments));
	out->environments[out->environment_count++] = *environment;
}

static const struct environment *find_environment(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; file != NULL && i < file->environment_count; i++) {
		if (str_equal(file->environments[i].environment.name, name))
			return &file->environments[i].environment;
	}
	return NULL;
}

/* Rules that only the head has: they hold beside the base's, which they cannot replace. */
static void add_stricter_rules(
	struct merge *merge, struct environment *environment, const struct environment *head)
{
	struct approval_rule *rules = NULL;
	size_t count = 0;

	for (size_t i = 0; i < environment->approval_count; i++) {
		rules = arena_push(merge->arena, rules, count, sizeof(*rules));
		rules[count++] = environment->approvals[i];
	}
	for (size_t i = 0; head != NULL && i < head->approval_count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < environment->approval_count; k++)
			is_known = is_known || str_equal(environment->approvals[k].name,
						       head->approvals[i].name);
		if (is_known)
			continue;
		rules = arena_push(merge->arena, rules, count, sizeof(*rules));
		rules[count] = head->approvals[i];
		rules[count++].from_head = true;
	}
	environment->approvals = rules;
	environment->approval_count = count;
}

static void merge_base_environment(struct merge *merge, const struct environment_file *entry)
{
	const struct repo_file *head = merge->in->head;
	struct environment environment = entry->environment;
	const char *name = environment.name;
	const struct yaml_node *now = node_of(head, "environments", name);

	if (!merge->is_base_alone && !is_same(entry->node, now)) {
		const struct environment *changed = find_environment(head, name);

		merge_note(merge, changed == NULL ? environment.at : changed->at,
			arena_printf(merge->arena, "environments.%.60s", name),
			changed == NULL
				? "removed; " UNTIL_MERGED
				: "changed; only rules of new names are added; " UNTIL_MERGED);
		add_stricter_rules(merge, &environment, changed);
	}
	add_environment(merge, &environment);
}

static void merge_environments(struct merge *merge)
{
	const struct repo_file *base = merge->in->base, *head = merge->in->head;

	for (size_t i = 0; base != NULL && i < base->environment_count; i++)
		merge_base_environment(merge, &base->environments[i]);
	for (size_t i = 0; !merge->is_base_alone && i < head->environment_count; i++) {
		struct environment environment = head->environments[i].environment;

		if (find_environment(base, environment.name) != NULL)
			continue;
		if (environment.credentials[0] != '\0')
			merge_note(merge, place_in(head, head->environments[i].node, "credentials"),
				arena_printf(merge->arena, "environments.%.60s.credentials",
					environment.name),
				"new; nobody gets credentials before it is merged");
		environment.break_glass = (struct break_glass){ 0 };
		environment.credentials = "";
		environment.drift.schedule = "";
		for (size_t k = 0; k < environment.approval_count; k++)
			environment.approvals[k].from_head = true;
		add_environment(merge, &environment);
	}
}

static const struct check_config *find_check(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; file != NULL && i < file->check_count; i++) {
		if (str_equal(file->checks[i].name, name))
			return &file->checks[i];
	}
	return NULL;
}

/* People without a number are one of them. */
static struct check_config with_people(const struct check_config *check)
{
	struct check_config with = *check;
	struct people_rule *needs = &with.skip_needs;

	if (needs->count == 0 && needs->teams.count + needs->users.count > 0)
		needs->count = 1;
	return with;
}

static void merge_checks(struct merge *merge)
{
	const struct repo_file *base = merge->in->base, *head = merge->in->head;
	struct repo_config *out = merge->out;

	for (size_t i = 0; base != NULL && i < base->check_count; i++) {
		const struct check_config *check = &base->checks[i], *now = NULL;

		out->checks = arena_push(
			merge->arena, out->checks, out->check_count, sizeof(*out->checks));
		out->checks[out->check_count++] = with_people(check);
		if (merge->is_base_alone || is_same(node_of(base, "checks", check->name),
						    node_of(head, "checks", check->name)))
			continue;
		now = find_check(head, check->name);
		merge_note(merge, now == NULL ? check->at : now->at,
			arena_printf(merge->arena, "checks.%.60s", check->name),
			now == NULL ? "removed; " UNTIL_MERGED : "changed; " UNTIL_MERGED);
	}
	/* A check without an entry forgives nothing, so a new entry could only loosen it. */
	for (size_t i = 0; !merge->is_base_alone && i < head->check_count; i++) {
		if (find_check(base, head->checks[i].name) == NULL)
			merge_note(merge, head->checks[i].at,
				arena_printf(merge->arena, "checks.%.60s", head->checks[i].name),
				"new; until it is merged every finding counts");
	}
}

/* ---- discovery ---- */

static void add_rule(
	struct merge *merge, const struct side *side, size_t number, enum config_origin origin)
{
	const struct discover_file *entry = &side->file->discover_rules[number];
	struct discover_rule rule = entry->rule;
	struct repo_config *out = merge->out;

	rule.origin = origin;
	rule.workflow = rights_workflow(merge, side, entry->node,
		arena_printf(merge->arena, "discover[%zu].workflow", number), rule.workflow);
	out->discover_rules = arena_push(merge->arena, out->discover_rules,
		out->discover_rule_count, sizeof(*out->discover_rules));
	out->discover_rules[out->discover_rule_count++] = rule;
}

/* Folders that the base has are none of a new rule's, not even in another workspace. The list grows
 * as the decoder made it grow. */
static void leave_out_base(struct merge *merge, struct discover_rule *rule, const char *folder)
{
	struct name_list *exclude = &rule->exclude;
	bool is_met = false;

	for (size_t i = 0; i < rule->dirs.count && !is_met; i++)
		is_met = overlap_of(rule->dirs.list[i], folder, &merge->guards.steps);
	if (!is_met)
		return;
	exclude->list = arena_push(
		merge->arena, exclude->list, exclude->count, sizeof(*exclude->list));
	exclude->list[exclude->count++] = folder;
}

static void add_new_rule(struct merge *merge, const struct side *head_side, size_t number)
{
	const struct repo_file *base = merge->in->base;
	struct discover_rule *rule;
	size_t excluded;

	add_rule(merge, head_side, number, ORIGIN_HEAD);
	rule = &merge->out->discover_rules[merge->out->discover_rule_count - 1];
	excluded = rule->exclude.count;
	for (size_t i = 0; base != NULL && i < base->project_count; i++)
		leave_out_base(merge, rule, merge->guards.projects[i].dir);
	for (size_t i = 0; base != NULL && i < base->discover_rule_count; i++) {
		const struct name_list *dirs = &base->discover_rules[i].rule.dirs;

		for (size_t k = 0; k < dirs->count; k++)
			leave_out_base(merge, rule, dirs->list[k]);
	}
	if (rule->exclude.count > excluded)
		merge_note(merge, rule->at,
			arena_printf(merge->arena, "discover[%zu].dirs", number),
			"not for folders that the base branch has; " UNTIL_MERGED);
}

static bool has_rule(const struct repo_file *file, const struct yaml_node *node)
{
	for (size_t i = 0; file != NULL && i < file->discover_rule_count; i++) {
		if (is_same(file->discover_rules[i].node, node))
			return true;
	}
	return false;
}

/* The base's rules come first: of two rules over one folder the first holds. */
static void merge_discovery(
	struct merge *merge, const struct side *base_side, const struct side *head_side)
{
	const struct repo_file *base = merge->in->base, *head = merge->in->head;
	const struct repo_file *last = merge->is_base_alone ? base : head;
	const struct server_rules *rules = merge->in->rules;
	struct repo_config *out = merge->out;

	for (size_t i = 0; base != NULL && i < base->discover_rule_count; i++) {
		add_rule(merge, base_side, i, ORIGIN_BASE);
		if (!merge->is_base_alone && !has_rule(head, base->discover_rules[i].node))
			merge_note(merge, base->discover_rules[i].rule.at,
				arena_printf(merge->arena, "discover[%zu]", i),
				"changed or removed; " UNTIL_MERGED);
	}
	for (size_t i = 0; !merge->is_base_alone && i < head->discover_rule_count; i++) {
		if (!has_rule(base, head->discover_rules[i].node))
			add_new_rule(merge, head_side, i);
	}
	out->discover = rules->has_discover ? rules->discover
			: last != NULL && (last->given & FILE_DISCOVER_MODE)
				? last->discover
				: merge->in->settings->defaults.discover;
	out->discover_ignore = rules->has_discover ? rules->discover_ignore
			       : last != NULL && last->discover_ignore.count > 0
				       ? last->discover_ignore
				       : merge->in->settings->defaults.discover_ignore;
}

/* ---- switches ---- */

/* What a file says, or else the server. A head may only turn one in the safe direction. */
static const struct {
	const char *key;
	unsigned given;
	size_t file, rest, out; /* of the file, of the defaults, of the result */
	bool is_guarded, safe;
} switches[] = {
#define SWITCH(key, bit, field, ...)                                                               \
	{                                                                                          \
		key, bit, offsetof(struct repo_file, field),                                       \
			offsetof(struct repo_defaults, field),                                     \
			offsetof(struct repo_config, field), __VA_ARGS__                           \
	}
	SWITCH("automerge", FILE_AUTOMERGE, automerge, true, false),
	SWITCH("follow_modules", FILE_FOLLOW_MODULES, follow_modules, true, true),
	SWITCH("parallel_plan", FILE_PARALLEL_PLAN, parallel_plan, false, false),
	SWITCH("parallel_apply", FILE_PARALLEL_APPLY, parallel_apply, false, false),
};

static bool keep_switch(struct merge *merge, const char *key, bool before)
{
	const struct repo_file *head = merge->in->head;

	merge_note(merge, place_in(head, head->root, key), key, "stays %s; " UNTIL_MERGED,
		before ? "true" : "false");
	return before;
}

static bool switch_of(struct merge *merge, const struct repo_file *file, size_t i)
{
	const char *defaults = (const char *)&merge->in->settings->defaults;

	return file != NULL && (file->given & switches[i].given)
		       ? *(const bool *)((const char *)file + switches[i].file)
		       : *(const bool *)(defaults + switches[i].rest);
}

static void merge_switches(struct merge *merge)
{
	static const struct repo_file nothing = { 0 };
	const struct repo_file *base = merge->in->base == NULL ? &nothing : merge->in->base;
	const struct repo_file *last = merge->is_base_alone ? base : merge->in->head;
	struct repo_config *out = merge->out;

	for (size_t i = 0; i < countof(switches); i++) {
		bool before = switch_of(merge, base, i), now = switch_of(merge, last, i);

		if (switches[i].is_guarded && now != before && now != switches[i].safe)
			now = keep_switch(merge, switches[i].key, before);
		*(bool *)((char *)out + switches[i].out) = now;
	}
	out->abort_on_failure = base->abort_on_failure || last->abort_on_failure;
	if (!last->abort_on_failure && out->abort_on_failure)
		(void)keep_switch(merge, "abort_on_execution_order_fail", true);
	out->delete_source_branch = base->delete_source_branch && last->delete_source_branch;
	if (last->delete_source_branch && !out->delete_source_branch)
		(void)keep_switch(merge, "delete_source_branch_on_merge", false);
	out->project_patterns = base->project_patterns.count > 0 ? base->project_patterns
								 : last->project_patterns;
}

/* ---- the rest ---- */

static const char *autoplan_files[] = { "**/*.tf", "**/*.tf.json", "**/*.tfvars",
	"**/*.tfvars.json", "**/*.tofu", "**/*.tofu.json", "**/terragrunt.hcl",
	"**/.terraform.lock.hcl" };

static void set_defaults(struct merge *merge)
{
	const struct repo_defaults *defaults = &merge->in->settings->defaults;
	const struct server_rules *rules = merge->in->rules;
	struct repo_config *out = merge->out;

	*out = (struct repo_config){ .file = merge->in->head != NULL   ? merge->in->head->name
					     : merge->in->base != NULL ? merge->in->base->name
								       : "",
		.default_kind = merge->in->settings->tool,
		.default_workspace = "default",
		.autoplan_files = defaults->autoplan_files.count > 0
					  ? defaults->autoplan_files
					  : (struct name_list){ autoplan_files,
						    countof(autoplan_files) },
		.reads_as_atlantis = rules->compat == COMPAT_ATLANTIS,
		.pre_hooks = rules->pre_hooks,
		.pre_hook_count = rules->pre_hook_count,
		.post_hooks = rules->post_hooks,
		.post_hook_count = rules->post_hook_count };
	out->fallback = (struct project_config){ .name = "",
		.dir = "",
		.branch = "",
		.workspace = "default",
		.kind = "",
		.tool_version = "",
		.environment = "",
		.workflow = rules->workflow,
		.autoplan = defaults->autoplan };
	rights_defaults(rules, &out->fallback);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name whose project was not taken is waited for by nobody. */
static void forget_missing_dependencies(struct arena *arena, struct repo_config *out)
{
	const char **names = arena_alloc(arena, (out->project_count + 1) * sizeof(*names));

	for (size_t i = 0; i < out->project_count; i++)
		names[i] = out->projects[i].name;
	qsort(names, out->project_count, sizeof(*names), by_text);
	for (size_t i = 0; i < out->project_count; i++) {
		struct name_list *wanted = &out->projects[i].depends_on, kept = { 0 };

		for (size_t k = 0; k < wanted->count; k++) {
			if (bsearch(&wanted->list[k], names, out->project_count, sizeof(*names),
				    by_text) == NULL)
				continue;
			kept.list = arena_push(arena, kept.list, kept.count, sizeof(*kept.list));
			kept.list[kept.count++] = wanted->list[k];
		}
		*wanted = kept;
	}
}

static void forget_unused_workflows(struct repo_config *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->workflow_count; i++) {
		const char *name = out->workflows[i].name;
		bool is_used = str_equal(out->fallback.workflow, name);

		for (size_t k = 0; k < out->project_count && !is_used; k++)
			is_used = str_equal(out->projects[k].workflow, name);
		for (size_t k = 0; k < out->discover_rule_count && !is_used; k++)
			is_used = str_equal(out->discover_rules[k].workflow, name);
		if (is_used)
			out->workflows[kept++] = out->workflows[i];
	}
	out->workflow_count = kept;
}

void effective_make(const struct effective_input *input, struct arena *arena,
	struct repo_config *ret, struct config_errors *errors)
{
	struct merge merge = { .in = input,
		.arena = arena,
		.out = ret,
		.errors = errors,
		.is_base_alone = input->head == NULL ||
				 (input->base != NULL &&
					 is_same(input->base->root, input->head->root)) };
	struct side base = { .file = input->base }, head = { .file = input->head, .is_head = true };
	struct project_config *base_projects, *head_projects;

	set_defaults(&merge);
	base_projects = rights_resolve(&merge, &base);
	head_projects = rights_resolve(&merge, &head);
	guards_init(&merge.guards, input->base, base_projects, arena);
	if (input->head == NULL && input->base != NULL)
		merge_note(&merge, (struct config_place){ input->base->name, 0, 0 }, "",
			"the file is removed; " UNTIL_MERGED);
	merge_workflows(&merge);
	merge_environments(&merge);
	merge_checks(&merge);
	merge_projects(&merge, base_projects, head_projects);
	merge_discovery(&merge, &base, &head);
	merge_switches(&merge);
	forget_missing_dependencies(arena, ret);
	forget_unused_workflows(ret);
}
