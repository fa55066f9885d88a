/* A repository and one of its pull requests, as rows. Strings belong to the arena the record was
 * loaded into. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/model/ids.h"

struct repo {
	struct repo_id id;
	const char *host;
	const char *name;
	const char *clone_url;
};

/* Numbers are on disk. */
enum pull_state {
	PULL_OPEN = 1,
	PULL_CLOSED = 2,
	PULL_MERGED = 3,
	/* No pull request: a base branch as it stands, for runs that look for drift. Its number is
	 * below 0, its head "", and nobody can say anything to it. */
	PULL_STANDING = 4,
};

struct pull {
	struct pull_id id;
	struct repo_id repo_id;
	const char *host;
	const char *repo;
	int64_t number;
	enum pull_state state;
	const char *author;
	const char *title;
	const char *head; /* the newest that we were told of: the mailbox keeps only this one */
	const char *head_ref;
	const char *base_ref;
	const char *pusher;  /* who brought the head */
	int64_t head_ledger; /* the ledger row in which this head was first seen */
	int64_t head_seen_ms;
	bool from_fork;
	struct run_id plan_run; /* newest plan run; its jobs are the plan set. 0: none yet */
};

const char *pull_state_name(enum pull_state state);
