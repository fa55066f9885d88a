/* links: config model lib_regex lib_yaml lib */
/* server.yaml: what is read, what every broken file is told, and that the reference page is the
 * table. */
#include "tests/lib/cases.h"

#include "config/server_config.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* What is said about the file; "" when it is fine. */
static void parse(const char *text, struct settings *settings, struct strbuf *said)
{
	struct config_errors errors = { 0 };
	struct err err = { 0 };
	int r;

	server_config_defaults(settings);
	r = server_config_parse(text, strlen(text), settings, &errors, &err);
	config_errors_text(&errors, "server.yaml", said);
	assert_int_equal(r, errors.found == 0 ? 0 : -ERR_CONFIG);
	config_errors_release(&errors);
}

static void test_values(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct settings settings;

	parse("listen: 0.0.0.0:80\nslots: 3\nlocal: false\ntool: opentofu\ntools: {tofu: "
	      "/opt/tofu}\n"
	      "limits: {step_timeout: 1h30m, body: 64KiB, comment_interval: 250ms, output: 1GiB}\n",
		&settings, &said);
	assert_string_equal(strbuf_text(&said), "");
	assert_string_equal(settings.listen_host, "0.0.0.0");
	assert_int_equal(settings.listen_port, 80);
	assert_int_equal(settings.slots, 3);
	assert_false(settings.local_host);
	assert_string_equal(settings.tool, "opentofu");
	assert_string_equal(settings.tofu_path, "/opt/tofu");
	assert_int_equal(settings.step_timeout_ms, 5400000);
	assert_int_equal(settings.body_cap_bytes, 65536);
	assert_int_equal(settings.comment_interval_ms, 250);
	assert_int_equal(settings.output_cap_bytes, 1 << 30);
	arena_release(&settings.arena);
}

static const char whole[] =
	"url: https://sluice.example.org\n"
	"commands: {words: [infra], allowed: [plan, apply], apply_all: false}\n"
	"hosts:\n"
	"  github.com:\n"
	"    kind: github\n"
	"    token_file: github-token\n"
	"    webhook_secret_files: [/run/secrets/new, /run/secrets/old]\n"
	"    repos: [github.com/acme/*, \"!github.com/acme/secret\"]\n"
	"  ghe.acme.test:\n"
	"    kind: github\n"
	"    app_id: 42\n"
	"    app_key_file: /run/secrets/key.pem\n"
	"    webhook_secret_files: hook\n"
	"    repos: ghe.acme.test/*\n"
	"    forks: plan_on_command\n"
	"  code.acme.test: {kind: forgejo, token_file: t, webhook_secret_files: h, repos: "
	"'*'}\n"
	"repos:\n"
	"- id: /.*/\n"
	"  apply_requirements: [approved, mergeable]\n"
	"  allowed_overrides: [workflow, repo_locks]\n"
	"  pre_workflow_hooks: [{run: make, commands: 'plan, apply'}]\n"
	"  repo_locking: false\n"
	"- id: github.com/acme/infra\n"
	"  branch: /^main$/\n"
	"  workflow: own\n"
	"  allowed_workflows: [own, default]\n"
	"  allow_custom_workflows: yes\n"
	"  plan_requirements:\n"
	"  repo_locks: {mode: on_apply}\n"
	"  autodiscover: {mode: disabled, ignore_paths: [old/*]}\n"
	"  silence_pr_comments: [apply]\n"
	"workflows:\n"
	"  own: {plan: {steps: [init, {run: make plan}, plan]}}\n"
	"policies:\n"
	"  owners: {teams: [security]}\n"
	"  approve_count: 2\n"
	"  policy_sets: [{name: a, path: /p/a}, {name: b, path: /p/b, approve_count: 1}]\n"
	"metrics: {statsd: {host: 127.0.0.1, port: 8125}}\n"
	"registries: {git.acme.test: {repos: '*', token_file: /t, ca_bundle: /ca.pem}}\n"
	"credentials:\n"
	"  production:\n"
	"    repos: github.com/acme/*\n"
	"    plan: {variables: {AWS_REGION: {value: eu-central-1}}, identity: {kind: aws, role: "
	"'arn:aws:iam::1:role/plan', lifetime: 5m}}\n"
	"    apply: {command: [/bin/mint, apply], variables: {AWS_SECRET_ACCESS_KEY: {file: "
	"/k}}}\n"
	"tools:\n"
	"  folder: /opt/tools\n"
	"  pinned: [{kind: terraform, version: 1.9.8, sha256: "
	"0000000000000000000000000000000000000000000000000000000000000000}]\n"
	"sandbox: {mode: landlock, require: landlock, profiles: {apply: {hosts: "
	"[\"*.amazonaws.com\"], memory: 2GiB}}}\n"
	"notifications: [{kind: slack, events: drift, channel: \"#infra\", secret_file: s}]\n"
	"teams: {platform: {members: [ann, bob]}}\n";

