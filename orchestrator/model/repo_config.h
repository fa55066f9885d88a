/* The effective configuration of one pull request: server, base branch and head together, after
 * every guard was kept. Made by config/ (ports/config_reader.h), read by the engine, which never
 * sees YAML.
 *
 * Strings belong to the arena that the reader was given. Lists are never NULL-ended; a count stands
 * beside each. */
#pragma once
#include "orchestrator/model/workflow.h"

enum discover_mode { DISCOVER_AUTO = 0, DISCOVER_ENABLED, DISCOVER_DISABLED };
/* Numbers are on disk. */
enum lock_mode { LOCK_ON_PLAN = 0, LOCK_ON_APPLY = 1, LOCK_DISABLED = 2 };
enum { LOCK_MODES = 3 };

enum requirement { /* bits */
	REQUIRE_APPROVED = 1 << 0,
	REQUIRE_MERGEABLE = 1 << 1,
	REQUIRE_UNDIVERGED = 1 << 2,
	REQUIRE_POLICIES_PASSED = 1 << 3,
	/* no word of its own: `approved` among these is the host's word, as Atlantis has it */
	REQUIRE_AS_ATLANTIS = 1 << 7,
};

/* Bits: what one entry of `repos` in server.yaml says, and what of it a repository may say for
 * itself (allowed_overrides). */
enum repo_key {
	/* in the order of the words of allowed_overrides */
	REPO_WORKFLOW = 1 << 0,
	REPO_PLAN_REQUIREMENTS = 1 << 1,
	REPO_APPLY_REQUIREMENTS = 1 << 2,
	REPO_IMPORT_REQUIREMENTS = 1 << 3,
	REPO_DELETE_SOURCE_BRANCH = 1 << 4,
	REPO_LOCKING = 1 << 5, /* repo_locking, the older way to say repo_locks */
	REPO_LOCKS = 1 << 6,
	REPO_POLICY_CHECK = 1 << 7,
	REPO_CUSTOM_POLICY_CHECK = 1 << 8,
	REPO_SILENCE = 1 << 9,
	/* the server's alone */
	REPO_BRANCH = 1 << 10,
	REPO_CONFIG_FILE = 1 << 11,
	REPO_ALLOWED_WORKFLOWS = 1 << 12,
	REPO_ALLOWED_OVERRIDES = 1 << 13,
	REPO_CUSTOM_WORKFLOWS = 1 << 14,
	REPO_DISCOVER = 1 << 15,
	REPO_COMPAT = 1 << 16,
};

struct name_list {
	const char **list;
	size_t count;
};

/* ---- environments: what guards ---- */

struct people_rule { /* whose approvals count, and how many */
	int count;
	struct name_list teams, users; /* both empty: anybody with write permission */
	bool has_owners;    /* beside those who own what is changed, by CODEOWNERS of the base: each
			       line that speaks of it for itself */
	const char *source; /* where such a line stands, or NULL */
};

struct approval_rule {
	const char *name;
	struct config_place at;
	/* if: all that are given must hold; empty lists: always */
	struct name_list if_paths, if_labels, if_authors, if_plan_actions, if_resource_types,
		if_plan_has; /* words of model/plan_constructs.h */
	int if_more_than;    /* resources changed; -1: not asked */
	bool if_runs_code;   /* the plan has a provisioner, or reads from a program */
	struct people_rule require;
	struct people_rule *including; /* within the count */
	size_t including_count;
	const char *problem; /* why nobody can say whose word it needs, or NULL: it does not hold */
	unsigned exclude;    /* enum approval_exclude */
	bool binds_to_plan;
	bool from_head; /* only the pull request has it: it adds, and replaces nothing */
};

enum approval_exclude {
	EXCLUDE_AUTHOR = 1 << 0,
	EXCLUDE_COMMITTERS = 1 << 1,
	EXCLUDE_INITIATOR = 1 << 2,
	EXCLUDE_BOTS = 1 << 3,
};

struct freeze { /* no apply from each time of `cron`, for so long */
	const char *cron, *timezone, *reason;
	int64_t for_ms;
	struct config_place at;
};

struct drift_ignore { /* differences that nobody wants to hear of */
	struct config_place at;
	const char *address, *type; /* patterns, '*' is anything; "": any */
	struct name_list paths;	    /* the same over attributes; none: the whole resource */
	const char *reason, *owner;
	const char *expires; /* "2026-12-31", its last day in UTC; "": never */
};

