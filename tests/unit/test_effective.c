/* links: config model lib_regex lib_yaml lib */
/* Server, base and head together: for each key that guards, a base that has it and a head that
 * takes it away, loosens it or writes it differently; and what a head may do all the same. */
#include "tests/lib/cases.h"

#include "config/effective.h"

#include <string.h>

/* ---- the result in words ---- */

static void print_names(const char *what, const struct name_list *names, struct strbuf *out)
{
	if (names->count == 0)
		return;
	strbuf_printf(out, " %s", what);
	for (size_t i = 0; i < names->count; i++)
		strbuf_printf(out, "%c%s", i == 0 ? '=' : ',', names->list[i]);
}

static void print_bits(const char *what, unsigned bits, struct strbuf *out)
{
	if (bits == 0)
		return;
	strbuf_printf(out, " %s=", what);
	for (size_t i = 0; requirement_words[i] != NULL; i++) {
		if (bits & (1u << i))
			strbuf_printf(out, "%c", requirement_words[i][0]);
	}
}

static void print_project(const struct project_config *project, struct strbuf *out)
{
	static const char *const locks[] = { "", " lock=on_apply", " lock=disabled" };

	strbuf_printf(out, "project %s", project->dir);
	if (project->name[0] != '\0')
		strbuf_printf(out, " name=%s", project->name);
	if (!str_equal(project->workspace, "default"))
		strbuf_printf(out, " workspace=%s", project->workspace);
	if (project->environment[0] != '\0')
		strbuf_printf(out, " env=%s", project->environment);
	if (!str_equal(project->workflow, "default"))
		strbuf_printf(out, " workflow=%s", project->workflow);
	if (project->kind[0] != '\0')
		strbuf_printf(out, " kind=%s", project->kind);
	if (project->branch[0] != '\0')
		strbuf_printf(out, " branch=%s", project->branch);
	if (project->tool_version[0] != '\0')
		strbuf_printf(out, " version=%s", project->tool_version);
	print_bits("plan", project->plan_requires, out);
	print_bits("apply", project->apply_requires, out);
	print_bits("import", project->import_requires, out);
	print_names("checks", &project->checks, out);
	print_names("owners", &project->owners, out);
	print_names("when", &project->when_modified, out);
	print_names("after", &project->depends_on, out);
	strbuf_puts(out, locks[project->lock]);
	strbuf_puts(out, project->autoplan ? "" : " asked");
	strbuf_puts(out, project->policy_check ? " policy" : "");
	strbuf_puts(out, project->custom_policy_check ? " custom" : "");
	strbuf_puts(out, project->silence_plan ? " silent" : "");
	strbuf_puts(out, project->delete_source_branch ? " delete" : "");
	strbuf_puts(out, project->origin == ORIGIN_HEAD ? " new\n" : "\n");
}

static void print_environment(const struct environment *environment, struct strbuf *out)
{
	strbuf_printf(out, "env %s", environment->name);
	for (size_t i = 0; i < environment->approval_count; i++) {
		const struct approval_rule *rule = &environment->approvals[i];

		strbuf_printf(out, " %s:%d/%x%s", rule->name, rule->require.count, rule->exclude,
			rule->binds_to_plan ? "" : "-");
		print_names("from", &rule->require.teams, out);
		print_names("if", &rule->if_plan_actions, out);
	}
	for (size_t i = 0; i < environment->freeze_count; i++)
		strbuf_printf(out, " freeze:%s", environment->freezes[i].cron);
	print_names("glass", &environment->break_glass.people.users, out);
	if (environment->break_glass.people.users.count > 0 &&
		!environment->break_glass.needs_second)
		strbuf_puts(out, " alone");
	if (environment->credentials[0] != '\0')
		strbuf_printf(out, " credentials:%s", environment->credentials);
	if (environment->drift.schedule[0] != '\0')
		strbuf_printf(out, " drift:%s", environment->drift.schedule);
	strbuf_putc(out, '\n');
}

static void print_workflow(const struct workflow *workflow, struct strbuf *out)
{
	static const char *const origins[] = { "default", "server", "base", "head" };

	strbuf_printf(out, "workflow %s of %s", workflow->name, origins[workflow->origin]);
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		for (size_t k = 0; k < workflow->stages[i].count; k++) {
			const struct step *step = &workflow->stages[i].list[k];

			strbuf_printf(out, " %zu.%d%s%s", i, step->kind,
				step->command[0] == '\0' ? "" : ":", step->command);
		}
	}
	strbuf_putc(out, '\n');
}