static void check_hosts(const struct settings *settings)
{
	const struct host_settings *hosts = settings->hosts;

	assert_int_equal(settings->host_count, 3);
	assert_string_equal(hosts[0].name, "github.com");
	assert_string_equal(hosts[0].url, "https://github.com");
	assert_string_equal(hosts[0].api_url, "https://api.github.com");
	assert_string_equal(hosts[0].token_file, "github-token");
	assert_int_equal(hosts[0].webhook_secret_files.count, 2);
	assert_string_equal(hosts[0].repos.list[1], "!github.com/acme/secret");
	assert_int_equal(hosts[0].forks, FORKS_REFUSED);
	assert_int_equal(hosts[0].at.line, 5);
	assert_string_equal(hosts[1].api_url, "https://ghe.acme.test/api/v3");
	assert_int_equal(hosts[1].app_id, 42);
	assert_int_equal(hosts[1].forks, FORKS_PLAN_ON_COMMAND);
	assert_string_equal(hosts[2].api_url, "https://code.acme.test/api/v1");
}

static void check_rules(const struct settings *settings)
{
	const struct repo_rule *all = &settings->repo_rules[0], *one = &settings->repo_rules[1];

	assert_int_equal(settings->repo_rule_count, 2);
	assert_int_equal(
		all->given, REPO_APPLY_REQUIREMENTS | REPO_ALLOWED_OVERRIDES | REPO_LOCKING);
	assert_int_equal(all->apply_requires, REQUIRE_APPROVED | REQUIRE_MERGEABLE);
	assert_int_equal(all->allowed_overrides, REPO_WORKFLOW | REPO_LOCKS);
	assert_int_equal(all->lock, LOCK_DISABLED);
	assert_int_equal(all->pre_hook_count, 1);
	assert_int_equal(all->pre_hooks[0].command_count, 2);
	assert_string_equal(all->pre_hooks[0].shell, "sh");
	assert_string_equal(all->pre_hooks[0].shell_args[0], "-c");
	assert_int_equal(one->given, REPO_BRANCH | REPO_WORKFLOW | REPO_ALLOWED_WORKFLOWS |
					     REPO_CUSTOM_WORKFLOWS | REPO_LOCKS | REPO_DISCOVER |
					     REPO_SILENCE); /* a key without a value is not given */
	assert_true(one->allow_custom_workflows);
	assert_int_equal(one->lock, LOCK_ON_APPLY);
	assert_int_equal(one->discover, DISCOVER_DISABLED);
	assert_true(one->silence_apply && !one->silence_plan);
	assert_int_equal(settings->workflows[0].origin, ORIGIN_SERVER);
	assert_int_equal(settings->workflows[0].stages[STAGE_PLAN].count, 3);
}

static void test_whole(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	const struct credential_profile *profile;
	struct settings settings;

	parse(whole, &settings, &said);
	assert_string_equal(strbuf_text(&said), "");
	check_hosts(&settings);
	check_rules(&settings);
	assert_string_equal(settings.commands.words.list[0], "infra");
	assert_false(settings.commands.apply_all);
	assert_int_equal(settings.policies.sets[0].approve_count, 2);
	assert_int_equal(settings.policies.sets[1].approve_count, 1);
	assert_string_equal(settings.policies.owners.teams.list[0], "security");
	assert_string_equal(settings.metrics.statsd_port, "8125");
	profile = settings_credentials(&settings, "production");
	assert_string_equal(profile->plan.variables[0].value, "eu-central-1");
	assert_string_equal(profile->apply.variables[0].file, "/k");
	assert_string_equal(profile->plan.identity.role, "arn:aws:iam::1:role/plan");
	assert_int_equal(profile->plan.identity.lifetime_ms, 300000);
	assert_null(profile->apply.identity.kind);
	assert_int_equal(profile->apply.identity.lifetime_ms, 900000);
	assert_true(settings_serve_repo(&profile->repos, "github.com", "acme/infra"));
	assert_false(settings_serve_repo(&profile->repos, "github.com", "acme2/infra"));
	assert_true(settings_use_identities(&settings));
	assert_string_equal(settings.registries[0].host, "git.acme.test");
	assert_string_equal(settings.registries[0].user, "x-access-token");
	assert_string_equal(profile->apply.command.list[1], "apply");
	assert_null(settings_credentials(&settings, "staging"));
	assert_non_null(settings_tool(&settings, "terraform", "1.9.8"));
	assert_null(settings_tool(&settings, "terraform", "1.9.9"));
	assert_null(settings_tool(&settings, "opentofu", "1.9.8"));
	assert_int_equal(settings.sandbox.overrides[0].memory_bytes, 2LL << 30);
	assert_int_equal(settings.notifications[0].events, NOTIFY_DRIFT);
	assert_int_equal(settings.teams[0].members.count, 2);
	arena_release(&settings.arena);
}

