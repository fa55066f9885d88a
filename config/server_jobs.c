/* What server.yaml says of jobs and people: `tools.pinned`, `sandbox`, `notifications`, `teams`,
 * `commands`. */
#include "config/server_keys.h"

#include "config/words.h"
#include "orchestrator/model/sources.h"

#include <string.h>

/* ---- tools ---- */

#define PINNED(field) offsetof(struct pinned_tool, field)

static const char *const pinned_words[] = { "terraform", "opentofu", "conftest", "checkov",
	"kustomize", "helm", "kubeconform", NULL };
static const struct pinned_tool plain_pinned = {
	.kind = "", .version = "", .sha256 = "", .archive = ""
};
const struct config_element server_pinned = {
	.size = sizeof(struct pinned_tool), .at = PINNED(at), .initial = &plain_pinned
};

const struct config_key server_pinned_keys[] = {
	{ "kind", CONFIG_WORD, PINNED(kind), .words = pinned_words, .is_required = true,
		.help = "which tool" },
	{ "version", CONFIG_TEXT, PINNED(version), .is_required = true, .is_good = word_is_version,
		.expected = "one version, like 1.9.8", .help = "exactly" },
	{ "sha256", CONFIG_TEXT, PINNED(sha256), .is_required = true, .is_good = server_is_sha256,
		.expected = "64 hexadecimal digits, small letters",
		.help = "of the program KIND-VERSION in the folder" },
	{ "archive", CONFIG_TEXT, PINNED(archive), .is_good = server_is_archive,
		.expected = "a path below the mirror that ends in .zip",
		.help = "the zip that holds the program, below the mirror; else the mirror has "
			"KIND-VERSION itself" },
	{ 0 },
};

static void check_tools(const struct config_decoder *decoder, const struct settings *settings)
{
	struct config_errors *errors = decoder->errors;

	for (size_t i = 0; i < settings->pinned_tool_count; i++) {
		const struct pinned_tool *tool = &settings->pinned_tools[i];

		if (settings_tool(settings, tool->kind, tool->version) != tool)
			server_complain(errors, &tool->at,
				arena_printf(&errors->arena, "tools.pinned[%zu]", i), "",
				"an earlier entry is for the same kind and version");
		else if (settings->tool_folder == NULL)
			server_complain(errors, &tool->at,
				arena_printf(&errors->arena, "tools.pinned[%zu]", i),
				"write tools.folder: /opt/sluice/tools",
				"pinned tools need a folder");
	}
}

/* ---- sandbox ---- */

#define OVERRIDE(field) offsetof(struct sandbox_override, field)

static const char *const mode_words[] = { "full", "landlock", "none", NULL };
static const char *const require_words[] = { "full", "landlock", NULL };
static const char *const profile_words[] = { "fetch", "init", "plan", "render", "policy", "build",
	"run", "apply", NULL };
static const struct config_element override = {
	.size = sizeof(struct sandbox_override), .name = OVERRIDE(profile), .at = OVERRIDE(at)
};
#define DAYS(n) ((int64_t)(n)*24 * 3600 * 1000)

static const struct config_key override_keys[] = {
	{ "hosts", CONFIG_TEXTS, OVERRIDE(hosts), .is_good = server_is_host,
		.expected = SERVER_HOST_EXPECTED,
		.help = "whom the job may connect to, in place of the default: registries for "
			"init, nobody for the others" },
	{ "inside", CONFIG_TEXTS, OVERRIDE(inside), .is_good = server_is_host,
		.expected = SERVER_HOST_EXPECTED,
		.help = "the same, for hosts whose address is not a public one" },
	{ "environment", CONFIG_TEXTS, OVERRIDE(environment), .is_good = server_is_variable,
		.expected = "the name of a variable",
		.help = "the only ones of the job's credentials that its steps are told; "
			"without it plan and apply are told all, run none" },
	{ "read", CONFIG_TEXTS, OVERRIDE(read), .is_good = server_is_absolute,
		.expected = "an absolute path", .help = "folders that it may read too" },
	{ "memory", CONFIG_SIZE, OVERRIDE(memory_bytes), 16 << 20, 1LL << 40,
		.help = "of all its processes together" },
	{ "disk", CONFIG_SIZE, OVERRIDE(disk_bytes), 1 << 20, 1LL << 44,
		.help = "of what it writes" },
	{ "output", CONFIG_SIZE, OVERRIDE(output_bytes), 1 << 10, 1LL << 40,
		.help = "of what one step prints; limits.output holds too" },
	{ "processes", CONFIG_INT, OVERRIDE(processes), 1, 100000, .help = "at the same time" },
	{ "timeout", CONFIG_DURATION, OVERRIDE(wall_ms), 1000, DAYS(1),
		.help = "of one step; limits.step_timeout holds too" },
	{ 0 },
};