struct drift_rule {
	const char *schedule, *timezone; /* "": no drift runs */
	int64_t spread_ms;
	int64_t catch_up_ms; /* a slot that was missed is looked at when it is not older */
	int64_t within_ms;   /* what was not looked at by then is not looked at in this slot */
	int notify_after;    /* looks in a row that must see a difference */
	struct name_list notify;
	struct name_list holidays; /* days without a look, "2026-12-25" in the time zone */
	struct drift_ignore *ignores;
	size_t ignore_count;
};

struct break_glass {		   /* who may apply in an emergency what the rules would not let */
	struct people_rule people; /* nobody named: nobody */
	bool needs_second;	   /* another of them has approved this plan */
};

struct environment {
	const char *name;
	struct config_place at;
	struct approval_rule *approvals;
	size_t approval_count;
	struct freeze *freezes;
	size_t freeze_count;
	struct break_glass break_glass;
	const char *credentials; /* profile of the server, or "" */
	struct drift_rule drift;
};

struct check_config {
	const char *name;
	struct config_place at;
	const char *threshold; /* "low", "medium", "high", "critical"; "": any finding fails */
	struct people_rule skip_needs; /* who may skip it; count 0: nobody is asked */
};

/* ---- projects ---- */

struct project_config {
	const char *name; /* "" when none was given */
	struct config_place at;
	enum config_origin origin;
	const char *dir;    /* may be a glob */
	const char *branch; /* pattern over the base branch, or "" */
	const char *workspace;
	const char *kind;	  /* "terraform", "opentofu", "kustomize", "helm", "manifests" */
	const char *tool_version; /* exact, or "" */
	const char *environment;  /* or "" */
	const char *workflow;	  /* "default", or a name in `workflows` */
	bool autoplan;
	struct name_list when_modified; /* ordered, '!' takes out */
	bool has_when_modified;
	int order_group;
	struct name_list depends_on;
	unsigned plan_requires, apply_requires, import_requires; /* enum requirement */
	enum lock_mode lock;
	bool policy_check, custom_policy_check, silence_plan, silence_apply;
	bool delete_source_branch;
	struct name_list checks, owners;
};

struct discover_rule { /* `discover:` of sluice.yaml */
	const char *kind;
	struct config_place at;
	enum config_origin origin;
	struct name_list dirs, exclude;
	const char *name, *environment; /* may hold {1} {2}: what the stars of `dirs` matched */
	const char *workflow;
};

struct repo_config {
	const char *file;	  /* the file that was read, or "" when there is none */
	const char *default_kind; /* for projects that name none */
	const char *default_workspace;

	struct project_config *projects;
	size_t project_count;
	struct project_config fallback; /* what holds for a discovered project */
	enum discover_mode discover;
	struct name_list discover_ignore; /* globs of folders */
	struct name_list autoplan_files;  /* what makes a folder a candidate; none: the default */
	struct discover_rule *discover_rules;
	size_t discover_rule_count;
	bool follow_modules; /* a changed local module plans its users */

	struct workflow *workflows; /* those that somebody uses, server and repository together */
	size_t workflow_count;
	struct environment *environments;
	size_t environment_count;
	struct check_config *checks;
	size_t check_count;
	struct hook *pre_hooks, *post_hooks;
	size_t pre_hook_count, post_hook_count;

	bool automerge, delete_source_branch, parallel_plan, parallel_apply, abort_on_failure;
	bool reads_as_atlantis; /* the server's word on `approved` */
	bool ignores_branch;	/* the server takes no pull requests into this base branch */
	struct name_list project_patterns; /* allowed_regexp_prefixes */

	/* `run` lines, env commands and hooks that only the head has: not run before somebody with
	 * write permission who wrote none of it says so. */
	struct new_command {
		const char *workflow, *stage, *command;
		struct config_place at;
	} * new_commands;
	size_t new_command_count;

	/* What of the head was not taken, and why: "environments.production.approvals: only the
	 * base branch can loosen it". Shown in the comment. */
	struct config_note {
		struct config_place at;
		const char *path, *text;
	} * notes;
	size_t note_count;
};

/* What is watched of a Terraform project that says nothing, and what makes a folder a candidate. */
extern const struct name_list default_when_modified, default_autoplan_files;
