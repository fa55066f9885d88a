/* links: config model lib_regex lib_yaml lib */
/* Any two files as base and head, with a line "====" between them: whatever the head says, what the
 * base guards is still guarded. */
#include "config/effective.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_hold(bool holds)
{
	if (!holds)
		abort();
}

static const struct project_config *find_project(
	const struct repo_config *config, const struct project_config *wanted)
{
	for (size_t i = 0; i < config->project_count; i++) {
		const struct project_config *project = &config->projects[i];

		if (str_equal(project->dir, wanted->dir) &&
			str_equal(project->workspace, wanted->workspace) &&
			(wanted->name[0] == '\0' || str_equal(project->name, wanted->name)))
			return project;
	}
	return NULL;
}

/* Same folder and workspace, whatever the name: as strict as the base. */
static void check_project(const struct repo_config *before, const struct repo_config *after,
	const struct project_config *base)
{
	bool is_there = false;

	for (size_t i = 0; i < after->project_count; i++) {
		const struct project_config *now = &after->projects[i];
		const struct project_config *same = find_project(before, now);

		if (!str_equal(now->dir, base->dir) || !str_equal(now->workspace, base->workspace))
			continue;
		is_there = true;
		if (same == NULL)
			continue; /* two of one folder: the other may be its measure */
		must_hold(same->environment[0] == '\0' ||
			  str_equal(same->environment, now->environment));
		must_hold((same->apply_requires & ~now->apply_requires) == 0);
		must_hold((same->plan_requires & ~now->plan_requires) == 0);
		must_hold((same->import_requires & ~now->import_requires) == 0);
		must_hold(str_equal(same->workflow, now->workflow));
		must_hold(same->lock == now->lock);
		must_hold(same->checks.count <= now->checks.count);
	}
	must_hold(is_there);
}

static void check_environment(const struct repo_config *after, const struct environment *base)
{
	for (size_t i = 0; i < after->environment_count; i++) {
		const struct environment *now = &after->environments[i];

		if (!str_equal(now->name, base->name))
			continue;
		must_hold(now->approval_count >= base->approval_count);
		for (size_t k = 0; k < base->approval_count; k++) {
			must_hold(str_equal(now->approvals[k].name, base->approvals[k].name));
			must_hold(now->approvals[k].require.count ==
				  base->approvals[k].require.count);
			must_hold(now->approvals[k].exclude == base->approvals[k].exclude);
		}
		must_hold(now->freeze_count == base->freeze_count);
		must_hold(str_equal(now->credentials, base->credentials));
		return;
	}
	abort(); /* it is gone */
}

static void check_workflow(const struct repo_config *after, const struct workflow *base)
{
	for (size_t i = 0; i < after->workflow_count; i++) {
		const struct workflow *now = &after->workflows[i];

		if (str_equal(now->name, base->name))
			must_hold(
				now->origin == base->origin &&
				now->stages[STAGE_APPLY].count == base->stages[STAGE_APPLY].count);
	}
}

static void compare(const struct repo_config *before, const struct repo_config *after)
{
	for (size_t i = 0; i < before->project_count; i++)
		check_project(before, after, &before->projects[i]);
	for (size_t i = 0; i < before->environment_count; i++)
		check_environment(after, &before->environments[i]);
	for (size_t i = 0; i < before->workflow_count; i++)
		check_workflow(after, &before->workflows[i]);
	for (size_t i = 0; i < before->discover_rule_count; i++)
		must_hold(i < after->discover_rule_count &&
			  str_equal(before->discover_rules[i].environment,
				  after->discover_rules[i].environment));
	must_hold(after->automerge <= before->automerge);
	must_hold(after->abort_on_failure >= before->abort_on_failure);
	for (size_t i = 0; i < after->environment_count; i++) {
		bool is_new = true;

		for (size_t k = 0; k < before->environment_count; k++)
			is_new = is_new && !str_equal(after->environments[i].name,
						   before->environments[k].name);
		must_hold(!is_new || after->environments[i].credentials[0] == '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct repo_rule rule = { .id = "/.*/",
		.given = REPO_ALLOWED_OVERRIDES | REPO_CUSTOM_WORKFLOWS,
		.allowed_overrides = (1 << 10) - 1,
		.allow_custom_workflows = true };
	static const struct settings settings = { .tool = "terraform",
		.repo_rules = &rule,
		.repo_rule_count = 1,
		.defaults = { .autoplan = true } };
	static const char border[] = "\n====\n";
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *base = (const char *)bytes;
	const char *cut = memmem(bytes, length, border, strlen(border)), *head;
	struct config_request request = { .host = "h", .repo = "r", .base_ref = "main" };
	struct repo_config before = { 0 }, after = { 0 };
	struct config_problems problems = { 0 };
	struct err err = { 0 };

	if (cut == NULL)
		return 0;
	head = cut + strlen(border);
	request.base = (struct config_blob){ "sluice.yaml", base, (size_t)(cut - base) };
	request.head = request.base;
	if (config_file_reader.read(
		    &config_file_reader, &settings, &request, &arena, &before, &problems, &err) < 0)
		return 0;
	request.head = (struct config_blob){ "sluice.yaml", head,
		(size_t)((const char *)bytes + length - head) };
	if (config_file_reader.read(
		    &config_file_reader, &settings, &request, &arena, &after, &problems, &err) == 0)
		compare(&before, &after);
	return 0;
}