static void print_config(const struct repo_config *config, struct strbuf *out)
{
	strbuf_printf(out, "switches%s%s%s%s\n", config->automerge ? " automerge" : "",
		config->delete_source_branch ? " delete" : "",
		config->abort_on_failure ? " abort" : "", config->follow_modules ? " follow" : "");
	for (size_t i = 0; i < config->project_count; i++)
		print_project(&config->projects[i], out);
	for (size_t i = 0; i < config->environment_count; i++)
		print_environment(&config->environments[i], out);
	for (size_t i = 0; i < config->workflow_count; i++)
		print_workflow(&config->workflows[i], out);
	for (size_t i = 0; i < config->check_count; i++)
		strbuf_printf(
			out, "check %s %s\n", config->checks[i].name, config->checks[i].threshold);
	for (size_t i = 0; i < config->discover_rule_count; i++) {
		const struct discover_rule *rule = &config->discover_rules[i];

		strbuf_printf(out, "discover %s env=%s", rule->dirs.list[0], rule->environment);
		print_names("not", &rule->exclude, out);
		strbuf_puts(out, rule->origin == ORIGIN_HEAD ? " new\n" : "\n");
	}
	print_names("patterns", &config->project_patterns, out);
	for (size_t i = 0; i < config->new_command_count; i++)
		strbuf_printf(out, "new %s.%s: %s\n", config->new_commands[i].workflow,
			config->new_commands[i].stage, config->new_commands[i].command);
	for (size_t i = 0; i < config->note_count; i++)
		strbuf_printf(out, "note %s:%d %s: %s\n", config->notes[i].at.file,
			config->notes[i].at.line, config->notes[i].path, config->notes[i].text);
}

/* ---- servers ---- */

static struct repo_rule open_rule = { .id = "/.*/",
	.given = REPO_ALLOWED_OVERRIDES | REPO_CUSTOM_WORKFLOWS,
	.allowed_overrides = (1 << 10) - 1,
	.allow_custom_workflows = true };

static struct workflow server_workflows[] = { { .name = "strict" } };

static int read_config(const struct settings *settings, const char *base, const char *head,
	struct arena *arena, struct repo_config *config, struct strbuf *said)
{
	const struct config_request request = { .host = "local",
		.repo = "team/infra",
		.base_ref = "main",
		.base = { base == NULL ? NULL : "sluice.yaml", base,
			base == NULL ? 0 : strlen(base) },
		.head = { head == NULL ? NULL : "sluice.yaml", head,
			head == NULL ? 0 : strlen(head) } };
	struct config_problems problems = { 0 };
	struct err err = { 0 };
	int r = config_file_reader.read(
		&config_file_reader, settings, &request, arena, config, &problems, &err);

	for (size_t i = 0; i < problems.count; i++)
		strbuf_printf(said, "%s:%d:%d: %s: %s; %s\n", problems.list[i].at.file,
			problems.list[i].at.line, problems.list[i].at.column, problems.list[i].path,
			problems.list[i].message, problems.list[i].hint);
	assert_int_equal(r<0, problems.found> 0);
	return r;
}

/* ---- guards ---- */

#define ENVIRONMENT                                                                                \
	"environments:\n  prod:\n    approvals: [{name: two, require: {count: 2, from: {team: "    \
	"sre}}}]\n"                                                                                \
	"    freeze: [{cron: '0 17 * * 5', for: 63h}]\n    credentials: prod\n"
#define KEEPS_ENVIRONMENT "env prod two:2/f from=sre freeze:0 17 * * 5 credentials:prod\n"

