/* The keys of server.yaml. */
#include "config/server_config.h"

#include "config/decode.h"
#include "config/schema.h"
#include "config/server_keys.h"
#include "config/words.h"
#include "config/workflow_file.h"
#include "orchestrator/lib/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND, DAY = 24 * HOUR };

static const char *const tool_words[] = { "terraform", "opentofu", NULL };

/* ADDRESS:PORT or [ADDRESS]:PORT; the address is one, not a name: what a name means may change. */
static bool split_listen(const char *text, char address[INET6_ADDRSTRLEN], int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - text);
	bool is_bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	uint8_t bytes[16];
	char *end;
	long port;

	if (is_bracketed) {
		text++;
		length -= 2;
	}
	if (length == 0 || length >= INET6_ADDRSTRLEN || colon[1] < '0' || colon[1] > '9')
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	errno = 0;
	port = strtol(colon + 1, &end, 10);
	*ret_port = (int)port;
	return *end == '\0' && errno == 0 && port <= 65535 &&
	       inet_pton(is_bracketed ? AF_INET6 : AF_INET, address, bytes) == 1;
}

static bool is_listen(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	int port;

	return split_listen(text, address, &port);
}

static bool is_status_prefix(const char *text)
{
	return strlen(text) <= 40 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789._-/") == strlen(text);
}

static const struct config_key tool_keys[] = {
	{ "terraform", CONFIG_PATH, AT(terraform_path), .fallback = "",
		.help = "the terraform to run; else found in PATH" },
	{ "tofu", CONFIG_PATH, AT(tofu_path), .fallback = "",
		.help = "the tofu to run; else found in PATH" },
	{ "conftest", CONFIG_PATH, AT(conftest_path), .fallback = "",
		.help = "the conftest to run; else found in PATH" },
	{ "kustomize", CONFIG_PATH, AT(kustomize_path), .fallback = "",
		.help = "the kustomize to run; else found in PATH" },
	{ "helm", CONFIG_PATH, AT(helm_path), .fallback = "",
		.help = "the helm to run; else found in PATH" },
	{ "cli_config", CONFIG_PATH, AT(tool_cli_config), .fallback = "",
		.help = "CLI configuration file of the tools, for example with a provider mirror" },
	{ "version", CONFIG_TEXT, AT(tool_version), .is_good = word_is_version,
		.expected = "one version, like 1.9.8",
		.help = "for projects that name none; one of the pinned" },
	{ "folder", CONFIG_PATH, AT(tool_folder),
		.help = "of the pinned tools: programs called KIND-VERSION" },
	{ "mirror", CONFIG_TEXT, AT(tool_mirror), .is_good = server_is_mirror,
		.expected = "https://HOST[/PATH] or the path of a folder, without a slash at its "
			    "end",
		.help = "where a pinned tool comes from that is not in the folder yet, which the "
			"server must be able to write to then" },
	{ "pinned", CONFIG_LIST, AT(pinned_tools), .keys = server_pinned_keys,
		.element = &server_pinned, .count = AT(pinned_tool_count),
		.help = "versions that projects may ask for" },
	{ 0 },
};

static const struct config_key retention_keys[] = {
	{ "every", CONFIG_DURATION, AT(sweep_every_ms), SECOND, DAY, .fallback = "1h",
		.help = "from one round of throwing away to the next" },
	{ "leftovers", CONFIG_DURATION, AT(keep_leftovers_ms), SECOND, 365LL * DAY,
		.fallback = "1d",
		.help = "plans, work trees and job directories that nothing needs go when they are "
			"this old; what an open pull request may still apply never goes" },
	{ "init", CONFIG_DURATION, AT(keep_init_ms), 2LL * DAY, 365LL * DAY, .fallback = "14d",
		.help = "what init made, providers too, is kept so long after its last use, which "
			"is longer than "
			"any "
			"job" },
	{ "logs", CONFIG_DURATION, AT(keep_logs_ms), SECOND, 10LL * 365 * DAY, .fallback = "30d",
		.help = "logs of jobs, and the directories of interrupted ones" },
	{ "events", CONFIG_DURATION, AT(keep_events_ms), DAY, 10LL * 365 * DAY, .fallback = "90d",
		.help = "how long a delivery is recognised when it comes a second time" },
	{ 0 },
};