static bool is_absolute(const char *text)
{
	return text[0] == '/' && text[1] != '\0' && strstr(text, "/../") == NULL;
}

static const struct config_key provider_keys[] = {
	{ "allow", CONFIG_TEXTS, AT(sandbox.providers), .is_good = source_is_pattern,
		.expected = "HOST/NAMESPACE/TYPE, with * for anything in it",
		.help = "the only providers that init may bring, as "
			"registry.terraform.io/hashicorp/*; without it all that a registry has" },
	{ 0 },
};

static const struct config_key module_keys[] = {
	{ "allow", CONFIG_TEXTS, AT(sandbox.modules), .is_good = source_is_pattern,
		.expected = "HOST/NAMESPACE/NAME/SYSTEM or SCHEME://HOST/PATH, with * in it",
		.help = "the only places outside of the repository that modules may come from: "
			"registry.terraform.io/acme/*, git::https://git.example.org/*; without "
			"it any that init can reach" },
	{ 0 },
};

const struct config_key server_sandbox_keys[] = {
	{ "mode", CONFIG_WORD, AT(sandbox.mode), .words = mode_words, .fallback = "full",
		.help = "the best tier to use; `none` runs the code of pull requests unguarded" },
	{ "require", CONFIG_WORD, AT(sandbox.require), .words = require_words, .fallback = "full",
		.help = "the least that must work here, or the server does not start" },
	{ "i_accept_unsandboxed", CONFIG_TEXT, AT(sandbox.accept_unsandboxed),
		.help = "for mode none: the name of this machine, typed in" },
	{ "read", CONFIG_TEXTS, AT(sandbox.read), .is_good = is_absolute,
		.expected = "an absolute path",
		.help = "paths that jobs see besides the system and their tools" },
	{ "write", CONFIG_TEXTS, AT(sandbox.write), .is_good = is_absolute,
		.expected = "an absolute path",
		.help = "paths that all jobs may write to: what one job writes, another reads" },
	{ "first_uid", CONFIG_INT, AT(sandbox.first_uid), 1000, INT32_MAX - 70000,
		.fallback = "2097152",
		.help = "as root: jobs run as users from this number on, each as its own" },
	{ "uids", CONFIG_INT, AT(sandbox.uids), 2, 65536, .fallback = "65536",
		.help = "how many such users there are" },
	{ "providers", CONFIG_MAP, .keys = provider_keys },
	{ "modules", CONFIG_MAP, .keys = module_keys },
	{ "profiles", CONFIG_NAMED, AT(sandbox.overrides), .keys = override_keys,
		.element = &override, .count = AT(sandbox.override_count),
		.help = "for fetch, init, plan, render, policy, build, run, apply: what is other "
			"than the program has it" },
	{ 0 },
};

static void check_sandbox(const struct config_decoder *decoder, const struct settings *settings)
{
	const struct sandbox_settings *sandbox = &settings->sandbox;
	struct config_errors *errors = decoder->errors;

	if (str_equal(sandbox->mode, "none") && sandbox->accept_unsandboxed[0] == '\0')
		config_complain(errors, (struct yaml_place){ 0 }, "sandbox.mode",
			"write i_accept_unsandboxed: with the name of this machine",
			"without a sandbox every pull request can read every secret of the server");
	for (size_t i = 0; i < sandbox->override_count; i++) {
		const struct sandbox_override *one = &sandbox->overrides[i];
		struct config_nearest nearest = config_nearest(one->profile);
		bool is_known = false;

		for (size_t k = 0; profile_words[k] != NULL; k++) {
			config_nearest_offer(&nearest, profile_words[k]);
			is_known = is_known || str_equal(profile_words[k], one->profile);
		}
		if (!is_known)
			server_complain(errors, &one->at,
				arena_printf(
					&errors->arena, "sandbox.profiles.%.60s", one->profile),
				config_did_you_mean(errors, nearest.best),
				"there is no profile of that name");
	}
}

/* ---- people ---- */

#define ADDRESS	    "an address like team@example.org"
#define NOTE(field) offsetof(struct notification, field)

static const char *const notify_kinds[] = { "slack", "webhook", "mail", "ping", NULL };
static const char *const event_words[] = { "plan", "apply", "failure", "drift", NULL };
static const struct notification plain_notification = { .kind = "",
	.name = "",
	.channel = "",
	.url = "",
	.from = "",
	.user = "",
	.starttls = true,
	.workspaces = "",
	.branches = "",
	.digest = "",
	.timezone = "UTC" };
const struct config_element server_notification = {
	.size = sizeof(struct notification), .at = NOTE(at), .initial = &plain_notification
};

