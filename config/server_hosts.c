/* `hosts` of server.yaml. */
#include "config/server_keys.h"

#include "config/words.h"

#include <string.h>

#define HOST(field) offsetof(struct host_settings, field)

static const char *const kind_words[] = { "github", "gitea", "forgejo", NULL };
static const char *const fork_words[] = { "refused", "plan_on_command", NULL };

static const struct host_settings host_initial = {
	.url = "", .api_url = "", .user = "", .ca_bundle = "", .proxy = ""
};
const struct config_element server_host = { .size = sizeof(struct host_settings),
	.name = HOST(name),
	.at = HOST(at),
	.initial = &host_initial };

const struct config_key server_host_keys[] = {
	{ "kind", CONFIG_WORD, HOST(kind), .words = kind_words, .is_required = true,
		.help = "which API it speaks" },
	{ "url", CONFIG_TEXT, HOST(url), .is_good = server_is_url,
		.expected = "https://HOST without a slash at its end", .fallback = "https://NAME",
		.help = "where people read it" },
	{ "api_url", CONFIG_TEXT, HOST(api_url), .is_good = server_is_url,
		.expected = "https://HOST[/PATH] without a slash at its end",
		.help = "of the API; else made from kind and url" },
	{ "user", CONFIG_TEXT, HOST(user), .is_good = word_is_person, .expected = "a user name",
		.help = "whose token it is; else the host is asked" },
	{ "token_file", CONFIG_TEXT, HOST(token_file), SECRET_PLACE,
		.help = "a file with the access token" },
	{ "app_id", CONFIG_INT, HOST(app_id), 1, INT32_MAX,
		.help = "of a GitHub App, instead of a token" },
	{ "app_key_file", CONFIG_TEXT, HOST(app_key_file), SECRET_PLACE,
		.help = "a file with the App's private key (PEM)" },
	{ "webhook_secret_files", CONFIG_TEXTS, HOST(webhook_secret_files), SECRET_PLACE,
		.is_one_or_list = true, .is_required = true, .mark = HOST_WEBHOOK_SECRETS,
		.mark_at = HOST(given),
		.help = "files with the secret of the webhook; several while it is being changed" },
	{ "repos", CONFIG_TEXTS, HOST(repos), .is_one_or_list = true, .is_required = true,
		.is_good = server_is_repo_rule, .expected = "HOST/OWNER/REPO, perhaps with *",
		.mark = HOST_REPOS, .mark_at = HOST(given),
		.help = "which repositories are served: HOST/OWNER/REPO with `*`; `!` in front "
			"takes out" },
	{ "forks", CONFIG_ENUM, HOST(forks), .words = fork_words, .fallback = "refused",
		.help = "pull requests from forks; the second: a plan without secrets, when a "
			"maintainer asks" },
	{ "drafts", CONFIG_BOOL, HOST(drafts), .fallback = "false",
		.help = "drafts are planned without being asked" },
	{ "ca_bundle", CONFIG_PATH, HOST(ca_bundle),
		.help = "PEM of who signs the host's certificate; else the machine's" },
	{ "proxy", CONFIG_TEXT, HOST(proxy), .is_good = server_is_url,
		.expected = "http://HOST:PORT", .help = "for calls of this host" },
	NO_SECRET("token", "token_file"),
	NO_SECRET("app_key", "app_key_file"),
	NO_SECRET("webhook_secret", "webhook_secret_files"),
	NO_SECRET("webhook_secrets", "webhook_secret_files"),
	NO_SECRET("password", "token_file"),
	{ 0 },
};

static bool is_github_com(const struct host_settings *host)
{
	return str_equal(host->kind, "github") && str_equal(host->url, "https://github.com");
}

static const char *api_of(struct arena *arena, const struct host_settings *host)
{
	if (is_github_com(host))
		return "https://api.github.com";
	return arena_printf(
		arena, "%s%s", host->url, str_equal(host->kind, "github") ? "/api/v3" : "/api/v1");
}

