/* links: config model lib_regex lib_yaml lib */
/* One file of a repository: the same verdict on each real file as its record says, and what every
 * key becomes. */
#include "tests/lib/cases.h"

#include "config/repo_file.h"
#include "config/server_config.h"
#include "orchestrator/model/steps.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define CORPORA "../shared/corpora/atlantis-yaml"

enum { FILE_CAP = 1 << 20 };

static size_t read_file(const char *path, char *bytes)
{
	FILE *file = fopen(path, "r");
	size_t length = 0;

	if (file != NULL) {
		length = fread(bytes, 1, FILE_CAP - 1, file);
		(void)fclose(file);
	}
	bytes[length] = '\0';
	return length;
}

static int parse(const char *name, const char *bytes, size_t length, struct arena *arena,
	struct repo_file *file, struct strbuf *said)
{
	struct config_errors errors = { 0 };
	struct err err = { 0 };
	int r = repo_file_parse(name, bytes, length, arena, file, &errors, &err);

	config_errors_text(&errors, name, said);
	assert_int_equal(r, errors.found == 0 ? 0 : -ERR_CONFIG);
	config_errors_release(&errors);
	return r;
}

/* ---- files of strangers ---- */

/* Where each refused file is wrong: the record says only why. */
static const struct {
	const char *number;
	int line;
} places[] = { { "003", 19 }, { "029", 30 }, { "033", 12 }, { "053", 17 }, { "081", 3 },
	{ "105", 1 } };

static int expected_line(const char *name)
{
	for (size_t i = 0; i < countof(places); i++) {
		if (str_starts(name, places[i].number))
			return places[i].line;
	}
	return 0;
}

static void judge(const char *name, bool is_refused)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	_cleanup_free_ char *bytes = mem_alloc(FILE_CAP);
	_cleanup_free_ char *path = mem_printf(CORPORA "/%s", name);
	_cleanup_free_ char *begin = mem_printf("%s:%d:", name, expected_line(name));
	struct repo_file file;
	int r;

	r = parse(name, bytes, read_file(path, bytes), &arena, &file, &said);
	if (r == 0 && is_refused)
		fail_msg("%s was taken", name);
	if (r < 0 && (!is_refused || !str_starts(strbuf_text(&said), begin)))
		fail_msg("%s", strbuf_text(&said));
}

static void test_verdicts(_unused_ void **state)
{
	FILE *verdicts = fopen(CORPORA "/VERDICTS.tsv", "r");
	char line[1000], name[300], verdict[20];
	int count = 0, refused = 0;

	if (verdicts == NULL)
		cases_skip("corpora absent");
	while (fgets(line, sizeof(line), verdicts) != NULL) {
		if (sscanf(line, "%299[^\t]\t%*[^\t]\t%19s", name, verdict) != 2 ||
			str_equal(name, "file"))
			continue;
		judge(name, str_equal(verdict, "reject"));
		count++;
		refused += str_equal(verdict, "reject");
	}
	(void)fclose(verdicts);
	assert_true(count >= 53 && refused == countof(places));
}

static void test_generated(_unused_ void **state)
{
	DIR *folder = opendir(CORPORA "/generated");
	struct dirent *entry;
	int count = 0;

	if (folder == NULL)
		cases_skip("corpora absent");
	while ((entry = readdir(folder)) != NULL) {
		_cleanup_free_ char *name = mem_printf("generated/%s", entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		judge(name, false);
		count++;
	}
	(void)closedir(folder);
	assert_true(count >= 40);
}

/* ---- every key ---- */

static void must_parse(
	const char *name, const char *text, struct arena *arena, struct repo_file *file)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);

	if (parse(name, text, strlen(text), arena, file, &said) < 0)
		fail_msg("%s", strbuf_text(&said));
}