const struct config_key server_notification_keys[] = {
	{ "kind", CONFIG_WORD, NOTE(kind), .words = notify_kinds, .is_required = true,
		.help = "how they are told; `ping` is only asked for, after each look at drift "
			"that saw everything: who misses it raises the alarm" },
	{ "name", CONFIG_TEXT, NOTE(name), .is_good = server_is_name,
		.expected = "letters, digits and ._-",
		.help = "for `drift.notify` of repositories: KIND:NAME; Slack's channel will do "
			"too" },
	{ "events", CONFIG_BITS, NOTE(events), .words = event_words, .is_one_or_list = true,
		.is_required = true, .help = "of what" },
	{ "channel", CONFIG_TEXT, NOTE(channel), .is_good = server_is_channel,
		.expected = "#name, or the channel's id like C024BE91L",
		.help = "of Slack, with `secret_file`; by its id a message that may have arrived "
			"can be looked for" },
	{ "url", CONFIG_TEXT, NOTE(url), .is_good = server_is_notify_url,
		.expected = "https://HOST[/PATH], or smtp://HOST[:PORT] for mail, without a slash "
			    "at its end",
		.help = "of a webhook; of mail smtp:// or smtps://HOST:PORT; of Slack's API, when "
			"it is another" },
	{ "url_file", CONFIG_TEXT, NOTE(url_file), SECRET_PLACE,
		.help = "a file with the URL of an incoming webhook of Slack, or of a ping, which "
			"are secrets" },
	{ "secret_file", CONFIG_TEXT, NOTE(secret_file), SECRET_PLACE,
		.help = "a file with Slack's token, with the key that signs a webhook, or with the "
			"password of mail" },
	{ "from", CONFIG_TEXT, NOTE(from), .is_good = server_is_address, .expected = ADDRESS,
		.help = "of mail" },
	{ "to", CONFIG_TEXTS, NOTE(to), .is_one_or_list = true, .is_good = server_is_address,
		.expected = ADDRESS, .help = "of mail" },
	{ "user", CONFIG_TEXT, NOTE(user), .is_good = server_is_visible,
		.expected = "a name without blanks",
		.help = "of the mail server, with `secret_file`" },
	{ "starttls", CONFIG_BOOL, NOTE(starttls), .fallback = "true",
		.help = "mail over smtp:// only when the server encrypts" },
	{ "environments", CONFIG_TEXTS, NOTE(environments), .is_one_or_list = true,
		.is_good = server_is_glob, .expected = "a pattern with * and ?",
		.help = "only drift of these, `prod*`" },
	{ "projects", CONFIG_TEXTS, NOTE(projects), .is_one_or_list = true,
		.is_good = server_is_glob, .expected = "a pattern with * and ?",
		.help = "only drift of projects with these names or folders" },
	{ "owners", CONFIG_TEXTS, NOTE(owners), .is_one_or_list = true,
		.is_good = server_is_visible, .expected = "a user or @team, as CODEOWNERS has it",
		.help = "only drift of projects that one of these owns by CODEOWNERS" },
	{ "workspaces", CONFIG_TEXT, NOTE(workspaces), .is_good = server_is_regex,
		.expected = "a regular expression", .help = "only these workspaces" },
	{ "branches", CONFIG_TEXT, NOTE(branches), .is_good = server_is_regex,
		.expected = "a regular expression", .help = "only into these branches" },
	{ "digest", CONFIG_TEXT, NOTE(digest), .check = word_check_cron,
		.help = "when all open drift is told once more, as a line of cron: `0 8 * * "
			"1`" LATER },
	{ "timezone", CONFIG_TEXT, NOTE(timezone), .is_good = word_is_zone,
		.expected = "a time zone like Europe/Berlin", .fallback = "UTC",
		.help = "of `digest`" LATER },
	NO_SECRET("token", "secret_file"),
	NO_SECRET("secret", "secret_file"),
	NO_SECRET("password", "secret_file"),
	{ 0 },
};