static const struct config_key limit_keys[] = {
	{ "step_timeout", CONFIG_DURATION, AT(step_timeout_ms), SECOND, 24 * HOUR, .fallback = "1h",
		.help = "a step of a job that takes longer is stopped" },
	{ "stop_grace", CONFIG_DURATION, AT(stop_grace_ms), 100, HOUR, .fallback = "60s",
		.help = "from the polite stop of a tool to the next harder one; an apply is only "
			"ever asked politely" },
	{ "plan_expires", CONFIG_DURATION, AT(plan_expires_ms), 60 * SECOND, 365LL * DAY,
		.fallback = "14d", .help = "an older plan is not applied: plan again" },
	{ "lock_expires", CONFIG_DURATION, AT(lock_expires_ms), 0, 365LL * DAY, .fallback = "0",
		.help = "the lock of a plan that was not applied for so long goes to the next "
			"pull request; 0: it is kept until somebody gives it up" },
	{ "output", CONFIG_SIZE, AT(output_cap_bytes), 4096, 1LL << 34, .fallback = "64MiB",
		.help = "a step that prints more is stopped" },
	{ "body", CONFIG_SIZE, AT(body_cap_bytes), 1024, 64 << 20, .fallback = "1MiB",
		.help = "the largest webhook" },
	{ "request_deadline", CONFIG_DURATION, AT(request_deadline_ms), SECOND, HOUR,
		.fallback = "10s", .help = "a connection must bring a whole request in this time" },
	{ "connections_per_peer", CONFIG_INT, AT(connections_per_peer), 1, 10000, .fallback = "64",
		.help = "HTTP connections of one address at the same time" },
	{ "comment_interval", CONFIG_DURATION, AT(comment_interval_ms), 0, HOUR, .fallback = "2s",
		.help = "edits of one comment are at least this far apart; final states go at "
			"once" },
	{ 0 },
};

static const struct config_key keys[] = {
	{ "listen", CONFIG_TEXT, AT(listen), .is_good = is_listen,
		.expected = "ADDRESS:PORT, like 127.0.0.1:4141 or [::1]:4141",
		.fallback = "127.0.0.1:4141",
		.help = "address and port of the HTTP server; port 0 takes any free one" },
	{ "data", CONFIG_PATH, AT(data_dir), .fallback = "",
		.help = "the data folder; else below the XDG state folder" },
	{ "slots", CONFIG_INT, AT(slots), 1, 1000, .fallback = "twice the cores",
		.help = "jobs at the same time" },
	{ "local", CONFIG_BOOL, AT(local_host), .fallback = "true",
		.help = "the embedded host is on" },
	{ "bare_commands", CONFIG_BOOL, AT(bare_commands), .fallback = "true",
		.help = "`apply` alone in a comment is a command, without `sluice` in front" },
	{ "status_prefix", CONFIG_TEXT, AT(status_prefix), .is_good = is_status_prefix,
		.expected = "at most 40 letters, digits and ._-/", .fallback = "sluice",
		.help = "commit statuses are called PREFIX/plan and PREFIX/apply" },
	{ "tool", CONFIG_WORD, AT(tool), .words = tool_words, .fallback = "terraform",
		.help = "for projects that name none" },
	{ "tools", CONFIG_MAP, .keys = tool_keys },
	{ "retention", CONFIG_MAP, .keys = retention_keys },
	{ "limits", CONFIG_MAP, .keys = limit_keys },
	{ "url", CONFIG_TEXT, AT(url), .is_good = server_is_url,
		.expected = "https://HOST[/PATH] without a slash at its end",
		.help = "where people and clouds reach this server: the issuer of its jobs' "
			"identities" },
	{ "hosts", CONFIG_NAMED, AT(hosts), .keys = server_host_keys, .element = &server_host,
		.count = AT(host_count), .help = "of pull requests" },
	{ "commands", CONFIG_MAP, .keys = server_command_keys },
	{ "defaults", CONFIG_MAP, .keys = server_default_keys },
	/* as in the server-side file of Atlantis */
	{ "repos", CONFIG_LIST, AT(repo_rules), .keys = server_repo_keys, .element = &server_repo,
		.count = AT(repo_rule_count), .is_lenient = true,
		.help = "what holds for which repository; of all that fit, the last word on each "
			"key holds" },
	{ "workflows", CONFIG_NAMED, AT(workflows), .keys = workflow_keys,
		.element = &workflow_element, .count = AT(workflow_count), .is_lenient = true,
		.is_shown_elsewhere = true,
		.help = "steps of the stages plan, apply, policy_check, import and state_rm, as in "
			"the file of a repository" },
	{ "policies", CONFIG_MAP, .keys = server_policy_keys, .is_lenient = true },
	{ "team_authz", CONFIG_OWN, .take = server_refuse_team_authz, .expected = "nothing",
		.schema = "false",
		.help = "refused, because nobody would ask that program: approvals of an "
			"environment name teams" },
	{ "metrics", CONFIG_MAP, .keys = server_metrics_keys, .is_lenient = true },
	{ "credentials", CONFIG_NAMED, AT(credentials), .keys = server_credential_keys,
		.element = &server_credential, .count = AT(credential_count),
		.help = "what the tools may use, by the name that an environment gives; one for "
			"plans, one for applies" },
	{ "registries", CONFIG_NAMED, AT(registries), .keys = server_registry_keys,
		.element = &server_registry, .count = AT(registry_count),
		.help = "HOST[:PORT] of modules and providers that not everybody may read; init "
			"has these, no other step" },
	{ "sandbox", CONFIG_MAP, .keys = server_sandbox_keys },
	{ "notifications", CONFIG_LIST, AT(notifications), .keys = server_notification_keys,
		.element = &server_notification, .count = AT(notification_count),
		.help = "who is told of what" },
	{ "checks", CONFIG_NAMED, AT(checks), .keys = server_check_keys, .element = &server_check,
		.count = AT(check_count),
		.help = "programs that look at plans, by the name that projects give in their "
			"`checks`" },
	{ "teams", CONFIG_NAMED, AT(teams), .keys = server_team_keys, .element = &server_team,
		.count = AT(team_count), .help = "by name" },
	{ 0 },
};

