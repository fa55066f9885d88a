/* What the operator decided: server.yaml as a structure, with the default of each value. Made by
 * config/, read by all. One generation is immutable; its strings live in its arena.
 *
 * A generation lives as long as somebody refers to it: the server to the newest, the engine to
 * those that its runs began with. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/repo_config.h"

enum host_given { HOST_WEBHOOK_SECRETS = 1, HOST_REPOS = 2 };
enum fork_policy { FORKS_REFUSED = 0, FORKS_PLAN_ON_COMMAND };

/* A host of pull requests. Credentials are files, read when the server starts and again on reload;
 * their content never stands here. A file is an absolute path, or the name of a credential that
 * systemd hands to the service. */
struct host_settings {
	const char *name; /* in our records and in POST /events/NAME: "github.com" */
	struct config_place at;
	unsigned given;	     /* enum host_given: an empty list is not a missing one */
	const char *kind;    /* "github", "gitea", "forgejo" */
	const char *url;     /* of the web: "https://github.com" */
	const char *api_url; /* "https://api.github.com" */
	const char *user;    /* whose token it is: our own comments, and @NAME; "" asks the host */
	const char *token_file;
	int app_id; /* 0: no App */
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
	enum compat { COMPAT_NONE = 0, COMPAT_ATLANTIS } compat;
	enum lock_mode lock;
	enum discover_mode discover;
	struct name_list discover_ignore;
	bool silence_plan, silence_apply;
	unsigned silence;  /* as written: bits of plan, apply */
	bool repo_locking; /* as written: the older way to say lock */
};

/* What holds where neither a repo_rule nor the repository says anything. */
struct repo_defaults {
	bool autoplan, automerge, parallel_plan, parallel_apply, follow_modules;
	const char *merge_method; /* "merge", "rebase", "squash"; "": as the host does it */
	enum discover_mode discover;
	struct name_list discover_ignore;
	struct name_list autoplan_files; /* empty: the list of the manual */
};

struct command_settings {
	struct name_list words;	  /* the first word of a comment; the first is the one we write */
	struct name_list allowed; /* empty: all but import and state */
	struct name_list blocked_args;
	struct name_list var_files; /* folders of -var-file */
	bool apply_all;		    /* a bare "apply" is taken */
	bool patterns;		    /* -p may be a regular expression */
};

/* ---- policies, with the words of Atlantis ---- */

struct owners {
	struct name_list users, teams;
};

struct policy_set {
	const char *name, *path;
	struct config_place at;
	struct owners owners;
	int approve_count; /* the set's own, or that of all */
	bool sticky, prevent_self_approve;
	const char *item_regex;
};

struct policies {
	const char *conftest_version; /* or "" */
	struct owners owners;
	int approve_count;
	bool sticky;
	const char *item_regex;
	struct policy_set *sets;
	size_t set_count;
};

struct check_program { /* a check that projects may name */
	const char *name;
	struct config_place at;
	const char *kind; /* what it prints: "checkov", "sarif", "cost" */
	struct name_list command, read;
};

struct metrics_settings {
	const char *statsd_host, *statsd_port; /* "": none */
	struct name_list statsd_tags;	       /* "name:value" */
	int64_t statsd_every_ms;
	const char *prometheus_path; /* "/metrics" */
};

/* ---- what jobs get ---- */

struct credential_variable { /* of the environment; exactly one of value and file */
	const char *name, *value, *file;
	struct config_place at;
};

/* A token that says who a job is, signed by us, which a cloud takes instead of a secret. */
struct credential_identity {
	const char *kind; /* "aws", "gcp", "azure", "token"; NULL: none */
	const char *audience;
	const char *role;	     /* aws: its ARN; gcp: the service account, or "" */
	const char *provider;	     /* gcp: projects/.../providers/NAME */
	const char *client, *tenant; /* azure */
	int64_t lifetime_ms;
};

struct credential_use {
	struct credential_variable *variables;
	size_t variable_count;
	struct name_list command; /* argv; prints lines NAME=VALUE, or JSON */
	struct credential_identity identity;
};

struct credential_profile { /* `credentials` of an environment names it */
	const char *name;
	struct config_place at;
	struct name_list repos; /* who may name it: globs over "host/owner/repo" */
	struct credential_use plan, apply;
};

/* Where modules and providers come from that not everybody may read. */
struct registry {
	const char *host; /* perhaps with :PORT */
	struct config_place at;
	const char *user, *token_file; /* of basic authentication; the token alone for a registry */
	const char *ca_bundle;	       /* or "": the machine's */
	struct name_list repos;	       /* whose jobs may ask there with it */
};

struct pinned_tool { /* a version that a project may ask for */
	const char *kind, *version, *sha256;
	const char *archive; /* the zip below the mirror that holds it; "": the program itself */
	struct config_place at;
};

struct sandbox_override { /* zero, NULL or empty: as the profile has it */
	const char *profile;
	struct config_place at;
	struct name_list hosts;	      /* that the job's proxy lets through */
	struct name_list inside;      /* the same, where the address is not a public one */
	struct name_list environment; /* the only ones of the job's secrets that it is told */
	struct name_list read;	      /* folders that it may read */
	int64_t memory_bytes, disk_bytes, output_bytes, wall_ms;
	int processes;
};

