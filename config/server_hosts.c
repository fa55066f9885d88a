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
