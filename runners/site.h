/* What this machine gives to every job: where the data is, which programs, how isolated. Comes
 * once, as the first packet the launcher reads; supervisors inherit it by fork. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strvec.h"
#include <jansson.h>

struct profile;
enum { SITE_GRANTS = 8, SITE_SHOWN_MAX = 64 }; /* one for each profile */

/* What the operator gives to the sandboxes of one profile. Hosts: "host", "*.host", each with
 * ":port".
 */
struct site_grant {
	bool has_network; /* else the default of the profile holds */
	struct strvec hosts;
	struct strvec inside;	   /* the same, and their addresses need not be public */
	struct strvec read;	   /* absolute: what it sees besides what all see */
	struct strvec environment; /* the only ones of the job's secrets that it is told */
};

struct site {
	struct arena arena;
	const char *data_dir;	/* absolute */
	const char *git;	/* absolute path of sluice-git, or "" */
	const char *terraform;	/* absolute, or "" */
	const char *opentofu;	/* absolute, or "" */
	const char *conftest;	/* absolute, or "" */
	const char *kustomize;	/* absolute, or "" */
	const char *helm;	/* absolute, or "" */
	const char *cli_config; /* TF_CLI_CONFIG_FILE, or "" */
	const char *tools;	/* the folder of pinned tools, or "" */
	int tier, require;	/* of enum sandbox_tier: the best to use, the least that will do */
	bool may_overlay;
	bool may_group;		      /* make control groups */
	bool is_launcher;	      /* else it looks only, and leaves processes where they are */
	int64_t first_uid, uid_count; /* as root: users of jobs */
	struct profile
		*profiles;   /* PROFILE_COUNT, in the order of the ids: the operator's limits */
	struct strvec read;  /* absolute: what jobs see besides the system, at the same place */
	struct strvec write; /* and may write to: what the operator wrote down */
	struct site_grant grants[SITE_GRANTS]; /* in the order of the profiles */
	struct strvec providers, modules;      /* patterns of what init may bring; empty: all */
	const char *fault_spec;		       /* lib/fault.h; of tests */
	const char *fault_log;
};

_must_check_ int site_read(const json_t *json, struct site *ret, struct err *err);
const struct profile *site_profile(const struct site *site, int id); /* of enum profile_id */
const struct site_grant *site_grant(const struct site *site, int id);
/* May a sandbox of this profile be told the job's secret of this name? */
bool site_tells(const struct site *site, int id, const char *name, size_t length);
/* A path that a sandbox may show: it neither holds the data folder nor lies in it. */
_must_check_ int site_may_show(const struct site *site, const char *path, struct err *err);
void site_release(struct site *site);