struct sandbox_settings {
	const char *mode;		     /* "full", "landlock", "none" */
	const char *require;		     /* the least that must work: "full", "landlock" */
	const char *accept_unsandboxed;	     /* the name of this machine, typed in; or "" */
	struct name_list read, write;	     /* paths that all jobs see, and may write to */
	struct name_list providers, modules; /* where init may take them from; empty: anywhere */
	int first_uid, uids;		     /* users of jobs, when the server is root */
	struct sandbox_override *overrides;
	size_t override_count;
};

/* ---- people ---- */

enum notify_event { /* bits */
	NOTIFY_PLAN = 1 << 0,
	NOTIFY_APPLY = 1 << 1,
	NOTIFY_FAILURE = 1 << 2,
	NOTIFY_DRIFT = 1 << 3,
};

struct notification {
	const char *kind; /* "slack", "webhook", "mail", "ping" */
	const char *name; /* by which a repository says where its drift is told: KIND:NAME; or "" */
	struct config_place at;
	unsigned events; /* enum notify_event */
	const char *channel, *url, *url_file, *secret_file;
	const char *from, *user; /* mail */
	struct name_list to;
	bool starttls;
	const char *workspaces, *branches;		 /* regular expressions; "": all */
	struct name_list environments, projects, owners; /* globs, globs, names; empty: all */
	const char *digest, *timezone;			 /* a line of cron, "": no digest */
};

struct team {
	const char *name;
	struct config_place at;
	struct name_list members;
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
	const char *url;	   /* where people and clouds reach us; or "" */
	struct command_settings commands;

	const char *tool; /* kind for projects that name none: "terraform" or "opentofu" */
	const char *terraform_path; /* absolute, or NULL: found in PATH at start */
	const char *tofu_path;
	const char *conftest_path;
	const char *kustomize_path;
	const char *helm_path;
	const char *tool_cli_config; /* TF_CLI_CONFIG_FILE for the tools, or NULL */
	const char *tool_folder;     /* of pinned tools, called KIND-VERSION; or NULL */
	const char *tool_mirror;     /* where a pinned tool that is not there comes from; or "" */
	const char *tool_version;    /* for projects that name none; or "" */
	struct pinned_tool *pinned_tools;
	size_t pinned_tool_count;

	int64_t step_timeout_ms;  /* for each step of a job */
	int64_t plan_expires_ms;  /* an older plan is not applied; 0: never too old */
	int64_t lock_expires_ms;  /* and keeps no lock any more, when it is so old; 0: never */
	int64_t stop_grace_ms;	  /* from SIGINT to SIGTERM and from there to SIGKILL; an apply gets
				     SIGINT only */
	int64_t output_cap_bytes; /* a step that prints more ends as its own result */
	/* What is kept on disk, and how often the broom goes through it */
	int64_t sweep_every_ms;
	int64_t keep_leftovers_ms; /* what no row needs: plans, work trees, job directories */
	int64_t keep_init_ms;	   /* what init made, since it was last used */
	int64_t keep_logs_ms;	   /* logs, and the directories of interrupted jobs */
	int64_t keep_events_ms;	   /* that an event was handled: a repeat of it is recognised */

	int64_t comment_interval_ms; /* edits of one comment are at least this far apart */
	int64_t request_deadline_ms; /* HTTP: from the first byte to the last of a request */
	int64_t body_cap_bytes;	     /* HTTP: the largest webhook */
	int connections_per_peer;

	struct host_settings *hosts;
	size_t host_count;
	struct config_note
		*notes; /* of the file: keys that are not in force, each with its place */
	size_t note_count;
	struct repo_rule *repo_rules;
	size_t repo_rule_count;
	struct repo_defaults defaults;
	struct workflow *workflows; /* the server's own */
	size_t workflow_count;
	struct policies policies;
	struct check_program *checks;
	size_t check_count;
	struct metrics_settings metrics;
	struct credential_profile *credentials;
	size_t credential_count;
	struct registry *registries;
	size_t registry_count;
	struct sandbox_settings sandbox;
	struct notification *notifications;
	size_t notification_count;
	struct team *teams;
	size_t team_count;
};

struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings); /* NULL is fine */
/* May people write this command at all? `verb` is its first word. */
bool settings_allow(const struct settings *settings, const char *verb);
/* The pinned tool of that kind and exact version, or NULL. */
enum { WIDER_MAX = 16 };
/* Where the operator made the sandbox wider than the program has it, as people read it: "KEY:
 * VALUE". Returns how many there are, at most `most`. */
size_t settings_wider(
	const struct sandbox_settings *sandbox, struct arena *arena, const char **ret, size_t most);
const struct pinned_tool *settings_tool(
	const struct settings *settings, const char *kind, const char *version);
const struct credential_profile *settings_credentials(
	const struct settings *settings, const char *name); /* NULL: there is none */
/* May jobs of this repository use it? `repos` are the globs of a profile or a registry. */
bool settings_serve_repo(const struct name_list *repos, const char *host, const char *repo);
/* Does any profile say who its jobs are? */
bool settings_use_identities(const struct settings *settings);