static void test_defaults(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct settings settings;

	parse("# nothing yet\n", &settings, &said);
	assert_string_equal(strbuf_text(&said), "");
	assert_string_equal(settings.listen_host, "127.0.0.1");
	assert_int_equal(settings.listen_port, 4141);
	assert_true(settings.local_host && settings.bare_commands);
	assert_null(settings.data_dir);
	arena_release(&settings.arena);
}

static void test_listen_to_the_newer_protocol(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct settings settings;

	parse("listen: \"[::1]:8080\"\n", &settings, &said);
	assert_string_equal(strbuf_text(&said), "");
	assert_string_equal(settings.listen_host, "::1");
	assert_int_equal(settings.listen_port, 8080);
	arena_release(&settings.arena);
}

#define LISTEN "expected ADDRESS:PORT, like 127.0.0.1:4141 or [::1]:4141"

static const struct {
	const char *name; /* the file */
	const char *said;
} broken[] = {
	{ "slot: 3", "server.yaml:1:1: slot: unknown key; did you mean \"slots\"?" },
	{ "body: 2MiB", "server.yaml:1:1: body: unknown key; did you mean \"limits.body\"?" },
	{ "kubernetes: 3", "server.yaml:1:1: kubernetes: unknown key" },
	{ "limits:\n  step_timeot: 1h\n",
		"server.yaml:2:3: limits.step_timeot: unknown key; did you mean "
		"\"step_timeout\"?" },
	{ "limits: {slots: 3}", "server.yaml:1:10: limits.slots: unknown key" },
	{ "tools: {tofuu: /x}",
		"server.yaml:1:9: tools.tofuu: unknown key; did you mean \"tofu\"?" },
	{ "slots: many", "server.yaml:1:8: slots: expected a whole number" },
	{ "slots: 3.5", "server.yaml:1:8: slots: expected a whole number" },
	{ "slots: \"3\"", "server.yaml:1:8: slots: expected a whole number" },
	{ "slots: 99999999999999999999", "server.yaml:1:8: slots: expected a whole number" },
	{ "slots:", "server.yaml:1:7: slots: expected a whole number" },
	{ "slots: 0", "server.yaml:1:8: slots: must lie between 1 and 1000" },
	{ "slots: -1", "server.yaml:1:8: slots: must lie between 1 and 1000" },
	{ "slots: [1]", "server.yaml:1:8: slots: expected one value, not a list" },
	{ "slots: {a: 1}", "server.yaml:1:8: slots: expected one value, not a map" },
	{ "local: maybe", "server.yaml:1:8: local: expected true or false" },
	{ "local: yes", "server.yaml:1:8: local: expected true or false; write true" },
	{ "local: Off", "server.yaml:1:8: local: expected true or false; write false" },
	{ "local: \"true\"",
		"server.yaml:1:8: local: expected true or false; write it without quotes" },
	{ "listen: 4141", "server.yaml:1:9: listen: " LISTEN },
	{ "listen: a:99", "server.yaml:1:9: listen: " LISTEN },
	{ "listen: 127.0.0.1:70000", "server.yaml:1:9: listen: " LISTEN },
	{ "listen: \"127.0.0.1:\"", "server.yaml:1:9: listen: " LISTEN },
	{ "listen: \":80\"", "server.yaml:1:9: listen: " LISTEN },
	{ "listen: ::1:80", "server.yaml:1:9: listen: " LISTEN },
	{ "data: here", "server.yaml:1:7: data: expected an absolute path" },
	{ "data: ''",
		"server.yaml:1:7: data: expected a value; leave the key out for the default" },
	{ "tool: pulumi", "server.yaml:1:7: tool: expected one of terraform, opentofu" },
	{ "tool: tarraform", "server.yaml:1:7: tool: expected one of terraform, opentofu; did you "
			     "mean \"terraform\"?" },
	{ "tools: x", "server.yaml:1:8: tools: expected keys below it" },
	{ "status_prefix: a b",
		"server.yaml:1:16: status_prefix: expected at most 40 letters, digits and ._-/" },
	{ "limits: {step_timeout: 10}", "server.yaml:1:24: limits.step_timeout: expected a "
					"duration like 90s, 10m or 1h30m" },
	{ "limits: {step_timeout: 1h 5}", "server.yaml:1:24: limits.step_timeout: expected a "
					  "duration like 90s, 10m or 1h30m" },
	{ "limits: {step_timeout: 25h}",
		"server.yaml:1:24: limits.step_timeout: must lie between 1s and 1d" },
	{ "limits: {body: 1MB}",
		"server.yaml:1:16: limits.body: expected a size like 64KiB or 10MiB" },
	{ "limits: {body: 1}", "server.yaml:1:16: limits.body: must lie between 1KiB and 64MiB" },
	{ "slots: 1\nslots: 2", "server.yaml:2:1: the key \"slots\" is given twice" },
	{ "- a", "server.yaml:1:1: expected keys, like \"listen: ...\"" },
	{ "just words", "server.yaml:1:1: expected keys, like \"listen: ...\"" },
	{ "slots: *x", "server.yaml:1:8: there is no anchor &x before this alias" },
	{ "a: 1\n---\nb: 2", "server.yaml:2:1: only one document is read" },
	{ "slots: [1", "server.yaml:2:1: this is not YAML: did not find expected ',' or ']' while "
		       "parsing a flow sequence" },
	{ "slots: x\nlocal: y\nhost: {}\n",
		"server.yaml:1:8: slots: expected a whole number\n"
		"server.yaml:2:8: local: expected true or false\n"
		"server.yaml:3:1: host: unknown key; did you mean \"hosts\"?" },
};

