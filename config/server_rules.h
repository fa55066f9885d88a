/* What the server says about one repository: its rules in order, the last word on each key. Pure.
 */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"

struct server_rules {
	unsigned allowed_overrides; /* enum repo_key */
	bool allow_custom_workflows;
	const char *workflow; /* for projects that name none */
	struct name_list allowed_workflows;
	unsigned plan_requires, apply_requires, import_requires; /* enum requirement */
	bool delete_source_branch, policy_check, custom_policy_check, silence_plan, silence_apply;
	enum compat compat;
	enum lock_mode lock;
	bool has_discover; /* the repository has no say */
	enum discover_mode discover;
	struct name_list discover_ignore;
	const char *config_file;	     /* NULL: the usual names */
	const char *branch;		     /* "/pattern/", or NULL: any */
	struct hook *pre_hooks, *post_hooks; /* of all rules that match, in order */
	size_t pre_hook_count, post_hook_count;
};

_must_check_ int server_rules_for(const struct settings *settings, const char *host,
	const char *repo, struct arena *arena, struct server_rules *ret, struct err *err);
/* "/pattern/" is searched for, any other text must be equal. */
_must_check_ int server_rules_match(
	const char *pattern, const char *text, bool *ret_matches, struct err *err);
