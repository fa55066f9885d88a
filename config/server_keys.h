/* The parts of server.yaml's table. Private to config/server_*.c; every offset is into struct
 * settings unless the table belongs to a list. */
#pragma once
#include "config/decode.h"
#include "orchestrator/model/settings.h"

#define AT(field) offsetof(struct settings, field)

/* server_words.c: what a text must look like. */
bool server_is_url(const char *text);
bool server_is_notify_url(const char *text);
bool server_is_channel(const char *text); /* of Slack */
bool server_is_address(const char *text); /* of mail */
bool server_is_visible(const char *text); /* no blank, nothing that shows nothing */
bool server_is_glob(const char *text);
bool server_is_mirror(const char *text);  /* of tools: an URL, or a folder */
bool server_is_archive(const char *text); /* a zip below it */
bool server_is_secret_place(const char *text);
bool server_is_endpoint(const char *text);
bool server_is_absolute(const char *text);
bool server_is_port(const char *text);
bool server_is_tag(const char *text);
bool server_is_regex(const char *text);
bool server_is_repo_id(const char *text);
bool server_is_repo_rule(const char *text); /* of an allow list */
bool server_is_name(const char *text);
bool server_is_variable(const char *text);
bool server_is_sha256(const char *text);
bool server_is_host(const char *text);
#define SERVER_HOST_EXPECTED "a host, perhaps with *. in front and :PORT behind"
bool server_is_path_below(const char *text); /* relative, and stays below */
#define SECRET_PLACE                                                                               \
	.is_good = server_is_secret_place,                                                         \
	.expected = "an absolute path, or the name of a systemd credential"
/* A key for a secret itself: refused, with the key that names its file. */
#define NO_SECRET(name, instead)                                                                   \
	{                                                                                          \
		name, CONFIG_OWN, .take = server_refuse_secret, .schema = "false",                 \
				  .expected = instead                                              \
	}
void server_refuse_secret(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base);
/* A guard that would not hold is not accepted in silence. */
void server_refuse_team_authz(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base);

/* server_hosts.c, server_repos.c, server_credentials.c, server_jobs.c: keys, then what only the
 * whole tells. */
extern const struct config_key server_host_keys[], server_repo_keys[], server_default_keys[],
	server_policy_keys[], server_metrics_keys[], server_credential_keys[],
	server_registry_keys[], server_pinned_keys[], server_sandbox_keys[],
	server_notification_keys[], server_team_keys[], server_check_keys[], server_command_keys[];
extern const struct config_element server_host, server_repo, server_credential, server_registry,
	server_pinned, server_notification, server_team, server_check;
void server_hosts_finish(const struct config_decoder *decoder, struct settings *settings);
void server_repos_finish(const struct config_decoder *decoder, struct settings *settings);
void server_credentials_finish(const struct config_decoder *decoder, struct settings *settings);
void server_jobs_finish(const struct config_decoder *decoder, struct settings *settings);
/* What of a host a running server cannot change. */
void server_hosts_must_stay(
	const struct settings *now, const struct settings *next, struct config_errors *errors);
/* A complaint about one element: "hosts.github.com". */
_printf_(5, 6) void server_complain(struct config_errors *errors, const struct config_place *at,
	const char *path, const char *hint, const char *format, ...);