static void test_keys_of_atlantis(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct project_config *project;
	struct repo_file file;

	must_parse("atlantis.yaml",
		"version: 3\n"
		"automerge: on\n"
		"autodiscover: {mode: enabled, ignore_paths: ['docs/**']}\n"
		"delete_source_branch_on_merge: true\n"
		"parallel_plan: false\n"
		"parallel_apply: yes\n"
		"abort_on_execution_order_fail: true\n"
		"emoji_reaction: eyes\n"
		"allowed_regexp_prefixes: [dev/, stage/]\n"
		"repo_locks: {mode: on_apply}\n"
		"silence_pr_comments: [apply]\n"
		"policies: {whatever: [1, 2]}\n"
		"workflows:\n"
		"projects:\n"
		"  - name: net/work\n"
		"    branch: /^main$/\n"
		"    dir: ./infra//network/\n"
		"    workspace: stage\n"
		"    workflow: own\n"
		"    terraform_distribution: opentofu\n"
		"    terraform_version: v1.6\n"
		"    autoplan: {enabled: false, when_modified: ['*.tf', '!x.tf', ../m/**]}\n"
		"    plan_requirements: [approved]\n"
		"    apply_requirements: [mergeable, undiverged]\n"
		"    import_requirements: [policies_passed]\n"
		"    depends_on: [other]\n"
		"    execution_order_group: -2\n"
		"    delete_source_branch_on_merge: true\n"
		"    repo_locking: false\n"
		"    policy_check: true\n"
		"    custom_policy_check: true\n"
		"    silence_pr_comments: [plan, apply]\n"
		"  - {name: other, dir: /, workspace: , autoplan: , terraform_version: 1.5.7-rc1}\n"
		"  - {dir: 'apps/*', repo_locks: {mode: on_apply}, repo_locking: false}\n",
		&arena, &file);
	assert_true(file.automerge && file.delete_source_branch && file.abort_on_failure);
	assert_true(file.parallel_apply && !file.parallel_plan);
	assert_int_equal(file.discover, DISCOVER_ENABLED);
	assert_string_equal(file.discover_ignore.list[0], "docs/**");
	assert_int_equal(file.project_patterns.count, 2);
	assert_int_equal(file.lock, LOCK_ON_APPLY);
	assert_int_equal(file.silence, SILENCE_APPLY);
	assert_int_equal(file.warning_count, 1); /* policies are the server's */
	assert_int_equal(file.project_count, 3);

	project = &file.projects[0].config;
	assert_string_equal(project->name, "net/work");
	assert_string_equal(project->branch, "/^main$/");
	assert_string_equal(project->dir, "infra/network");
	assert_string_equal(project->workspace, "stage");
	assert_string_equal(project->workflow, "own");
	assert_string_equal(project->kind, "opentofu");
	assert_string_equal(project->tool_version, "1.6.0");
	assert_false(project->autoplan);
	assert_int_equal(project->when_modified.count, 3);
	assert_string_equal(project->when_modified.list[1], "!x.tf");
	assert_int_equal(project->plan_requires, REQUIRE_APPROVED);
	assert_int_equal(project->apply_requires, REQUIRE_MERGEABLE | REQUIRE_UNDIVERGED);
	assert_int_equal(project->import_requires, REQUIRE_POLICIES_PASSED);
	assert_string_equal(project->depends_on.list[0], "other");
	assert_int_equal(project->order_group, -2);
	assert_true(project->delete_source_branch && project->policy_check);
	assert_true(
		project->custom_policy_check && project->silence_plan && project->silence_apply);
	assert_int_equal(project->lock, LOCK_DISABLED);
	assert_int_equal(project->at.line, 15);
	assert_int_equal(file.projects[0].given, (1 << 10) - 1 - REPO_LOCKS);

	project = &file.projects[1].config;
	assert_string_equal(project->dir, ".");
	assert_string_equal(project->workspace, "default");
	assert_string_equal(project->workflow, "default");
	assert_string_equal(project->tool_version, "1.5.7-rc1");
	assert_true(project->autoplan && !project->has_when_modified);
	assert_int_equal(file.projects[2].config.lock, LOCK_ON_APPLY); /* the newer key wins */
}