static void test_broken(void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	const __typeof__(broken[0]) *row = *state;
	struct settings settings, defaults;

	parse(row->name, &settings, &said);
	assert_string_equal(strbuf_text(&said), row->said);
	server_config_defaults(&defaults); /* and nothing of it came through */
	assert_int_equal(settings.slots,
		str_starts(row->name, "slots: 1\n") ? settings.slots : defaults.slots);
	assert_int_equal(settings.listen_port, defaults.listen_port);
	arena_release(&settings.arena);
}

/* A file of nothing but errors is told the first of them and how many more there are. */
static void test_many_errors(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(64 << 10), said = STRBUF(64 << 10);
	struct settings settings;

	for (int i = 0; i < 60; i++)
		strbuf_printf(&text, "key%d: 1\n", i);
	parse(strbuf_text(&text), &settings, &said);
	assert_true(str_starts(strbuf_text(&said), "server.yaml:1:1: key0: unknown key\n"));
	assert_true(str_ends(strbuf_text(&said), "\nserver.yaml: and 10 more"));
	arena_release(&settings.arena);
}

static void test_a_file_that_is_not_there(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct config_errors errors = { 0 };
	struct settings settings;
	struct err err = { 0 };

	server_config_defaults(&settings);
	assert_err(server_config_read("/nonexistent/x.yaml", &settings, &errors, &err), &err,
		ERR_CONFIG, "cannot be read");
	config_errors_text(&errors, "x.yaml", &said);
	assert_string_equal(
		strbuf_text(&said), "x.yaml: cannot be read: No such file or directory");
	config_errors_release(&errors);
	arena_release(&settings.arena);
}

static const struct {
	const char *name; /* the file while the server lives; before, it was empty */
	const char *said;
} changes[] = {
	{ "slots: 5", "" },
	{ "listen: 127.0.0.1:4141", "" },
	{ "limits: {comment_interval: 1s}", "" },
	{ "listen: 127.0.0.1:80", "listen: cannot change while the server runs; it is "
				  "127.0.0.1:4141; put it back, or restart the server" },
	{ "local: false", "local: cannot change while the server runs; it is true; put it back, or "
			  "restart the server" },
	{ "sandbox: {read: [/a, /b]}", "sandbox.read: cannot change while the server runs; it is "
				       "not given; put it back, or restart the server" },
	{ "sandbox: {profiles: {plan: {hosts: [a.example], inside: [b:1, c]}}}",
		"sandbox.profiles: cannot change while the server runs; it is not given; put it "
		"back, or restart the server" },
	{ "tools: {tofu: /x}", "tools.tofu: cannot change while the server runs; it is not given; "
			       "put it back, or restart the server" },
};