/* NULL, or what this kind lacks. */
static const char *lack_of(const struct notification *one)
{
	bool has_secret = one->secret_file != NULL, has_file = one->url_file != NULL;
	bool is_smtp = str_starts(one->url, "smtp://") || str_starts(one->url, "smtps://");

	if (str_equal(one->kind, "slack"))
		return is_smtp	    ? "url is of Slack's API, not of mail"
		       : has_file   ? has_secret || one->channel[0] != '\0'
					      ? "an incoming webhook has its channel and secret in "
						"its url_file; leave channel and secret_file out"
					      : NULL
		       : has_secret ? one->channel[0] == '\0' ? "Slack needs a channel" : NULL
				    : "Slack needs channel and secret_file, or url_file alone";
	if (str_equal(one->kind, "webhook"))
		return one->url[0] == '\0' || is_smtp ? "a webhook needs url, https://HOST/PATH"
		       : !has_secret		      ? "a webhook needs secret_file: it is signed"
						      : NULL;
	if (str_equal(one->kind, "ping"))
		return !has_file		     ? "a ping needs url_file"
		       : one->events != NOTIFY_DRIFT ? "a ping is for drift alone: events: drift"
						     : NULL;
	return !is_smtp ? "mail needs url, smtp://HOST:PORT or smtps://HOST:PORT"
	       : one->from[0] == '\0' || one->to.count == 0 ? "mail needs from and to"
	       : (one->user[0] != '\0') != has_secret
		       ? "of user and secret_file mail needs both, or none"
	       : one->user[0] != '\0' && !one->starttls && str_starts(one->url, "smtp://")
		       ? "a password is never sent in the clear: starttls: true"
		       : NULL;
}

static void check_notifications(
	const struct config_decoder *decoder, const struct settings *settings)
{
	struct config_errors *errors = decoder->errors;

	for (size_t i = 0; i < settings->notification_count; i++) {
		const struct notification *one = &settings->notifications[i];
		const char *path = arena_printf(&errors->arena, "notifications[%zu]", i);
		const char *lack = lack_of(one);

		if (lack != NULL)
			server_complain(errors, &one->at, path, "", "%s", lack);
	}
}

#define TEAM(field) offsetof(struct team, field)

const struct config_element server_team = {
	.size = sizeof(struct team), .name = TEAM(name), .at = TEAM(at)
};

const struct config_key server_team_keys[] = {
	{ "members", CONFIG_TEXTS, TEAM(members), .is_required = true, .is_good = server_is_name,
		.expected = "a user name",
		.help = "of a team; its name then means these people on every host" },
	{ 0 },
};

static const char *const command_words[] = { "plan", "apply", "unlock", "cancel", "version",
	"approve_policies", "import", "state", "help", NULL };

const struct config_key server_command_keys[] = {
	{ "words", CONFIG_TEXTS, AT(commands.words), .is_good = server_is_name,
		.expected = "letters, digits and ._-", .fallback = "sluice, atlantis",
		.help = "first words that we listen to; the first is the one that we write" },
	{ "allowed", CONFIG_TEXTS, AT(commands.allowed), .words = command_words,
		.help = "commands that are taken; else all but import and state" },
	{ "blocked_args", CONFIG_TEXTS, AT(commands.blocked_args),
		.fallback = "-chdir, --chdir, -plugin-dir, --plugin-dir",
		.help = "arguments that a comment may not give to a tool, of the few that it may" },
	{ "var_files", CONFIG_TEXTS, AT(commands.var_files), .is_good = server_is_absolute,
		.expected = "an absolute path",
		.help = "folders of which a comment may name variable files" LATER },
	{ "apply_all", CONFIG_BOOL, AT(commands.apply_all), .fallback = "true",
		.help = "`apply` without a project is taken" },
	{ "patterns", CONFIG_BOOL, AT(commands.patterns), .fallback = "false",
		.help = "`-p` may be a regular expression" LATER },
	{ 0 },
};

void server_jobs_finish(const struct config_decoder *decoder, struct settings *settings)
{
	if (settings->commands.words.count == 0 && decoder->errors->found == 0)
		config_complain(decoder->errors, (struct yaml_place){ 0 }, "commands.words",
			"leave the key out for sluice and atlantis", "expected at least one word");
	check_tools(decoder, settings);
	check_sandbox(decoder, settings);
	check_notifications(decoder, settings);
}

/* ---- checks ---- */

#define CHECK(field) offsetof(struct check_program, field)

static const char *const check_words[] = { "checkov", "sarif", "cost", NULL };

const struct config_element server_check = {
	.size = sizeof(struct check_program), .name = CHECK(name), .at = CHECK(at)
};

const struct config_key server_check_keys[] = {
	{ "kind", CONFIG_WORD, CHECK(kind), .words = check_words, .is_required = true,
		.help = "what it prints: checkov's JSON, SARIF, or JSON about cost, which judges "
			"nothing" },
	{ "command", CONFIG_TEXTS, CHECK(command), .is_required = true, .most = 100,
		.help = "the absolute path of the program, and arguments; {source} in one is the "
			"folder of the project, {plan} the plan as JSON" },
	{ "read", CONFIG_TEXTS, CHECK(read), .most = 11, .is_good = server_is_absolute,
		.expected = "an absolute path",
		.help = "what it may see of this machine beside the system: its own files, a "
			"configuration, rules" },
	{ 0 },
};
