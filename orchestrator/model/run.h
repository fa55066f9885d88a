/* A run: one command on one pull request, from the request to its last word. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/model/ids.h"

/* Numbers are on disk. */
enum run_kind { RUN_PLAN = 1, RUN_APPLY = 2, RUN_IMPORT = 3, RUN_STATE_RM = 4, RUN_DRIFT = 5 };

enum run_state {
	RUN_QUEUED = 1,	   /* accepted, nothing asked for yet */
	RUN_PREPARING = 2, /* git: fetch, inspect, work tree */
	RUN_WORKING = 3,   /* its jobs wait or run */
	RUN_HOOKS = 4,	   /* the server's commands, before projects are chosen */
	RUN_DONE = 10,
	RUN_FAILED = 11,
	RUN_SUPERSEDED = 12, /* a newer head came */
	RUN_CANCELLED = 13,
	RUN_REFUSED = 14,     /* a gate said no, or there is nothing to do it with */
	RUN_INTERRUPTED = 15, /* an apply of which nobody can know how it ended */
};

struct run {
	struct run_id id;
	struct pull_id pull_id;
	enum run_kind kind;
	enum run_state state;
	const char *head;	/* what it is about; never changes */
	const char *base;	/* object id of the base that was merged in; set by prepare */
	const char *tree;	/* work tree made by prepare: an object id */
	const char *actor;	/* who asked: a login, or "sluice" for a plan by push */
	const char *comment_id; /* the comment that asked, or "" */
	const char *only_dir, *only_workspace, *only_project; /* -d -w -p, or "" */
	const char *extra_args;				      /* JSON array of strings, or "" */
	const char *prepared;	/* JSON of struct prepared without the bulky lists: who wrote the
				   commits, conflict */
	const char *failure;	/* text for people, or "" */
	const char *told;	/* a plan: model/told.h, or "" */
	const char *reason;	/* an apply by break-glass: why it could not wait, else "" */
	struct run_id plan_run; /* an apply: the plan set it applies */
	int64_t created_ms, started_ms, ended_ms;
	int64_t created_ledger; /* newest ledger row when it was created */
	int64_t ended_ledger;	/* newest ledger row when a plan became final: only later approvals
				   can count for it */
};

const char *run_kind_name(enum run_kind kind);
const char *run_state_name(enum run_state state);
bool run_state_is_final(enum run_state state);
