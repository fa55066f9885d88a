/* Every flag of Atlantis, in the order of its manual. */
#include "config/migrate.h"

#include "config/yaml_write.h"

#include <string.h>

#define NO_SUCH_HOST "sluice does not speak to this host"
#define NO_PAGES     "there is nothing behind a password: operators ask over the unix socket"
#define NO_REDIS     "the record is one SQLite database in the data folder"
#define ALWAYS_CLEAN "a comment is edited in place and older ones are hidden, always"
#define FAILS_CLOSED "sluice always does"
#define EXCEPT_INLINE                                                                              \
	"credentials stand in files: write it into the one that is named in the result"

static void take_port(
	struct migration *migration, _unused_ const struct migrate_flag *flag, const char *value)
{
	yaml_set(&migration->arena, migration->root, "listen",
		yaml_new_text(
			&migration->arena, arena_printf(&migration->arena, "0.0.0.0:%s", value)));
}

static void take_data(struct migration *migration, _unused_ const struct migrate_flag *flag,
	_unused_ const char *value)
{
	yaml_set(&migration->arena, migration->root, "data",
		yaml_new_text(&migration->arena, "/var/lib/sluice"));
}

static void take_url(
	struct migration *migration, const struct migrate_flag *flag, const char *value)
{
	size_t length = strlen(value);

	while (length > 0 && value[length - 1] == '/')
		length--;
	yaml_set(&migration->arena, migration->root, flag->key,
		yaml_new_text(&migration->arena, arena_strndup(&migration->arena, value, length)));
}

static void take_word(
	struct migration *migration, _unused_ const struct migrate_flag *flag, const char *value)
{
	struct yaml_node *words = yaml_new_list(&migration->arena);

	yaml_add(&migration->arena, words, yaml_new_text(&migration->arena, value));
	if (!str_equal(value, "sluice"))
		yaml_add(&migration->arena, words, yaml_new_text(&migration->arena, "sluice"));
	yaml_set(&migration->arena, migration->root, "commands.words", words);
}

static void take_commands(
	struct migration *migration, _unused_ const struct migrate_flag *flag, const char *value)
{
	static const char all[] = "plan,apply,unlock,cancel,version,approve_policies,import,state";
	struct yaml_node *kept = yaml_new_list(&migration->arena);
	struct yaml_node *given = migrate_list(migration, value);

	for (size_t i = 0; i < given->count; i++) {
		if (str_equal(given->items[i]->text, "all")) {
			yaml_set(&migration->arena, migration->root, "commands.allowed",
				migrate_list(migration, all));
			return;
		}
		if (!str_equal(given->items[i]->text, "autoplan") &&
			!str_equal(given->items[i]->text, "policy_check"))
			yaml_add(&migration->arena, kept, given->items[i]);
	}
	yaml_set(&migration->arena, migration->root, "commands.allowed", kept);
}

/* Relative ones were below a data folder that is no longer there. */
static void take_var_files(
	struct migration *migration, const struct migrate_flag *flag, const char *value)
{
	struct yaml_node *given = migrate_list(migration, value);
	struct yaml_node *kept = yaml_new_list(&migration->arena);

	for (size_t i = 0; i < given->count; i++) {
		if (given->items[i]->text[0] == '/')
			yaml_add(&migration->arena, kept, given->items[i]);
	}
	if (kept->count > 0)
		yaml_set(&migration->arena, migration->root, flag->key, kept);
}

static void take_version(
	struct migration *migration, const struct migrate_flag *flag, const char *value)
{
	yaml_set(&migration->arena, migration->root, flag->key,
		yaml_new_text(&migration->arena, value + (value[0] == 'v')));
}

/* What was a flag for all becomes the first entry of `repos`, so that the others still win. */
static struct yaml_node *first_rule(struct migration *migration)
{
	if (migration->first_rule == NULL) {
		migration->first_rule = yaml_new_map(&migration->arena);
		yaml_set(&migration->arena, migration->first_rule, "id",
			yaml_new_text(&migration->arena, "/.*/"));
	}
	return migration->first_rule;
}

static void take_no_locking(
	struct migration *migration, _unused_ const struct migrate_flag *flag, const char *value)
{
	if (migrate_is_true(value))
		yaml_set(&migration->arena, first_rule(migration), "repo_locks.mode",
			yaml_new_text(&migration->arena, "disabled"));
}

static void take_policy_check(
	struct migration *migration, _unused_ const struct migrate_flag *flag, const char *value)
{
	if (migrate_is_true(value))
		yaml_set(&migration->arena, first_rule(migration), "policy_check",
			yaml_new_plain(&migration->arena, "true"));
}

