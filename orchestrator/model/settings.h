/* What the operator decided: server.yaml as a structure, with the default of each value. Made by
 * config/, read by all. One generation is immutable; its strings live in its arena.
 *
 * A generation lives as long as somebody refers to it: the server to the newest, the engine to
 * those that its runs began with. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/repo_config.h"

enum fork_policy { FORKS_REFUSED = 0, FORKS_PLAN_ON_COMMAND };

/* A host of pull requests. Credentials are files, read when the server starts and again on reload;
 * their content never stands here. */
struct host_settings {
	const char *name;    /* in our records and in POST /events/NAME: "github.com" */
	const char *kind;    /* "github", "gitea", "forgejo" */
	const char *url;     /* of the web: "https://github.com" */
	const char *api_url; /* "https://api.github.com" */
	const char *user;    /* whose token it is: our own comments, and @NAME; "" asks the host */
	const char *token_file;
	int64_t app_id; /* 0: no App */
	const char *app_key_file;
	struct name_list webhook_secret_files; /* each is tried: rotation */
	struct name_list repos;		       /* allow list: globs over "host/owner/repo" */
	enum fork_policy forks;
	bool drafts;	       /* plan drafts without being asked */
	const char *ca_bundle; /* PEM, or "": the machine's */
	const char *proxy;     /* or "" */
};

/* One entry of `repos:`. All that match are applied in order, the last word on each key holds. */
struct repo_rule {
	const char *id; /* "host/owner/repo" or "/pattern/" */
	struct config_place at;
	unsigned given; /* enum repo_key: which of the following were said */
	const char *branch, *repo_config_file, *workflow;
	struct name_list allowed_workflows;
	unsigned allowed_overrides; /* enum repo_key */
	bool allow_custom_workflows;
	unsigned plan_requires, apply_requires, import_requires; /* enum requirement */
	struct hook *pre_hooks, *post_hooks;
	size_t pre_hook_count, post_hook_count;
	bool delete_source_branch, policy_check, custom_policy_check;
	enum lock_mode lock;
	enum discover_mode discover;
	struct name_list discover_ignore;
	bool silence_plan, silence_apply;
};

struct settings {
	int refs;
	struct arena arena;
	int64_t generation; /* 1 when the server starts, one more each time the file is read again
			     */
	char digest[65];    /* SHA-256 of the file; "" without one */

	const char *listen;	 /* "127.0.0.1:4141" */
	const char *listen_host; /* "127.0.0.1" */
	int listen_port;	 /* 4141; 0 = any free port */
	const char *data_dir;	 /* absolute */

	int slots;		   /* jobs at the same time; 0 = twice the cores */
	bool local_host;	   /* the embedded host is on */
	bool bare_commands;	   /* "apply" alone is a command too */
	const char *status_prefix; /* "sluice" */

	const char *tool; /* kind for projects that name none: "terraform" or "opentofu" */
	const char *terraform_path; /* absolute, or NULL: found in PATH at start */
	const char *tofu_path;
	const char *tool_cli_config; /* TF_CLI_CONFIG_FILE for the tools, or NULL */

	int64_t step_timeout_ms;  /* for each step of a job */
	int64_t stop_grace_ms;	  /* from SIGINT to SIGTERM and from there to SIGKILL; an apply gets
				     SIGINT only */
	int64_t output_cap_bytes; /* a step that prints more ends as its own result */
	int64_t comment_interval_ms; /* edits of one comment are at least this far apart */
	int64_t request_deadline_ms; /* HTTP: from the first byte to the last of a request */
	int64_t body_cap_bytes;	     /* HTTP: the largest webhook */
	int connections_per_peer;

	struct host_settings *hosts;
	size_t host_count;
	struct repo_rule *repo_rules;
	size_t repo_rule_count;
	struct workflow *workflows; /* the server's own */
	size_t workflow_count;
};

struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings); /* NULL is fine */