static void test_keys_of_ours(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct environment *environment;
	const struct approval_rule *rule;
	struct repo_file file;

	must_parse("sluice.yaml",
		"version: 3\n"
		"follow_modules: false\n"
		"environments:\n"
		"  prod:\n"
		"    approvals:\n"
		"      - name: two\n"
		"        if: {plan: {any_action: [delete, replace], any_type: aws_*, more_than: "
		"5, has: [module]},\n"
		"             paths: ['**/*.tf'], labels: [big], authors: bot}\n"
		"        require: {count: 2, from: {team: sre, user: [a, b]},\n"
		"                  including: [{team: [p, q]}, {user: c, count: 2}]}\n"
		"        exclude: [author, bots]\n"
		"        binds_to_plan: false\n"
		"      - {name: one, require: {}}\n"
		"    freeze: [{cron: '0 17 * * 5', for: 63h, timezone: Europe/Berlin, reason: w}]\n"
		"    credentials: production\n"
		"    drift: {schedule: '0 8 * * 1-5', timezone: UTC, spread: 20m, notify: "
		"slack:x}\n"
		"discover:\n"
		"  - {kind: kustomize, dirs: services/*/overlays/*, name: '{1}-{2}', environment: "
		"'{2}'}\n"
		"  - {dirs: [infra/*, more/**], exclude: infra/modules, environment: prod, "
		"workflow: "
		"w}\n"
		"checks: {checkov: {threshold: high, skip_needs: {team: security, count: 2}}}\n"
		"projects: [{dir: a, kind: helm, environment: prod, checks: [checkov, secrets], "
		"owners: '@sre'}]\n",
		&arena, &file);
	assert_false(file.follow_modules);
	environment = &file.environments[0].environment;
	assert_string_equal(environment->name, "prod");
	assert_string_equal(environment->credentials, "production");
	assert_int_equal(environment->freezes[0].for_ms, 63 * 3600000);
	assert_string_equal(environment->freezes[0].timezone, "Europe/Berlin");
	assert_string_equal(environment->drift.schedule, "0 8 * * 1-5");
	assert_int_equal(environment->drift.spread_ms, 1200000);
	assert_string_equal(environment->drift.notify.list[0], "slack:x");

	rule = &environment->approvals[0];
	assert_string_equal(rule->if_plan_actions.list[1], "replace");
	assert_string_equal(rule->if_resource_types.list[0], "aws_*");
	assert_string_equal(rule->if_plan_has.list[0], "module");
	assert_int_equal(rule->if_more_than, 5);
	assert_string_equal(rule->if_paths.list[0], "**/*.tf");
	assert_string_equal(rule->if_labels.list[0], "big");
	assert_string_equal(rule->if_authors.list[0], "bot");
	assert_int_equal(rule->require.count, 2);
	assert_string_equal(rule->require.teams.list[0], "sre");
	assert_int_equal(rule->require.users.count, 2);
	assert_int_equal(rule->including_count, 2);
	assert_int_equal(rule->including[0].count, 1);
	assert_string_equal(rule->including[0].teams.list[1], "q");
	assert_int_equal(rule->including[1].count, 2);
	assert_int_equal(rule->exclude, EXCLUDE_AUTHOR | EXCLUDE_BOTS);
	assert_false(rule->binds_to_plan);
	rule = &environment->approvals[1]; /* strict as long as nothing is said */
	assert_int_equal(rule->require.count, 1);
	assert_int_equal(rule->exclude,
		EXCLUDE_AUTHOR | EXCLUDE_COMMITTERS | EXCLUDE_INITIATOR | EXCLUDE_BOTS);
	assert_true(rule->binds_to_plan);

	assert_string_equal(file.discover_rules[0].rule.kind, "kustomize");
	assert_string_equal(file.discover_rules[0].rule.name, "{1}-{2}");
	assert_int_equal(file.discover_rules[1].rule.dirs.count, 2);
	assert_string_equal(file.discover_rules[1].rule.exclude.list[0], "infra/modules");
	assert_string_equal(file.discover_rules[1].rule.workflow, "w");
	assert_string_equal(file.checks[0].threshold, "high");
	assert_int_equal(file.checks[0].skip_needs.count, 2);
	assert_string_equal(file.projects[0].config.kind, "helm");
	assert_string_equal(file.projects[0].config.checks.list[1], "secrets");
	assert_string_equal(file.projects[0].config.owners.list[0], "@sre");
}

/* ---- steps in all their forms ---- */

static const struct {
	const char *name; /* as it is written */
	int version;
	const char *reads; /* kind, command, shell and so on */
} steps[] = {
	{ "init", 3, "init" },
	{ "plan:", 3, "plan" },
	{ "plan: {extra_args: [-lock, false, 1.5]}", 3, "plan args=-lock,false,1.5" },
	{ "apply: {extra_args: [], timeout: 90s}", 3, "apply timeout=90000" },
	{ "state_rm", 3, "state_rm" },
	{ "run: echo $X", 3, "run cmd=echo $X" },
	{ "run: {command: x, shell: bash, shellArgs: [-e, -c]}", 3, "run cmd=x shell=bash -e -c" },
	{ "run: {command: x, shell: bash, shellArgs: -ec}", 3, "run cmd=x shell=bash -ec" },
	{ "run: {command: x, output: hide}", 3, "run cmd=x output=1" },
	{ "run: {command: x, output: show}", 3, "run cmd=x" },
	{ "run: {command: x, output: [strip_refreshing, {filter_regex: a}, {filter_regex: [b, "
	  "c]}]}",
		3, "run cmd=x output=6 filters=a,b,c" },
	{ "env: {name: A, value: ''}", 3, "env name=A value=" },
	{ "env: {name: A, value: 12}", 3, "env name=A value=12" },
	{ "env: {name: A, command: y}", 3, "env name=A cmd=y" },
	{ "multienv: z", 3, "multienv cmd=z" },
	{ "multienv: {command: z, output: hide}", 3, "multienv cmd=z output=1" },
	{ "run: a 'b  c' \"d\" e\\ f", 3, "run cmd=a 'b  c' \"d\" e\\ f" },
	{ "run: a 'b  c'  \"d\" e\\ f", 2, "run cmd=a b  c d e f" },
};