/* Read by migrate_hosts() and migrate_notifications() as a whole. */
static void take_later(_unused_ struct migration *migration,
	_unused_ const struct migrate_flag *flag, _unused_ const char *value)
{
}

#define KEPT(name, kind, key)                                                                      \
	{                                                                                          \
		name, kind, MIGRATE_KEPT, key, "", false, NULL                                     \
	}
#define KEPT_BY(name, kind, key, take)                                                             \
	{                                                                                          \
		name, kind, MIGRATE_KEPT, key, "", false, take                                     \
	}
#define CHANGED(name, kind, key, why)                                                              \
	{                                                                                          \
		name, kind, MIGRATE_CHANGED, key, why, false, NULL                                 \
	}
#define CHANGED_BY(name, kind, key, why, take)                                                     \
	{                                                                                          \
		name, kind, MIGRATE_CHANGED, key, why, false, take                                 \
	}
#define IGNORED(name, kind, why)                                                                   \
	{                                                                                          \
		name, kind, MIGRATE_IGNORED, "", why, false, NULL                                  \
	}
#define GUARD(name, kind, why)                                                                     \
	{                                                                                          \
		name, kind, MIGRATE_IGNORED, "", why, true, NULL                                   \
	}

const struct migrate_flag migrate_flags[] = {
	/* hosts */
	KEPT_BY("gh-hostname", FLAG_TEXT, "hosts.NAME", take_later),
	KEPT_BY("gh-user", FLAG_TEXT, "hosts.NAME.user", take_later),
	CHANGED_BY("gh-token", FLAG_SECRET, "hosts.NAME.token_file", EXCEPT_INLINE, take_later),
	KEPT_BY("gh-token-file", FLAG_TEXT, "hosts.NAME.token_file", take_later),
	KEPT_BY("gh-app-id", FLAG_INT, "hosts.NAME.app_id", take_later),
	CHANGED_BY("gh-app-key", FLAG_SECRET, "hosts.NAME.app_key_file", EXCEPT_INLINE, take_later),
	KEPT_BY("gh-app-key-file", FLAG_TEXT, "hosts.NAME.app_key_file", take_later),
	CHANGED_BY("gh-app-slug", FLAG_TEXT, "hosts.NAME.user", "it is the name of the App's user",
		take_later),
	IGNORED("gh-app-installation-id", FLAG_INT, "the installation is looked up for each owner"),
	IGNORED("gh-org", FLAG_TEXT, "only the page that makes an App needed it"),
	CHANGED_BY("gh-webhook-secret", FLAG_SECRET, "hosts.NAME.webhook_secret_files",
		EXCEPT_INLINE, take_later),
	GUARD("gh-team-allowlist", FLAG_LIST,
		"not carried over: commands are taken from people with write permission; name "
		"teams "
		"in the approvals of an environment"),
	IGNORED("gh-allow-mergeable-bypass-apply", FLAG_BOOL,
		"our own statuses never count against `mergeable`"),
	IGNORED("gitlab-hostname", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("gitlab-user", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("gitlab-token", FLAG_SECRET, NO_SUCH_HOST),
	IGNORED("gitlab-webhook-secret", FLAG_SECRET, NO_SUCH_HOST),
	IGNORED("gitlab-group-allowlist", FLAG_LIST, NO_SUCH_HOST),
	IGNORED("gitlab-status-retry-enabled", FLAG_BOOL, NO_SUCH_HOST),
	IGNORED("pending-apply-status", FLAG_BOOL, NO_SUCH_HOST),
	IGNORED("bitbucket-user", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("bitbucket-token", FLAG_SECRET, NO_SUCH_HOST),
	IGNORED("bitbucket-api-user", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("bitbucket-base-url", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("bitbucket-webhook-secret", FLAG_SECRET, NO_SUCH_HOST),
	IGNORED("azuredevops-hostname", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("azuredevops-user", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("azuredevops-token", FLAG_SECRET, NO_SUCH_HOST),
	IGNORED("azuredevops-webhook-user", FLAG_TEXT, NO_SUCH_HOST),
	IGNORED("azuredevops-webhook-password", FLAG_SECRET, NO_SUCH_HOST),
	KEPT_BY("gitea-base-url", FLAG_TEXT, "hosts.NAME.url", take_later),
	KEPT_BY("gitea-user", FLAG_TEXT, "hosts.NAME.user", take_later),
	CHANGED_BY("gitea-token", FLAG_SECRET, "hosts.NAME.token_file", EXCEPT_INLINE, take_later),
	CHANGED_BY("gitea-webhook-secret", FLAG_SECRET, "hosts.NAME.webhook_secret_files",
		EXCEPT_INLINE, take_later),
	IGNORED("gitea-page-size", FLAG_INT, "all pages are read, whatever their size"),
	IGNORED("write-git-creds", FLAG_BOOL,
		"children never see the host's credential; private modules get one of their own"),
	KEPT("vcs-status-name", FLAG_TEXT, "status_prefix"),
	IGNORED("ignore-vcs-status-names", FLAG_LIST,
		"name the contexts that count in the branch protection"),
	/* who may */
	KEPT_BY("repo-allowlist", FLAG_LIST, "hosts.NAME.repos", take_later),
	CHANGED_BY("allow-fork-prs", FLAG_BOOL, "hosts.NAME.forks",
		"a fork is planned without secrets, and only when a maintainer asks", take_later),
	IGNORED("silence-fork-pr-errors", FLAG_BOOL, "a fork is refused with one short comment"),
	IGNORED("silence-allowlist-errors", FLAG_BOOL, "other repositories get no answer at all"),
	KEPT_BY("allow-draft-prs", FLAG_BOOL, "hosts.NAME.drafts", take_later),
	IGNORED("web-basic-auth", FLAG_BOOL, NO_PAGES),
	IGNORED("web-username", FLAG_TEXT, NO_PAGES),
	IGNORED("web-password", FLAG_SECRET, NO_PAGES),
	IGNORED("api-secret", FLAG_SECRET,
		"the API is on the unix socket, for whoever may open it"),
	IGNORED("websocket-check-origin", FLAG_BOOL, "there are no web sockets"),
	GUARD("ssl-cert-file", FLAG_TEXT,
		"the server speaks plain HTTP: put a proxy with TLS in front, or listen on "
		"127.0.0.1"),
	GUARD("ssl-key-file", FLAG_TEXT,
		"the server speaks plain HTTP: put a proxy with TLS in front, or listen on "
		"127.0.0.1"),
	CHANGED_BY("slack-token", FLAG_SECRET, "notifications[].secret_file", EXCEPT_INLINE,
		take_later),
	IGNORED("webhook-http-headers", FLAG_SECRET,
		"a webhook is signed with the key in notifications[].secret_file"),
	/* behaviour */
	KEPT_BY("allow-commands", FLAG_LIST, "commands.allowed", take_commands),
	KEPT("blocked-extra-args", FLAG_LIST, "commands.blocked_args"),
	KEPT("automerge", FLAG_BOOL, "defaults.automerge"),
	KEPT("automerge-method", FLAG_TEXT, "defaults.merge_method"),
	KEPT("autodiscover-mode", FLAG_TEXT, "defaults.autodiscover.mode"),
	KEPT("autoplan-file-list", FLAG_LIST, "defaults.autoplan_files"),
	KEPT("autoplan-modules", FLAG_BOOL, "defaults.follow_modules"),
	IGNORED("autoplan-modules-from-projects", FLAG_TEXT,
		"a changed module plans its users in all projects"),
	IGNORED("checkout-strategy", FLAG_TEXT,
		"head is always merged into base before it is planned"),
	IGNORED("checkout-depth", FLAG_INT, "one mirror is kept; only what is missing is fetched"),
	KEPT("parallel-plan", FLAG_BOOL, "defaults.parallel_plan"),
	KEPT("parallel-apply", FLAG_BOOL, "defaults.parallel_apply"),
	CHANGED("parallel-pool-size", FLAG_INT, "slots", "for the whole server, not for a command"),
	KEPT("disable-apply-all", FLAG_NOT, "commands.apply_all"),
	KEPT("disable-autoplan", FLAG_NOT, "defaults.autoplan"),
	IGNORED("disable-autoplan-label", FLAG_TEXT, "labels are not looked at"),
	GUARD("disable-automerge-label", FLAG_TEXT, "labels are not looked at"),
	GUARD("disable-unlock-label", FLAG_TEXT, "labels are not looked at"),
	CHANGED_BY("disable-repo-locking", FLAG_BOOL, "repos[].repo_locks.mode",
		"the first entry of repos", take_no_locking),
	IGNORED("disable-global-apply-lock", FLAG_BOOL, "there is no such switch"),
	GUARD("discard-approval-on-plan", FLAG_BOOL,
		"not needed: an approval counts only when it is later than the plan"),
	CHANGED_BY("enable-policy-checks", FLAG_BOOL, "repos[].policy_check",
		"the first entry of repos", take_policy_check),
	IGNORED("quiet-policy-checks", FLAG_BOOL, "checks are one line of the plan's comment"),
	KEPT("enable-regexp-cmd", FLAG_BOOL, "commands.patterns"),
	IGNORED("fail-on-pre-workflow-hook-error", FLAG_BOOL, FAILS_CLOSED),
	IGNORED("include-git-untracked-files", FLAG_BOOL,
		"what hooks write is planned, but never counts as changed"),
	GUARD("restrict-file-list", FLAG_BOOL,
		"not carried over: -d and -p choose among the projects that the change selects"),
	IGNORED("skip-clone-no-changes", FLAG_BOOL, "nothing is cloned for a pull request"),
	IGNORED("silence-no-projects", FLAG_BOOL, "one short comment says that nothing is planned"),
	IGNORED("silence-vcs-status-no-plans", FLAG_BOOL,
		"a required status must turn green also when nothing is planned"),
	IGNORED("silence-vcs-status-no-projects", FLAG_BOOL,
		"a required status must turn green also when nothing is planned"),
	IGNORED("enable-drift-detection", FLAG_BOOL,
		"drift is scheduled by an environment: `drift: {schedule: ...}`"),
	IGNORED("enable-drift-remediation", FLAG_BOOL, "drift is mended by a pull request"),
	IGNORED("enable-external-stores", FLAG_BOOL, "plans are kept in the data folder"),
	KEPT_BY("repo-config", FLAG_TEXT, "repos", take_later),
	KEPT_BY("repo-config-json", FLAG_TEXT, "repos", take_later),
	CHANGED_BY("var-file-allowlist", FLAG_LIST, "commands.var_files",
		"absolute folders only: there is no folder of clones", take_var_files),
	KEPT_BY("executable-name", FLAG_TEXT, "commands.words", take_word),
	/* Terraform */
	KEPT("default-tf-distribution", FLAG_TEXT, "tool"),
	KEPT("tf-distribution", FLAG_TEXT, "tool"),
	CHANGED_BY("default-tf-version", FLAG_TEXT, "tools.version",
		"list it below tools.pinned with its checksum", take_version),
	IGNORED("tf-download", FLAG_BOOL,
		"only what is listed below tools.pinned is downloaded, and only with its checksum"),
	CHANGED_BY("tf-download-url", FLAG_TEXT, "tools.mirror",
		"for what is listed below tools.pinned", take_url),
	IGNORED("tfe-hostname", FLAG_TEXT,
		"plans run here; write a CLI configuration for the tools"),
	IGNORED("tfe-token", FLAG_SECRET,
		"plans run here; write a CLI configuration for the tools"),
	IGNORED("tfe-local-execution-mode", FLAG_BOOL, "plans always run here"),
	IGNORED("use-tf-plugin-cache", FLAG_BOOL, "providers are kept once, always"),
	/* comments */
	KEPT_BY("atlantis-url", FLAG_TEXT, "url", take_url),
	IGNORED("disable-markdown-folding", FLAG_BOOL, "folded where the host can"),
	IGNORED("enable-diff-markdown-format", FLAG_BOOL, "plans are always shown as a diff"),
	IGNORED("emoji-reaction", FLAG_TEXT, "an accepted command always gets eyes"),
	IGNORED("hide-prev-plan-comments", FLAG_BOOL, ALWAYS_CLEAN),
	IGNORED("hide-unchanged-plan-comments", FLAG_BOOL,
		"projects without changes are one line together"),
	IGNORED("markdown-template-overrides-dir", FLAG_TEXT, "comments have one form"),
	IGNORED("max-comments-per-command", FLAG_INT, ALWAYS_CLEAN),
	IGNORED("language", FLAG_TEXT, "comments are in English"),
	IGNORED("language-config-file", FLAG_TEXT, "comments are in English"),
	/* running it */
	CHANGED_BY("data-dir", FLAG_TEXT, "data",
		"a folder of its own: the two programs keep different things", take_data),
	IGNORED("share-plan-dir", FLAG_TEXT, "plans are kept in the data folder"),
	IGNORED("locking-db-type", FLAG_TEXT, NO_REDIS),
	IGNORED("redis-host", FLAG_TEXT, NO_REDIS),
	IGNORED("redis-port", FLAG_INT, NO_REDIS),
	IGNORED("redis-db", FLAG_INT, NO_REDIS),
	IGNORED("redis-username", FLAG_TEXT, NO_REDIS),
	IGNORED("redis-password", FLAG_SECRET, NO_REDIS),
	IGNORED("redis-tls-enabled", FLAG_BOOL, NO_REDIS),
	IGNORED("redis-insecure-skip-verify", FLAG_BOOL, NO_REDIS),
	IGNORED("redis-cluster-addresses", FLAG_LIST, NO_REDIS),
	KEPT_BY("port", FLAG_INT, "listen", take_port),
	IGNORED("log-level", FLAG_TEXT, "the log has one level"),
	IGNORED("stats-namespace", FLAG_TEXT, "figures are called sluice_..."),
	IGNORED("enable-profiling-api", FLAG_BOOL, "there is none"),
	KEPT_BY("config", FLAG_TEXT, "", take_later),
};

const size_t migrate_flag_count = countof(migrate_flags);
