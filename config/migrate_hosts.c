/* The hosts and the outgoing webhooks of Atlantis. */
#include "config/migrate.h"

#include "config/server_keys.h"
#include "config/yaml_write.h"

#include <string.h>
#include <strings.h>

#define FOLDER "/etc/sluice/"

/* One host of Atlantis: the flags that make it. NULL: it has no such flag. */
static const struct host {
	const char *kind, *place, *fallback, *user, *slug, *token, *token_file, *app_id, *app_key,
		*app_key_file, *secret;
} hosts[] = {
	{ "github", "gh-hostname", "github.com", "gh-user", "gh-app-slug", "gh-token",
		"gh-token-file", "gh-app-id", "gh-app-key", "gh-app-key-file",
		"gh-webhook-secret" },
	{ "gitea", "gitea-base-url", "https://gitea.com", "gitea-user", NULL, "gitea-token", NULL,
		NULL, NULL, NULL, "gitea-webhook-secret" },
};

static const char *value_of(const struct migration *migration, const char *flag)
{
	return flag == NULL ? NULL : migrate_value(migration, flag);
}

static void set_text(
	struct migration *migration, struct yaml_node *map, const char *key, const char *value)
{
	if (value != NULL)
		yaml_set(&migration->arena, map, key, yaml_new_text(&migration->arena, value));
}

/* The file that holds what was a flag; its content is never carried. */
static const char *secret_file(
	struct migration *migration, const char *flag, const char *name, const char *what)
{
	return value_of(migration, flag) == NULL
		       ? NULL
		       : arena_printf(&migration->arena, FOLDER "%s.%s", name, what);
}

/* "github.com/acme/x" and "*" may be of github.com, "gitlab.com/x" may not. */
static bool may_be_of(const char *rule, const char *host)
{
	const char *pattern = rule + (rule[0] == '!');
	size_t length = strcspn(pattern, "/");

	return memchr(pattern, '*', length) != NULL ||
	       (strlen(host) == length && strncasecmp(pattern, host, length) == 0);
}

/* Names of ours have no port: "git.test:3000/acme" is "git.test/acme" here. */
static const char *without_port(struct migration *migration, const char *rule, const char *host)
{
	const char *begin = rule + (rule[0] == '!');
	size_t length = strlen(host), digits;

	if (strncasecmp(begin, host, length) != 0 || begin[length] != ':')
		return rule;
	digits = strspn(begin + length + 1, "0123456789");
	return arena_printf(&migration->arena, "%.*s%s", (int)(begin + length - rule), rule,
		begin + length + 1 + digits);
}

static struct yaml_node *allowed(struct migration *migration, const char *host)
{
	const char *rules = migrate_value(migration, "repo-allowlist");
	struct yaml_node *all = migrate_list(migration, rules == NULL ? "" : rules);
	struct yaml_node *kept = yaml_new_list(&migration->arena);

	for (size_t i = 0; i < all->count; i++) {
		const char *rule = without_port(migration, all->items[i]->text, host);

		if (may_be_of(rule, host))
			yaml_add(&migration->arena, kept, yaml_new_text(&migration->arena, rule));
	}
	return kept;
}

static const char *host_name(struct migration *migration, const char *place)
{
	const char *scheme = strstr(place, "://");
	const char *begin = scheme == NULL ? place : scheme + 3;

	return arena_strndup(&migration->arena, begin, strcspn(begin, ":/"));
}

/* NULL: it is https://NAME, which goes without saying. */
static const char *url_of(struct migration *migration, const char *place, const char *name)
{
	size_t length = strlen(place);
	const char *url;

	while (length > 0 && place[length - 1] == '/')
		length--;
	url = arena_strndup(&migration->arena, place, length);
	return strstr(url, "://") == NULL ||
			       str_equal(url, arena_printf(&migration->arena, "https://%s", name))
		       ? NULL
		       : url;
}

static void set_credentials(struct migration *migration, const struct host *host, const char *name,
	struct yaml_node *map)
{
	const char *file = value_of(migration, host->token_file);
	const char *app = value_of(migration, host->app_id);
	const char *key = value_of(migration, host->app_key_file);

	if (app != NULL) {
		yaml_set(&migration->arena, map, "app_id", yaml_new_plain(&migration->arena, app));
		set_text(migration, map, "app_key_file",
			key != NULL ? key : secret_file(migration, host->app_key, name, "key.pem"));
	} else {
		set_text(migration, map, "token_file",
			file != NULL ? file : secret_file(migration, host->token, name, "token"));
	}
}