static void test_changes(void **state)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	const __typeof__(changes[0]) *row = *state;
	struct config_errors errors = { 0 };
	struct settings now, next;
	struct err err = { 0 };
	int r;

	parse("", &now, &said);
	parse(row->name, &next, &said);
	assert_string_equal(strbuf_text(&said), "");
	assert_string_not_equal(now.digest, next.digest);
	r = server_config_must_stay(&now, &next, &errors, &err);
	assert_int_equal(r, row->said[0] == '\0' ? 0 : -ERR_CONFIG);
	if (r < 0)
		assert_string_equal(errors.list[0].path,
			arena_strndup(&errors.arena, row->said, strcspn(row->said, ":")));
	strbuf_clear(&said);
	config_errors_text(&errors, "", &said);
	assert_string_equal(strbuf_text(&said) + (r < 0 ? strlen(": ") : 0), row->said);
	config_errors_release(&errors);
	arena_release(&now.arena);
	arena_release(&next.arena);
}

static const struct {
	const char *name; /* a file */
	const char *said; /* "": taken */
	const char *note; /* the key that is set aside, or NULL */
} foreign[] = {
	{ "repos: [{id: /.*/}]\napply_requirements: [approved]\n", "", "apply_requirements" },
	{ "repos: []\nworkflows: {}\ngithub: {user: x}\n", "", "github" },
	{ "repos: []\nreposs: []\n", "server.yaml:2:1: reposs: unknown key", NULL },
	{ "repos: []\nslots: 3\ngithub: {}\n", "server.yaml:3:1: github: unknown key", NULL },
	{ "github: {}\n", "server.yaml:1:1: github: unknown key", NULL },
};

/* What Atlantis' own files say beside their subject was never in force. */
static void test_foreign_keys(void **state)
{
	const __typeof__(foreign[0]) *row = *state;
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10);
	struct settings settings;

	parse(row->name, &settings, &said);
	assert_int_equal(strncmp(strbuf_text(&said), row->said, strlen(row->said)), 0);
	assert_int_equal(said.length == 0, row->said[0] == '\0');
	assert_int_equal(settings.note_count, row->note != NULL);
	if (row->note != NULL)
		assert_string_equal(settings.notes[0].path, row->note);
	arena_release(&settings.arena);
}

static void test_real_files(_unused_ void **state)
{
	static const char folder_name[] = "../shared/corpora/atlantis-yaml/server";
	DIR *folder = opendir(folder_name);
	const struct dirent *entry;
	int count = 0;

	if (folder == NULL)
		cases_skip("corpora absent");
	while ((entry = readdir(folder)) != NULL) {
		_cleanup_free_ char *path = mem_printf("%s/%s", folder_name, entry->d_name);
		struct config_errors errors = { 0 };
		struct settings settings;
		struct err err;

		if (entry->d_name[0] == '.')
			continue;
		server_config_defaults(&settings);
		assert_ok(server_config_read(path, &settings, &errors, &err), &err);
		config_errors_release(&errors);
		arena_release(&settings.arena);
		count++;
	}
	(void)closedir(folder);
	assert_true(count >= 10);
}

static void test_reference_page(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf reference = STRBUF(64 << 10);
	static char text[128 << 10];
	FILE *file = fopen("config/README.md", "r");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	server_config_reference(&reference);
	if (strstr(text, strbuf_text(&reference)) == NULL)
		fail_msg("config/README.md differs from `sluice validate --reference`; paste it "
			 "again");
}

int main(int argc, char **argv)
{
	CASE(test_values);
	CASE(test_whole);
	CASE(test_defaults);
	CASE(test_listen_to_the_newer_protocol);
	CASES(broken, test_broken);
	CASE(test_many_errors);
	CASE(test_a_file_that_is_not_there);
	CASES(changes, test_changes);
	CASES(foreign, test_foreign_keys);
	CASE(test_real_files);
	CASE(test_reference_page);
	return cases_run(argc, argv);
}