static const struct {
	const char *name, *base, *head; /* without `version: 3` */
	const char *holds;		/* a line, or the begin of the lines, of the result */
	const char *note;		/* its path */
} guards[] = {
	{ "an environment removed", ENVIRONMENT, "", KEEPS_ENVIRONMENT, "environments.prod" },
	{ "the whole map written differently", ENVIRONMENT, "environments: {}\n", KEEPS_ENVIRONMENT,
		"environments.prod" },
	{ "an environment emptied", ENVIRONMENT, "environments: {prod: {}}\n", KEEPS_ENVIRONMENT,
		"environments.prod" },
	{ "fewer approvals", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, require: {count: 1}}]}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "anybody's approvals", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, require: {count: 2}}]}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "the author's approval counts", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, require: {count: 2}, exclude: "
		"[]}]}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "approvals of older plans", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, require: {count: 2}, "
		"binds_to_plan: false}]}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "a condition that never holds", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, if: {labels: [never]}, require: "
		"{count: 2}}]}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "no freeze any more", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: two, require: {count: 2, from: {team: "
		"sre}}}], credentials: prod}}\n",
		KEEPS_ENVIRONMENT, "environments.prod" },
	{ "somebody else may break glass", "environments: {prod: {break_glass: {user: [ann]}}}\n",
		"environments: {prod: {break_glass: {user: [ann, eve], second: false}}}\n",
		"env prod glass=ann\n", "environments.prod" },
	{ "nobody breaks the glass of a new environment", "",
		"environments: {new: {break_glass: {user: [eve], second: false}, credentials: "
		"prod}}\n",
		"env new\n", "environments.new.credentials" },
	{ "other credentials", "environments: {dev: {credentials: dev}}\n",
		"environments: {dev: {credentials: prod}}\n", "env dev credentials:dev\n",
		"environments.dev" },
	{ "a rule of a new name is added", ENVIRONMENT,
		"environments: {prod: {approvals: [{name: more, require: {count: 1}}]}}\n",
		"env prod two:2/f from=sre more:1/f freeze:0 17 * * 5 credentials:prod\n",
		"environments.prod" },
	{ "no credentials for a new environment", "",
		"environments: {new: {credentials: prod, drift: {schedule: '0 8 * * *'}}}\n",
		"env new\n", "environments.new.credentials" },
	{ "drift looked for never", "environments: {dev: {drift: {schedule: '0 8 * * *'}}}\n",
		"environments: {dev: {}}\n", "env dev drift:0 8 * * *\n", "environments.dev" },

	{ "the environment of a project removed",
		ENVIRONMENT "projects: [{dir: a, environment: "
			    "prod}]\n",
		ENVIRONMENT "projects: [{dir: a}]\n", "project a env=prod\n",
		"projects[0].environment" },
	{ "the environment of a project changed",
		ENVIRONMENT "  dev: {}\nprojects: [{dir: a, environment: prod}]\n",
		ENVIRONMENT "  dev: {}\nprojects: [{dir: a, environment: dev}]\n",
		"project a env=prod\n", "projects[0].environment" },
	{ "the same folder under another name",
		ENVIRONMENT "projects: [{dir: a, name: x, environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: a, name: y}]\n", "project a name=y env=prod\n",
		"projects[0].environment" },
	{ "the same folder in another workspace",
		ENVIRONMENT "projects: [{dir: a, environment: prod, apply_requirements: "
			    "[approved]}]\n",
		ENVIRONMENT "projects: [{dir: a, workspace: b}, {dir: a, environment: prod, "
			    "apply_requirements: [approved]}]\n",
		"project a workspace=b env=prod apply=a new\n", "projects[0].environment" },
	{ "the same folder written differently",
		ENVIRONMENT "projects: [{dir: a/b, environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: ./a//b/.}]\n", "project a/b env=prod\n",
		"projects[0].environment" },
	{ "a pattern over the folder", ENVIRONMENT "projects: [{dir: a/b, environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: 'a/*'}]\n", "project a/* env=prod new\n",
		"projects[0].environment" },
	{ "a folder out of the pattern",
		ENVIRONMENT "projects: [{dir: 'a/*', environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: a/b}, {dir: 'a/*', environment: prod}]\n",
		"project a/b env=prod new\n", "projects[0].environment" },
	{ "a pattern over two environments",
		ENVIRONMENT "  dev: {}\nprojects: [{dir: a/b, environment: prod}, {dir: a/c, "
			    "environment: dev}]\n",
		ENVIRONMENT "  dev: {}\nprojects: [{dir: 'a/?'}]\n",
		"switches follow\nproject a/b env=prod\nproject a/c env=dev\n", "projects[0].dir" },
	{ "a dependency on what is not taken",
		ENVIRONMENT "  dev: {}\nprojects: [{dir: a/b, environment: prod}, {dir: a/c, "
			    "environment: dev}, {dir: z, name: z}]\n",
		ENVIRONMENT
		"  dev: {}\nprojects: [{dir: 'a/?'}, {dir: a/d, name: d}, {dir: z, name: "
		"z, depends_on: [d]}]\n",
		"project z name=z after=d\n", "projects[0].dir" },
	{ "a project moved under its name",
		ENVIRONMENT "projects: [{dir: a, name: x, environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: b, name: x}]\n",
		"project a env=prod\nproject b name=x env=prod new\n", "projects[0].environment" },
	{ "a project removed", ENVIRONMENT "projects: [{dir: a, environment: prod}]\n",
		ENVIRONMENT "projects: []\n", "project a env=prod\n", "projects[0]" },
	{ "all projects removed, and found by themselves",
		ENVIRONMENT "projects: [{dir: a, environment: prod}]\n",
		ENVIRONMENT "autodiscover: {mode: enabled}\n", "project a env=prod\n",
		"projects[0]" },

	{ "a discovery rule removed", ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod}]\n",
		ENVIRONMENT, "discover i/* env=prod\n", "discover[0]" },
	{ "a discovery rule without its environment",
		ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod}]\n",
		ENVIRONMENT "discover: [{dirs: 'i/*'}]\n",
		"discover i/* env=prod\ndiscover i/* env= not=i/* new\n", "discover[0]" },
	{ "a discovery rule that leaves one folder out",
		ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod}]\n",
		ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod, exclude: i/x}]\n",
		"discover i/* env=prod\ndiscover i/* env=prod not=i/x,i/* new\n", "discover[0]" },
	{ "a new rule over the folder of a project, which has another workspace",
		ENVIRONMENT "projects: [{dir: i/x, workspace: w, environment: prod}]\n",
		ENVIRONMENT "projects: [{dir: i/x, workspace: w, environment: prod}]\ndiscover: "
			    "[{dirs: 'i/*'}]\n",
		"discover i/* env= not=i/x new\n", "discover[0].dirs" },
	{ "a project in a folder of a discovery rule",
		ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod}]\n",
		ENVIRONMENT "discover: [{dirs: 'i/*', environment: prod}]\nprojects: [{dir: "
			    "i/x}]\n",
		"project i/x env=prod new\n", "projects[0].environment" },
	{ "the same with an environment out of the path",
		ENVIRONMENT "discover: [{dirs: 'i/*/*', environment: '{2}'}]\n",
		ENVIRONMENT "discover: [{dirs: 'i/*/*', environment: '{2}'}]\nprojects: [{dir: "
			    "i/x/prod}]\n",
		"project i/x/prod env=prod new\n", "projects[0].environment" },
	{ "a pattern over folders of a discovery rule",
		ENVIRONMENT "discover: [{dirs: 'i/*/*', environment: '{2}'}]\n",
		ENVIRONMENT "discover: [{dirs: 'i/*/*', environment: '{2}'}]\nprojects: [{dir: "
			    "'i/*/prod'}]\n",
		"switches follow\nenv prod", "projects[0].dir" },

	{ "plan requirements removed", "projects: [{dir: a, plan_requirements: [approved]}]\n",
		"projects: [{dir: a}]\n", "project a plan=a\n", "projects[0].plan_requirements" },
	{ "apply requirements emptied",
		"projects: [{dir: a, apply_requirements: [approved, mergeable]}]\n",
		"projects: [{dir: a, apply_requirements: []}]\n", "project a apply=am\n",
		"projects[0].apply_requirements" },
	{ "one of two requirements",
		"projects: [{dir: a, apply_requirements: [approved, mergeable]}]\n",
		"projects: [{dir: a, apply_requirements: [undiverged, mergeable]}]\n",
		"project a apply=amu\n", "projects[0].apply_requirements" },
	{ "requirements without a value", "projects: [{dir: a, import_requirements: [approved]}]\n",
		"projects: [{dir: a, import_requirements: }]\n", "project a import=a\n",
		"projects[0].import_requirements" },
	{ "checks removed", "checks: {checkov: {}}\nprojects: [{dir: a, checks: [checkov]}]\n",
		"checks: {checkov: {}}\nprojects: [{dir: a}]\n", "project a checks=checkov\n",
		"projects[0].checks" },
	{ "checks exchanged", "projects: [{dir: a, checks: [checkov]}]\n",
		"projects: [{dir: a, checks: [secrets]}]\n", "project a checks=checkov,secrets\n",
		"projects[0].checks" },
	{ "a check that forgives more", "checks: {checkov: {threshold: low}}\n",
		"checks: {checkov: {threshold: critical}}\n", "check checkov low\n",
		"checks.checkov" },
	{ "a check that the base leaves strict", "projects: [{dir: a, checks: [checkov]}]\n",
		"checks: {checkov: {threshold: critical, skip_needs: {user: me}}}\nprojects: "
		"[{dir: "
		"a, checks: [checkov]}]\n",
		"workflow default of default\nnote", "checks.checkov" },
	{ "a check forgotten", "checks: {checkov: {threshold: low}}\n", "", "check checkov low\n",
		"checks.checkov" },
	{ "owners removed", "projects: [{dir: a, owners: ['@sre']}]\n", "projects: [{dir: a}]\n",
		"project a owners=@sre\n", "projects[0].owners" },
	{ "one more owner", "projects: [{dir: a, owners: ['@sre']}]\n",
		"projects: [{dir: a, owners: ['@sre', me]}]\n", "project a owners=@sre\n",
		"projects[0].owners" },

	{ "another workflow",
		"workflows: {w: {plan: {steps: [{run: x}]}}}\nprojects: [{dir: a, "
		"workflow: w}]\n",
		"workflows: {w: {plan: {steps: [{run: x}]}}}\nprojects: [{dir: a}]\n",
		"project a workflow=w\n", "projects[0].workflow" },
	{ "a step of a workflow changed",
		"workflows: {w: {plan: {steps: [{run: x}, plan]}}}\nprojects: [{dir: a, workflow: "
		"w}]\n",
		"workflows: {w: {plan: {steps: [{run: y}, plan]}}}\nprojects: [{dir: a, workflow: "
		"w}]\n",
		"workflow w of base 0.8:x 0.2\n", "workflows.w.plan.steps[0]" },
	{ "a workflow emptied",
		"workflows: {w: {plan: {steps: [{run: x}]}}}\nprojects: [{dir: a, workflow: w}]\n",
		"workflows: {w: }\nprojects: [{dir: a, workflow: w}]\n",
		"workflow w of base 0.8:x\n", "workflows.w" },
	{ "a workflow of the server's name", "projects: [{dir: a, workflow: strict}]\n",
		"workflows: {strict: {apply: {steps: [{run: evil}]}}}\nprojects: [{dir: a, "
		"workflow: strict}]\n",
		"workflow strict of server\n", "workflows.strict" },
	{ "a workflow called default", "projects: [{dir: a}]\n",
		"workflows: {default: {apply: {steps: [{run: evil}]}}}\nprojects: [{dir: a}]\n",
		"workflow default of default\n", "workflows.default" },

	{ "a new workflow without policy checks", "",
		"workflows: {w: {policy_check: {steps: []}, plan: {steps: [plan]}}}\nprojects: "
		"[{dir: a, workflow: w}]\n",
		"workflow w of head 0.2\n", "workflows.w.policy_check" },
	{ "a new project without locks", "", "projects: [{dir: a, repo_locks: {mode: disabled}}]\n",
		"project a new\n", "projects[0].repo_locks" },
	{ "a new project that nobody sees", "",
		"projects: [{dir: a, silence_pr_comments: [plan]}]\n", "project a new\n",
		"projects[0].silence_pr_comments" },

	{ "locks off", "projects: [{dir: a}]\n",
		"projects: [{dir: a, repo_locks: {mode: disabled}}]\n", "project a\n",
		"projects[0].repo_locks" },
	{ "locks off, the older way", "projects: [{dir: a}]\n",
		"projects: [{dir: a, repo_locking: false}]\n", "project a\n",
		"projects[0].repo_locks" },
	{ "locks off for all", "projects: [{dir: a}]\n",
		"repo_locks: {mode: disabled}\nprojects: [{dir: a}]\n", "project a\n",
		"projects[0].repo_locks" },
	{ "policy checks off", "projects: [{dir: a, policy_check: true}]\n",
		"projects: [{dir: a, policy_check: false}]\n", "project a policy\n",
		"projects[0].policy_check" },
	{ "policies of its own steps", "projects: [{dir: a, policy_check: true}]\n",
		"projects: [{dir: a, policy_check: true, custom_policy_check: true}]\n",
		"project a policy\n", "projects[0].custom_policy_check" },
	{ "a plan that nobody sees", "projects: [{dir: a}]\n",
		"projects: [{dir: a, silence_pr_comments: [plan]}]\n", "project a\n",
		"projects[0].silence_pr_comments" },
	{ "no plan for this branch", "projects: [{dir: a}]\n",
		"projects: [{dir: a, branch: /other/}]\n", "project a\n", "projects[0].branch" },
	{ "a kind that plans nothing", "projects: [{dir: a}]\n",
		"projects: [{dir: a, kind: manifests}]\n", "project a\n", "projects[0].kind" },
	{ "automerge", "automerge: false\n", "automerge: true\n", "switches follow\n",
		"automerge" },
	{ "branches deleted", "", "delete_source_branch_on_merge: true\n", "switches follow\n",
		"delete_source_branch_on_merge" },
	{ "later groups after a failure", "abort_on_execution_order_fail: true\n", "",
		"switches abort follow\n", "abort_on_execution_order_fail" },
	{ "modules not followed", "", "follow_modules: false\n", "switches follow\n",
		"follow_modules" },
};