static void print_list(const char *what, const char **list, size_t count, struct strbuf *out)
{
	for (size_t i = 0; i < count; i++)
		strbuf_printf(out, "%s%s", i == 0 ? what : ",", list[i]);
}

static void print_step(const struct step *step, struct strbuf *out)
{
	strbuf_puts(out, step_kind_name(step->kind));
	print_list(" args=", step->extra_args, step->extra_arg_count, out);
	if (step->name[0] != '\0')
		strbuf_printf(out, " name=%s", step->name);
	if (step->value != NULL)
		strbuf_printf(out, " value=%s", step->value);
	if (step->command[0] != '\0')
		strbuf_printf(out, " cmd=%s", step->command);
	if (!str_equal(step->shell, "sh")) {
		strbuf_printf(out, " shell=%s", step->shell);
		for (size_t i = 0; i < step->shell_arg_count; i++)
			strbuf_printf(out, " %s", step->shell_args[i]);
	} else {
		assert_int_equal(step->shell_arg_count, 1);
		assert_string_equal(step->shell_args[0], "-c");
	}
	if (step->output != 0)
		strbuf_printf(out, " output=%u", step->output);
	print_list(" filters=", step->filters, step->filter_count, out);
	if (step->timeout_ms != 0)
		strbuf_printf(out, " timeout=%lld", (long long)step->timeout_ms);
}

static void test_step(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(4096);
	const __typeof__(steps[0]) *row = *state;
	_cleanup_free_ char *text = mem_printf("version: %d\nworkflows:\n  w:\n    import:\n      "
					       "steps:\n        - %s\n",
		row->version, row->name);
	struct repo_file file;

	must_parse("sluice.yaml", text, &arena, &file);
	assert_true(file.workflows[0].stages[STAGE_IMPORT].is_given);
	assert_false(file.workflows[0].stages[STAGE_PLAN].is_given);
	assert_int_equal(file.workflows[0].stages[STAGE_IMPORT].count, 1);
	print_step(&file.workflows[0].stages[STAGE_IMPORT].list[0], &said);
	assert_string_equal(strbuf_text(&said), row->reads);
}

static void test_a_stage_without_steps_is_given(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct repo_file file;

	must_parse("sluice.yaml", "version: 3\nworkflows: {w: {plan: {steps: []}, apply: }, x: }\n",
		&arena, &file);
	assert_true(file.workflows[0].stages[STAGE_PLAN].is_given);
	assert_int_equal(file.workflows[0].stages[STAGE_PLAN].count, 0);
	assert_false(file.workflows[0].stages[STAGE_APPLY].is_given);
	assert_string_equal(file.workflows[1].name, "x");
}

/* ---- what is printed of the tables ---- */

static void must_equal(const char *path, const char *text)
{
	_cleanup_free_ char *bytes = mem_alloc(FILE_CAP);
	FILE *file;

	if (getenv("UPDATE_GOLDEN") != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	(void)read_file(path, bytes);
	if (!str_equal(bytes, text))
		fail_msg("%s differs from the tables; write it anew with UPDATE_GOLDEN=1", path);
}

static void test_schemas(_unused_ void **state)
{
	_cleanup_free_ char *repo = repo_file_schema(), *server = server_config_schema();

	must_equal("config/sluice.schema.json", repo);
	must_equal("config/server.schema.json", server);
}

static void test_reference_page(_unused_ void **state)
{
	_cleanup_free_ char *page = mem_alloc(FILE_CAP);
	_cleanup_strbuf_ struct strbuf rows = STRBUF(64 << 10);

	assert_true(read_file("config/README.md", page) > 0);
	repo_file_reference(&rows);
	assert_false(rows.overflowed);
	if (strstr(page, strbuf_text(&rows)) == NULL)
		fail_msg("config/README.md differs from `sluice validate --reference`; paste it "
			 "again");
}

int main(int argc, char **argv)
{
	CASE(test_verdicts);
	CASE(test_generated);
	CASE(test_keys_of_atlantis);
	CASE(test_keys_of_ours);
	CASES(steps, test_step);
	CASE(test_a_stage_without_steps_is_given);
	CASE(test_schemas);
	CASE(test_reference_page);
	return cases_run(argc, argv);
}