static void set_host(struct migration *migration, const struct host *host)
{
	const char *place = value_of(migration, host->place);
	const char *user = value_of(migration, host->user), *slug = value_of(migration, host->slug);
	struct yaml_node *map = yaml_new_map(&migration->arena), *hosts_map;
	const char *name;

	if (place == NULL)
		place = host->fallback;
	name = host_name(migration, place);
	set_text(migration, map, "kind", host->kind);
	set_text(migration, map, "url", url_of(migration, place, name));
	if (slug != NULL && user == NULL)
		user = arena_printf(&migration->arena, "%s[bot]", slug);
	set_text(migration, map, "user", user);
	set_credentials(migration, host, name, map);
	if (value_of(migration, host->secret) == NULL)
		migrate_say(migration, host->secret, FROM_NOWHERE, MIGRATE_CHANGED,
			"hosts.NAME.webhook_secret_files",
			"Atlantis takes events without a signature, sluice does not: choose a "
			"secret, and write it into the file and at the host");
	set_text(migration, map, "webhook_secret_files",
		arena_printf(&migration->arena, FOLDER "%s.webhook", name));
	yaml_set(&migration->arena, map, "repos", allowed(migration, name));
	if (migrate_is_true(migrate_value(migration, "allow-fork-prs")))
		set_text(migration, map, "forks", "plan_on_command");
	if (migrate_is_true(migrate_value(migration, "allow-draft-prs")))
		yaml_set(&migration->arena, map, "drafts",
			yaml_new_plain(&migration->arena, "true"));
	hosts_map = (struct yaml_node *)(uintptr_t)yaml_get(migration->root, "hosts");
	if (hosts_map == NULL) {
		hosts_map = yaml_new_map(&migration->arena);
		yaml_set(&migration->arena, migration->root, "hosts", hosts_map);
	}
	if (yaml_get(hosts_map, name) == NULL)
		yaml_set_key(&migration->arena, hosts_map, name, map);
}

/* A rule that no host takes. */
static void say_homeless(struct migration *migration)
{
	const char *rules = migrate_value(migration, "repo-allowlist");
	struct yaml_node *all = migrate_list(migration, rules == NULL ? "" : rules);
	const struct yaml_node *map = yaml_get(migration->root, "hosts");

	for (size_t i = 0; i < all->count; i++) {
		bool is_taken = false;

		for (size_t k = 0; map != NULL && k + 1 < map->count; k += 2)
			is_taken = is_taken ||
				   may_be_of(without_port(migration, all->items[i]->text,
						     map->items[k]->text),
					   map->items[k]->text);
		if (!is_taken)
			migrate_say(migration,
				arena_printf(&migration->arena, "repo-allowlist: %s",
					all->items[i]->text),
				FROM_NOWHERE, MIGRATE_IGNORED, "", "no host of the result has it");
	}
}

void migrate_hosts(struct migration *migration)
{
	for (size_t i = 0; i < countof(hosts); i++) {
		if (value_of(migration, hosts[i].token) != NULL ||
			value_of(migration, hosts[i].token_file) != NULL ||
			value_of(migration, hosts[i].user) != NULL ||
			value_of(migration, hosts[i].app_id) != NULL)
			set_host(migration, &hosts[i]);
	}
	say_homeless(migration);
	if (yaml_get(migration->root, "hosts") != NULL)
		yaml_set(&migration->arena, migration->root, "local",
			yaml_new_plain(&migration->arena, "false"));
}

/* ---- webhooks ---- */

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *value = yaml_get(map, key);

	return value == NULL || value->kind != YAML_SCALAR ? NULL : value->text;
}

/* Atlantis names channels without the sign in front; ids of Slack are taken as they are. */
static const char *channel_of(struct migration *migration, const struct yaml_node *webhook)
{
	const char *text = text_of(webhook, "channel");

	return str_empty(text) || server_is_channel(text)
		       ? text
		       : arena_printf(&migration->arena, "#%s", text);
}

static struct yaml_node *notification(struct migration *migration, const struct yaml_node *webhook)
{
	struct yaml_node *map = yaml_new_map(&migration->arena);
	bool is_slack = str_equal(text_of(webhook, "kind"), "slack");

	set_text(migration, map, "kind", is_slack ? "slack" : "webhook");
	set_text(migration, map, "events", text_of(webhook, "event"));
	set_text(migration, map, "channel", channel_of(migration, webhook));
	set_text(migration, map, "url", text_of(webhook, "url"));
	set_text(migration, map, "secret_file",
		is_slack ? FOLDER "slack.token" : FOLDER "webhook.key");
	set_text(migration, map, "workspaces", text_of(webhook, "workspace-regex"));
	set_text(migration, map, "branches", text_of(webhook, "branch-regex"));
	return map;
}

void migrate_notifications(struct migration *migration)
{
	const struct yaml_node *webhooks = migration->webhooks;
	struct yaml_node *list = yaml_new_list(&migration->arena);

	if (webhooks == NULL || webhooks->kind != YAML_LIST)
		return;
	for (size_t i = 0; i < webhooks->count; i++)
		yaml_add(&migration->arena, list, notification(migration, webhooks->items[i]));
	migrate_say(migration, "webhooks", FROM_CONFIG, MIGRATE_CHANGED, "notifications",
		"a webhook is signed, retried, and never holds a credential");
	yaml_set(&migration->arena, migration->root, "notifications", list);
}