static struct credential_profile profiles[] = { { .name = "prod" }, { .name = "dev" } };

static const struct settings open_server = { .tool = "terraform",
	.repo_rules = &open_rule,
	.repo_rule_count = 1,
	.workflows = server_workflows,
	.workflow_count = 1,
	.defaults = { .autoplan = true, .follow_modules = true },
	.credentials = profiles,
	.credential_count = countof(profiles) };

/* Begins a line of `text` with `begin`? */
static bool has_line(const char *text, const char *begin)
{
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		if (str_starts(line, begin))
			return true;
	}
	return false;
}

static void merge_texts(const char *base, const char *head, struct strbuf *out)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *whole_base = mem_printf("version: 3\n%s", base == NULL ? "" : base);
	_cleanup_free_ char *whole_head = mem_printf("version: 3\n%s", head == NULL ? "" : head);
	struct repo_config config = { 0 };

	if (read_config(&open_server, base == NULL ? NULL : whole_base,
		    head == NULL ? NULL : whole_head, &arena, &config, out) == 0)
		print_config(&config, out);
}

static void test_guard(void **state)
{
	_cleanup_strbuf_ struct strbuf result = STRBUF(64 << 10), same = STRBUF(64 << 10);
	const __typeof__(guards[0]) *row = *state;
	_cleanup_free_ char *note = NULL;
	const char *colon;

	merge_texts(row->base, row->head, &result);
	if (!has_line(strbuf_text(&result), row->holds))
		fail_msg("not there: %s\nin:\n%s", row->holds, strbuf_text(&result));
	note = mem_printf(" %s: ", row->note);
	colon = strstr(strbuf_text(&result), note);
	if (colon == NULL)
		fail_msg("no note at %s in:\n%s", row->note, strbuf_text(&result));
	merge_texts(row->base, row->base, &same); /* what did not change is no news */
	assert_null(strstr(strbuf_text(&same), "\nnote"));
}