static void check_credentials(
	const struct host_settings *host, const char *path, struct config_errors *errors)
{
	bool has_app = host->app_id != 0 || host->app_key_file != NULL;

	if (host->token_file != NULL && has_app)
		server_complain(errors, &host->at, path, "keep one of them",
			"a host has a token or an App, not both");
	else if (has_app && (host->app_id == 0 || host->app_key_file == NULL))
		server_complain(
			errors, &host->at, path, "", "an App needs app_id and app_key_file");
	else if (has_app && !str_equal(host->kind, "github"))
		server_complain(errors, &host->at, path, "use token_file", "only GitHub has Apps");
	else if (host->token_file == NULL && !has_app)
		server_complain(errors, &host->at, path,
			"write token_file, or app_id and app_key_file",
			"without credentials nothing can be asked of this host");
	if ((host->given & HOST_WEBHOOK_SECRETS) != 0 && host->webhook_secret_files.count == 0)
		server_complain(errors, &host->at, path, "name at least one file",
			"without a webhook secret anybody could send events");
	if ((host->given & HOST_REPOS) != 0 && host->repos.count == 0)
		server_complain(errors, &host->at, path, "name at least one repository",
			"nothing is served of this host");
}

void server_hosts_finish(const struct config_decoder *decoder, struct settings *settings)
{
	struct config_errors *errors = decoder->errors;

	for (size_t i = 0; i < settings->host_count; i++) {
		struct host_settings *host = &settings->hosts[i];
		const char *path = arena_printf(&errors->arena, "hosts.%.60s", host->name);

		if (!server_is_name(host->name) || str_equal(host->name, "local") ||
			str_equal(host->name, "operator"))
			server_complain(errors, &host->at, path,
				"call it as it is called on the web: github.com",
				"the name of a host is of letters, digits and ._- and neither "
				"local nor operator");
		check_credentials(host, path, errors);
		if (host->url[0] == '\0')
			host->url = arena_printf(&settings->arena, "https://%s", host->name);
		if (host->api_url[0] == '\0')
			host->api_url = api_of(&settings->arena, host);
	}
}

static const struct host_settings *find_host(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->host_count; i++) {
		if (str_equal(settings->hosts[i].name, name))
			return &settings->hosts[i];
	}
	return NULL;
}

static const struct {
	const char *key;
	size_t offset;
} fixed[] = { { "kind", HOST(kind) }, { "url", HOST(url) }, { "api_url", HOST(api_url) },
	{ "user", HOST(user) }, { "ca_bundle", HOST(ca_bundle) }, { "proxy", HOST(proxy) } };

static void must_stay(const struct host_settings *now, const struct host_settings *next,
	struct config_errors *errors)
{
	static const char hint[] = "put it back, or restart the server";
	struct arena *arena = &errors->arena;

	for (size_t i = 0; i < countof(fixed); i++) {
		const char *was = *(
			const char *const *)(const void *)((const char *)now + fixed[i].offset);
		const char *is = *(
			const char *const *)(const void *)((const char *)next + fixed[i].offset);

		if (!str_equal(was, is))
			server_complain(errors, &next->at,
				arena_printf(arena, "hosts.%s.%s", now->name, fixed[i].key), hint,
				"cannot change while the server runs; it is %s",
				was[0] == '\0' ? "not given" : was);
	}
	if (now->app_id != next->app_id)
		server_complain(errors, &next->at,
			arena_printf(arena, "hosts.%s.app_id", now->name), hint,
			"a token or an App cannot become another App while the server runs");
}

void server_hosts_must_stay(
	const struct settings *now, const struct settings *next, struct config_errors *errors)
{
	for (size_t i = 0; i < now->host_count; i++) {
		const struct host_settings *host = find_host(next, now->hosts[i].name);

		if (host != NULL)
			must_stay(&now->hosts[i], host, errors);
		else
			config_complain(errors, (struct yaml_place){ 0 },
				arena_printf(&errors->arena, "hosts.%s", now->hosts[i].name),
				"put it back, or restart the server",
				"a host cannot go while the server runs");
	}
	for (size_t i = 0; i < next->host_count; i++) {
		if (find_host(now, next->hosts[i].name) == NULL)
			server_complain(errors, &next->hosts[i].at,
				arena_printf(&errors->arena, "hosts.%s", next->hosts[i].name),
				"restart the server", "a host cannot come while the server runs");
	}
}