void server_config_defaults(struct settings *settings)
{
	static const char *words[] = { "sluice", "atlantis" };
	static const char *blocked[] = { "-chdir", "--chdir", "-plugin-dir", "--plugin-dir" };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	*settings = (struct settings){ .listen = "127.0.0.1:4141",
		.listen_host = "127.0.0.1",
		.listen_port = 4141,
		.slots = cores > 0 && cores < 500 ? (int)cores * 2 : 4,
		.local_host = true,
		.bare_commands = true,
		.status_prefix = "sluice",
		.url = "",
		.commands = { .words = { words, countof(words) },
			.blocked_args = { blocked, countof(blocked) },
			.apply_all = true },
		.tool = "terraform",
		.tool_mirror = "",
		.tool_version = "",
		.step_timeout_ms = HOUR,
		.stop_grace_ms = 60 * SECOND,
		.plan_expires_ms = 14LL * DAY,
		.output_cap_bytes = 64 << 20,
		.sweep_every_ms = HOUR,
		.keep_leftovers_ms = DAY,
		.keep_init_ms = 14LL * DAY,
		.keep_logs_ms = 30LL * DAY,
		.keep_events_ms = 90LL * DAY,
		.comment_interval_ms = 2 * SECOND,
		.request_deadline_ms = 10 * SECOND,
		.body_cap_bytes = 1 << 20,
		.connections_per_peer = 64,
		.defaults = { .autoplan = true,
			.parallel_plan = true,
			.follow_modules = true,
			.merge_method = "" },
		.policies = { .conftest_version = "", .approve_count = 1, .item_regex = "(?s).+" },
		.metrics = { .statsd_host = "",
			.statsd_port = "",
			.statsd_every_ms = 10000,
			.prometheus_path = "/metrics" },
		.sandbox = { .mode = "full",
			.require = "full",
			.accept_unsandboxed = "",
			.first_uid = 2097152,
			.uids = 65536 } };
}

static int end(const struct config_errors *errors, struct err *err)
{
	if (errors->found == 0)
		return 0;
	return err_set(err, ERR_CONFIG, "the configuration has %zu error%s", errors->found,
		errors->found == 1 ? "" : "s");
}

/* The keys at the top of a server-side file of Atlantis. */
static bool is_of_atlantis(const char *name)
{
	static const char *const names[] = { "repos", "workflows", "policies", "metrics",
		"team_authz" };

	for (size_t i = 0; i < countof(names); i++) {
		if (str_equal(names[i], name))
			return true;
	}
	return false;
}