/* ---- what a head may do ---- */

static const struct {
	const char *name, *base, *head, *result;
} free_to[] = {
	{ "add a project", "projects: [{dir: a}]\n", "projects: [{dir: a}, {dir: b}]\n",
		"switches follow\nproject a\nproject b new\nworkflow default of default\n" },
	{ "ask for more", "checks: {checkov: {}}\nprojects: [{dir: a}]\n",
		"checks: {checkov: {}}\nprojects: [{dir: a, apply_requirements: [approved], "
		"checks: [checkov]}]\n",
		"switches follow\nproject a apply=a checks=checkov\nworkflow default of "
		"default\ncheck checkov \n" },
	{ "change what is planned when", "projects: [{dir: a, name: x}, {dir: b, name: y}]\n",
		"projects: [{dir: a, name: x, autoplan: {enabled: false, when_modified: ['*']}, "
		"depends_on: [y], terraform_version: v1.5}, {dir: b, name: y}]\n",
		"switches follow\nproject a name=x version=1.5.0 when=* after=y asked\nproject b "
		"name=y\nworkflow default of default\n" },
	{ "move to the other tool", "projects: [{dir: a}]\n",
		"projects: [{dir: a, terraform_distribution: opentofu}]\n",
		"switches follow\nproject a kind=opentofu\nworkflow default of default\n" },
	{ "put a project into an environment", ENVIRONMENT "projects: [{dir: a}]\n",
		ENVIRONMENT "projects: [{dir: a, environment: prod}]\n",
		"switches follow\nproject a env=prod\n" KEEPS_ENVIRONMENT
		"workflow default of default\n" },
	{ "move values to the safe side",
		"projects: [{dir: a, repo_locks: {mode: disabled}, silence_pr_comments: [plan], "
		"delete_source_branch_on_merge: true}]\n",
		"projects: [{dir: a, policy_check: true}]\n",
		"switches follow\nproject a policy\nworkflow default of default\n" },
	{ "turn automerge off", "automerge: true\n", "automerge: false\n",
		"switches follow\nworkflow default of default\n" },
	{ "bring a workflow, whose commands wait for a person", "",
		"workflows: {w: {plan: {steps: [init, {run: x}, {env: {name: A, command: y}}, "
		"plan]}}}\n"
		"projects: [{dir: b, workflow: w}]\n",
		"switches follow\nproject b workflow=w new\nworkflow default of default\nworkflow "
		"w of head 0.1 0.8:x 0.9:y 0.2\nnew w.plan: x\nnew w.plan: y\n" },
	{ "bring the first file of all", NULL, "projects: [{dir: a}]\n",
		"switches follow\nproject a new\nworkflow default of default\n" },
	{ "remove the file, for the time after the merge", "projects: [{dir: a}]\n", NULL,
		"switches follow\nproject a\nworkflow default of default\nnote sluice.yaml:0 : "
		"the file is removed; until the pull request is merged the base branch's word "
		"holds\n" },
	{ "have no file at all", NULL, NULL, "switches follow\nworkflow default of default\n" },
};

