/* What a host told us, after translation. Strings belong to the arena that the parser was given. */
#pragma once
#include "orchestrator/lib/base.h"

/* Numbers are on disk (ledger). */
enum vcs_event_kind {
	VCS_IGNORED = 0, /* understood, of no interest; ignored_why says it */
	VCS_PULL_OPENED = 1,
	VCS_PULL_PUSHED = 2, /* a new head */
	VCS_PULL_REOPENED = 3,
	VCS_PULL_CLOSED = 4,
	VCS_PULL_MERGED = 5,
	VCS_COMMENT = 6, /* newly created only; never an edit */
	VCS_APPROVED = 7,
	VCS_CHANGES_REQUESTED = 8,
	VCS_REVIEW_DISMISSED = 9,
	VCS_PING = 10,
	VCS_PULL_READY = 11,	  /* a draft became ready for review */
	VCS_PULL_RETARGETED = 12, /* another base branch */
	VCS_RERUN = 13,		  /* somebody pressed the host's button to plan again */
	VCS_MERGE_GROUP = 14,	  /* a queue made a commit of the pull, and waits for our checks */
	VCS_EVENT_KIND_MAX
};

struct vcs_event {
	enum vcs_event_kind kind;
	const char *ignored_why;

	const char *host; /* name of the host in our configuration: "local" */
	const char *repo; /* "team/infra" */
	const char *clone_url;
	int64_t number;

	const char *actor; /* who did it */
	bool actor_is_bot;
	bool actor_may_write; /* the host's word on the actor's permission in this repository */

	/* of the pull request, as the host described it */
	const char *author;
	const char *title;
	const char *head; /* object id */
	const char *head_ref;
	const char *base_ref;
	const char *branch; /* that `head` is the tip of, for the host alone; or "" */
	const char *pusher; /* who brought `head`, where the host says so; or "". Of VCS_PULL_PUSHED
			       it is the actor */
	bool from_fork;
	bool is_draft;

	/* What came in does not say whether the actor may write, and a comment says nothing of the
	 * head: the host must be asked (HOST_COMPLETE) before this event may change anything. */
	bool is_partial;
	bool is_closed;		/* of an answer: the pull request is not open, */
	bool is_merged;		/* but merged */
	const char *group_head; /* VCS_MERGE_GROUP: the queue's commit */

	/* of a comment or review */
	const char *comment_id;
	const char *body;
	int64_t at_ms;		 /* when, by the host's clock; 0: it does not say */
	const char *review_head; /* the commit that the host says was reviewed; can only veto */
};

/* Who moved a branch while nobody looked; no person can have this name. */
#define VCS_SOMEBODY "(unknown)"

const char *vcs_event_kind_name(enum vcs_event_kind kind);