static const struct config_key *top_key(const char *name, const char **ret_near)
{
	struct config_nearest nearest = config_nearest(name);
	const struct config_key *key = keys;

	for (; key->name != NULL && !str_equal(key->name, name); key++)
		config_nearest_offer(&nearest, key->name);
	*ret_near = nearest.best;
	return key->name == NULL ? NULL : key;
}

bool server_config_knows(const char *key)
{
	const char *near;

	return top_key(key, &near) != NULL;
}

/* A file of Atlantis as it stands may hold keys that neither of us knows. They were never in force,
 * and are set aside by name; in a file with a key of ours, and where one of ours is near, each is
 * an error. */
static void set_aside(struct yaml_node *root, struct settings *settings)
{
	const char *near;
	size_t kept = 0;

	if (root->kind != YAML_MAP || yaml_get(root, "repos") == NULL)
		return;
	for (size_t i = 0; i + 1 < root->count; i += 2) {
		if (top_key(root->items[i]->text, &near) != NULL
				? !is_of_atlantis(root->items[i]->text)
				: near != NULL)
			return;
	}
	for (size_t i = 0; i + 1 < root->count; i += 2) {
		struct yaml_node *key = root->items[i], *value = root->items[i + 1];

		if (is_of_atlantis(key->text)) {
			root->items[kept++] = key;
			root->items[kept++] = value;
			continue;
		}
		settings->notes = arena_push(&settings->arena, settings->notes,
			settings->note_count, sizeof(*settings->notes));
		settings->notes[settings->note_count++] = (struct config_note){
			.at = { "server.yaml", key->at.line, key->at.column },
			.path = key->text,
			.text = "not in force: nobody knows this key at the top of the file; what "
				"guards repositories stands in an entry of repos"
		};
	}
	root->count = kept;
}

int server_config_parse(const char *bytes, size_t length, struct settings *settings,
	struct config_errors *errors, struct err *err)
{
	struct yaml_node *root = NULL;
	struct yaml_place place;
	char address[INET6_ADDRSTRLEN];

	if (yaml_parse(bytes, length, &settings->arena, &root, &place, err) < 0) {
		config_complain(errors, place, "", "", "%s", err->text);
	} else {
		const struct config_decoder decoder = {
			.file = "server.yaml", .arena = &settings->arena, .errors = errors
		};

		set_aside(root, settings);
		config_decode(&decoder, keys, root, NULL, settings);
		server_hosts_finish(&decoder, settings);
		server_repos_finish(&decoder, settings);
		server_credentials_finish(&decoder, settings);
		server_jobs_finish(&decoder, settings);
		config_errors_sort(errors);
		if (split_listen(settings->listen, address, &settings->listen_port))
			settings->listen_host = arena_strdup(&settings->arena, address);
		codec_sha256_hex(bytes, length, settings->digest);
	}
	return end(errors, err);
}

int server_config_read(
	const char *path, struct settings *settings, struct config_errors *errors, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *bytes = mem_alloc(YAML_BYTES_MAX + 2);
	size_t length = 0;
	ssize_t got = 0;

	while (fd >= 0 && length <= YAML_BYTES_MAX &&
		(got = read(fd, bytes + length, YAML_BYTES_MAX + 1 - length)) > 0)
		length += (size_t)got;
	if (fd < 0 || got < 0) {
		err_class_set(
			err, ERR_CONFIG, ERR_CLASS_CONFIG, "cannot be read: %s", strerror(errno));
		config_complain(errors, (struct yaml_place){ 0 }, "", "", "%s", err->text);
		return -(int)err->code;
	}
	return server_config_parse(bytes, length, settings, errors, err);
}