static void test_may(void **state)
{
	_cleanup_strbuf_ struct strbuf result = STRBUF(64 << 10);
	const __typeof__(free_to[0]) *row = *state;

	merge_texts(row->base, row->head, &result);
	assert_string_equal(strbuf_text(&result), row->result);
}

/* ---- what the server lets a repository say ---- */

#define OVERRIDES(keys)                                                                            \
	{                                                                                          \
		.id = "/.*/", .given = REPO_ALLOWED_OVERRIDES, .allowed_overrides = (keys)         \
	}

static const char *only_strict[] = { "strict" };

static struct repo_rule approved_rules[] = { { .id = "local/team/infra",
	.given = REPO_APPLY_REQUIREMENTS | REPO_LOCKS | REPO_SILENCE,
	.apply_requires = REQUIRE_APPROVED,
	.lock = LOCK_ON_APPLY } };
static struct repo_rule approved_open_rules[] = { { .id = "/.*/",
	.given = REPO_APPLY_REQUIREMENTS | REPO_ALLOWED_OVERRIDES,
	.apply_requires = REQUIRE_APPROVED,
	.allowed_overrides = (1 << 10) - 1 } };
static struct repo_rule workflow_rules[] = { OVERRIDES(REPO_WORKFLOW) };
static struct repo_rule custom_rules[] = { OVERRIDES(REPO_WORKFLOW),
	{ .id = "/infra$/", .given = REPO_CUSTOM_WORKFLOWS, .allow_custom_workflows = true } };
static struct repo_rule strict_rules[] = { { .id = "/.*/",
	.given = REPO_ALLOWED_OVERRIDES | REPO_ALLOWED_WORKFLOWS | REPO_CUSTOM_WORKFLOWS,
	.allowed_overrides = REPO_WORKFLOW,
	.allow_custom_workflows = true,
	.allowed_workflows = { only_strict, 1 } } };
static struct repo_rule later_rules[] = {
	{ .id = "/.*/",
		.given = REPO_APPLY_REQUIREMENTS | REPO_WORKFLOW,
		.apply_requires = REQUIRE_APPROVED,
		.workflow = "strict" },
	{ .id = "local/team/other",
		.given = REPO_APPLY_REQUIREMENTS,
		.apply_requires = REQUIRE_UNDIVERGED },
	{ .id = "/^local.team/",
		.given = REPO_APPLY_REQUIREMENTS,
		.apply_requires = REQUIRE_MERGEABLE },
};
static struct repo_rule all_rules[] = { OVERRIDES((1 << 10) - 1) };

#define NEEDS(what)                                                                                \
	"the server does not let this repository say this; the server's entry of `repos` "         \
	"needs " what

static const struct {
	const char *name;
	struct repo_rule *rules;
	size_t rule_count;
	const char *file, *holds, *said; /* said: it is refused */
} rights[] = {
#define RULES(rules) rules, countof(rules)
	{ "nothing is allowed, nothing is said", NULL, 0, "projects: [{dir: a}]\n", "project a\n",
		NULL },
	{ "more requirements need no leave", RULES(approved_rules),
		"projects: [{dir: a, apply_requirements: [approved, mergeable]}]\n",
		"project a apply=am lock=on_apply\n", NULL },
	{ "fewer do", RULES(approved_rules), "projects: [{dir: a, apply_requirements: []}]\n", NULL,
		"sluice.yaml:2:41: projects[0].apply_requirements: " NEEDS(
			"allowed_overrides: [apply_requirements]") },
	{ "fewer with leave", RULES(approved_open_rules),
		"projects: [{dir: a, apply_requirements: []}]\n", "project a\n", NULL },
	{ "a value that holds anyway", RULES(approved_rules),
		"projects: [{dir: a, repo_locks: {mode: on_apply}}]\n",
		"project a apply=a lock=on_apply\n", NULL },
	{ "another one", RULES(approved_rules),
		"projects: [{dir: a, repo_locks: {mode: disabled}}]\n", NULL,
		"sluice.yaml:2:33: projects[0].repo_locks: " NEEDS(
			"allowed_overrides: [repo_locks]") },
	{ "silence for the whole file", RULES(approved_rules),
		"silence_pr_comments: [plan]\nprojects: [{dir: a}]\n", NULL,
		"projects[0].silence_pr_comments: " NEEDS(
			"allowed_overrides: [silence_pr_comments]") },
	{ "all of them allowed", RULES(all_rules),
		"projects: [{dir: a, apply_requirements: [approved], repo_locking: false, "
		"policy_check: true, silence_pr_comments: [plan], delete_source_branch_on_merge: "
		"true}]\n",
		"project a apply=a lock=disabled policy silent delete\n", NULL },
	{ "a workflow without leave", RULES(approved_rules),
		"projects: [{dir: a, workflow: strict}]\n", NULL,
		"projects[0].workflow: " NEEDS("allowed_overrides: [workflow]") },
	{ "the default without leave", RULES(approved_rules),
		"projects: [{dir: a, workflow: default}]\n", "project a apply=a lock=on_apply\n",
		NULL },
	{ "a workflow of the server", RULES(workflow_rules),
		"projects: [{dir: a, workflow: strict}]\n", "project a workflow=strict\n", NULL },
	{ "a workflow that nobody has", RULES(workflow_rules),
		"projects: [{dir: a, workflow: strickt}]\n", NULL,
		"sluice.yaml:2:31: projects[0].workflow: there is no workflow \"strickt\"; did you "
		"mean \"strict\"?" },
	{ "workflows of its own without leave", RULES(workflow_rules),
		"workflows: {w: }\nprojects: [{dir: a, workflow: w}]\n", NULL,
		"sluice.yaml:2:12: workflows: " NEEDS("allow_custom_workflows: true") },
	{ "workflows of its own by a second rule", RULES(custom_rules),
		"workflows: {w: }\nprojects: [{dir: a, workflow: w}]\n", "project a workflow=w\n",
		NULL },
	{ "a workflow that is not on the list", RULES(strict_rules),
		"projects: [{dir: a, workflow: strict}, {dir: b, workflow: loose}]\n", NULL,
		"projects[1].workflow: " NEEDS("allowed_workflows: [loose]") },
	{ "one of its own beside the list, and the next is looked at too", RULES(strict_rules),
		"workflows: {w: }\nprojects: [{dir: a, workflow: w}, {dir: b, workflow: loose}]\n",
		NULL, "projects[1].workflow: " NEEDS("allowed_workflows: [loose]") },
	{ "the last rule that matches holds, key by key", RULES(later_rules),
		"projects: [{dir: a}]\n", "project a workflow=strict apply=m\n", NULL },
};