/* What is opened or started once. */
static const struct {
	const char *key;
	enum config_type type;
	size_t offset;
} fixed[] = {
	{ "listen", CONFIG_TEXT, AT(listen) },
	{ "data", CONFIG_TEXT, AT(data_dir) },
	{ "local", CONFIG_BOOL, AT(local_host) },
	{ "tools.terraform", CONFIG_TEXT, AT(terraform_path) },
	{ "tools.tofu", CONFIG_TEXT, AT(tofu_path) },
	{ "tools.conftest", CONFIG_TEXT, AT(conftest_path) },
	{ "tools.kustomize", CONFIG_TEXT, AT(kustomize_path) },
	{ "tools.helm", CONFIG_TEXT, AT(helm_path) },
	{ "tools.cli_config", CONFIG_TEXT, AT(tool_cli_config) },
	{ "limits.connections_per_peer", CONFIG_INT, AT(connections_per_peer) },
	{ "sandbox.mode", CONFIG_TEXT, AT(sandbox.mode) },
	{ "sandbox.require", CONFIG_TEXT, AT(sandbox.require) },
	{ "sandbox.first_uid", CONFIG_INT, AT(sandbox.first_uid) },
	{ "sandbox.uids", CONFIG_INT, AT(sandbox.uids) },
	{ "sandbox.read", CONFIG_TEXTS, AT(sandbox.read) },
	{ "sandbox.write", CONFIG_TEXTS, AT(sandbox.write) },
	{ "sandbox.providers.allow", CONFIG_TEXTS, AT(sandbox.providers) },
	{ "sandbox.modules.allow", CONFIG_TEXTS, AT(sandbox.modules) },
	{ "sandbox.profiles", CONFIG_NAMED, AT(sandbox) },
};

static const char *list_text(struct arena *arena, const struct name_list *list)
{
	const char *text = list->count == 0 ? "not given" : list->list[0];

	for (size_t i = 1; i < list->count; i++)
		text = arena_printf(arena, "%s, %s", text, list->list[i]);
	return text;
}

/* Whom the jobs of each profile may connect to. */
static const char *networks_text(struct arena *arena, const struct sandbox_settings *sandbox)
{
	const char *text = "";

	for (size_t i = 0; i < sandbox->override_count; i++) {
		const struct sandbox_override *one = &sandbox->overrides[i];

		if (one->hosts.count > 0 || one->inside.count > 0)
			text = arena_printf(arena, "%s%s%s: hosts %s, inside %s", text,
				text[0] == '\0' ? "" : "; ", one->profile,
				list_text(arena, &one->hosts), list_text(arena, &one->inside));
	}
	return text[0] == '\0' ? "not given" : text;
}

static const char *fixed_text(struct arena *arena, const struct settings *settings, size_t i)
{
	const void *at = (const char *)settings + fixed[i].offset;
	const char *text;

	if (fixed[i].type == CONFIG_TEXTS)
		return list_text(arena, at);
	if (fixed[i].type == CONFIG_NAMED)
		return networks_text(arena, at);
	if (fixed[i].type == CONFIG_BOOL)
		return *(const bool *)at ? "true" : "false";
	if (fixed[i].type == CONFIG_INT)
		return arena_printf(arena, "%d", *(const int *)at);
	text = *(const char *const *)at;
	return text == NULL ? "not given" : text;
}

int server_config_must_stay(const struct settings *now, const struct settings *next,
	struct config_errors *errors, struct err *err)
{
	for (size_t i = 0; i < countof(fixed); i++) {
		const char *was = fixed_text(&errors->arena, now, i);

		if (!str_equal(was, fixed_text(&errors->arena, next, i)))
			config_complain(errors, (struct yaml_place){ 0 }, fixed[i].key,
				"put it back, or restart the server",
				"cannot change while the server runs; it is %s", was);
	}
	server_hosts_must_stay(now, next, errors);
	return end(errors, err);
}

void server_config_reference(struct strbuf *out)
{
	strbuf_puts(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	config_reference(keys, "", out);
}

char *server_config_schema(void)
{
	return config_schema_text(keys, false, "server.yaml");
}

/* The row of a path: its keys, or NULL. */
static const struct config_key *find_row(const struct config_key *rows, const char *path)
{
	size_t length = strcspn(path, ".[");
	const char *rest = path + length;

	for (; rows->name != NULL; rows++) {
		if (strlen(rows->name) != length || memcmp(rows->name, path, length) != 0)
			continue;
		if (rows->type == CONFIG_NAMED && rest[0] == '.')
			rest += 1 + strcspn(rest + 1, ".");
		else if (str_starts(rest, "[]"))
			rest += 2;
		return rest[0] == '\0' || rows->keys == NULL ? rows
							     : find_row(rows->keys, rest + 1);
	}
	return NULL;
}

bool server_config_acts_on(const char *path)
{
	const struct config_key *row = find_row(keys, path);

	return row == NULL || row->help == NULL || strstr(row->help, LATER) == NULL;
}