static void test_rights(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf result = STRBUF(64 << 10);
	const __typeof__(rights[0]) *row = *state;
	_cleanup_free_ char *file = mem_printf("version: 3\n%s", row->file);
	struct settings settings = open_server;
	struct repo_config config = { 0 };
	int r;

	settings.repo_rules = row->rules;
	settings.repo_rule_count = row->rule_count;
	r = read_config(&settings, file, file, &arena, &config, &result);
	if (r == 0)
		print_config(&config, &result);
	assert_int_equal(r < 0, row->said != NULL);
	if (row->said != NULL)
		assert_contains(strbuf_text(&result), row->said);
	else if (!has_line(strbuf_text(&result), row->holds))
		fail_msg("not there: %s\nin:\n%s", row->holds, strbuf_text(&result));
}

/* What the base may not say is not heard, or nobody could mend it by a pull request. */
static void test_a_base_that_says_too_much(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf result = STRBUF(64 << 10);
	static const char base[] = "version: 3\nprojects: [{dir: a, workflow: strict}]\n";
	struct settings settings = open_server;
	struct repo_config config = { 0 };

	settings.repo_rule_count = 0;
	assert_int_equal(read_config(&settings, base, "version: 3\nprojects: [{dir: a}]\n", &arena,
				 &config, &result),
		0);
	print_config(&config, &result);
	assert_contains(strbuf_text(&result), "\nproject a\n");
	assert_contains(strbuf_text(&result),
		"note sluice.yaml:2 projects[0].workflow: not heard: the server's entry of `repos` "
		"would need allowed_overrides: [workflow]\n");
}

/* With every leave of the server a head still cannot ask for less than the server does. */
static void test_a_new_project_below_the_server(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf result = STRBUF(64 << 10);
	struct settings settings = open_server;
	struct repo_config config = { 0 };

	settings.repo_rules = approved_open_rules;
	assert_int_equal(read_config(&settings, "version: 3\n",
				 "version: 3\nprojects: [{dir: a, apply_requirements: []}]\n",
				 &arena, &config, &result),
		0);
	print_config(&config, &result);
	assert_contains(strbuf_text(&result), "\nproject a apply=a new\n");
	assert_contains(strbuf_text(&result), "projects[0].apply_requirements: stays as");
}

static void test_a_base_that_cannot_be_read(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct repo_config config = { 0 };

	assert_true(read_config(&open_server, "version: 3\nprojectz: []\n", "version: 3\n", &arena,
			    &config, &said) < 0);
	assert_string_equal(strbuf_text(&said),
		"sluice.yaml:2:1: projectz: unknown key; this is the file of the base branch; its "
		"guards cannot be known until it is mended there\n");
}

/* ---- whom the server's rules mean ---- */

static void test_rules_of_the_server(_unused_ void **state)
{
	static struct hook hooks[] = { { .command = "one" }, { .command = "two" } };
	static struct repo_rule rules[] = {
		{ .id = "/.*/", .pre_hooks = &hooks[0], .pre_hook_count = 1 },
		{ .id = "local/team/infra",
			.given = REPO_BRANCH | REPO_CONFIG_FILE | REPO_DISCOVER,
			.branch = "/^release/",
			.repo_config_file = "ci/plan.yaml",
			.discover = DISCOVER_DISABLED,
			.pre_hooks = &hooks[1],
			.pre_hook_count = 1 },
		{ .id = "local/team/infra2", .given = REPO_BRANCH, .branch = "/never/" },
	};
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct settings settings = open_server;
	struct repo_config config = { 0 };
	struct name_list names;

	settings.repo_rules = rules;
	settings.repo_rule_count = countof(rules);
	config_file_reader.files(
		&config_file_reader, &settings, "local", "team/infra", &arena, &names);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.list[0], "ci/plan.yaml");
	config_file_reader.files(&config_file_reader, &settings, "local", "team/x", &arena, &names);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.list[0], "sluice.yaml");
	assert_int_equal(read_config(&settings, NULL, "version: 3\nautodiscover: {mode: enabled}\n",
				 &arena, &config, &said),
		0);
	assert_true(config.ignores_branch); /* it goes into main */
	assert_int_equal(config.discover, DISCOVER_DISABLED);
	assert_int_equal(config.pre_hook_count, 2);
	assert_string_equal(config.pre_hooks[1].command, "two");
}

int main(int argc, char **argv)
{
	CASES(guards, test_guard);
	CASES(free_to, test_may);
	CASES(rights, test_rights);
	CASE(test_a_base_that_says_too_much);
	CASE(test_a_new_project_below_the_server);
	CASE(test_a_base_that_cannot_be_read);
	CASE(test_rules_of_the_server);
	return cases_run(argc, argv);
}
